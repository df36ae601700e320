//! The table of REST routes: who may knock at each, and what it reads. The router is built from it, so a route without a row cannot exist.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, MethodRouter, get, on};

use crate::doors::Doors;
use crate::problem::Problem;
use crate::sessions::visiting;
use crate::visitor::people_only;
use crate::{accounts, forms, live, notebooks, spaces, tokens, usercontent};

/// Who may knock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Reads neither cookie nor token.
    Open,
    /// Answers nobody too.
    Anyone,
    /// Answers nobody with 401.
    Person,
    /// A WebSocket: a token, or origin and then person.
    Socket,
}

/// What it reads as its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    Nothing,
    /// At most 2 MiB.
    Json,
    /// At most 64 MiB.
    Upload,
}

/// One row.
pub struct Entry {
    pub method: Method,
    pub path: &'static str,
    pub auth: Auth,
    pub reads: Reads,
    handler: MethodRouter<Arc<Doors>>,
}

#[rustfmt::skip]
pub fn table() -> Vec<Entry> {
    use Auth::{Anyone, Open, Person, Socket};
    use Reads::{Json, Nothing, Upload};
    vec![
        row(Method::POST,   "/api/v1/session",                        Anyone, Json,    accounts::sign_in),
        row(Method::DELETE, "/api/v1/session",                        Anyone, Nothing, accounts::sign_out),
        row(Method::GET,    "/api/v1/set-up",                         Anyone, Nothing, accounts::needs_setup),
        row(Method::POST,   "/api/v1/set-up",                         Anyone, Json,    accounts::set_up),
        row(Method::GET,    "/api/v1/me",                             Person, Nothing, accounts::me),
        row(Method::POST,   "/api/v1/me/password",                    Person, Json,    accounts::change_password),
        row(Method::GET,    "/api/v1/me/sessions",                    Person, Nothing, accounts::sessions),
        row(Method::DELETE, "/api/v1/me/sessions",                    Person, Nothing, accounts::end_other_sessions),
        row(Method::DELETE, "/api/v1/me/sessions/{session}",          Person, Nothing, accounts::end_session),
        row(Method::GET,    "/api/v1/me/tokens",                      Person, Nothing, tokens::list),
        row(Method::POST,   "/api/v1/me/tokens",                      Person, Json,    tokens::create),
        row(Method::DELETE, "/api/v1/me/tokens/{token}",              Person, Nothing, tokens::end),
        row(Method::GET,    "/api/v1/me/notebooks",                   Person, Nothing, notebooks::recent),
        row(Method::GET,    "/api/v1/me/notebooks/open",              Person, Nothing, notebooks::open),
        row(Method::GET,    "/api/v1/users",                          Person, Nothing, accounts::list_users),
        row(Method::POST,   "/api/v1/users",                          Person, Json,    accounts::create_user),
        row(Method::PATCH,  "/api/v1/users/{user}",                   Person, Json,    accounts::change_user),

        row(Method::GET,    "/api/v1/spaces",                         Person, Nothing, spaces::list),
        row(Method::POST,   "/api/v1/spaces",                         Person, Json,    spaces::create),
        row(Method::GET,    "/api/v1/spaces/{space}",                 Person, Nothing, spaces::read),
        row(Method::PATCH,  "/api/v1/spaces/{space}",                 Person, Json,    spaces::change),
        row(Method::GET,    "/api/v1/spaces/{space}/members",         Person, Nothing, spaces::members),
        row(Method::PUT,    "/api/v1/spaces/{space}/members/{member}", Person, Json,    spaces::set_member),
        row(Method::DELETE, "/api/v1/spaces/{space}/members/{member}", Person, Nothing, spaces::remove_member),

        row(Method::GET,    "/api/v1/spaces/{space}/notebooks",       Person, Nothing, notebooks::list),
        row(Method::POST,   "/api/v1/spaces/{space}/notebooks",       Person, Json,    notebooks::create),
        row(Method::POST,   "/api/v1/spaces/{space}/import",          Person, Upload,  notebooks::import),
        row(Method::GET,    "/api/v1/notebooks/{notebook}",           Person, Nothing, notebooks::read),
        row(Method::PATCH,  "/api/v1/notebooks/{notebook}",           Person, Json,    notebooks::change),
        row(Method::POST,   "/api/v1/notebooks/{notebook}/duplicate", Person, Nothing, notebooks::duplicate),
        row(Method::GET,    "/api/v1/notebooks/{notebook}/view",      Person, Nothing, notebooks::view),
        row(Method::GET,    "/api/v1/notebooks/{notebook}/export",    Person, Nothing, notebooks::export),
        row(Method::GET,    "/api/v1/notebooks/{notebook}/blobs/{hash}", Person, Nothing, notebooks::blob),

        row(Method::POST,   "/import/{space}",                        Person, Upload,  forms::import),
        row(Method::GET,    "/live",                                  Socket, Nothing, live::enter),
        row(Method::GET,    "/usercontent/frame",                     Open,   Nothing, usercontent::frame),
        row(Method::GET,    "/healthz",                               Open,   Nothing, alive),
        row(Method::GET,    "/readyz",                                Open,   Nothing, ready),
    ]
}

/// Every row of the table, guarded as its row says. Unknown addresses under `/api/` are problems, not pages.
pub fn router(doors: &Arc<Doors>) -> Router {
    let (mut open, mut visited) = (Router::new(), Router::new());
    for entry in table() {
        match entry.auth {
            Auth::Open => open = open.route(entry.path, entry.handler),
            Auth::Anyone => visited = visited.route(entry.path, entry.handler),
            // A socket asks for its origin first, then for a person, by itself.
            Auth::Socket => visited = visited.route(entry.path, entry.handler),
            Auth::Person => {
                visited = visited.route(entry.path, entry.handler.route_layer(from_fn(people_only)))
            }
        }
    }
    visiting(visited, doors)
        .merge(open)
        .route("/api/{*path}", get(nothing_here).fallback(nothing_here))
        .with_state(Arc::clone(doors))
}

fn row<H, T>(method: Method, path: &'static str, auth: Auth, reads: Reads, handler: H) -> Entry
where
    H: Handler<T, Arc<Doors>>,
    T: 'static,
{
    // Every method of the table has a filter; `OPTIONS` could not come to stand there.
    let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::OPTIONS);
    Entry {
        method,
        path,
        auth,
        reads,
        handler: on(filter, handler),
    }
}

/// The process is alive.
async fn alive() -> &'static str {
    "ok\n"
}

/// The database answers.
async fn ready(
    axum::extract::State(doors): axum::extract::State<Arc<Doors>>,
) -> Result<&'static str, Problem> {
    match doors.house.ready().await {
        Ok(()) => Ok("ready\n"),
        Err(error) => {
            let mut problem = Problem::from(error);
            problem.status = StatusCode::SERVICE_UNAVAILABLE.as_u16();
            Err(problem)
        }
    }
}

async fn nothing_here() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "page.not_found",
        "there is nothing at this address of the API",
    )
}
