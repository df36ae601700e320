//! The provider: which Hub may ask, whom it is told of, and for how long.
//!
//! A code, and the token it is worth, hang on the sign-in they come from. Whatever ends that ends them in the same moment,
//! because both are looked up together with it, every time.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use datalayer::{
    Caller, Claims, Error, Granted, HUB_CLIENT, KeySet, Leaving, OauthError, Parameters, Proof,
    PublicKey, Refusal, Result, Timestamp, User, Way, hub_name,
};
use db::{Brought, FoundGrant, GrantTerms, NewGrant, SigningKeyFacts};
use iam::provider::{ClientSecret, Seal, SigningKey, proves, public_key, signed_words};
use iam::{Secret, hash_secret};
use serde_json::json;

use crate::House;
use crate::callers::SESSION_IDLE_SECONDS;

/// The Hub fetches what a code is worth at once.
const CODE_SECONDS: i64 = 60;
/// Of a token. After that the Hub sends the browser here again, which answers without a question while the sign-in lasts.
const TOKEN_SECONDS: u32 = 60 * 60;
/// Of an ID token.
const ID_TOKEN_SECONDS: i64 = 60 * 60;
const KEY_DAYS: i64 = 90;
/// A signed-out page may show an ID token this old; and clocks are this far apart.
const HINT_DAYS: i64 = 90;
const SKEW_SECONDS: i64 = 300;
/// A person takes no longer to give their password.
const PATIENCE_SECONDS: i64 = 60 * 60;
const DAY: i64 = 24 * 60 * 60;

/// What is asked must come back whole behind the `next` of the sign-in page, which has an end. In letters, as it is folded.
const LONGEST_QUESTION: usize = 1_800;
/// A question that comes back from the sign-in page.
const AGAIN: &str = "again";

/// The one client of the studio, by configuration.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// The studio's own address, `https://studio.example`.
    pub issuer: String,
    pub client_secret: ClientSecret,
    /// `https://hub.example`
    pub client_origin: String,
    /// The one address a code is sent to.
    pub redirect_uri: String,
    /// The one address a browser goes to after a sign-out.
    pub signed_out_uri: String,
}

/// The studio as the Hub meets it.
pub struct Provider {
    house: House,
    config: ProviderConfig,
    seal: Seal,
}

impl Provider {
    pub fn new(house: House, config: ProviderConfig) -> Result<Self> {
        let seal = Seal::new()?;
        Ok(Self {
            house,
            config,
            seal,
        })
    }
}

#[async_trait]
impl datalayer::Provider for Provider {
    fn issuer(&self) -> &str {
        &self.config.issuer
    }

    fn client_origin(&self) -> &str {
        &self.config.client_origin
    }

    async fn authorize(&self, caller: &Caller, asked: &Parameters) -> Result<Way> {
        let question = self.question(asked);
        let asked = &question.asked;
        self.check_client(asked)?;
        let answer = match self.code(caller, &question).await {
            Ok(Step::Code(code)) => vec![("code", code)],
            Ok(Step::SignIn { back }) => return Ok(Way::SignIn { back }),
            Err(refusal) => vec![
                ("error", refusal.error.as_str().to_owned()),
                ("error_description", refusal.words),
            ],
        };
        let mut answer: Vec<(&str, &str)> = answer
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        // Of two, neither is the client's for certain.
        if asked.doubled() != Some("state")
            && let Some(state) = asked.get("state").filter(|state| is_plain(state))
        {
            answer.push(("state", state));
        }
        answer.push(("iss", &self.config.issuer));
        Ok(Way::Client {
            address: with_query(&self.config.redirect_uri, answer),
        })
    }

