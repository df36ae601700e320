//! How often one may knock: in general, at the doors where secrets are guessed, and how much one person may do.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use datalayer::{Error, UserId};
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde_json::Value;
use std::sync::Arc;

use crate::address::Source;
use crate::doors::Doors;
use crate::{Problem, body};

type Keyed<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>;

/// A sign-in fits in this.
const SECRETS_LIMIT: usize = 16 * 1024;

pub struct Limits {
    general: Option<Keyed<Source>>,
    secrets_by_source: Keyed<Source>,
    secrets_by_account: Keyed<String>,
    secrets: DefaultDirectRateLimiter,
    codes: Keyed<Source>,
    joins: Keyed<UserId>,
    reports: DefaultDirectRateLimiter,
    /// What one person does, through however many browsers, tokens and addresses; `None`: as much as they like.
    acts: Option<Acts>,
    clock: DefaultClock,
}

struct Acts {
    writes: Keyed<UserId>,
    imports: Keyed<UserId>,
    tokens: Keyed<UserId>,
    runs: Keyed<UserId>,
}

impl Limits {
    pub fn new(requests_per_second: u32) -> Self {
        Self {
            general: NonZeroU32::new(requests_per_second)
                .map(|per_second| RateLimiter::keyed(Quota::per_second(per_second))),
            secrets_by_source: RateLimiter::keyed(per_minute(30, 30)),
            secrets_by_account: RateLimiter::keyed(per_minute(6, 10)),
            secrets: RateLimiter::direct(per_minute(600, 100)),
            // Everyone who signs in at a Hub comes from its address: a class of three hundred at nine o'clock.
            codes: RateLimiter::keyed(per_minute(600, 300)),
            joins: RateLimiter::keyed(per_minute(600, 300)),
            reports: RateLimiter::direct(per_minute(30, 10)),
            acts: (requests_per_second > 0).then(|| Acts {
                writes: RateLimiter::keyed(per_minute(600, 300)),
                imports: RateLimiter::keyed(per_minute(30, 30)),
                tokens: RateLimiter::keyed(per_minute(10, 20)),
                runs: RateLimiter::keyed(per_minute(600, 300)),
            }),
            clock: DefaultClock::default(),
        }
    }

    /// May this person send this request now?
    pub fn act(&self, user: &UserId, method: &Method, path: &str) -> Result<(), Error> {
        let Some(acts) = &self.acts else {
            return Ok(());
        };
        match kind(method, path) {
            Kind::Read => Ok(()),
            Kind::Write => self.count(&acts.writes, user),
            Kind::Import => self.count(&acts.imports, user),
            Kind::Token => self.count(&acts.tokens, user),
        }
    }

    /// Is a browser's report worth a line of the log now?
    pub fn may_report(&self) -> bool {
        self.reports.check().is_ok()
    }

    /// May this person run cells now?
    pub fn run(&self, user: &UserId) -> Result<(), Error> {
        self.acts
            .as_ref()
            .map_or(Ok(()), |acts| self.count(&acts.runs, user))
    }

    fn count(&self, limiter: &Keyed<UserId>, user: &UserId) -> Result<(), Error> {
        if limiter.len() > 10_000 {
            limiter.retain_recent();
        }
        limiter
            .check_key(user)
            .map_err(|not_until| too_many(not_until.wait_time_from(self.clock.now())))
    }

    /// May this person take another seat in a room now?
    pub fn may_join(&self, user: &UserId) -> bool {
        self.joins.check_key(user).is_ok()
    }

    fn general(&self, source: Source) -> Result<(), Error> {
        let Some(limiter) = &self.general else {
            return Ok(());
        };
        if limiter.len() > 10_000 {
            limiter.retain_recent();
        }
        limiter
            .check_key(&source)
            .map_err(|not_until| too_many(not_until.wait_time_from(self.clock.now())))
    }

