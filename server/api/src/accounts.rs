//! REST: accounts, sign-in and sessions.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use datalayer::{
    Credentials, Error, NewUser, Noun, Page, PageRequest, PasswordChange, SessionInfo, User,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::Json;
use crate::problem::{Answer, Problem};
use crate::visitor::{Here, Me};

#[derive(Serialize, ToSchema)]
pub struct Setup {
    needed: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupRequest {
    token: String,
    username: String,
    #[serde(default)]
    name: String,
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    disabled: bool,
}

pub async fn sign_in(
    Me(me): Me,
    Here(browser): Here,
    Json(credentials): Json<Credentials>,
) -> Answer<impl IntoResponse> {
    let person = me.sign_in(credentials).await?;
    browser.remember(&person).await?;
    Ok((StatusCode::CREATED, axum::Json(person)))
}

pub async fn sign_out(Here(browser): Here) -> Answer<StatusCode> {
    browser.forget().await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn needs_setup(Me(me): Me) -> Answer<axum::Json<Setup>> {
    Ok(axum::Json(Setup {
        needed: me.needs_setup().await?,
    }))
}

pub async fn set_up(
    Me(me): Me,
    Here(browser): Here,
    Json(request): Json<SetupRequest>,
) -> Answer<impl IntoResponse> {
    let SetupRequest {
        token,
        username,
        name,
        password,
    } = request;
    let administrator = NewUser {
        username,
        name,
        password,
        administrator: true,
    };
    let person = me.set_up(&token, administrator).await?;
    browser.remember(&person).await?;
    Ok((StatusCode::CREATED, axum::Json(person)))
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