    async fn grant(&self, proof: &Proof, asked: &Parameters) -> Result<Granted, Refusal> {
        self.authenticate(proof, asked)?;
        if let Some(name) = asked.doubled() {
            return Err(twice(name));
        }
        match asked.get("grant_type") {
            Some("authorization_code") => {}
            None => return Err(missing("grant_type")),
            Some(_) => {
                return Err(OauthError::UnsupportedGrantType
                    .because("this studio gives tokens for authorization_code only"));
            }
        }
        let needed = |name: &str| asked.get(name).ok_or_else(|| missing(name));
        let (code, redirect_uri, verifier) = (
            needed("code")?,
            needed("redirect_uri")?,
            needed("code_verifier")?,
        );
        let (code_hash, now) = (hash_secret(code), self.house.now());
        let db = &self.house.0.db;
        // Whatever comes of it, the code is used up: whoever found one has one try, and not even that without the verifier.
        let found = match db.bring_code(&code_hash, now).await.map_err(Error::from)? {
            Brought::First(found) => *found,
            Brought::Again(found) => {
                self.refuse(&code_hash, &found, "the code was brought twice")
                    .await?;
                return Err(bad_code());
            }
            Brought::Unknown => return Err(bad_code()),
        };
        let FoundGrant { terms, .. } = &found;
        let wrong = if found.expires_at <= now {
            Some("the code had expired")
        } else if terms.client != HUB_CLIENT || terms.redirect_uri != redirect_uri {
            Some("the code was given for another address")
        } else if !is_verifier(verifier) || !proves(verifier, &terms.challenge) {
            Some("the verifier did not fit the challenge")
        } else if !is_alive(&found, now) {
            Some("the sign-in was over")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            self.refuse(&code_hash, &found, wrong).await?;
            return Err(bad_code());
        }
        let id_token = self.id_token(&found, now).await?;
        let token = Secret::new()?;
        let entry = self.house.audit(
            found.user.id.as_str(),
            "hub.sign_in_granted",
            found.session.as_str(),
            terms.scope.as_str(),
        )?;
        let expires_at = now.plus_seconds(i64::from(TOKEN_SECONDS));
        let given = db
            .give_token(&code_hash, &token.hash, expires_at, &entry)
            .await
            .map_err(Error::from)?;
        if !given {
            return Err(bad_code());
        }
        Ok(Granted {
            access_token: token.text,
            token_type: "Bearer".to_owned(),
            expires_in: TOKEN_SECONDS,
            id_token,
            scope: found.terms.scope,
        })
    }

    async fn claims(&self, token: &str) -> Result<Claims, Refusal> {
        let found = self.house.0.db.grant_by_token(&hash_secret(token)).await;
        let now = self.house.now();
        let alive = |found: &FoundGrant| {
            is_alive(found, now) && found.token_expires_at.is_some_and(|until| until > now)
        };
        match found.map_err(Error::from)?.filter(alive) {
            Some(found) => Ok(claims(&found.user, &found.terms.scope)),
            None => Err(OauthError::InvalidToken
                .because("this token is unknown, or has ended with the sign-in it came from")),
        }
    }

    async fn keys(&self) -> Result<KeySet> {
        let now = self.house.now();
        let shown = |key: &SigningKeyFacts| {
            key.retired_at
                .is_none_or(|at| at.plus_seconds(ID_TOKEN_SECONDS + SKEW_SECONDS) > now)
        };
        self.house.signing_key().await?;
        let keys = self.house.0.db.signing_keys().await?;
        Ok(KeySet {
            keys: keys.into_iter().filter(shown).map(public).collect(),
        })
    }

    async fn leave(&self, caller: &Caller, asked: &Parameters, agreed: bool) -> Result<Leaving> {
        if let Some(name) = asked.doubled() {
            return Err(unreadable(
                name,
                format!("the question has two values for {name}"),
            ));
        }
        if asked.get("client_id").is_some_and(|id| id != HUB_CLIENT) {
            return Err(unknown_client());
        }
        let then = match asked.get("post_logout_redirect_uri") {
            None => None,
            Some(address) if address == self.config.signed_out_uri => {
                let state = asked.get("state").filter(|state| is_plain(state));
                Some(with_query(address, state.map(|state| ("state", state))))
            }
            Some(_) => {
                return Err(unreadable(
                    "post_logout_redirect_uri",
                    "whoever sent you here to sign out wants you to go on to an address this studio does not know; nothing was done",
                ));
            }
        };
        let Some(me) = caller.user() else {
            return Ok(Leaving::Gone { then });
        };
        let hinted = match asked.get("id_token_hint") {
            Some(hint) => self
                .hinted(hint)
                .await?
                .is_some_and(|sub| sub == me.id.as_str()),
            None => false,
        };
        if agreed || hinted {
            Ok(Leaving::SignOut { then })
        } else {
            Ok(Leaving::Ask)
        }
    }
}

/// What a client asks, and when its person was sent to sign in for it.
struct Question {
    asked: Parameters,
    sent_at: Option<Timestamp>,
}

/// What comes of a question that was understood.
enum Step {
    Code(String),
    SignIn { back: String },
}

