//! People, their sessions, and the one-time set-up link.

use datalayer::{Key, SessionId, SessionInfo, Timestamp, User, UserId};

use crate::audit::audit;
use crate::notebooks::insert_notebook;
use crate::provider::end_grants;
use crate::spaces::insert_space;
use crate::tokens::end_tokens;
use crate::{Audit, Db, Error, NewNotebookFacts, Result, SpaceFacts};

/// A person with their password's hash.
#[derive(Clone)]
pub struct StoredUser {
    pub user: User,
    /// PHC string.
    pub password: String,
}

#[derive(Clone)]
pub struct NewSession {
    pub id: SessionId,
    pub user: UserId,
    /// SHA-256 (hex) of the cookie's value.
    pub secret_hash: String,
    pub agent: String,
    pub at: Timestamp,
    pub expires_at: Timestamp,
}

/// A session that has not been ended, with whoever it belongs to. Whether it is too old is for the caller to judge.
#[derive(Clone, Debug)]
pub struct FoundSession {
    pub id: SessionId,
    pub user: User,
    pub secret_hash: String,
    pub seen_at: Timestamp,
    pub expires_at: Timestamp,
}

type UserRow = (String, String, String, String, bool, i64, Option<i64>);

macro_rules! insert_user {
    ($tx:ident, $user:expr, $password:expr) => {{
        let user: &User = $user;
        sqlx::query(
            "insert into users (id, username, name, password, administrator, created_at, disabled_at)
             values ($1, $2, $3, $4, $5, $6, null)",
        )
        .bind(user.id.as_str())
        .bind(&user.username)
        .bind(&user.name)
        .bind($password)
        .bind(user.administrator)
        .bind(user.created_at.0)
        .execute(&mut *$tx)
        .await?;
    }};
}

type SessionRow = (
    String,
    String,
    i64,
    i64,
    String,
    String,
    String,
    bool,
    i64,
    Option<i64>,
);

fn found_session(row: SessionRow) -> Result<FoundSession> {
    let (
        id,
        secret_hash,
        seen_at,
        expires_at,
        user,
        username,
        name,
        administrator,
        created_at,
        disabled_at,
    ) = row;
    let user = stored_user((
        user,
        username,
        name,
        String::new(),
        administrator,
        created_at,
        disabled_at,
    ))?;
    Ok(FoundSession {
        id: stored(id)?,
        secret_hash,
        seen_at: Timestamp(seen_at),
        expires_at: Timestamp(expires_at),
        user: user.user,
    })
}

macro_rules! insert_session {
    ($tx:ident, $session:expr) => {{
        let session: &NewSession = $session;
        sqlx::query(
            "insert into sessions (id, user_id, secret_hash, agent, created_at, seen_at, expires_at, ended_at)
             values ($1, $2, $3, $4, $5, $5, $6, null)",
        )
        .bind(session.id.as_str())
        .bind(session.user.as_str())
        .bind(&session.secret_hash)
        .bind(&session.agent)
        .bind(session.at.0)
        .bind(session.expires_at.0)
        .execute(&mut *$tx)
        .await?;
    }};
}

/// Ends the open sessions of a person but one; their ids. `""` spares none.
macro_rules! end_sessions {
    ($tx:ident, $user:expr, $spare:expr, $at:expr) => {
        sqlx::query_scalar::<_, String>(
            "update sessions set ended_at = $1 where user_id = $2 and ended_at is null and id <> $3 returning id",
        )
        .bind($at)
        .bind($user)
        .bind($spare)
        .fetch_all(&mut *$tx)
        .await?
    };
}

impl Db {
    pub async fn has_users(&self) -> Result<bool> {
        Ok(
            on!(self, pool => sqlx::query_scalar("select exists (select 1 from users)").fetch_one(pool).await?),
        )
    }

