//! Sessions: tower-sessions over our own store, in which a session is a row of the database with its person, its browser and
//! its moments, found by the hash of its id.
//!
//! A visitor who did not sign in has no session, no row and no cookie. A request of one who did reads at most once a second, and
//! writes at most once a minute (`service::callers`).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use datalayer::{Browser, Caller, Error, User, UserId};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{self, Error as StoreError};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use crate::cookie::CookieMode;
use crate::doors::{Doors, House};
use crate::problem::Problem;
use crate::visitor::visit;

/// Of the cookie; the session itself ends when `service` says so.
const LIFETIME: Duration = Duration::days(30);
/// Two random ids of 128 bits are alike once in the life of no studio.
const TRIES: usize = 3;
const CALLER: &str = "caller";
const OPENING: &str = "opening";

/// Puts everyone who comes to these routes in front of their own Datalayer.
pub fn visiting<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    doors: &Arc<Doors>,
) -> Router<S> {
    let cookies = doors.settings.cookies;
    let sessions = SessionManagerLayer::new(Store(Arc::clone(&doors.house)))
        .with_name(cookies.name())
        .with_secure(cookies == CookieMode::Https)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(LIFETIME));
    router
        .layer(from_fn_with_state(Arc::clone(doors), visit))
        .layer(sessions)
        .layer(from_fn_with_state(cookies, one_cookie))
}

/// Whose session this is.
pub async fn caller(session: &Session) -> Result<Caller, Problem> {
    if session.id().is_none() {
        return Ok(Caller::Nobody);
    }
    let caller = session.get::<Caller>(CALLER).await;
    Ok(caller.map_err(unwrapped)?.unwrap_or(Caller::Nobody))
}

/// Hands the session layer at most one cookie of ours, and only one it could have set; and mends the cookie it deletes ours with.
async fn one_cookie(
    axum::extract::State(cookies): axum::extract::State<CookieMode>,
    mut request: Request,
    next: Next,
) -> Response {
    cookies.tidy(request.headers_mut());
    let mut response = next.run(request).await;
    // The layer deletes by what the browser sent, a name and a value. Browsers let nobody touch a `__Host-` cookie without `Secure`.
    let bare = |value: &HeaderValue| {
        let text = value.as_bytes();
        text.starts_with(cookies.name().as_bytes())
            && !text.windows(8).any(|part| part == b"HttpOnly")
    };
    if response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .any(bare)
    {
        let set: Vec<_> = response
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|value| {
                if bare(value) {
                    cookies.clear()
                } else {
                    value.clone()
                }
            })
            .collect();
        response.headers_mut().remove(header::SET_COOKIE);
        for value in set {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

/// The browser of one request.
pub struct Tab {
    pub session: Session,
    /// What it calls itself.
    pub agent: String,
}

#[derive(Serialize, Deserialize)]
struct Opening {
    person: UserId,
    agent: String,
}

#[async_trait]
impl Browser for Tab {
    async fn remember(&self, person: &User) -> Result<(), Error> {
        let opening = Opening {
            person: person.id.clone(),
            agent: self.agent.clone(),
        };
        let open = async {
            // Ends what the browser came with, and takes a new id: one planted before the sign-in is worth nothing after it.
            self.session.cycle_id().await?;
            self.session.clear().await;
            self.session.insert(OPENING, opening).await?;
            self.session.save().await
        };
        open.await.map_err(unwrapped)
    }

    async fn forget(&self) -> Result<(), Error> {
        if self.session.id().is_none() {
            return Ok(());
        }
        self.session.flush().await.map_err(unwrapped)
    }
}

/// Sessions as `db` keeps them, through the house.
#[derive(Clone)]
struct Store(Arc<dyn House>);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let opening = record.data.get(OPENING).cloned().unwrap_or_default();
        let Opening { person, agent } = serde_json::from_value(opening)
            .map_err(|error| StoreError::Encode(error.to_string()))?;
        for _ in 0..TRIES {
            // Never an id that somebody else can have chosen.
            record.id = Id::default();
            let kept = self
                .0
                .open_session(&record.id.to_string(), &person, &agent)
                .await;
            if kept.map_err(wrapped)? {
                return Ok(());
            }
        }
        Err(StoreError::Backend("no new id could be found".into()))
    }

    /// Nothing in a session changes but when it was seen last, and `load` sees to that.
    async fn save(&self, _: &Record) -> session_store::Result<()> {
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let caller = self.0.caller_of(&id.to_string()).await.map_err(wrapped)?;
        if caller == Caller::Nobody {
            return Ok(None);
        }
        let caller =
            serde_json::to_value(caller).map_err(|error| StoreError::Decode(error.to_string()))?;
        Ok(Some(Record {
            id: *id,
            data: [(CALLER.to_owned(), caller)].into(),
            expiry_date: OffsetDateTime::now_utc() + LIFETIME,
        }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.0.close_session(&id.to_string()).await.map_err(wrapped)
    }
}

/// The crate's errors hold words: ours travel inside as JSON and come out whole.
fn wrapped(error: Error) -> StoreError {
    StoreError::Backend(serde_json::to_string(&error).unwrap_or_default())
}

fn unwrapped(error: tower_sessions::session::Error) -> Error {
    if let tower_sessions::session::Error::Store(StoreError::Backend(words)) = &error
        && let Ok(ours) = serde_json::from_str(words)
    {
        return ours;
    }
    tracing::error!(%error, "a session could not be read or kept");
    Error::unavailable(
        "session.unavailable",
        "sign-ins cannot be looked up now; try again in a moment",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_comes_back_out_of_the_store_as_it_was() {
        let full = Error::unavailable("database.full", "the disk is full");
        assert_eq!(unwrapped(wrapped(full.clone()).into()), full);
    }
}
