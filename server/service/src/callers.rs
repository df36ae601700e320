//! Who holds a cookie: looked up at most once a second for each session.

use std::collections::HashMap;
use std::sync::Mutex;

use datalayer::{Caller, Result, SessionId, Timestamp, TokenId};
use db::FoundSession;

use crate::House;

/// A session nobody used for 12 hours is over.
pub const SESSION_IDLE_SECONDS: i64 = 12 * 60 * 60;
/// A session is over after 30 days, used or not.
pub const SESSION_LIFETIME_SECONDS: i64 = 30 * 24 * 60 * 60;

/// How long an answer is believed, in microseconds.
const BELIEVED: i64 = 1_000_000;
/// How often "last seen" is written, in seconds.
const SEEN_EVERY: i64 = 60;
/// Answers kept; more people than this at once are looked up each time.
const KEPT: usize = 10_000;
/// 128 bits in base64url, as tower-sessions makes its ids.
const SECRET_LENGTH: usize = 22;

/// Answers of the last second. Forgotten whole when any session or right changes: that is rare, and forgetting is cheap.
#[derive(Default)]
pub(crate) struct Callers(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// Grows with every change, so that an answer read before a change is not kept after it.
    generation: u64,
    by_hash: HashMap<String, (Timestamp, Caller)>,
}

impl Callers {
    pub fn forget(&self) {
        let mut known = self.lock();
        known.generation += 1;
        known.by_hash.clear();
    }

    pub fn find(&self, hash: &str, now: Timestamp) -> (u64, Option<Caller>) {
        let known = self.lock();
        let caller = known
            .by_hash
            .get(hash)
            // A clock that went back makes an answer old, not young.
            .filter(|(at, _)| (0..=BELIEVED).contains(&(now.0 - at.0)))
            .map(|(_, caller)| caller.clone());
        (known.generation, caller)
    }

    pub fn keep(&self, generation: u64, hash: String, now: Timestamp, caller: &Caller) {
        let mut known = self.lock();
        if known.generation != generation {
            return;
        }
        if known.by_hash.len() >= KEPT {
            known
                .by_hash
                .retain(|_, (at, _)| (0..=BELIEVED).contains(&(now.0 - at.0)));
        }
        if known.by_hash.len() < KEPT {
            known.by_hash.insert(hash, (now, caller.clone()));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        // Nothing in here is left half-done by a panic.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl House {
    /// Who holds this cookie. An unknown, ended or expired secret, or a disabled person's, is `Caller::Nobody`.
    pub async fn caller_of(&self, secret: &str) -> Result<Caller> {
        if secret.len() != SECRET_LENGTH {
            return Ok(Caller::Nobody);
        }
        let hash = iam::hash_secret(secret);
        let now = self.now();
        let (generation, known) = self.0.callers.find(&hash, now);
        if let Some(caller) = known {
            return Ok(caller);
        }
        let found = self.0.db.session_by_secret(&hash).await?;
        let found = found.filter(|found| iam::same(&found.secret_hash, &hash));
        let caller = self.judge(found, now).await;
        if caller != Caller::Nobody {
            self.0.callers.keep(generation, hash, now, &caller);
        }
        Ok(caller)
    }

    /// Who signed in there, where another door of the studio has seen their cookie. As [`House::caller_of`].
    pub async fn caller_in(&self, session: &SessionId) -> Result<Caller> {
        let now = self.now();
        // No hash looks like this.
        let key = format!("session {session}");
        let (generation, known) = self.0.callers.find(&key, now);
        if let Some(caller) = known {
            return Ok(caller);
        }
        let found = self.0.db.session_by_id(session).await?;
        let caller = self.judge(found, now).await;
        if caller != Caller::Nobody {
            self.0.callers.keep(generation, key, now, &caller);
        }
        Ok(caller)
    }

    /// Does this sign-in still count?
    async fn judge(&self, found: Option<FoundSession>, now: Timestamp) -> Caller {
        let Some(found) = found else {
            return Caller::Nobody;
        };
        let over = found.user.disabled_at.is_some()
            || found.expires_at <= now
            || found.seen_at.plus_seconds(SESSION_IDLE_SECONDS) <= now;
        if over {
            return Caller::Nobody;
        }
        if now.seconds_since(found.seen_at) >= SEEN_EVERY {
            // A database that cannot be written now must not keep people from reading.
            if let Err(error) = self.0.db.touch_session(&found.id, now).await {
                tracing::warn!(%error, "when a session was last seen could not be written");
            }
        }
        Caller::Person {
            user: found.user,
            session: found.id,
        }
    }

    /// Writes when a token was used, to the minute.
    pub(crate) async fn note_use(&self, token: &TokenId, before: Option<Timestamp>) {
        let now = self.now();
        if before.is_some_and(|before| now.seconds_since(before) < SEEN_EVERY) {
            return;
        }
        if let Err(error) = self.0.db.touch_token(token, now).await {
            tracing::warn!(%error, "when a token was last used could not be written");
        }
    }
}
