//! The provider: whom the Hub is told of, what a code is bound to, and what ends it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use datalayer::{
    Caller, Claims, Error, Granted, HUB_CLIENT, Leaving, OauthError, Parameters, PasswordChange,
    Proof, Provider as _, Refusal, SessionId, Way, hub_name,
};
use iam::provider::{ClientSecret, SigningKey, signed_words};
use serde_json::{Value, json};
use service::{Provider, ProviderConfig};

use crate::studio::{PASSWORD, Person, Studio, code};

const ISSUER: &str = "https://studio.example";
const REDIRECT: &str = "https://hub.example/jupyter/hub/oauth_callback";
const SIGNED_OUT: &str = "https://hub.example/jupyter/";
/// Of RFC 7636.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SECRET: &str = "a-client-secret-of-more-than-32-characters";
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn provider(studio: &Studio) -> Provider {
    let config = ProviderConfig {
        issuer: ISSUER.into(),
        client_secret: ClientSecret::given(SECRET).unwrap(),
        client_origin: "https://hub.example".into(),
        redirect_uri: REDIRECT.into(),
        signed_out_uri: SIGNED_OUT.into(),
    };
    Provider::new(studio.house.clone(), config).unwrap()
}

fn parameters(pairs: &[(&str, &str)]) -> Parameters {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Parameters::new(pairs.iter().map(own).collect())
}

