//! The description of the API is whole and true: every route, every refusal that is met, every verb of the pages.

use std::collections::BTreeSet;

use api::{Auth, Reads};
use reqwest::Method;
use serde_json::{Value, json};

use crate::studio::Studio;

/// What each server function of the pages is over REST. A page's own affairs have none.
const VERBS: &[(&str, &str)] = &[
    ("archive_notebook", "PATCH /api/v1/notebooks/{notebook}"),
    ("archive_space", "PATCH /api/v1/spaces/{space}"),
    ("change_password", "POST /api/v1/me/password"),
    ("choose_look", ""),
    ("create_notebook", "POST /api/v1/spaces/{space}/notebooks"),
    ("create_space", "POST /api/v1/spaces"),
    ("create_token", "POST /api/v1/me/tokens"),
    ("create_user", "POST /api/v1/users"),
    ("describe_space", "PATCH /api/v1/spaces/{space}"),
    (
        "duplicate_notebook",
        "POST /api/v1/notebooks/{notebook}/duplicate",
    ),
    ("end_other_sessions", "DELETE /api/v1/me/sessions"),
    ("end_session", "DELETE /api/v1/me/sessions/{session}"),
    ("end_token", "DELETE /api/v1/me/tokens/{token}"),
    ("find_notebooks", "GET /api/v1/me/notebooks"),
    ("list_audit", "GET /api/v1/audit"),
    ("list_members", "GET /api/v1/spaces/{space}/members"),
    ("list_notebooks", "GET /api/v1/spaces/{space}/notebooks"),
    ("list_readers", "GET /api/v1/spaces/{space}/members"),
    ("list_spaces", "GET /api/v1/spaces"),
    ("list_users", "GET /api/v1/users"),
    ("my_sessions", "GET /api/v1/me/sessions"),
    ("my_spaces", "GET /api/v1/spaces"),
    ("my_tokens", "GET /api/v1/me/tokens"),
    ("needs_setup", "GET /api/v1/set-up"),
    ("notebook_cover", "GET /api/v1/notebooks/{notebook}/cover"),
    ("open_notebook", "GET /api/v1/notebooks/{notebook}/view"),
    ("open_notebooks", "GET /api/v1/me/notebooks/open"),
    ("read_outputs", "GET /api/v1/notebooks/{notebook}/view"),
    ("read_space", "GET /api/v1/spaces/{space}"),
    ("recent_notebooks", "GET /api/v1/me/notebooks"),
    (
        "remove_member",
        "DELETE /api/v1/spaces/{space}/members/{member}",
    ),
    ("rename_notebook", "PATCH /api/v1/notebooks/{notebook}"),
    ("running_notebooks", "GET /api/v1/me/notebooks/running"),
    ("set_disabled", "PATCH /api/v1/users/{user}"),
    ("set_member", "PUT /api/v1/spaces/{space}/members/{member}"),
    ("set_up", "POST /api/v1/set-up"),
    ("share_with", "PUT /api/v1/spaces/{space}/members/{member}"),
    ("sign_in", "POST /api/v1/session"),
    ("sign_out", "DELETE /api/v1/session"),
    (
        "stop_sharing",
        "DELETE /api/v1/spaces/{space}/members/{member}",
    ),
    ("who_am_i", "GET /api/v1/me"),
];

/// The refusals described for an operation, as (status, code).
pub fn described(document: &Value, method: &Method, path: &str) -> BTreeSet<(u16, String)> {
    let operation = &document["paths"][path][method.as_str().to_ascii_lowercase()];
    assert!(operation.is_object(), "{method} {path} is not described");
    let mut refusals = BTreeSet::new();
    for (status, response) in operation["responses"].as_object().unwrap() {
        let schema = &response["content"]["application/problem+json"]["schema"];
        for code in schema["allOf"][1]["properties"]["code"]["enum"]
            .as_array()
            .into_iter()
            .flatten()
        {
            refusals.insert((status.parse().unwrap(), code.as_str().unwrap().to_owned()));
        }
    }
    refusals
}

