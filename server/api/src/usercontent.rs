//! The page every output frame loads. What kernels produce runs only in there: an opaque origin, without cookies, without network.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use crate::doors::Doors;
use crate::problem::{Answer, Problem};

/// `sandbox` without `allow-same-origin` gives the document an origin that is nobody's.
const POLICY: &str = "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob: data:; \
    style-src 'unsafe-inline'; img-src data: blob:; font-src data:; connect-src 'none'; form-action 'none'; frame-ancestors 'self'";

pub async fn frame(State(doors): State<Arc<Doors>>) -> Answer<impl IntoResponse> {
    let Some(page) = doors.settings.frame.clone() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "site.not_built",
            "the studio's browser files are not built; run `cargo xtask run`",
        ));
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    Ok((headers, page))
}
