//! Sign-ins at the Hub, and the keys they are signed with.

use datalayer::{SessionId, Timestamp, User, UserId};

use crate::accounts::{stored, stored_user};
use crate::audit::audit;
use crate::{Audit, Db, Error, Result};

/// A code to keep.
#[derive(Clone)]
pub struct NewGrant {
    /// SHA-256 (hex) of the code.
    pub code_hash: String,
    pub user: UserId,
    /// The sign-in it comes from, and ends with.
    pub session: SessionId,
    pub terms: GrantTerms,
    pub at: Timestamp,
    pub expires_at: Timestamp,
}

/// What a code is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantTerms {
    pub client: String,
    pub redirect_uri: String,
    /// Of PKCE, S256.
    pub challenge: String,
    pub nonce: Option<String>,
    pub scope: String,
    /// When the person gave their password.
    pub signed_in_at: Timestamp,
}

/// A code or a token, whatever has become of it, with its person and their sign-in. Whether it still counts is for the caller to judge.
#[derive(Clone, Debug)]
pub struct FoundGrant {
    pub user: User,
    pub session: SessionId,
    pub session_seen_at: Timestamp,
    pub session_expires_at: Timestamp,
    pub session_ended_at: Option<Timestamp>,
    pub terms: GrantTerms,
    pub expires_at: Timestamp,
    pub token_expires_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// What is found when a code is brought.
#[derive(Clone, Debug)]
pub enum Brought {
    /// For the first time; it is used up now.
    First(Box<FoundGrant>),
    Again(Box<FoundGrant>),
    Unknown,
}

/// A key of ID tokens. `private` is empty for one that signs no more.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKeyFacts {
    /// Its thumbprint.
    pub id: String,
    /// PKCS #8, in base64url.
    pub private: String,
    pub x: String,
    pub y: String,
    pub made_at: Timestamp,
    pub retired_at: Option<Timestamp>,
}

/// Ends what a person's sign-ins gave the Hub.
macro_rules! end_grants {
    ($tx:ident, $user:expr, $at:expr) => {
        sqlx::query("update grants set ended_at = $1 where user_id = $2 and ended_at is null")
            .bind($at)
            .bind($user)
            .execute(&mut *$tx)
            .await?
    };
}
pub(crate) use end_grants;

/// A grant with its person and sign-in, found by one column.
macro_rules! find_grant {
    ($executor:expr, $column:literal, $hash:expr) => {{
        use sqlx::Row as _;
        let row = sqlx::query(concat!(
            "select g.client, g.redirect_uri, g.challenge, g.nonce, g.scope, g.signed_in_at,
                    g.expires_at, g.token_expires_at, g.ended_at,
                    s.id, s.seen_at, s.expires_at, s.ended_at,
                    u.id, u.username, u.name, u.administrator, u.created_at, u.disabled_at
             from grants g join sessions s on s.id = g.session_id join users u on u.id = g.user_id
             where g.",
            $column,
            " = $1"
        ))
        .bind($hash)
        .fetch_optional($executor)
        .await?;
        row.map(|row| -> Result<FoundGrant> {
            let ended = |at: Option<i64>| at.map(Timestamp);
            Ok(FoundGrant {
                terms: GrantTerms {
                    client: row.try_get(0)?,
                    redirect_uri: row.try_get(1)?,
                    challenge: row.try_get(2)?,
                    nonce: row.try_get(3)?,
                    scope: row.try_get(4)?,
                    signed_in_at: Timestamp(row.try_get(5)?),
                },
                expires_at: Timestamp(row.try_get(6)?),
                token_expires_at: ended(row.try_get(7)?),
                ended_at: ended(row.try_get(8)?),
                session: stored::<SessionId>(row.try_get::<String, _>(9)?)?,
                session_seen_at: Timestamp(row.try_get(10)?),
                session_expires_at: Timestamp(row.try_get(11)?),
                session_ended_at: ended(row.try_get(12)?),
                user: stored_user((
                    row.try_get(13)?,
                    row.try_get(14)?,
                    row.try_get(15)?,
                    String::new(),
                    row.try_get(16)?,
                    row.try_get(17)?,
                    row.try_get(18)?,
                ))?
                .user,
            })
        })
        .transpose()?
    }};
}

