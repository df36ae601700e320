//! Who is at the door: from the cookie, or the token, to a session bound to one caller.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use datalayer::{Caller, Error, Session, ThisBrowser};

use crate::bearer::Bearer;
use crate::doors::Doors;
use crate::problem::Problem;
use crate::sessions::{self, Tab};

/// Puts the [`Session`] and the [`Caller`] into the request. Every door with a verb behind it stands behind this layer.
pub async fn visit(State(doors): State<Arc<Doors>>, mut request: Request, next: Next) -> Response {
    if let Some(Bearer(token)) = request.extensions().get::<Bearer>() {
        return match doors.house.caller_with(token.expose()).await {
            Ok(caller) => run(&doors, caller, request, next).await,
            Err(error) => Problem::from(error).into_response(),
        };
    }
    let Some(session) = request
        .extensions()
        .get::<tower_sessions::Session>()
        .cloned()
    else {
        return Problem::bare(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    };
    if session.id().is_some() && is_forged(request.method(), request.headers()) {
        return Problem::new(
            StatusCode::FORBIDDEN,
            "csrf.no_origin",
            "a browser that sends a cookie must say which page it acts for",
        )
        .into_response();
    }
    let caller = match sessions::caller(&session).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let agent = agent(request.headers());
    let browser = ThisBrowser::new(Tab { session, agent });
    request.extensions_mut().insert(browser);
    run(&doors, caller, request, next).await
}

async fn run(doors: &Doors, caller: Caller, mut request: Request, next: Next) -> Response {
    if let Some(user) = caller.user() {
        let counted = doors
            .limits
            .act(&user.id, request.method(), request.uri().path());
        if let Err(error) = counted {
            return Problem::from(error).into_response();
        }
    }
    request
        .extensions_mut()
        .insert(doors.house.visit(caller.clone()));
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Stops nobody at the door, before their body is read. `service` would say the same, later.
pub async fn people_only(request: Request, next: Next) -> Response {
    match request.extensions().get::<Caller>() {
        Some(Caller::Person { .. } | Caller::Token { .. }) => next.run(request).await,
        _ => Problem::from(Error::SignInNeeded).into_response(),
    }
}

/// The verbs, bound to whoever asks.
pub struct Me(pub Session);

impl<S: Send + Sync> FromRequestParts<S> for Me {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Session>()
            .cloned()
            .map(Self)
            .ok_or_else(|| Problem::bare(StatusCode::INTERNAL_SERVER_ERROR))
    }
}

/// The browser that asks, to sign someone in there. A program with a token has none.
pub struct Here(pub ThisBrowser);

impl<S: Send + Sync> FromRequestParts<S> for Here {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let browser = parts.extensions.get::<ThisBrowser>().cloned();
        browser.map(Self).ok_or_else(|| {
            Error::forbidden(
                "token.not_for_this",
                "signing in and out is for browsers; leave the token out",
            )
            .into()
        })
    }
}

/// What the browser calls itself, at most 200 characters.
fn agent(headers: &HeaderMap) -> String {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    agent.chars().take(200).collect()
}

/// The CSRF layer lets requests without any origin pass, for programs. A browser never sends a change without one.
fn is_forged(method: &Method, headers: &HeaderMap) -> bool {
    let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let browser = headers
        .get(header::USER_AGENT)
        .is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"));
    changes
        && browser
        && !headers.contains_key(header::ORIGIN)
        && !headers.contains_key("sec-fetch-site")
}
