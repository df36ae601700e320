//! The WebSocket: who gets one, what it takes, and how it ends.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::studio::{Person, Studio};

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn only_the_studios_own_pages_get_a_socket() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let own = format!("http://{}", studio.address);
    for origin in [
        Some("https://evil.example".to_owned()),
        Some(format!("{own}.evil.example")),
        Some("null".to_owned()),
        Some(own.replace("http", "https")),
        None,
    ] {
        assert_eq!(
            refused(&studio, origin.as_deref(), Some(&ada.cookie)).await,
            403,
            "{origin:?}"
        );
    }
    assert_eq!(refused(&studio, Some(&own), None).await, 401);
    assert_eq!(
        refused(&studio, Some(&own), Some("studio=AAAAAAAAAAAAAAAAAAAAAA")).await,
        401
    );
    open(&studio, &ada).await;
}

#[tokio::test]
async fn someone_takes_a_seat_and_is_told_what_is_there() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (_, notebook) = ada.workplace().await;
    let mut socket = open(&studio, &ada).await;
    let joined = join(&mut socket, &notebook).await;
    assert_eq!(joined["hear"], "joined");
    assert_eq!(joined["title"], "First");
    assert_eq!(joined["may"]["manage"], true);
}

#[tokio::test]
async fn a_foreign_a_missing_and_a_malformed_notebook_look_alike() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let eve = studio.person(&ada, "eve").await;
    let (_, notebook) = ada.workplace().await;
    let mut socket = open(&studio, &eve).await;
    let mut answers = Vec::new();
    for id in [
        notebook.as_str(),
        "nb_00000000000000000000000000",
        "../../etc/passwd",
    ] {
        let mut closed = join(&mut socket, id).await;
        closed["notebook"] = Value::Null;
        answers.push(closed);
    }
    assert_eq!(
        (&answers[0]["hear"], &answers[0]["code"]),
        (&json!("closed"), &json!(4404))
    );
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[tokio::test]
async fn what_no_tab_of_ours_would_send_ends_that_socket_and_no_other() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (_, notebook) = ada.workplace().await;
    let mut witness = open(&studio, &ada).await;
    join(&mut witness, &notebook).await;
    let deep = format!(
        r#"{{"notebook":"{notebook}","say":"submit","client":"tab-x","sequence":1,"base":0,"operations":{}{}}}"#,
        "[".repeat(8_000),
        "]".repeat(8_000)
    );
    let stray = json!({ "notebook": notebook, "say": "leave", "also": 1 });
    let announced = json!({ "notebook": notebook, "say": "submit", "client": "tab-x", "sequence": 1, "base": 0, "operations": 1 << 27 });
    let cases: [(Message, u16, &str); 8] = [
        (
            Message::binary(stray.to_string().into_bytes()),
            4400,
            "unknown field",
        ),
        (Message::text("{}"), 1003, "text frames"),
        (
            Message::binary(vec![0x9c, 0xff, 0x00, 0x13]),
            4400,
            "room.malformed",
        ),
        (
            Message::binary(&b"{\"notebook\":\"nb_x\",\"say\":\"explode\"}"[..]),
            4400,
            "room.malformed",
        ),
        (Message::binary(deep.into_bytes()), 4400, "room.too_deep"),
        (
            Message::binary(announced.to_string().into_bytes()),
            4400,
            "room.malformed",
        ),
        (
            Message::binary(vec![b' '; 256 * 1024 + 1]),
            1009,
            "limit 1 MiB",
        ),
        (
            Message::binary(vec![b' '; 1024 * 1024 + 1]),
            1009,
            "limit 1 MiB",
        ),
    ];
    for (message, code, words) in cases {
        let mut socket = open(&studio, &ada).await;
        // A large frame may be cut while it is still being sent.
        socket.send(message).await.ok();
        let (closed, reason) = closing(&mut socket).await;
        assert_eq!(closed, code, "{reason}");
        assert!(reason.contains(words), "{reason}");
    }
    say(
        &mut witness,
        &json!({ "notebook": notebook, "say": "ping", "at": 1.0 }),
    )
    .await;
    assert_eq!(until(&mut witness, "pong").await["at"], 1.0);
}

