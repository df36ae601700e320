//! REST: accounts, sign-in and sessions.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use datalayer::{
    Credentials, Error, NewUser, Noun, Opened, Page, PageRequest, PasswordChange, SessionInfo,
    Timestamp, User,
};
use serde::{Deserialize, Serialize};

use crate::doors::Doors;
use crate::json::Json;
use crate::problem::{Answer, Problem};
use crate::visitor::{Agent, Me};

#[derive(Serialize)]
pub struct Setup {
    needed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupRequest {
    token: String,
    username: String,
    #[serde(default)]
    name: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    disabled: bool,
}

pub async fn sign_in(
    State(doors): State<Arc<Doors>>,
    Me(me): Me,
    Agent(agent): Agent,
    Json(credentials): Json<Credentials>,
) -> Answer<impl IntoResponse> {
    let opened = me.sign_in(credentials, &agent).await?;
    Ok(welcome(&doors, opened))
}

pub async fn sign_out(State(doors): State<Arc<Doors>>, Me(me): Me) -> Answer<impl IntoResponse> {
    match me.sign_out().await {
        Ok(()) | Err(Error::SignInNeeded) => {}
        Err(error) => return Err(error.into()),
    }
    let mut headers = HeaderMap::new();
    headers.extend(
        doors
            .settings
            .cookies
            .clear()
            .map(|cookie| (header::SET_COOKIE, cookie)),
    );
    Ok((StatusCode::NO_CONTENT, headers))
}

pub async fn needs_setup(Me(me): Me) -> Answer<axum::Json<Setup>> {
    Ok(axum::Json(Setup {
        needed: me.needs_setup().await?,
    }))
}

pub async fn set_up(
    State(doors): State<Arc<Doors>>,
    Me(me): Me,
    Agent(agent): Agent,
    Json(request): Json<SetupRequest>,
) -> Answer<impl IntoResponse> {
    let SetupRequest {
        token,
        username,
        name,
        password,
    } = request;
    let opened = me
        .set_up(
            &token,
            NewUser {
                username,
                name,
                password,
                administrator: true,
            },
            &agent,
        )
        .await?;
    Ok(welcome(&doors, opened))
}

pub async fn me(Me(me): Me) -> Answer<axum::Json<User>> {
    let user = me.caller().user().ok_or(Error::SignInNeeded)?;
    Ok(axum::Json(user.clone()))
}

pub async fn change_password(Me(me): Me, Json(change): Json<PasswordChange>) -> Answer<StatusCode> {
    me.change_password(change).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn sessions(Me(me): Me) -> Answer<axum::Json<Vec<SessionInfo>>> {
    Ok(axum::Json(me.sessions().await?))
}

pub async fn end_session(Me(me): Me, Path(session): Path<String>) -> Answer<StatusCode> {
    let session = session
        .parse()
        .map_err(|_| Error::not_found(Noun::Session))?;
    me.end_session(&session).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn end_other_sessions(Me(me): Me) -> Answer<StatusCode> {
    me.end_other_sessions().await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn list_users(
    Me(me): Me,
    page: Result<Query<PageRequest>, axum::extract::rejection::QueryRejection>,
) -> Answer<axum::Json<Page<User>>> {
    Ok(axum::Json(me.list_users(asked(page)?).await?))
}

pub async fn create_user(Me(me): Me, Json(user): Json<NewUser>) -> Answer<impl IntoResponse> {
    let user = me.create_user(user).await?;
    Ok((StatusCode::CREATED, axum::Json(user)))
}

pub async fn change_user(
    Me(me): Me,
    Path(user): Path<String>,
    Json(change): Json<UserChange>,
) -> Answer<axum::Json<User>> {
    let user = user.parse().map_err(|_| Error::not_found(Noun::User))?;
    Ok(axum::Json(me.set_disabled(&user, change.disabled).await?))
}

/// The question behind the `?`, or which part of it cannot be.
pub fn asked<T>(query: Result<Query<T>, axum::extract::rejection::QueryRejection>) -> Answer<T> {
    query.map(|Query(query)| query).map_err(|rejection| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "query.malformed",
            rejection.body_text(),
        )
        .field("query")
    })
}

/// A browser that was let in, with its new cookie.
fn welcome(doors: &Doors, opened: Opened) -> impl IntoResponse + use<> {
    let mut headers = HeaderMap::new();
    let seconds = opened.expires_at.seconds_since(now());
    headers.extend(
        doors
            .settings
            .cookies
            .set(&opened.secret, seconds)
            .map(|cookie| (header::SET_COOKIE, cookie)),
    );
    (StatusCode::CREATED, headers, axum::Json(opened.user))
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
