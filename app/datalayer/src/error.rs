//! Refusals: one type for the whole studio; only the doors give it a number.

use std::fmt;

use serde::{Deserialize, Serialize};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a sentence is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Noun {
    Page,
    User,
    Session,
    Token,
    Space,
    Member,
    Notebook,
    Cell,
    Run,
    Blob,
    Kernel,
    SetupLink,
}

impl fmt::Display for Noun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Page => "page",
            Self::User => "person",
            Self::Session => "session",
            Self::Token => "token",
            Self::Space => "space",
            Self::Member => "member",
            Self::Notebook => "notebook",
            Self::Cell => "cell",
            Self::Run => "run",
            Self::Blob => "file",
            Self::Kernel => "kernel",
            Self::SetupLink => "set-up link",
        })
    }
}

/// Why the studio said no. Every variant is a clear sentence; causes nobody outside should read are logged under an incident id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Error {
    /// Also where you may not know that it exists.
    #[error("there is no such {noun}")]
    NotFound { noun: Noun },
    #[error("sign in first")]
    SignInNeeded,
    /// A named reason why a sign-in or a password was not accepted.
    #[error("{reason}")]
    NotAccepted { code: String, reason: String },
    #[error("{reason}")]
    Forbidden { code: String, reason: String },
    /// A value that cannot be: which field, and what would be right.
    #[error("{reason}")]
    Invalid {
        field: String,
        code: String,
        reason: String,
    },
    /// It clashes with what is there.
    #[error("{reason}")]
    Conflict { code: String, reason: String },
    /// It was there and is used up or over.
    #[error("{reason}")]
    Gone { code: String, reason: String },
    /// It has changed since whoever asks looked at it.
    #[error("{reason}")]
    Stale { code: String, reason: String },
    #[error("{reason}")]
    TooLarge { code: String, reason: String },
    #[error("too many tries; try again in {retry_after} seconds")]
    TooMany { retry_after: u32 },
    /// Something needed does not answer now; trying again can help.
    #[error("{reason}")]
    Unavailable { code: String, reason: String },
    #[error("something broke on our side; quote {incident} when you report it")]
    Broken { incident: String },
}

impl Error {
    pub fn not_found(noun: Noun) -> Self {
        Self::NotFound { noun }
    }
    pub fn invalid(
        field: impl Into<String>,
        code: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            field: field.into(),
            code: code.into(),
            reason: reason.into(),
        }
    }
    pub fn forbidden(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Forbidden {
            code: code.into(),
            reason: reason.into(),
        }
    }
    pub fn conflict(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Conflict {
            code: code.into(),
            reason: reason.into(),
        }
    }
    pub fn not_accepted(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::NotAccepted {
            code: code.into(),
            reason: reason.into(),
        }
    }
    pub fn gone(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Gone {
            code: code.into(),
            reason: reason.into(),
        }
    }
    pub fn stale(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Stale {
            code: code.into(),
            reason: reason.into(),
        }
    }
    pub fn too_large(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::TooLarge {
            code: code.into(),
            reason: reason.into(),
        }
    }
    pub fn unavailable(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unavailable {
            code: code.into(),
            reason: reason.into(),
        }
    }

    /// The stable code of problem documents, `noun.what`.
    pub fn code(&self) -> String {
        match self {
            Self::NotFound { noun } => format!("{}.not_found", serde_name(*noun)),
            Self::SignInNeeded => "sign_in.needed".into(),
            Self::TooMany { .. } => "rate.limited".into(),
            Self::Broken { .. } => "internal".into(),
            Self::NotAccepted { code, .. }
            | Self::Forbidden { code, .. }
            | Self::Invalid { code, .. }
            | Self::Conflict { code, .. }
            | Self::Gone { code, .. }
            | Self::Stale { code, .. }
            | Self::TooLarge { code, .. }
            | Self::Unavailable { code, .. } => code.clone(),
        }
    }

    /// The HTTP status of this refusal. It stands here because two doors (REST and pages) must agree on it.
    pub fn status(&self) -> u16 {
        match self {
            Self::NotFound { .. } => 404,
            Self::SignInNeeded | Self::NotAccepted { .. } => 401,
            Self::Forbidden { .. } => 403,
            Self::Invalid { .. } => 422,
            Self::Conflict { .. } => 409,
            Self::Gone { .. } => 410,
            Self::Stale { .. } => 412,
            Self::TooLarge { .. } => 413,
            Self::TooMany { .. } => 429,
            Self::Unavailable { .. } => 503,
            Self::Broken { .. } => 500,
        }
    }
}

fn serde_name(noun: Noun) -> &'static str {
    match noun {
        Noun::Page => "page",
        Noun::User => "user",
        Noun::Session => "session",
        Noun::Token => "token",
        Noun::Space => "space",
        Noun::Member => "member",
        Noun::Notebook => "notebook",
        Noun::Cell => "cell",
        Noun::Run => "run",
        Noun::Blob => "blob",
        Noun::Kernel => "kernel",
        Noun::SetupLink => "setup_link",
    }
}
