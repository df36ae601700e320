-- The studio as the OpenID provider of a JupyterHub.

-- A sign-in at the Hub: first a code, then the one token the code is worth. Secrets are kept as their SHA-256.
create table grants (
    code_hash text not null primary key,
    client text not null,
    redirect_uri text not null,
    -- Of PKCE, S256.
    challenge text not null,
    nonce text,
    -- `openid hub profile`
    scope text not null,
    user_id text not null references users (id),
    -- Neither code nor token is worth anything once this sign-in is over.
    session_id text not null references sessions (id) on delete cascade,
    signed_in_at bigint not null,
    made_at bigint not null,
    expires_at bigint not null,
    -- A code is brought once; who brings it again ends the token too.
    brought_at bigint,
    token_hash text unique,
    token_expires_at bigint,
    ended_at bigint
);
create index grants_of_user on grants (user_id);
create index grants_of_session on grants (session_id);

-- Keys of ID tokens, P-256.
create table signing_keys (
    -- Its thumbprint.
    id text not null primary key,
    -- 1 for the one that signs, so that there are never two; null for those before it.
    place bigint unique,
    -- PKCS #8 in base64url; emptied when another one signs.
    private_key text not null,
    x text not null,
    y text not null,
    made_at bigint not null,
    retired_at bigint
);
