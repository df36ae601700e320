-- One text for SQLite and Postgres: text, bigint, double precision and boolean only.
-- Ids are prefixed ULIDs, times are microseconds since 1970, JSON is text. Bytes never live here: they go to storage.

create table users (
    id text not null primary key,
    username text not null unique,
    name text not null,
    -- PHC string of argon2id.
    password text not null,
    administrator boolean not null,
    created_at bigint not null,
    disabled_at bigint
);

create table sessions (
    id text not null primary key,
    user_id text not null references users (id),
    -- SHA-256 of the cookie's secret; the secret itself is kept nowhere.
    secret_hash text not null unique,
    agent text not null,
    created_at bigint not null,
    seen_at bigint not null,
    expires_at bigint not null,
    ended_at bigint
);
create index sessions_of_user on sessions (user_id, created_at);
create index sessions_ended on sessions (ended_at);

-- At most one row: the one-time link for the first administrator.
create table setup (
    id bigint not null primary key,
    token_hash text not null,
    minted_at bigint not null
);

create table spaces (
    id text not null primary key,
    name text not null,
    -- The name as lists sort it.
    name_key text not null,
    description text not null,
    created_at bigint not null,
    -- Written by every change of members, so that two changes of one space wait for each other.
    changed_at bigint not null,
    archived_at bigint
);

create table members (
    space_id text not null references spaces (id),
    user_id text not null references users (id),
    role text not null,
    added_at bigint not null,
    primary key (space_id, user_id)
);
create index members_of_user on members (user_id);

create table notebooks (
    id text not null primary key,
    space_id text not null references spaces (id),
    title text not null,
    -- Kernelspec chosen for it; empty for the default.
    kernel text not null,
    created_at bigint not null,
    edited_at bigint not null,
    edited_by text not null references users (id),
    archived_at bigint,
    -- Of the last batch in the log. An append names the one it stands on, so that two writers never both succeed.
    revision bigint not null,
    -- Of the last run event, in the same way.
    run_sequence bigint not null,
    -- SHA-256 of the imported file, as it came.
    original text
);
create index notebooks_of_space on notebooks (space_id, edited_at);

-- The log of documents, one row per revision. It is the truth; snapshots only shorten its replay.
create table batches (
    notebook_id text not null references notebooks (id),
    revision bigint not null,
    client text not null,
    sequence bigint not null,
    operations text not null,
    author_id text not null,
    author_name text not null,
    at bigint not null,
    primary key (notebook_id, revision),
    unique (notebook_id, client, sequence)
);

create table snapshots (
    notebook_id text not null references notebooks (id),
    revision bigint not null,
    document text not null,
    at bigint not null,
    primary key (notebook_id, revision)
);

-- The highest sequence of every client that ever wrote in a notebook.
create table writers (
    notebook_id text not null references notebooks (id),
    client text not null,
    sequence bigint not null,
    primary key (notebook_id, client)
);

create table run_events (
    notebook_id text not null references notebooks (id),
    sequence bigint not null,
    event text not null,
    primary key (notebook_id, sequence)
);

create table run_folds (
    notebook_id text not null references notebooks (id) primary key,
    sequence bigint not null,
    fold text not null
);

-- How far each kernel's spool has been taken into run_events.
create table spool_marks (
    kernel text not null primary key,
    spool_offset bigint not null
);

-- Which blobs a notebook refers to: 'output' (an output's bytes) or 'original' (the imported file).
create table notebook_blobs (
    notebook_id text not null references notebooks (id),
    hash text not null,
    purpose text not null,
    media_type text not null,
    bytes bigint not null,
    added_at bigint not null,
    primary key (notebook_id, hash, purpose)
);
create index notebook_blobs_by_hash on notebook_blobs (hash);

-- Append-only.
create table audit (
    id text not null primary key,
    at bigint not null,
    -- User id, 'operator' for the command line, 'nobody' before a sign-in.
    actor text not null,
    action text not null,
    object text not null,
    detail text not null
);
create index audit_by_time on audit (at);
