//! Requests that could be read in two ways, over raw sockets: refused, or made plain, but never passed on as they are.

use super::front::{Backend, OK, fields};

const REST: &str = "GET /jupyter/smuggled HTTP/1.1\r\nHost: studio.example\r\n\r\n";

#[tokio::test]
async fn what_breaks_the_grammar_reaches_nobody() {
    let (backend, front) = Backend::fronted().await;
    for (name, request) in [
        (
            "lengths that differ",
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 60\r\n\r\n",
        ),
        (
            "a list of lengths",
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 60\r\n\r\n",
        ),
        (
            "a signed length",
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n",
        ),
        (
            "a length that is none",
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0x2\r\n\r\n",
        ),
        (
            "a length beyond numbers",
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        ),
        (
            "a coding that is not chunked",
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
        ),
        (
            "a coding that only looks chunked",
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
        ),
        (
            "chunked before another",
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        ),
        (
            "chunked behind another",
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        ),
        (
            "chunked twice",
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
        (
            "chunked in HTTP/1.0",
            "POST /jupyter/ HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
        (
            "space before the colon",
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length : 60\r\n\r\n",
        ),
        (
            "tab before the colon",
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n",
        ),
        (
            "a folded line",
            "GET /jupyter/ HTTP/1.1\r\nHost: a\r\nX: 1\r\n Transfer-Encoding: chunked\r\n\r\n",
        ),
        (
            "a folded first line",
            "GET /jupyter/ HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n",
        ),
        (
            "a bare carriage return",
            "GET /jupyter/ HTTP/1.1\r\nHost: a\r\nX: 1\rTransfer-Encoding: chunked\r\n\r\n",
        ),
        (
            "a null",
            "GET /jupyter/ HTTP/1.1\r\nHost: a\r\nX: 1\0\r\n\r\n",
        ),
        (
            "a field without a name",
            "GET /jupyter/ HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
        ),
        (
            "a name with a bracket",
            "GET /jupyter/ HTTP/1.1\r\nHost: a\r\nX(y): x\r\n\r\n",
        ),
        (
            "two hosts",
            "GET /jupyter/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        ),
        (
            "a host that is none",
            "GET /jupyter/ HTTP/1.1\r\nHost: a\"b\r\n\r\n",
        ),
        (
            "a host with a person",
            "GET /jupyter/ HTTP/1.1\r\nHost: ada@b\r\n\r\n",
        ),
        ("another HTTP", "GET /jupyter/ HTTP/1.2\r\nHost: a\r\n\r\n"),
        (
            "a space in the target",
            "GET /jupyter/ x HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "absolute form",
            "GET http://a/jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "authority form",
            "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        ("asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("TRACE", "TRACE /jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("dots", "GET /jupyter/../admin HTTP/1.1\r\nHost: a\r\n\r\n"),
        (
            "encoded dots",
            "GET /jupyter/%2e%2E/admin HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "dots between encoded slashes",
            "GET /jupyter/a%2f..%2fadmin HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "a backslash",
            "GET /jupyter/\\..\\admin HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "two slashes first",
            "GET //jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        ("elsewhere", "GET /jupyterx/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (
            "a WebSocket handshake with a body",
            "GET /jupyter/ HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nok",
        ),
    ] {
        let mut browser = front.browser().await;
        browser.say(request).await;
        let head = browser.head().await;
        assert!(head.starts_with("HTTP/1.1 4"), "{name}: {head}");
        backend.is_left_alone().await;
    }
}

#[tokio::test]
async fn of_two_ways_to_say_a_length_one_goes_on_and_the_connection_ends() {
    let (backend, front) = Backend::fronted().await;
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ] {
        let mut browser = front.browser().await;
        browser
            .say(format!(
                "POST /jupyter/ HTTP/1.1\r\nHost: a\r\n{lines}\r\n0\r\n\r\n{REST}"
            ))
            .await;
        let mut hub = backend.accept().await;
        let head = hub.head().await;
        assert_eq!(fields(&head, "content-length"), [""; 0], "{head}");
        assert_eq!(fields(&head, "transfer-encoding"), ["chunked"], "{head}");
        assert_eq!(hub.take(5).await, b"0\r\n\r\n");
        hub.say(OK).await;
        let answer = browser.rest().await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        backend.is_left_alone().await;
        drop(hub);
    }
}

#[tokio::test]
async fn the_same_length_twice_goes_on_once() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser
        .say("POST /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")
        .await;
    let mut hub = backend.accept().await;
    let head = hub.head().await;
    assert_eq!(fields(&head, "content-length"), ["2"], "{head}");
    assert_eq!(hub.take(2).await, b"ok");
    hub.say(OK).await;
    assert!(browser.head().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_chunk_that_is_none_ends_the_upload_on_both_sides() {
    let (backend, front) = Backend::fronted().await;
    for body in [
        "2\r\nokX5\r\n",
        "0x2\r\nok\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "fffffffffffffffff\r\n",
        "2;a\nb\r\nok\r\n",
    ] {
        let mut browser = front.browser().await;
        browser
            .say(format!(
                "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n{body}"
            ))
            .await;
        let mut hub = backend.accept().await;
        let seen = hub.rest().await;
        assert!(
            !seen.contains("0\r\n\r\n"),
            "{body:?} went on whole: {seen}"
        );
        let answer = browser.rest().await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
            "{body:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_says_its_length_in_two_ways_comes_back_with_one() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser
        .say("GET /jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    backend
        .answer("HTTP/1.1 200 OK\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        .await;
    let head = browser.head().await;
    assert_eq!(fields(&head, "content-length"), [""; 0], "{head}");
    assert_eq!(browser.until("0\r\n\r\n").await, "2\r\nok\r\n0\r\n\r\n");

    browser
        .say("GET /jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    backend
        .answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")
        .await;
    let head = browser.head().await;
    assert_eq!(fields(&head, "content-length"), ["2"], "{head}");
}

#[tokio::test]
async fn answers_that_are_no_http_are_told_as_such() {
    let (backend, front) = Backend::fronted().await;
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: 1\r\n".repeat(200));
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: half",
        &long,
        &many,
    ] {
        let asking = front.ask("GET /jupyter/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let (told, _) = tokio::join!(asking, backend.answer(answer));
        let start: String = answer.chars().take(60).collect();
        assert!(told.starts_with("HTTP/1.1 502 "), "{start:?}: {told}");
        assert!(told.contains("\"code\":\"hub.broken\""), "{told}");
    }
}
