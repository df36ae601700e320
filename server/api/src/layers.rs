//! What holds for every answer of the studio: an id, limits, the security headers, and a named problem in place of a crash.

use std::any::Any;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::address::Source;
use crate::bearer;
use crate::cookie::CookieMode;
use crate::doors::Doors;
use crate::limits;
use crate::problem::Problem;

/// The id of a request, in every answer as `x-request-id` and in every log line about it.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

/// The content security policy of a page. Styles cannot take a nonce: the editor injects its own. Browsers hold every address a form
/// leads on to against it: `beyond` is the origin of another site where one may end.
pub fn page_policy(nonce: &str, beyond: Option<&str>) -> String {
    let space = if beyond.is_some() { " " } else { "" };
    let beyond = beyond.unwrap_or("");
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; worker-src 'self' blob:; \
         manifest-src 'self'; form-action 'self'{space}{beyond}; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; report-uri /api/v1/reports; report-to csp"
    )
}

/// Wraps the whole studio. Nothing may be added outside of this.
pub fn around_everything(router: Router, doors: &Arc<Doors>) -> Router {
    let mut csrf = CsrfLayer::new();
    if let Some(origin) = &doors.settings.origin {
        match csrf.clone().add_trusted_origin(origin) {
            Ok(layer) => csrf = layer,
            Err(error) => {
                tracing::warn!(%error, "the public URL is no origin a browser would send")
            }
        }
    }
    router
        .layer(from_fn_with_state(Arc::clone(doors), limits::secrets))
        .layer(csrf.with_rejection_response(|_: ProtectionError| {
            Problem::new(
                StatusCode::FORBIDDEN,
                "csrf.cross_origin",
                "this request came from another site's page, so nothing was done",
            )
            .into_response()
        }))
        .layer(from_fn(bearer::instead_of_cookie))
        .layer(from_fn_with_state(Arc::clone(doors), limits::general))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::clone(doors), outermost))
}

/// Names the request, lets it in, and gives every answer its headers and every refusal its words.
async fn outermost(State(doors): State<Arc<Doors>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId(new_id());
    let source = Source::of(
        request.headers(),
        request.extensions(),
        doors.settings.trusted_proxies,
    );
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(source);
    let method = request.method().clone();
    let path: String = request.uri().path().chars().take(256).collect();
    let for_programs = path.starts_with("/api/")
        || path.starts_with("/ui/")
        || path == "/readyz"
        || path == "/live";
    let human = !path.starts_with("/api/")
        && request
            .headers()
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));

    let mut response = next.run(request).await;

    if let Some(mut problem) = response
        .extensions_mut()
        .remove::<Problem>()
        .or_else(|| wordless(&response, for_programs))
    {
        problem.request = id.0.to_string();
        if let Some(Panic(words)) = response.extensions_mut().remove() {
            tracing::error!(request = %id.0, %method, path, words, "a handler panicked");
        }
        if path.starts_with("/ui/") {
            problem = problem.for_our_page();
        }
        response = problem.render(response, human);
    }
    let status = response.status();
    if status.is_server_error() && !limits::is_temporary(status) {
        tracing::error!(request = %id.0, %method, path, status = status.as_u16(), %source, "answered with a failure");
    } else {
        tracing::debug!(request = %id.0, %method, path, status = status.as_u16(), took = ?started.elapsed(), "answered");
    }
    if status == StatusCode::UNAUTHORIZED && path.starts_with("/api/") {
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"datalayer\""),
        );
    }
    dress(&mut response, &id, &path, doors.settings.cookies);
    response
}

/// A refusal that a framework made: it gets our words too. Pages and files bring their own.
fn wordless(response: &Response, for_programs: bool) -> Option<Problem> {
    let status = response.status();
    let media = response
        .headers()
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes);
    let ours = match media {
        None => false,
        Some(media) => {
            media.starts_with(b"application/") || (!for_programs && media.starts_with(b"text/html"))
        }
    };
    let refused = status.is_client_error() || status.is_server_error();
    // Server functions answer their own errors, in their own encoding, with text/plain or without a type.
    let server_function = response.headers().contains_key("serverfnerror");
    (refused && !ours && !server_function).then(|| Problem::bare(status))
}

fn dress(response: &mut Response, id: &RequestId, path: &str, cookies: CookieMode) {
    const FIXED: [(HeaderName, HeaderValue); 5] = [
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (
            HeaderName::from_static("x-permitted-cross-domain-policies"),
            HeaderValue::from_static("none"),
        ),
        (
            HeaderName::from_static("permissions-policy"),
            HeaderValue::from_static(
                "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), midi=(), browsing-topics=()",
            ),
        ),
    ];
    const REPORTS: HeaderValue = HeaderValue::from_static("csp=\"/api/v1/reports\"");
    let switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        headers.insert("x-request-id", id);
    }
    if switching {
        return;
    }
    for (name, value) in FIXED {
        headers.insert(name, value);
    }
    // The set-up link stands in the address of its page. What a Hub asked is no other site's business, but the form of its page
    // must say whose it is.
    let referrer = if path == "/set-up" {
        "no-referrer"
    } else if path.starts_with("/oauth/") {
        "same-origin"
    } else {
        "strict-origin-when-cross-origin"
    };
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static(referrer));
    let policy = headers.get(header::CONTENT_SECURITY_POLICY);
    if policy.is_some_and(|policy| policy.as_bytes().ends_with(b"report-to csp")) {
        headers.insert("reporting-endpoints", REPORTS);
    }
    if cookies == CookieMode::Https {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
        ));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

#[derive(Clone)]
struct Panic(String);

fn panicked(cause: Box<dyn Any + Send>) -> Response<Body> {
    let words = cause.downcast_ref::<String>().cloned().or_else(|| {
        cause
            .downcast_ref::<&str>()
            .map(|words| (*words).to_owned())
    });
    let mut response = Problem::bare(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    let words: String = words
        .unwrap_or_else(|| "without words".to_owned())
        .chars()
        .take(256)
        .collect();
    response.extensions_mut().insert(Panic(words));
    response
}

/// Ids need not be secret, only different: random per process, then counted.
fn new_id() -> Arc<str> {
    static PROCESS: LazyLock<u64> =
        LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-{count:x}", *PROCESS >> 32).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_requests_never_share_an_id() {
        assert_ne!(new_id(), new_id());
    }

    #[test]
    fn a_page_may_frame_only_our_own_and_run_only_its_own_script() {
        let policy = page_policy("abc", None);
        assert!(policy.contains("script-src 'nonce-abc' 'strict-dynamic' 'wasm-unsafe-eval';"));
        assert!(policy.contains("frame-src 'self';"));
        assert!(policy.contains("form-action 'self';"));
        let beyond = page_policy("abc", Some("https://hub.example"));
        assert!(beyond.contains("form-action 'self' https://hub.example;"));
        assert!(policy.contains("frame-ancestors 'none'"));
        assert!(
            !policy
                .split(';')
                .any(|part| part.contains("script-src") && part.contains("unsafe-inline"))
        );
    }
}