impl Provider {
    /// Until this holds, nobody is led anywhere.
    fn check_client(&self, asked: &Parameters) -> Result<()> {
        let count = |name: &str| asked.pairs().filter(|(of, _)| *of == name).count();
        if count("client_id") > 1 || count("redirect_uri") > 1 {
            return Err(unreadable(
                "redirect_uri",
                "the question has two clients or two addresses",
            ));
        }
        if asked.get("client_id") != Some(HUB_CLIENT) {
            return Err(unknown_client());
        }
        // As a string: whatever two readers could take for the same address in two ways is another one.
        if asked.get("redirect_uri") != Some(self.config.redirect_uri.as_str()) {
            return Err(Error::invalid(
                "redirect_uri",
                "provider.redirect_uri",
                "whoever sent you here wants you to go on to an address this studio does not know; the one it knows is its setting `hub` with hub/oauth_callback behind it",
            ));
        }
        if folded(asked).len() > LONGEST_QUESTION {
            return Err(unreadable(
                "state",
                "the question is too long; about a thousand characters are taken",
            ));
        }
        Ok(())
    }

    async fn code(&self, caller: &Caller, question: &Question) -> Result<Step, Refusal> {
        let wish = Wish::read(&question.asked)?;
        let hinted = match wish.hint {
            Some(hint) => Some(self.hinted(hint).await?.ok_or_else(|| {
                OauthError::InvalidRequest.because("id_token_hint is no ID token of this studio")
            })?),
            None => None,
        };
        let now = self.house.now();
        let sign_in = || {
            if wish.silent {
                return Err(
                    OauthError::LoginRequired.because("nobody is signed in, or not as asked")
                );
            }
            Ok(Step::SignIn {
                back: self.back(&question.asked, now),
            })
        };
        let Caller::Person { user, session } = caller else {
            return sign_in();
        };
        let db = &self.house.0.db;
        let Some(signed_in_at) = db.signed_in_at(session).await.map_err(Error::from)? else {
            return sign_in();
        };
        let since = question.sent_at.is_some_and(|sent_at| {
            signed_in_at > sent_at && now.seconds_since(sent_at) <= PATIENCE_SECONDS
        });
        let old = wish
            .max_age
            .is_some_and(|seconds| now.seconds_since(signed_in_at) > seconds);
        if (wish.anew || old) && !since {
            return sign_in();
        }
        if hinted.is_some_and(|sub| sub != user.id.as_str()) {
            return if since {
                Err(OauthError::LoginRequired.because("somebody else signed in"))
            } else {
                sign_in()
            };
        }
        let code = Secret::new()?;
        let grant = NewGrant {
            code_hash: code.hash,
            user: user.id.clone(),
            session: session.clone(),
            terms: GrantTerms {
                client: HUB_CLIENT.to_owned(),
                redirect_uri: self.config.redirect_uri.clone(),
                challenge: wish.challenge.to_owned(),
                nonce: wish.nonce.map(str::to_owned),
                scope: wish.scope,
                signed_in_at,
            },
            at: now,
            expires_at: now.plus_seconds(CODE_SECONDS),
        };
        if db.add_grant(&grant).await.map_err(Error::from)? {
            Ok(Step::Code(code.text))
        } else {
            sign_in()
        }
    }

    /// Where somebody comes back to from the sign-in page: the same question, folded so that no reader of addresses on the way can
    /// change it, with a seal that shows when they were sent. A sign-in younger than that is one that was asked for. The seal holds
    /// for this question alone, so none can be taken from a history.
    fn back(&self, asked: &Parameters, now: Timestamp) -> String {
        let words = format!("{}.{}", folded(asked), now.0);
        let seal = self.seal.of(&words);
        format!("/oauth/authorize?{AGAIN}={words}.{seal}")
    }

    /// What is asked, for the first time or after a sign-in.
    fn question(&self, asked: &Parameters) -> Question {
        let again = asked.get(AGAIN).and_then(|text| {
            let (words, seal) = text.rsplit_once('.')?;
            let (folded, at) = words.split_once('.')?;
            let sent_at = self.seal.holds(words, seal).then(|| at.parse().ok());
            Some(Question {
                asked: unfolded(folded)?,
                // A studio that started anew does not know its seals; it asks anew.
                sent_at: sent_at.flatten().map(Timestamp),
            })
        });
        again.unwrap_or_else(|| Question {
            asked: asked.clone(),
            sent_at: None,
        })
    }

