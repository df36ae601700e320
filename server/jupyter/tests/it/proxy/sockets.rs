//! WebSockets: the handshake untouched, then bytes both ways until one of the three says that it is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jupyter::proxy::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::front::{Backend, Front, OK, PATIENCE, Raw, fields};

const HANDSHAKE: &str = "GET /jupyter/user/ada/api/kernels/1/channels?session_id=x HTTP/1.1\r\nHost: studio.example\r\n\
     Origin: https://studio.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
     Cookie: studio=secret; _xsrf=2\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Protocol: v1.kernel.websocket.jupyter.org\r\n\
     Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
     Sec-WebSocket-Protocol: v1.kernel.websocket.jupyter.org\r\n\r\n";

async fn switched(backend: &Backend, front: &Front) -> (Raw, Raw) {
    let mut browser = front.browser().await;
    browser.say(HANDSHAKE).await;
    let mut hub = backend.accept().await;
    hub.head().await;
    hub.say(SWITCH).await;
    let head = browser.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    (browser, hub)
}

#[tokio::test]
async fn the_handshake_goes_through_untouched_and_so_does_what_comes_at_once() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser.say(format!("{HANDSHAKE}early")).await;
    let mut hub = backend.accept().await;
    let head = hub.head().await;
    for (name, value) in [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("host", "studio.example"),
        ("origin", "https://studio.example"),
        ("cookie", "_xsrf=2"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "v1.kernel.websocket.jupyter.org"),
        (
            "sec-websocket-extensions",
            "permessage-deflate; client_max_window_bits",
        ),
        ("x-forwarded-for", "203.0.113.7"),
    ] {
        assert_eq!(fields(&head, name), [value], "{name} in {head}");
    }
    hub.say(format!("{SWITCH}prompt")).await;
    let head = browser.head().await;
    for (name, value) in [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("sec-websocket-protocol", "v1.kernel.websocket.jupyter.org"),
    ] {
        assert_eq!(fields(&head, name), [value], "{name} in {head}");
    }
    assert_eq!(browser.take(6).await, b"prompt");
    assert_eq!(hub.take(5).await, b"early");
    browser.say("up").await;
    assert_eq!(hub.take(2).await, b"up");
    hub.say("down").await;
    assert_eq!(browser.take(4).await, b"down");
}

#[tokio::test]
async fn megabytes_pass_both_ways_at_once() {
    const MANY: usize = 24 << 20;
    let (backend, front) = Backend::fronted().await;
    let (browser, hub) = switched(&backend, &front).await;
    let bytes: Arc<Vec<u8>> = Arc::new((0..MANY).map(|at| (at % 251) as u8).collect());
    let mut sides = Vec::new();
    for side in [browser, hub] {
        let (mut reader, mut writer) = side.stream.into_split();
        let (sent, expected) = (Arc::clone(&bytes), Arc::clone(&bytes));
        let writing = tokio::spawn(async move {
            writer.write_all(&sent).await.unwrap();
            writer
        });
        sides.push(tokio::spawn(async move {
            let mut read = vec![0; MANY];
            reader.read_exact(&mut read).await.unwrap();
            assert!(read == *expected);
            // Neither is closed before both have read.
            (reader, writing.await.unwrap())
        }));
    }
    for side in sides {
        timeout(PATIENCE, side).await.expect("it hangs").unwrap();
    }
}

#[tokio::test]
async fn a_side_that_has_said_all_can_still_listen() {
    let (backend, front) = Backend::fronted().await;
    let (mut browser, mut hub) = switched(&backend, &front).await;
    browser.say("bye").await;
    browser.stream.shutdown().await.unwrap();
    assert_eq!(hub.rest().await, "bye");
    hub.say("so long").await;
    hub.stream.shutdown().await.unwrap();
    assert_eq!(browser.rest().await, "so long");

    let (mut browser, mut hub) = switched(&backend, &front).await;
    hub.stream.shutdown().await.unwrap();
    assert_eq!(browser.rest().await, "");
    browser.say("still here").await;
    browser.stream.shutdown().await.unwrap();
    assert_eq!(hub.rest().await, "still here");
}

