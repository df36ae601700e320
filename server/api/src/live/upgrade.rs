//! The one way to open a WebSocket: a token or the origin, then person, count, and only then the upgrade.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use datalayer::{Caller, Error, User};

use super::socket::Upgrade;
use super::sockets::Ticket;
use crate::bearer::Bearer;
use crate::cookie::Secret;
use crate::doors::Doors;
use crate::problem::Problem;

/// An upgrade whose origin and person have been checked. No message is read before.
pub struct AuthedSocket {
    pub upgrade: Upgrade,
    pub user: User,
    pub caller: Caller,
    pub shown: Shown,
    /// `None`: too many already. It is upgraded all the same, because a browser cannot read why an upgrade was refused.
    pub ticket: Option<Ticket>,
}

/// What opened the socket, to be asked about again.
pub enum Shown {
    Cookie(Secret),
    Token(Secret),
}

impl FromRequestParts<Arc<Doors>> for AuthedSocket {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, doors: &Arc<Doors>) -> Result<Self, Problem> {
        let token = parts.extensions.get::<Bearer>().cloned();
        if token.is_none() && !is_own_origin(parts, doors.settings.origin.as_deref()) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "socket.origin",
                "sockets are for the studio's own pages, and for programs with a token",
            ));
        }
        let caller = parts
            .extensions
            .get::<Caller>()
            .cloned()
            .unwrap_or(Caller::Nobody);
        let shown = match token {
            Some(Bearer(token)) => Some(Shown::Token(token)),
            None => parts
                .extensions
                .get::<tower_sessions::Session>()
                .and_then(tower_sessions::Session::id)
                .map(|id| Shown::Cookie(Secret::new(&id.to_string()))),
        };
        let (Some(user), Some(key), Some(shown)) = (caller.user(), caller.key(), shown) else {
            return Err(Error::SignInNeeded.into());
        };
        let user = user.clone();
        let upgrade = Upgrade::take(parts).ok_or_else(|| {
            Problem::new(
                StatusCode::UPGRADE_REQUIRED,
                "socket.upgrade",
                "this address is a WebSocket: ask for an upgrade, version 13, over HTTP/1.1",
            )
        })?;
        let ticket = doors.sockets.ticket(&user.id, &key);
        Ok(Self {
            upgrade,
            user,
            caller,
            shown,
            ticket,
        })
    }
}

/// Whole and exact, never a prefix. Without a public URL the page's origin is the host it asked, in the clear.
fn is_own_origin(parts: &Parts, ours: Option<&str>) -> bool {
    let Some(origin) = parts
        .headers
        .get(header::ORIGIN)
        .map(|value| value.as_bytes())
    else {
        return false;
    };
    match ours {
        Some(ours) => origin == ours.as_bytes(),
        None => parts
            .headers
            .get(header::HOST)
            .is_some_and(|host| origin.strip_prefix(b"http://") == Some(host.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(origin: Option<&str>, host: &str, ours: Option<&str>) -> bool {
        let mut request = axum::http::Request::builder().header(header::HOST, host);
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        is_own_origin(&request.body(()).unwrap().into_parts().0, ours)
    }

    #[test]
    fn origins_are_compared_whole() {
        let ours = Some("https://studio.example");
        assert!(own(Some("https://studio.example"), "studio.example", ours));
        for foreign in [
            "https://studio.example.evil.com",
            "http://studio.example",
            "https://studio.example:444",
            "https://evil.com",
            "null",
            "",
        ] {
            assert!(!own(Some(foreign), "studio.example", ours), "{foreign}");
        }
        assert!(!own(None, "studio.example", ours));
    }

    #[test]
    fn without_a_public_url_the_origin_is_the_host_that_was_asked() {
        assert!(own(Some("http://localhost:3000"), "localhost:3000", None));
        assert!(!own(Some("http://localhost:3001"), "localhost:3000", None));
        assert!(!own(Some("http://evil.com"), "localhost:3000", None));
        assert!(!own(Some("https://localhost:3000"), "localhost:3000", None));
    }
}
