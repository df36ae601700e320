//! What the provider's words are made of: the client's secret, PKCE, ID tokens and their keys, and seals.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use datalayer::{Error, PublicKey, Result};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::secrets::{Secret, same};

/// Characters a secret has that nobody guesses.
const LEAST_SECRET: usize = 32;
const MOST_SECRET: usize = 256;
/// Bytes of an ID token that are worth reading.
const MOST_TOKEN: usize = 8 * 1024;

/// What the Hub shows that it is the Hub. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// 32 random bytes.
    pub fn new() -> Result<Self> {
        Ok(Self(Secret::new()?.text))
    }

    /// One that was given: 32 to 256 characters that are the same in every encoding, because not every client encodes its secret.
    pub fn given(text: &str) -> Result<Self> {
        let text = text.trim();
        let right = (LEAST_SECRET..=MOST_SECRET).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        if right {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::invalid(
                "hub-client-secret",
                "hub.client_secret",
                format!(
                    "the client secret of the Hub has {LEAST_SECRET} to {MOST_SECRET} letters, digits and - . _ ~"
                ),
            ))
        }
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    /// In a time that does not tell where the difference is.
    pub fn is(&self, text: &str) -> bool {
        same(&self.0, text)
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret")
    }
}

/// Does this verifier belong to this challenge? S256, the only method taken (RFC 7636, 4.6).
pub fn proves(verifier: &str, challenge: &str) -> bool {
    same(
        &URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())),
        challenge,
    )
}

/// A key that ID tokens are signed with: ES256.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
    /// PKCS #8, in base64url.
    private: String,
}

impl SigningKey {
    pub fn new() -> Result<Self> {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map_err(|_| {
                    Error::unavailable(
                        "system.randomness",
                        "the system gives no random numbers now; try again in a moment",
                    )
                })?;
        Self::read(&URL_SAFE_NO_PAD.encode(document)).ok_or_else(unreadable)
    }

