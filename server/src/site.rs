//! The browser's files, as the build left them: `manifest.json`, `frame.html` and `pkg/`, whose names change with their content.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use app::Assets;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use bytes::Bytes;
use tower_http::services::ServeDir;

/// A built site. One that is not built still serves pages, which are readable without script.
pub struct Site {
    folder: PathBuf,
    pub assets: Assets,
    /// The page every output frame loads.
    pub frame: Option<Bytes>,
}

impl Site {
    pub fn open(folder: &Path) -> Self {
        let manifest = folder.join("manifest.json");
        let names: BTreeMap<String, String> = match std::fs::read(&manifest)
            .map(|json| serde_json::from_slice(&json))
        {
            Ok(Ok(names)) => names,
            Ok(Err(error)) => {
                tracing::error!(%error, file = %manifest.display(), "the manifest of the browser's files cannot be read; build them again");
                BTreeMap::new()
            }
            Err(_) => {
                tracing::warn!(folder = %folder.display(), "the browser's files are not built; pages are read-only until `cargo xtask run` or --site");
                BTreeMap::new()
            }
        };
        let frame = match names.get("frame.html") {
            Some(address) => folder.join(address.trim_start_matches('/')),
            None => folder.join("frame.html"),
        };
        let frame = std::fs::read(frame).ok().map(Bytes::from);
        Self {
            folder: folder.to_path_buf(),
            assets: Assets::new(names),
            frame,
        }
    }

    /// `/pkg/…`: compressed siblings where there are any, and kept for ever, since another content has another name.
    pub fn files(&self) -> Router {
        let files = ServeDir::new(self.folder.join("pkg"))
            .precompressed_br()
            .precompressed_gzip()
            .append_index_html_on_directories(false);
        Router::new()
            .nest_service("/pkg", files)
            .layer(from_fn(for_ever))
    }
}

async fn for_ever(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status().is_success() || response.status() == axum::http::StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        );
    }
    response
}
