//! Plain forms, for pages whose script has not loaded or never will.

use axum::extract::{Path, Request};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use crate::notebooks::Upload;
use crate::problem::Answer;
use crate::spaces;
use crate::visitor::Me;

/// Import a file into a space, then show the notebook.
pub async fn import(
    Me(me): Me,
    Path(space): Path<String>,
    request: Request,
) -> Answer<impl IntoResponse> {
    let space = spaces::id(&space)?;
    me.read_space(&space).await?;
    let Upload { name, bytes } = Upload::read(request, None).await?;
    let (notebook, _) = me.import_notebook(&space, &name, bytes).await?;
    Ok((
        StatusCode::SEE_OTHER,
        [(header::LOCATION, format!("/n/{}", notebook.id))],
    ))
}
