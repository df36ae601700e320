//! Accounts: people, how they sign in, and their sessions.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Page, PageRequest, Result, Scopes, SessionId, Timestamp, TokenId, UserId};

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "caller", rename_all = "snake_case")]
pub enum Caller {
    Nobody,
    /// Someone at a browser.
    Person {
        user: User,
        session: SessionId,
    },
    /// A program that acts for someone, within its token's scopes.
    Token {
        user: User,
        token: TokenId,
        scopes: Scopes,
    },
}

/// What lets someone in, and can be taken from them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Session(SessionId),
    Token(TokenId),
}

impl Caller {
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::Nobody => None,
            Self::Person { user, .. } | Self::Token { user, .. } => Some(user),
        }
    }

    pub fn key(&self) -> Option<Key> {
        match self {
            Self::Nobody => None,
            Self::Person { session, .. } => Some(Key::Session(session.clone())),
            Self::Token { token, .. } => Some(Key::Token(token.clone())),
        }
    }

    /// `None`: nothing but the person's own rights limits them.
    pub fn scopes(&self) -> Option<Scopes> {
        match self {
            Self::Token { scopes, .. } => Some(*scopes),
            Self::Nobody | Self::Person { .. } => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    pub id: UserId,
    /// 1 to 64 of `a-z 0-9 - _ .`, starting with a letter or digit; unique.
    pub username: String,
    /// As others see it, 1 to 128 characters.
    pub name: String,
    pub administrator: bool,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    pub username: String,
    #[serde(default)]
    pub name: String,
    pub password: String,
    #[serde(default)]
    pub administrator: bool,
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    pub current: String,
    pub new: String,
}

/// The browser someone sits at: it keeps who is signed in there, in a cookie no script can read. The doors implement it.
#[async_trait]
pub trait Browser: Send + Sync {
    /// Sign this person in here, under a new id. Whatever sign-in the browser came with ends.
    async fn remember(&self, person: &User) -> Result<()>;
    /// Sign out here.
    async fn forget(&self) -> Result<()>;
}

/// One of your sign-ins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionInfo {
    pub id: SessionId,
    /// Is it the one you are asking through?
    pub current: bool,
    /// The browser's own words, at most 200 characters.
    pub agent: String,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    pub expires_at: Timestamp,
}

#[async_trait]
pub trait Accounts: Send + Sync {
    fn caller(&self) -> &Caller;
    /// Does the studio still wait for its first administrator?
    async fn needs_setup(&self) -> Result<bool>;
    /// Become the first administrator with the one-time set-up link.
    async fn set_up(&self, token: &str, user: NewUser) -> Result<User>;
    /// Who has this name and password, to be remembered by their browser. Fails with one sentence whatever was wrong, in
    /// the same time.
    async fn sign_in(&self, credentials: Credentials) -> Result<User>;
    /// Your sign-ins, latest first.
    async fn sessions(&self) -> Result<Vec<SessionInfo>>;
    /// End one of your sign-ins.
    async fn end_session(&self, session: &SessionId) -> Result<()>;
    /// End all of your sign-ins but this one.
    async fn end_other_sessions(&self) -> Result<()>;
    /// Ends all your other sessions and every token of yours.
    async fn change_password(&self, change: PasswordChange) -> Result<()>;
    /// Administrators only.
    async fn create_user(&self, user: NewUser) -> Result<User>;
    /// Administrators only.
    async fn list_users(&self, page: PageRequest) -> Result<Page<User>>;
    /// Administrators only; disabling ends every session, token and socket of the person.
    async fn set_disabled(&self, user: &UserId, disabled: bool) -> Result<User>;
}
