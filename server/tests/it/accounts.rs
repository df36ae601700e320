//! Set-up, sign-in, sessions and people, over REST.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::studio::{PASSWORD, Studio, problem};

#[tokio::test]
async fn the_set_up_link_makes_the_first_administrator_and_works_once() {
    let mut studio = Studio::start();
    let token = studio.setup_token();
    let ada = studio.stranger();
    let question = json!({ "token": token, "username": "ada", "password": PASSWORD });
    assert_eq!(ada.post("/api/v1/set-up", &question).await.status(), 201);
    let me: Value = ada.get("/api/v1/me").await.json().await.unwrap();
    assert_eq!(
        (&me["username"], &me["administrator"]),
        (&json!("ada"), &json!(true))
    );
    let again = studio
        .stranger()
        .post(
            "/api/v1/set-up",
            &json!({ "token": token, "username": "eve", "password": PASSWORD }),
        )
        .await;
    assert!(
        matches!(again.status().as_u16(), 401 | 403 | 404 | 409 | 410),
        "{}",
        again.status()
    );
}

#[tokio::test]
async fn the_cookie_is_for_scripts_neither_to_read_nor_for_other_sites_to_send() {
    let mut studio = Studio::start();
    let token = studio.setup_token();
    let answer = studio
        .stranger()
        .post(
            "/api/v1/set-up",
            &json!({ "token": token, "username": "ada", "password": PASSWORD }),
        )
        .await;
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("studio=")
            && cookie.contains("; HttpOnly")
            && cookie.contains("; SameSite=Lax")
            && cookie.contains("; Path=/"),
        "{cookie}"
    );
    let body = answer.text().await.unwrap();
    assert!(
        !body.contains("secret") && !body.contains("password"),
        "{body}"
    );
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_words() {
    let mut studio = Studio::start();
    studio.ada().await;
    let nobody = studio.stranger();
    let mut answers = Vec::new();
    for username in ["ada", "nobody-of-that-name"] {
        let answer = nobody
            .post(
                "/api/v1/session",
                &json!({ "username": username, "password": "wrong wrong wrong" }),
            )
            .await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let mut words: Value = answer.json().await.unwrap();
        words["request"] = Value::Null;
        answers.push(words);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn a_sign_out_ends_the_sign_in_and_not_only_the_cookie() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let kept = ada.cookie.clone();
    assert_eq!(
        ada.ask(Method::DELETE, "/api/v1/session").await.status(),
        204
    );
    let answer = studio
        .stranger()
        .client
        .get(studio.url("/api/v1/me"))
        .header("cookie", kept)
        .send()
        .await
        .unwrap();
    problem(answer, 401, "sign_in.needed").await;
}

#[tokio::test]
async fn a_cookie_planted_before_a_sign_in_is_not_the_one_after_it() {
    let mut studio = Studio::start();
    studio.ada().await;
    let planted = "A".repeat(22);
    let answer = studio
        .stranger()
        .client
        .post(studio.url("/api/v1/session"))
        .header("cookie", format!("studio={planted}"))
        .json(&json!({ "username": "ada", "password": PASSWORD }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    assert!(
        !answer.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains(&planted)
    );
    let with_planted = studio
        .stranger()
        .client
        .get(studio.url("/api/v1/me"))
        .header("cookie", format!("studio={planted}"))
        .send()
        .await
        .unwrap();
    problem(with_planted, 401, "sign_in.needed").await;
}

#[tokio::test]
async fn signing_in_again_ends_the_sign_in_the_browser_had_and_takes_a_new_id() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let before = ada.cookie.clone();
    let question = json!({ "username": "ada", "password": PASSWORD });
    let answer = ada.post("/api/v1/session", &question).await;
    assert_eq!(answer.status(), 201);
    let after = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(!after.contains(&before), "{after}");
    let with_old = studio
        .stranger()
        .client
        .get(studio.url("/api/v1/me"))
        .header("cookie", before)
        .send()
        .await
        .unwrap();
    assert!(
        with_old.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0"),
        "a browser is told to forget what no longer counts"
    );
    problem(with_old, 401, "sign_in.needed").await;
    let mine: Vec<Value> = ada.get("/api/v1/me/sessions").await.json().await.unwrap();
    assert_eq!(mine.len(), 1);
}

#[tokio::test]
async fn a_visitor_who_did_not_sign_in_gets_no_cookie() {
    let mut studio = Studio::start();
    studio.ada().await;
    let nobody = studio.stranger();
    for path in ["/", "/sign-in", "/api/v1/me", "/api/v1/set-up", "/healthz"] {
        let answer = nobody.get(path).await;
        assert!(!answer.headers().contains_key("set-cookie"), "{path}");
    }
    let wrong = json!({ "username": "ada", "password": "wrong wrong wrong" });
    let refused = nobody.post("/api/v1/session", &wrong).await;
    assert!(!refused.headers().contains_key("set-cookie"));
}

#[tokio::test]
async fn over_https_the_cookie_belongs_to_the_host_alone_and_can_be_deleted() {
    let mut studio = Studio::start_with(&["--public-url", "https://studio.example"]);
    let token = studio.setup_token();
    let question = json!({ "token": token, "username": "ada", "password": PASSWORD });
    let set_up = studio.stranger().post("/api/v1/set-up", &question).await;
    assert_eq!(set_up.status(), 201);
    let set = set_up.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in [
        "__Host-studio=",
        "HttpOnly",
        "SameSite=Lax",
        "Secure",
        "Path=/",
        "Max-Age=2592000",
    ] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    let cookie = set.split(';').next().unwrap();
    let end = studio
        .stranger()
        .client
        .delete(studio.url("/api/v1/session"));
    let ended = end.header("cookie", cookie).send().await.unwrap();
    let cleared = ended.headers()["set-cookie"].to_str().unwrap();
    // Without `Secure` browsers would leave it as it is.
    for part in ["__Host-studio=;", "Secure", "Path=/", "Max-Age=0"] {
        assert!(cleared.contains(part), "{cleared}");
    }
}

#[tokio::test]
async fn one_person_imports_so_much_a_minute_and_nobody_else_is_held_up() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let bob = studio.person(&ada, "bob").await;
    let (space, _) = ada.workplace().await;
    let path = format!("/api/v1/spaces/{space}/import");
    let mut refused = None;
    for _ in 0..40 {
        let answer = ada
            .post_bytes(&path, "application/octet-stream", "no notebook")
            .await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("forty imports at once went through");
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 429, "rate.limited").await;
    assert_eq!(ada.get("/api/v1/me").await.status(), 200, "reading goes on");
    let other = bob
        .post_bytes(&path, "application/octet-stream", "no notebook")
        .await;
    problem(other, 404, "space.not_found").await;
}

#[tokio::test]
async fn one_can_see_and_end_ones_other_sign_ins() {
    let mut studio = Studio::start();
    let here = studio.ada().await;
    let there = studio.sign_in("ada", PASSWORD).await;
    let mine: Vec<Value> = here.get("/api/v1/me/sessions").await.json().await.unwrap();
    assert_eq!(mine.len(), 2);
    let other = mine
        .iter()
        .find(|session| session["current"] == false)
        .unwrap()["id"]
        .as_str()
        .unwrap();
    assert_eq!(
        here.ask(Method::DELETE, &format!("/api/v1/me/sessions/{other}"))
            .await
            .status(),
        204
    );
    problem(there.get("/api/v1/me").await, 401, "sign_in.needed").await;
    assert_eq!(here.get("/api/v1/me").await.status(), 200);
}

#[tokio::test]
async fn disabling_someone_ends_their_sign_ins_at_once() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let bob = studio.person(&ada, "bob").await;
    let me: Value = bob.get("/api/v1/me").await.json().await.unwrap();
    let id = me["id"].as_str().unwrap();
    assert_eq!(
        ada.send(
            Method::PATCH,
            &format!("/api/v1/users/{id}"),
            &json!({ "disabled": true })
        )
        .await
        .status(),
        200
    );
    problem(bob.get("/api/v1/me").await, 401, "sign_in.needed").await;
}

#[tokio::test]
async fn guessing_at_one_account_is_slowed_down_and_says_how_long() {
    let mut studio = Studio::start();
    studio.ada().await;
    let nobody = studio.stranger();
    let wrong = json!({ "username": "ada", "password": "wrong wrong wrong" });
    let mut refused = None;
    for _ in 0..12 {
        let answer = nobody.post("/api/v1/session", &wrong).await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("twelve guesses went through");
    assert!(
        refused.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse::<u32>()
            .unwrap()
            > 0
    );
    problem(refused, 429, "rate.limited").await;
    // Through the pages' own door the count is the same.
    let form = nobody
        .client
        .post(studio.url("/ui/app/accounts/calls/sign_in"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("username=ada&password=wrong")
        .send()
        .await
        .unwrap();
    assert_eq!(form.status(), 429);
}