    fn code(&self, source: Source) -> Result<(), Error> {
        if self.codes.len() > 10_000 {
            self.codes.retain_recent();
        }
        self.codes
            .check_key(&source)
            .map_err(|not_until| too_many(not_until.wait_time_from(self.clock.now())))
    }

    fn secret(&self, source: Source, account: Option<String>) -> Result<(), Error> {
        if self.secrets_by_source.len() + self.secrets_by_account.len() > 10_000 {
            self.secrets_by_source.retain_recent();
            self.secrets_by_account.retain_recent();
        }
        let now = self.clock.now();
        self.secrets_by_source
            .check_key(&source)
            .map_err(|not_until| too_many(not_until.wait_time_from(now)))?;
        if let Some(account) = account {
            self.secrets_by_account
                .check_key(&account)
                .map_err(|not_until| too_many(not_until.wait_time_from(now)))?;
        }
        self.secrets
            .check()
            .map_err(|not_until| too_many(not_until.wait_time_from(now)))
    }
}

/// Nobody gets more than their share of the studio.
pub async fn general(
    State(doors): State<Arc<Doors>>,
    source: Source,
    request: Request,
    next: Next,
) -> Response {
    match doors.limits.general(source) {
        Ok(()) => next.run(request).await,
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Counts tries at every door that takes a password, a set-up link or a Hub's secret, REST or page, before anyone hashes anything.
pub async fn secrets(
    State(doors): State<Arc<Doors>>,
    source: Source,
    request: Request,
    next: Next,
) -> Response {
    if request.method() == Method::POST && request.uri().path() == "/oauth/token" {
        return match doors.limits.code(source) {
            Ok(()) => next.run(request).await,
            Err(error) => {
                tracing::warn!(%source, "too many codes and client secrets");
                Problem::from(error).into_response()
            }
        };
    }
    if request.method() != Method::POST || !takes_a_secret(request.uri().path()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let bytes = match body::read(body, SECRETS_LIMIT).await {
        Ok(bytes) => bytes,
        Err(problem) => return problem.into_response(),
    };
    let media = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let account = account(media, &bytes);
    if let Err(error) = doors.limits.secret(source, account) {
        tracing::warn!(%source, "too many sign-ins");
        return Problem::from(error).into_response();
    }
    next.run(Request::from_parts(parts, Body::from(bytes)))
        .await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    Import,
    Token,
}

fn kind(method: &Method, path: &str) -> Kind {
    // It is asked like a page, and keeps a code.
    if path == "/oauth/authorize" {
        return Kind::Write;
    }
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Kind::Read;
    }
    if path.starts_with("/import/") || path.ends_with("/import") {
        return Kind::Import;
    }
    if path == "/api/v1/me/tokens" {
        return Kind::Token;
    }
    match path
        .strip_prefix("/ui/")
        .and_then(|call| call.rsplit('/').next())
    {
        Some("create_token") => Kind::Token,
        // Pages ask with POST too.
        Some(call)
            if [
                "who_", "my_", "list_", "read_", "open_", "recent_", "needs_",
            ]
            .iter()
            .any(|verb| call.starts_with(verb)) =>
        {
            Kind::Read
        }
        _ => Kind::Write,
    }
}

fn takes_a_secret(path: &str) -> bool {
    matches!(
        path,
        "/api/v1/session" | "/api/v1/set-up" | "/api/v1/me/password"
    ) || path.strip_prefix("/ui/").is_some_and(|call| {
        let name = call.rsplit('/').next().unwrap_or("");
        matches!(name, "sign_in" | "set_up" | "change_password")
    })
}

/// The account a sign-in is for, as written: enough to count by.
fn account(media: &str, bytes: &[u8]) -> Option<String> {
    let username = if media.starts_with("application/json") {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        username_in(&value)?.to_owned()
    } else {
        let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(bytes).ok()?;
        fields
            .into_iter()
            .find(|(name, _)| name == "username" || name.ends_with("[username]"))?
            .1
    };
    Some(username.trim().to_lowercase().chars().take(64).collect())
}

fn username_in(value: &Value) -> Option<&str> {
    let object = value.as_object()?;
    object
        .get("username")
        .and_then(Value::as_str)
        .or_else(|| object.values().find_map(username_in))
}

fn per_minute(count: u32, burst: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN))
        .allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN))
}

