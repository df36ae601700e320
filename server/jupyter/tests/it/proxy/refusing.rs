//! What is said when there is no answer, to people and to programs.

use std::net::SocketAddr;
use std::time::Duration;

use jupyter::proxy::{Limits, Scheme};
use serde_json::Value;

use super::front::{Backend, Front, fields};

const PROGRAM: &str = "GET /jupyter/user/ada/api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
     Accept: text/html\r\nSec-Fetch-Mode: cors\r\n\r\n";
const PERSON: &str = "GET /jupyter/user/ada/proj-1/lab?a=%22&b=' HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
     Sec-Fetch-Mode: navigate\r\n\r\n";

fn problem(answer: &str) -> Value {
    assert_eq!(fields(answer, "content-type"), ["application/problem+json"]);
    assert_eq!(fields(answer, "cache-control"), ["no-store"]);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

fn within(silence: Duration) -> Limits {
    Limits {
        silence,
        connect: Duration::from_millis(300),
        ..Limits::default()
    }
}

#[tokio::test]
async fn a_hub_that_is_not_there_is_told_to_people_and_to_programs() {
    let gone = Backend::start().await.address();
    let front = Front::start(gone, Limits::default(), Scheme::Https).await;
    let answer = front.ask(PROGRAM).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(fields(&answer, "retry-after"), ["5"]);
    let problem = problem(&answer);
    assert_eq!(problem["type"], "about:blank");
    assert_eq!(problem["title"], "Service Unavailable");
    assert_eq!(problem["status"], 503);
    assert_eq!(problem["code"], "hub.unreachable");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("ask an administrator"), "{detail}");
    // Where the Hub is, is no visitor's affair.
    assert!(!answer.contains(&gone.port().to_string()), "{answer}");

    let page = front.ask(PERSON).await;
    assert!(page.starts_with("HTTP/1.1 503 "), "{page}");
    assert_eq!(fields(&page, "content-type"), ["text/html; charset=utf-8"]);
    assert!(page.contains("ask an administrator"), "{page}");
}

#[tokio::test]
async fn a_hub_that_takes_no_connection_is_not_waited_for() {
    // An address of documentation: nobody answers, and some networks say so.
    let nowhere: SocketAddr = "192.0.2.1:9".parse().unwrap();
    let front = Front::start(nowhere, within(Duration::from_secs(60)), Scheme::Https).await;
    let answer = front.ask(PROGRAM).await;
    assert_eq!(problem(&answer)["code"], "hub.unreachable");
}

#[tokio::test]
async fn a_hub_that_says_nothing_is_told_after_a_while() {
    let (backend, front) = Backend::fronted_with(within(Duration::from_millis(300))).await;
    let (answer, mut hub) = tokio::join!(front.ask(PROGRAM), backend.accept());
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    assert_eq!(problem(&answer)["code"], "hub.silent");
    // The request is given up there too.
    hub.rest().await;
}

#[tokio::test]
async fn an_upload_that_moves_is_no_silence() {
    let (backend, front) = Backend::fronted_with(within(Duration::from_millis(400))).await;
    let mut browser = front.browser().await;
    browser
        .say("POST /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
        .await;
    let mut hub = backend.accept().await;
    hub.head().await;
    for byte in 0_u8..10 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        browser.say([byte]).await;
        assert_eq!(hub.take(1).await, [byte]);
    }
    hub.say("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert!(browser.head().await.starts_with("HTTP/1.1 204"));
}

#[tokio::test]
async fn more_requests_than_there_may_be_are_told_to_come_again() {
    let limits = Limits {
        open: 1,
        ..Limits::default()
    };
    let (backend, front) = Backend::fronted_with(limits).await;
    let mut browser = front.browser().await;
    browser
        .say("GET /jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let mut hub = backend.accept().await;
    hub.head().await;
    let answer = front.ask(PROGRAM).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(problem(&answer)["code"], "hub.busy");
    hub.say("HTTP/1.1 204 No Content\r\n\r\n").await;
    browser.head().await;
    browser
        .say("GET /jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    hub.head().await;
}

#[tokio::test]
async fn an_address_that_leads_back_to_the_studio_is_noticed() {
    // The studio's address is known only when it listens, so the circle is closed by hand.
    let backend = Backend::start().await;
    let front = Front::start(backend.address(), Limits::default(), Scheme::Https).await;
    let mut browser = front.browser().await;
    browser.say(PROGRAM).await;
    let mut hub = backend.accept().await;
    let round = hub.head().await;
    let answer = front
        .ask(&round.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
        .await;
    assert!(answer.starts_with("HTTP/1.1 508 "), "{answer}");
    assert_eq!(problem(&answer)["code"], "hub.loop");
}

#[tokio::test]
async fn a_session_that_ends_ends_what_waits_and_what_streams() {
    let (backend, front) = Backend::fronted().await;
    let mut waiting = front.browser().await;
    waiting.say(PROGRAM).await;
    let mut unanswered = backend.accept().await;
    unanswered.head().await;
    let mut streaming = front.browser().await;
    streaming
        .say("GET /jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let mut answered = backend.accept().await;
    answered.head().await;
    answered.say("HTTP/1.1 200 OK\r\n\r\nok").await;
    streaming.until("ok\r\n").await;

    front.over.send_replace(true);
    let answer = waiting.rest().await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(problem(&answer)["code"], "session.over");
    assert_eq!(unanswered.rest().await, "");
    assert_eq!(answered.rest().await, "");
    assert_eq!(streaming.rest().await, "");
}

/// What configurable-http-proxy says when a server does not answer: the Hub's page, unsigned.
const STOPPED: &str =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nAwful";

#[tokio::test]
async fn a_server_that_has_stopped_is_offered_to_be_started() {
    let (backend, front) = Backend::fronted().await;
    let (page, _) = tokio::join!(front.ask(PERSON), backend.answer(STOPPED));
    assert!(page.starts_with("HTTP/1.1 503 "), "{page}");
    let link = "href=\"/jupyter/hub/spawn/ada/proj-1?next=/jupyter/user/ada/proj-1/lab%3Fa%3D%2522%26b%3D%27\"";
    assert!(page.contains(link), "{page}");
    assert!(!page.contains("Awful"), "{page}");

    let hostile = PERSON.replace("/ada/proj-1/lab", "/%3Cb%3E'&amp;\"/lab");
    let (page, _) = tokio::join!(front.ask(&hostile), backend.answer(STOPPED));
    assert!(!page.contains("/<") && !page.contains("'&amp;\""), "{page}");
    assert!(
        page.contains("/jupyter/hub/spawn/%3Cb%3E&#39;&amp;amp;&quot;?next="),
        "{page}"
    );
}

#[tokio::test]
async fn programs_and_the_hub_itself_are_not_talked_over() {
    let (backend, front) = Backend::fronted().await;
    let elsewhere = PERSON.replace("/user/ada/proj-1", "/hub");
    let signed = STOPPED.replace(
        "\r\nContent-Type",
        "\r\nX-JupyterHub-Version: 6.1.1\r\nContent-Type",
    );
    let served = STOPPED.replace(
        "\r\nContent-Type",
        "\r\nServer: TornadoServer/6\r\nContent-Type",
    );
    for (request, answer) in [
        (PROGRAM, STOPPED),
        (&elsewhere, STOPPED),
        (PERSON, &signed),
        (PERSON, &served),
    ] {
        let (told, _) = tokio::join!(front.ask(request), backend.answer(answer));
        assert!(told.starts_with("HTTP/1.1 503 "), "{told}");
        assert!(told.ends_with("\r\n\r\nAwful"), "{told}");
    }
}
