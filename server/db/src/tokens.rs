//! Personal tokens.

use datalayer::{Scopes, Timestamp, TokenId, TokenInfo, User, UserId};

use crate::accounts::{stored, stored_user};
use crate::audit::audit;
use crate::{Audit, Db, Result};

/// A token to keep.
#[derive(Clone)]
pub struct NewTokenFacts {
    pub info: TokenInfo,
    pub user: UserId,
    /// SHA-256 (hex) of the token.
    pub secret_hash: String,
}

/// A token, whatever has become of it, with whoever it belongs to. Whether it still counts is for the caller to judge.
#[derive(Clone, Debug)]
pub struct FoundToken {
    pub id: TokenId,
    pub user: User,
    pub secret_hash: String,
    pub scopes: Scopes,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// Ends the tokens of a person; their ids.
macro_rules! end_tokens {
    ($tx:ident, $user:expr, $at:expr) => {
        sqlx::query_scalar::<_, String>(
            "update tokens set ended_at = $1 where user_id = $2 and ended_at is null returning id",
        )
        .bind($at)
        .bind($user)
        .fetch_all(&mut *$tx)
        .await?
    };
}
pub(crate) use end_tokens;

impl Db {
    /// `false`: the person has `most` tokens that still count.
    pub async fn add_token(&self, token: &NewTokenFacts, most: i64, entry: &Audit) -> Result<bool> {
        let info = &token.info;
        change!(self, tx => {
            // Locks the person's row, so that two tokens made at once are both counted.
            sqlx::query("update users set name = name where id = $1").bind(token.user.as_str()).execute(&mut *tx).await?;
            let count: i64 = sqlx::query_scalar(
                "select count(*) from tokens where user_id = $1 and ended_at is null and expires_at > $2",
            )
            .bind(token.user.as_str())
            .bind(info.created_at.0)
            .fetch_one(&mut *tx)
            .await?;
            if count >= most {
                return Ok(false);
            }
            sqlx::query(
                "insert into tokens (id, user_id, name, hint, secret_hash, scopes, created_at, expires_at, used_at, ended_at)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, null, null)",
            )
            .bind(info.id.as_str())
            .bind(token.user.as_str())
            .bind(&info.name)
            .bind(&info.hint)
            .bind(&token.secret_hash)
            .bind(info.scopes.to_string())
            .bind(info.created_at.0)
            .bind(info.expires_at.0)
            .execute(&mut *tx)
            .await?;
            audit!(tx, entry);
        });
        Ok(true)
    }

    /// Tokens of a person that were not ended, the newest first.
    pub async fn tokens_of(&self, user: &UserId) -> Result<Vec<TokenInfo>> {
        type Row = (String, String, String, String, i64, i64, Option<i64>);
        let rows: Vec<Row> = on!(self, pool => {
            sqlx::query_as(
                "select id, name, hint, scopes, created_at, expires_at, used_at from tokens
                 where user_id = $1 and ended_at is null order by created_at desc, id desc limit 200",
            )
            .bind(user.as_str())
            .fetch_all(pool)
            .await?
        });
        rows.into_iter()
            .map(
                |(id, name, hint, scopes, created_at, expires_at, used_at)| {
                    Ok(TokenInfo {
                        id: stored(id)?,
                        name,
                        hint,
                        scopes: stored(scopes)?,
                        created_at: Timestamp(created_at),
                        expires_at: Timestamp(expires_at),
                        used_at: used_at.map(Timestamp),
                    })
                },
            )
            .collect()
    }

    pub async fn token_by_secret(&self, secret_hash: &str) -> Result<Option<FoundToken>> {
        type Row = (
            (String, String, String, i64, Option<i64>, Option<i64>),
            (String, String, String, bool, i64, Option<i64>),
        );
        let row = on!(self, pool => {
            use sqlx::Row as _;
            let row = sqlx::query(
                "select t.id, t.secret_hash, t.scopes, t.expires_at, t.used_at, t.ended_at,
                        u.id, u.username, u.name, u.administrator, u.created_at, u.disabled_at
                 from tokens t join users u on u.id = t.user_id
                 where t.secret_hash = $1",
            )
            .bind(secret_hash)
            .fetch_optional(pool)
            .await?;
            row.map(|row| -> Result<Row> {
                Ok((
                    (
                        row.try_get(0)?, row.try_get(1)?, row.try_get(2)?,
                        row.try_get(3)?, row.try_get(4)?, row.try_get(5)?,
                    ),
                    (
                        row.try_get(6)?, row.try_get(7)?, row.try_get(8)?,
                        row.try_get(9)?, row.try_get(10)?, row.try_get(11)?,
                    ),
                ))
            })
            .transpose()?
        });
        row.map(|(token, person)| {
            let (id, secret_hash, scopes, expires_at, used_at, ended_at) = token;
            let (user, username, name, administrator, created_at, disabled_at) = person;
            let none = String::new();
            Ok(FoundToken {
                id: stored(id)?,
                secret_hash,
                scopes: stored(scopes)?,
                expires_at: Timestamp(expires_at),
                used_at: used_at.map(Timestamp),
                ended_at: ended_at.map(Timestamp),
                user: stored_user((
                    user,
                    username,
                    name,
                    none,
                    administrator,
                    created_at,
                    disabled_at,
                ))?
                .user,
            })
        })
        .transpose()
    }

    pub async fn touch_token(&self, token: &TokenId, at: Timestamp) -> Result<()> {
        change!(self, tx => {
            sqlx::query("update tokens set used_at = $1 where id = $2 and (used_at is null or used_at < $1)")
                .bind(at.0)
                .bind(token.as_str())
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// `false`: the person has no such token, or it was ended before.
    pub async fn end_token(
        &self,
        user: &UserId,
        token: &TokenId,
        at: Timestamp,
        entry: &Audit,
    ) -> Result<bool> {
        change!(self, tx => {
            let done = sqlx::query("update tokens set ended_at = $1 where id = $2 and user_id = $3 and ended_at is null")
                .bind(at.0)
                .bind(token.as_str())
                .bind(user.as_str())
                .execute(&mut *tx)
                .await?;
            if done.rows_affected() == 0 {
                return Ok(false);
            }
            audit!(tx, entry);
        });
        Ok(true)
    }

    /// Tokens that were ended after a moment, by whoever.
    pub async fn tokens_ended_after(&self, at: Timestamp) -> Result<Vec<(TokenId, UserId)>> {
        let rows: Vec<(String, String)> = on!(self, pool => {
            sqlx::query_as("select id, user_id from tokens where ended_at > $1 order by ended_at limit 10000")
                .bind(at.0)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter()
            .map(|(id, user)| Ok((stored(id)?, stored(user)?)))
            .collect()
    }

    /// Deletes tokens that were over before a moment.
    pub async fn forget_tokens(&self, before: Timestamp) -> Result<u64> {
        Ok(change!(self, tx => {
            sqlx::query("delete from tokens where ended_at < $1 or expires_at < $1")
                .bind(before.0)
                .execute(&mut *tx)
                .await?
                .rows_affected()
        }))
    }
}
