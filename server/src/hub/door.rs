//! Requests to the Hub's origin, and the way there from the studio's.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use api::Doors;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use datalayer::{Caller, Key, SessionId, Timestamp};
use iam::Secret;
use jupyter::proxy::{About, Ends, Limits, Proxy, Scheme, Upstream};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;

use super::gate::{Gate, cookie};
use crate::config::{Hub, HubUrl, Place, PublicUrl};

/// Where the studio sends a browser back to, at the Hub's origin. No Hub has such a path: its own begin with the base path.
const ADMIT: &str = "/.datalayer/enter";
/// Where the Hub's door sends a browser that has no pass, at the studio's origin.
const ENTER: &str = "/hub/enter";
/// How long somebody may take to sign in on the way.
const WORD_SECONDS: u32 = 15 * 60;
/// The longest address a browser is sent back to.
const LONGEST: usize = 2_048;
/// Cookies of the studio's and of this door: they neither reach the Hub nor are set by it.
const OURS: &[&str] = &[
    "__Host-studio",
    "studio",
    "__Host-hub-pass",
    "hub-pass",
    "__Host-hub-word",
    "hub-word",
];

/// The Hub's origin, as the studio answers it.
pub struct HubDoor {
    place: HubUrl,
    /// The studio's own origin.
    studio: String,
    gate: Gate,
    proxy: Proxy,
    doors: Arc<Doors>,
}

#[derive(Deserialize)]
struct Entering {
    #[serde(default)]
    word: String,
    #[serde(default)]
    next: String,
}

/// Where the studio hands people over: `/hub/enter`, and the Hub's base path, which is at the other origin.
pub fn router(door: &Arc<HubDoor>) -> Router {
    let base = &door.place.base;
    let away = Arc::clone(door);
    let elsewhere = move |uri: Uri| {
        let to = format!("{}{}", away.place.origin, path_of(&uri));
        async move { Redirect::temporary(&to) }
    };
    let handed_over = Router::new()
        .route(ENTER, get(enter))
        .with_state(Arc::clone(door));
    api::visiting(handed_over, &door.doors)
        .route(base, get(elsewhere.clone()))
        .route(&format!("{base}{{*rest}}"), get(elsewhere))
}

/// Outside of everything else: what is for the Hub's host is none of the studio's routes.
pub async fn by_host(State(door): State<Arc<HubDoor>>, request: Request, next: Next) -> Response {
    let asked = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| {
            request
                .uri()
                .authority()
                .map(|authority| authority.as_str())
        });
    if asked.is_some_and(|host| host.eq_ignore_ascii_case(door.place.authority())) {
        door.answer(request).await
    } else {
        next.run(request).await
    }
}

/// A person goes over to the Hub.
async fn enter(
    State(door): State<Arc<HubDoor>>,
    Extension(caller): Extension<Caller>,
    Query(entering): Query<Entering>,
) -> Response {
    let Caller::Person { session, .. } = &caller else {
        let back = format!("{ENTER}?{}", encoded(&entering));
        let next = serde_urlencoded::to_string([("next", &back)]).unwrap_or_default();
        return Redirect::to(&format!("/sign-in?{next}")).into_response();
    };
    let Some(next) = door.place.below(&entering.next) else {
        return (
            StatusCode::BAD_REQUEST,
            Html(page(
                "This is no address of the Hub",
                "",
                &door.place.address(),
                "Go to JupyterLab",
            )),
        )
            .into_response();
    };
    let ticket = match door.gate.ticket(session, &entering.word, next, now()) {
        Ok(ticket) => ticket,
        Err(error) => return api::Problem::from(error).into_response(),
    };
    let to = format!("{}{ADMIT}?ticket={ticket}", door.place.origin);
    // Not a redirect: browsers follow those of a form only to where forms may go, and somebody may just have signed in with one.
    let refresh = format!("<meta http-equiv=\"refresh\" content=\"0;url={to}\">");
    Html(page("Opening JupyterLab", &refresh, &to, "Go on")).into_response()
}

impl HubDoor {
    pub fn open(
        place: &Place,
        studio: &PublicUrl,
        hub: &Hub,
        doors: &Arc<Doors>,
    ) -> Result<Arc<Self>> {
        let upstream = Upstream::new(&hub.upstream, &hub.url.base)
            .map_err(|error| anyhow!("hub-upstream: {error}"))?;
        Ok(Arc::new(Self {
            place: hub.url.clone(),
            studio: studio.origin.clone(),
            gate: Gate::open(&place.data.join("hub"), hub.url.is_https())?,
            proxy: Proxy::new(upstream, Limits::default()),
            doors: Arc::clone(doors),
        }))
    }

    /// Where browsers find it.
    pub fn address(&self) -> String {
        self.place.address()
    }

