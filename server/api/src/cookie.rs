//! The session cookie.

use std::fmt;

use axum::http::{HeaderMap, HeaderValue, header};

/// Which cookie a browser gets. Over https it is bound to this host and never sent in the clear; without https only a loopback address is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieMode {
    Https,
    PlainLoopback,
}

impl CookieMode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Https => "__Host-studio",
            Self::PlainLoopback => "studio",
        }
    }

    fn attributes(self) -> &'static str {
        match self {
            Self::Https => "; Path=/; HttpOnly; SameSite=Lax; Secure",
            Self::PlainLoopback => "; Path=/; HttpOnly; SameSite=Lax",
        }
    }

    /// The header that signs a browser in.
    pub fn set(self, secret: &str, seconds: i64) -> Option<HeaderValue> {
        let text = format!(
            "{}={secret}{}; Max-Age={}",
            self.name(),
            self.attributes(),
            seconds.max(0)
        );
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The header that makes a browser forget.
    pub fn clear(self) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("{}={}; Max-Age=0", self.name(), self.attributes())).ok()
    }

    /// The secret a browser brought. Two cookies of our name are none: one of them was planted.
    pub fn find(self, headers: &HeaderMap) -> Option<Secret> {
        let mut found = None;
        for line in headers.get_all(header::COOKIE) {
            for pair in line.to_str().ok()?.split(';') {
                let Some((name, value)) = pair.trim().split_once('=') else {
                    continue;
                };
                if name != self.name() {
                    continue;
                }
                if found.is_some() || value.is_empty() || value.len() > 128 {
                    return None;
                }
                found = Some(Secret(value.to_owned()));
            }
        }
        found
    }
}

/// A cookie's value, or a token. It prints as nothing, so that no log can hold it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for line in lines {
            map.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        map
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let found = CookieMode::PlainLoopback.find(&headers(&["theme=dark; studio=abc; other=1"]));
        assert_eq!(found.unwrap().expose(), "abc");
    }

    #[test]
    fn a_plain_cookie_is_not_accepted_over_https() {
        assert!(CookieMode::Https.find(&headers(&["studio=abc"])).is_none());
    }

    #[test]
    fn two_cookies_of_our_name_are_none() {
        assert!(
            CookieMode::Https
                .find(&headers(&["__Host-studio=a", "__Host-studio=b"]))
                .is_none()
        );
    }

    #[test]
    fn https_cookies_are_bound_to_the_host() {
        let header = CookieMode::Https.set("abc", 60).unwrap();
        assert_eq!(
            header,
            "__Host-studio=abc; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60"
        );
    }
}
