//! Accounts: set-up, sign-in, sessions, people.

use async_trait::async_trait;
use datalayer::{
    Accounts, Caller, Credentials, Error, Key, NewUser, Noun, Page, PageRequest, PasswordChange,
    Result, SessionId, SessionInfo, User, UserId,
};
use db::{NewSession, StoredUser};
use iam::{Passwords, Secret, check_username, clean_line, clean_name, hash_secret, same};

use crate::callers::{SESSION_IDLE_SECONDS, SESSION_LIFETIME_SECONDS};
use crate::visit::Visit;
use crate::{House, welcome};

/// Characters of a browser's own words that are kept.
const AGENT: usize = 200;

#[async_trait]
impl Accounts for Visit {
    fn caller(&self) -> &Caller {
        &self.caller
    }

    async fn needs_setup(&self) -> Result<bool> {
        Ok(!self.house.0.db.has_users().await?)
    }

    async fn set_up(&self, token: &str, user: NewUser) -> Result<User> {
        let db = &self.house.0.db;
        if db.has_users().await? {
            return Err(set_up_already());
        }
        let token_hash = hash_secret(token);
        let standing = db
            .setup_token()
            .await?
            .ok_or(Error::not_found(Noun::SetupLink))?;
        if !same(&standing, &token_hash) {
            return Err(Error::gone(
                "setup_link.replaced",
                "this set-up link is not the newest one; the studio prints a new one each time it starts",
            ));
        }
        let (user, password) = self
            .house
            .new_user(NewUser {
                administrator: true,
                ..user
            })
            .await?;
        let (space, notebook) = welcome::home(&self.house, &user)?;
        let entry = self.house.audit(
            user.id.as_str(),
            "studio.set_up",
            user.id.as_str(),
            &*user.username,
        )?;
        let first = db
            .add_first_user(
                Some(&standing),
                &user,
                &password,
                (&space, &notebook),
                &entry,
            )
            .await?;
        if !first {
            return Err(set_up_already());
        }
        tracing::info!(user = %user.username, "the studio has its first administrator");
        Ok(user)
    }

    async fn sign_in(&self, credentials: Credentials) -> Result<User> {
        let db = &self.house.0.db;
        // A telephone's capital first letter is not a reason to refuse; names are unique in lower case.
        let username = credentials.username.trim();
        let username = if username.len() <= 64 {
            username.to_ascii_lowercase()
        } else {
            String::new()
        };
        let found = match check_username(&username) {
            Ok(()) => db.user_by_username(&username).await?,
            Err(_) => None,
        };
        let outdated = found
            .as_ref()
            .is_some_and(|known| Passwords::is_outdated(&known.password));
        let again = outdated.then(|| credentials.password.clone());
        let right = self
            .house
            .0
            .passwords
            .verify(
                credentials.password,
                found.as_ref().map(|known| known.password.clone()),
            )
            .await?;
        match found {
            Some(known) if right && known.user.disabled_at.is_none() => {
                if let Some(password) = again {
                    self.house.renew_hash(&known, password).await;
                }
                Ok(known.user)
            }
            _ => {
                tracing::info!(%username, "a sign-in was refused");
                Err(Error::not_accepted(
                    "sign_in.refused",
                    "this username and password do not belong together",
                ))
            }
        }
    }

    async fn sessions(&self) -> Result<Vec<SessionInfo>> {
        let me = self.me()?;
        let now = self.house.now();
        let mut sessions = self
            .house
            .0
            .db
            .sessions_of(&me.id, now, now.plus_seconds(-SESSION_IDLE_SECONDS))
            .await?;
        for session in &mut sessions {
            session.current = self.caller.key() == Some(Key::Session(session.id.clone()));
        }
        Ok(sessions)
    }

