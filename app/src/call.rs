//! The seam between pages and the Datalayer: server functions ring here, and refusals come back as values.

use datalayer::Error;
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
pub use here::*;

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallError {
    /// The Datalayer heard us and said no.
    #[error(transparent)]
    Refused(Error),
    /// The question or the answer was lost on the way.
    #[error("the studio does not answer; what you wrote is still here, so try again")]
    Lost,
    /// What was sent is not what a page of this version sends.
    #[error("this page and the studio do not understand each other; reload the page and try again")]
    Garbled,
}

impl CallError {
    /// Is it about this field of a form?
    pub fn about(&self, field: &str) -> Option<String> {
        match self {
            Self::Refused(Error::Invalid { field: of, .. }) if of == field => Some(sentence(self)),
            _ => None,
        }
    }

    /// Is it about one field of a form, so that it is shown there?
    pub fn is_about(&self, fields: &[&str]) -> bool {
        matches!(self, Self::Refused(Error::Invalid { field, .. }) if fields.contains(&field.as_str()))
    }

    pub fn status(&self) -> u16 {
        match self {
            Self::Refused(error) => error.status(),
            Self::Lost => 502,
            Self::Garbled => 400,
        }
    }
}

/// As it is shown: a capital at the front and a full stop behind.
pub fn sentence(error: &impl ToString) -> String {
    let words = error.to_string();
    let mut letters = words.chars();
    let mut sentence: String = letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(not(feature = "ssr"))]
impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// A refusal on its way to a page. Without script it travels in an address, which anyone can write: the seal shows that it is ours.
#[derive(Serialize, Deserialize)]
struct Sealed {
    error: CallError,
    #[serde(default)]
    seal: String,
}

impl FromServerFnError for CallError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(value: ServerFnErrorErr) -> Self {
        let error = match value {
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Deserialization(_) => Self::Garbled,
            _ => Self::Lost,
        };
        answer_with(&error);
        error
    }

    fn ser(&self) -> leptos::server_fn::Bytes {
        let sealed = Sealed {
            error: self.clone(),
            seal: seal(self),
        };
        serde_json::to_vec(&sealed).unwrap_or_default().into()
    }

    fn de(data: leptos::server_fn::Bytes) -> Self {
        serde_json::from_slice::<Sealed>(&data).map_or(Self::Lost, |sealed| sealed.error)
    }
}

#[cfg(not(feature = "ssr"))]
fn seal(_error: &CallError) -> String {
    String::new()
}

#[cfg(not(feature = "ssr"))]
fn answer_with(_error: &CallError) {}

/// The status of the page being drawn, where it is not 200. The browser has no use for it.
#[cfg(not(feature = "ssr"))]
pub fn page_status(_status: u16) {}

/// Turns a page away whose address carries a refusal we did not write. The server has done it before a browser looks.
#[cfg(not(feature = "ssr"))]
pub fn check_address() {}

/// A cookie of the reader's, where the server draws; the browser reads it elsewhere.
#[cfg(not(feature = "ssr"))]
pub fn cookie(_name: &str) -> Option<String> {
    None
}

/// The path of the page the server draws.
#[cfg(not(feature = "ssr"))]
pub fn path() -> String {
    String::new()
}

/// Where a sign-in may lead: a path of ours, else home.
pub fn safe_next(next: &str) -> String {
    // What a browser reads as another origin: `//host`, `/\host`, and either with white space the URL parser drops.
    let path = next.starts_with('/') && !next[1..].starts_with(['/', '\\']);
    let plain = next.len() <= 2_000
        && next
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    // `%0d%0a` and other control characters, however they are written.
    let decoded_controls = next.as_bytes().windows(3).any(|three| {
        three[0] == b'%' && matches!(three[1], b'0' | b'1')
            || three[0] == b'%' && three[1] == b'7' && matches!(three[2], b'f' | b'F')
    });
    if path && plain && !decoded_controls {
        next.to_owned()
    } else {
        "/".to_owned()
    }
}

#[cfg(feature = "ssr")]
mod here {
    //! The server's half.

    use std::hash::{BuildHasher, RandomState};
    use std::sync::LazyLock;

