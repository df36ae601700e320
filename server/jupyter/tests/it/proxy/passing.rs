//! Heads: what goes on, what stays behind, and what is said of who asks.

use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::front::{Backend, OK, fields};

#[tokio::test]
async fn a_request_goes_on_as_it_came_with_the_truth_about_who_asks() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser
        .say(
            "GET /jupyter/user/ada/api/contents/a%2Fb//c?x=%2e%2e&y=a+b&z=\\ HTTP/1.1\r\n\
             Host: studio.example:8443\r\n\
             Origin: https://studio.example:8443\r\n\
             Cookie: _xsrf=2|a|b; __Host-studio=secret; jupyterhub-user-ada=\"x\"\r\n\
             X-XSRFToken: 2|a|b\r\n\
             Authorization: token abc\r\n\
             Sec-Fetch-Mode: cors\r\n\
             Sec-Fetch-Site: same-origin\r\n\
             Service-Worker: script\r\n\
             X-Forwarded-For: 10.0.0.1\r\n\
             X_Forwarded_Proto: gopher\r\n\
             X-Forwarded-Prefix: /evil\r\n\
             X-Real-IP: 10.0.0.1\r\n\
             X-Scheme: gopher\r\n\
             Forwarded: for=10.0.0.1\r\n\
             REMOTE_USER: root\r\n\
             Proxy: http://evil.example\r\n\
             Via: 1.1 other\r\n\
             \r\n",
        )
        .await;
    let head = backend.answer(OK).await;
    assert!(
        head.starts_with(
            "GET /jupyter/user/ada/api/contents/a%2Fb//c?x=%2e%2e&y=a+b&z=\\ HTTP/1.1\r\n"
        ),
        "{head}"
    );
    for (name, value) in [
        ("host", "studio.example:8443"),
        ("origin", "https://studio.example:8443"),
        ("cookie", "_xsrf=2|a|b; jupyterhub-user-ada=\"x\""),
        ("x-xsrftoken", "2|a|b"),
        ("authorization", "token abc"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-site", "same-origin"),
        ("service-worker", "script"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-real-ip", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "studio.example:8443"),
        ("x-forwarded-port", "8443"),
        (
            "forwarded",
            "for=203.0.113.7;host=\"studio.example:8443\";proto=https",
        ),
    ] {
        assert_eq!(fields(&head, name), [value], "{name} in {head}");
    }
    let via = fields(&head, "via");
    assert_eq!((via.len(), via[0]), (2, "1.1 other"), "{head}");
    let lower = head.to_lowercase();
    for gone in ["10.0.0.1", "gopher", "evil", "root", "secret"] {
        assert!(!lower.contains(gone), "{gone} in {head}");
    }
    assert_eq!(browser.take(OK.len()).await.len(), OK.len());
}

#[tokio::test]
async fn an_answer_comes_back_as_it_went_but_for_cookies_of_the_studio() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser
        .say("GET /jupyter/hub/login HTTP/1.1\r\nHost: studio.example\r\n\r\n")
        .await;
    backend
        .answer(
            "HTTP/1.1 404 Nothing Like It\r\n\
             Set-Cookie: _xsrf=2|a; Path=/jupyter/hub/; SameSite=Lax\r\n\
             Set-Cookie: __Host-studio=evil; Path=/; Secure\r\n\
             Set-Cookie: =studio=evil; Path=/\r\n\
             Set-Cookie: jupyterhub-session-id=1; Path=/jupyter/\r\n\
             Service-Worker-Allowed: /jupyter/\r\n\
             Content-Security-Policy: frame-ancestors 'none'\r\n\
             Location: //elsewhere.example/\r\n\
             Server: TornadoServer/6\r\n\
             Keep-Alive: timeout=5\r\n\
             Connection: keep-alive, X-Of-One-Hop\r\n\
             X-Of-One-Hop: 1\r\n\
             Proxy-Authenticate: Basic\r\n\
             Trailer: X-Sum\r\n\
             Content-Encoding: gzip\r\n\
             Content-Length: 4\r\n\r\n\x1f\x08\0\0",
        )
        .await;
    let head = browser.head().await;
    assert!(
        head.starts_with("HTTP/1.1 404 Nothing Like It\r\n"),
        "{head}"
    );
    assert_eq!(
        fields(&head, "set-cookie"),
        [
            "_xsrf=2|a; Path=/jupyter/hub/; SameSite=Lax",
            "jupyterhub-session-id=1; Path=/jupyter/"
        ]
    );
    for (name, value) in [
        ("service-worker-allowed", "/jupyter/"),
        ("content-security-policy", "frame-ancestors 'none'"),
        ("location", "//elsewhere.example/"),
        ("server", "TornadoServer/6"),
        ("trailer", "X-Sum"),
        ("content-encoding", "gzip"),
        ("content-length", "4"),
    ] {
        assert_eq!(fields(&head, name), [value], "{name} in {head}");
    }
    for name in [
        "connection",
        "keep-alive",
        "x-of-one-hop",
        "proxy-authenticate",
    ] {
        assert_eq!(fields(&head, name), [""; 0], "{name} in {head}");
    }
    assert_eq!(browser.take(4).await, b"\x1f\x08\0\0");
}

