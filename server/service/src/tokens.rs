//! Personal tokens: who has which, and whom a token speaks for.

use async_trait::async_trait;
use datalayer::{
    Caller, CreatedToken, Error, Key, NewToken, Noun, Result, Scope, TokenId, TokenInfo, Tokens,
    User,
};
use db::NewTokenFacts;
use iam::clean_name;
use iam::tokens::{Token, is_token};

use crate::House;
use crate::visit::Visit;

/// Tokens of one person that count at the same time.
const MOST: i64 = 100;
const LONGEST_DAYS: u32 = 366;
const DAY: i64 = 24 * 60 * 60;

#[async_trait]
impl Tokens for Visit {
    async fn tokens(&self) -> Result<Vec<TokenInfo>> {
        Ok(self.house.0.db.tokens_of(&self.me()?.id).await?)
    }

    async fn create_token(&self, token: NewToken) -> Result<CreatedToken> {
        let (me, _) = self.signed_in()?;
        if token.scopes.admin && !me.administrator {
            return Err(Error::forbidden(
                "administrator.needed",
                "only an administrator's token can have the scope “admin”",
            ));
        }
        self.house.new_token(me, token, me.id.as_str()).await
    }

    async fn end_token(&self, token: &TokenId) -> Result<()> {
        let me = self.me()?;
        if self.caller.key() != Some(Key::Token(token.clone())) {
            // Whoever found a token must not be able to lock the others out with it.
            self.signed_in()?;
        }
        let entry = self
            .house
            .audit(me.id.as_str(), "token.ended", token.as_str(), "")?;
        let db = &self.house.0.db;
        if !db
            .end_token(&me.id, token, self.house.now(), &entry)
            .await?
        {
            return Err(Error::not_found(Noun::Token));
        }
        self.house.announce_ended([Key::Token(token.clone())]);
        Ok(())
    }
}

impl House {
    /// Whom this token speaks for, or by name why it no longer does. Not for cookies: see [`House::caller_of`].
    pub async fn caller_with(&self, token: &str) -> Result<Caller> {
        if !is_token(token) {
            return Err(Error::not_accepted(
                "token.malformed",
                "this is not a whole token of Datalayer: it has dl_ and 49 letters and digits, and the last six must fit the rest; copy it again",
            ));
        }
        let hash = iam::hash_secret(token);
        let now = self.now();
        let (generation, known) = self.0.callers.find(&hash, now);
        if let Some(caller) = known {
            return Ok(caller);
        }
        let unknown = || {
            Error::not_accepted(
                "token.unknown",
                "this studio knows no such token; it may be another studio's, or was removed long ago",
            )
        };
        let found = self
            .0
            .db
            .token_by_secret(&hash)
            .await?
            .ok_or_else(unknown)?;
        if !iam::same(&found.secret_hash, &hash) {
            return Err(unknown());
        }
        if found.ended_at.is_some() || found.user.disabled_at.is_some() {
            return Err(Error::not_accepted(
                "token.revoked",
                "this token was ended, by its person, a new password, or an administrator; create another in the settings",
            ));
        }
        if found.expires_at <= now {
            return Err(Error::not_accepted(
                "token.expired",
                "this token has expired; create another in the settings",
            ));
        }
        self.note_use(&found.id, found.used_at).await;
        let caller = Caller::Token {
            user: found.user,
            token: found.id,
            scopes: found.scopes,
        };
        self.0.callers.keep(generation, hash, now, &caller);
        Ok(caller)
    }

    pub(crate) async fn new_token(
        &self,
        person: &User,
        token: NewToken,
        actor: &str,
    ) -> Result<CreatedToken> {
        let NewToken { name, scopes, days } = token;
        let name = clean_name(&name, "name", "a token's name", 100)?;
        if !(1..=LONGEST_DAYS).contains(&days) {
            return Err(Error::invalid(
                "days",
                "token.days",
                "a token lasts 1 to 366 days",
            ));
        }
        let Token { text, hash, hint } = Token::new()?;
        let (milliseconds, bits) = self.id_parts()?;
        let now = self.now();
        let info = TokenInfo {
            id: TokenId::from_parts(milliseconds, bits),
            name,
            hint,
            scopes,
            created_at: now,
            expires_at: now.plus_seconds(i64::from(days) * DAY),
            used_at: None,
        };
        let entry = self.audit(
            actor,
            "token.created",
            info.id.as_str(),
            format!(
                "{} for {}: {scopes}, {days} days",
                info.name, person.username
            ),
        )?;
        let facts = NewTokenFacts {
            info,
            user: person.id.clone(),
            secret_hash: hash,
        };
        if !self.0.db.add_token(&facts, MOST, &entry).await? {
            return Err(Error::conflict(
                "token.too_many",
                format!("you have {MOST} tokens; end one you no longer need"),
            ));
        }
        Ok(CreatedToken {
            secret: text,
            token: facts.info,
        })
    }
}

/// What a token's person reads when its scopes do not reach.
pub(crate) fn out_of_scope(scope: Scope) -> Error {
    Error::forbidden(
        "token.scope",
        format!("this token lacks the scope “{scope}”; create one that has it"),
    )
}