    use axum::Extension;
    use axum::http::header::{ACCEPT, COOKIE, SET_COOKIE};
    use axum::http::request::Parts;
    use axum::http::{HeaderValue, StatusCode};
    use datalayer::{Error, Session, ThisBrowser, User};
    use leptos::prelude::*;
    use leptos_axum::ResponseOptions;

    use super::{CallError, Sealed};

    /// The visitor's Datalayer. The server puts it in the request before any page is drawn.
    pub async fn datalayer() -> Result<Session, CallError> {
        match leptos_axum::extract::<Extension<Session>>().await {
            Ok(Extension(session)) => Ok(session),
            Err(_) => Err(CallError::Lost),
        }
    }

    impl From<Error> for CallError {
        fn from(error: Error) -> Self {
            let error = Self::Refused(error);
            answer_with(&error);
            error
        }
    }

    /// The sign-in was accepted: the visitor's browser keeps it, and the page goes on to `next`.
    pub async fn opened(person: &User, next: &str) -> Result<String, CallError> {
        browser().await?.remember(person).await?;
        Ok(go_on(super::safe_next(next)))
    }

    /// The sign-in is over.
    pub async fn closed() -> Result<String, CallError> {
        browser().await?.forget().await?;
        Ok(go_on("/sign-in".to_owned()))
    }

    async fn browser() -> Result<ThisBrowser, CallError> {
        match leptos_axum::extract::<Extension<ThisBrowser>>().await {
            Ok(Extension(browser)) => Ok(browser),
            Err(_) => Err(CallError::Lost),
        }
    }

    /// Leads a form without script on; with script the page goes by itself.
    pub fn go_on(path: String) -> String {
        if wants_html() {
            leptos_axum::redirect(&path);
        }
        path
    }

    /// The status of the page being drawn, where it is not 200.
    pub fn page_status(status: u16) {
        if let (Some(response), Ok(status)) = (
            use_context::<ResponseOptions>(),
            StatusCode::from_u16(status),
        ) {
            response.set_status(status);
        }
    }

