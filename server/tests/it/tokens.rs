//! Personal tokens over HTTP and the WebSocket, and the command that makes one.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::sockets::{closing, join, until};
use crate::studio::{PASSWORD, Person, Studio, command, problem};

#[tokio::test]
async fn a_program_with_a_token_needs_neither_cookie_nor_origin() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let secret = token(&ada, &["write"]).await;
    let me: Value = with(&studio, Method::GET, "/api/v1/me", &secret)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(me["username"], "ada");
    // As a program in a browser engine would send it, from wherever it runs.
    let made = studio
        .stranger()
        .client
        .post(studio.url("/api/v1/spaces"))
        .bearer_auth(&secret)
        .header("origin", "https://elsewhere.example")
        .header("user-agent", "Mozilla/5.0")
        .json(&json!({ "name": "By a program" }))
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 201);
    assert!(!made.headers().contains_key("set-cookie"));
    assert!(!made.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_token_beside_a_cookie_has_the_tokens_rights_only() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let secret = token(&ada, &["read"]).await;
    let both = |secret: String| {
        ada.client
            .post(studio.url("/api/v1/spaces"))
            .bearer_auth(secret)
            .json(&json!({ "name": "x" }))
            .send()
    };
    problem(both(secret).await.unwrap(), 403, "token.scope").await;
    problem(
        both("dl_nonsense".into()).await.unwrap(),
        401,
        "token.malformed",
    )
    .await;
    // Pages take no tokens, and go by the cookie alone.
    let page = studio
        .stranger()
        .client
        .get(studio.url("/settings"))
        .bearer_auth("dl_x")
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 302);
    let foreign = ada
        .client
        .post(studio.url("/ui/app/accounts/calls/end_other_sessions"))
        .bearer_auth("dl_x")
        .header("origin", "https://evil.example")
        .send()
        .await
        .unwrap();
    assert_eq!(
        foreign.status(),
        403,
        "a token's header is no way around the origin of a page"
    );
}

#[tokio::test]
async fn each_wrong_token_is_told_what_is_wrong_with_it() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let secret = token(&ada, &[]).await;
    let mine: Value = ada.get("/api/v1/me/tokens").await.json().await.unwrap();
    let id = mine[0]["id"].as_str().unwrap();
    let refused = with(&studio, Method::GET, "/api/v1/me", &secret[..40]).await;
    assert_eq!(
        refused.headers()["www-authenticate"],
        "Bearer realm=\"datalayer\""
    );
    problem(refused, 401, "token.malformed").await;
    let unknown = iam::tokens::Token::new().unwrap().text;
    problem(
        with(&studio, Method::GET, "/api/v1/me", &unknown).await,
        401,
        "token.unknown",
    )
    .await;
    let ended = ada
        .ask(Method::DELETE, &format!("/api/v1/me/tokens/{id}"))
        .await;
    assert_eq!(ended.status(), 204);
    problem(
        with(&studio, Method::GET, "/api/v1/me", &secret).await,
        401,
        "token.revoked",
    )
    .await;
}

#[tokio::test]
async fn a_token_makes_no_wider_token_and_changes_no_password() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let secret = token(&ada, &["read"]).await;
    let question = json!({ "name": "wider", "scopes": ["read", "write", "run"], "days": 30 });
    let wider = with_body(&studio, "/api/v1/me/tokens", &secret, &question).await;
    problem(wider, 403, "token.not_for_this").await;
    let change = json!({ "current": PASSWORD, "new": "a brand new sentence" });
    problem(
        with_body(&studio, "/api/v1/me/password", &secret, &change).await,
        403,
        "token.not_for_this",
    )
    .await;
    let unknown = ada
        .post(
            "/api/v1/me/tokens",
            &json!({ "name": "x", "scopes": ["root"] }),
        )
        .await;
    assert_eq!(unknown.status(), 422);
}