#[tokio::test]
async fn every_route_is_described_with_its_answer_its_refusals_and_its_keys() {
    let studio = Studio::start();
    let answer = studio.stranger().get("/api/openapi.json").await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let document: Value = answer.json().await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for entry in api::table() {
        let refusals = described(&document, &entry.method, entry.path);
        let operation = &document["paths"][entry.path][entry.method.as_str().to_ascii_lowercase()];
        let name = format!("{} {}", entry.method, entry.path);
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|words| words.len() > 5),
            "{name}"
        );
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap().to_owned()),
            "{name}: its id is another's"
        );
        let statuses: Vec<u16> = operation["responses"]
            .as_object()
            .unwrap()
            .keys()
            .map(|status| status.parse().unwrap())
            .collect();
        assert!(
            statuses.iter().any(|status| *status < 400),
            "{name} gives nothing"
        );
        let needs = |code: &str, status: u16| {
            assert!(
                refusals.contains(&(status, code.to_owned())),
                "{name}: {status} {code}"
            )
        };
        needs("rate.limited", 429);
        let keys = operation["security"].as_array().unwrap();
        match entry.auth {
            Auth::Open | Auth::Anyone | Auth::Browser => assert!(keys.is_empty(), "{name}"),
            Auth::Person | Auth::Socket => {
                assert!(keys.contains(&json!({ "cookie": [] })), "{name}");
                needs("sign_in.needed", 401);
                needs("token.revoked", 401);
                if !keys.contains(&json!({ "token": [] })) {
                    needs("token.not_for_this", 403);
                }
            }
        }
        if entry.reads == Reads::Json {
            assert!(
                operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
                    .is_string(),
                "{name}: its question"
            );
            needs("json.syntax", 400);
            needs("field.unknown", 422);
        }
        let in_path: Vec<&str> = entry
            .path
            .split('/')
            .filter(|part| part.starts_with('{'))
            .collect();
        let described = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["in"] == "path")
            .count();
        assert_eq!(in_path.len(), described, "{name}");
    }
    let paths = document["paths"].as_object().unwrap();
    let count: usize = paths
        .values()
        .map(|operations| operations.as_object().unwrap().len())
        .sum();
    assert_eq!(
        count,
        api::table().len(),
        "nothing is described that is not there"
    );
}

#[test]
fn every_type_that_is_named_is_described() {
    let document = api::described();
    let mut open = vec![&document];
    let mut found = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    let name = reference.strip_prefix("#/components/schemas/").unwrap();
                    assert!(
                        document["components"]["schemas"][name].is_object(),
                        "{name}"
                    );
                    found += 1;
                }
                open.extend(map.values());
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    assert!(found > 50, "{found} references");
    // No name of a type twice under two shapes, and none that only Rust would give.
    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
            "{name}"
        );
    }
}

#[test]
fn whatever_a_page_can_do_a_program_can_do() {
    let document = api::described();
    let mut known = BTreeSet::new();
    for (call, verb) in VERBS {
        known.insert(*call);
        if let Some((method, path)) = verb.split_once(' ') {
            assert!(
                document["paths"][path][method.to_ascii_lowercase()].is_object(),
                "{call}: {verb}"
            );
        }
    }
    for (_, path) in studio::pages::calls() {
        let name = path.rsplit('/').next().unwrap();
        assert!(
            known.contains(name),
            "the server function {name} has no verb of the API beside it"
        );
    }
}