    /// Turns a page away whose address carries a refusal we did not write, so that nobody can put words into our mouth with a link.
    pub fn check_address() {
        let Some(parts) = use_context::<Parts>() else {
            return;
        };
        let query = parts.uri.query().unwrap_or_default();
        let refusal = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("__err="));
        if refusal.is_some_and(|refusal| !is_ours(refusal)) {
            let rest: Vec<&str> = query
                .split('&')
                .filter(|pair| !pair.starts_with("__err=") && !pair.starts_with("__path="))
                .collect();
            let path = parts.uri.path();
            let mark = if rest.is_empty() { "" } else { "?" };
            leptos_axum::redirect(&format!("{path}{mark}{}", rest.join("&")));
        }
    }

    /// The path of the page being drawn.
    pub fn path() -> String {
        use_context::<Parts>().map_or_else(String::new, |parts| parts.uri.path().to_owned())
    }

    /// Keeps a choice of the reader's for a year; scripts of ours may read it.
    pub fn keep(name: &str, value: &str) {
        append_cookie(&format!(
            "{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax"
        ));
    }

    /// A cookie of the reader's.
    pub fn cookie(name: &str) -> Option<String> {
        let cookies = header(COOKIE)?;
        cookies.split(';').find_map(|pair| {
            pair.trim()
                .strip_prefix(name)?
                .strip_prefix('=')
                .map(str::to_owned)
        })
    }

    /// Sets the status of a call's answer. A form without script is answered with a redirect, which a status would undo;
    /// a page says itself what its status is.
    pub(super) fn answer_with(error: &CallError) {
        let called =
            use_context::<Parts>().is_some_and(|parts| parts.uri.path().starts_with("/ui/"));
        if called && !wants_html() {
            page_status(error.status());
        }
    }

    pub(super) fn seal(error: &CallError) -> String {
        /// Its keys are random and die with the process: a refusal need not outlive the page it belongs to.
        static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let words = serde_json::to_vec(error).unwrap_or_default();
        format!("{:016x}", KEYS.hash_one(words))
    }

    fn is_ours(refusal: &str) -> bool {
        let refusal = refusal.replace("%3D", "=").replace("%3d", "=");
        let decoded = leptos::server_fn::error::ServerFnUrlError::<Checked>::decode_err(&refusal);
        decoded.0
    }

    /// Reads a refusal only to see whether its seal is ours.
    #[derive(Debug)]
    struct Checked(bool);

    impl leptos::server_fn::error::FromServerFnError for Checked {
        type Encoder = leptos::server_fn::codec::JsonEncoding;
        fn from_server_fn_error(_: leptos::server_fn::error::ServerFnErrorErr) -> Self {
            Self(false)
        }
        fn de(data: leptos::server_fn::Bytes) -> Self {
            Self(
                serde_json::from_slice::<Sealed>(&data)
                    .is_ok_and(|sealed| seal(&sealed.error) == sealed.seal),
            )
        }
    }

    impl serde::Serialize for Checked {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bool(self.0)
        }
    }

    impl<'de> serde::Deserialize<'de> for Checked {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            bool::deserialize(deserializer).map(Self)
        }
    }

    fn append_cookie(cookie: &str) {
        if let (Some(response), Ok(cookie)) = (
            use_context::<ResponseOptions>(),
            HeaderValue::from_str(cookie),
        ) {
            response.append_header(SET_COOKIE, cookie);
        }
    }

    fn wants_html() -> bool {
        header(ACCEPT).is_some_and(|accept| accept.contains("text/html"))
    }

    fn header(name: axum::http::HeaderName) -> Option<String> {
        let parts = use_context::<Parts>()?;
        parts.headers.get(name)?.to_str().ok().map(str::to_owned)
    }

    #[cfg(test)]
    mod tests {
        use leptos::server_fn::error::{FromServerFnError, ServerFnUrlError};

        use super::*;

        #[test]
        fn a_refusal_in_an_address_is_ours_only_with_our_seal() {
            let refusal =
                CallError::Refused(Error::not_accepted("sign_in.refused", "that is not right"));
            let url = ServerFnUrlError::new("/ui/x", refusal.clone())
                .to_url("http://studio.example/sign-in?next=%2Fs")
                .unwrap();
            let in_address = |url: &str| {
                url.split('&')
                    .find_map(|pair| pair.strip_prefix("__err="))
                    .map(str::to_owned)
                    .unwrap()
            };
            assert!(is_ours(&in_address(url.as_str())));
            let forged = Sealed {
                error: refusal,
                seal: "0123456789abcdef".into(),
            };
            let forged = ServerFnUrlError::new("/ui/x", Raw(serde_json::to_vec(&forged).unwrap()))
                .to_url("http://studio.example/")
                .unwrap();
            assert!(!is_ours(&in_address(forged.as_str())));
            assert!(!is_ours("bm9uc2Vuc2U="));
            assert!(!is_ours("%%%"));
        }

        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        struct Raw(Vec<u8>);
        impl FromServerFnError for Raw {
            type Encoder = leptos::server_fn::codec::JsonEncoding;
            fn from_server_fn_error(_: leptos::server_fn::error::ServerFnErrorErr) -> Self {
                Self(Vec::new())
            }
            fn ser(&self) -> leptos::server_fn::Bytes {
                self.0.clone().into()
            }
        }
    }
}

#[cfg(feature = "ssr")]
use here::{answer_with, seal};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_only_to_a_path_of_ours() {
        for bad in [
            "//evil.com",
            "/\\evil.com",
            "https:evil.com",
            "https://evil.com/",
            "/%0d%0aSet-Cookie:x=1",
            "/%0D%0Ax",
            "",
            "javascript:alert(1)",
            "/a\nb",
            "/\t/evil.com",
            "\\\\evil.com",
            "/a b",
        ] {
            assert_eq!(safe_next(bad), "/", "{bad:?}");
        }
        for good in [
            "/",
            "/s/space_01",
            "/n/nb_01?cell=3#out",
            "/settings",
            "/a//b",
        ] {
            assert_eq!(safe_next(good), good);
        }
    }

    #[test]
    fn a_refusal_is_shown_as_a_sentence() {
        assert_eq!(
            sentence(&"there is no such space"),
            "There is no such space."
        );
        assert_eq!(sentence(&"Already whole."), "Already whole.");
    }
}
