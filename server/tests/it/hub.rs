//! The door to a JupyterHub: who gets through, with what, and until when. What stands behind it here tells what it heard.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::studio::{Person, Studio, command};

/// Nobody listens there: only the names count.
const HUB: &str = "http://hub.localhost:9/jupyter/";
const HOST: &str = "hub.localhost:9";
const PUBLIC: &str = "http://localhost:9";

/// Answers every request with what it heard, and a socket with everything it is told.
async fn hub() -> String {
    let heard = any(|request: Request| async move {
        let headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let own = [
            (header::SET_COOKIE, "studio=planted; Path=/"),
            (header::SET_COOKIE, "_xsrf=2|abc; Path=/jupyter/hub/"),
        ];
        (
            axum::response::AppendHeaders(own),
            axum::Json(json!({ "path": request.uri().to_string(), "headers": headers })),
        )
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(heard)).await });
    address
}

async fn studio(upstream: &str) -> (Studio, Person) {
    let mut studio = Studio::start_with(&[
        "--public-url",
        PUBLIC,
        "--hub",
        HUB,
        "--hub-upstream",
        upstream,
    ]);
    let ada = studio.ada().await;
    (studio, ada)
}

/// A browser at the Hub's origin: what it holds there.
struct Browser<'s> {
    studio: &'s Studio,
    client: Client,
    cookies: Vec<String>,
}

impl<'s> Browser<'s> {
    fn at(studio: &'s Studio) -> Self {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            studio,
            client,
            cookies: Vec::new(),
        }
    }

    async fn get(&self, path: &str, accept: &str) -> Response {
        self.client
            .get(self.studio.url(path))
            .header("host", HOST)
            .header("accept", accept)
            .header("cookie", self.cookies.join("; "))
            .send()
            .await
            .unwrap()
    }

    async fn page(&self, path: &str) -> Response {
        self.get(path, "text/html").await
    }

    fn keep(&mut self, answer: &Response) {
        for line in answer.headers().get_all(header::SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap().to_owned();
            let name = pair.split('=').next().unwrap().to_owned();
            self.cookies
                .retain(|cookie| !cookie.starts_with(&format!("{name}=")));
            if !pair.ends_with('=') {
                self.cookies.push(pair);
            }
        }
    }
}

