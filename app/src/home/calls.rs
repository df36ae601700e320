//! Home, as its page asks for it.

use datalayer::{Cover, Notebook, NotebookId, OpenNotebook, RunningNotebook};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::call;
use crate::call::CallError;

/// Your notebooks of all spaces, latest edit first.
#[server]
pub async fn recent_notebooks(limit: u32) -> Result<Vec<Notebook>, CallError> {
    Ok(call::datalayer().await?.recent_notebooks(limit).await?)
}

/// Your notebooks that people are in now.
#[server]
pub async fn open_notebooks() -> Result<Vec<OpenNotebook>, CallError> {
    Ok(call::datalayer().await?.open_notebooks().await?)
}

/// Your notebooks whose title has each of these words in it, latest edit first.
#[server]
pub async fn find_notebooks(words: String, limit: u32) -> Result<Vec<Notebook>, CallError> {
    Ok(call::datalayer()
        .await?
        .find_notebooks(&words, limit)
        .await?)
}

/// Your notebooks whose kernel is up.
#[server]
pub async fn running_notebooks() -> Result<Vec<RunningNotebook>, CallError> {
    Ok(call::datalayer().await?.running_notebooks().await?)
}

/// What a card of a notebook shows.
#[server]
pub async fn notebook_cover(notebook: NotebookId) -> Result<Cover, CallError> {
    Ok(call::datalayer().await?.notebook_cover(&notebook).await?)
}
