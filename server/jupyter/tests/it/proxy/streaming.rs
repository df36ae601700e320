//! Bodies: nothing waits for the rest of them, and a cut body never looks whole.

use std::time::Duration;

use jupyter::proxy::Limits;
use tokio::time::timeout;

use super::front::{Backend, OK, fields};

#[tokio::test]
async fn an_upload_arrives_while_it_is_sent() {
    let (backend, front) = Backend::fronted().await;
    for method in ["POST", "PUT", "GET", "DELETE"] {
        let mut browser = front.browser().await;
        browser
            .say(format!(
                "{method} /jupyter/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"
            ))
            .await;
        let mut hub = backend.accept().await;
        hub.head().await;
        assert_eq!(hub.until("one\r\n").await, "3\r\none\r\n");
        browser.say("5\r\nother\r\n").await;
        assert_eq!(hub.until("other\r\n").await, "5\r\nother\r\n");
        browser.say("0\r\n\r\n").await;
        assert_eq!(hub.until("0\r\n\r\n").await, "0\r\n\r\n");
        hub.say(OK).await;
        browser.head().await;
    }
}

#[tokio::test]
async fn events_arrive_one_by_one_however_long_they_take() {
    let limits = Limits {
        silence: Duration::from_millis(200),
        ..Limits::default()
    };
    let (backend, front) = Backend::fronted_with(limits).await;
    let mut browser = front.browser().await;
    browser
        .say("GET /jupyter/hub/api/users/ada/server/progress HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let mut hub = backend.accept().await;
    hub.head().await;
    hub.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        .await;
    assert_eq!(fields(&browser.head().await, "content-length"), [""; 0]);
    for progress in ["data: 0\n\n", "data: 50\n\n", "data: 100\n\n"] {
        hub.say(progress).await;
        browser.until(progress).await;
        // Longer than an answer's head may take.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    drop(hub);
    assert_eq!(browser.until("0\r\n\r\n").await, "\r\n0\r\n\r\n");
}

#[tokio::test]
async fn trailers_pass_both_ways_but_decide_nothing() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser
        .say(
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\
             Trailer: X-Sum, X-Forwarded-For, Cookie\r\n\r\n\
             2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Forwarded-For: 10.0.0.1\r\nCookie: a\r\n\r\n",
        )
        .await;
    let mut hub = backend.accept().await;
    let head = hub.head().await;
    assert_eq!(fields(&head, "trailer"), ["X-Sum, X-Forwarded-For, Cookie"]);
    assert_eq!(
        hub.until("\r\n\r\n").await.to_lowercase(),
        "2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n"
    );
    hub.say(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Set-Cookie\r\n\r\n\
         2\r\nok\r\n0\r\nX-Sum: 2\r\nSet-Cookie: studio=evil\r\n\r\n",
    )
    .await;
    browser.head().await;
    assert_eq!(
        browser.until("\r\n\r\n").await.to_lowercase(),
        "2\r\nok\r\n0\r\nx-sum: 2\r\n\r\n"
    );
}

#[tokio::test]
async fn a_browser_that_waits_for_leave_to_send_gets_it() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser
        .say("POST /jupyter/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await;
    let mut hub = backend.accept().await;
    let head = hub.head().await;
    assert_eq!(fields(&head, "expect"), [""; 0]);
    assert!(browser.head().await.starts_with("HTTP/1.1 100 "));
    browser.say("ok").await;
    assert_eq!(hub.take(2).await, b"ok");
    hub.say(format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{OK}"))
        .await;
    assert!(browser.head().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_answer_that_begins_before_the_upload_ends_blocks_neither() {
    const MEGABYTES: usize = 16 << 20;
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser
        .say(format!(
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length: {MEGABYTES}\r\n\r\n"
        ))
        .await;
    let mut hub = backend.accept().await;
    hub.head().await;
    hub.say(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {MEGABYTES}\r\n\r\n"
    ))
    .await;
    // An echo, whose browser reads only when it has sent everything.
    let echo = tokio::spawn(async move {
        let (mut reader, mut writer) = hub.stream.split();
        let mut held = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(
            &mut tokio::io::AsyncReadExt::take(&mut reader, MEGABYTES as u64),
            &mut held,
        )
        .await
        .unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut writer, &held)
            .await
            .unwrap();
    });
    browser.head().await;
    browser.say(vec![7; MEGABYTES]).await;
    let back = browser.take(MEGABYTES).await;
    assert!(back.iter().all(|byte| *byte == 7));
    echo.await.unwrap();
}

#[tokio::test]
async fn both_may_stream_at_the_same_time() {
    const MEGABYTES: usize = 16 << 20;
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser
        .say(format!(
            "POST /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length: {MEGABYTES}\r\n\r\n"
        ))
        .await;
    let mut hub = backend.accept().await;
    hub.head().await;
    let sending = tokio::spawn(async move {
        hub.say(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {MEGABYTES}\r\n\r\n"
        ))
        .await;
        hub.say(vec![8; MEGABYTES]).await;
        hub.take(MEGABYTES).await;
    });
    browser.head().await;
    browser.take(MEGABYTES).await;
    browser.say(vec![7; MEGABYTES]).await;
    sending.await.unwrap();
}

#[tokio::test]
async fn a_hub_that_breaks_off_leaves_an_answer_that_is_seen_to_be_cut() {
    let (backend, front) = Backend::fronted().await;
    for (answer, whole) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
            "\r\n\r\nok...",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
            "0\r\n\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nXYZ\r\n",
            "0\r\n\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nXYZ\r\n",
            "0\r\n\r\n",
        ),
    ] {
        let asking = front.ask("GET /jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n");
        let (told, _) = tokio::join!(asking, backend.answer(answer));
        assert!(
            told.is_empty() || told.starts_with("HTTP/1.1 200"),
            "{told}"
        );
        assert!(!told.ends_with(whole), "{answer:?} looks whole: {told}");
    }
}

#[tokio::test]
async fn a_browser_that_goes_away_takes_its_request_with_it() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser
        .say("GET /jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let mut waiting = backend.accept().await;
    waiting.head().await;
    drop(browser);
    assert_eq!(waiting.rest().await, "");

    let mut browser = front.browser().await;
    browser
        .say("GET /jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let mut streaming = backend.accept().await;
    streaming.head().await;
    streaming.say("HTTP/1.1 200 OK\r\n\r\nok").await;
    browser.until("ok").await;
    drop(browser);
    assert_eq!(streaming.rest().await, "");

    let mut browser = front.browser().await;
    browser
        .say("POST /jupyter/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nok")
        .await;
    let mut taking = backend.accept().await;
    taking.head().await;
    taking.take(2).await;
    drop(browser);
    assert_eq!(taking.rest().await, "");
}

#[tokio::test]
async fn a_slow_reader_slows_the_hub_down() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser
        .say("GET /jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let mut hub = backend.accept().await;
    hub.head().await;
    hub.say("HTTP/1.1 200 OK\r\n\r\n").await;
    browser.head().await;
    let chunk = vec![7; 1 << 20];
    let mut sent = 0;
    let full = timeout(Duration::from_secs(20), async {
        while timeout(
            Duration::from_millis(500),
            tokio::io::AsyncWriteExt::write_all(&mut hub.stream, &chunk),
        )
        .await
        .is_ok()
        {
            sent += 1;
        }
    });
    full.await.expect("it takes whatever comes");
    assert!(sent < 64, "{sent} MB went into it");
}
