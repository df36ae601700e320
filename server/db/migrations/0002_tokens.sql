-- Personal tokens: programs that act for a person.

create table tokens (
    id text not null primary key,
    user_id text not null references users (id),
    name text not null,
    -- The first characters of the secret, shown in lists.
    hint text not null,
    -- SHA-256 of the whole token; the token itself is kept nowhere.
    secret_hash text not null unique,
    -- `read,write,run,admin`
    scopes text not null,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint,
    ended_at bigint
);
create index tokens_of_user on tokens (user_id, created_at);
create index tokens_ended on tokens (ended_at);