    pub async fn user(&self, id: &UserId) -> Result<Option<StoredUser>> {
        let row: Option<UserRow> = on!(self, pool => {
            sqlx::query_as("select id, username, name, password, administrator, created_at, disabled_at from users where id = $1")
                .bind(id.as_str())
                .fetch_optional(pool)
                .await?
        });
        row.map(stored_user).transpose()
    }

    pub async fn user_by_username(&self, username: &str) -> Result<Option<StoredUser>> {
        let row: Option<UserRow> = on!(self, pool => {
            sqlx::query_as(
                "select id, username, name, password, administrator, created_at, disabled_at from users where username = $1",
            )
            .bind(username)
            .fetch_optional(pool)
            .await?
        });
        row.map(stored_user).transpose()
    }

    /// The newest first, older than `before`.
    pub async fn users(&self, before: Option<&UserId>, limit: i64) -> Result<Vec<User>> {
        // '~' sorts behind every id.
        let before = before.map_or("~", UserId::as_str);
        let rows: Vec<UserRow> = on!(self, pool => {
            sqlx::query_as(
                "select id, username, name, '', administrator, created_at, disabled_at from users
                 where id < $1 order by id desc limit $2",
            )
            .bind(before)
            .bind(limit)
            .fetch_all(pool)
            .await?
        });
        rows.into_iter()
            .map(|row| Ok(stored_user(row)?.user))
            .collect()
    }

    /// [`Error::Taken`] when there is someone of that username.
    pub async fn add_user(&self, user: &User, password: &str, entry: &Audit) -> Result<()> {
        change!(self, tx => {
            insert_user!(tx, user, password);
            audit!(tx, entry);
        });
        Ok(())
    }

    /// The first administrator, with their first space and notebook: all or nothing.
    /// With `token_hash`, only while that set-up link stands. `false`: someone else was first, or the link is another.
    pub async fn add_first_user(
        &self,
        token_hash: Option<&str>,
        user: &User,
        password: &str,
        home: (&SpaceFacts, &NewNotebookFacts),
        entry: &Audit,
    ) -> Result<bool> {
        change!(self, tx => {
            if let Some(token_hash) = token_hash {
                let used = sqlx::query("delete from setup where token_hash = $1").bind(token_hash).execute(&mut *tx).await?;
                if used.rows_affected() == 0 {
                    return Ok(false);
                }
            }
            let someone: bool = sqlx::query_scalar("select exists (select 1 from users)").fetch_one(&mut *tx).await?;
            if someone {
                return Ok(false);
            }
            insert_user!(tx, user, password);
            insert_space!(tx, home.0, user.id.as_str());
            insert_notebook!(tx, home.1);
            audit!(tx, entry);
        });
        Ok(true)
    }

    /// Replaces the set-up link.
    pub async fn keep_setup_token(&self, token_hash: &str, at: Timestamp) -> Result<()> {
        change!(self, tx => {
            sqlx::query(
                "insert into setup (id, token_hash, minted_at) values (1, $1, $2)
                 on conflict (id) do update set token_hash = excluded.token_hash, minted_at = excluded.minted_at",
            )
            .bind(token_hash)
            .bind(at.0)
            .execute(&mut *tx)
            .await?;
        });
        Ok(())
    }

    pub async fn setup_token(&self) -> Result<Option<String>> {
        Ok(
            on!(self, pool => sqlx::query_scalar("select token_hash from setup where id = 1").fetch_optional(pool).await?),
        )
    }

    /// New hash; every open session but `spare` ends, every token, and every sign-in at the Hub. What ended.
    pub async fn set_password(
        &self,
        user: &UserId,
        password: &str,
        spare: Option<&SessionId>,
        at: Timestamp,
        entry: &Audit,
    ) -> Result<Vec<Key>> {
        let ended = change!(self, tx => {
            sqlx::query("update users set password = $1 where id = $2")
                .bind(password)
                .bind(user.as_str())
                .execute(&mut *tx)
                .await?;
            let sessions = end_sessions!(tx, user.as_str(), spare.map_or("", SessionId::as_str), at.0);
            let tokens = end_tokens!(tx, user.as_str(), at.0);
            end_grants!(tx, user.as_str(), at.0);
            audit!(tx, entry);
            (sessions, tokens)
        });
        keys(ended)
    }

