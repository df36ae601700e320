//! Personal tokens: how a program acts for a person, within scopes and until a day.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use notebook::wire::May;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Error, Result, Timestamp, TokenId};

/// One thing a token may be for. A token never gives more than its person's role, whatever its scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See what you see. Every token has it.
    Read,
    /// Create and change spaces, their members, notebooks and their content.
    Write,
    /// Run code.
    Run,
    /// What administrators do with people and the audit log.
    Admin,
}

impl Scope {
    pub const ALL: [Scope; 4] = [Self::Read, Self::Write, Self::Run, Self::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Run => "run",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| {
                Error::invalid(
                    "scopes",
                    "token.scopes",
                    "a scope is read, write, run or admin",
                )
            })
    }
}

/// What a token is for; reading always. In JSON a list of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Scope>", into = "Vec<Scope>")]
pub struct Scopes {
    pub write: bool,
    pub run: bool,
    pub admin: bool,
}

impl Scopes {
    pub fn has(self, scope: Scope) -> bool {
        match scope {
            Scope::Read => true,
            Scope::Write => self.write,
            Scope::Run => self.run,
            Scope::Admin => self.admin,
        }
    }

    pub fn list(self) -> Vec<Scope> {
        Scope::ALL
            .into_iter()
            .filter(|scope| self.has(*scope))
            .collect()
    }

    /// The most that these scopes leave of anybody's rights in a notebook.
    pub fn most(self) -> May {
        May {
            view: true,
            comment: self.write,
            suggest: self.write,
            run: self.run,
            edit: self.write,
            manage: self.write,
        }
    }
}

impl From<Vec<Scope>> for Scopes {
    fn from(list: Vec<Scope>) -> Self {
        Self {
            write: list.contains(&Scope::Write),
            run: list.contains(&Scope::Run),
            admin: list.contains(&Scope::Admin),
        }
    }
}

impl From<Scopes> for Vec<Scope> {
    fn from(scopes: Scopes) -> Self {
        scopes.list()
    }
}

/// `read,write`
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.list().into_iter().map(Scope::as_str).collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for Scopes {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let list = text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::parse)
            .collect::<Result<Vec<Scope>>>()?;
        Ok(list.into())
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What you call it, 1 to 100 characters.
    pub name: String,
    #[serde(default)]
    #[schema(value_type = Vec<Scope>)]
    pub scopes: Scopes,
    /// How long it lasts, 1 to 366 days.
    #[serde(default = "NewToken::usual_days")]
    pub days: u32,
}

impl NewToken {
    pub fn usual_days() -> u32 {
        90
    }
}

/// One of your tokens, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenInfo {
    pub id: TokenId,
    pub name: String,
    /// How its secret begins, to tell it from others.
    pub hint: String,
    #[schema(value_type = Vec<Scope>)]
    pub scopes: Scopes,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// To the minute; `None` while it was never used.
    pub used_at: Option<Timestamp>,
}

/// A token just made. The secret is shown now and never again.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    /// `dl_…`, for `Authorization: Bearer`.
    pub secret: String,
    pub token: TokenInfo,
}

#[async_trait]
pub trait Tokens: Send + Sync {
    /// Your tokens, the newest first, those that have expired included until you remove them.
    async fn tokens(&self) -> Result<Vec<TokenInfo>>;
    /// Needs a sign-in: a token makes no tokens.
    async fn create_token(&self, token: NewToken) -> Result<CreatedToken>;
    /// Ends one of yours. A token can end itself.
    async fn end_token(&self, token: &TokenId) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_back_and_always_read() {
        let scopes: Scopes = "run, write".parse().unwrap();
        assert_eq!(scopes.to_string(), "read,write,run");
        assert_eq!(
            serde_json::to_string(&scopes).unwrap(),
            r#"["read","write","run"]"#
        );
        assert_eq!(
            serde_json::from_str::<Scopes>("[]").unwrap().to_string(),
            "read"
        );
        assert!("root".parse::<Scopes>().is_err());
        assert!(serde_json::from_str::<Scopes>(r#"["root"]"#).is_err());
    }

    #[test]
    fn running_needs_no_right_to_write() {
        let most = "run".parse::<Scopes>().unwrap().most();
        assert!(most.view && most.run && !most.edit && !most.comment);
    }
}