    async fn answer(&self, request: Request) -> Response {
        if request.uri().path() == ADMIT {
            return self.admit(&request);
        }
        if request.uri().path() == "/" && request.method() == Method::GET {
            return Redirect::temporary(&self.place.base).into_response();
        }
        let named = self.gate.session_of(request.headers());
        let Some(session) = self.counting(named).await else {
            return self.without_pass(&request);
        };
        let client = client(&request, self.doors.settings.trusted_proxies);
        let about = About {
            client,
            scheme: if self.place.is_https() {
                Scheme::Https
            } else {
                Scheme::Http
            },
            host: HeaderValue::from_str(self.place.authority())
                .unwrap_or(HeaderValue::from_static("localhost")),
            own_cookies: OURS,
            ends: Ends::when(over(Arc::clone(&self.doors), session)),
        };
        self.proxy.pass(request, about).await.map(Body::new)
    }

    /// The sign-in that a pass names, as long as it counts.
    async fn counting(&self, session: Option<SessionId>) -> Option<SessionId> {
        let session = session?;
        match self.doors.house.caller_in(&session).await {
            Ok(Caller::Person { .. }) => Some(session),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(%error, "whether a sign-in still counts is not known; nobody goes to the Hub meanwhile");
                None
            }
        }
    }

    fn without_pass(&self, request: &Request) -> Response {
        let wants_page = request.method() == Method::GET
            && request
                .headers()
                .get(header::ACCEPT)
                .and_then(|accept| accept.to_str().ok())
                .is_some_and(|accept| accept.contains("text/html"));
        if !wants_page {
            return refused(api::Problem::new(
                StatusCode::UNAUTHORIZED,
                "hub.sign_in_needed",
                "you are not signed in to the studio any more; reload the page to sign in",
            ));
        }
        let word = match Secret::new() {
            Ok(secret) => secret.text,
            Err(error) => return refused(error.into()),
        };
        let path = path_of(request.uri());
        let entering = Entering {
            next: if path.len() <= LONGEST {
                path.to_owned()
            } else {
                self.place.base.clone()
            },
            word: word.clone(),
        };
        let to = format!("{}{ENTER}?{}", self.studio, encoded(&entering));
        let cookie = self
            .gate
            .set(self.gate.word_name(), &word, Some(WORD_SECONDS));
        let mut response = Redirect::to(&to).into_response();
        response.headers_mut().insert(header::SET_COOKIE, cookie);
        fresh(response)
    }

    fn admit(&self, request: &Request) -> Response {
        let ticket = request
            .uri()
            .query()
            .and_then(|query| query.strip_prefix("ticket="))
            .unwrap_or_default();
        let word = cookie(request.headers(), self.gate.word_name()).unwrap_or_default();
        let admitted = self.gate.admit(ticket, word, now());
        let Some((admitted, next)) = admitted.and_then(|admitted| {
            let next = self.place.below(&admitted.next)?.to_owned();
            Some((admitted, next))
        }) else {
            // Old, used, or another browser's: begin anew, where a person looks on.
            let text = page(
                "This way to JupyterLab was used before, or has become too old",
                "",
                &self.place.base,
                "Try again",
            );
            return fresh((StatusCode::BAD_REQUEST, Html(text)).into_response());
        };
        let pass = match self.gate.pass(&admitted.session) {
            Ok(pass) => pass,
            Err(error) => return refused(error.into()),
        };
        let mut response = Redirect::to(&next).into_response();
        let headers = response.headers_mut();
        headers.append(
            header::SET_COOKIE,
            self.gate.set(self.gate.pass_name(), &pass, None),
        );
        headers.append(
            header::SET_COOKIE,
            self.gate.set(self.gate.word_name(), "", Some(0)),
        );
        fresh(response)
    }
}

/// Resolves when this sign-in is over.
async fn over(doors: Arc<Doors>, session: SessionId) {
    let mut ended = doors.house.ended_keys();
    let mine = Key::Session(session.clone());
    loop {
        match ended.recv().await {
            Ok(key) if key == mine => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => {
                if matches!(doors.house.caller_in(&session).await, Ok(Caller::Nobody)) {
                    return;
                }
            }
            // The studio closes, and every connection with it.
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

impl HubUrl {
    /// A path below the Hub's base path, as it may stand in `Location`. Anything else could lead elsewhere.
    fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        let plain = path.starts_with(&self.base)
            && path.len() <= LONGEST
            && path
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        plain.then_some(path)
    }
}

fn client(request: &Request, proxies: usize) -> IpAddr {
    api::client(request.headers(), request.extensions(), proxies)
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

fn path_of(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |path| path.as_str())
}

fn encoded(entering: &Entering) -> String {
    serde_urlencoded::to_string([("word", &entering.word), ("next", &entering.next)])
        .unwrap_or_default()
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Here nobody else puts a refusal into words.
fn refused(problem: api::Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    fresh(problem.render(status.into_response(), false))
}

fn fresh(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    response
}

/// A page with one link. `to` is ours: its characters are those of a seal or of a configured address.
fn page(words: &str, head: &str, to: &str, link: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{words}</title>{head}</head>\
         <body><p>{words}. <a href=\"{to}\">{link}</a></p></body></html>"
    )
}
