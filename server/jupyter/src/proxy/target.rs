//! Which request targets go on: origin form below the base path, and then byte for byte.
//!
//! Whoever reads a path differently than we do could be led out of the base path, so what can be read in two ways is
//! refused instead of being made plain. Browsers resolve dots and turn backslashes round before they ask.

use hyper::http::uri::PathAndQuery;
use hyper::{Method, Uri, Version};

use super::refusal::Refusal;

#[derive(Debug)]
pub enum Target {
    /// Goes on as it is.
    Below(PathAndQuery),
    /// The base path without its last slash.
    Bare,
}

pub fn check(base: &str, method: &Method, uri: &Uri, version: Version) -> Result<Target, Refusal> {
    // TRACE would show scripts what they may not read, and a tunnel leads anywhere.
    if matches!(*method, Method::CONNECT | Method::TRACE) {
        return Err(Refusal::Method);
    }
    // HTTP/2 always brings scheme and authority, in fields of their own.
    if version < Version::HTTP_2 && (uri.scheme().is_some() || uri.authority().is_some()) {
        return Err(Refusal::Target("it is not of the form /path"));
    }
    let Some(target) = uri.path_and_query() else {
        return Err(Refusal::Target("it is not of the form /path"));
    };
    let path = target.path();
    let Some(below) = path.strip_prefix(base) else {
        return if base.strip_suffix('/') == Some(path) {
            Ok(Target::Bare)
        } else {
            Err(Refusal::Elsewhere)
        };
    };
    if below.bytes().any(|byte| byte == b'\\' || byte < 0x20) {
        return Err(Refusal::Target("a backslash in a path is written %5C"));
    }
    if has_dots(below.as_bytes()) {
        return Err(Refusal::Target("its path has a segment . or .."));
    }
    Ok(Target::Below(target.clone()))
}

/// A segment `.` or `..`, whatever of it or of the separators around it is percent-encoded.
fn has_dots(mut path: &[u8]) -> bool {
    let (mut dots, mut others) = (0_usize, false);
    loop {
        let (byte, rest) = match path {
            [] => return is_dots(dots, others),
            [b'%', high, low, rest @ ..] => match (high, low) {
                (b'2', b'e' | b'E') => (b'.', rest),
                (b'2', b'f' | b'F') | (b'5', b'c' | b'C') => (b'/', rest),
                _ => (b'%', rest),
            },
            [byte, rest @ ..] => (*byte, rest),
        };
        path = rest;
        match byte {
            b'/' => {
                if is_dots(dots, others) {
                    return true;
                }
                (dots, others) = (0, false);
            }
            b'.' => dots += 1,
            _ => others = true,
        }
    }
}

fn is_dots(dots: usize, others: bool) -> bool {
    !others && matches!(dots, 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(target: &str) -> Result<Target, Refusal> {
        let uri: Uri = target.parse().unwrap();
        check("/jupyter/", &Method::GET, &uri, Version::HTTP_11)
    }

    #[test]
    fn what_is_below_the_base_path_goes_on_byte_for_byte() {
        for target in [
            "/jupyter/",
            "/jupyter/hub/login?next=%2Fjupyter%2Fhub%2F..",
            "/jupyter/user/ada/api/contents/a%2Fb%20c/...x/.hidden/x..y",
            "/jupyter/user/ada/proxy/8080//double//slashes/",
            "/jupyter/%2E%2Ea/a%5Cb?x=../..&y=\\",
            "/jupyter/%252e%252e/",
        ] {
            let Ok(Target::Below(kept)) = checked(target) else {
                panic!("{target}");
            };
            assert_eq!(kept.as_str(), target);
        }
        assert!(matches!(checked("/jupyter"), Ok(Target::Bare)));
        assert!(matches!(checked("/jupyter?x"), Ok(Target::Bare)));
    }

    #[test]
    fn what_leads_or_could_be_read_to_lead_elsewhere_does_not_go_on() {
        for target in [
            "/jupyter/..",
            "/jupyter/../admin",
            "/jupyter/a/./b",
            "/jupyter/%2e%2E/admin",
            "/jupyter/.%2e/admin",
            "/jupyter/a%2f..%2fb",
            "/jupyter/a%5c..%5Cb",
            "/jupyter/..%2f",
            "/jupyter/.",
            "/jupyter/\\..\\",
            "http://evil.example/jupyter/",
            "evil.example:443",
        ] {
            assert!(
                matches!(checked(target), Err(Refusal::Target(_))),
                "{target}: {:?}",
                checked(target)
            );
        }
        for target in [
            "/",
            "/jupyterx/",
            "//jupyter/",
            "/Jupyter/",
            "/jupyter%2f",
            "/%6aupyter/",
            "*",
        ] {
            assert!(
                matches!(checked(target), Err(Refusal::Elsewhere)),
                "{target}: {:?}",
                checked(target)
            );
        }
    }
}