    fn authenticate(&self, proof: &Proof, asked: &Parameters) -> Result<(), Refusal> {
        let in_form = asked.get("client_secret");
        let (id, secret) = match (proof, in_form) {
            (Proof::Basic { .. }, Some(_)) => {
                return Err(OauthError::InvalidRequest.because(
                    "the client secret stands in the header and in the form; one is enough",
                ));
            }
            (Proof::Basic { id, secret }, None) => {
                if asked.get("client_id").is_some_and(|of| of != id) {
                    return Err(bad_client());
                }
                (id.as_str(), secret.as_str())
            }
            (Proof::Missing, Some(secret)) => (asked.get("client_id").unwrap_or(""), secret),
            (Proof::Missing, None) | (Proof::Unreadable, _) => return Err(bad_client()),
        };
        if self.config.client_secret.is(secret) && id == HUB_CLIENT {
            Ok(())
        } else {
            tracing::warn!("a client brought a wrong name or secret for the studio's sign-in");
            Err(bad_client())
        }
    }

    async fn id_token(&self, found: &FoundGrant, now: Timestamp) -> Result<String> {
        let FoundGrant { user, terms, .. } = found;
        let seconds = |at: Timestamp| at.0.div_euclid(1_000_000);
        let mut words = json!({
            "iss": self.config.issuer,
            "sub": user.id,
            "aud": HUB_CLIENT,
            "iat": seconds(now),
            "exp": seconds(now) + ID_TOKEN_SECONDS,
            "auth_time": seconds(terms.signed_in_at),
        });
        if let Some(nonce) = &terms.nonce {
            words["nonce"] = nonce.as_str().into();
        }
        self.house.signing_key().await?.sign(&words)
    }

    /// Whom an ID token of ours is about, however old it is. `None`: it is none of ours.
    async fn hinted(&self, hint: &str) -> Result<Option<String>> {
        let keys = self.house.0.db.signing_keys().await?;
        let keys: Vec<PublicKey> = keys.into_iter().map(public).collect();
        let about = signed_words(hint, &keys).filter(|words| {
            words["iss"] == self.config.issuer.as_str() && words["aud"] == HUB_CLIENT
        });
        Ok(about.and_then(|words| words["sub"].as_str().map(str::to_owned)))
    }

    async fn refuse(&self, code_hash: &str, found: &FoundGrant, why: &str) -> Result<()> {
        let entry = self.house.audit(
            found.user.id.as_str(),
            "hub.sign_in_refused",
            found.session.as_str(),
            why,
        )?;
        self.house
            .0
            .db
            .end_grant(code_hash, self.house.now(), &entry)
            .await?;
        Ok(())
    }
}

/// What a client wishes, once all of it is understood.
struct Wish<'a> {
    challenge: &'a str,
    nonce: Option<&'a str>,
    scope: String,
    /// No page may be shown for it.
    silent: bool,
    /// The person shall give their password for it.
    anew: bool,
    /// Seconds.
    max_age: Option<i64>,
    hint: Option<&'a str>,
}

impl<'a> Wish<'a> {
    fn read(asked: &'a Parameters) -> Result<Self, Refusal> {
        let cannot = |words: &str| OauthError::InvalidRequest.because(words);
        if let Some(name) = asked.doubled() {
            return Err(twice(name));
        }
        if asked
            .pairs()
            .any(|(name, value)| !is_plain(name) || !is_plain(value))
        {
            return Err(cannot(
                "the question has characters that are not visible ASCII",
            ));
        }
        for (name, error) in [
            ("request", OauthError::RequestNotSupported),
            ("request_uri", OauthError::RequestUriNotSupported),
            ("registration", OauthError::RegistrationNotSupported),
        ] {
            if asked.get(name).is_some() {
                return Err(error.because(format!("{name} is not taken here")));
            }
        }
        match asked.get("response_type") {
            Some("code") => {}
            None => return Err(missing("response_type")),
            Some(_) => {
                return Err(
                    OauthError::UnsupportedResponseType.because("response_type must be code")
                );
            }
        }
        if asked
            .get("response_mode")
            .is_some_and(|mode| mode != "query")
        {
            return Err(cannot("response_mode must be query"));
        }
        // Without a method it would be `plain`, which shows the verifier to whoever sees the address.
        if asked.get("code_challenge_method") != Some("S256") {
            return Err(cannot(
                "PKCE is needed here: code_challenge_method must be S256",
            ));
        }
        let challenge = asked
            .get("code_challenge")
            .filter(|text| {
                URL_SAFE_NO_PAD
                    .decode(text)
                    .is_ok_and(|bytes| bytes.len() == 32)
            })
            .ok_or_else(|| cannot("code_challenge must be a SHA-256 in base64url"))?;
        let (mut silent, mut anew) = (false, false);
        for prompt in asked.get("prompt").unwrap_or("").split_ascii_whitespace() {
            match prompt {
                "none" => silent = true,
                // Whoever signs in anew chooses whose account it is.
                "login" | "select_account" => anew = true,
                "consent" => {
                    return Err(OauthError::ConsentRequired
                        .because("this studio has no page to ask for consent on"));
                }
                _ => return Err(cannot("prompt is none, login or select_account")),
            }
        }
        if silent && anew {
            return Err(cannot("prompt cannot be none and something else"));
        }
        let max_age = match asked.get("max_age") {
            None => None,
            Some(text) => match text.parse::<u32>() {
                Ok(seconds) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Some(i64::from(seconds))
                }
                _ => return Err(cannot("max_age must be a whole number of seconds")),
            },
        };
        Ok(Self {
            challenge,
            nonce: asked.get("nonce"),
            scope: scope(asked.get("scope").unwrap_or(""))?,
            silent,
            anew,
            max_age,
            hint: asked.get("id_token_hint"),
        })
    }
}