#[tokio::test]
async fn what_the_studio_answers_has_the_shape_that_is_described() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (space, notebook) = ada.workplace().await;
    ada.create("/api/v1/me/tokens", json!({ "name": "x" }))
        .await;
    let document = api::described();
    for (path, template) in [
        ("/api/v1/me".to_owned(), "/api/v1/me"),
        ("/api/v1/me/sessions".to_owned(), "/api/v1/me/sessions"),
        ("/api/v1/me/tokens".to_owned(), "/api/v1/me/tokens"),
        ("/api/v1/me/notebooks".to_owned(), "/api/v1/me/notebooks"),
        ("/api/v1/users".to_owned(), "/api/v1/users"),
        ("/api/v1/audit".to_owned(), "/api/v1/audit"),
        ("/api/v1/spaces".to_owned(), "/api/v1/spaces"),
        (format!("/api/v1/spaces/{space}"), "/api/v1/spaces/{space}"),
        (
            format!("/api/v1/spaces/{space}/members"),
            "/api/v1/spaces/{space}/members",
        ),
        (
            format!("/api/v1/spaces/{space}/notebooks"),
            "/api/v1/spaces/{space}/notebooks",
        ),
        (
            format!("/api/v1/notebooks/{notebook}"),
            "/api/v1/notebooks/{notebook}",
        ),
        (
            format!("/api/v1/notebooks/{notebook}/view"),
            "/api/v1/notebooks/{notebook}/view",
        ),
    ] {
        let value: Value = ada.get(&path).await.json().await.unwrap();
        let schema = &document["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]
            ["schema"];
        fits(&document, schema, &value, &path);
    }
}

/// Whether a value has every field its schema asks for, and no field it does not name.
fn fits(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return fits(
            document,
            &document["components"]["schemas"][name],
            value,
            place,
        );
    }
    if let Some(either) = schema["oneOf"].as_array() {
        if !value.is_null() {
            let some = either.iter().find(|one| one["type"] != "null").unwrap();
            fits(document, some, value, place);
        }
        return;
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(
        kinds.contains(&kind),
        "{place}: {kind} where {kinds:?} is described"
    );
    if let (Value::Object(fields), Some(properties)) = (value, schema["properties"].as_object()) {
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(
                fields.contains_key(required.as_str().unwrap()),
                "{place}: {required} is missing"
            );
        }
        for (name, field) in fields {
            let place = format!("{place} {name}");
            let described = properties
                .get(name)
                .unwrap_or_else(|| panic!("{place} is not described"));
            fits(document, described, field, &place);
        }
    }
    for item in value.as_array().into_iter().flatten() {
        fits(document, &schema["items"], item, place);
    }
}

#[tokio::test]
async fn the_reference_is_a_page_too_without_script() {
    let studio = Studio::start();
    let answer = studio.stranger().get("/api").await;
    assert_eq!(answer.status(), 200);
    let policy = answer.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("script-src"),
        "{policy}"
    );
    let page = answer.text().await.unwrap();
    assert!(!page.contains("<script"));
    for entry in api::table() {
        assert!(
            page.contains(&format!("<code>{}</code>", entry.path)),
            "{}",
            entry.path
        );
    }
}

#[test]
fn every_example_of_the_live_socket_is_a_message() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/live.md")).unwrap();
    let (mut said, mut heard) = (0, 0);
    for block in text.split("```json ").skip(1) {
        let (kind, rest) = block.split_once('\n').unwrap();
        let example = rest.split("```").next().unwrap();
        match kind {
            "say" => {
                let message = notebook::wire::decode(example.as_bytes());
                message.unwrap_or_else(|error| panic!("{error}: {example}"));
                said += 1;
            }
            "hear" => {
                let message = serde_json::from_str::<notebook::wire::ToClient>(example);
                message.unwrap_or_else(|error| panic!("{error}: {example}"));
                heard += 1;
            }
            other => panic!("an example of {other:?}"),
        }
    }
    assert!(said >= 8 && heard >= 7, "{said} said, {heard} heard");
    for name in ["a0", "az", "b00", "Zz", "Z0", "Yzz", "a1V"] {
        assert!(notebook::Order::try_from(name.to_owned()).is_ok(), "{name}");
    }
}
