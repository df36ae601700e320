//! REST: notebooks, their import and export, and the files of their outputs.

use std::fmt::Write;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Multipart, Path, Query, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use datalayer::{
    Cover, Error, Format, NewNotebook, Notebook, NotebookChange, NotebookId, NotebookView, Noun,
    OpenNotebook, Page, PageRequest, RunningNotebook,
};
use notebook::formats::Notice;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::asked;
use crate::body::{self, IMPORT_LIMIT};
use crate::json::Json;
use crate::problem::{Answer, Problem};
use crate::spaces::{self, ListQuery};
use crate::versions::{etag, if_match, is_known};
use crate::visitor::Me;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecentQuery {
    #[serde(default = "twenty")]
    limit: u32,
    search: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    #[serde(default = "ipynb")]
    format: Format,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    /// What the file is called, where the body is the file itself.
    name: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Imported {
    pub notebook: Notebook,
    /// What was repaired on the way in, each with a `code` and a `message`.
    #[schema(value_type = Vec<Object>)]
    pub notices: Vec<Notice>,
}

pub async fn list(
    Me(me): Me,
    Path(space): Path<String>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Answer<axum::Json<Page<Notebook>>> {
    let ListQuery {
        archived,
        before,
        limit,
    } = asked(query)?;
    Ok(axum::Json(
        me.list_notebooks(
            &spaces::id(&space)?,
            archived,
            PageRequest { before, limit },
        )
        .await?,
    ))
}

pub async fn recent(
    Me(me): Me,
    query: Result<Query<RecentQuery>, QueryRejection>,
) -> Answer<axum::Json<Vec<Notebook>>> {
    let RecentQuery { limit, search } = asked(query)?;
    Ok(axum::Json(match search {
        Some(words) => me.find_notebooks(&words, limit).await?,
        None => me.recent_notebooks(limit).await?,
    }))
}

pub async fn running(Me(me): Me) -> Answer<axum::Json<Vec<RunningNotebook>>> {
    Ok(axum::Json(me.running_notebooks().await?))
}

pub async fn open(Me(me): Me) -> Answer<axum::Json<Vec<OpenNotebook>>> {
    Ok(axum::Json(me.open_notebooks().await?))
}

pub async fn create(
    Me(me): Me,
    Path(space): Path<String>,
    Json(notebook): Json<NewNotebook>,
) -> Answer<impl IntoResponse> {
    let notebook = me.create_notebook(&spaces::id(&space)?, notebook).await?;
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place(&notebook))],
        axum::Json(notebook),
    ))
}

pub async fn import(
    Me(me): Me,
    Path(space): Path<String>,
    query: Result<Query<ImportQuery>, QueryRejection>,
    request: Request,
) -> Answer<impl IntoResponse> {
    let space = spaces::id(&space)?;
    let name = asked(query)?.name;
    // Whoever may not see the space should not have to send 64 MiB to learn it.
    me.read_space(&space).await?;
    let Upload { name, bytes } = Upload::read(request, name).await?;
    let (notebook, notices) = me.import_notebook(&space, &name, bytes).await?;
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place(&notebook))],
        axum::Json(Imported { notebook, notices }),
    ))
}

pub async fn read(Me(me): Me, Path(notebook): Path<String>) -> Answer<impl IntoResponse> {
    Ok(versioned(me.read_notebook(&id(&notebook)?).await?))
}

pub async fn cover(Me(me): Me, Path(notebook): Path<String>) -> Answer<axum::Json<Cover>> {
    Ok(axum::Json(me.notebook_cover(&id(&notebook)?).await?))
}

pub async fn view(Me(me): Me, Path(notebook): Path<String>) -> Answer<axum::Json<NotebookView>> {
    Ok(axum::Json(me.view_notebook(&id(&notebook)?).await?))
}

pub async fn change(
    Me(me): Me,
    Path(notebook): Path<String>,
    headers: HeaderMap,
    Json(change): Json<NotebookChange>,
) -> Answer<impl IntoResponse> {
    let notebook = id(&notebook)?;
    Ok(versioned(match if_match(&headers)? {
        Some(versions) => me.change_notebook_if(&notebook, change, &versions).await?,
        None => me.change_notebook(&notebook, change).await?,
    }))
}

pub async fn duplicate(Me(me): Me, Path(notebook): Path<String>) -> Answer<impl IntoResponse> {
    let notebook = me.duplicate_notebook(&id(&notebook)?).await?;
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place(&notebook))],
        axum::Json(notebook),
    ))
}

pub async fn export(
    Me(me): Me,
    Path(notebook): Path<String>,
    asks: HeaderMap,
    query: Result<Query<ExportQuery>, QueryRejection>,
) -> Answer<Response> {
    let exported = me
        .export_notebook(&id(&notebook)?, asked(query)?.format)
        .await?;
    let mut headers = HeaderMap::from_iter([etag(&exported.version)]);
    if is_known(&asks, &exported.version) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(exported.media_type),
    );
    headers.insert(header::CONTENT_DISPOSITION, attachment(&exported.file_name));
    Ok((headers, exported.bytes).into_response())
}