impl House {
    /// Lets a new key sign from now on. The one before is published until what it signed has expired. Returns the name of the new one.
    pub async fn rotate_signing_key(&self) -> Result<String> {
        let newest = self.0.db.signing_keys().await?.into_iter().next();
        let old = newest.filter(|key| key.retired_at.is_none());
        let old = old.as_ref().map(|key| key.id.as_str());
        let key = self.new_signing_key("operator", old).await?;
        Ok(key.public().kid.clone())
    }

    /// The key that signs now; made when it is first asked for, and anew every ninety days.
    async fn signing_key(&self) -> Result<SigningKey> {
        let young = |key: &SigningKeyFacts| self.now().seconds_since(key.made_at) < KEY_DAYS * DAY;
        let newest = self.0.db.signing_keys().await?.into_iter().next();
        match newest.filter(|key| key.retired_at.is_none()) {
            Some(key) if young(&key) => read_key(&key),
            Some(key) => self.new_signing_key("studio", Some(&key.id)).await,
            None => self.new_signing_key("studio", None).await,
        }
    }

    async fn new_signing_key(&self, actor: &str, old: Option<&str>) -> Result<SigningKey> {
        let key = SigningKey::new()?;
        let public = key.public();
        let entry = self.audit(actor, "signing_key.made", &public.kid, "")?;
        let facts = SigningKeyFacts {
            id: public.kid.clone(),
            private: key.private().to_owned(),
            x: public.x.clone(),
            y: public.y.clone(),
            made_at: self.now(),
            retired_at: None,
        };
        if self.0.db.replace_signing_key(old, &facts, &entry).await? {
            return Ok(key);
        }
        // Another studio on this database did it in the same moment; its key is as good.
        let keys = self.0.db.signing_keys().await?;
        keys.first().map_or_else(|| Err(no_key()), read_key)
    }

    /// Deletes codes nobody can bring any more, and keys that no signed-out page shows a token of.
    pub(crate) async fn forget_grants(&self) -> Result<()> {
        let now = self.now();
        self.0.db.forget_grants(now.plus_seconds(-DAY)).await?;
        self.0
            .db
            .forget_signing_keys(now.plus_seconds(-HINT_DAYS * DAY))
            .await?;
        Ok(())
    }
}

fn read_key(key: &SigningKeyFacts) -> Result<SigningKey> {
    SigningKey::read(&key.private).ok_or_else(no_key)
}

fn no_key() -> Error {
    Error::unavailable(
        "provider.key",
        "the key that sign-ins are signed with cannot be read; `datalayer admin rotate-signing-key` makes another",
    )
}

fn public(key: SigningKeyFacts) -> PublicKey {
    public_key(key.x, key.y)
}

/// Has nobody ended it, its sign-in, or its person?
fn is_alive(found: &FoundGrant, now: Timestamp) -> bool {
    found.ended_at.is_none()
        && found.session_ended_at.is_none()
        && found.session_expires_at > now
        && found.session_seen_at.plus_seconds(SESSION_IDLE_SECONDS) > now
        && found.user.disabled_at.is_none()
}

