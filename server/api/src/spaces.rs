//! REST: spaces and their members.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use datalayer::{
    Error, Member, NewSpace, Noun, Page, PageRequest, Role, Space, SpaceChange, SpaceId,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::accounts::asked;
use crate::json::Json;
use crate::problem::Answer;
use crate::visitor::Me;

/// A list, archived things included or not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    #[serde(default)]
    pub archived: bool,
    pub before: Option<String>,
    #[serde(default = "fifty")]
    pub limit: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberRequest {
    role: Role,
}

pub async fn list(
    Me(me): Me,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Answer<axum::Json<Page<Space>>> {
    let ListQuery {
        archived,
        before,
        limit,
    } = asked(query)?;
    Ok(axum::Json(
        me.list_spaces(archived, PageRequest { before, limit })
            .await?,
    ))
}

pub async fn create(Me(me): Me, Json(space): Json<NewSpace>) -> Answer<impl IntoResponse> {
    let space = me.create_space(space).await?;
    let place = format!("/api/v1/spaces/{}", space.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place)],
        axum::Json(space),
    ))
}

pub async fn read(Me(me): Me, Path(space): Path<String>) -> Answer<axum::Json<Space>> {
    Ok(axum::Json(me.read_space(&id(&space)?).await?))
}

pub async fn change(
    Me(me): Me,
    Path(space): Path<String>,
    Json(change): Json<SpaceChange>,
) -> Answer<axum::Json<Space>> {
    Ok(axum::Json(me.change_space(&id(&space)?, change).await?))
}

pub async fn members(
    Me(me): Me,
    Path(space): Path<String>,
    query: Result<Query<PageRequest>, QueryRejection>,
) -> Answer<axum::Json<Page<Member>>> {
    Ok(axum::Json(me.members(&id(&space)?, asked(query)?).await?))
}

/// `{member}` is a username: one adds people by the name they sign in with.
pub async fn set_member(
    Me(me): Me,
    Path((space, username)): Path<(String, String)>,
    Json(request): Json<MemberRequest>,
) -> Answer<axum::Json<Member>> {
    Ok(axum::Json(
        me.set_member(&id(&space)?, &username, request.role).await?,
    ))
}

/// `{member}` is a user id, as the list of members gives it.
pub async fn remove_member(
    Me(me): Me,
    Path((space, user)): Path<(String, String)>,
) -> Answer<StatusCode> {
    let user = user.parse().map_err(|_| Error::not_found(Noun::Member))?;
    me.remove_member(&id(&space)?, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is no id at all names no space either.
pub fn id(space: &str) -> Result<SpaceId, Error> {
    space.parse().map_err(|_| Error::not_found(Noun::Space))
}

fn fifty() -> u32 {
    PageRequest::first().limit
}
