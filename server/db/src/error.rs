//! What can go wrong with the database, and what of it people read.

use std::fmt::Write as _;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a question to the database failed. Cloned where one commit carried the work of many.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A unique value is there already.
    #[error("it is there already")]
    Taken,
    #[error("there is no such notebook")]
    NoSuchNotebook,
    /// Another writer put something else at this place of a log.
    #[error("another writer has this place in the log")]
    NotOwner,
    /// Trying again can help: full disk, lock held too long, lost connection.
    #[error("{reason}")]
    Unavailable { code: &'static str, reason: String },
    /// Never to be read outside; logged under an incident id.
    #[error("{0}")]
    Broken(String),
}

impl Error {
    pub(crate) fn unavailable(code: &'static str, reason: impl Into<String>) -> Self {
        Self::Unavailable {
            code,
            reason: reason.into(),
        }
    }

    pub(crate) fn broken(cause: impl std::fmt::Display) -> Self {
        Self::Broken(cause.to_string())
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match &error {
            E::Database(cause) if cause.is_unique_violation() => Self::Taken,
            E::Database(cause) => match cause
                .code()
                .as_deref()
                .and_then(crate::dialect::unavailable)
            {
                Some((code, reason)) => {
                    tracing::warn!(cause = %error, "the database refused");
                    Self::unavailable(code, reason)
                }
                None => Self::broken(error),
            },
            E::PoolTimedOut => Self::unavailable(
                "database.busy",
                "the database is too busy to answer now; what you typed is kept, and saving goes on when it answers",
            ),
            E::PoolClosed => Self::unavailable(
                "studio.closing",
                "the studio is closing; try again in a moment",
            ),
            E::Io(_) | E::Tls(_) | E::Protocol(_) | E::WorkerCrashed | E::BeginFailed => {
                tracing::warn!(cause = %error, "the database does not answer");
                Self::unavailable(
                    "database.unreachable",
                    "the database does not answer; saving waits until it is back",
                )
            }
            _ => Self::broken(error),
        }
    }
}

impl From<Error> for datalayer::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Taken => Self::conflict("taken", "it is there already"),
            Error::NoSuchNotebook => Self::not_found(datalayer::Noun::Notebook),
            Error::NotOwner => Self::conflict(
                "room.not_owner",
                "this notebook is open in another place of the studio; it was read again from there",
            ),
            Error::Unavailable { code, reason } => Self::unavailable(code, reason),
            Error::Broken(cause) => {
                let incident = incident();
                tracing::error!(%incident, %cause, "the database broke a promise");
                Self::Broken { incident }
            }
        }
    }
}

/// A name under which a failure is found in the log.
fn incident() -> String {
    let mut bytes = [0_u8; 6];
    // An incident without random bits is still an incident: zeros do no harm here.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