#[tokio::test]
async fn a_document_of_megabytes_arrives_whole_and_what_is_said_meanwhile_too() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (space, _) = ada.workplace().await;
    let texts: Vec<String> = (0..40)
        .map(|n| format!("# {n} ").repeat(50_000 / 5))
        .collect();
    let cells: Vec<Value> = texts
        .iter()
        .map(|text| json!({ "cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": text }))
        .collect();
    let file = json!({ "cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4 });
    let path = format!("/api/v1/spaces/{space}/import?name=large.ipynb");
    let answer = ada
        .post_bytes(&path, "application/x-ipynb+json", file.to_string())
        .await;
    assert_eq!(answer.status(), 201);
    let imported: Value = answer.json().await.unwrap();
    let notebook = imported["notebook"]["id"].as_str().unwrap();
    let mut socket = open(&studio, &ada).await;
    let client = client_id();
    for message in [
        json!({ "notebook": notebook, "say": "join", "client": client }),
        json!({ "notebook": notebook, "say": "ping", "at": 2.0 }),
    ] {
        say(&mut socket, &message).await;
    }
    let joined = until(&mut socket, "joined").await;
    let document = &joined["state"]["snapshot"]["document"]["cells"];
    let mut heard: Vec<&str> = document
        .as_object()
        .unwrap()
        .values()
        .map(|cell| cell["source"].as_str().unwrap())
        .collect();
    heard.sort_unstable();
    let mut sent: Vec<&str> = texts.iter().map(String::as_str).collect();
    sent.sort_unstable();
    assert!(heard == sent, "{} of {} cells", heard.len(), sent.len());
    assert_eq!(until(&mut socket, "pong").await["at"], 2.0);
}

#[tokio::test]
async fn speaking_without_a_seat_is_answered_and_changes_nothing() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (_, notebook) = ada.workplace().await;
    let mut socket = open(&studio, &ada).await;
    say(
        &mut socket,
        &json!({ "notebook": notebook, "say": "interrupt" }),
    )
    .await;
    let closed = until(&mut socket, "closed").await;
    assert_eq!(
        (&closed["code"], &closed["again"]),
        (&json!(4404), &json!(true))
    );
}

#[tokio::test]
async fn a_tab_has_at_most_thirty_two_notebooks() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (space, _) = ada.workplace().await;
    let mut socket = open(&studio, &ada).await;
    for n in 0..33 {
        let notebook = ada
            .create(
                &format!("/api/v1/spaces/{space}/notebooks"),
                json!({ "title": format!("No. {n}") }),
            )
            .await;
        let answer = join(&mut socket, notebook["id"].as_str().unwrap()).await;
        if n < 32 {
            assert_eq!(answer["hear"], "joined", "{n}");
        } else {
            assert_eq!(
                (&answer["hear"], &answer["code"]),
                (&json!("closed"), &json!(4429))
            );
        }
    }
}

#[tokio::test]
async fn the_sixty_fifth_tab_of_one_person_is_one_too_many() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let mut tabs = Vec::new();
    for _ in 0..256 {
        tabs.push(open(&studio, &ada).await);
    }
    let mut more = open(&studio, &ada).await;
    let (code, reason) = closing(&mut more).await;
    assert_eq!(code, 4429);
    assert!(reason.contains("room.too_many_clients"), "{reason}");
    // Another person is not concerned, and a place that was left can be taken.
    let bob = studio.person(&ada, "bob").await;
    let (_, of_bob) = bob.workplace().await;
    assert_eq!(
        join(&mut open(&studio, &bob).await, &of_bob).await["hear"],
        "joined"
    );
}

#[tokio::test]
async fn a_socket_ends_with_its_sign_in() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let bob = studio.person(&ada, "bob").await;
    let mut of_ada = open(&studio, &ada).await;
    let mut of_bob = open(&studio, &bob).await;
    let me: Value = bob.get("/api/v1/me").await.json().await.unwrap();
    let start = Instant::now();
    let path = format!("/api/v1/users/{}", me["id"].as_str().unwrap());
    assert_eq!(
        ada.send(Method::PATCH, &path, &json!({ "disabled": true }))
            .await
            .status(),
        200
    );
    assert_eq!(closing(&mut of_bob).await.0, 4401);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );

    assert_eq!(
        ada.ask(Method::DELETE, "/api/v1/session").await.status(),
        204
    );
    assert_eq!(closing(&mut of_ada).await.0, 4401);
}

