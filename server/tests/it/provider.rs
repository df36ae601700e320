//! The doors of the provider, as a Hub and the browsers it sends meet them.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::studio::{PASSWORD, Person, Studio, command, problem};

const ISSUER: &str = "http://studio.localhost:3000";
const HUB: &str = "http://hub.localhost:3000/jupyter/";
const REDIRECT: &str = "http://hub.localhost:3000/jupyter/hub/oauth_callback";
const SECRET: &str = "a-client-secret-of-more-than-32-characters";
/// Of RFC 7636.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const FORM: &str = "application/x-www-form-urlencoded";
const WITH_HUB: &[&str] = &[
    "--public-url",
    ISSUER,
    "--hub",
    HUB,
    "--hub-client-secret",
    SECRET,
];

fn question(other: &[(&str, &str)]) -> String {
    let usual = [
        ("client_id", "jupyterhub"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid hub"),
        ("state", "eyJ9=="),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual
        .iter()
        .filter(|(name, _)| other.iter().all(|(of, _)| of != name));
    format!("/oauth/authorize?{}", form(kept.chain(other)))
}

fn form<'a>(pairs: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> String {
    let mut url = reqwest::Url::parse("http://x").unwrap();
    url.query_pairs_mut()
        .extend_pairs(pairs.into_iter().copied());
    url.query().unwrap_or_default().to_owned()
}

fn bring(studio: &Studio, code: &str) -> RequestBuilder {
    let body = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", "jupyterhub"),
        ("client_secret", SECRET),
        ("data", "None"),
    ];
    post_form(studio, "/oauth/token", form(&body))
}

fn post_form(studio: &Studio, path: &str, body: String) -> RequestBuilder {
    let client = studio.stranger().client;
    let media = format!("{FORM}; charset=utf-8");
    client
        .post(studio.url(path))
        .header("content-type", media)
        .body(body)
}

fn location(answer: &Response) -> reqwest::Url {
    let place = answer.headers()["location"].to_str().unwrap();
    let base = reqwest::Url::parse(ISSUER).unwrap();
    base.join(place).unwrap()
}

fn part(url: &reqwest::Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs().filter(|(of, _)| of == name);
    let found = pairs.next().map(|(_, value)| value.into_owned());
    assert!(pairs.next().is_none(), "{name} twice in {url}");
    found
}

async fn fresh_code(person: &Person) -> String {
    let answer = person.get(&question(&[])).await;
    assert_eq!(answer.status(), 303);
    part(&location(&answer), "code").unwrap()
}

async fn granted(studio: &Studio, person: &Person) -> Value {
    let answer = bring(studio, &fresh_code(person).await)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

async fn userinfo(studio: &Studio, token: &str) -> Response {
    let client = studio.stranger().client;
    let question = client.get(studio.url("/oauth/userinfo"));
    question.bearer_auth(token).send().await.unwrap()
}

async fn told(answer: Response, status: u16, error: &str) {
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let words: Value = answer.json().await.unwrap();
    assert_eq!(words["error"], error, "{words}");
    assert!(words["error_description"].is_string());
}

#[tokio::test]
async fn a_hub_finds_all_it_needs_and_signs_a_person_in() {
    let mut studio = Studio::start_with(WITH_HUB);
    let ada = studio.ada().await;
    let nobody = studio.stranger();
    let metadata = nobody.get("/.well-known/openid-configuration").await;
    assert!(
        metadata
            .headers()
            .get("access-control-allow-origin")
            .is_none()
    );
    let metadata: Value = metadata.json().await.unwrap();
    assert_eq!(metadata["issuer"], ISSUER);
    assert_eq!(metadata["token_endpoint"], format!("{ISSUER}/oauth/token"));
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        json!(["S256"])
    );
    assert_eq!(
        metadata["authorization_response_iss_parameter_supported"],
        true
    );

    let answer = ada.get(&question(&[])).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["referrer-policy"], "same-origin");
    let place = location(&answer);
    assert!(
        place.as_str().starts_with(&format!("{REDIRECT}?")),
        "{place}"
    );
    assert_eq!(part(&place, "state").as_deref(), Some("eyJ9=="));
    assert_eq!(part(&place, "iss").as_deref(), Some(ISSUER));

    // Neither cookie nor origin nor a browser: the Hub asks by itself.
    let answer = bring(&studio, &part(&place, "code").unwrap());
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["pragma"], "no-cache");
    assert!(answer.headers().get("set-cookie").is_none());
    let granted: Value = answer.json().await.unwrap();
    assert_eq!(granted["token_type"], "Bearer");
    assert_eq!(granted["id_token"].as_str().unwrap().split('.').count(), 3);

    let token = granted["access_token"].as_str().unwrap();
    let claims: Value = userinfo(&studio, token).await.json().await.unwrap();
    let me: Value = ada.get("/api/v1/me").await.json().await.unwrap();
    assert_eq!(claims["sub"], me["id"]);
    assert_eq!(
        claims["groups"],
        json!(["studio-users", "studio-administrators"])
    );
    assert!(claims.get("name").is_none(), "`profile` was not asked for");
    let posted = nobody.client.post(studio.url("/oauth/userinfo"));
    let posted = posted.bearer_auth(token).send().await.unwrap();
    assert_eq!(posted.json::<Value>().await.unwrap(), claims);
    let keys: Value = nobody.get("/oauth/jwks").await.json().await.unwrap();
    assert_eq!(keys["keys"][0]["use"], "sig");
    assert!(keys["keys"][0].get("d").is_none());
}