const ASKED: &[(&str, &str)] = &[
    ("client_id", HUB_CLIENT),
    ("redirect_uri", REDIRECT),
    ("response_type", "code"),
    ("scope", "openid profile hub"),
    ("state", "abc/=&"),
    ("nonce", "n-0S6"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

/// What a Hub asks, with some of it written otherwise; `""` leaves it out.
fn asked(other: &[(&str, &str)]) -> Parameters {
    let kept = ASKED
        .iter()
        .filter(|(name, _)| other.iter().all(|(of, _)| of != name));
    let more = other.iter().filter(|(_, value)| !value.is_empty());
    parameters(&kept.chain(more).copied().collect::<Vec<_>>())
}

/// A question as it comes back from the sign-in page, with one of its words written otherwise under the same seal.
fn with_words(again: &[(&str, &str)], name: &str, value: &str) -> Parameters {
    let (folded, seal) = again[0].1.split_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(folded).unwrap();
    let mut pairs: Vec<(String, String)> = serde_json::from_slice(&bytes).unwrap();
    pairs.iter_mut().find(|(of, _)| of == name).unwrap().1 = value.to_owned();
    let folded = URL_SAFE_NO_PAD.encode(json!(pairs).to_string());
    parameters(&[("again", &format!("{folded}.{seal}"))])
}

async fn caller(studio: &Studio, person: &Person) -> Caller {
    studio.house.caller_of(&person.secret).await.unwrap()
}

/// Where a question leads, and what stands behind the `?` there.
async fn led(provider: &Provider, caller: &Caller, asked: &Parameters) -> (String, Value) {
    let address = match provider.authorize(caller, asked).await.unwrap() {
        Way::Client { address } => address,
        Way::SignIn { back } => back,
    };
    let (place, query) = address.split_once('?').unwrap_or((&address, ""));
    (place.to_owned(), read(query))
}

fn read(query: &str) -> Value {
    let mut pairs = json!({});
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap();
        assert!(pairs.get(name).is_none(), "{name} twice in {query}");
        pairs[name] = unescaped(value).into();
    }
    pairs
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let hex = std::str::from_utf8(&tail[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn fresh_code(studio: &Studio, provider: &Provider, person: &Person) -> String {
    let caller = caller(studio, person).await;
    let (place, answer) = led(provider, &caller, &asked(&[])).await;
    assert_eq!(place, REDIRECT, "{answer}");
    answer["code"].as_str().unwrap().to_owned()
}

fn brought(code: &str, other: &[(&str, &str)]) -> Parameters {
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", HUB_CLIENT),
        ("client_secret", SECRET),
        // The Hub's authenticator sends this with every code.
        ("data", "None"),
    ];
    let kept = usual
        .iter()
        .filter(|(name, _)| other.iter().all(|(of, _)| of != name));
    let more = other.iter().filter(|(_, value)| !value.is_empty());
    parameters(&kept.chain(more).copied().collect::<Vec<_>>())
}

async fn grant(provider: &Provider, code: &str) -> Result<Granted, Refusal> {
    provider.grant(&Proof::Missing, &brought(code, &[])).await
}

async fn signed_in(studio: &Studio, provider: &Provider, person: &Person) -> Granted {
    let code = fresh_code(studio, provider, person).await;
    grant(provider, &code).await.unwrap()
}

fn refused<T>(answer: Result<T, Refusal>) -> &'static str {
    match answer {
        Ok(_) => "not refused",
        Err(refusal) => {
            // RFC 6749, 5.2.
            let words = refusal.words.bytes();
            assert!(
                words
                    .clone()
                    .all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\'),
                "{}",
                refusal.words
            );
            refusal.error.as_str()
        }
    }
}

async fn whose(provider: &Provider, granted: &Granted) -> Result<Claims, Refusal> {
    provider.claims(&granted.access_token).await
}

async fn words_of(provider: &Provider, granted: &Granted) -> Value {
    signed_words(&granted.id_token, &provider.keys().await.unwrap().keys).unwrap()
}

on_both! {
    async fn a_person_is_signed_in_at_the_hub_and_told_of_as_far_as_asked(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        let since = studio.time.now().0 / 1_000_000;
        studio.time.pass(7);
        let (place, answer) = led(&provider, &caller(&studio, &ada).await, &asked(&[])).await;
        assert_eq!(place, REDIRECT);
        assert_eq!((answer["state"].as_str(), answer["iss"].as_str()), (Some("abc/=&"), Some(ISSUER)));
        assert_eq!(answer.as_object().unwrap().len(), 3, "{answer}");
        let granted = grant(&provider, answer["code"].as_str().unwrap()).await.unwrap();
        assert_eq!((granted.token_type.as_str(), granted.expires_in), ("Bearer", 3600));
        assert_eq!(granted.scope, "openid profile hub");
        let told = words_of(&provider, &granted).await;
        let now = studio.time.now().0 / 1_000_000;
        assert_eq!(told, json!({
            "iss": ISSUER, "sub": ada.user.id, "aud": HUB_CLIENT, "iat": now, "exp": now + HOUR, "auth_time": since, "nonce": "n-0S6",
        }));
        let claims = whose(&provider, &granted).await.unwrap();
        assert_eq!(serde_json::to_value(&claims).unwrap(), json!({
            "sub": ada.user.id, "hub_name": hub_name(&ada.user.id), "groups": ["studio-users", "studio-administrators"],
            "preferred_username": "ada", "name": "Ada",
        }));
        let eve = studio.someone("eve").await;
        let claims = whose(&provider, &signed_in(&studio, &provider, &eve).await).await.unwrap();
        assert_eq!(claims.groups.unwrap(), ["studio-users"]);
        let (_, answer) = led(&provider, &caller(&studio, &eve).await, &asked(&[("scope", "email openid"), ("nonce", ""), ("state", "")])).await;
        assert!(answer.get("state").is_none());
        let least = grant(&provider, answer["code"].as_str().unwrap()).await.unwrap();
        assert_eq!(least.scope, "openid");
        assert_eq!(serde_json::to_value(whose(&provider, &least).await.unwrap()).unwrap(), json!({ "sub": eve.user.id }));
        assert!(words_of(&provider, &least).await.get("nonce").is_none());
    }

    async fn until_client_and_address_are_right_nobody_is_led_anywhere(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        let caller = caller(&studio, &ada).await;
        let long = "x".repeat(1500);
        for (other, expected) in [
            (&[("client_id", "")][..], "provider.client"),
            (&[("client_id", "JupyterHub")], "provider.client"),
            (&[("client_id", HUB_CLIENT), ("client_id", HUB_CLIENT)], "provider.question"),
            (&[("redirect_uri", REDIRECT), ("redirect_uri", "https://evil.example/")], "provider.question"),
            (&[("redirect_uri", "")], "provider.redirect_uri"),
            (&[("redirect_uri", "https://evil.example/")], "provider.redirect_uri"),
            (&[("redirect_uri", "https://hub.example/jupyter/hub/oauth_callback/")], "provider.redirect_uri"),
            (&[("redirect_uri", "https://hub.example/jupyter/hub/oauth_callback?x=1")], "provider.redirect_uri"),
            (&[("redirect_uri", "https://hub.example/jupyter/hub/../hub/oauth_callback")], "provider.redirect_uri"),
            (&[("redirect_uri", "https://HUB.example/jupyter/hub/oauth_callback")], "provider.redirect_uri"),
            (&[("redirect_uri", "https://hub.example:443/jupyter/hub/oauth_callback")], "provider.redirect_uri"),
            (&[("redirect_uri", "http://hub.example/jupyter/hub/oauth_callback")], "provider.redirect_uri"),
            (&[("redirect_uri", "https://hub.example@evil.example/jupyter/hub/oauth_callback")], "provider.redirect_uri"),
            (&[("redirect_uri", "https://hub.example/jupyter/hub/oauth_callback#x")], "provider.redirect_uri"),
            (&[("state", &long)], "provider.question"),
        ] {
            for caller in [&caller, &Caller::Nobody] {
                let way = provider.authorize(caller, &asked(other)).await;
                assert_eq!(code(way), expected, "{other:?}");
            }
        }
    }

    async fn what_is_wrong_after_that_is_told_to_the_hub(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        let caller = caller(&studio, &ada).await;
        for (other, expected) in [
            (&[("response_type", "")][..], "invalid_request"),
            (&[("response_type", "token")], "unsupported_response_type"),
            (&[("response_type", "code id_token")], "unsupported_response_type"),
            (&[("response_mode", "fragment")], "invalid_request"),
            (&[("scope", "")], "invalid_scope"),
            (&[("scope", "hub profile")], "invalid_scope"),
            (&[("scope", "OpenID")], "invalid_scope"),
            (&[("code_challenge", "")], "invalid_request"),
            (&[("code_challenge_method", "")], "invalid_request"),
            (&[("code_challenge_method", "plain")], "invalid_request"),
            (&[("code_challenge_method", "s256")], "invalid_request"),
            (&[("code_challenge", "short")], "invalid_request"),
            (&[("code_challenge", &CHALLENGE[1..])], "invalid_request"),
            (&[("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM")], "invalid_request"),
            (&[("request", "eyJhbGciOiJub25lIn0.e30.")], "request_not_supported"),
            (&[("request_uri", "https://evil.example/")], "request_uri_not_supported"),
            (&[("registration", "{}")], "registration_not_supported"),
            (&[("prompt", "consent")], "consent_required"),
            (&[("prompt", "create")], "invalid_request"),
            (&[("prompt", "none login")], "invalid_request"),
            (&[("max_age", "-1")], "invalid_request"),
            (&[("max_age", "+1")], "invalid_request"),
            (&[("max_age", "soon")], "invalid_request"),
            (&[("nonce", "a\nb")], "invalid_request"),
            (&[("nonce", "\u{e9}")], "invalid_request"),
            (&[("scope", "openid"), ("scope", "openid hub")], "invalid_request"),
            (&[("id_token_hint", "a.b.c")], "invalid_request"),
        ] {
            let (place, answer) = led(&provider, &caller, &asked(other)).await;
            assert_eq!((place.as_str(), answer["error"].as_str()), (REDIRECT, Some(expected)), "{other:?} {answer}");
            assert_eq!((&answer["state"], &answer["iss"]), (&json!("abc/=&"), &json!(ISSUER)));
            assert!(answer.get("code").is_none());
        }
        // A state that cannot be, or of which there are two, does not come back.
        for other in [&[("state", "a\r\nb")][..], &[("state", "a"), ("state", "b")]] {
            let (_, answer) = led(&provider, &caller, &asked(other)).await;
            assert_eq!((&answer["error"], answer.get("state")), (&json!("invalid_request"), None));
        }
    }

    async fn nobody_is_led_to_the_sign_in_and_back_to_the_same_question(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        let (place, question) = led(&provider, &Caller::Nobody, &asked(&[("max_age", "100")])).await;
        assert_eq!(place, "/oauth/authorize");
        // Nothing in it that somebody on the way could decode once more.
        let folded = question["again"].as_str().unwrap();
        assert!(folded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{folded}");
        assert!(folded.len() < 1_900 && question.as_object().unwrap().len() == 1);
        let again: Vec<_> = question.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        let (place, answer) = led(&provider, &caller(&studio, &ada).await, &parameters(&again)).await;
        assert_eq!(place, REDIRECT);
        assert_eq!((&answer["state"], &answer["iss"]), (&json!("abc/=&"), &json!(ISSUER)));
        grant(&provider, answer["code"].as_str().unwrap()).await.map(|_| ()).unwrap();
        // A studio that started anew in between still knows what was asked.
        let another = crate::provider::provider(&studio);
        assert_eq!(led(&another, &caller(&studio, &ada).await, &parameters(&again)).await.0, REDIRECT);
        // What was asked is looked at again, whoever wrote it down.
        let evil = with_words(&again, "redirect_uri", "https://evil.example/");
        assert_eq!(code(provider.authorize(&Caller::Nobody, &evil).await), "provider.redirect_uri");
        for bad in ["", "x", "a.b.c", "e30.1.AA"] {
            let refused = provider.authorize(&Caller::Nobody, &parameters(&[("again", bad)])).await;
            assert_eq!(code(refused), "provider.client", "{bad}");
        }
        let (_, answer) = led(&provider, &Caller::Nobody, &asked(&[("prompt", "none")])).await;
        assert_eq!(answer["error"], "login_required");
        // Somebody whose sign-in has ended since the door looked is nobody.
        let eve = studio.someone("eve").await;
        let late = caller(&studio, &eve).await;
        studio.house.close_session(&eve.secret).await.unwrap();
        assert_eq!(led(&provider, &late, &asked(&[])).await.0, "/oauth/authorize");
        let late = caller(&studio, &studio.sign_in("eve").await).await;
        ada.set_disabled(&eve.user.id, true).await.unwrap();
        assert_eq!(led(&provider, &late, &asked(&[])).await.0, "/oauth/authorize");
    }

    async fn a_password_that_is_asked_for_again_is_given_again(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        studio.time.pass(100);
        let before = caller(&studio, &ada).await;
        for wish in [("prompt", "login"), ("prompt", "select_account"), ("max_age", "99"), ("max_age", "0")] {
            let (place, question) = led(&provider, &before, &asked(&[wish])).await;
            assert_eq!(place, "/oauth/authorize", "{wish:?}");
            let again: Vec<_> = question.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
            // Going back without a password asks for it again, and so does a question that somebody wrote themselves.
            assert_eq!(led(&provider, &before, &parameters(&again)).await.0, "/oauth/authorize");
            studio.time.pass(1);
            let anew = caller(&studio, &studio.sign_in("ada").await).await;
            assert_eq!(led(&provider, &anew, &parameters(&again)).await.0, REDIRECT, "{wish:?}");
            if wish == ("max_age", "99") {
                // Whoever signed in a moment ago is young enough whatever the seal.
                continue;
            }
            studio.time.pass(1);
            let of_another = with_words(&again, "state", "other");
            let folded = again[0].1.split('.').next().unwrap();
            let forged = format!("{folded}.0.{}", "A".repeat(43));
            for bad in [of_another, parameters(&[("again", &forged)])] {
                assert_eq!(led(&provider, &anew, &bad).await.0, "/oauth/authorize");
            }
            // A seal of yesterday is none.
            studio.time.pass(2 * HOUR);
            let later = caller(&studio, &studio.sign_in("ada").await).await;
            studio.time.pass(1);
            assert_eq!(led(&provider, &later, &parameters(&again)).await.0, "/oauth/authorize");
        }
        let fresh = caller(&studio, &studio.sign_in("ada").await).await;
        studio.time.pass(10);
        assert_eq!(led(&provider, &fresh, &asked(&[("max_age", "10")])).await.0, REDIRECT);
        let (_, answer) = led(&provider, &fresh, &asked(&[("max_age", "9"), ("prompt", "none")])).await;
        assert_eq!(answer["error"], "login_required");
    }

    async fn a_hint_about_somebody_else_gets_no_code(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        let eve = studio.someone("eve").await;
        let hint = signed_in(&studio, &provider, &ada).await.id_token;
        let ada = caller(&studio, &ada).await;
        assert_eq!(led(&provider, &ada, &asked(&[("id_token_hint", &hint), ("prompt", "none")])).await.1.get("error"), None);
        let eve = caller(&studio, &eve).await;
        let (_, answer) = led(&provider, &eve, &asked(&[("id_token_hint", &hint), ("prompt", "none")])).await;
        assert_eq!(answer["error"], "login_required");
        let (place, question) = led(&provider, &eve, &asked(&[("id_token_hint", &hint)])).await;
        assert_eq!(place, "/oauth/authorize");
        studio.time.pass(1);
        let again: Vec<_> = question.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        let anew = caller(&studio, &studio.sign_in("eve").await).await;
        let (_, answer) = led(&provider, &anew, &parameters(&again)).await;
        assert_eq!(answer["error"], "login_required", "no circle");
    }

    async fn a_client_is_who_it_says_in_one_place(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        let basic = |id: &str, secret: &str| Proof::Basic { id: id.into(), secret: secret.into() };
        let code = fresh_code(&studio, &provider, &ada).await;
        let in_header = [("client_id", ""), ("client_secret", "")];
        for (proof, other, expected) in [
            (Proof::Missing, &in_header[..], "invalid_client"),
            (Proof::Unreadable, &[], "invalid_client"),
            (Proof::Missing, &[("client_secret", "wrong")], "invalid_client"),
            (Proof::Missing, &[("client_id", "other")], "invalid_client"),
            (Proof::Missing, &[("client_id", "")], "invalid_client"),
            (basic(HUB_CLIENT, "wrong"), &in_header, "invalid_client"),
            (basic("other", SECRET), &in_header, "invalid_client"),
            (basic(HUB_CLIENT, SECRET), &[("client_secret", ""), ("client_id", "other")], "invalid_client"),
            (basic(HUB_CLIENT, SECRET), &[], "invalid_request"),
            (Proof::Missing, &[("client_secret", SECRET), ("client_secret", SECRET)], "invalid_request"),
            (Proof::Missing, &[("grant_type", "")], "invalid_request"),
            (Proof::Missing, &[("grant_type", "refresh_token")], "unsupported_grant_type"),
            (Proof::Missing, &[("grant_type", "client_credentials")], "unsupported_grant_type"),
            (Proof::Missing, &[("grant_type", "password")], "unsupported_grant_type"),
            (Proof::Missing, &[("code", "")], "invalid_request"),
            (Proof::Missing, &[("redirect_uri", "")], "invalid_request"),
            (Proof::Missing, &[("code_verifier", "")], "invalid_request"),
            (Proof::Missing, &[("code", "a"), ("code", "b")], "invalid_request"),
        ] {
            assert_eq!(refused(provider.grant(&proof, &brought(&code, other)).await), expected, "{other:?}");
        }
        // None of that used the code up: it is not the client who came.
        provider.grant(&basic(HUB_CLIENT, SECRET), &brought(&code, &[("client_secret", "")])).await.map(|_| ()).unwrap();
        let error = OauthError::InvalidClient;
        assert_eq!((error.status(), OauthError::InvalidToken.status(), OauthError::InvalidGrant.status()), (401, 401, 400));
    }

    async fn a_code_is_worth_a_token_once_and_brought_twice_it_ends_it(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        let code = fresh_code(&studio, &provider, &ada).await;
        let granted = grant(&provider, &code).await.unwrap();
        whose(&provider, &granted).await.unwrap();
        assert_eq!(refused(grant(&provider, &code).await), "invalid_grant");
        assert_eq!(refused(whose(&provider, &granted).await), "invalid_token");
        // Two at once: at most one gets a token, and it does not keep it.
        let code = fresh_code(&studio, &provider, &ada).await;
        let (one, other) = tokio::join!(grant(&provider, &code), grant(&provider, &code));
        let given: Vec<_> = [one, other].into_iter().flatten().collect();
        assert!(given.len() <= 1);
        for granted in given {
            assert_eq!(refused(whose(&provider, &granted).await), "invalid_token");
        }
        // Two tabs: each has a code of its own.
        let (left, right) = (fresh_code(&studio, &provider, &ada).await, fresh_code(&studio, &provider, &ada).await);
        let right = grant(&provider, &right).await.unwrap();
        let left = grant(&provider, &left).await.unwrap();
        whose(&provider, &left).await.unwrap();
        whose(&provider, &right).await.unwrap();
        for bad in ["", "x", &left.access_token, &"x".repeat(10_000)] {
            assert_eq!(refused(grant(&provider, if bad.is_empty() { "-" } else { bad }).await), "invalid_grant");
        }
    }

    async fn a_code_is_bound_to_its_minute_its_address_and_its_verifier(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        let other_verifier = "x".repeat(43);
        let long = "x".repeat(129);
        for other in [
            [("redirect_uri", "https://hub.example/other")],
            [("code_verifier", other_verifier.as_str())],
            [("code_verifier", CHALLENGE)],
            [("code_verifier", &VERIFIER[..42])],
            [("code_verifier", &long)],
        ] {
            let code = fresh_code(&studio, &provider, &ada).await;
            assert_eq!(refused(provider.grant(&Proof::Missing, &brought(&code, &other)).await), "invalid_grant", "{other:?}");
            assert_eq!(refused(grant(&provider, &code).await), "invalid_grant", "one try");
        }
        let code = fresh_code(&studio, &provider, &ada).await;
        studio.time.pass(59);
        grant(&provider, &code).await.map(|_| ()).unwrap();
        let code = fresh_code(&studio, &provider, &ada).await;
        studio.time.pass(60);
        assert_eq!(refused(grant(&provider, &code).await), "invalid_grant");
    }

    async fn whatever_ends_a_sign_in_ends_its_codes_and_tokens_at_once(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        for way in ["sign-out", "ended elsewhere", "others ended", "new password", "own new password", "reset", "disabled", "idle"] {
            let name = format!("eve-{}", way.replace(' ', "-"));
            let eve = studio.someone(&name).await;
            let here = studio.sign_in(&name).await;
            let granted = signed_in(&studio, &provider, &eve).await;
            let code = fresh_code(&studio, &provider, &eve).await;
            let session: SessionId = match caller(&studio, &eve).await {
                Caller::Person { session, .. } => session,
                other => panic!("{other:?}"),
            };
            whose(&provider, &granted).await.unwrap();
            let change = || PasswordChange { current: PASSWORD.into(), new: "a brand new sentence".into() };
            match way {
                "sign-out" => studio.house.close_session(&eve.secret).await.unwrap(),
                "ended elsewhere" => here.end_session(&session).await.unwrap(),
                "others ended" => here.end_other_sessions().await.unwrap(),
                "new password" => here.change_password(change()).await.unwrap(),
                "own new password" => eve.change_password(change()).await.unwrap(),
                "reset" => drop(studio.house.reset_password(&name, "given by the operator".into()).await.unwrap()),
                "disabled" => drop(ada.set_disabled(&eve.user.id, true).await.unwrap()),
                _ => {
                    // The access token is younger than the twelve hours that nobody used the studio for.
                    studio.time.pass(12 * HOUR - 30);
                    let late = signed_in_again(&studio, &provider, &eve).await;
                    studio.time.pass(30);
                    assert_eq!(refused(whose(&provider, &late).await), "invalid_token");
                    continue;
                }
            }
            assert_eq!(refused(whose(&provider, &granted).await), "invalid_token", "{way}");
            assert_eq!(refused(grant(&provider, &code).await), "invalid_grant", "{way}");
            if way == "disabled" {
                ada.set_disabled(&eve.user.id, false).await.unwrap();
                assert_eq!(refused(whose(&provider, &granted).await), "invalid_token", "enabling brings none back");
            }
        }
        let ada = studio.sign_in("ada").await;
        let granted = signed_in(&studio, &provider, &ada).await;
        studio.time.pass(HOUR - 1);
        whose(&provider, &granted).await.unwrap();
        studio.time.pass(1);
        assert_eq!(refused(whose(&provider, &granted).await), "invalid_token");
        for bad in ["", "x", SECRET, &granted.id_token, &ada.secret] {
            assert_eq!(refused(provider.claims(bad).await), "invalid_token");
        }
    }

    async fn a_token_of_the_hub_is_none_of_the_studio_nor_the_other_way(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        let granted = signed_in(&studio, &provider, &ada).await;
        assert_eq!(code(studio.house.caller_with(&granted.access_token).await), "token.malformed");
        assert!(!studio.holds(&granted.access_token).await && !studio.holds(&granted.access_token[..22]).await);
        let token = datalayer::NewToken { name: "x".into(), scopes: datalayer::Scopes::default(), days: 1 };
        let own = ada.create_token(token).await.unwrap();
        assert_eq!(refused(provider.claims(&own.secret).await), "invalid_token");
    }

    async fn a_hub_name_is_one_persons_whatever_they_are_called(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        let eve = studio.someone("eve-with-a-hyphen").await;
        let name = |claims: Claims| claims.hub_name.unwrap();
        let ada_is = name(whose(&provider, &signed_in(&studio, &provider, &ada).await).await.unwrap());
        let eve_is = name(whose(&provider, &signed_in(&studio, &provider, &eve).await).await.unwrap());
        assert_ne!(ada_is, eve_is);
        assert!(!eve_is.contains('-') && !eve_is.contains("eve"));
        // Whatever becomes of the name, the id stays.
        studio.time.pass(DAY);
        let again = studio.sign_in("eve-with-a-hyphen").await;
        assert_eq!(name(whose(&provider, &signed_in(&studio, &provider, &again).await).await.unwrap()), eve_is);
    }

    async fn keys_change_every_ninety_days_and_what_the_old_one_signed_is_still_read(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        let first = provider.keys().await.unwrap();
        assert_eq!(first.keys.len(), 1, "made when it is first asked for");
        studio.time.pass(90 * DAY - 30 * MINUTE);
        let ada = if studio.holds(&ada.secret).await { ada } else { studio.sign_in("ada").await };
        let old = signed_in(&studio, &provider, &ada).await;
        studio.time.pass(30 * MINUTE);
        let new = signed_in(&studio, &provider, &ada).await;
        let both = provider.keys().await.unwrap();
        assert_eq!(both.keys.len(), 2);
        assert_eq!(both.keys[1], first.keys[0], "the one that signs comes first");
        for granted in [&old, &new] {
            assert_eq!(signed_words(&granted.id_token, &both.keys).unwrap()["sub"], ada.user.id.as_str());
        }
        studio.time.pass(2 * HOUR);
        assert_eq!(provider.keys().await.unwrap().keys, both.keys[..1], "what it signed has expired");
        // By hand, and the private half of the old one is kept nowhere.
        let named = studio.house.rotate_signing_key().await.unwrap();
        let keys = provider.keys().await.unwrap();
        assert_eq!((keys.keys.len(), &keys.keys[0].kid), (2, &named));
        let kept = studio.facts().await.signing_keys().await.unwrap();
        assert_eq!(kept.iter().map(|key| key.private.is_empty()).collect::<Vec<_>>(), [false, true, true]);
        // Of two at once, one is the new one for both.
        let (one, other) = tokio::join!(studio.house.rotate_signing_key(), studio.house.rotate_signing_key());
        let current = provider.keys().await.unwrap().keys[0].kid.clone();
        assert!(one.unwrap() == current || other.unwrap() == current);
        let kept = studio.facts().await.signing_keys().await.unwrap();
        assert_eq!(kept.iter().filter(|key| key.retired_at.is_none()).count(), 1);
    }

    async fn two_studios_on_one_database_agree_on_the_first_key(studio: Studio) {
        let beside = service::House::open_beside(studio.config()).await.unwrap();
        let (one, other) = tokio::join!(studio.house.rotate_signing_key(), beside.rotate_signing_key());
        let current = provider(&studio).keys().await.unwrap().keys[0].kid.clone();
        assert!(one.unwrap() == current || other.unwrap() == current);
    }

    async fn a_sign_out_at_the_hub_ends_the_studios_only_with_a_word_of_its_person(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        let eve = studio.someone("eve").await;
        let hint = signed_in(&studio, &provider, &ada).await.id_token;
        let (ada, eve) = (caller(&studio, &ada).await, caller(&studio, &eve).await);
        let to = ("post_logout_redirect_uri", SIGNED_OUT);
        let then = Some(format!("{SIGNED_OUT}?state=a%20b"));
        let leave = async |who: &Caller, asked: &[(&str, &str)], agreed| provider.leave(who, &parameters(asked), agreed).await;
        assert_eq!(leave(&ada, &[to, ("id_token_hint", &hint), ("state", "a b")], false).await.unwrap(), Leaving::SignOut { then: then.clone() });
        assert_eq!(leave(&ada, &[to, ("state", "a b"), ("client_id", HUB_CLIENT)], true).await.unwrap(), Leaving::SignOut { then: then.clone() });
        assert_eq!(leave(&Caller::Nobody, &[to, ("state", "a b")], false).await.unwrap(), Leaving::Gone { then });
        assert_eq!(leave(&ada, &[("id_token_hint", &hint)], false).await.unwrap(), Leaving::SignOut { then: None });
        // An old hint is as good; the person is the same.
        studio.time.pass(30 * DAY);
        assert_eq!(leave(&ada, &[("id_token_hint", &hint)], false).await.unwrap(), Leaving::SignOut { then: None });
        for asked in [&[][..], &[to], &[("id_token_hint", "")], &[("id_token_hint", "a.b.c")]] {
            assert_eq!(leave(&ada, asked, false).await.unwrap(), Leaving::Ask, "{asked:?}");
        }
        assert_eq!(leave(&eve, &[("id_token_hint", &hint)], false).await.unwrap(), Leaving::Ask, "somebody else's hint");
        // Signed by us, for somebody else; signed by somebody else, for us; and unsigned.
        let facts = studio.facts().await.signing_keys().await.unwrap().remove(0);
        let ours = SigningKey::read(&facts.private).unwrap();
        let words = |iss: &str, aud: &str| json!({ "iss": iss, "aud": aud, "sub": ada.user().unwrap().id });
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", hint.split('.').nth(1).unwrap());
        for bad in [
            ours.sign(&words("https://other.example", HUB_CLIENT)).unwrap(),
            ours.sign(&words(ISSUER, "other")).unwrap(),
            SigningKey::new().unwrap().sign(&words(ISSUER, HUB_CLIENT)).unwrap(),
            unsigned,
        ] {
            assert_eq!(leave(&ada, &[("id_token_hint", &bad)], false).await.unwrap(), Leaving::Ask);
        }
        for asked in [
            &[("post_logout_redirect_uri", "https://evil.example/")][..],
            &[("post_logout_redirect_uri", "https://hub.example/jupyter")],
            &[("post_logout_redirect_uri", SIGNED_OUT), ("post_logout_redirect_uri", "https://evil.example/")],
            &[("client_id", "other")],
        ] {
            for who in [&ada, &Caller::Nobody] {
                let refused = leave(who, asked, true).await;
                assert!(matches!(refused, Err(Error::Invalid { .. })), "{asked:?}");
            }
        }
    }

    async fn what_the_hub_was_told_is_in_the_audit_log_and_no_secret_is(studio: Studio) {
        let (ada, provider) = (studio.ada().await, provider(&studio));
        let code = fresh_code(&studio, &provider, &ada).await;
        let granted = grant(&provider, &code).await.unwrap();
        assert_eq!(refused(grant(&provider, &code).await), "invalid_grant");
        let late = fresh_code(&studio, &provider, &ada).await;
        studio.time.pass(61);
        assert_eq!(refused(grant(&provider, &late).await), "invalid_grant");
        studio.house.rotate_signing_key().await.unwrap();
        let log = studio.facts().await.audit_log(100).await.unwrap();
        let told: Vec<_> = log.iter().map(|(_, actor, action, _, detail)| (actor.as_str(), action.as_str(), detail.as_str())).collect();
        let me = ada.user.id.as_str();
        for expected in [
            (me, "hub.sign_in_granted", "openid profile hub"),
            (me, "hub.sign_in_refused", "the code was brought twice"),
            (me, "hub.sign_in_refused", "the code had expired"),
            ("studio", "signing_key.made", ""),
            ("operator", "signing_key.made", ""),
        ] {
            assert!(told.contains(&expected), "{expected:?} in {told:?}");
        }
        for secret in [&code, &late, &granted.access_token, SECRET, VERIFIER] {
            assert!(log.iter().all(|(.., object, detail)| !object.contains(secret) && !detail.contains(secret)));
        }
        assert!(studio.house.check_audit().await.unwrap().broken.is_none());
    }

    async fn a_code_outlives_a_restart_and_is_forgotten_after_a_day(studio: Studio) {
        let ada = studio.ada().await;
        let code = fresh_code(&studio, &provider(&studio), &ada).await;
        let studio = studio.restarted().await;
        let provider = provider(&studio);
        let granted = grant(&provider, &code).await.unwrap();
        whose(&provider, &granted).await.unwrap();
        let facts = studio.facts().await;
        let moment = studio.time.now();
        assert_eq!(facts.forget_grants(moment).await.unwrap(), 0);
        assert_eq!(facts.forget_grants(moment.plus_seconds(1)).await.unwrap(), 1);
        assert_eq!(refused(whose(&provider, &granted).await), "invalid_token");
        // Sign-ins that were over long ago are deleted although codes came from them.
        fresh_code(&studio, &provider, &ada).await;
        assert_eq!(facts.forget_sessions(moment.plus_seconds(200 * DAY)).await.unwrap(), 1);
    }
}

/// Within the time after which an unused sign-in is over, a Hub's question is use.
async fn signed_in_again(studio: &Studio, provider: &Provider, person: &Person) -> Granted {
    let found = Caller::Person {
        user: person.user.clone(),
        session: match person.caller() {
            Caller::Person { session, .. } => session.clone(),
            other => panic!("{other:?}"),
        },
    };
    let _ = studio;
    let (_, answer) = led(provider, &found, &asked(&[])).await;
    grant(provider, answer["code"].as_str().unwrap())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_code_and_no_token_is_anywhere_in_the_database_file() {
    let studio = Studio::on_sqlite().await;
    let (ada, provider) = (studio.ada().await, provider(&studio));
    let code = fresh_code(&studio, &provider, &ada).await;
    let granted = grant(&provider, &code).await.unwrap();
    let holds = |needle: &str| {
        std::fs::read_dir(studio.config().data)
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().is_file())
            .any(|entry| {
                let bytes = std::fs::read(entry.path()).unwrap();
                bytes
                    .windows(needle.len())
                    .any(|window| window == needle.as_bytes())
            })
    };
    assert!(holds(CHALLENGE), "the files are the right ones");
    for secret in [
        &*code,
        &granted.access_token,
        SECRET,
        VERIFIER,
        &granted.id_token,
    ] {
        assert!(!holds(secret));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_person_keeps_their_hub_name() {
    let studio = Studio::on_sqlite().await;
    let (ada, provider) = (studio.ada().await, provider(&studio));
    let granted = signed_in(&studio, &provider, &ada).await;
    let before = whose(&provider, &granted).await.unwrap();
    // No verb renames anybody yet.
    let file = studio.config().data.join("datalayer.sqlite");
    let pool = sqlx::SqlitePool::connect(&file.display().to_string())
        .await
        .unwrap();
    sqlx::query("update users set username = 'countess', name = 'The Countess'")
        .execute(&pool)
        .await
        .unwrap();
    let after = whose(&provider, &granted).await.unwrap();
    assert_eq!(after.preferred_username.as_deref(), Some("countess"));
    assert_eq!(
        (&after.sub, &after.hub_name),
        (&before.sub, &before.hub_name)
    );
}