    async fn end_session(&self, session: &SessionId) -> Result<()> {
        let (me, _) = self.signed_in()?;
        let entry = self
            .house
            .audit(me.id.as_str(), "session.ended", session.as_str(), "")?;
        if !self
            .house
            .0
            .db
            .end_session(&me.id, session, self.house.now(), &entry)
            .await?
        {
            return Err(Error::not_found(Noun::Session));
        }
        self.house.announce_ended([Key::Session(session.clone())]);
        Ok(())
    }

    async fn end_other_sessions(&self) -> Result<()> {
        let (me, current) = self.signed_in()?;
        let entry =
            self.house
                .audit(me.id.as_str(), "session.ended_others", current.as_str(), "")?;
        let ended = self
            .house
            .0
            .db
            .end_other_sessions(&me.id, current, self.house.now(), &entry)
            .await?;
        self.house
            .announce_ended(ended.into_iter().map(Key::Session));
        Ok(())
    }

    async fn change_password(&self, change: PasswordChange) -> Result<()> {
        let (me, current) = self.signed_in()?;
        let (db, passwords) = (&self.house.0.db, &self.house.0.passwords);
        let stored = db.user(&me.id).await?.ok_or(Error::SignInNeeded)?;
        if !passwords
            .verify(change.current, Some(stored.password))
            .await?
        {
            return Err(Error::not_accepted(
                "password.wrong",
                "the current password is not right",
            ));
        }
        Passwords::check(&change.new, &me.username)?;
        let hash = passwords.hash(change.new).await?;
        let entry = self
            .house
            .audit(me.id.as_str(), "password.changed", me.id.as_str(), "")?;
        let ended = db
            .set_password(&me.id, &hash, Some(current), self.house.now(), &entry)
            .await?;
        self.house.announce_ended(ended);
        Ok(())
    }

    async fn create_user(&self, user: NewUser) -> Result<User> {
        let me = self.administrator()?;
        let (user, password) = self.house.new_user(user).await?;
        let entry = self.house.audit(
            me.id.as_str(),
            "user.created",
            user.id.as_str(),
            &*user.username,
        )?;
        self.house
            .0
            .db
            .add_user(&user, &password, &entry)
            .await
            .map_err(|error| taken(error, &user.username))?;
        Ok(user)
    }

    async fn list_users(&self, page: PageRequest) -> Result<Page<User>> {
        self.administrator()?;
        let before = page
            .before
            .as_deref()
            .map(str::parse::<UserId>)
            .transpose()?;
        let limit = page.clamped();
        let mut items = self.house.0.db.users(before.as_ref(), limit + 1).await?;
        let next = cut(&mut items, limit).map(|last| last.id.to_string());
        Ok(Page { items, next })
    }

    async fn set_disabled(&self, user: &UserId, disabled: bool) -> Result<User> {
        let me = self.administrator()?;
        if *user == me.id && disabled {
            return Err(Error::conflict(
                "user.yourself",
                "you cannot disable yourself; another administrator can",
            ));
        }
        let db = &self.house.0.db;
        let mut person = db
            .user(user)
            .await?
            .ok_or(Error::not_found(Noun::User))?
            .user;
        if person.disabled_at.is_some() == disabled {
            return Ok(person);
        }
        let now = self.house.now();
        let action = if disabled {
            "user.disabled"
        } else {
            "user.enabled"
        };
        let entry = self
            .house
            .audit(me.id.as_str(), action, user.as_str(), &*person.username)?;
        person.disabled_at = disabled.then_some(now);
        let ended = db
            .set_disabled(user, person.disabled_at, now, &entry)
            .await?
            .ok_or_else(|| {
                Error::conflict(
                    "user.last_administrator",
                    "this is the last administrator; make someone else one first",
                )
            })?;
        self.house.announce_ended(ended);
        self.house.announce_rights(user).await;
        Ok(person)
    }
}