#[tokio::test]
async fn whoever_is_not_signed_in_comes_back_to_the_question_also_without_script() {
    let mut studio = Studio::start_with(WITH_HUB);
    studio.ada().await;
    let nobody = studio.stranger();
    let answer = nobody.get(&question(&[])).await;
    assert_eq!(answer.status(), 303);
    let door = location(&answer);
    assert_eq!(door.path(), "/sign-in");
    let next = part(&door, "next").unwrap();
    assert!(next.starts_with("/oauth/authorize?"), "{next}");

    let page = nobody
        .client
        .get(studio.url(answer.headers()["location"].to_str().unwrap()));
    let page = page.header("accept", "text/html").send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("form-action 'self' http://hub.localhost:3000;"),
        "{policy}"
    );
    let page = page.text().await.unwrap();
    let kept = page
        .split("name=\"next\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert_eq!(kept, next);

    // The form, as a browser without script sends it.
    let body = form(&[
        ("next", &*next),
        ("username", "ada"),
        ("password", PASSWORD),
    ]);
    let sent = nobody
        .client
        .post(studio.url("/ui/app/accounts/calls/sign_in"))
        .header("content-type", FORM)
        .header("accept", "text/html")
        .header("origin", format!("http://{}", studio.address))
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 302);
    assert_eq!(sent.headers()["location"].to_str().unwrap(), next);
    let back = nobody.get(&next).await;
    let place = location(&back);
    assert!(place.as_str().starts_with(REDIRECT), "{place}");
    assert!(part(&place, "code").is_some() && part(&place, "error").is_none());
    // No other page may send its forms to the Hub.
    let home = nobody.get("/").await;
    let policy = home.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self';"), "{policy}");
}

#[tokio::test]
async fn what_is_wrong_is_a_page_before_the_hub_is_known_and_no_redirect() {
    let mut studio = Studio::start_with(WITH_HUB);
    let ada = studio.ada().await;
    for person in [&ada, &studio.stranger()] {
        for (other, code) in [
            (
                ("redirect_uri", "https://evil.example/"),
                "provider.redirect_uri",
            ),
            (
                ("client_id", "<script>alert(1)</script>"),
                "provider.client",
            ),
        ] {
            let answer = person.get(&question(&[other])).await;
            assert!(answer.headers().get("location").is_none());
            problem(answer, 422, code).await;
        }
        let answer = person
            .get(&format!(
                "{}&redirect_uri=https%3A%2F%2Fevil.example",
                question(&[])
            ))
            .await;
        problem(answer, 422, "provider.question").await;
    }
    let page = ada
        .client
        .get(studio.url(&question(&[("redirect_uri", "https://evil.example/")])));
    let page = page.header("accept", "text/html").send().await.unwrap();
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let page = page.text().await.unwrap();
    assert!(
        page.contains("This sign-in cannot go on") && !page.contains("evil.example"),
        "{page}"
    );
    // A code is given to whoever may, once per question; a POST of a form is none.
    let posted = post_form(&studio, "/oauth/authorize", String::new())
        .send()
        .await
        .unwrap();
    problem(posted, 405, "method.not_allowed").await;
}

