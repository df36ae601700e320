//! What hostile and unlucky requests get: a named refusal, and a studio that goes on.

use std::io::Write;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::studio::{Studio, problem, read_all};

const EVIL: &str = "https://evil.example";

#[tokio::test]
async fn another_sites_form_is_refused_even_with_a_cookie() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    for origin in [
        EVIL,
        "null",
        &format!("http://{}.evil.example", studio.address),
    ] {
        let answer = ada
            .client
            .post(studio.url("/api/v1/spaces"))
            .header("origin", origin)
            .json(&json!({ "name": "x" }))
            .send()
            .await
            .unwrap();
        problem(answer, 403, "csrf.cross_origin").await;
    }
    let sibling = ada
        .client
        .post(studio.url("/api/v1/spaces"))
        .header("sec-fetch-site", "same-site")
        .json(&json!({ "name": "x" }))
        .send()
        .await
        .unwrap();
    problem(sibling, 403, "csrf.cross_origin").await;
    let hidden = ada
        .client
        .post(studio.url("/api/v1/spaces"))
        .header("user-agent", "Mozilla/5.0")
        .json(&json!({ "name": "x" }))
        .send()
        .await
        .unwrap();
    problem(hidden, 403, "csrf.no_origin").await;
    let own = format!("http://{}", studio.address);
    let answer = ada
        .client
        .post(studio.url("/api/v1/spaces"))
        .header("origin", own)
        .header("user-agent", "Mozilla/5.0")
        .json(&json!({ "name": "x" }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_the_limit() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    let answer = ada
        .post_bytes("/api/v1/spaces", "application/json", body)
        .await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let words: Value = answer.json().await.unwrap();
    assert_eq!(
        (&words["code"], &words["limit"]),
        (&json!("body.too_large"), &json!(2 * 1024 * 1024))
    );

    let username = json!({ "username": "x".repeat(10 * 1024 * 1024), "password": "x" });
    problem(
        ada.post("/api/v1/session", &username).await,
        413,
        "body.too_large",
    )
    .await;
}

#[tokio::test]
async fn an_announced_gigabyte_is_refused_before_it_is_sent() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (space, _) = ada.workplace().await;
    let head = format!(
        "POST /api/v1/spaces/{space}/import HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n",
        studio.address, ada.cookie
    );
    let start = Instant::now();
    let mut stream = studio.connect();
    stream.write_all(head.as_bytes()).unwrap();
    let mut first = [0; 12];
    std::io::Read::read_exact(&mut stream, &mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 413");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_chunked_body_without_end_is_cut_at_the_limit() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let mut stream = studio.connect();
    let head = format!(
        "POST /api/v1/spaces HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        studio.address, ada.cookie
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    let mut sent = 0_usize;
    while sent < 64 * 1024 * 1024 && stream.write_all(&chunk).is_ok() {
        sent += chunk.len();
    }
    assert!(
        sent < 64 * 1024 * 1024,
        "the studio took {sent} bytes and wanted more"
    );
    assert!(read_all(&mut stream).starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up() {
    let studio = Studio::start();
    let mut stream = studio.connect();
    let head = format!(
        "POST /api/v1/session HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{",
        studio.address
    );
    let start = Instant::now();
    stream.write_all(head.as_bytes()).unwrap();
    let answer = read_all(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("body.too_slow"));
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_head_that_never_ends_and_a_connection_that_never_speaks_are_closed() {
    let studio = Studio::start();
    let start = Instant::now();
    let mut half = studio.connect();
    half.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow")
        .unwrap();
    let mut preface = studio.connect();
    preface.write_all(b"PRI * HT").unwrap();
    let mut silent = studio.connect();
    for stream in [&mut half, &mut preface, &mut silent] {
        read_all(stream);
    }
    let took = start.elapsed();
    assert!(
        took > Duration::from_secs(5) && took < Duration::from_secs(20),
        "{took:?}"
    );
}

#[tokio::test]
async fn json_that_two_readers_would_read_differently_is_refused_with_its_place() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let deep = [vec![b'['; 129], vec![b']'; 129]].concat();
    let cases: [(&[u8], &str); 8] = [
        (&deep, "json.too_deep"),
        (b"{\"name\":1e999}", "json.number"),
        (b"{\"name\":NaN}", "json.syntax"),
        (b"{\"name\":\"a\",\"name\":\"b\"}", "json.duplicate_name"),
        (b"{\"name\":\"\\ud800\"}", "json.surrogate"),
        (b"{\"name\":\"\xff\"}", "json.invalid_utf8"),
        (b"\xef\xbb\xbf{\"name\":\"a\"}", "json.bom"),
        (b"{\"name\":", "json.cut_off"),
    ];
    for (body, code) in cases {
        let answer = ada
            .post_bytes("/api/v1/spaces", "application/json", body.to_vec())
            .await;
        assert_eq!(answer.status(), 400, "{code}");
        let words: Value = answer.json().await.unwrap();
        assert_eq!(words["code"], code);
        assert!(
            words["position"]["line"].is_u64() && words["position"]["column"].is_u64(),
            "{words}"
        );
    }
}

#[tokio::test]
async fn json_under_another_name_is_refused() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    problem(
        ada.post_bytes("/api/v1/spaces", "text/plain", "{\"name\":\"a\"}")
            .await,
        415,
        "body.media_type",
    )
    .await;
    problem(
        ada.ask(Method::POST, "/api/v1/spaces").await,
        415,
        "body.media_type",
    )
    .await;
}

#[tokio::test]
async fn a_field_nobody_asked_for_is_refused_and_changes_nothing() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (space, notebook) = ada.workplace().await;
    let space = format!("/api/v1/spaces/{space}");
    for (path, question) in [
        (space.clone(), json!({ "name": "Mine", "role": "manager" })),
        (
            format!("/api/v1/notebooks/{notebook}"),
            json!({ "title": "Mine", "may": { "manage": true } }),
        ),
    ] {
        let before: Value = ada.get(&path).await.json().await.unwrap();
        let refused = ada.send(Method::PATCH, &path, &question).await;
        problem(refused, 422, "field.unknown").await;
        let after: Value = ada.get(&path).await.json().await.unwrap();
        assert_eq!(before, after);
    }
    let person = json!({ "username": "eve", "password": "seven red kites", "owner": true });
    problem(
        ada.post("/api/v1/users", &person).await,
        422,
        "field.unknown",
    )
    .await;
    problem(
        ada.send(
            Method::PUT,
            &format!("{space}/members/ada"),
            &json!({ "role": "owner" }),
        )
        .await,
        422,
        "field.unfit",
    )
    .await;
}

#[tokio::test]
async fn a_method_that_is_not_there_is_told_which_are() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    for method in [
        Method::TRACE,
        Method::PUT,
        Method::from_bytes(b"BREW").unwrap(),
    ] {
        let answer = ada.ask(method, "/api/v1/spaces").await;
        let allow = answer.headers()["allow"].to_str().unwrap().to_owned();
        assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
        problem(answer, 405, "method.not_allowed").await;
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_for_programs_and_a_page_for_people() {
    let studio = Studio::start();
    let nobody = studio.stranger();
    problem(nobody.get("/api/v1/nothing").await, 404, "page.not_found").await;
    problem(
        nobody.post("/api/nothing", &json!({})).await,
        404,
        "page.not_found",
    )
    .await;
    problem(
        nobody.post("/ui/nothing", &json!({})).await,
        404,
        "page.not_found",
    )
    .await;
    let page = nobody
        .client
        .get(studio.url("/nothing"))
        .header("accept", "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 404);
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
}

#[tokio::test]
async fn a_header_of_a_hundred_kilobytes_is_refused_and_not_a_failure() {
    let studio = Studio::start();
    let answer = studio.raw(
        format!("GET /api/v1/me HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n", studio.address, "x".repeat(100 * 1024)).as_bytes(),
    );
    assert!(
        answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 400"),
        "{}",
        &answer[..answer.len().min(40)]
    );
    assert_eq!(studio.stranger().get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn a_flood_from_one_address_is_told_to_come_back_whatever_it_says_its_address_is() {
    let studio = Studio::start_with(&["--requests-per-second", "50"]);
    let nobody = studio.stranger();
    let mut refused = None;
    for n in 0..400 {
        let answer = nobody
            .client
            .get(studio.url("/healthz"))
            .header("x-forwarded-for", format!("1.1.1.{n}"))
            .send()
            .await
            .unwrap();
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("four hundred requests at once went through");
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 429, "rate.limited").await;
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let studio = Studio::start();
    let nobody = studio.stranger();
    for path in [
        "/healthz",
        "/sign-in",
        "/api/v1/me",
        "/nothing",
        "/usercontent/frame",
        "/pkg/nothing.js",
    ] {
        let answer = nobody.get(path).await;
        let headers = answer.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(
            headers["cross-origin-opener-policy"], "same-origin",
            "{path}"
        );
        assert_eq!(
            headers["cross-origin-resource-policy"], "same-origin",
            "{path}"
        );
        assert!(
            headers.contains_key("referrer-policy")
                && headers.contains_key("permissions-policy")
                && headers.contains_key("x-request-id"),
            "{path}"
        );
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert_eq!(
            headers.get_all("content-security-policy").iter().count(),
            1,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_pages_scripts_carry_the_nonce_of_its_policy_and_each_answer_has_its_own() {
    let studio = Studio::start();
    let nobody = studio.stranger();
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let page = nobody.get("/sign-in").await;
        assert_eq!(page.headers()["cache-control"], "no-store");
        let policy = page.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        let nonce = policy
            .split("'nonce-")
            .nth(1)
            .unwrap()
            .split('\'')
            .next()
            .unwrap()
            .to_owned();
        let html = page.text().await.unwrap();
        let scripts = html.matches("<script").count();
        assert!(scripts > 0);
        assert!(
            html.matches(&format!("nonce=\"{nonce}\"")).count() >= scripts,
            "a script without nonce in {html}"
        );
        nonces.push(nonce);
    }
    assert_ne!(nonces[0], nonces[1]);
}

#[tokio::test]
async fn a_page_says_where_its_policy_is_reported_and_a_report_is_taken_with_measure() {
    let studio = Studio::start();
    let nobody = studio.stranger();
    let page = nobody.get("/sign-in").await;
    assert_eq!(
        page.headers()["reporting-endpoints"],
        "csp=\"/api/v1/reports\""
    );
    let report = r#"[{"type":"csp-violation","body":{"effectiveDirective":"script-src","blockedURL":"https://evil.example/"}}]"#;
    for (body, status) in [
        (report.to_owned(), 204),
        ("no report".to_owned(), 204),
        ("[".repeat(1000), 204),
        ("x".repeat(65 * 1024), 413),
    ] {
        let taken = nobody
            .post_bytes("/api/v1/reports", "application/reports+json", body)
            .await;
        assert_eq!(taken.status(), status);
    }
}

#[tokio::test]
async fn the_set_up_page_sends_its_address_to_nobody() {
    let studio = Studio::start();
    let page = studio.stranger().get("/set-up?token=abc").await;
    assert_eq!(page.headers()["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn the_output_frame_is_sandboxed_and_reads_no_cookie() {
    let site = tempfile::tempdir().unwrap();
    std::fs::write(site.path().join("manifest.json"), "{}").unwrap();
    std::fs::write(
        site.path().join("frame.html"),
        "<!doctype html><script>1</script>",
    )
    .unwrap();
    let studio = Studio::start_with(&["--site", site.path().to_str().unwrap()]);
    let frame = studio
        .stranger()
        .client
        .get(studio.url("/usercontent/frame"))
        .header("cookie", "studio=x")
        .send()
        .await
        .unwrap();
    let policy = frame.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.starts_with("sandbox allow-scripts; default-src 'none';"),
        "{policy}"
    );
    assert!(!policy.contains("allow-same-origin"));
    assert!(policy.contains("connect-src 'none'") && policy.contains("frame-ancestors 'self'"));
    assert!(!frame.headers().contains_key("set-cookie"));
    assert_eq!(
        frame.text().await.unwrap(),
        "<!doctype html><script>1</script>"
    );
}
