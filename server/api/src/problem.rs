//! Refusals on the wire: RFC 9457 problem documents, with a stable code and the request's id.

use std::ops::{Deref, DerefMut};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use datalayer::Error;
use serde::Serialize;

pub type Answer<T> = Result<T, Problem>;

/// Why a door did not open. It becomes its body in the outermost layer, which knows the request's id.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Problem(Box<Words>);

#[derive(Clone, Debug, Serialize)]
pub struct Words {
    #[serde(rename = "type")]
    kind: &'static str,
    pub title: &'static str,
    pub status: u16,
    pub code: String,
    pub detail: String,
    /// The field of the question that cannot be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The limit that was passed, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Where in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// Quote it when you report this.
    pub request: String,
    /// The same refusal as server functions send it, for our own pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Refused>,
    #[serde(skip)]
    cause: Option<Error>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    refused: Error,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Problem {
    pub fn new(status: StatusCode, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self(Box::new(Words {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Refused"),
            status: status.as_u16(),
            code: code.into(),
            detail: detail.into(),
            field: None,
            limit: None,
            position: None,
            retry_after: None,
            request: String::new(),
            error: None,
            cause: None,
        }))
    }

    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = u64::try_from(limit).ok();
        self
    }

    pub fn at(mut self, line: usize, column: usize) -> Self {
        self.position = Some(Position { line, column });
        self
    }

    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The asker is a page's script, which reads refusals as values.
    pub fn for_our_page(mut self) -> Self {
        self.error = self.cause.take().map(|refused| Refused { refused });
        self
    }

    /// For answers that a framework gave without words of ours.
    pub fn bare(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => ("page.not_found", "there is no such page"),
            StatusCode::METHOD_NOT_ALLOWED => (
                "method.not_allowed",
                "this address does not take that method; the Allow header names those it takes",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => ("body.too_large", "the body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (
                "body.media_type",
                "this address does not take that content type",
            ),
            StatusCode::REQUEST_TIMEOUT => ("body.too_slow", "the body took too long to arrive"),
            status if status.is_server_error() => (
                "internal",
                "something broke on our side; quote the request's id when you report it",
            ),
            _ => ("request.malformed", "the request could not be understood"),
        };
        Self::new(status, code, detail)
    }

    /// The response with its body. `human`: someone reads this in a browser, outside our pages.
    pub fn render(self, mut response: Response, human: bool) -> Response {
        let (media, body) = if human {
            ("text/html; charset=utf-8", self.page())
        } else {
            (
                "application/problem+json",
                serde_json::to_string(&self).unwrap_or_default(),
            )
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.remove(header::CONTENT_LENGTH);
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        *response.body_mut() = Body::from(body);
        response
    }

    fn page(&self) -> String {
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title}</title><h1>{title}</h1><p>{detail}.</p><p><a href=\"/\">Go to the studio</a></p>\
             <p><small>{code} · request {request}</small></p></html>",
            title = escaped(self.title),
            detail = escaped(&self.detail),
            code = escaped(&self.code),
            request = escaped(&self.request),
        )
    }
}

impl Deref for Problem {
    type Target = Words;
    fn deref(&self) -> &Words {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Words {
        &mut self.0
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status =
            StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut problem = Self::new(status, error.code(), error.to_string());
        problem.cause = Some(error.clone());
        match error {
            Error::Invalid { field, .. } => problem.field = Some(field),
            Error::TooMany { retry_after } => problem.retry_after = Some(retry_after),
            Error::Unavailable { .. } => problem.retry_after = Some(5),
            _ => {}
        }
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(self);
        response
    }
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_its_code_and_its_field() {
        let problem = Problem::from(Error::invalid(
            "name",
            "space.name",
            "a name has 1 to 100 characters",
        ));
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["status"], 422);
        assert_eq!(json["code"], "space.name");
        assert_eq!(json["field"], "name");
        assert_eq!(json["detail"], "a name has 1 to 100 characters");
    }

    #[test]
    fn a_problem_for_people_shows_hostile_words_as_text() {
        let problem = Problem::new(StatusCode::NOT_FOUND, "x", "<script>alert(1)</script>");
        assert!(!problem.page().contains("<script>"));
    }
}
