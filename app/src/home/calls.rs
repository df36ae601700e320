//! Home, as its page asks for it.

use datalayer::{Notebook, OpenNotebook};
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