impl House {
    /// The secret of a new one-time set-up link, replacing the one before; `None` when the studio has people already.
    /// Whoever prints it must not log it.
    pub async fn setup_link_token(&self) -> Result<Option<String>> {
        if self.0.db.has_users().await? {
            return Ok(None);
        }
        let secret = Secret::new()?;
        self.0.db.keep_setup_token(&secret.hash, self.now()).await?;
        Ok(Some(secret.text))
    }

    /// Hashes a password that was just found right as passwords are hashed today. The sign-in does not depend on it.
    async fn renew_hash(&self, known: &StoredUser, password: String) {
        let renewed = async {
            let new = self.0.passwords.hash(password).await?;
            let (user, old) = (&known.user.id, &known.password);
            Ok::<_, Error>(self.0.db.renew_hash(user, old, &new).await?)
        };
        if let Err(error) = renewed.await {
            tracing::warn!(%error, "an old password hash could not be renewed; the next sign-in tries again");
        }
    }

    /// A person and their password's hash, checked and not yet kept.
    pub(crate) async fn new_user(&self, new: NewUser) -> Result<(User, String)> {
        check_username(&new.username)?;
        let name = if new.name.trim().is_empty() {
            &new.username
        } else {
            &new.name
        };
        let name = clean_name(name, "name", "a name", 128)?;
        Passwords::check(&new.password, &new.username)?;
        let password = self.0.passwords.hash(new.password).await?;
        let (milliseconds, bits) = self.id_parts()?;
        let user = User {
            id: UserId::from_parts(milliseconds, bits),
            username: new.username,
            name,
            administrator: new.administrator,
            created_at: self.now(),
            disabled_at: None,
        };
        Ok((user, password))
    }

    /// Keeps a sign-in of this person under a secret its browser will hold, which nobody but that browser may know.
    /// `Taken`: choose another secret.
    pub async fn open_session(&self, secret: &str, user: &UserId, agent: &str) -> Result<Opening> {
        let (milliseconds, bits) = self.id_parts()?;
        let at = self.now();
        let agent: String = agent.chars().take(AGENT * 4).collect();
        let session = NewSession {
            id: SessionId::from_parts(milliseconds, bits),
            user: user.clone(),
            secret_hash: hash_secret(secret),
            agent: clean_line(&agent).chars().take(AGENT).collect(),
            at,
            expires_at: at.plus_seconds(SESSION_LIFETIME_SECONDS),
        };
        let entry = self.audit(
            user.as_str(),
            "session.opened",
            session.id.as_str(),
            &*session.agent,
        )?;
        match self.0.db.open_session(&session, &entry).await {
            Ok(()) => Ok(Opening::Done),
            Err(db::Error::Taken) => Ok(Opening::Taken),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the sign-in under this secret. One that is over already stays over.
    pub async fn close_session(&self, secret: &str) -> Result<()> {
        let found = self.0.db.session_by_secret(&hash_secret(secret)).await?;
        let Some(found) = found else { return Ok(()) };
        let entry = self.audit(
            found.user.id.as_str(),
            "session.ended",
            found.id.as_str(),
            "",
        )?;
        let (user, session) = (&found.user.id, &found.id);
        self.0
            .db
            .end_session(user, session, self.now(), &entry)
            .await?;
        self.announce_ended([Key::Session(found.id)]);
        Ok(())
    }
}

/// Whether a new sign-in could be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    Done,
    /// There is one under this secret already.
    Taken,
}

/// Cuts a list fetched with one item more than the page has; the last item of the page when there are more.
pub(crate) fn cut<T>(items: &mut Vec<T>, limit: i64) -> Option<&T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if items.len() <= limit {
        return None;
    }
    items.truncate(limit);
    items.last()
}

pub(crate) fn taken(error: db::Error, username: &str) -> Error {
    match error {
        db::Error::Taken => Error::conflict(
            "username.taken",
            format!("there is someone called {username} already"),
        ),
        other => other.into(),
    }
}

fn set_up_already() -> Error {
    Error::gone(
        "setup_link.used",
        "the studio is set up already; sign in instead",
    )
}