    /// The same password under a new hash; only while the old one stands.
    pub async fn renew_hash(&self, user: &UserId, old: &str, new: &str) -> Result<()> {
        change!(self, tx => {
            sqlx::query("update users set password = $1 where id = $2 and password = $3")
                .bind(new)
                .bind(user.as_str())
                .bind(old)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// Disables (ending every session and token) or enables. `None`: that would leave no administrator. What ended.
    pub async fn set_disabled(
        &self,
        user: &UserId,
        disabled_at: Option<Timestamp>,
        at: Timestamp,
        entry: &Audit,
    ) -> Result<Option<Vec<Key>>> {
        let ended = change!(self, tx => {
            // Locks every administrator's row, so that two of them disabling each other wait for one another.
            sqlx::query("update users set administrator = administrator where administrator").execute(&mut *tx).await?;
            sqlx::query("update users set disabled_at = $1 where id = $2")
                .bind(disabled_at.map(|at| at.0))
                .bind(user.as_str())
                .execute(&mut *tx)
                .await?;
            let someone: bool =
                sqlx::query_scalar("select exists (select 1 from users where administrator and disabled_at is null)")
                    .fetch_one(&mut *tx)
                    .await?;
            if !someone {
                return Ok(None);
            }
            let ended = if disabled_at.is_some() {
                let sessions = end_sessions!(tx, user.as_str(), "", at.0);
                end_grants!(tx, user.as_str(), at.0);
                (sessions, end_tokens!(tx, user.as_str(), at.0))
            } else {
                (Vec::new(), Vec::new())
            };
            audit!(tx, entry);
            ended
        });
        keys(ended).map(Some)
    }

    /// [`Error::Taken`] when there is a session under this secret.
    pub async fn open_session(&self, session: &NewSession, entry: &Audit) -> Result<()> {
        change!(self, tx => {
            insert_session!(tx, session);
            audit!(tx, entry);
        });
        Ok(())
    }

    pub async fn session_by_secret(&self, secret_hash: &str) -> Result<Option<FoundSession>> {
        let row: Option<SessionRow> = on!(self, pool => {
            sqlx::query_as(
                "select s.id, s.secret_hash, s.seen_at, s.expires_at,
                        u.id, u.username, u.name, u.administrator, u.created_at, u.disabled_at
                 from sessions s join users u on u.id = s.user_id
                 where s.secret_hash = $1 and s.ended_at is null",
            )
            .bind(secret_hash)
            .fetch_optional(pool)
            .await?
        });
        row.map(found_session).transpose()
    }

    pub async fn session_by_id(&self, session: &SessionId) -> Result<Option<FoundSession>> {
        let row: Option<SessionRow> = on!(self, pool => {
            sqlx::query_as(
                "select s.id, s.secret_hash, s.seen_at, s.expires_at,
                        u.id, u.username, u.name, u.administrator, u.created_at, u.disabled_at
                 from sessions s join users u on u.id = s.user_id
                 where s.id = $1 and s.ended_at is null",
            )
            .bind(session.as_str())
            .fetch_optional(pool)
            .await?
        });
        row.map(found_session).transpose()
    }

    pub async fn touch_session(&self, session: &SessionId, at: Timestamp) -> Result<()> {
        change!(self, tx => {
            sqlx::query("update sessions set seen_at = $1 where id = $2 and seen_at < $1")
                .bind(at.0)
                .bind(session.as_str())
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// Open sessions of a person, latest first. Those seen before `seen_after` or expired by `now` are over.
    pub async fn sessions_of(
        &self,
        user: &UserId,
        now: Timestamp,
        seen_after: Timestamp,
    ) -> Result<Vec<SessionInfo>> {
        let rows: Vec<(String, String, i64, i64, i64)> = on!(self, pool => {
            sqlx::query_as(
                "select id, agent, created_at, seen_at, expires_at from sessions
                 where user_id = $1 and ended_at is null and expires_at > $2 and seen_at > $3
                 order by created_at desc, id desc limit 200",
            )
            .bind(user.as_str())
            .bind(now.0)
            .bind(seen_after.0)
            .fetch_all(pool)
            .await?
        });
        rows.into_iter()
            .map(|(id, agent, created_at, seen_at, expires_at)| {
                Ok(SessionInfo {
                    id: stored(id)?,
                    current: false,
                    agent,
                    created_at: Timestamp(created_at),
                    seen_at: Timestamp(seen_at),
                    expires_at: Timestamp(expires_at),
                })
            })
            .collect()
    }

    /// `false`: the person has no such open session.
    pub async fn end_session(
        &self,
        user: &UserId,
        session: &SessionId,
        at: Timestamp,
        entry: &Audit,
    ) -> Result<bool> {
        change!(self, tx => {
            let done = sqlx::query("update sessions set ended_at = $1 where id = $2 and user_id = $3 and ended_at is null")
                .bind(at.0)
                .bind(session.as_str())
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

    /// Ends the person's other sessions; their ids.
    pub async fn end_other_sessions(
        &self,
        user: &UserId,
        spare: &SessionId,
        at: Timestamp,
        entry: &Audit,
    ) -> Result<Vec<SessionId>> {
        let ended = change!(self, tx => {
            let ended = end_sessions!(tx, user.as_str(), spare.as_str(), at.0);
            audit!(tx, entry);
            ended
        });
        ended.into_iter().map(stored).collect()
    }

    /// Sessions that ended after a moment, by whoever: another studio on this database, or an administrator's command.
    pub async fn sessions_ended_after(
        &self,
        at: Timestamp,
    ) -> Result<Vec<(SessionId, UserId, Timestamp)>> {
        let rows: Vec<(String, String, i64)> = on!(self, pool => {
            sqlx::query_as("select id, user_id, ended_at from sessions where ended_at > $1 order by ended_at limit 10000")
                .bind(at.0)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter()
            .map(|(id, user, at)| Ok((stored(id)?, stored(user)?, Timestamp(at))))
            .collect()
    }

    /// Deletes sessions that were over before a moment.
    pub async fn forget_sessions(&self, before: Timestamp) -> Result<u64> {
        Ok(change!(self, tx => {
            sqlx::query("delete from sessions where ended_at < $1 or expires_at < $1")
                .bind(before.0)
                .execute(&mut *tx)
                .await?
                .rows_affected()
        }))
    }
}

/// Reads an id (or role) the database holds.
pub(crate) fn stored<T>(text: impl AsRef<str>) -> Result<T>
where
    T: std::str::FromStr,
{
    text.as_ref().parse().map_err(|_| {
        Error::broken(format!(
            "the database holds {:?} where another kind of id belongs",
            text.as_ref()
        ))
    })
}

fn keys((sessions, tokens): (Vec<String>, Vec<String>)) -> Result<Vec<Key>> {
    let sessions = sessions.into_iter().map(|id| stored(id).map(Key::Session));
    let tokens = tokens.into_iter().map(|id| stored(id).map(Key::Token));
    sessions.chain(tokens).collect()
}

pub(crate) fn stored_user(
    (id, username, name, password, administrator, created_at, disabled_at): UserRow,
) -> Result<StoredUser> {
    Ok(StoredUser {
        user: User {
            id: stored(id)?,
            username,
            name,
            administrator,
            created_at: Timestamp(created_at),
            disabled_at: disabled_at.map(Timestamp),
        },
        password,
    })
}
