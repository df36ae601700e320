//! The table of REST routes: who may knock at each, and what it reads. The router is built from it, so a route without a row cannot exist.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, MethodRouter, get, on};
use datalayer::{
    AuditEntry, Claims, Cover, CreatedToken, Credentials, Granted, KeySet, Member, NewNotebook,
    NewSpace, NewToken, NewUser, Notebook, NotebookChange, NotebookView, OpenNotebook,
    PasswordChange, RunningNotebook, SessionInfo, Space, SpaceChange, TokenInfo, User,
};

use crate::doors::Doors;
use crate::openapi::{self, Says, says};
use crate::problem::Problem;
use crate::sessions::visiting;
use crate::visitor::people_only;
use crate::{
    accounts, audit, forms, live, notebooks, provider, reports, spaces, tokens, usercontent,
};

/// Who may knock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Reads neither cookie nor token.
    Open,
    /// Answers nobody too.
    Anyone,
    /// Answers nobody too, and takes no token: only a browser can be led on.
    Browser,
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
    /// At most 64 KiB of JSON, under the names browsers give it.
    Report,
    /// At most 16 KiB of a form.
    Form,
}

/// One row.
pub struct Entry {
    pub method: Method,
    pub path: &'static str,
    pub auth: Auth,
    pub reads: Reads,
    pub says: Says,
    handler: MethodRouter<Arc<Doors>>,
}