#[tokio::test]
async fn the_token_door_takes_a_form_of_the_hub_and_nothing_else() {
    let mut studio = Studio::start_with(WITH_HUB);
    let ada = studio.ada().await;
    let nobody = studio.stranger();
    let token = |media: &str, body: &str| {
        let question = nobody.client.post(studio.url("/oauth/token"));
        question
            .header("content-type", media)
            .body(body.to_owned())
            .send()
    };
    told(
        token("application/json", "{}").await.unwrap(),
        400,
        "invalid_request",
    )
    .await;
    told(
        token("text/plain", "grant_type=authorization_code")
            .await
            .unwrap(),
        400,
        "invalid_request",
    )
    .await;
    let answer = token(FORM, "").await.unwrap();
    assert_eq!(
        answer.headers()["www-authenticate"],
        "Basic realm=\"datalayer\""
    );
    told(answer, 401, "invalid_client").await;
    let large = format!("x={}", "x".repeat(20_000));
    problem(token(FORM, &large).await.unwrap(), 413, "body.too_large").await;
    problem(
        nobody.ask(Method::GET, "/oauth/token").await,
        405,
        "method.not_allowed",
    )
    .await;
    // A page of another site cannot even try.
    let evil = bring(&studio, "x").header("origin", "https://evil.example");
    problem(evil.send().await.unwrap(), 403, "csrf.cross_origin").await;
    // A token of the studio is no client, and a cookie helps nobody.
    let own = ada
        .create("/api/v1/me/tokens", json!({ "name": "x" }))
        .await;
    let own = own["secret"].as_str().unwrap();
    let as_token = post_form(
        &studio,
        "/oauth/token",
        "grant_type=authorization_code&code=x".into(),
    );
    told(
        as_token.bearer_auth(own).send().await.unwrap(),
        401,
        "invalid_client",
    )
    .await;

    // Both ways in, and never both at once.
    let body = |code: &str| {
        form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ])
    };
    let code = fresh_code(&ada).await;
    let both = bring(&studio, &code).basic_auth("jupyterhub", Some(SECRET));
    told(both.send().await.unwrap(), 400, "invalid_request").await;
    let wrong =
        post_form(&studio, "/oauth/token", body(&code)).basic_auth("jupyterhub", Some("wrong"));
    told(wrong.send().await.unwrap(), 401, "invalid_client").await;
    let twice = format!("{}&code={code}", body(&code));
    let twice = post_form(&studio, "/oauth/token", twice).basic_auth("jupyterhub", Some(SECRET));
    told(twice.send().await.unwrap(), 400, "invalid_request").await;
    let basic =
        post_form(&studio, "/oauth/token", body(&code)).basic_auth("jupyterhub", Some(SECRET));
    assert_eq!(basic.send().await.unwrap().status(), 200);
    told(
        bring(&studio, &code).send().await.unwrap(),
        400,
        "invalid_grant",
    )
    .await;
    let other_verifier = body(&fresh_code(&ada).await).replace(VERIFIER, &"x".repeat(43));
    let other_verifier =
        post_form(&studio, "/oauth/token", other_verifier).basic_auth("jupyterhub", Some(SECRET));
    told(other_verifier.send().await.unwrap(), 400, "invalid_grant").await;
}

