//! Every route and every server function, and what it answers to nobody and to a stranger.

use std::collections::BTreeSet;

use api::{Auth, Reads};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::openapi::described;
use crate::studio::{Person, Studio};

/// One line per page: what nobody gets. A page that is not in here is an error.
const PAGES: &[(&str, u16)] = &[
    ("/", 302),
    ("/sign-in", 200),
    ("/set-up", 200),
    ("/settings", 302),
    ("/people", 302),
    ("/audit", 302),
    ("/spaces", 302),
    ("/s/{space}", 302),
    ("/s/{space}/notebooks", 302),
    ("/s/{space}/members", 302),
    ("/s/{space}/settings", 302),
    ("/n/{notebook}", 302),
];

/// Server functions that answer nobody too; every other says that one must sign in first.
const OPEN_CALLS: &[&str] = &[
    "sign_in",
    "sign_out",
    "set_up",
    "needs_setup",
    "choose_look",
];

#[tokio::test]
async fn nobody_gets_exactly_the_answer_of_each_route() {
    let studio = Studio::start();
    let nobody = studio.stranger();
    let document = api::described();
    for entry in api::table() {
        let answer = knock(&nobody, &entry.method, &filled(entry.path), entry.reads).await;
        let (status, code) = told(answer).await;
        if !code.is_empty() {
            let refusals = described(&document, &entry.method, entry.path);
            assert!(
                refusals.contains(&(status, code.clone())),
                "{} {} answers {status} {code}, which is not described",
                entry.method,
                entry.path
            );
        }
        let expected: (u16, &str) = match (entry.auth, entry.path) {
            (Auth::Person | Auth::Socket, "/live") => (403, "socket.origin"),
            (Auth::Person | Auth::Socket, _) => (401, "sign_in.needed"),
            (_, "/api/v1/session") if entry.method == Method::DELETE => (204, ""),
            (_, "/api/v1/session") | (_, "/api/v1/set-up") if entry.method == Method::POST => {
                (422, "field.missing")
            }
            (_, "/api/v1/set-up") => (200, ""),
            (_, "/usercontent/frame") => (503, "site.not_built"),
            (_, "/api/v1/reports") => (204, ""),
            // Without a Hub in its configuration a studio signs nobody in elsewhere.
            (_, path) if path.starts_with("/oauth/") || path.starts_with("/.well-known/") => {
                (404, "provider.off")
            }
            (_, "/api" | "/api/openapi.json" | "/healthz" | "/readyz") => (200, ""),
            other => panic!("no expected answer for {other:?} {}", entry.method),
        };
        assert_eq!(
            (status, code.as_str()),
            expected,
            "{} {}",
            entry.method,
            entry.path
        );
    }
}

#[tokio::test]
async fn a_stranger_finds_nothing_of_anybody_else() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let eve = studio.person(&ada, "eve").await;
    let (space, notebook) = ada.workplace().await;
    let me: Value = ada.get("/api/v1/me").await.json().await.unwrap();
    let document = api::described();
    for entry in api::table() {
        if !entry.path.contains('{') {
            continue;
        }
        let path = entry
            .path
            .replace("{space}", &space)
            .replace("{notebook}", &notebook)
            .replace("{member}", me["id"].as_str().unwrap())
            .replace("{user}", me["id"].as_str().unwrap())
            .replace("{session}", "ses_00000000000000000000000000")
            .replace("{token}", "tok_00000000000000000000000000")
            .replace("{hash}", &"0".repeat(64));
        let body = match (entry.method.as_str(), entry.path) {
            ("PATCH", "/api/v1/users/{user}") => json!({ "disabled": true }),
            ("PUT", _) => json!({ "role": "viewer" }),
            ("POST", "/api/v1/spaces/{space}/notebooks") => json!({ "title": "Mine" }),
            _ => json!({}),
        };
        let answer = eve.send(entry.method.clone(), &path, &body).await;
        let (status, code) = told(answer).await;
        let refusals = described(&document, &entry.method, entry.path);
        assert!(
            refusals.contains(&(status, code.clone())),
            "{} {} answers {status} {code}, which is not described",
            entry.method,
            entry.path
        );
        if entry.path == "/api/v1/users/{user}" {
            assert_eq!(status, 403, "{} {}", entry.method, entry.path);
        } else {
            assert_eq!(
                status, 404,
                "{} {} answered {code}",
                entry.method, entry.path
            );
            assert!(code.ends_with(".not_found"), "{code}");
        }
    }
}

