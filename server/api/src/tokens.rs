//! REST: personal tokens.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use datalayer::{Error, NewToken, Noun, TokenInfo};

use crate::json::Json;
use crate::problem::Answer;
use crate::visitor::Me;

pub async fn list(Me(me): Me) -> Answer<axum::Json<Vec<TokenInfo>>> {
    Ok(axum::Json(me.tokens().await?))
}

pub async fn create(Me(me): Me, Json(token): Json<NewToken>) -> Answer<impl IntoResponse> {
    Ok((
        StatusCode::CREATED,
        axum::Json(me.create_token(token).await?),
    ))
}

pub async fn end(Me(me): Me, Path(token): Path<String>) -> Answer<StatusCode> {
    let token = token.parse().map_err(|_| Error::not_found(Noun::Token))?;
    me.end_token(&token).await?;
    Ok(StatusCode::NO_CONTENT)
}
