//! Tokens: `Authorization: Bearer dl_…` on the API and the WebSocket, instead of a cookie and never beside one.

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::cookie::Secret;

/// The token a request came with.
#[derive(Clone, Debug)]
pub struct Bearer(pub Secret);

/// A request with a token is a program's: its cookie is taken from it, so that it has the token's rights and no others, whatever
/// becomes of the token; and it need not say which page it acts for. No page of another site can send one: browsers ask us first
/// before they send this header across origins, and we never agree.
pub async fn instead_of_cookie(mut request: Request, next: Next) -> Response {
    if takes_tokens(request.uri().path())
        && let Some(token) = find(request.headers())
    {
        let headers = request.headers_mut();
        headers.remove(header::COOKIE);
        headers.remove(header::ORIGIN);
        headers.remove("sec-fetch-site");
        request.extensions_mut().insert(Bearer(token));
    }
    next.run(request).await
}

/// Pages take cookies only: a proxy in front may put its own tokens on every request.
fn takes_tokens(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/import/") || path == "/live"
}

fn find(headers: &HeaderMap) -> Option<Secret> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| Secret::new(token.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        find(&headers).map(|token| token.expose().to_owned())
    }

    #[test]
    fn only_a_bearer_is_a_token() {
        assert_eq!(found("Bearer dl_x").as_deref(), Some("dl_x"));
        assert_eq!(found("bearer  dl_x ").as_deref(), Some("dl_x"));
        assert_eq!(found("Basic YTpi"), None);
        assert_eq!(found("dl_x"), None);
    }

    #[test]
    fn pages_take_no_tokens() {
        assert!(
            takes_tokens("/api/v1/me") && takes_tokens("/import/space_x") && takes_tokens("/live")
        );
        assert!(!takes_tokens("/ui/x") && !takes_tokens("/settings"));
    }
}
