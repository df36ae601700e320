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

    /// The header that makes a browser forget.
    pub fn clear(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Https => "__Host-studio=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0",
            Self::PlainLoopback => "studio=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0",
        })
    }

    /// Takes our cookie away where it is none the studio has set. Two of our name are none: one of them was planted.
    pub fn tidy(self, headers: &mut HeaderMap) {
        let lines: Vec<_> = headers.get_all(header::COOKIE).iter().cloned().collect();
        let mut others = Vec::new();
        let mut ours = Vec::new();
        for line in &lines {
            // What is no text is no cookie either.
            for pair in line.to_str().unwrap_or_default().split(';').map(str::trim) {
                match pair.split_once('=') {
                    Some((name, value)) if name == self.name() => ours.push((pair, value)),
                    _ if pair.is_empty() => {}
                    _ => others.push(pair),
                }
            }
        }
        match ours.as_slice() {
            [] => return,
            [(pair, value)] if is_id(value) => others.push(pair),
            _ => {}
        }
        headers.remove(header::COOKIE);
        if let (false, Ok(line)) = (others.is_empty(), HeaderValue::from_str(&others.join("; "))) {
            headers.insert(header::COOKIE, line);
        }
    }
}

/// 128 bits in base64url.
fn is_id(value: &str) -> bool {
    value.len() == 22
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
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

    fn left(mode: CookieMode, lines: &[&str]) -> String {
        let mut headers = headers(lines);
        mode.tidy(&mut headers);
        assert!(headers.get_all(header::COOKIE).iter().count() <= 1);
        headers
            .get(header::COOKIE)
            .map_or(String::new(), |line| line.to_str().unwrap().to_owned())
    }

    const ID: &str = "AbCdEfGhIjKlMnOpQrSt-_";

    #[test]
    fn one_cookie_of_ours_stays_among_others() {
        let sent = format!("theme=dark; studio={ID}; other=1");
        assert_eq!(
            left(CookieMode::PlainLoopback, &[&sent]),
            format!("theme=dark; other=1; studio={ID}")
        );
    }

    #[test]
    fn a_plain_cookie_is_not_ours_over_https() {
        let sent = format!("studio={ID}");
        assert_eq!(left(CookieMode::Https, &[&sent]), sent);
        assert_eq!(CookieMode::Https.name(), "__Host-studio");
    }

    #[test]
    fn two_cookies_of_our_name_are_none() {
        let (one, other) = (format!("a=1; studio={ID}"), format!("studio={ID}; b=2"));
        assert_eq!(left(CookieMode::PlainLoopback, &[&one, &other]), "a=1; b=2");
        assert_eq!(left(CookieMode::PlainLoopback, &["studio=x; b=2"]), "b=2");
        assert_eq!(left(CookieMode::PlainLoopback, &["studio="]), "");
    }

    #[test]
    fn what_deletes_a_host_cookie_is_what_browsers_accept() {
        let clear = CookieMode::Https.clear();
        assert!(clear.to_str().unwrap().contains("; Secure"));
    }
}