fn too_many(wait: Duration) -> Error {
    Error::TooMany {
        retry_after: u32::try_from(wait.as_secs())
            .unwrap_or(u32::MAX)
            .saturating_add(1),
    }
}

/// Statuses that only say "come back later".
pub fn is_temporary(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_found_in_json_and_in_forms() {
        assert_eq!(
            account("application/json", br#"{"username":"Ada","password":"x"}"#).as_deref(),
            Some("ada")
        );
        assert_eq!(
            account(
                "application/json; charset=utf-8",
                br#"{"credentials":{"username":"Ada"}}"#
            )
            .as_deref(),
            Some("ada")
        );
        assert_eq!(
            account(
                "application/x-www-form-urlencoded",
                b"credentials%5Busername%5D=ada&x=1"
            )
            .as_deref(),
            Some("ada")
        );
        assert_eq!(
            account("application/x-www-form-urlencoded", b"next=%2F"),
            None
        );
    }

    #[test]
    fn what_is_asked_is_not_counted_as_what_is_done() {
        let post = |path| kind(&Method::POST, path);
        assert_eq!(kind(&Method::GET, "/api/v1/spaces"), Kind::Read);
        assert_eq!(kind(&Method::GET, "/oauth/authorize"), Kind::Write);
        assert_eq!(post("/api/v1/spaces"), Kind::Write);
        assert_eq!(post("/api/v1/spaces/space_x/import"), Kind::Import);
        assert_eq!(post("/import/space_x"), Kind::Import);
        assert_eq!(post("/api/v1/me/tokens"), Kind::Token);
        assert_eq!(post("/ui/app/accounts/calls/create_token"), Kind::Token);
        assert_eq!(post("/ui/app/spaces/calls/list_spaces"), Kind::Read);
        assert_eq!(post("/ui/app/spaces/calls/create_space"), Kind::Write);
    }

    #[test]
    fn one_person_does_so_much_and_another_is_not_held_up_by_it() {
        let (ada, eve) = (UserId::from_parts(1, 1), UserId::from_parts(2, 2));
        let limits = Limits::new(100);
        let import = |user| limits.act(user, &Method::POST, "/import/space_x");
        assert!((0..30).all(|_| import(&ada).is_ok()));
        assert!(matches!(
            import(&ada),
            Err(Error::TooMany { retry_after: 1.. })
        ));
        assert!(import(&eve).is_ok());
        assert!(limits.act(&ada, &Method::GET, "/api/v1/me").is_ok());
        assert!((0..300).all(|_| limits.run(&ada).is_ok()) && limits.run(&ada).is_err());
        let unlimited = Limits::new(0);
        assert!((0..1000).all(|_| unlimited.act(&ada, &Method::POST, "/x").is_ok()));
    }

    #[test]
    fn a_hub_brings_many_codes_and_not_any_number() {
        let limits = Limits::new(0);
        let source = Source::of(
            &axum::http::HeaderMap::new(),
            &axum::http::Extensions::new(),
            0,
        );
        assert!((0..300).all(|_| limits.code(source).is_ok()));
        assert!(matches!(
            limits.code(source),
            Err(Error::TooMany { retry_after: 1.. })
        ));
    }

    #[test]
    fn every_door_that_takes_a_secret_is_counted() {
        for path in [
            "/api/v1/session",
            "/ui/app/accounts/calls/sign_in",
            "/ui/sign_in",
            "/ui/app/accounts/set_up",
        ] {
            assert!(takes_a_secret(path), "{path}");
        }
        assert!(!takes_a_secret("/api/v1/spaces"));
    }
}
