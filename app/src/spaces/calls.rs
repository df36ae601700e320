//! Spaces, as pages ask for them.

use datalayer::{Member, Notebook, NotebookId, Page, PageRequest, Role, Space, SpaceId, UserId};
#[cfg(feature = "ssr")]
use datalayer::{NewNotebook, NewSpace, NotebookChange, SpaceChange};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::call;
use crate::call::CallError;

/// The spaces of the rail: yours, by name.
#[server]
pub async fn my_spaces() -> Result<Vec<Space>, CallError> {
    Ok(call::datalayer()
        .await?
        .list_spaces(
            false,
            PageRequest {
                before: None,
                limit: 200,
            },
        )
        .await?
        .items)
}

/// Your spaces, archived ones too when asked for.
#[server]
pub async fn list_spaces(
    #[server(default)] archived: bool,
    page: PageRequest,
) -> Result<Page<Space>, CallError> {
    Ok(call::datalayer().await?.list_spaces(archived, page).await?)
}

/// One space, and what you may do in it.
#[server]
pub async fn read_space(space: SpaceId) -> Result<Space, CallError> {
    Ok(call::datalayer().await?.read_space(&space).await?)
}

/// Makes a space; answers its address.
#[server]
pub async fn create_space(
    name: String,
    #[server(default)] description: String,
) -> Result<String, CallError> {
    let space = call::datalayer()
        .await?
        .create_space(NewSpace { name, description })
        .await?;
    Ok(call::go_on(format!("/s/{}", space.id)))
}

/// Renames and describes a space.
#[server]
pub async fn describe_space(
    space: SpaceId,
    name: String,
    #[server(default)] description: String,
) -> Result<Space, CallError> {
    let change = SpaceChange {
        name: Some(name),
        description: Some(description),
        archived: None,
    };
    Ok(call::datalayer()
        .await?
        .change_space(&space, change)
        .await?)
}

/// Puts a space away, or takes it back.
#[server]
pub async fn archive_space(space: SpaceId, archived: bool) -> Result<Space, CallError> {
    Ok(call::datalayer()
        .await?
        .change_space(
            &space,
            SpaceChange {
                archived: Some(archived),
                ..SpaceChange::default()
            },
        )
        .await?)
}

/// Who is in a space, managers first.
#[server]
pub async fn list_members(space: SpaceId, page: PageRequest) -> Result<Page<Member>, CallError> {
    Ok(call::datalayer().await?.members(&space, page).await?)
}

/// Adds a person by username, or changes their role.
#[server]
pub async fn set_member(space: SpaceId, username: String, role: Role) -> Result<Member, CallError> {
    Ok(call::datalayer()
        .await?
        .set_member(&space, &username, role)
        .await?)
}

/// Takes a person out of a space.
#[server]
pub async fn remove_member(space: SpaceId, user: UserId) -> Result<(), CallError> {
    Ok(call::datalayer()
        .await?
        .remove_member(&space, &user)
        .await?)
}

/// The notebooks of a space, latest edit first.
#[server]
pub async fn list_notebooks(
    space: SpaceId,
    #[server(default)] archived: bool,
    page: PageRequest,
) -> Result<Page<Notebook>, CallError> {
    Ok(call::datalayer()
        .await?
        .list_notebooks(&space, archived, page)
        .await?)
}

/// Starts a notebook; answers its address.
#[server]
pub async fn create_notebook(
    space: SpaceId,
    #[server(default)] title: String,
) -> Result<String, CallError> {
    let title = if title.trim().is_empty() {
        "Untitled".to_owned()
    } else {
        title
    };
    let notebook = call::datalayer()
        .await?
        .create_notebook(&space, NewNotebook { title })
        .await?;
    Ok(call::go_on(format!("/n/{}", notebook.id)))
}

/// Puts a notebook away, or takes it back.
#[server]
pub async fn archive_notebook(notebook: NotebookId, archived: bool) -> Result<Notebook, CallError> {
    let change = NotebookChange {
        archived: Some(archived),
        ..NotebookChange::default()
    };
    Ok(call::datalayer()
        .await?
        .change_notebook(&notebook, change)
        .await?)
}

/// Makes a second notebook beside the first; answers its address.
#[server]
pub async fn duplicate_notebook(notebook: NotebookId) -> Result<String, CallError> {
    let copy = call::datalayer()
        .await?
        .duplicate_notebook(&notebook)
        .await?;
    Ok(call::go_on(format!("/n/{}", copy.id)))
}