    /// One that was kept. `None`: it is none.
    pub fn read(private: &str) -> Option<Self> {
        let document = URL_SAFE_NO_PAD.decode(private).ok()?;
        let pair = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &document,
            &SystemRandom::new(),
        )
        .ok()?;
        // 4, then the two halves of the point.
        let point = pair.public_key().as_ref().get(1..65)?;
        let (x, y) = point.split_at(32);
        let public = public_key(URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        Some(Self {
            pair,
            public,
            private: private.to_owned(),
        })
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// For the database and nothing else.
    pub fn private(&self) -> &str {
        &self.private
    }

    /// A JWT (RFC 7519) that says this.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        let head = json!({ "alg": "ES256", "typ": "JWT", "kid": self.public.kid });
        let words = format!("{}.{}", encoded(&head), encoded(claims));
        let signature = self
            .pair
            .sign(&SystemRandom::new(), words.as_bytes())
            .map_err(|_| unreadable())?;
        Ok(format!("{words}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The public half, under its thumbprint.
pub fn public_key(x: String, y: String) -> PublicKey {
    // RFC 7638: these members, in this order, without a space.
    let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    PublicKey {
        kty: "EC".to_owned(),
        crv: "P-256".to_owned(),
        alg: "ES256".to_owned(),
        used_for: "sig".to_owned(),
        kid: URL_SAFE_NO_PAD.encode(Sha256::digest(thumbprint.as_bytes())),
        x,
        y,
    }
}

/// What a token says that one of these keys has signed. Whom it is for and whether it has expired is for the caller to judge.
/// The algorithm is ours, whatever the token's head calls itself: one that says another is none.
pub fn signed_words(token: &str, keys: &[PublicKey]) -> Option<Value> {
    if token.len() > MOST_TOKEN {
        return None;
    }
    let (words, signature) = token.rsplit_once('.')?;
    let (head, claims) = words.split_once('.')?;
    let head: Value = decoded(head)?;
    if head["alg"] != "ES256" || head.get("crit").is_some() {
        return None;
    }
    let kid = head["kid"].as_str()?;
    let key = keys.iter().find(|key| key.kid == kid)?;
    let mut point = vec![4];
    point.extend(URL_SAFE_NO_PAD.decode(&key.x).ok()?);
    point.extend(URL_SAFE_NO_PAD.decode(&key.y).ok()?);
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(words.as_bytes(), &signature)
        .ok()?;
    decoded(claims)
}

/// Shows that words are ours, as long as this process lives.
pub struct Seal(hmac::Key);

impl Seal {
    pub fn new() -> Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Ok(Self(key.map_err(|_| unreadable())?))
    }

    pub fn of(&self, words: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, words.as_bytes()))
    }

    pub fn holds(&self, words: &str, seal: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(seal)
            .is_ok_and(|seal| hmac::verify(&self.0, words.as_bytes(), &seal).is_ok())
    }
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn decoded(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn unreadable() -> Error {
    Error::unavailable(
        "provider.key",
        "the key that sign-ins are signed with cannot be used now; try again in a moment",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_secret_is_long_and_prints_as_nothing() {
        let secret = ClientSecret::new().unwrap();
        assert_eq!(secret.expose().len(), 43);
        assert!(secret.is(secret.expose()) && !secret.is("") && !secret.is(&"x".repeat(43)));
        assert!(!format!("{secret:?}").contains(&secret.expose()[..8]));
        assert_eq!(
            ClientSecret::given(&format!("{}\n", secret.expose())).unwrap(),
            secret
        );
        for bad in [
            "",
            "short",
            &"x".repeat(31),
            &"x".repeat(257),
            &"x y".repeat(20),
            &"\u{e9}".repeat(32),
        ] {
            assert!(ClientSecret::given(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_challenge_of_rfc_7636_is_proved_by_its_verifier_alone() {
        let (verifier, challenge) = (
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        );
        assert!(proves(verifier, challenge));
        assert!(!proves(&verifier[1..], challenge));
        assert!(!proves(challenge, challenge), "the method `plain`");
        assert!(!proves("", ""));
    }

    #[test]
    fn a_kid_is_the_thumbprint_that_others_compute() {
        // RFC 7517, appendix A.1; the thumbprint by another implementation.
        let key = public_key(
            "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4".into(),
            "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM".into(),
        );
        assert_eq!(key.kid, "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
    }

    #[test]
    fn what_one_of_our_keys_signed_is_read_and_nothing_else_is() {
        let (ours, other) = (SigningKey::new().unwrap(), SigningKey::new().unwrap());
        let keys = [ours.public().clone()];
        let claims = json!({ "sub": "user_1" });
        let token = ours.sign(&claims).unwrap();
        assert_eq!(signed_words(&token, &keys), Some(claims.clone()));
        let again = SigningKey::read(ours.private()).unwrap();
        assert_eq!(again.public(), ours.public());

        let foreign = other.sign(&claims).unwrap();
        let [head, body, signature]: [&str; 3] =
            token.split('.').collect::<Vec<_>>().try_into().unwrap();
        let with_head =
            |head: Value, signature: &str| format!("{}.{body}.{signature}", encoded(&head));
        let kid = &ours.public().kid;
        // The public key is known to everyone: whoever takes it for the secret of an HMAC signs as we do.
        let confused = {
            let words = format!(
                "{}.{body}",
                encoded(&json!({ "alg": "HS256", "typ": "JWT", "kid": kid }))
            );
            let key = hmac::Key::new(hmac::HMAC_SHA256, keys[0].x.as_bytes());
            format!(
                "{words}.{}",
                URL_SAFE_NO_PAD.encode(hmac::sign(&key, words.as_bytes()))
            )
        };
        for bad in [
            "",
            "..",
            "a.b.c",
            &token[1..],
            &token[..token.len() - 2],
            &format!("{token}."),
            &foreign,
            &confused,
            &with_head(json!({ "alg": "none", "kid": kid }), ""),
            &with_head(json!({ "alg": "none", "kid": kid }), signature),
            &with_head(json!({ "alg": "es256", "kid": kid }), signature),
            &with_head(json!({ "alg": "ES256" }), signature),
            &with_head(
                json!({ "alg": "ES256", "kid": kid, "crit": ["exp"] }),
                signature,
            ),
            &format!(
                "{head}.{}.{signature}",
                encoded(&json!({ "sub": "user_2" }))
            ),
            &format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
            &format!("{head}.{body}.{}", "A".repeat(10_000)),
        ] {
            assert_eq!(signed_words(bad, &keys), None, "{bad}");
        }
        assert_eq!(signed_words(&token, &[]), None);
    }

    #[test]
    fn a_seal_holds_for_its_words_and_its_process() {
        let (one, other) = (Seal::new().unwrap(), Seal::new().unwrap());
        let seal = one.of("1 scope=openid");
        assert!(one.holds("1 scope=openid", &seal));
        assert!(!one.holds("2 scope=openid", &seal));
        assert!(!other.holds("1 scope=openid", &seal));
        assert!(!one.holds("1 scope=openid", "") && !one.holds("1 scope=openid", "%"));
    }
}
