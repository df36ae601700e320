//! Connections to the Hub's proxy: kept, found closed, and what may be asked twice.

use std::time::Duration;

use jupyter::proxy::Limits;

use super::front::{Backend, OK};

const GET: &str = "GET /jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn one_connection_carries_one_request_after_the_other() {
    let (backend, front) = Backend::fronted().await;
    let mut hub = None;
    for answer in [
        OK,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        OK,
    ] {
        // A browser of its own each time, whose connection closes.
        let mut browser = front.browser().await;
        browser.say(POST).await;
        let hub = match &mut hub {
            Some(hub) => hub,
            none => none.insert(backend.accept().await),
        };
        hub.head().await;
        hub.take(2).await;
        hub.say(answer).await;
        browser.head().await;
        if answer.contains("chunked") {
            browser.until("0\r\n\r\n").await;
        }
    }
    backend.is_left_alone().await;
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_not_used() {
    let (backend, front) = Backend::fronted().await;
    for _ in 0..3 {
        for request in [GET, POST] {
            let mut browser = front.browser().await;
            browser.say(request).await;
            // Closes right behind its answer.
            backend.answer(OK).await;
            let head = browser.head().await;
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        }
    }
}

#[tokio::test]
async fn a_connection_is_kept_no_longer_than_the_other_side_keeps_it() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser.say(GET).await;
    let mut first = backend.accept().await;
    first.head().await;
    first
        .say("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok")
        .await;
    browser.head().await;
    browser.take(2).await;
    browser.say(GET).await;
    backend.answer(OK).await;
    assert!(browser.head().await.starts_with("HTTP/1.1 200"));
    assert_eq!(first.rest().await, "");
}

#[tokio::test]
async fn a_connection_nobody_uses_is_closed_in_time() {
    let limits = Limits {
        idle: Duration::from_millis(200),
        ..Limits::default()
    };
    let (backend, front) = Backend::fronted_with(limits).await;
    let mut browser = front.browser().await;
    browser.say(GET).await;
    let mut hub = backend.accept().await;
    hub.head().await;
    hub.say(OK).await;
    browser.head().await;
    assert_eq!(hub.rest().await, "");
}

/// Brings a connection into the pool, and gives the backend's end of it.
macro_rules! kept {
    ($backend:ident, $front:ident) => {{
        let mut browser = $front.browser().await;
        browser.say(GET).await;
        let mut hub = $backend.accept().await;
        hub.head().await;
        hub.say(OK).await;
        browser.head().await;
        browser.take(2).await;
        hub
    }};
}

#[tokio::test]
async fn what_may_be_asked_twice_is_asked_again_where_a_kept_connection_breaks() {
    let (backend, front) = Backend::fronted().await;
    let mut kept = kept!(backend, front);
    let mut browser = front.browser().await;
    browser.say(GET).await;
    kept.head().await;
    drop(kept);
    let head = backend.answer(OK).await;
    assert!(head.starts_with("GET "), "{head}");
    assert!(browser.head().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn it_is_asked_again_once_and_no_more() {
    let (backend, front) = Backend::fronted().await;
    let mut kept = kept!(backend, front);
    let mut browser = front.browser().await;
    browser.say(GET).await;
    kept.head().await;
    drop(kept);
    backend.accept().await.head().await;
    let head = browser.head().await;
    assert!(head.starts_with("HTTP/1.1 502"), "{head}");
    backend.is_left_alone().await;
}

#[tokio::test]
async fn what_may_have_happened_is_not_asked_again() {
    let (backend, front) = Backend::fronted().await;
    for request in [
        POST,
        "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "PUT /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok",
    ] {
        let mut kept = kept!(backend, front);
        let mut browser = front.browser().await;
        browser.say(request).await;
        kept.head().await;
        drop(kept);
        let head = browser.head().await;
        assert!(head.starts_with("HTTP/1.1 502"), "{head}");
        backend.is_left_alone().await;
    }
}

#[tokio::test]
async fn a_connection_on_which_more_came_than_was_asked_for_is_not_used() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser.say(GET).await;
    let mut hub = backend.accept().await;
    hub.head().await;
    hub.say(format!(
        "{OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    ))
    .await;
    browser.head().await;
    assert_eq!(browser.take(2).await, b"ok");
    browser.say(GET).await;
    backend.answer(OK).await;
    browser.head().await;
    assert_eq!(browser.take(2).await, b"ok");
}
