//! OpenID Connect: where a JupyterHub and the browsers it sends knock. The words are OAuth's; what they come to, the provider says.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datalayer::{
    Caller, Error, KeySet, Leaving, OauthError, Parameters, Proof, Provider, Refusal, Way,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::body;
use crate::doors::Doors;
use crate::problem::{Answer, Problem, escaped};
use crate::visitor::Here;

/// Of a form; a code and its verifier fit in this many times.
const LIMIT: usize = 16 * 1024;
/// Nobody needs a new key sooner: the one before is published for another hour.
const KEYS_KEPT: &str = "public, max-age=300";
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:30rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}\
    button{font:inherit;padding:.5rem 1rem;margin-right:1rem;cursor:pointer}";

/// What the studio can do as a provider (OpenID Connect Discovery, RFC 8414).
#[derive(Serialize, ToSchema)]
pub struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    end_session_endpoint: String,
    scopes_supported: [&'static str; 3],
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: [&'static str; 2],
    code_challenge_methods_supported: [&'static str; 1],
    claims_supported: [&'static str; 10],
    prompt_values_supported: [&'static str; 3],
    authorization_response_iss_parameter_supported: bool,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
}

/// `GET /.well-known/openid-configuration`
pub async fn metadata(State(doors): State<Arc<Doors>>) -> Answer<impl IntoResponse> {
    let issuer = provider(&doors)?.issuer();
    let at = |path: &str| format!("{issuer}/oauth/{path}");
    let metadata = Metadata {
        issuer: issuer.to_owned(),
        authorization_endpoint: at("authorize"),
        token_endpoint: at("token"),
        userinfo_endpoint: at("userinfo"),
        jwks_uri: at("jwks"),
        end_session_endpoint: at("end-session"),
        scopes_supported: ["openid", "profile", "hub"],
        response_types_supported: ["code"],
        response_modes_supported: ["query"],
        grant_types_supported: ["authorization_code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["ES256"],
        token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
        code_challenge_methods_supported: ["S256"],
        claims_supported: [
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "hub_name",
            "groups",
            "preferred_username",
            "name",
        ],
        prompt_values_supported: ["none", "login", "select_account"],
        authorization_response_iss_parameter_supported: true,
        claims_parameter_supported: false,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
    };
    Ok(([(header::CACHE_CONTROL, KEYS_KEPT)], Json(metadata)))
}

/// `GET /oauth/jwks`
pub async fn keys(State(doors): State<Arc<Doors>>) -> Answer<impl IntoResponse> {
    let keys: KeySet = provider(&doors)?.keys().await?;
    Ok(([(header::CACHE_CONTROL, KEYS_KEPT)], Json(keys)))
}

/// `GET /oauth/authorize`
pub async fn authorize(
    State(doors): State<Arc<Doors>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let asked = parameters(query.unwrap_or_default().as_bytes());
    let way = provider(&doors)?.authorize(&caller, &asked).await;
    Ok(
        match way.map_err(|error| in_words("This sign-in cannot go on", error))? {
            Way::Client { address } => lead(&address),
            Way::SignIn { back } => lead(&format!("/sign-in?{}", pair("next", &back))),
        },
    )
}

/// `POST /oauth/token`
pub async fn token(
    State(doors): State<Arc<Doors>>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response> {
    let provider = provider(&doors)?;
    let bytes = body::read(body, LIMIT).await?;
    if !is_form(&headers) {
        let refusal = OauthError::InvalidRequest
            .because("the body must be application/x-www-form-urlencoded");
        return Ok(refused(&refusal, CLIENT));
    }
    let granted = provider.grant(&proof(&headers), &parameters(&bytes)).await;
    Ok(match granted {
        Ok(granted) => ([(header::PRAGMA, "no-cache")], Json(granted)).into_response(),
        Err(refusal) => refused(&refusal, CLIENT),
    })
}

/// `GET /oauth/userinfo` and `POST`: OpenID Connect has both.
pub async fn claims(
    State(doors): State<Arc<Doors>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer<Response> {
    let provider = provider(&doors)?;
    // An address stands in logs and histories.
    if parameters(query.unwrap_or_default().as_bytes())
        .pairs()
        .any(|(name, _)| name == "access_token")
    {
        let refusal =
            OauthError::InvalidRequest.because("a token goes into the header Authorization alone");
        return Ok(refused(&refusal, BEARER));
    }
    let Some(token) = credentials(&headers, "bearer") else {
        // Whoever shows nothing is only told what to show (RFC 6750, 3.1).
        let mut response = (StatusCode::UNAUTHORIZED, Json(json!({}))).into_response();
        challenge(&mut response, BEARER);
        return Ok(response);
    };
    Ok(match provider.claims(&token).await {
        Ok(claims) => Json(claims).into_response(),
        Err(refusal) => refused(&refusal, BEARER),
    })
}

/// `GET /oauth/end-session`: ends the sign-in of whoever the Hub's hint is about; anybody else is asked.
pub async fn leave(
    State(doors): State<Arc<Doors>>,
    Extension(caller): Extension<Caller>,
    here: Here,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let asked = parameters(query.unwrap_or_default().as_bytes());
    gone(&doors, &caller, here, &asked, false).await
}

/// `POST /oauth/end-session`: the button was pressed.
pub async fn leave_agreed(
    State(doors): State<Arc<Doors>>,
    Extension(caller): Extension<Caller>,
    here: Here,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response> {
    let bytes = body::read(body, LIMIT).await?;
    if !is_form(&headers) {
        return Err(Problem::bare(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    gone(&doors, &caller, here, &parameters(&bytes), true).await
}

async fn gone(
    doors: &Doors,
    caller: &Caller,
    Here(browser): Here,
    asked: &Parameters,
    agreed: bool,
) -> Answer<Response> {
    let provider = provider(doors)?;
    let leaving = provider.leave(caller, asked, agreed).await;
    let leaving = leaving.map_err(|error| in_words("This sign-out cannot go on", error))?;
    let then = match leaving {
        Leaving::Ask => return Ok(question(provider.as_ref(), caller, asked)),
        Leaving::SignOut { then } => {
            browser.forget().await?;
            then
        }
        Leaving::Gone { then } => then,
    };
    Ok(lead(then.as_deref().unwrap_or("/sign-in")))
}

/// A page without script, whose one button is a form.
fn question(provider: &dyn Provider, caller: &Caller, asked: &Parameters) -> Response {
    let who = caller.user().map_or("", |user| user.name.as_str());
    let kept: String = asked
        .pairs()
        .filter(|(name, _)| *name != "id_token_hint")
        .map(|(name, value)| {
            format!(
                "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
                escaped(name),
                escaped(value)
            )
        })
        .collect();
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Sign out, Datalayer</title><style>{STYLE}</style><main><h1>Sign out of the studio?</h1>\
         <p>You signed out of the Hub. In the studio you are still signed in as {}.</p>\
         <form method=\"post\" action=\"/oauth/end-session\">{kept}<button>Sign out</button><a href=\"/\">Stay signed in</a></form></main></html>",
        escaped(who),
    );
    // Browsers hold the address a form leads on to against the policy, too.
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        provider.client_origin()
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
    ];
    (headers, page).into_response()
}

/// An answer in the words of OAuth.
#[derive(Serialize, Deserialize, ToSchema)]
struct Told<'a> {
    error: &'a str,
    error_description: &'a str,
}

const CLIENT: &str = "Basic realm=\"datalayer\"";
const BEARER: &str = "Bearer realm=\"datalayer\"";

fn refused(refusal: &Refusal, realm: &str) -> Response {
    let Refusal { error, words } = refusal;
    let told = Json(Told {
        error: error.as_str(),
        error_description: words,
    });
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = (status, told).into_response();
    match (status, realm) {
        (_, BEARER) if status.is_client_error() => {
            let realm = format!(
                "{realm}, error=\"{}\", error_description=\"{words}\"",
                error.as_str()
            );
            challenge(&mut response, &realm);
        }
        (StatusCode::UNAUTHORIZED, _) => challenge(&mut response, realm),
        (StatusCode::SERVICE_UNAVAILABLE, _) => {
            let wait = HeaderValue::from_static("5");
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        _ => {}
    }
    response
}

fn challenge(response: &mut Response, realm: &str) {
    if let Ok(realm) = HeaderValue::from_str(realm) {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, realm);
    }
}

fn provider(doors: &Doors) -> Answer<&Arc<dyn Provider>> {
    doors.provider.as_ref().ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "provider.off",
            "this studio signs nobody in elsewhere; it does when it is started with the address of a Hub",
        )
    })
}

fn in_words(title: &'static str, error: Error) -> Problem {
    let mut problem = Problem::from(error);
    problem.title = title;
    problem
}

fn lead(address: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response()
}

fn parameters(words: &[u8]) -> Parameters {
    Parameters::new(serde_urlencoded::from_bytes(words).unwrap_or_default())
}

fn pair(name: &str, value: &str) -> String {
    serde_urlencoded::to_string([(name, value)]).unwrap_or_default()
}

fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|media| media.split(';').next())
        .is_some_and(|media| {
            media
                .trim()
                .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        })
}

/// What stands behind a scheme in the one header `Authorization`.
fn credentials(headers: &HeaderMap, scheme: &str) -> Option<String> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (of, words) = value.to_str().ok()?.split_once(' ')?;
    of.eq_ignore_ascii_case(scheme)
        .then(|| words.trim().to_owned())
}

/// Name and secret are encoded as in a form before they are put together (RFC 6749, 2.3.1).
fn proof(headers: &HeaderMap) -> Proof {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Proof::Missing;
    }
    let basic = || {
        let bytes = STANDARD.decode(credentials(headers, "basic")?).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (id, secret) = text.split_once(':')?;
        Some(Proof::Basic {
            id: decoded(id)?,
            secret: decoded(secret)?,
        })
    };
    basic().unwrap_or(Proof::Unreadable)
}

/// One value of a form, alone.
fn decoded(text: &str) -> Option<String> {
    if text.contains(['&', '=']) {
        return None;
    }
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&format!("v={text}")).ok()?;
    pairs.into_iter().next().map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        map
    }

    fn shown(values: &[&str]) -> String {
        match proof(&headers(values)) {
            Proof::Missing => "missing".into(),
            Proof::Unreadable => "unreadable".into(),
            Proof::Basic { id, secret } => format!("{id} {secret}"),
        }
    }

    #[test]
    fn a_client_is_read_as_it_was_encoded() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(shown(&[]), "missing");
        assert_eq!(
            shown(&[&basic("jupyterhub:s3-c_r.et~")]),
            "jupyterhub s3-c_r.et~"
        );
        assert_eq!(shown(&[&basic("a%3Ab:c%2Bd+e")]), "a:b c+d e");
        assert_eq!(shown(&[&basic("a:b:c")]), "a b:c");
        for bad in [
            "Basic",
            "Basic ",
            "Basic %%%",
            "Bearer dl_x",
            "Basic eA==",
            &basic("a&b=1:c"),
            &format!("Basic {}", STANDARD.encode([0xff, b':', 0xff])),
        ] {
            assert_eq!(shown(&[bad]), "unreadable", "{bad}");
        }
        assert_eq!(
            shown(&[&basic("a:b"), &basic("a:b")]),
            "unreadable",
            "twice"
        );
    }

    #[test]
    fn a_form_is_a_form_whatever_stands_behind_its_name() {
        let media = |text: &str| {
            let mut map = HeaderMap::new();
            map.insert(header::CONTENT_TYPE, text.parse().unwrap());
            is_form(&map)
        };
        assert!(media("application/x-www-form-urlencoded; charset=utf-8"));
        assert!(media("Application/X-WWW-Form-Urlencoded"));
        assert!(!media("application/json") && !media("multipart/form-data; boundary=x"));
        assert!(!is_form(&HeaderMap::new()));
    }

    #[test]
    fn what_is_told_to_a_client_has_a_status_and_a_challenge() {
        let told = |error: OauthError, realm| {
            let response = refused(&error.because("why"), realm);
            let challenge = response.headers().get(header::WWW_AUTHENTICATE);
            let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
            (response.status().as_u16(), challenge)
        };
        assert_eq!(told(OauthError::InvalidGrant, CLIENT), (400, None));
        assert_eq!(
            told(OauthError::InvalidClient, CLIENT),
            (401, Some(CLIENT.into()))
        );
        let bearer =
            "Bearer realm=\"datalayer\", error=\"invalid_token\", error_description=\"why\"";
        assert_eq!(
            told(OauthError::InvalidToken, BEARER),
            (401, Some(bearer.into()))
        );
        assert_eq!(told(OauthError::TemporarilyUnavailable, CLIENT).0, 503);
    }
}
