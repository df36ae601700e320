//! The API, described: `/api/openapi.json` for programs and `/api` for people, both made from the table of routes.

mod page;
mod says;

pub use page::page;
pub use says::{Says, says};

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::{Method, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use crate::routes::{Auth, Entry, Reads, table};

/// `GET /api/openapi.json`
pub async fn document() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| described().to_string());
    (
        [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "public, max-age=300"),
        ],
        TEXT.as_str(),
    )
}

const ABOUT: &str = "\
Everything the studio's own pages do, a program can do. Two ways in, never both at once:\n\n\
- a personal token: `Authorization: Bearer dl_…`, made in the settings or with `datalayer admin create-token`. It has scopes \
(`read` always; `write`, `run`, `admin`) and never more rights than its person has at that moment. A cookie beside it is ignored.\n\
- the cookie of a sign-in (`POST /api/v1/session`). What changes something then needs an `Origin` (or `Sec-Fetch-Site`) of this \
studio if it comes from a browser.\n\n\
Every refusal is a problem document (RFC 9457) with a stable `code`, a sentence in `detail` that says what to do, and the \
`request` to quote. Moments are microseconds since 1970. Lists come in pages: pass `next` on as `before`.\n\n\
Content is edited and code is run over the WebSocket `/live`; its messages are described in `docs/live.md` of the source.";

/// The whole description, OpenAPI 3.1.
pub fn described() -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut schemas = BTreeMap::from([("Problem".to_owned(), problem_schema())]);
    for entry in table() {
        schemas.extend(entry.says.schemas());
        let method = entry.method.as_str().to_ascii_lowercase();
        let operation = operation(&entry);
        paths
            .entry(entry.path)
            .or_default()
            .insert(method, operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Datalayer",
            "version": "1",
            "summary": "The studio in which a data team writes and runs notebooks together.",
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "dl_ and 49 letters and digits",
                    "description": "A personal token.",
                },
                "cookie": {
                    "type": "apiKey", "in": "cookie", "name": "__Host-studio",
                    "description": "A sign-in. Over plain HTTP on this machine the cookie is called `studio`.",
                },
            },
        },
    })
}

fn operation(entry: &Entry) -> Value {
    let mut operation = json!({
        "tags": [entry.says.tag],
        "summary": entry.says.summary,
        "operationId": entry.says.id(entry),
        "security": security(entry),
        "responses": responses(entry),
    });
    let parameters = parameters(entry);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(details) = entry.says.details {
        operation["description"] = details.into();
    }
    let content = match (entry.reads, entry.says.takes()) {
        (Reads::Nothing, _) => return operation,
        (Reads::Report, _) => {
            json!({ "application/reports+json": {}, "application/csp-report": {} })
        }
        (Reads::Form, _) => json!({ "application/x-www-form-urlencoded": {} }),
        (Reads::Json, schema) => json!({ "application/json": { "schema": schema } }),
        (Reads::Upload, _) => json!({
            "application/x-ipynb+json": { "schema": { "type": "object" } },
            "application/octet-stream": {},
            "multipart/form-data": {
                "schema": { "type": "object", "properties": { "file": { "type": "string", "format": "binary" } }, "required": ["file"] }
            },
        }),
    };
    operation["requestBody"] = json!({ "required": true, "content": content });
    operation
}

fn security(entry: &Entry) -> Value {
    match entry.auth {
        Auth::Open | Auth::Anyone | Auth::Browser => json!([]),
        Auth::Person if entry.says.browser_only => json!([{ "cookie": [] }]),
        Auth::Person | Auth::Socket => json!([{ "token": [] }, { "cookie": [] }]),
    }
}

fn parameters(entry: &Entry) -> Vec<Value> {
    let in_path = entry.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        let words = match (name, entry.method == Method::PUT) {
            ("space", _) => "`space_…`",
            ("notebook", _) => "`nb_…`",
            ("user", _) => "`user_…`",
            ("session", _) => "`ses_…`, as the list of your sign-ins has it",
            ("token", _) => "`tok_…`, as the list of your tokens has it; not its secret",
            ("member", true) => "a username",
            ("member", false) => "`user_…`, as the list of members has it",
            ("hash", _) => "the SHA-256 that an output names",
            _ => "",
        };
        Some(json!({ "name": name, "in": "path", "required": true, "description": words, "schema": { "type": "string" } }))
    });
    in_path.chain(entry.says.parameters()).collect()
}

fn responses(entry: &Entry) -> Map<String, Value> {
    let mut responses = Map::new();
    for gift in &entry.says.gives {
        responses.insert(gift.status.to_string(), gift.response());
    }
    let mut refused: BTreeMap<u16, Vec<(&str, &str)>> = BTreeMap::new();
    for (status, code, when) in usual(entry)
        .into_iter()
        .chain(entry.says.refuses.iter().copied())
    {
        refused.entry(status).or_default().push((code, when));
    }
    for (status, codes) in refused {
        let words: Vec<_> = codes
            .iter()
            .map(|(code, when)| format!("`{code}`: {when}"))
            .collect();
        let names: Vec<_> = codes.iter().map(|(code, _)| *code).collect();
        let mut response = json!({
            "description": words.join("\n\n"),
            "content": { "application/problem+json": { "schema": {
                "allOf": [
                    { "$ref": "#/components/schemas/Problem" },
                    { "type": "object", "properties": { "code": { "enum": names } } },
                ],
            } } },
        });
        if matches!(status, 429 | 503) {
            response["headers"] = json!({ "Retry-After": { "description": "seconds", "schema": { "type": "integer" } } });
        }
        responses.insert(status.to_string(), response);
    }
    responses
}

