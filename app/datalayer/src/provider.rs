//! The provider: a JupyterHub signs its people in with the studio (OpenID Connect, the code flow with PKCE and nothing else).

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Caller, Result, UserId};

/// What the Hub calls itself to the studio.
pub const HUB_CLIENT: &str = "jupyterhub";

/// How the Hub knows a person: small letters and digits, a letter first, and the same whatever the person is called later.
pub fn hub_name(user: &UserId) -> String {
    format!("u{}", user.digits())
}

/// What stood in an address or a form, in its order.
#[derive(Clone, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The first value under this name. One without a value counts as left out (RFC 6749, 3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs()
            .find(|(of, _)| *of == name)
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
    }

    /// A name that stands twice: two readers would each believe another one.
    pub fn doubled(&self) -> Option<&str> {
        let names: Vec<_> = self.pairs().map(|(name, _)| name).collect();
        let doubled = names
            .iter()
            .enumerate()
            .find(|(place, name)| names[..*place].contains(*name));
        doubled.map(|(_, name)| *name)
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Where a browser goes that asked for a sign-in at the Hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the sign-in page, and from there to this path of the studio.
    SignIn { back: String },
    /// To the Hub, with a code or with what is wrong.
    Client { address: String },
}

/// What becomes of a sign-in its person wants to end at the Hub's wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Ask them first: anybody's page could have led them here.
    Ask,
    /// End it; then the browser goes on to this address. `None`: to the sign-in page.
    SignOut { then: Option<String> },
    /// Nobody is signed in.
    Gone { then: Option<String> },
}

/// How a client shows in a header who it is.
#[derive(Clone)]
pub enum Proof {
    /// Not there: it may stand in the form.
    Missing,
    Basic {
        id: String,
        secret: String,
    },
    /// Another scheme, or none that can be read.
    Unreadable,
}

/// What a code is worth.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Granted {
    /// For `/oauth/userinfo` and nothing else. It ends with the sign-in it came from.
    pub access_token: String,
    /// `Bearer`
    pub token_type: String,
    /// Seconds.
    pub expires_in: u32,
    /// A JWT, signed with ES256.
    pub id_token: String,
    /// What was asked for and is known here.
    pub scope: String,
}

/// Who somebody is, as far as the scopes go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Claims {
    pub sub: UserId,
    /// With `hub`: what the Hub calls them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub_name: Option<String>,
    /// With `hub`: `studio-users`, and `studio-administrators` for those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// With `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    /// With `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The keys that ID tokens are signed with (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeySet {
    pub keys: Vec<PublicKey>,
}

/// A point of the curve P-256, in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicKey {
    pub kty: String,
    pub crv: String,
    pub alg: String,
    #[serde(rename = "use")]
    pub used_for: String,
    /// Its thumbprint (RFC 7638).
    pub kid: String,
    pub x: String,
    pub y: String,
}

/// Why a client gets nothing, in the words of OAuth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub error: OauthError,
    /// For whoever reads the client's log. ASCII without quotes and backslashes (RFC 6749, 5.2).
    pub words: String,
}

/// The names OAuth, OpenID Connect and bearer tokens have for what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OauthError {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    InvalidToken,
    UnsupportedGrantType,
    UnsupportedResponseType,
    LoginRequired,
    ConsentRequired,
    RequestNotSupported,
    RequestUriNotSupported,
    RegistrationNotSupported,
    TemporarilyUnavailable,
    ServerError,
}

impl OauthError {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidToken => "invalid_token",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    /// Of an answer to a client that asks by itself.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::TemporarilyUnavailable => 503,
            Self::ServerError => 500,
            _ => 400,
        }
    }
}

impl OauthError {
    pub fn because(self, words: impl Into<String>) -> Refusal {
        Refusal {
            error: self,
            words: words.into(),
        }
    }
}

impl From<crate::Error> for Refusal {
    fn from(error: crate::Error) -> Self {
        match error {
            crate::Error::Unavailable { .. } => OauthError::TemporarilyUnavailable
                .because("the studio cannot do this now; try again in a moment"),
            crate::Error::Broken { incident } => OauthError::ServerError.because(format!(
                "something broke in the studio; quote {incident} when you report it"
            )),
            _ => OauthError::ServerError.because("the studio could not do this"),
        }
    }
}

/// The studio, to the one client it signs people in for.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The address under which the studio says all this, `https://studio.example`.
    fn issuer(&self) -> &str;
    /// Where the Hub is: the origin, without a path.
    fn client_origin(&self) -> &str;
    /// Somebody's browser asks for a sign-in at the Hub. A refusal is for the person to read: until the client and its address are
    /// known to be right, nobody is led anywhere. What is wrong after that is told to the Hub.
    async fn authorize(&self, caller: &Caller, asked: &Parameters) -> Result<Way>;
    /// The Hub brings a code.
    async fn grant(&self, proof: &Proof, asked: &Parameters) -> Result<Granted, Refusal>;
    /// Whose token this is.
    async fn claims(&self, token: &str) -> Result<Claims, Refusal>;
    /// Those that something unexpired may be signed with.
    async fn keys(&self) -> Result<KeySet>;
    /// Somebody's browser was sent here to sign out. `agreed`: they pressed the button.
    async fn leave(&self, caller: &Caller, asked: &Parameters, agreed: bool) -> Result<Leaving>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_name_is_what_every_spawner_takes() {
        let (one, other) = (UserId::from_parts(1, 1), UserId::from_parts(1, 2));
        let name = hub_name(&one);
        assert_ne!(name, hub_name(&other));
        assert!(name.len() <= 32, "{name}");
        assert!(name.starts_with('u'));
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
            "{name}"
        );
    }

    #[test]
    fn a_parameter_that_stands_twice_is_found_and_an_empty_one_is_none() {
        let pairs = |text: &[(&str, &str)]| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            Parameters::new(text.iter().map(own).collect())
        };
        let asked = pairs(&[("state", "a"), ("scope", ""), ("state", "b")]);
        assert_eq!(asked.doubled(), Some("state"));
        assert_eq!(asked.get("state"), Some("a"));
        assert_eq!(asked.get("scope"), None);
        assert_eq!(pairs(&[("a", "1"), ("b", "1")]).doubled(), None);
    }
}
