//! Accounts, as pages ask for them.

use datalayer::{
    AuditEntry, CreatedToken, Page, PageRequest, SessionInfo, TokenId, TokenInfo, User, UserId,
};
#[cfg(feature = "ssr")]
use datalayer::{Credentials, NewToken, NewUser, PasswordChange, Scopes};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::call;
use crate::call::CallError;

/// Who is signed in.
#[server]
pub async fn who_am_i() -> Result<User, CallError> {
    Ok(call::datalayer()
        .await?
        .caller()
        .user()
        .cloned()
        .ok_or(datalayer::Error::SignInNeeded)?)
}

/// Does the studio still wait for its first administrator?
#[server]
pub async fn needs_setup() -> Result<bool, CallError> {
    Ok(call::datalayer().await?.needs_setup().await?)
}

/// Signs in; answers where to go on.
#[server]
pub async fn sign_in(
    username: String,
    password: String,
    #[server(default)] next: String,
) -> Result<String, CallError> {
    let credentials = Credentials { username, password };
    let person = call::datalayer().await?.sign_in(credentials).await?;
    call::opened(&person, &next).await
}

/// Becomes the first administrator; answers where to go on.
#[server]
pub async fn set_up(
    token: String,
    username: String,
    name: String,
    password: String,
) -> Result<String, CallError> {
    let user = NewUser {
        username,
        name,
        password,
        administrator: true,
    };
    let person = call::datalayer().await?.set_up(&token, user).await?;
    call::opened(&person, "/").await
}

/// Signs out; answers where to go on.
#[server]
pub async fn sign_out() -> Result<String, CallError> {
    call::closed().await
}

/// Your sign-ins.
#[server]
pub async fn my_sessions() -> Result<Vec<SessionInfo>, CallError> {
    Ok(call::datalayer().await?.sessions().await?)
}

/// Ends one of your sign-ins.
#[server]
pub async fn end_session(session: datalayer::SessionId) -> Result<(), CallError> {
    Ok(call::datalayer().await?.end_session(&session).await?)
}

/// Ends all your sign-ins but this one.
#[server]
pub async fn end_other_sessions() -> Result<(), CallError> {
    Ok(call::datalayer().await?.end_other_sessions().await?)
}

/// Your tokens.
#[server]
pub async fn my_tokens() -> Result<Vec<TokenInfo>, CallError> {
    Ok(call::datalayer().await?.tokens().await?)
}

/// Creates a token; its secret is in this answer and nowhere else.
#[server]
pub async fn create_token(
    name: String,
    days: u32,
    #[server(default)] write: bool,
    #[server(default)] run: bool,
    #[server(default)] admin: bool,
) -> Result<CreatedToken, CallError> {
    let scopes = Scopes { write, run, admin };
    Ok(call::datalayer()
        .await?
        .create_token(NewToken { name, scopes, days })
        .await?)
}

/// Ends one of your tokens.
#[server]
pub async fn end_token(token: TokenId) -> Result<(), CallError> {
    Ok(call::datalayer().await?.end_token(&token).await?)
}

/// Changes your password.
#[server]
pub async fn change_password(current: String, new: String) -> Result<(), CallError> {
    Ok(call::datalayer()
        .await?
        .change_password(PasswordChange { current, new })
        .await?)
}

/// The people of the studio, for administrators.
#[server]
pub async fn list_users(page: PageRequest) -> Result<Page<User>, CallError> {
    Ok(call::datalayer().await?.list_users(page).await?)
}

/// The audit log, for administrators.
#[server]
pub async fn list_audit(page: PageRequest) -> Result<Page<AuditEntry>, CallError> {
    Ok(call::datalayer().await?.audit_log(page).await?)
}

/// Adds a person.
#[server]
pub async fn create_user(
    username: String,
    name: String,
    password: String,
    #[server(default)] administrator: bool,
) -> Result<User, CallError> {
    Ok(call::datalayer()
        .await?
        .create_user(NewUser {
            username,
            name,
            password,
            administrator,
        })
        .await?)
}

/// Lets a person in no more, or in again.
#[server]
pub async fn set_disabled(user: UserId, disabled: bool) -> Result<User, CallError> {
    Ok(call::datalayer()
        .await?
        .set_disabled(&user, disabled)
        .await?)
}