fn claims(user: &User, scope: &str) -> Claims {
    let has = |name: &str| scope.split(' ').any(|one| one == name);
    let mut groups = vec!["studio-users".to_owned()];
    if user.administrator {
        groups.push("studio-administrators".to_owned());
    }
    Claims {
        sub: user.id.clone(),
        hub_name: has("hub").then(|| hub_name(&user.id)),
        groups: has("hub").then_some(groups),
        preferred_username: has("profile").then(|| user.username.clone()),
        name: has("profile").then(|| user.name.clone()),
    }
}

/// Those that are known here; others are passed over, as OpenID Connect has it.
fn scope(asked: &str) -> Result<String, Refusal> {
    let known = ["openid", "profile", "hub"];
    let granted: Vec<_> = known
        .into_iter()
        .filter(|name| asked.split(' ').any(|one| one == *name))
        .collect();
    if granted.contains(&"openid") {
        Ok(granted.join(" "))
    } else {
        Err(OauthError::InvalidScope.because("scope must have openid in it"))
    }
}

/// Visible ASCII and spaces, as RFC 6749 allows for `state`.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

/// All that was asked, in letters that mean the same to every reader of addresses, however often they decode.
fn folded(asked: &Parameters) -> String {
    let pairs: Vec<_> = asked.pairs().collect();
    URL_SAFE_NO_PAD.encode(json!(pairs).to_string())
}

fn unfolded(text: &str) -> Option<Parameters> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(Parameters::new(serde_json::from_slice(&bytes).ok()?))
}

fn with_query<'a>(address: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let words = query(pairs);
    if words.is_empty() {
        address.to_owned()
    } else {
        format!("{address}?{words}")
    }
}

fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pair = |(name, value)| format!("{}={}", escaped(name), escaped(value));
    pairs.into_iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Percent-encoded but for what needs it nowhere (RFC 3986, 2.3).
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").ok();
        }
    }
    escaped
}

fn unreadable(field: &str, words: impl Into<String>) -> Error {
    Error::invalid(field, "provider.question", words)
}

fn unknown_client() -> Error {
    Error::invalid(
        "client_id",
        "provider.client",
        "whoever sent you here is nobody this studio signs people in for",
    )
}

fn bad_client() -> Refusal {
    OauthError::InvalidClient.because("the client and its secret do not belong together")
}

/// One sentence for all: a client that may not have a code need not learn what it would need.
fn bad_code() -> Refusal {
    OauthError::InvalidGrant
        .because("this code is unknown, used, expired, or was given for something else")
}

fn missing(name: &str) -> Refusal {
    OauthError::InvalidRequest.because(format!("{} is missing", printable(name)))
}

fn twice(name: &str) -> Refusal {
    OauthError::InvalidRequest.because(format!("{} stands there twice", printable(name)))
}

/// What may stand in an `error_description`.
fn printable(name: &str) -> String {
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || "_-.".contains(*letter);
    name.chars().filter(plain).take(40).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_asked_again_is_what_was_asked() {
        let asked = Parameters::new(vec![
            ("state".into(), "a b&c=d/%0a\u{e9}".into()),
            ("scope".into(), "openid hub".into()),
        ]);
        let text = folded(&asked);
        assert_eq!(escaped(&text), text);
        let again = unfolded(&text).unwrap_or_default();
        assert!(again.pairs().eq(asked.pairs()));
        assert!(unfolded("%").is_none() && unfolded("e30").is_none());
    }

    #[test]
    fn an_address_is_only_put_together() {
        assert_eq!(with_query("https://a/b", []), "https://a/b");
        assert_eq!(
            with_query("https://a/b", [("state", "a b&\u{e9}")]),
            "https://a/b?state=a%20b%26%C3%A9"
        );
    }

    #[test]
    fn claims_reach_as_far_as_the_scopes() {
        let user = User {
            id: datalayer::UserId::from_parts(1, 1),
            username: "ada".into(),
            name: "Ada".into(),
            administrator: true,
            created_at: Timestamp(0),
            disabled_at: None,
        };
        let told = |scope: &str| serde_json::to_value(claims(&user, scope)).unwrap_or(Value::Null);
        assert_eq!(told("openid"), json!({ "sub": user.id }));
        assert_eq!(
            told("openid profile"),
            json!({ "sub": user.id, "preferred_username": "ada", "name": "Ada" })
        );
        assert_eq!(
            told("openid hub")["groups"],
            json!(["studio-users", "studio-administrators"])
        );
    }
}