/// What a route can refuse because of what it is.
fn usual(entry: &Entry) -> Vec<(u16, &'static str, &'static str)> {
    let mut refuses = vec![
        (
            429,
            "rate.limited",
            "too many requests; `Retry-After` says how long to wait",
        ),
        (
            500,
            "internal",
            "something broke on our side; quote the request",
        ),
    ];
    if entry.reads == Reads::Report {
        refuses.extend([
            (400, "body.cut_off", "the body ended before it was complete"),
            (408, "body.too_slow", "the body took too long to arrive"),
            (413, "body.too_large", "more than 64 KiB"),
        ]);
    }
    if entry.reads == Reads::Form {
        refuses.extend([
            (400, "body.cut_off", "the body ended before it was complete"),
            (408, "body.too_slow", "the body took too long to arrive"),
            (413, "body.too_large", "more than 16 KiB"),
        ]);
    }
    if entry.auth == Auth::Open {
        return refuses;
    }
    let changes = !matches!(entry.method, Method::GET | Method::HEAD);
    if entry.auth != Auth::Browser {
        refuses.extend([
            (
                401,
                "token.malformed",
                "what stands behind `Bearer` is no whole token: mistyped or cut",
            ),
            (
                401,
                "token.unknown",
                "a token of another studio, or one removed long ago",
            ),
            (401, "token.expired", "the token's days are over"),
            (
                401,
                "token.revoked",
                "the token was ended, by its person, a new password, or an administrator",
            ),
        ]);
    }
    refuses.extend([
        (
            503,
            "database.unreachable",
            "the database does not answer now",
        ),
        (
            503,
            "database.busy",
            "the database is locked by another program",
        ),
    ]);
    if matches!(entry.auth, Auth::Person | Auth::Socket) {
        refuses.push((
            401,
            "sign_in.needed",
            "neither token nor cookie, or a sign-in that is over",
        ));
    }
    if changes {
        refuses.extend([
            (
                403,
                "csrf.cross_origin",
                "a cookie, from another site's page",
            ),
            (
                403,
                "csrf.no_origin",
                "a cookie, from a browser that does not say which page it acts for",
            ),
            (
                503,
                "database.full",
                "the disk is full; reading still works",
            ),
            (503, "database.read_only", "the database cannot be written"),
        ]);
        if entry.auth == Auth::Person && !entry.says.browser_only {
            refuses.push((403, "token.scope", "the token lacks the scope for this"));
        }
    }
    if entry.says.browser_only {
        refuses.push((
            403,
            "token.not_for_this",
            "no token may do this; sign in with name and password",
        ));
    }
    match entry.reads {
        Reads::Nothing => {}
        Reads::Json => refuses.extend([
            (400, "json.syntax", "not JSON; `position` says where"),
            (400, "json.cut_off", "the JSON ends too soon"),
            (400, "json.too_deep", "more than 128 levels"),
            (400, "json.number", "a number out of range"),
            (400, "json.duplicate_name", "one name twice in an object"),
            (400, "json.surrogate", "half a surrogate pair"),
            (400, "json.invalid_utf8", "not UTF-8"),
            (400, "json.bom", "a byte order mark in front"),
            (422, "body.not_an_object", "a list where an object belongs"),
            (400, "body.cut_off", "the body ended before it was complete"),
            (408, "body.too_slow", "the body took too long to arrive"),
            (
                413,
                "body.too_large",
                "more than 2 MiB (16 KiB where secrets are taken); `limit` says how much",
            ),
            (415, "body.media_type", "not `application/json`"),
            (422, "field.unknown", "a field this address does not take"),
            (422, "field.missing", "a field that is needed"),
            (422, "field.unfit", "a field of the wrong kind"),
        ]),
        Reads::Report | Reads::Form => {}
        Reads::Upload => refuses.extend([
            (400, "form.malformed", "the form cannot be read"),
            (400, "body.cut_off", "the body ended before it was complete"),
            (408, "body.too_slow", "the body took too long to arrive"),
            (413, "body.too_large", "more than 64 MiB"),
            (422, "form.no_file", "a form without a file"),
        ]),
    }
    let has = |name: &str| entry.path.contains(name);
    if has("{space}") {
        refuses.push((404, "space.not_found", "no such space, or none you may see"));
    }
    if has("{notebook}") {
        refuses.push((
            404,
            "notebook.not_found",
            "no such notebook, or none you may see",
        ));
    }
    if (has("{space}") || has("{notebook}")) && changes {
        refuses.push((
            403,
            "role.insufficient",
            "your role in the space does not allow it; `detail` names the one needed",
        ));
        refuses.push((409, "archived", "it is archived and only there to be read"));
    }
    if !entry.says.parameters().is_empty() {
        refuses.push((400, "query.malformed", "a query that cannot be"));
    }
    refuses
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "Why a door did not open (RFC 9457).",
        "properties": {
            "type": { "type": "string", "const": "about:blank" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "code": { "type": "string", "description": "Stable; for programs.", "examples": ["space.not_found"] },
            "detail": { "type": "string", "description": "What is wrong and what to do; for people." },
            "field": { "type": "string", "description": "The field of the question that cannot be." },
            "limit": { "type": "integer", "description": "The limit that was passed, in bytes." },
            "position": {
                "type": "object",
                "properties": { "line": { "type": "integer" }, "column": { "type": "integer" } },
            },
            "retry_after": { "type": "integer", "description": "Seconds." },
            "request": { "type": "string", "description": "Quote it when you report this." },
        },
        "required": ["type", "title", "status", "code", "detail", "request"],
    })
}