#[tokio::test]
async fn a_stranger_is_no_administrator() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let eve = studio.person(&ada, "eve").await;
    assert_eq!(eve.get("/api/v1/users").await.status(), 403);
    assert_eq!(eve.get("/api/v1/audit").await.status(), 403);
    let more = json!({ "username": "mallory", "password": "seven red kites" });
    assert_eq!(eve.post("/api/v1/users", &more).await.status(), 403);
}

#[tokio::test]
async fn every_page_is_known_here_and_sends_nobody_to_the_sign_in() {
    let mut studio = Studio::start();
    studio.ada().await;
    let nobody = studio.stranger();
    let listed: BTreeSet<String> = studio::pages::list()
        .iter()
        .map(|page| page.path().to_owned())
        .collect();
    for path in &listed {
        let (_, status) = PAGES
            .iter()
            .find(|(page, _)| page == path)
            .unwrap_or_else(|| panic!("the page {path} is not in the census"));
        let answer = nobody.get(&filled(path)).await;
        assert_eq!(answer.status().as_u16(), *status, "{path}");
        if *status == 302 {
            let place = answer.headers()["location"].to_str().unwrap();
            assert!(place.starts_with("/sign-in"), "{path} leads to {place}");
        }
    }
}

#[tokio::test]
async fn every_server_function_asks_nobody_to_sign_in_unless_it_is_listed() {
    let mut studio = Studio::start();
    studio.ada().await;
    let nobody = studio.stranger();
    let calls = studio::pages::calls();
    assert!(!calls.is_empty());
    // Every argument any of them takes, so that none is refused for a missing one.
    let id = "0".repeat(26);
    let arguments = json!({
        "space": format!("space_{id}"), "notebook": format!("nb_{id}"), "user": format!("user_{id}"), "session": format!("ses_{id}"), "token": format!("tok_{id}"), "days": 1,
        "page": { "limit": 10 }, "limit": 10, "before": null, "archived": false, "all": false, "cells": [], "words": "x", "disabled": true, "administrator": false,
        "title": "x", "name": "x", "description": "x", "username": "x", "role": "viewer", "password": "x", "current": "x", "new": "y",
    });
    let fields = arguments
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| !value.is_object() && !value.is_null());
    let form: Vec<String> = fields
        .map(|(name, value)| format!("{name}={}", value.to_string().trim_matches('"')))
        .collect();
    let form = format!("{}&page[limit]=10", form.join("&"));
    for (method, path) in calls {
        assert!(path.starts_with("/ui/"), "{path} stands outside of /ui");
        let name = path.rsplit('/').next().unwrap();
        if OPEN_CALLS.contains(&name) {
            continue;
        }
        let question = || {
            nobody
                .client
                .request(method.clone(), studio.url(&path))
                .header("accept", "application/json")
        };
        let mut answer = question().json(&arguments).send().await.unwrap();
        if answer.status() == 400 {
            // It takes a form instead.
            let form = question()
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form.clone());
            answer = form.send().await.unwrap();
        }
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(status, 401, "{method} {path} answered nobody with {text}");
        assert!(text.contains("sign_in_needed"), "{method} {path}: {text}");
    }
}

#[test]
fn no_server_function_takes_get() {
    // Then none that changes something does, whatever it is called.
    for (method, path) in studio::pages::calls() {
        assert_eq!(method, Method::POST, "{path}");
    }
}

/// Ids that are well-formed and name nothing.
fn filled(path: &str) -> String {
    let id = "0".repeat(26);
    path.replace("{space}", &format!("space_{id}"))
        .replace("{notebook}", &format!("nb_{id}"))
        .replace("{user}", &format!("user_{id}"))
        .replace("{member}", &format!("user_{id}"))
        .replace("{session}", &format!("ses_{id}"))
        .replace("{token}", &format!("tok_{id}"))
        .replace("{hash}", &"0".repeat(64))
}

async fn knock(person: &Person, method: &Method, path: &str, reads: Reads) -> Response {
    match reads {
        Reads::Nothing => person.ask(method.clone(), path).await,
        Reads::Json => person.send(method.clone(), path, &json!({})).await,
        Reads::Form => {
            let media = "application/x-www-form-urlencoded";
            person.post_bytes(path, media, "").await
        }
        Reads::Upload | Reads::Report => {
            person
                .post_bytes(path, "application/octet-stream", "{}")
                .await
        }
    }
}

async fn told(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let code = serde_json::from_str::<Value>(&text)
        .ok()
        .and_then(|words| words["code"].as_str().map(str::to_owned))
        .unwrap_or_default();
    (status, code)
}
