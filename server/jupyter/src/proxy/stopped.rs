//! A person's server that does not run: the page that offers to start it.

use std::fmt::Write as _;

use hyper::header::{HeaderName, SERVER};
use hyper::http::uri::PathAndQuery;
use hyper::{Response, StatusCode};

use super::body::Body;
use super::refusal::{escaped, page};

/// What Jupyter's applications answer right below a server. Anything else that a server can be called is a named server:
/// the Hub knows which exist, and says so where there is none.
const ROOMS: &[&str] = &[
    "api",
    "consoles",
    "doc",
    "edit",
    "files",
    "hub",
    "kernelspecs",
    "lab",
    "login",
    "logout",
    "metrics",
    "nbclassic",
    "nbconvert",
    "nbextensions",
    "notebooks",
    "oauth_callback",
    "proxy",
    "rstudio",
    "static",
    "terminals",
    "tree",
    "view",
    "voila",
    "vscode",
];

/// Whose server a target is on: the two names as they stand in the path.
#[derive(Debug, PartialEq, Eq)]
pub struct Server<'a> {
    owner: &'a str,
    name: &'a str,
}

impl<'a> Server<'a> {
    pub fn of(base: &str, target: &'a PathAndQuery) -> Option<Self> {
        let below = target.path().strip_prefix(base)?.strip_prefix("user/")?;
        let (owner, rest) = below.split_once('/').unwrap_or((below, ""));
        let (name, _) = rest.split_once('/').unwrap_or((rest, ""));
        (!owner.is_empty()).then_some(Self {
            owner,
            name: if is_name(name) && !ROOMS.contains(&name) {
                name
            } else {
                ""
            },
        })
    }
}

/// Is it the Hub's proxy that says it cannot reach a server? The Hub and the servers sign what they say, and the Hub's
/// own page about a stopped server offers to start it too.
pub fn is_the_proxys<B>(answer: &Response<B>) -> bool {
    const HUB: HeaderName = HeaderName::from_static("x-jupyterhub-version");
    let headers = answer.headers();
    matches!(
        answer.status(),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY
    ) && !headers.contains_key(HUB)
        && !headers.contains_key(SERVER)
}

/// As JupyterHub 6 takes them.
fn is_name(name: &str) -> bool {
    (1..=30).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

pub fn answer(base: &str, server: &Server<'_>, target: &PathAndQuery) -> Response<Body> {
    let mut start = format!("{base}hub/spawn/{}", server.owner);
    if !server.name.is_empty() {
        let _ = write!(start, "/{}", server.name);
    }
    // The target stands below the base path, so this leads nowhere else.
    start.push_str("?next=");
    for byte in target.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            start.push(char::from(byte));
        } else {
            let _ = write!(start, "%{byte:02X}");
        }
    }
    let which = if server.name.is_empty() {
        String::new()
    } else {
        format!(" <b>{}</b>", escaped(server.name))
    };
    page(
        StatusCode::SERVICE_UNAVAILABLE,
        "The server is not running",
        &format!(
            "<p>The Jupyter server{which} that this address is on has stopped. Its files are still there.</p>\
             <p><a href=\"{}\">Start the server and come back here</a></p>",
            escaped(&start)
        ),
        "hub.stopped",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(target: &str) -> Option<(String, String)> {
        let target: PathAndQuery = target.parse().unwrap();
        Server::of("/jupyter/", &target).map(|server| (server.owner.into(), server.name.into()))
    }

    #[test]
    fn the_server_is_read_from_the_path() {
        let of = |owner: &str, name: &str| Some((owner.to_owned(), name.to_owned()));
        assert_eq!(names("/jupyter/user/ada/lab/tree/x"), of("ada", ""));
        assert_eq!(names("/jupyter/user/ada/proj-1/lab"), of("ada", "proj-1"));
        assert_eq!(names("/jupyter/user/ada"), of("ada", ""));
        assert_eq!(names("/jupyter/user/a%20b/"), of("a%20b", ""));
        assert_eq!(names("/jupyter/user/ada/%22%3E/"), of("ada", ""));
        assert_eq!(names("/jupyter/user//x/"), None);
        assert_eq!(names("/jupyter/hub/home"), None);
    }
}