#[tokio::test]
async fn a_right_that_is_taken_away_is_felt_within_a_second() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let bob = studio.person(&ada, "bob").await;
    let (space, notebook) = ada.workplace().await;
    let member = format!("/api/v1/spaces/{space}/members/bob");
    assert_eq!(
        ada.send(Method::PUT, &member, &json!({ "role": "editor" }))
            .await
            .status(),
        200
    );
    let mut socket = open(&studio, &bob).await;
    assert_eq!(join(&mut socket, &notebook).await["may"]["edit"], true);
    let start = Instant::now();
    assert_eq!(
        ada.send(Method::PUT, &member, &json!({ "role": "viewer" }))
            .await
            .status(),
        200
    );
    assert_eq!(until(&mut socket, "may").await["may"]["edit"], false);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_studio_that_restarts_says_so_to_every_tab() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let mut socket = open(&studio, &ada).await;
    studio.signal("TERM");
    assert_eq!(closing(&mut socket).await.0, 1012);
    assert_eq!(studio.ended_within(Duration::from_secs(5)), Some(0));
}

pub async fn open(studio: &Studio, person: &Person) -> Socket {
    let mut request = format!("ws://{}/live", studio.address)
        .into_client_request()
        .unwrap();
    request.headers_mut().insert(
        "origin",
        format!("http://{}", studio.address).parse().unwrap(),
    );
    request
        .headers_mut()
        .insert("cookie", person.cookie.parse().unwrap());
    connect_async(request).await.unwrap().0
}

/// The status of an upgrade that must not happen.
async fn refused(studio: &Studio, origin: Option<&str>, cookie: Option<&str>) -> u16 {
    let mut request = format!("ws://{}/live", studio.address)
        .into_client_request()
        .unwrap();
    for (name, value) in [("origin", origin), ("cookie", cookie)] {
        if let Some(value) = value {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    match connect_async(request).await {
        Err(Error::Http(answer)) => answer.status().as_u16(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("a socket for {origin:?} {cookie:?}"),
    }
}

async fn say(socket: &mut Socket, message: &Value) {
    socket
        .send(Message::binary(serde_json::to_vec(message).unwrap()))
        .await
        .unwrap();
}

/// Asks for a seat; the first thing heard about that notebook.
pub async fn join(socket: &mut Socket, notebook: &str) -> Value {
    let client = client_id();
    say(
        socket,
        &json!({ "notebook": notebook, "say": "join", "client": client }),
    )
    .await;
    loop {
        let heard = hear(socket).await;
        if heard["notebook"] == notebook && (heard["hear"] == "joined" || heard["hear"] == "closed")
        {
            return heard;
        }
    }
}

fn client_id() -> Value {
    use std::sync::atomic::{AtomicU64, Ordering};
    static LAST: AtomicU64 = AtomicU64::new(1);
    json!(format!("tab-{}", LAST.fetch_add(1, Ordering::Relaxed)))
}

pub async fn until(socket: &mut Socket, what: &str) -> Value {
    loop {
        let heard = hear(socket).await;
        if heard["hear"] == what {
            return heard;
        }
    }
}

async fn hear(socket: &mut Socket) -> Value {
    loop {
        match timeout(SOON, socket.next())
            .await
            .expect("nothing was heard")
            .expect("the socket ended")
            .unwrap()
        {
            Message::Binary(frame) => return serde_json::from_slice(&frame).unwrap(),
            Message::Close(frame) => panic!("the socket was closed: {frame:?}"),
            _ => {}
        }
    }
}

/// How the studio closes this socket.
pub async fn closing(socket: &mut Socket) -> (u16, String) {
    loop {
        match timeout(SOON, socket.next())
            .await
            .expect("the socket stays open")
        {
            Some(Ok(Message::Close(Some(frame)))) => {
                return (frame.code.into(), frame.reason.as_str().to_owned());
            }
            Some(Ok(_)) => {}
            other => panic!("the socket ended without a word: {other:?}"),
        }
    }
}
