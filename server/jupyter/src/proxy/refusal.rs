//! Why a request did not go on or has no answer: in words for people, and with a code for programs.

use bytes::Bytes;
use hyper::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    RETRY_AFTER,
};
use hyper::{HeaderMap, Method, Response, StatusCode};

use super::body::Body;

const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// Our pages here load nothing and are shown nowhere else.
const POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Seconds after which to try again what is only busy or away.
const AGAIN: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request's target can be read in two ways.
    Target(&'static str),
    /// Not below the base path.
    Elsewhere,
    Method,
    /// The request's fields can be read in two ways.
    Malformed(&'static str),
    /// It came through this very proxy before.
    Loop,
    /// As many requests as there may be are under way.
    Busy,
    /// No connection stands.
    Unreachable,
    /// The connection broke before there was an answer, or what came is none.
    Answer,
    /// The browser's own body broke off.
    Upload,
    /// No answer within the time there is.
    Silent,
    /// The session this request belonged to is over.
    Ended,
}

impl Refusal {
    pub fn status(self) -> StatusCode {
        match self {
            Self::Target(_) | Self::Malformed(_) | Self::Upload => StatusCode::BAD_REQUEST,
            Self::Elsewhere => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Loop => StatusCode::LOOP_DETECTED,
            Self::Busy | Self::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Answer => StatusCode::BAD_GATEWAY,
            Self::Silent => StatusCode::GATEWAY_TIMEOUT,
            Self::Ended => StatusCode::UNAUTHORIZED,
        }
    }

    pub fn code(self) -> &'static str {
        match self {
            Self::Target(_) => "hub.target",
            Self::Elsewhere => "hub.elsewhere",
            Self::Method => "method.not_allowed",
            Self::Malformed(_) => "request.malformed",
            Self::Loop => "hub.loop",
            Self::Busy => "hub.busy",
            Self::Unreachable => "hub.unreachable",
            Self::Answer => "hub.broken",
            Self::Upload => "body.broken",
            Self::Silent => "hub.silent",
            Self::Ended => "session.over",
        }
    }

    fn detail(self) -> String {
        match self {
            Self::Target(why) => format!("this address is not passed to JupyterHub: {why}"),
            Self::Malformed(why) => format!("the request could be read in two ways: {why}"),
            Self::Elsewhere => "this address is not JupyterHub's".to_owned(),
            Self::Method => "JupyterHub is not asked with that method".to_owned(),
            Self::Loop => "the address configured for JupyterHub leads back to the studio; \
                 an administrator has to set it to the address of the Hub's own proxy"
                .to_owned(),
            Self::Busy => "more requests to JupyterHub are under way than there may be; \
                 try again in a moment"
                .to_owned(),
            Self::Unreachable => "JupyterHub does not answer. It may be starting: try again in a moment. \
                 If it stays like this, ask an administrator to look whether the Hub and its proxy run"
                .to_owned(),
            Self::Answer => "JupyterHub broke off, or answered with what is no HTTP. Try again; \
                 if it stays like this, ask an administrator to look into the logs of the Hub's proxy"
                .to_owned(),
            Self::Upload => "the body of the request broke off".to_owned(),
            Self::Silent => "JupyterHub took the request and did not answer in time. What was asked for \
                 may still happen: look before you ask again"
                .to_owned(),
            Self::Ended => "the session this request belonged to is over; sign in again".to_owned(),
        }
    }

    pub fn answer(self, reader: Reader) -> Response<Body> {
        let status = self.status();
        let title = status.canonical_reason().unwrap_or("Refused");
        let detail = self.detail();
        let mut response = match reader {
            Reader::Person => page(
                status,
                title,
                &format!("<p>{}.</p>", escaped(&detail)),
                self.code(),
            ),
            Reader::Program => {
                let problem = serde_json::json!({
                    "type": "about:blank",
                    "title": title,
                    "status": status.as_u16(),
                    "code": self.code(),
                    "detail": detail,
                });
                written(status, "application/problem+json", problem.to_string())
            }
        };
        let headers = response.headers_mut();
        if matches!(self, Self::Busy | Self::Unreachable) {
            headers.insert(RETRY_AFTER, HeaderValue::from(AGAIN));
        }
        if self == Self::Method {
            headers.insert(
                ALLOW,
                HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
            );
        }
        response
    }
}

/// Who reads what we say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// In a browser's window.
    Person,
    Program,
}

impl Reader {
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        let navigates = match headers.get(FETCH_MODE) {
            Some(mode) => mode == "navigate",
            None => headers.get(ACCEPT).is_some_and(|accept| {
                accept
                    .as_bytes()
                    .windows(9)
                    .any(|part| part == b"text/html")
            }),
        };
        if navigates && matches!(*method, Method::GET | Method::HEAD | Method::POST) {
            Self::Person
        } else {
            Self::Program
        }
    }
}

/// A page of ours. `content` is HTML already.
pub fn page(status: StatusCode, title: &str, content: &str, code: &str) -> Response<Body> {
    let title = escaped(title);
    let mut response = written(
        status,
        "text/html; charset=utf-8",
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title}</title><h1>{title}</h1>{content}<p><a href=\"/\">Go to the studio</a></p>\
             <p><small>{code}</small></p></html>"
        ),
    );
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn written(status: StatusCode, media: &'static str, content: String) -> Response<Body> {
    let mut response = Response::new(Body::full(Bytes::from(content)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