#[tokio::test]
async fn a_token_ends_with_the_sign_in_and_the_studio_takes_it_nowhere_else() {
    let mut studio = Studio::start_with(WITH_HUB);
    let ada = studio.ada().await;
    let eve = studio.person(&ada, "eve").await;
    let token = |granted: &Value| granted["access_token"].as_str().unwrap().to_owned();
    let eves = token(&granted(&studio, &eve).await);
    assert_eq!(userinfo(&studio, &eves).await.status(), 200);
    let api = studio.stranger().client.get(studio.url("/api/v1/me"));
    problem(
        api.bearer_auth(&eves).send().await.unwrap(),
        401,
        "token.malformed",
    )
    .await;
    let in_address = studio.stranger();
    told(
        in_address
            .get(&format!("/oauth/userinfo?access_token={eves}"))
            .await,
        400,
        "invalid_request",
    )
    .await;
    // Whoever shows nothing is told what to show, and a cookie is nothing.
    let bare = eve.get("/oauth/userinfo").await;
    assert_eq!(bare.status(), 401);
    assert_eq!(
        bare.headers()["www-authenticate"],
        "Bearer realm=\"datalayer\""
    );
    let own = ada
        .create("/api/v1/me/tokens", json!({ "name": "x" }))
        .await;
    told(
        userinfo(&studio, own["secret"].as_str().unwrap()).await,
        401,
        "invalid_token",
    )
    .await;

    let code = fresh_code(&eve).await;
    assert_eq!(
        eve.ask(Method::DELETE, "/api/v1/session").await.status(),
        204
    );
    let ended = userinfo(&studio, &eves).await;
    let challenge = ended.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    told(ended, 401, "invalid_token").await;
    told(
        bring(&studio, &code).send().await.unwrap(),
        400,
        "invalid_grant",
    )
    .await;

    let again = studio.sign_in("eve", PASSWORD).await;
    let eves = token(&granted(&studio, &again).await);
    let me: Value = again.get("/api/v1/me").await.json().await.unwrap();
    let path = format!("/api/v1/users/{}", me["id"].as_str().unwrap());
    let disabled = ada
        .send(Method::PATCH, &path, &json!({ "disabled": true }))
        .await;
    assert_eq!(disabled.status(), 200);
    told(userinfo(&studio, &eves).await, 401, "invalid_token").await;
    let door = location(&again.get(&question(&[])).await);
    assert_eq!(door.path(), "/sign-in", "a disabled person is nobody");
}

#[tokio::test]
async fn signing_out_at_the_hub_asks_unless_the_hub_knows_who_it_is() {
    let mut studio = Studio::start_with(WITH_HUB);
    let ada = studio.ada().await;
    let asked = |pairs: &[(&str, &str)]| format!("/oauth/end-session?{}", form(pairs));
    let to = ("post_logout_redirect_uri", HUB);
    let page = ada
        .get(&asked(&[
            to,
            ("state", "a\"><script>"),
            ("client_id", "jupyterhub"),
        ]))
        .await;
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.contains("form-action 'self' http://hub.localhost:3000;")
            && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    let page = page.text().await.unwrap();
    assert!(
        page.contains("<button>Sign out</button>") && !page.contains("<script"),
        "{page}"
    );
    assert_eq!(
        ada.get("/api/v1/me").await.status(),
        200,
        "a link signs nobody out"
    );
    problem(
        ada.get(&asked(&[(
            "post_logout_redirect_uri",
            "https://evil.example/",
        )]))
        .await,
        422,
        "provider.question",
    )
    .await;

    let press = |person: &Person, origin: &str| {
        person
            .client
            .post(studio.url("/oauth/end-session"))
            .header("content-type", FORM)
            .header("user-agent", "Mozilla/5.0")
            .header("origin", origin.to_owned())
            .body(form(&[to, ("state", "s")]))
            .send()
    };
    problem(
        press(&ada, "https://evil.example").await.unwrap(),
        403,
        "csrf.cross_origin",
    )
    .await;
    problem(
        press(&ada, "http://hub.localhost:3000").await.unwrap(),
        403,
        "csrf.cross_origin",
    )
    .await;
    assert_eq!(ada.get("/api/v1/me").await.status(), 200);
    let gone = press(&ada, ISSUER).await.unwrap();
    assert_eq!(gone.status(), 303);
    assert_eq!(location(&gone).as_str(), format!("{HUB}?state=s"));
    problem(ada.get("/api/v1/me").await, 401, "sign_in.needed").await;
    // Pressed twice, or after Back: there is nothing to end.
    assert_eq!(
        location(&press(&ada, ISSUER).await.unwrap()).as_str(),
        format!("{HUB}?state=s")
    );
    assert_eq!(
        location(&ada.get("/oauth/end-session").await).path(),
        "/sign-in"
    );

    let ada = studio.sign_in("ada", PASSWORD).await;
    let hint = granted(&studio, &ada).await;
    let hint = hint["id_token"].as_str().unwrap();
    let eve = studio.person(&ada, "eve").await;
    assert_eq!(
        eve.get(&asked(&[to, ("id_token_hint", hint)]))
            .await
            .status(),
        200,
        "somebody else is asked"
    );
    let gone = ada.get(&asked(&[to, ("id_token_hint", hint)])).await;
    assert_eq!(location(&gone).as_str(), HUB);
    assert!(
        gone.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .starts_with("studio=;")
    );
    problem(ada.get("/api/v1/me").await, 401, "sign_in.needed").await;
}