fn versioned(notebook: Notebook) -> impl IntoResponse {
    ([etag(&notebook.version())], axum::Json(notebook))
}

/// Images are shown where they are asked for, without script; anything else is a download.
pub async fn blob(Me(me): Me, Path((notebook, hash)): Path<(String, String)>) -> Answer<Response> {
    let notebook = id(&notebook)?;
    if hash.len() != 64
        || !hash
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    {
        return Err(Error::not_found(Noun::Blob).into());
    }
    let (media, bytes) = me.read_blob(&notebook, &hash).await?;
    let essence = media
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    let image = matches!(
        essence.as_str(),
        "image/png"
            | "image/jpeg"
            | "image/gif"
            | "image/webp"
            | "image/svg+xml"
            | "image/bmp"
            | "image/avif"
    );
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'"),
    );
    // Named by its content, so it never changes; but only for whoever was let in.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=86400, immutable"),
    );
    if image {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_str(&essence)
                .unwrap_or(HeaderValue::from_static("application/octet-stream")),
        );
        headers.insert(
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("inline"),
        );
    } else {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        headers.insert(
            header::CONTENT_DISPOSITION,
            attachment(&format!("output-{}.{}", &hash[..8], extension(&essence))),
        );
    }
    Ok((headers, Body::from(bytes)).into_response())
}

/// A file that someone sent: as the body itself, or as the first file of a form.
pub struct Upload {
    pub name: String,
    pub bytes: Bytes,
}

impl Upload {
    pub async fn read(request: Request, name: Option<String>) -> Answer<Self> {
        let media = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        if !media.starts_with("multipart/form-data") {
            let bytes = body::read(request.into_body(), IMPORT_LIMIT).await?;
            return Ok(Self {
                name: name.unwrap_or_else(|| "Untitled.ipynb".to_owned()),
                bytes,
            });
        }
        // The envelope of a form is small; what it holds is limited as a bare file is.
        let (parts, body) = request.into_parts();
        let whole = body::read(body, IMPORT_LIMIT + 64 * 1024).await?;
        let mut request = Request::from_parts(parts, Body::from(whole));
        axum::extract::DefaultBodyLimit::disable().apply(&mut request);
        let mut form = Multipart::from_request(request, &())
            .await
            .map_err(malformed)?;
        while let Some(field) = form.next_field().await.map_err(malformed)? {
            if let Some(file_name) = field.file_name().map(str::to_owned) {
                let bytes = field.bytes().await.map_err(malformed)?;
                if bytes.len() > IMPORT_LIMIT {
                    return Err(body::too_large(IMPORT_LIMIT));
                }
                return Ok(Self {
                    name: name.unwrap_or(file_name),
                    bytes,
                });
            }
        }
        Err(Error::invalid("file", "form.no_file", "choose an .ipynb file to import").into())
    }
}

/// What is no id at all names no notebook either.
pub fn id(notebook: &str) -> Result<NotebookId, Error> {
    notebook
        .parse()
        .map_err(|_| Error::not_found(Noun::Notebook))
}

fn place(notebook: &Notebook) -> String {
    format!("/api/v1/notebooks/{}", notebook.id)
}

fn malformed(error: impl std::fmt::Display) -> Problem {
    let words: String = error.to_string().chars().take(200).collect();
    Problem::new(
        StatusCode::BAD_REQUEST,
        "form.malformed",
        format!("the form could not be read: {words}"),
    )
}

/// A download under this name. The plain name is for old programs, the encoded one (RFC 8187) is the truth; neither can leave its header.
fn attachment(name: &str) -> HeaderValue {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._- ".contains(c) {
                c
            } else {
                '_'
            }
        })
        .take(120)
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes().take(600) {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").ok();
        }
    }
    HeaderValue::from_str(&format!(
        "attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
    ))
    .unwrap_or(HeaderValue::from_static("attachment"))
}

fn extension(essence: &str) -> &'static str {
    match essence {
        "text/plain" => "txt",
        "text/html" => "html",
        "text/csv" => "csv",
        "application/json" => "json",
        "application/pdf" => "pdf",
        essence if essence.ends_with("+json") => "json",
        essence if essence.starts_with("text/") => "txt",
        _ => "bin",
    }
}

fn twenty() -> u32 {
    20
}

fn ipynb() -> Format {
    Format::Ipynb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_file_name_cannot_leave_its_header() {
        let header = attachment("a\"\r\nSet-Cookie: x=1; \u{202e}ü.ipynb");
        let text = header.to_str().unwrap();
        assert!(!text.contains('\r') && !text.contains('\n'));
        assert_eq!(text.matches('"').count(), 2);
        assert!(text.ends_with("%E2%80%AE%C3%BC.ipynb"));
    }
}