#[tokio::test]
async fn a_token_opens_a_socket_within_its_scopes_and_takes_it_along_when_it_ends() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (space, notebook) = ada.workplace().await;
    let secret = token(&ada, &["run"]).await;
    let mut request = format!("ws://{}/live", studio.address)
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("authorization", format!("Bearer {secret}").parse().unwrap());
    let mut socket = tokio_tungstenite::connect_async(request).await.unwrap().0;
    let joined = join(&mut socket, &notebook).await;
    assert_eq!(
        (&joined["may"]["run"], &joined["may"]["edit"]),
        (&json!(true), &json!(false))
    );
    // The person's rights change; the token's limit stays.
    let bob = studio.person(&ada, "bob").await;
    let member = |name: &str| format!("/api/v1/spaces/{space}/members/{name}");
    ada.send(Method::PUT, &member("bob"), &json!({ "role": "manager" }))
        .await;
    bob.send(Method::PUT, &member("ada"), &json!({ "role": "viewer" }))
        .await;
    assert_eq!(until(&mut socket, "may").await["may"]["run"], false);
    bob.send(Method::PUT, &member("ada"), &json!({ "role": "manager" }))
        .await;
    let may = until(&mut socket, "may").await["may"].clone();
    assert_eq!((&may["run"], &may["edit"]), (&json!(true), &json!(false)));
    let mine: Value = ada.get("/api/v1/me/tokens").await.json().await.unwrap();
    let id = mine[0]["id"].as_str().unwrap();
    ada.ask(Method::DELETE, &format!("/api/v1/me/tokens/{id}"))
        .await;
    let (code, reason) = closing(&mut socket).await;
    assert_eq!(code, 4401, "{reason}");
    assert!(reason.starts_with("token.revoked"), "{reason}");
}

#[tokio::test]
async fn the_command_prints_a_token_that_works_at_once_and_nothing_else() {
    let mut studio = Studio::start();
    studio.ada().await;
    let made = command()
        .args([
            "admin",
            "create-token",
            "ada",
            "--scopes",
            "read,admin",
            "--days",
            "1",
            "--data",
        ])
        .arg(studio.folder())
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let printed = String::from_utf8(made.stdout).unwrap();
    let secret = printed.strip_suffix('\n').unwrap();
    assert!(iam::tokens::is_token(secret), "{printed:?}");
    assert_eq!(
        with(&studio, Method::GET, "/api/v1/users", secret)
            .await
            .status(),
        200
    );

    for (arguments, words) in [
        (
            ["admin", "create-token", "nobody", "--days", "1"],
            "there is no such person",
        ),
        (
            ["admin", "create-token", "ada", "--days", "1000"],
            "a token lasts 1 to 366 days",
        ),
        (
            ["admin", "create-token", "ada", "--scopes", "root"],
            "a scope is read, write, run or admin",
        ),
    ] {
        let refused = command()
            .args(arguments)
            .arg("--data")
            .arg(studio.folder())
            .output()
            .unwrap();
        assert!(!refused.status.success());
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn the_audit_command_shows_the_log_and_checks_that_it_is_whole() {
    let mut studio = Studio::start();
    studio.ada().await;
    let run = |more: &str| {
        command()
            .args(["admin", "audit", more, "--data"])
            .arg(studio.folder())
            .output()
            .unwrap()
    };
    let shown = String::from_utf8(run("--last=10").stdout).unwrap();
    assert!(
        shown.contains("studio.set_up") && shown.contains("session.opened"),
        "{shown}"
    );
    let checked = run("--verify");
    assert!(checked.status.success());
    let words = String::from_utf8(checked.stdout).unwrap();
    assert!(
        words.starts_with("the audit log is whole: 2 entries"),
        "{words}"
    );
}

async fn token(person: &Person, scopes: &[&str]) -> String {
    let created = person
        .create(
            "/api/v1/me/tokens",
            json!({ "name": "a program", "scopes": scopes, "days": 30 }),
        )
        .await;
    created["secret"].as_str().unwrap().to_owned()
}

async fn with(studio: &Studio, method: Method, path: &str, token: &str) -> Response {
    studio
        .stranger()
        .client
        .request(method, studio.url(path))
        .bearer_auth(token)
        .send()
        .await
        .unwrap()
}

async fn with_body(studio: &Studio, path: &str, token: &str, body: &Value) -> Response {
    studio
        .stranger()
        .client
        .post(studio.url(path))
        .bearer_auth(token)
        .json(body)
        .send()
        .await
        .unwrap()
}
