//! Header fields on their way: those of one hop stay behind, those that say who asks are ours to set.

use std::net::IpAddr;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT,
    FORWARDED, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE,
    TE, TRANSFER_ENCODING, UPGRADE, VIA,
};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, Version};

use super::about::About;
use super::cookies;
use super::refusal::Refusal;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Fields of one hop even where `Connection` does not name them.
const ONE_HOP: [HeaderName; 8] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// By which applications behind a proxy are told who asks and where: from outside they are nothing but a claim.
/// `REMOTE_USER` is what an authenticator of JupyterHub takes for a sign-in, and `Proxy` becomes a program's `HTTP_PROXY`.
const CLAIMS: [&str; 15] = [
    "forwarded",
    "proxy",
    "remote-user",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-url",
    "x-proxycontextpath",
    "x-real-ip",
    "x-remote-group",
    "x-remote-user",
    "x-rewrite-url",
    "x-scheme",
    "x-script-name",
    "x-url-scheme",
];

/// What the request asks of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    Answer,
    WebSocket,
}

/// Make a request's fields those of the request that goes on. `has_body` is so where one may follow.
///
/// # Errors
///
/// The request could be read in two ways, has gone round in a circle, or its host is none.
pub fn for_hub(
    request: &mut Parts,
    about: &About,
    via: &HeaderValue,
    has_body: bool,
) -> Result<Asks, Refusal> {
    let headers = &mut request.headers;
    unambiguous(headers, request.version)?;
    if went_round(headers, via) {
        return Err(Refusal::Loop);
    }
    let asks = if wants_websocket(headers, &request.method, request.version) {
        if has_body {
            return Err(Refusal::Malformed("a WebSocket handshake has no body"));
        }
        Asks::WebSocket
    } else {
        Asks::Answer
    };
    let trailers = takes_trailers(headers);
    leave_behind(headers);
    // Our own server has said "100 Continue" by the time a body is read.
    headers.remove(EXPECT);
    drop_claims(headers);
    cookies::take_out(headers, about.own_cookies);

    if asks == Asks::WebSocket {
        switch(headers);
    } else if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    // Said explicitly, because without it a GET would lose its body.
    if has_body && !headers.contains_key(CONTENT_LENGTH) {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    headers.append(VIA, via.clone());
    who_asks(headers, about)?;
    Ok(asks)
}

/// Make an answer's fields those of the answer that goes on.
///
/// # Errors
///
/// Its body is coded for its hop in a way that nobody undoes here.
pub fn for_browser(headers: &mut HeaderMap, own_cookies: &[&str]) -> Result<(), Refusal> {
    if headers.contains_key(TRANSFER_ENCODING) {
        if !is_only(headers, &TRANSFER_ENCODING, b"chunked") {
            return Err(Refusal::Answer);
        }
        // The chunks were counted, not this.
        headers.remove(CONTENT_LENGTH);
    }
    one_length(headers);
    leave_behind(headers);
    cookies::keep_ours(headers, own_cookies);
    Ok(())
}

/// The two fields of a WebSocket handshake that `leave_behind` took.
pub fn switch(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Is `Upgrade: websocket` said, and nothing else?
pub fn names_websocket(headers: &HeaderMap) -> bool {
    is_only(headers, &UPGRADE, b"websocket")
}

/// Seconds from `Keep-Alive: timeout=…`: how long the other side keeps a connection that nobody uses.
pub fn kept_for(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(KEEP_ALIVE)?.to_str().ok()?;
    value
        .split(',')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("timeout"))
        .and_then(|(_, seconds)| seconds.trim().parse().ok())
}

/// Trailers come when everything was decided by the header: what decides anything is not taken from them.
pub fn of_trailers(trailers: &mut HeaderMap) {
    leave_behind(trailers);
    for name in [
        AUTHORIZATION,
        CONTENT_ENCODING,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        COOKIE,
        HOST,
        SET_COOKIE,
    ] {
        trailers.remove(name);
    }
    drop_claims(trailers);
}

/// The server has refused what breaks the grammar, and has undone `Transfer-Encoding`; this is what it lets pass.
fn unambiguous(headers: &HeaderMap, version: Version) -> Result<(), Refusal> {
    if version < Version::HTTP_2 && headers.get_all(HOST).iter().count() > 1 {
        return Err(Refusal::Malformed("it names its host twice"));
    }
    if headers.contains_key(TRANSFER_ENCODING) && !is_only(headers, &TRANSFER_ENCODING, b"chunked")
    {
        return Err(Refusal::Malformed(
            "the only transfer coding that is taken is chunked, once",
        ));
    }
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        return Err(Refusal::Malformed("it says its length in two ways"));
    }
    Ok(())
}