#[tokio::test]
async fn a_cookie_planted_before_the_sign_in_gets_no_code_after_it() {
    let mut studio = Studio::start_with(WITH_HUB);
    let ada = studio.ada().await;
    let before = ada.cookie.clone();
    // The browser signs in again, as `prompt=login` makes it.
    let door = location(&ada.get(&question(&[("prompt", "login")])).await);
    let next = part(&door, "next").unwrap();
    let question = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(ada.post("/api/v1/session", &question).await.status(), 201);
    let place = location(&ada.get(&next).await);
    assert!(part(&place, "code").is_some(), "{place}");
    let with_old = studio.stranger().client.get(studio.url(&next));
    let with_old = with_old.header("cookie", before).send().await.unwrap();
    assert_eq!(location(&with_old).path(), "/sign-in");
}

#[tokio::test]
async fn the_secret_is_made_at_the_first_start_and_refused_where_others_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let hub = &WITH_HUB[..4];
    let studio = Studio::start_with(hub);
    let file = studio.folder().join("hub/client-secret");
    let secret = std::fs::read_to_string(&file).unwrap();
    assert_eq!(secret.trim().len(), 43);
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let folder = studio.stop();
    let studio = Studio::start_in(folder, hub);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), secret);
    let folder = studio.stop();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = command()
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--site",
            "/nowhere",
            "--data",
        ])
        .arg(folder.path())
        .args(hub)
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(
        words.contains("chmod 600") && !words.contains(secret.trim()),
        "{words}"
    );
}

#[tokio::test]
async fn a_key_is_changed_by_hand_beside_a_running_studio() {
    let mut studio = Studio::start_with(WITH_HUB);
    studio.ada().await;
    let keys = async || {
        let keys: Value = studio
            .stranger()
            .get("/oauth/jwks")
            .await
            .json()
            .await
            .unwrap();
        let kids = keys["keys"].as_array().unwrap().iter();
        kids.map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let before = keys().await;
    let rotated = command()
        .args(["admin", "rotate-signing-key", "--data"])
        .arg(studio.folder())
        .output()
        .unwrap();
    assert!(rotated.status.success());
    let after = keys().await;
    assert_eq!((before.len(), after.len()), (1, 2));
    assert_eq!(after[1], before[0]);
    assert!(String::from_utf8_lossy(&rotated.stdout).contains(&after[0]));
}

#[tokio::test]
async fn no_code_and_no_token_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let data = folder.path().join("data");
    let mut process = command()
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--site",
            "/nowhere",
            "--kernels",
            "off",
            "--log",
            "trace",
            "--data",
        ])
        .arg(&data)
        .args(WITH_HUB)
        .stdout(std::process::Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(process.stdout.take().unwrap()));
    lines.next().unwrap().unwrap();
    let setup = lines.next().unwrap().unwrap();
    let setup = setup.rsplit_once("token=").unwrap().1.to_owned();
    let address = std::fs::read_to_string(data.join("address")).unwrap();
    let url = |path: &str| format!("http://{}{path}", address.trim());
    let client = reqwest::Client::builder()
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let ada = json!({ "token": setup, "username": "ada", "password": PASSWORD });
    client
        .post(url("/api/v1/set-up"))
        .json(&ada)
        .send()
        .await
        .unwrap();
    let answer = client.get(url(&question(&[]))).send().await.unwrap();
    let code = part(&location(&answer), "code").unwrap();
    let body = form(&[
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", "jupyterhub"),
        ("client_secret", SECRET),
    ]);
    let token = client
        .post(url("/oauth/token"))
        .header("content-type", FORM)
        .body(body);
    let granted: Value = token.send().await.unwrap().json().await.unwrap();
    let token = granted["access_token"].as_str().unwrap();
    let claims = client.get(url("/oauth/userinfo")).bearer_auth(token);
    assert_eq!(claims.send().await.unwrap().status(), 200);
    process.kill().unwrap();
    process.wait().unwrap();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("/oauth/token"), "the log tells of requests");
    for secret in [
        &*code,
        token,
        SECRET,
        VERIFIER,
        granted["id_token"].as_str().unwrap(),
    ] {
        assert!(!log.contains(secret));
    }
}