#[tokio::test]
async fn fields_that_connection_names_stay_on_their_hop_but_cannot_unsay_ours() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    browser
        .say(
            "POST /jupyter/x HTTP/1.1\r\nHost: studio.example\r\n\
             Connection: X-Secret, X-Forwarded-For, Host, Content-Length\r\n\
             Connection: forwarded, via , te, bad name\r\n\
             X-Secret: 1\r\nTE: trailers, deflate\r\nKeep-Alive: timeout=1\r\nProxy-Connection: close\r\n\
             Proxy-Authorization: Basic x\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\
             Content-Length: 2\r\n\r\nok",
        )
        .await;
    let mut hub = backend.accept().await;
    let head = hub.head().await;
    assert_eq!(hub.take(2).await, b"ok");
    hub.say(OK).await;
    for (name, value) in [
        ("host", "studio.example"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-port", "443"),
        ("content-length", "2"),
        ("te", "trailers"),
        ("connection", "te"),
    ] {
        assert_eq!(fields(&head, name), [value], "{name} in {head}");
    }
    for name in [
        "x-secret",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "upgrade",
        "transfer-encoding",
    ] {
        assert_eq!(fields(&head, name), [""; 0], "{name} in {head}");
    }
}

#[tokio::test]
async fn answers_without_a_body_stay_without_one() {
    let (backend, front) = Backend::fronted().await;
    let mut browser = front.browser().await;
    let mut hub = None;
    for (method, answer, expected) in [
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            "content-length: 5",
        ),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", "204"),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
            "etag",
        ),
        (
            "POST",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "content-length: 0",
        ),
    ] {
        browser
            .say(format!(
                "{method} /jupyter/ HTTP/1.1\r\nHost: studio.example\r\n\r\n"
            ))
            .await;
        let hub = match &mut hub {
            Some(hub) => hub,
            none => none.insert(backend.accept().await),
        };
        hub.head().await;
        hub.say(answer).await;
        let head = browser.head().await;
        assert!(head.contains(expected), "{head}");
    }
}

#[tokio::test]
async fn http_2_goes_on_as_http_1_with_its_cookies_in_one_line() {
    let (backend, front) = Backend::fronted().await;
    let stream = TcpStream::connect(front.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://studio.example/jupyter/lab?x=%2F")
        .header("cookie", "a=1")
        .header("cookie", "__Host-studio=secret")
        .header("cookie", "b=2")
        .header("te", "trailers")
        .body(String::new())
        .unwrap();
    let asking = tokio::spawn(sender.send_request(request));
    let head = backend
        .answer("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
        .await;
    assert!(
        head.starts_with("GET /jupyter/lab?x=%2F HTTP/1.1\r\n"),
        "{head}"
    );
    assert_eq!(fields(&head, "host"), ["studio.example"]);
    assert_eq!(fields(&head, "cookie"), ["a=1; b=2"]);
    assert!(!head.contains(':') || !head.lines().any(|line| line.starts_with(':')));
    let answer: hyper::Response<Incoming> = asking.await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("connection"));
}

#[tokio::test]
async fn an_http_1_0_browser_is_answered_in_its_language() {
    let (backend, front) = Backend::fronted().await;
    let asking = front.ask("GET /jupyter/ HTTP/1.0\r\n\r\n");
    let answering =
        backend.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    let (answer, head) = tokio::join!(asking, answering);
    assert!(head.starts_with("GET /jupyter/ HTTP/1.1\r\n"), "{head}");
    assert_eq!(fields(&head, "host"), ["studio.example"]);
    assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
    assert_eq!(fields(&answer, "transfer-encoding"), [""; 0]);
}

#[tokio::test]
async fn the_base_path_without_its_slash_leads_to_the_base_path() {
    let (backend, front) = Backend::fronted().await;
    let answer = front
        .ask("GET /jupyter?x=1 HTTP/1.1\r\nHost: studio.example\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 307 "), "{answer}");
    assert_eq!(fields(&answer, "location"), ["/jupyter/?x=1"]);
    backend.is_left_alone().await;
}