fn went_round(headers: &HeaderMap, via: &HeaderValue) -> bool {
    headers.get_all(VIA).iter().any(|line| {
        line.as_bytes()
            .split(|byte| *byte == b',')
            .any(|hop| hop.trim_ascii() == via.as_bytes())
    })
}

/// HTTP/2 has another handshake, which our servers do not offer. No other protocol is switched to: behind `h2c` requests
/// would pass unseen.
fn wants_websocket(headers: &HeaderMap, method: &Method, version: Version) -> bool {
    version == Version::HTTP_11
        && *method == Method::GET
        && names_websocket(headers)
        && tokens(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case(b"upgrade"))
}

fn takes_trailers(headers: &HeaderMap) -> bool {
    tokens(headers, &TE).any(|token| token.eq_ignore_ascii_case(b"trailers"))
}

/// Remove the fields of one hop, and those that `Connection` names as such.
fn leave_behind(headers: &mut HeaderMap) {
    let lines: Vec<HeaderValue> = headers.get_all(CONNECTION).iter().cloned().collect();
    for token in lines.iter().flat_map(split) {
        if token.eq_ignore_ascii_case(b"keep-alive") || token.eq_ignore_ascii_case(b"close") {
            continue;
        }
        // A body's length belongs to the body, whatever is said about it.
        if let Ok(name) = HeaderName::from_bytes(token)
            && name != CONTENT_LENGTH
        {
            headers.remove(name);
        }
    }
    for name in &ONE_HOP {
        headers.remove(name);
    }
}

fn drop_claims(headers: &mut HeaderMap) {
    let claims: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_claim(name.as_str()))
        .cloned()
        .collect();
    for name in claims {
        headers.remove(name);
    }
}

/// Underscores count as hyphens: some servers hand both to applications under one name.
fn is_claim(name: &str) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte };
    let same = |one: &str, other: &str| {
        one.len() == other.len() && one.bytes().map(plain).eq(other.bytes())
    };
    const FAMILY: &str = "x-forwarded";
    name.get(..FAMILY.len())
        .is_some_and(|start| same(start, FAMILY))
        || CLAIMS.iter().any(|claim| same(name, claim))
}

fn who_asks(headers: &mut HeaderMap, about: &About) -> Result<(), Refusal> {
    let authority = Authority::try_from(about.host.as_bytes())
        .ok()
        .filter(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
        .ok_or(Refusal::Malformed("its host is none"))?;
    let client = about.client.to_canonical();
    let address = text(client.to_string());
    let bracketed = match client {
        IpAddr::V4(four) => format!("for={four}"),
        IpAddr::V6(six) => format!("for=\"[{six}]\""),
    };
    let proto = about.scheme.name();
    headers.insert(
        FORWARDED,
        text(format!("{bracketed};host=\"{authority}\";proto={proto}")),
    );
    headers.insert(
        FORWARDED_PORT,
        authority.port().map_or_else(
            || HeaderValue::from_static(about.scheme.port()),
            |port| text(port.as_str().to_owned()),
        ),
    );
    headers.insert(FORWARDED_FOR, address.clone());
    headers.insert(REAL_IP, address);
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(proto));
    headers.insert(FORWARDED_HOST, about.host.clone());
    headers.insert(HOST, about.host.clone());
    Ok(())
}

/// Addresses and hosts are visible ASCII.
fn text(value: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(value))
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The client has refused lengths that differ, but not said again what they agree on.
fn one_length(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = lines.next() else { return };
    let plain = |line: &HeaderValue| line.as_bytes().iter().all(u8::is_ascii_digit);
    if lines.next().is_none() && plain(first) {
        return;
    }
    let length = first
        .as_bytes()
        .split(|byte| *byte == b',')
        .next()
        .map(<[u8]>::trim_ascii)
        .filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
        .and_then(|digits| HeaderValue::from_bytes(digits).ok());
    headers.remove(CONTENT_LENGTH);
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length);
    }
}

fn is_only(headers: &HeaderMap, name: &HeaderName, word: &[u8]) -> bool {
    let mut lines = headers.get_all(name).iter();
    lines
        .next()
        .is_some_and(|line| line.as_bytes().trim_ascii().eq_ignore_ascii_case(word))
        && lines.next().is_none()
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).iter().flat_map(split)
}

fn split(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes()
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
}