#[rustfmt::skip]
pub fn table() -> Vec<Entry> {
    use Auth::{Anyone, Browser, Open, Person, Socket};
    use Reads::{Form, Json, Nothing, Report, Upload};
    vec![
        row(Method::POST,   "/api/v1/session",                        Anyone, Json,    accounts::sign_in,
            says("Sign-in", "Sign in with name and password.").more("Sets the cookie. A sign-in the browser had ends, and the new one has a new id.")
                .takes_a::<Credentials>().gives::<User>(201).with("Set-Cookie", "the session")
                .refuses(401, "sign_in.refused", "name and password do not belong together")
                .refuses(403, "token.not_for_this", "sign-in is for browsers; leave the token out")),
        row(Method::DELETE, "/api/v1/session",                        Anyone, Nothing, accounts::sign_out,
            says("Sign-in", "Sign out.").gives_nothing(204, "Signed out, also where nobody was signed in.")
                .refuses(403, "token.not_for_this", "a token is ended at its own address")),
        row(Method::GET,    "/api/v1/set-up",                         Anyone, Nothing, accounts::needs_setup,
            says("Sign-in", "Does the studio wait for its first administrator?").gives::<accounts::Setup>(200)),
        row(Method::POST,   "/api/v1/set-up",                         Anyone, Json,    accounts::set_up,
            says("Sign-in", "Become the first administrator with the one-time link the studio printed.")
                .takes_a::<accounts::SetupRequest>().gives::<User>(201).with("Set-Cookie", "the session")
                .refuses(403, "token.not_for_this", "signing in is for browsers; leave the token out")
                .refuses(404, "setup_link.not_found", "the studio waits for nobody under a link")
                .refuses(410, "setup_link.used", "the studio is set up already").refuses(410, "setup_link.replaced", "there is a newer link")
                .called().passwords()),
        row(Method::GET,    "/api/v1/me",                             Person, Nothing, accounts::me,
            says("You", "Who you are.").gives::<User>(200)),
        row(Method::POST,   "/api/v1/me/password",                    Person, Json,    accounts::change_password,
            says("You", "Change your password.").more("Ends every other sign-in and every token of yours.").browser_only()
                .takes_a::<PasswordChange>().gives_nothing(204, "Changed.")
                .refuses(401, "password.wrong", "the current password is not right").passwords()),
        row(Method::GET,    "/api/v1/me/sessions",                    Person, Nothing, accounts::sessions,
            says("You", "Where you are signed in, latest first.").gives_list::<SessionInfo>(200)),
        row(Method::DELETE, "/api/v1/me/sessions",                    Person, Nothing, accounts::end_other_sessions,
            says("You", "End all your sign-ins but this one.").browser_only().gives_nothing(204, "Ended.")),
        row(Method::DELETE, "/api/v1/me/sessions/{session}",          Person, Nothing, accounts::end_session,
            says("You", "End one of your sign-ins.").browser_only().gives_nothing(204, "Ended.")
                .refuses(404, "session.not_found", "you have no such sign-in")),
        row(Method::GET,    "/api/v1/me/tokens",                      Person, Nothing, tokens::list,
            says("You", "Your tokens, the newest first, without their secrets.").gives_list::<TokenInfo>(200)),
        row(Method::POST,   "/api/v1/me/tokens",                      Person, Json,    tokens::create,
            says("You", "Create a token. Its secret is in this answer and nowhere else.").browser_only()
                .takes_a::<NewToken>().gives::<CreatedToken>(201)
                .refuses(403, "administrator.needed", "only an administrator's token has the scope `admin`")
                .refuses(409, "token.too_many", "you have a hundred").refuses(422, "token.days", "1 to 366 days").named()),
        row(Method::DELETE, "/api/v1/me/tokens/{token}",              Person, Nothing, tokens::end,
            says("You", "End one of your tokens. A token can end itself and no other.").gives_nothing(204, "Ended.")
                .refuses(403, "token.not_for_this", "a token ends no other").refuses(404, "token.not_found", "you have no such token")),
        row(Method::GET,    "/api/v1/me/notebooks",                   Person, Nothing, notebooks::recent,
            says("Notebooks", "Your notebooks of all spaces, latest edit first.").asks("limit", "integer", "1 to 200, else 20")
                .asks("search", "string", "only those whose title has each of these words in it, in capitals or not")
                .gives_list::<Notebook>(200)),
        row(Method::GET,    "/api/v1/me/notebooks/open",              Person, Nothing, notebooks::open,
            says("Notebooks", "Your notebooks that somebody has open now, and who.").gives_list::<OpenNotebook>(200)),
        row(Method::GET,    "/api/v1/me/notebooks/running",           Person, Nothing, notebooks::running,
            says("Notebooks", "Your notebooks whose kernel is up, and the cells they run.").more("Those that run a cell first, the longest run before the others.")
                .gives_list::<RunningNotebook>(200)),
        row(Method::GET,    "/api/v1/users",                          Person, Nothing, accounts::list_users,
            says("People", "Everyone, the newest first. Administrators.").in_pages().gives_page::<User>().administrators()
                .refuses(422, "id.malformed", "`before` is no `next` of a page")),
        row(Method::POST,   "/api/v1/users",                          Person, Json,    accounts::create_user,
            says("People", "Add a person. Administrators.").takes_a::<NewUser>().gives::<User>(201).administrators()
                .refuses(409, "username.taken", "there is someone of that name").called().passwords()),
        row(Method::PATCH,  "/api/v1/users/{user}",                   Person, Json,    accounts::change_user,
            says("People", "Disable a person, or let them in again. Administrators.").more("Disabling ends every sign-in, token and socket of theirs.")
                .takes_a::<accounts::UserChange>().gives::<User>(200).administrators()
                .refuses(404, "user.not_found", "there is no such person").refuses(409, "user.yourself", "nobody disables themselves")
                .refuses(409, "user.last_administrator", "one administrator stays")),

        row(Method::GET,    "/api/v1/audit",                          Person, Nothing, audit::list,
            says("People", "The audit log, the newest first. Administrators.").in_pages().gives_page::<AuditEntry>().administrators()
                .refuses(422, "page.before", "`before` is no `next` of a page")),

        row(Method::GET,    "/api/v1/spaces",                         Person, Nothing, spaces::list,
            says("Spaces", "The spaces you are a member of, by name.").asks("archived", "boolean", "those in the archive instead").in_pages()
                .gives_page::<Space>().refuses(422, "page.before", "`before` is no `next` of a page")),
        row(Method::POST,   "/api/v1/spaces",                         Person, Json,    spaces::create,
            says("Spaces", "Create a space; you become its manager.").takes_a::<NewSpace>().gives::<Space>(201).with("Location", "the space").described()),
        row(Method::GET,    "/api/v1/spaces/{space}",                 Person, Nothing, spaces::read,
            says("Spaces", "A space, and what you may do in it.").gives::<Space>(200)),
        row(Method::PATCH,  "/api/v1/spaces/{space}",                 Person, Json,    spaces::change,
            says("Spaces", "Rename, describe, archive or restore a space. Managers.").takes_a::<SpaceChange>().gives::<Space>(200).described()),
        row(Method::GET,    "/api/v1/spaces/{space}/members",         Person, Nothing, spaces::members,
            says("Spaces", "Its members, managers first and by username.").in_pages().gives_page::<Member>()
                .refuses(422, "page.before", "`before` is no `next` of a page")),
        row(Method::PUT,    "/api/v1/spaces/{space}/members/{member}", Person, Json,    spaces::set_member,
            says("Spaces", "Add a person by username, or change their role. Managers.").takes_a::<spaces::MemberRequest>().gives::<Member>(200)
                .refuses(403, "role.above_own", "nobody gives a role above their own").refuses(404, "user.not_found", "nobody has that username")
                .refuses(409, "member.last_manager", "one manager stays")),
        row(Method::DELETE, "/api/v1/spaces/{space}/members/{member}", Person, Nothing, spaces::remove_member,
            says("Spaces", "Remove a member, or leave. Managers, and yourself.").gives_nothing(204, "Removed.")
                .refuses(404, "member.not_found", "no such member").refuses(409, "member.last_manager", "one manager stays")),

        row(Method::GET,    "/api/v1/spaces/{space}/notebooks",       Person, Nothing, notebooks::list,
            says("Notebooks", "The notebooks of a space, latest edit first.").asks("archived", "boolean", "those in the archive instead").in_pages()
                .gives_page::<Notebook>().refuses(422, "page.before", "`before` is no `next` of a page")),
        row(Method::POST,   "/api/v1/spaces/{space}/notebooks",       Person, Json,    notebooks::create,
            says("Notebooks", "Create a notebook with one empty cell. Editors.").takes_a::<NewNotebook>().gives::<Notebook>(201)
                .with("Location", "the notebook").titled()),
        row(Method::POST,   "/api/v1/spaces/{space}/import",          Person, Upload,  notebooks::import,
            says("Notebooks", "Import an `.ipynb` file as a new notebook. Editors.").more("The file is the body, or the first file of a form. Its bytes are kept as they came.")
                .asks("name", "string", "what the file is called; the notebook is named after it").gives::<notebooks::Imported>(201)
                .with("Location", "the notebook").importing()),
        row(Method::GET,    "/api/v1/notebooks/{notebook}",           Person, Nothing, notebooks::read,
            says("Notebooks", "What a notebook is called and where it is.").gives::<Notebook>(200).with("ETag", "its version, for `If-Match`")),
        row(Method::PATCH,  "/api/v1/notebooks/{notebook}",           Person, Json,    notebooks::change,
            says("Notebooks", "Rename, archive or restore a notebook. Editors.").more("With `If-Match` and the `ETag` you read, it is only changed if nobody has changed it since.")
                .takes_a::<NotebookChange>().gives::<Notebook>(200).with("ETag", "its new version").titled()
                .refuses(400, "condition.malformed", "`If-Match` is no ETag").refuses(412, "notebook.changed", "it was changed since; `detail` names the version it has now")),
        row(Method::POST,   "/api/v1/notebooks/{notebook}/duplicate", Person, Nothing, notebooks::duplicate,
            says("Notebooks", "A second notebook beside the first, with its cells and latest outputs. Editors.").gives::<Notebook>(201)
                .with("Location", "the new notebook")),
        row(Method::GET,    "/api/v1/notebooks/{notebook}/view",      Person, Nothing, notebooks::view,
            says("Notebooks", "The document and its runs as they are now.").gives::<NotebookView>(200)),
        row(Method::GET,    "/api/v1/notebooks/{notebook}/cover",     Person, Nothing, notebooks::cover,
            says("Notebooks", "What a card of a notebook shows: its last picture, or else its first lines.").gives::<Cover>(200)),
        row(Method::GET,    "/api/v1/notebooks/{notebook}/export",    Person, Nothing, notebooks::export,
            says("Notebooks", "The notebook as a file.").asks("format", "format", "else ipynb")
                .gives_bytes("application/x-ipynb+json", "The file. Percent scripts are `text/x-python`, Markdown is `text/markdown`.")
                .with("Content-Disposition", "its name").with("ETag", "its version, for `If-None-Match`")
                .gives_nothing(304, "You have it: it is the version of your `If-None-Match`.").refuses(404, "blob.not_found", "`original`, and it was not imported")),
        row(Method::GET,    "/api/v1/notebooks/{notebook}/blobs/{hash}", Person, Nothing, notebooks::blob,
            says("Notebooks", "A large output of a notebook.").gives_bytes("application/octet-stream", "Pictures as what they are, anything else as a download.")
                .refuses(404, "blob.not_found", "no output of this notebook refers to it").refuses(503, "storage.damaged", "the file was damaged on disk")),

        row(Method::POST,   "/import/{space}",                        Person, Upload,  forms::import,
            says("Pages", "The import form of pages without script.").gives_nothing(303, "Leads to the notebook.").importing()),
        row(Method::GET,    "/live",                                  Socket, Nothing, live::enter,
            says("Live", "A WebSocket to any number of notebooks: edit, run, see who is here.").more("The messages are described in `docs/live.md`.")
                .gives_nothing(101, "The protocol is switched.").refuses(403, "socket.origin", "a page of another site, or neither origin nor token")
                .refuses(426, "socket.upgrade", "no upgrade was asked for")),
        row(Method::GET,    "/usercontent/frame",                     Open,   Nothing, usercontent::frame,
            says("Pages", "The sandbox every active output is drawn in.").gives_bytes("text/html", "The page.")
                .refuses(503, "site.not_built", "the browser's files are not built")),
        row(Method::GET,    "/api",                                   Open,   Nothing, openapi::page,
            says("Studio", "This reference, for people.").gives_bytes("text/html", "The page.")),
        row(Method::GET,    "/api/openapi.json",                      Open,   Nothing, openapi::document,
            says("Studio", "This reference, for programs.").gives_bytes("application/json", "OpenAPI 3.1.")),
        row(Method::POST,   "/api/v1/reports",                        Open,   Report,  reports::take,
            says("Studio", "Where browsers tell what a page's policy stopped.").gives_nothing(204, "Thank you.")),
        row(Method::GET,    "/.well-known/openid-configuration",      Open,   Nothing, provider::metadata,
            says("Hub", "What the studio can do as an OpenID provider, for the one Hub of its configuration.").gives::<provider::Metadata>(200).of_a_hub()),
        row(Method::GET,    "/oauth/jwks",                            Open,   Nothing, provider::keys,
            says("Hub", "The keys that ID tokens are signed with.").gives::<KeySet>(200).of_a_hub()),
        row(Method::GET,    "/oauth/authorize",                       Browser, Nothing, provider::authorize,
            says("Hub", "Sign in at the Hub: the authorization code flow, with PKCE (S256).")
                .more("Until `client_id` and `redirect_uri` are known to be right, what is wrong is said on a page; after that it is told to the Hub, with `error`, `state` and `iss` (RFC 9207).")
                .asks("client_id", "string", "`jupyterhub`").asks("redirect_uri", "string", "exactly the one of the configuration")
                .asks("response_type", "string", "`code`").asks("scope", "string", "`openid`, and of `profile` and `hub` what is needed")
                .asks("state", "string", "comes back as it is").asks("nonce", "string", "comes back in the ID token")
                .asks("code_challenge", "string", "of PKCE").asks("code_challenge_method", "string", "`S256`")
                .asks("prompt", "string", "`none`, `login` or `select_account`").asks("max_age", "integer", "seconds since the sign-in at most")
                .asks("id_token_hint", "string", "whose sign-in it must be")
                .gives_nothing(303, "Leads to the Hub, or to the sign-in page and back.").of_a_hub().asked_by_a_hub()
                .refuses(422, "provider.redirect_uri", "not the address of the configuration")),
        row(Method::POST,   "/oauth/token",                           Open,   Form,    provider::token,
            says("Hub", "A code for an access token and an ID token. With the client's secret, in the header (`Basic`) or the form.")
                .more("Refusals are OAuth's: `error` and `error_description`. A code works once, for a minute; brought twice, it ends what it gave.")
                .gives::<Granted>(200).gives_told(400).gives_told(401).of_a_hub()),
        row(Method::GET,    "/oauth/userinfo",                        Open,   Nothing, provider::claims,
            says("Hub", "Who somebody is, for `Authorization: Bearer` with an access token of `/oauth/token`.")
                .more("The token ends with the sign-in it came from, with a new password, and when its person is disabled: 401 `invalid_token`.")
                .gives::<Claims>(200).gives_told(400).gives_told(401).of_a_hub()),
        row(Method::POST,   "/oauth/userinfo",                        Open,   Nothing, provider::claims,
            says("Hub", "The same, for clients that ask so.").gives::<Claims>(200).gives_told(400).gives_told(401).of_a_hub()),
        row(Method::GET,    "/oauth/end-session",                     Browser, Nothing, provider::leave,
            says("Hub", "Sign out of the studio too. Whom `id_token_hint` is not about is asked first.")
                .asks("id_token_hint", "string", "an ID token of the person, however old").asks("client_id", "string", "`jupyterhub`")
                .asks("post_logout_redirect_uri", "string", "exactly the one of the configuration").asks("state", "string", "comes back as it is")
                .gives_bytes("text/html", "The question.").gives_nothing(303, "Leads on; who was signed in is no longer.").of_a_hub().asked_by_a_hub()),
        row(Method::POST,   "/oauth/end-session",                     Browser, Form,    provider::leave_agreed,
            says("Hub", "The button of that question.").gives_nothing(303, "Leads on; who was signed in is no longer.").of_a_hub().asked_by_a_hub()
                .refuses(415, "body.media_type", "not a form")),
        row(Method::GET,    "/healthz",                               Open,   Nothing, alive,
            says("Studio", "Is the process alive?").gives_bytes("text/plain", "It is.")),
        row(Method::GET,    "/readyz",                                Open,   Nothing, ready,
            says("Studio", "Does the database answer?").gives_bytes("text/plain", "It does.")
                .refuses(503, "database.unreachable", "it does not")),
    ]
}

/// Every row of the table, guarded as its row says. Unknown addresses under `/api/` are problems, not pages.
pub fn router(doors: &Arc<Doors>) -> Router {
    let (mut open, mut visited) = (Router::new(), Router::new());
    for entry in table() {
        match entry.auth {
            Auth::Open => open = open.route(entry.path, entry.handler),
            Auth::Anyone | Auth::Browser => visited = visited.route(entry.path, entry.handler),
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

fn row<H, T>(
    method: Method,
    path: &'static str,
    auth: Auth,
    reads: Reads,
    handler: H,
    says: Says,
) -> Entry
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
        says,
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
