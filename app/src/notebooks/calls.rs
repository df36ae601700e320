//! What the notebook screen asks the Datalayer before the live link takes over.

use datalayer::{
    Member, NotebookId, NotebookView, Outputs, Page, PageRequest, Role, Space, SpaceId, UserId,
};
use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use notebook::CellId;
use serde::{Deserialize, Serialize};

use crate::call::CallError;

/// A notebook and the space it stands in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenedNotebook {
    pub view: NotebookView,
    pub space: Space,
    /// You. What this browser keeps for you is nobody else's, whoever signs in here next.
    pub reader: UserId,
}

/// Bytes of outputs that come with the page.
#[cfg(feature = "ssr")]
const OUTPUTS: u64 = 256 * 1024;

/// Open a notebook to read it. Outputs beyond the first come later, unless `all` are wanted.
#[server]
pub async fn open_notebook(notebook: NotebookId, all: bool) -> Result<OpenedNotebook, CallError> {
    let datalayer = crate::call::datalayer().await?;
    let view = if all {
        datalayer.view_notebook(&notebook).await?
    } else {
        datalayer.open_notebook(&notebook, OUTPUTS).await?
    };
    let space = datalayer.read_space(&view.notebook.space).await?;
    let reader = datalayer
        .caller()
        .user()
        .ok_or(datalayer::Error::SignInNeeded)?
        .id
        .clone();
    Ok(OpenedNotebook {
        view,
        space,
        reader,
    })
}

/// The outputs of some cells, which did not come with the page.
#[server(input = Json)]
pub async fn read_outputs(notebook: NotebookId, cells: Vec<CellId>) -> Result<Outputs, CallError> {
    Ok(crate::call::datalayer()
        .await?
        .read_outputs(&notebook, &cells)
        .await?)
}

/// Give a notebook another title.
#[server]
pub async fn rename_notebook(notebook: NotebookId, title: String) -> Result<String, CallError> {
    let change = datalayer::NotebookChange {
        title: Some(title),
        archived: None,
    };
    Ok(crate::call::datalayer()
        .await?
        .change_notebook(&notebook, change)
        .await?
        .title)
}

/// Who may do what here.
#[server]
pub async fn list_readers(space: SpaceId, page: PageRequest) -> Result<Page<Member>, CallError> {
    Ok(crate::call::datalayer()
        .await?
        .members(&space, page)
        .await?)
}

/// Let a person in, or change their role.
#[server]
pub async fn share_with(space: SpaceId, username: String, role: Role) -> Result<Member, CallError> {
    Ok(crate::call::datalayer()
        .await?
        .set_member(&space, username.trim(), role)
        .await?)
}

/// Take a person's role away.
#[server]
pub async fn stop_sharing(space: SpaceId, user: UserId) -> Result<(), CallError> {
    Ok(crate::call::datalayer()
        .await?
        .remove_member(&space, &user)
        .await?)
}