fn leads_to(answer: &Response) -> String {
    answer.headers()[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned()
}

/// The address a page goes on to.
fn goes_on_to(page: &str) -> String {
    page.split_once("0;url=")
        .unwrap()
        .1
        .split_once('"')
        .unwrap()
        .0
        .to_owned()
}

/// From the Hub's door to the studio and back; the browser holds a pass afterwards.
async fn pass_over(browser: &mut Browser<'_>, person: &Person, to: &str) -> Response {
    let sent = browser.page(to).await;
    assert_eq!(sent.status(), StatusCode::SEE_OTHER);
    browser.keep(&sent);
    let way = leads_to(&sent);
    let enter = way.strip_prefix(PUBLIC).unwrap_or_else(|| panic!("{way}"));
    let handed = person.get(enter).await;
    assert_eq!(handed.status(), 200);
    let back = goes_on_to(&handed.text().await.unwrap());
    let admit = back.strip_prefix("http://hub.localhost:9").unwrap();
    let admitted = browser.page(admit).await;
    browser.keep(&admitted);
    admitted
}

#[tokio::test]
async fn whoever_is_signed_in_passes_and_the_hub_hears_nothing_of_the_studio() {
    let (studio, ada) = studio(&hub().await).await;
    let mut browser = Browser::at(&studio);
    let admitted = pass_over(&mut browser, &ada, "/jupyter/hub/home?a=1&b=%2F").await;
    assert_eq!(
        (admitted.status(), leads_to(&admitted).as_str()),
        (StatusCode::SEE_OTHER, "/jupyter/hub/home?a=1&b=%2F")
    );
    browser.cookies.push("_xsrf=hers".into());
    browser.cookies.push("studio=AbCdEfGhIjKlMnOpQrSt-_".into());
    let answer = browser.page("/jupyter/hub/home?a=1&b=%2F").await;
    assert_eq!(answer.status(), 200);
    let set: Vec<_> = answer
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|line| line.to_str().unwrap().to_owned())
        .collect();
    assert_eq!(set, ["_xsrf=2|abc; Path=/jupyter/hub/"]);
    assert!(
        !answer
            .headers()
            .contains_key(header::CONTENT_SECURITY_POLICY),
        "the Hub's answers keep their own policy"
    );
    let heard: Value = answer.json().await.unwrap();
    assert_eq!(heard["path"], "/jupyter/hub/home?a=1&b=%2F");
    let header = |name: &str| {
        let all = heard["headers"].as_array().unwrap().iter();
        all.filter(|pair| pair[0] == name)
            .map(|pair| pair[1].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(header("cookie"), ["_xsrf=hers"]);
    assert_eq!(header("host"), [HOST]);
    assert_eq!(header("x-forwarded-proto"), ["http"]);
    assert_eq!(header("x-forwarded-for"), ["127.0.0.1"]);
}

#[tokio::test]
async fn nobody_and_programs_without_a_pass_get_nothing() {
    let (studio, ada) = studio(&hub().await).await;
    let browser = Browser::at(&studio);
    let refused = browser.get("/jupyter/hub/api/", "application/json").await;
    assert_eq!(refused.status(), 401);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "hub.sign_in_needed");
    // Nobody is led to the sign-in, and from there back to the way over.
    let sent = browser.page("/jupyter/").await;
    let enter = leads_to(&sent).strip_prefix(PUBLIC).unwrap().to_owned();
    let stranger = studio.stranger().get(&enter).await;
    assert_eq!(stranger.status(), StatusCode::SEE_OTHER);
    assert!(
        leads_to(&stranger).starts_with("/sign-in?next=%2Fhub%2Fenter%3F"),
        "{}",
        leads_to(&stranger)
    );
    // A token is no sign-in of a browser.
    let created = ada
        .post(
            "/api/v1/me/tokens",
            &json!({ "name": "t", "scopes": ["read"], "days": 1 }),
        )
        .await;
    let token: Value = created.json().await.unwrap();
    let with_token = studio
        .stranger()
        .client
        .get(studio.url(&enter))
        .bearer_auth(token["secret"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(with_token.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_ticket_is_for_the_browser_that_asked_and_leads_nowhere_else() {
    let (studio, ada) = studio(&hub().await).await;
    let (mut hers, mut eves) = (Browser::at(&studio), Browser::at(&studio));
    let sent = hers.page("/jupyter/").await;
    hers.keep(&sent);
    let eve = eves.page("/jupyter/").await;
    eves.keep(&eve);
    let enter = leads_to(&sent).strip_prefix(PUBLIC).unwrap().to_owned();
    let back = goes_on_to(&ada.get(&enter).await.text().await.unwrap());
    let admit = back.strip_prefix("http://hub.localhost:9").unwrap();
    assert_eq!(eves.page(admit).await.status(), 400, "another browser");
    assert_eq!(hers.page(admit).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(hers.page(admit).await.status(), 400, "twice");
    assert_eq!(
        hers.page("/.datalayer/enter?ticket=a.b").await.status(),
        400
    );
    for next in [
        "https://evil.example/",
        "//evil.example/",
        "/settings",
        "/jupyter/\\evil",
        "/jupyter",
        "/jupyter/%0d%0a\r\nx",
        "",
    ] {
        let query = serde_urlencoded::to_string([("word", "w"), ("next", next)]).unwrap();
        let asked = ada.get(&format!("/hub/enter?{query}")).await;
        assert_eq!(asked.status(), 400, "{next:?}");
    }
}

#[tokio::test]
async fn the_end_of_a_sign_in_ends_its_pass_and_its_sockets() {
    // A socket that never says anything by itself.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut head, mut piece) = (Vec::new(), [0; 4096]);
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut piece).await {
                        Ok(read @ 1..) => head.extend_from_slice(&piece[..read]),
                        _ => return,
                    }
                }
                stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n").await.ok();
                while matches!(stream.read(&mut piece).await, Ok(1..)) {}
            });
        }
    });
    let (studio, ada) = studio(&upstream).await;
    let grace = studio.person(&ada, "grace").await;
    let studio = Arc::new(studio);
    let mut browser = Browser::at(&studio);
    pass_over(&mut browser, &grace, "/jupyter/").await;
    let mut socket = TcpStream::connect(&studio.address).await.unwrap();
    let ask = format!(
        "GET /jupyter/user/u1/api/events HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: {}\r\n\r\n",
        browser.cookies.join("; ")
    );
    socket.write_all(ask.as_bytes()).await.unwrap();
    let mut head = vec![0; 4096];
    let length = socket.read(&mut head).await.unwrap();
    assert!(
        head[..length].starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head[..length])
    );
    let users: Value = ada.get("/api/v1/users").await.json().await.unwrap();
    let id = users["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|user| user["username"] == "grace")
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let began = Instant::now();
    let disabled = ada
        .send(
            reqwest::Method::PATCH,
            &format!("/api/v1/users/{id}"),
            &json!({ "disabled": true }),
        )
        .await;
    assert_eq!(disabled.status(), 200);
    let over = tokio::time::timeout(Duration::from_secs(5), socket.read(&mut head)).await;
    assert!(
        matches!(over, Ok(Ok(0) | Err(_))),
        "the socket is still open after {:?}",
        began.elapsed()
    );
    assert_eq!(
        browser
            .get("/jupyter/hub/api/", "application/json")
            .await
            .status(),
        401
    );
    assert_eq!(
        browser.page("/jupyter/").await.status(),
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn the_studios_own_addresses_lead_to_the_hubs_origin() {
    let (studio, ada) = studio("http://127.0.0.1:9").await;
    let answer = ada.get("/jupyter/user/u1/lab?x=1").await;
    assert_eq!(
        (answer.status(), leads_to(&answer).as_str()),
        (
            StatusCode::TEMPORARY_REDIRECT,
            "http://hub.localhost:9/jupyter/user/u1/lab?x=1"
        )
    );
    // A Hub that is down is said in words, to whoever has a pass.
    let mut browser = Browser::at(&studio);
    pass_over(&mut browser, &ada, "/jupyter/").await;
    let down = browser.get("/jupyter/hub/api/", "application/json").await;
    assert_eq!(down.status(), 503);
    let problem: Value = down.json().await.unwrap();
    assert_eq!(problem["code"], "hub.unreachable");
    // Without a Hub there is no such address.
    let mut alone = Studio::start();
    let bob = alone.ada().await;
    assert_eq!(bob.get("/hub/enter").await.status(), 404);
}

#[test]
fn the_configuration_of_a_hub_is_printed_and_weak_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let print = |words: &[&str]| {
        command()
            .args(["hub", "config", "--data"])
            .arg(folder.path())
            .args(words)
            .output()
            .unwrap()
    };
    let good = print(&[
        "--public-url",
        "https://studio.example",
        "--hub",
        "https://hub.example/jupyter/",
    ]);
    let text = String::from_utf8(good.stdout).unwrap();
    assert!(
        good.status.success(),
        "{}",
        String::from_utf8_lossy(&good.stderr)
    );
    assert!(
        text.contains("c.GenericOAuthenticator.token_url = \"https://studio.example/oauth/token\""),
        "{text}"
    );
    let secret = std::fs::read_to_string(folder.path().join("hub/client-secret")).unwrap();
    assert!(
        secret.trim().len() >= 43 && !text.contains(secret.trim()),
        "the secret is named, not printed"
    );
    for (words, said) in [
        (
            &[
                "--public-url",
                "https://studio.example",
                "--hub",
                "https://studio.example/jupyter/",
            ][..],
            "a host of its own",
        ),
        (
            &[
                "--public-url",
                "https://studio.example",
                "--hub",
                "http://hub.localhost/jupyter/",
            ],
            "not encrypted",
        ),
        (
            &[
                "--public-url",
                "http://studio.example",
                "--hub",
                "https://hub.example/jupyter/",
            ],
            "not encrypted",
        ),
        (
            &[
                "--public-url",
                "https://studio.example",
                "--hub",
                "https://hub.example/a b/",
            ],
            "base path",
        ),
        (&["--public-url", "https://studio.example"], "--hub"),
        (&["--hub", "https://hub.example/jupyter/"], "public-url"),
    ] {
        let refused = print(words);
        let heard = String::from_utf8(refused.stderr).unwrap();
        assert!(
            !refused.status.success() && refused.stdout.is_empty(),
            "{words:?}"
        );
        assert!(heard.contains(said), "{words:?}: {heard}");
    }
}
