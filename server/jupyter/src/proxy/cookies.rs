//! The studio's cookies stay the studio's: taken out of what goes to the Hub, and not set by what comes from it.

use hyper::HeaderMap;
use hyper::header::{COOKIE, HeaderValue, SET_COOKIE};

/// Take the cookies of these names out, and join what several lines (the crumbs of HTTP/2) bring into one.
///
/// What is left goes on byte for byte.
pub fn take_out(headers: &mut HeaderMap, names: &[&str]) {
    let mut lines = headers.get_all(COOKIE).iter();
    let (Some(first), second) = (lines.next(), lines.next()) else {
        return;
    };
    if second.is_none() && crumbs(first.as_bytes()).all(|crumb| !is_named(crumb, names)) {
        return;
    }
    let mut left = Vec::new();
    for crumb in headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|line| crumbs(line.as_bytes()))
        .filter(|crumb| !crumb.is_empty() && !is_named(crumb, names))
    {
        if !left.is_empty() {
            left.extend_from_slice(b"; ");
        }
        left.extend_from_slice(crumb);
    }
    headers.remove(COOKIE);
    // Parts of values are values.
    if !left.is_empty()
        && let Ok(line) = HeaderValue::from_maybe_shared(bytes::Bytes::from(left))
    {
        headers.insert(COOKIE, line);
    }
}

/// Drop every `Set-Cookie` that a browser would send back under one of these names.
pub fn keep_ours(headers: &mut HeaderMap, names: &[&str]) {
    let sets_ours = |line: &HeaderValue| is_named(set_by(line.as_bytes()), names);
    if !headers.get_all(SET_COOKIE).iter().any(sets_ours) {
        return;
    }
    let kept: Vec<_> = headers
        .get_all(SET_COOKIE)
        .iter()
        .filter(|line| !sets_ours(line))
        .cloned()
        .collect();
    headers.remove(SET_COOKIE);
    for line in kept {
        headers.append(SET_COOKIE, line);
    }
    tracing::warn!("an answer of the Hub tried to set a cookie of the studio");
}

fn crumbs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii)
}

/// `name=value` of a `Set-Cookie`. A cookie without a name is sent as its bare value, which reads as a pair again.
fn set_by(line: &[u8]) -> &[u8] {
    let mut pair = crumbs(line).next().unwrap_or_default();
    while let Some(rest) = pair.strip_prefix(b"=") {
        pair = rest.trim_ascii();
    }
    pair
}

fn is_named(pair: &[u8], names: &[&str]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    let name = name.trim_ascii();
    names
        .iter()
        .any(|ours| ours.as_bytes().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &[&str] = &["__Host-studio", "studio"];

    fn sent_on(lines: &[&'static str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        take_out(&mut headers, OURS);
        let lines = headers.get_all(COOKIE).iter();
        lines
            .map(|line| line.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn our_cookies_are_taken_out_and_the_others_left_as_they_are() {
        assert_eq!(
            sent_on(&["_xsrf=2|a;  b=\"x y\";c"]),
            ["_xsrf=2|a;  b=\"x y\";c"]
        );
        assert_eq!(sent_on(&["a=1; __Host-studio=secret; b=2"]), ["a=1; b=2"]);
        assert_eq!(
            sent_on(&["a=1;studio=secret;b=2;\tstudio =x"]),
            ["a=1; b=2"]
        );
        assert_eq!(sent_on(&["studio=secret"]), [""; 0]);
        assert_eq!(sent_on(&["studio"]), [""; 0]);
        assert_eq!(sent_on(&["studios=1; xstudio=2"]), ["studios=1; xstudio=2"]);
        // A browser knows no quotes around semicolons.
        assert_eq!(sent_on(&["a=\"x; studio=secret\""]), ["a=\"x"]);
        assert_eq!(sent_on(&["a=\"x; studio=secret; y\""]), ["a=\"x; y\""]);
        assert_eq!(sent_on(&["a=1", "b=2", "studio=secret"]), ["a=1; b=2"]);
        assert_eq!(sent_on(&["a=1", "", "b=2"]), ["a=1; b=2"]);
    }

    #[test]
    fn the_hub_cannot_set_our_cookies_by_any_spelling() {
        let kept = [
            "_xsrf=2|a; Path=/jupyter/",
            "jupyterhub-session-id=x; HttpOnly; Path=/",
            "other=studio=1",
            "studios=1",
        ];
        let dropped = [
            "studio=evil; Path=/",
            " studio = evil",
            "__Host-studio=evil; Secure; Path=/",
            "__HOST-STUDIO=evil; Secure; Path=/",
            "=studio=evil",
            "= =studio=evil; Path=/",
            "studio; Path=/",
            "studio=; Max-Age=0",
        ];
        let mut headers = HeaderMap::new();
        for (one, other) in dropped.iter().zip(kept.iter().cycle()) {
            headers.append(SET_COOKIE, HeaderValue::from_static(one));
            headers.append(SET_COOKIE, HeaderValue::from_static(other));
        }
        keep_ours(&mut headers, OURS);
        let left: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
        assert_eq!(left.len(), dropped.len());
        assert!(left.iter().all(|line| kept.iter().any(|kept| kept == line)));
    }
}