#[tokio::test]
async fn a_half_that_nothing_comes_through_is_closed_too() {
    let limits = Limits {
        half_closed: Duration::from_millis(300),
        ..Limits::default()
    };
    let (backend, front) = Backend::fronted_with(limits).await;
    let (mut browser, mut hub) = switched(&backend, &front).await;
    hub.stream.shutdown().await.unwrap();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        browser.say(".").await;
    }
    assert_eq!(hub.take(4).await, b"....");
    let began = Instant::now();
    assert_eq!(hub.rest().await, "");
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_side_that_breaks_ends_the_other() {
    let (backend, front) = Backend::fronted().await;
    let (browser, mut hub) = switched(&backend, &front).await;
    browser.stream.set_zero_linger().unwrap();
    drop(browser);
    assert_eq!(hub.rest().await, "");
    let (mut browser, hub) = switched(&backend, &front).await;
    hub.stream.set_zero_linger().unwrap();
    drop(hub);
    assert_eq!(browser.rest().await, "");
}

#[tokio::test]
async fn a_session_that_ends_ends_its_sockets_within_a_second() {
    let (backend, front) = Backend::fronted().await;
    let (mut browser, mut hub) = switched(&backend, &front).await;
    // One whose reader is slow besides, so that bytes wait.
    let (_stuck, mut flooding) = switched(&backend, &front).await;
    let chunk = vec![7; 1 << 20];
    while timeout(
        Duration::from_millis(200),
        flooding.stream.write_all(&chunk),
    )
    .await
    .is_ok()
    {}
    let began = Instant::now();
    front.over.send_replace(true);
    assert_eq!(browser.rest().await, "");
    assert_eq!(hub.rest().await, "");
    flooding.rest().await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn both_sockets_ask_a_silent_peer_whether_it_is_there() {
    let (backend, front) = Backend::fronted().await;
    let (mut browser, mut hub) = switched(&backend, &front).await;
    // Both halves have passed something, so nothing waits to be confirmed.
    browser.say("a").await;
    hub.take(1).await;
    hub.say("b").await;
    browser.take(1).await;
    let ends = [
        (
            front.address.port(),
            browser.stream.local_addr().unwrap().port(),
        ),
        (
            hub.stream.peer_addr().unwrap().port(),
            backend.address().port(),
        ),
    ];
    let began = Instant::now();
    loop {
        let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
        let timers: Vec<_> = ends
            .iter()
            .map(|(local, remote)| timer(&table, *local, *remote))
            .collect();
        if timers == [Some(2), Some(2)] {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{timers:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Which timer the system runs for a connection; 2 is keepalive.
fn timer(table: &str, local: u16, remote: u16) -> Option<u8> {
    let (local, remote) = (format!(":{local:04X}"), format!(":{remote:04X}"));
    let mut rows = table
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row[1].ends_with(&local) && row[2].ends_with(&remote))?;
    row[5].split(':').next()?.parse().ok()
}

#[tokio::test]
async fn a_handshake_that_is_refused_is_an_answer_like_any_other() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser.say(HANDSHAKE).await;
    backend
        .answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        .await;
    let head = browser.head().await;
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    assert_eq!(browser.take(2).await, b"no");
    browser
        .say("GET /jupyter/ HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    backend.answer(OK).await;
    assert!(browser.head().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn nothing_but_a_websocket_is_switched_to() {
    let (backend, front) = Backend::fronted().await;
    for lines in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
        "Connection: Upgrade\r\nUpgrade: h2c, websocket",
        "Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket",
        "Upgrade: websocket",
    ] {
        let mut browser = front.browser().await;
        browser
            .say(format!(
                "GET /jupyter/ HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n"
            ))
            .await;
        let head = backend.answer(OK).await;
        assert_eq!(fields(&head, "upgrade"), [""; 0], "{head}");
        assert_eq!(fields(&head, "connection"), [""; 0], "{head}");
        assert!(browser.head().await.starts_with("HTTP/1.1 200 "));
    }
    // Nor to anything else the Hub may say.
    let mut browser = front.browser().await;
    browser.say(HANDSHAKE).await;
    backend
        .answer("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")
        .await;
    assert!(browser.head().await.starts_with("HTTP/1.1 502 "));
}
