//! Passes to the Hub's origin. Nobody can sign in there: the studio, where they did, sends them over with a ticket.
//!
//! 1. The Hub's door sees no pass: it keeps a random word in a cookie and sends the browser to the studio with it.
//! 2. The studio, which knows the person, seals that word, the sign-in and the moment into a ticket and sends the browser back.
//! 3. The Hub's door compares the words, so that nobody can be sent through with somebody else's ticket, and turns the ticket
//!    into a pass: a cookie of its own origin that names the sign-in. It is worth as much as that sign-in, each time anew.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::http::{HeaderMap, HeaderValue, header};
use datalayer::{SessionId, Timestamp};
use iam::{SealKey, Secret};
use serde::{Deserialize, Serialize};

/// From the studio to the Hub's door takes a moment; who waits longer begins anew.
const TICKET_SECONDS: i64 = 60;
const TICKET: &str = "hub ticket";
const PASS: &str = "hub pass";

/// Makes and checks tickets and passes.
pub struct Gate {
    key: SealKey,
    https: bool,
    /// Tickets that were used, and when: none is used twice.
    used: Mutex<HashMap<String, Timestamp>>,
}

#[derive(Serialize, Deserialize)]
struct Ticket {
    id: String,
    session: SessionId,
    /// What the browser holds at the Hub's origin.
    word: String,
    next: String,
    at: Timestamp,
}

/// Where a ticket leads.
#[derive(Debug, PartialEq, Eq)]
pub struct Admitted {
    pub session: SessionId,
    pub next: String,
}

impl Gate {
    /// The key is made once and kept in `folder`, so that passes outlive the studio's process.
    pub fn open(folder: &Path, https: bool) -> Result<Self> {
        let file = folder.join("pass-key");
        let key = match fs::read_to_string(&file) {
            Ok(text) => SealKey::from_text(&text).with_context(|| {
                format!(
                    "hub: {} holds no key; remove it, and a new one is made",
                    file.display()
                )
            })?,
            Err(_) => make(folder, &file)?,
        };
        Ok(Self {
            key,
            https,
            used: Mutex::default(),
        })
    }

    /// For the way over: sealed, for this browser and this minute.
    pub fn ticket(
        &self,
        session: &SessionId,
        word: &str,
        next: &str,
        now: Timestamp,
    ) -> datalayer::Result<String> {
        let ticket = Ticket {
            id: Secret::new()?.text,
            session: session.clone(),
            word: word.to_owned(),
            next: next.to_owned(),
            at: now,
        };
        let text = serde_json::to_string(&ticket).unwrap_or_default();
        self.key.seal(TICKET, &text)
    }

    /// `None`: not ours, too old, used, or another browser's.
    pub fn admit(&self, ticket: &str, word: &str, now: Timestamp) -> Option<Admitted> {
        let ticket: Ticket = serde_json::from_str(&self.key.open(TICKET, ticket)?).ok()?;
        let age = now.seconds_since(ticket.at);
        if word.is_empty() || !iam::same(&ticket.word, word) || !(0..=TICKET_SECONDS).contains(&age)
        {
            return None;
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, at| now.seconds_since(*at) <= TICKET_SECONDS);
        if used.insert(ticket.id, ticket.at).is_some() {
            return None;
        }
        Some(Admitted {
            session: ticket.session,
            next: ticket.next,
        })
    }

    /// The cookie's value for a sign-in.
    pub fn pass(&self, session: &SessionId) -> datalayer::Result<String> {
        self.key.seal(PASS, session.as_str())
    }

    /// The sign-in a request's pass names. Whether that still counts is for the caller to ask.
    pub fn session_of(&self, headers: &HeaderMap) -> Option<SessionId> {
        let pass = cookie(headers, self.pass_name())?;
        self.key.open(PASS, pass)?.parse().ok()
    }

    pub fn pass_name(&self) -> &'static str {
        if self.https {
            "__Host-hub-pass"
        } else {
            "hub-pass"
        }
    }

    pub fn word_name(&self) -> &'static str {
        if self.https {
            "__Host-hub-word"
        } else {
            "hub-word"
        }
    }

    /// A `Set-Cookie` of the Hub's origin that scripts cannot read. No seconds: until the browser ends; 0: away with it.
    pub fn set(&self, name: &str, value: &str, seconds: Option<u32>) -> HeaderValue {
        let secure = if self.https { "; Secure" } else { "" };
        let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

fn make(folder: &Path, file: &Path) -> Result<SealKey> {
    let key = SealKey::new()?;
    fs::create_dir_all(folder)
        .and_then(|()| {
            fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(file)
        })
        .and_then(|mut to| to.write_all(key.text().as_bytes()))
        .with_context(|| format!("hub: {} cannot be written", file.display()))?;
    Ok(key)
}

/// A cookie's value. Two of a name are none: one of them was planted.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(folder: &Path) -> Gate {
        Gate::open(folder, true).unwrap()
    }

    fn session() -> SessionId {
        SessionId::from_parts(1, 2)
    }

    #[test]
    fn a_ticket_is_for_one_browser_one_minute_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let gate = gate(folder.path());
        let at = Timestamp(1_000_000_000);
        let ticket = |word| gate.ticket(&session(), word, "/jupyter/", at).unwrap();
        let good = ticket("word");
        assert_eq!(gate.admit(&good, "other", at), None);
        assert_eq!(gate.admit(&good, "", at), None);
        assert_eq!(gate.admit(&good, "word", at.plus_seconds(61)), None);
        assert_eq!(gate.admit(&good, "word", at.plus_seconds(-1)), None);
        let admitted = gate
            .admit(&good, "word", at.plus_seconds(60))
            .expect("good");
        assert_eq!(
            (admitted.session, admitted.next.as_str()),
            (session(), "/jupyter/")
        );
        assert_eq!(gate.admit(&good, "word", at), None, "twice");
        assert_eq!(gate.admit(&ticket(""), "", at), None);
        assert_eq!(
            gate.admit(&gate.pass(&session()).unwrap(), "word", at),
            None
        );
    }

    #[test]
    fn a_pass_outlives_the_process_and_no_other_studio_opens_it() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let pass = gate(folder.path()).pass(&session()).unwrap();
        let headers = |lines: &[String]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, line.parse().unwrap());
            }
            headers
        };
        let sent = headers(&[format!("a=1; __Host-hub-pass={pass}; b=2")]);
        assert_eq!(gate(folder.path()).session_of(&sent), Some(session()));
        assert_eq!(gate(elsewhere.path()).session_of(&sent), None);
        let twice = headers(&[
            format!("__Host-hub-pass={pass}"),
            "__Host-hub-pass=x".into(),
        ]);
        assert_eq!(gate(folder.path()).session_of(&twice), None);
        let mode = fs::metadata(folder.path().join("pass-key")).unwrap();
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777,
            0o600
        );
    }
}
