//! What whoever holds the data directory may do without a sign-in: the functions behind `datalayer admin …`.

use datalayer::{CreatedToken, Error, NewToken, NewUser, Noun, Result, User};
use iam::Passwords;

use crate::accounts::taken;
use crate::{House, welcome};

/// How the audit log calls whoever holds the data directory.
const OPERATOR: &str = "operator";

impl House {
    /// Creates a person. The first administrator also gets a first space, as with the set-up link.
    pub async fn add_user(&self, user: NewUser) -> Result<User> {
        let (user, password) = self.new_user(user).await?;
        let entry = self.audit(OPERATOR, "user.created", user.id.as_str(), &*user.username)?;
        if user.administrator && !self.0.db.has_users().await? {
            let (space, notebook) = welcome::home(self, &user)?;
            if self
                .0
                .db
                .add_first_user(None, &user, &password, (&space, &notebook), &entry)
                .await?
            {
                return Ok(user);
            }
        }
        self.0
            .db
            .add_user(&user, &password, &entry)
            .await
            .map_err(|error| taken(error, &user.username))?;
        Ok(user)
    }

    /// A token for a person, as they would make it themselves.
    pub async fn add_token(&self, username: &str, token: NewToken) -> Result<CreatedToken> {
        let known = self
            .0
            .db
            .user_by_username(username)
            .await?
            .ok_or(Error::not_found(Noun::User))?;
        if known.user.disabled_at.is_some() {
            return Err(Error::conflict(
                "user.disabled",
                "this person is disabled, so a token of theirs would let nobody in",
            ));
        }
        if token.scopes.admin && !known.user.administrator {
            return Err(Error::forbidden(
                "administrator.needed",
                "only an administrator's token can have the scope “admin”",
            ));
        }
        self.new_token(&known.user, token, OPERATOR).await
    }

    /// Gives a person a new password and ends all their sessions and tokens; a running server closes their sockets within seconds.
    pub async fn reset_password(&self, username: &str, password: String) -> Result<User> {
        let known = self
            .0
            .db
            .user_by_username(username)
            .await?
            .ok_or(Error::not_found(Noun::User))?;
        Passwords::check(&password, &known.user.username)?;
        let hash = self.0.passwords.hash(password).await?;
        let entry = self.audit(OPERATOR, "password.reset", known.user.id.as_str(), "")?;
        let ended = self
            .0
            .db
            .set_password(&known.user.id, &hash, None, self.now(), &entry)
            .await?;
        self.announce_ended(ended);
        Ok(known.user)
    }

    /// Everyone, the newest first.
    pub async fn all_users(&self) -> Result<Vec<User>> {
        let mut everyone: Vec<User> = Vec::new();
        loop {
            let before = everyone.last().map(|user| user.id.clone());
            let page = self.0.db.users(before.as_ref(), 200).await?;
            if page.is_empty() {
                return Ok(everyone);
            }
            everyone.extend(page);
        }
    }
}
