//! The reference of the API as a page: plain, drawn here, without a line of script.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::Value;

use super::described;
use crate::problem::escaped;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}\
    code{font:0.9em ui-monospace,monospace}summary{cursor:pointer;padding:.3rem 0}details{border-top:1px solid #8884}\
    dt{margin-top:.5rem}dd{margin-left:1.5rem}h2{margin-top:2rem}summary b{display:inline-block;min-width:4.5em}";

/// `GET /api`
pub async fn page() -> impl IntoResponse {
    static PAGE: LazyLock<String> = LazyLock::new(drawn);
    (
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, "public, max-age=300"),
        ],
        PAGE.as_str(),
    )
}

fn drawn() -> String {
    let document = described();
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>API, Datalayer</title><style>{STYLE}</style><h1>API</h1>"
    );
    for part in text(&document["info"]["description"]).split("\n\n") {
        write!(page, "<p>{}</p>", prose(part)).ok();
    }
    page.push_str("<p><a href=\"/api/openapi.json\">The same for programs</a> (OpenAPI 3.1). <a href=\"/\">Back to the studio</a>.</p>");
    let mut tags: Vec<(&str, Vec<String>)> = Vec::new();
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let tag = text(&operation["tags"][0]);
            let drawn = operation_drawn(path, method, operation);
            match tags.iter_mut().find(|(name, _)| *name == tag) {
                Some((_, list)) => list.push(drawn),
                None => tags.push((tag, vec![drawn])),
            }
        }
    }
    for (tag, operations) in tags {
        write!(page, "<h2>{}</h2>{}", escaped(tag), operations.concat()).ok();
    }
    page.push_str("</html>");
    page
}

fn operation_drawn(path: &str, method: &str, operation: &Value) -> String {
    let mut drawn = format!(
        "<details><summary><b>{}</b> <code>{}</code> — {}</summary>",
        method.to_ascii_uppercase(),
        escaped(path),
        prose(text(&operation["summary"])),
    );
    if let Some(details) = operation["description"].as_str() {
        write!(drawn, "<p>{}</p>", prose(details)).ok();
    }
    let ways: Vec<_> = operation["security"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|way| way.as_object()?.keys().next().cloned())
        .collect();
    let ways = if ways.is_empty() {
        "nothing".to_owned()
    } else {
        ways.join(" or ")
    };
    write!(drawn, "<p>Needs: {ways}.</p><dl>").ok();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        write!(
            drawn,
            "<dt><code>{}</code> in the {}</dt><dd>{}</dd>",
            escaped(text(&parameter["name"])),
            text(&parameter["in"]),
            prose(text(&parameter["description"]))
        )
        .ok();
    }
    for (media, body) in operation["requestBody"]["content"]
        .as_object()
        .into_iter()
        .flatten()
    {
        write!(
            drawn,
            "<dt>Body, <code>{media}</code></dt><dd>{}</dd>",
            shape(&body["schema"])
        )
        .ok();
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let words = text(&response["description"]).replace("\n\n", "<br>");
        write!(
            drawn,
            "<dt>{status}</dt><dd>{}",
            prose(&words).replace("&lt;br&gt;", "<br>")
        )
        .ok();
        for (media, body) in response["content"].as_object().into_iter().flatten() {
            if media == "application/json" {
                write!(drawn, " {}", shape(&body["schema"])).ok();
            }
        }
        drawn.push_str("</dd>");
    }
    drawn.push_str("</dl></details>");
    drawn
}

/// The name of a type; its fields are in the document for programs.
fn shape(schema: &Value) -> String {
    let name = |schema: &Value| {
        text(&schema["$ref"])
            .rsplit('/')
            .next()
            .map(|name| format!("<code>{}</code>", escaped(name)))
            .unwrap_or_default()
    };
    if schema["type"] == "array" {
        format!("a list of {}", name(&schema["items"]))
    } else {
        name(schema)
    }
}

/// Escaped, with `code` where backticks were.
fn prose(words: &str) -> String {
    let parts = words.split('`').enumerate();
    parts
        .map(|(index, part)| {
            let part = escaped(part);
            if index % 2 == 1 {
                format!("<code>{part}</code>")
            } else {
                part
            }
        })
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}