impl Db {
    /// `false`: the sign-in is over.
    pub async fn add_grant(&self, grant: &NewGrant) -> Result<bool> {
        let NewGrant { terms, .. } = grant;
        let added = change!(self, tx => {
            sqlx::query(
                "insert into grants (code_hash, client, redirect_uri, challenge, nonce, scope, user_id, session_id,
                                     signed_in_at, made_at, expires_at)
                 select $1, $2, $3, $4, $5, $6, u.id, s.id, $7, $8, $9
                 from sessions s join users u on u.id = s.user_id
                 where s.id = $10 and u.id = $11 and s.ended_at is null and u.disabled_at is null",
            )
            .bind(&grant.code_hash)
            .bind(&terms.client)
            .bind(&terms.redirect_uri)
            .bind(&terms.challenge)
            .bind(&terms.nonce)
            .bind(&terms.scope)
            .bind(terms.signed_in_at.0)
            .bind(grant.at.0)
            .bind(grant.expires_at.0)
            .bind(grant.session.as_str())
            .bind(grant.user.as_str())
            .execute(&mut *tx)
            .await?
            .rows_affected()
        });
        Ok(added == 1)
    }

    /// Uses a code up, once whoever asks.
    pub async fn bring_code(&self, code_hash: &str, at: Timestamp) -> Result<Brought> {
        Ok(change!(self, tx => {
            let first = sqlx::query("update grants set brought_at = $1 where code_hash = $2 and brought_at is null")
                .bind(at.0)
                .bind(code_hash)
                .execute(&mut *tx)
                .await?
                .rows_affected()
                == 1;
            match find_grant!(&mut *tx, "code_hash", code_hash) {
                Some(found) if first => Brought::First(Box::new(found)),
                Some(found) => Brought::Again(Box::new(found)),
                None => Brought::Unknown,
            }
        }))
    }

    /// Ends a code and the token it was worth.
    pub async fn end_grant(&self, code_hash: &str, at: Timestamp, entry: &Audit) -> Result<()> {
        change!(self, tx => {
            sqlx::query("update grants set ended_at = $1 where code_hash = $2 and ended_at is null")
                .bind(at.0)
                .bind(code_hash)
                .execute(&mut *tx)
                .await?;
            audit!(tx, entry);
        });
        Ok(())
    }

    /// Keeps the one token of a code that was brought. `false`: the code was ended meanwhile.
    pub async fn give_token(
        &self,
        code_hash: &str,
        token_hash: &str,
        expires_at: Timestamp,
        entry: &Audit,
    ) -> Result<bool> {
        change!(self, tx => {
            let given = sqlx::query(
                "update grants set token_hash = $1, token_expires_at = $2
                 where code_hash = $3 and brought_at is not null and token_hash is null and ended_at is null",
            )
            .bind(token_hash)
            .bind(expires_at.0)
            .bind(code_hash)
            .execute(&mut *tx)
            .await?;
            if given.rows_affected() == 0 {
                return Ok(false);
            }
            audit!(tx, entry);
        });
        Ok(true)
    }

    pub async fn grant_by_token(&self, token_hash: &str) -> Result<Option<FoundGrant>> {
        Ok(on!(self, pool => find_grant!(pool, "token_hash", token_hash)))
    }

    /// When this sign-in began, if nobody has ended it.
    pub async fn signed_in_at(&self, session: &SessionId) -> Result<Option<Timestamp>> {
        let at: Option<i64> = on!(self, pool => {
            sqlx::query_scalar("select created_at from sessions where id = $1 and ended_at is null")
                .bind(session.as_str())
                .fetch_optional(pool)
                .await?
        });
        Ok(at.map(Timestamp))
    }

    /// Deletes codes made before a moment, with their tokens.
    pub async fn forget_grants(&self, before: Timestamp) -> Result<u64> {
        Ok(change!(self, tx => {
            sqlx::query("delete from grants where made_at < $1")
                .bind(before.0)
                .execute(&mut *tx)
                .await?
                .rows_affected()
        }))
    }

    /// All that are kept, the newest first: the one that signs, then those before it.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyFacts>> {
        type Row = (String, String, String, String, i64, Option<i64>);
        let rows: Vec<Row> = on!(self, pool => {
            sqlx::query_as(
                "select id, private_key, x, y, made_at, retired_at from signing_keys
                 order by case when place is null then 1 else 0 end, made_at desc, id",
            )
            .fetch_all(pool)
            .await?
        });
        let key = |(id, private, x, y, made_at, retired_at): Row| SigningKeyFacts {
            id,
            private,
            x,
            y,
            made_at: Timestamp(made_at),
            retired_at: retired_at.map(Timestamp),
        };
        Ok(rows.into_iter().map(key).collect())
    }

    /// Lets another key sign, in the place of `old` or as the first. `false`: someone else was faster.
    pub async fn replace_signing_key(
        &self,
        old: Option<&str>,
        new: &SigningKeyFacts,
        entry: &Audit,
    ) -> Result<bool> {
        let replaced: Result<bool> = async {
            Ok(change!(self, tx => {
                if let Some(old) = old {
                    let retired = sqlx::query(
                        "update signing_keys set place = null, private_key = '', retired_at = $1 where id = $2 and place = 1",
                    )
                    .bind(new.made_at.0)
                    .bind(old)
                    .execute(&mut *tx)
                    .await?;
                    if retired.rows_affected() == 0 {
                        return Ok(false);
                    }
                }
                sqlx::query(
                    "insert into signing_keys (id, place, private_key, x, y, made_at, retired_at)
                     values ($1, 1, $2, $3, $4, $5, null)",
                )
                .bind(&new.id)
                .bind(&new.private)
                .bind(&new.x)
                .bind(&new.y)
                .bind(new.made_at.0)
                .execute(&mut *tx)
                .await?;
                audit!(tx, entry);
                true
            }))
        }
        .await;
        match replaced {
            Err(Error::Taken) => Ok(false),
            answer => answer,
        }
    }

    /// Deletes keys that were retired before a moment.
    pub async fn forget_signing_keys(&self, before: Timestamp) -> Result<u64> {
        Ok(change!(self, tx => {
            sqlx::query("delete from signing_keys where retired_at < $1")
                .bind(before.0)
                .execute(&mut *tx)
                .await?
                .rows_affected()
        }))
    }
}
