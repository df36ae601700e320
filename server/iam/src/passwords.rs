//! Passwords: argon2id, few at a time.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use datalayer::{Error, Result};
use tokio::sync::Semaphore;

/// In characters, as people count.
const SHORTEST: usize = 8;
/// In bytes: what would be hashed.
const LONGEST: usize = 1024;
/// OWASP's and ASVS 5.0's least: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// One password a line, in lower case.
static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("common-passwords.txt")
        .lines()
        .filter(|line| !line.is_empty())
        .collect()
});

/// Hashes and verifies. Each takes 19 MiB and tens of milliseconds, so as many run at once as there are cores.
#[derive(Clone)]
pub struct Passwords {
    at_once: Arc<Semaphore>,
    /// Verified for people who do not exist, so that they take as long as those who do.
    dummy: Arc<str>,
}

impl Passwords {
    pub fn new() -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        // Random bits where a hash would be: no password leads to them, and nothing is hashed while the studio starts.
        let mut bits = [0_u8; 48];
        getrandom::fill(&mut bits).map_err(broken)?;
        let (salt, output) = bits.split_at(16);
        let dummy = format!(
            "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}",
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(output),
        );
        Ok(Self {
            at_once: Arc::new(Semaphore::new(cores)),
            dummy: dummy.into(),
        })
    }

    /// May this become someone's password?
    pub fn check(password: &str, username: &str) -> Result<()> {
        let refuse = |code: &str, reason: &str| Err(Error::invalid("password", code, reason));
        if password.len() > LONGEST {
            return refuse("password.too_long", "a password has at most 1,024 bytes");
        }
        if password.chars().count() < SHORTEST {
            return refuse(
                "password.too_short",
                "a password needs at least 8 characters; a sentence is easy to remember",
            );
        }
        let lower = password.to_lowercase();
        let name = username.to_lowercase();
        // “welcome2026!” is “welcome” to whoever guesses: a short tail of digits and marks adds nothing.
        let stem = lower.trim_end_matches(|c: char| !c.is_alphabetic());
        let short_tail = lower.chars().count() - stem.chars().count() <= 5 && !stem.is_empty();
        let common = COMMON.contains(lower.as_str())
            || short_tail
                && ["", "1", "123"]
                    .iter()
                    .any(|tail| COMMON.contains(format!("{stem}{tail}").as_str()));
        let is_name = !name.is_empty()
            && (lower == name || lower == name.repeat(2) || short_tail && stem == name);
        let one_character = lower
            .chars()
            .next()
            .is_some_and(|first| lower.chars().all(|c| c == first));
        if common || is_name || one_character {
            return refuse(
                "password.too_common",
                "this password is too common: it is among the first ones tried; choose another",
            );
        }
        Ok(())
    }

    /// The PHC string of a password, exactly as received: NUL, emoji and every form of a letter count.
    pub async fn hash(&self, password: String) -> Result<String> {
        if password.len() > LONGEST {
            return Err(Error::invalid(
                "password",
                "password.too_long",
                "a password has at most 1,024 bytes",
            ));
        }
        let _turn = self.at_once.acquire().await.map_err(broken)?;
        tokio::task::spawn_blocking(move || hash(&password))
            .await
            .map_err(broken)?
    }

    /// Was this hash made with less work than one made today? A sign-in is the moment to make it anew.
    pub fn is_outdated(stored: &str) -> bool {
        let today = format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$");
        !stored.starts_with(&today)
    }

    /// Does the password belong to the hash? `None` (nobody of that name) takes the same time and is never right.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.to_string());
        // Nobody has such a password; not even this is told apart by time.
        let (password, possible) = if password.len() > LONGEST {
            (String::new(), false)
        } else {
            (password, true)
        };
        let _turn = self.at_once.acquire().await.map_err(broken)?;
        let right = tokio::task::spawn_blocking(move || verify(&password, &stored))
            .await
            .map_err(broken)??;
        Ok(right && known && possible)
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(broken)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String> {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(broken)?;
    let hash: PasswordHash = argon2()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(broken)?;
    Ok(hash.to_string())
}

fn verify(password: &str, stored: &str) -> Result<bool> {
    let stored = PasswordHash::new(stored).map_err(broken)?;
    Ok(argon2()?
        .verify_password(password.as_bytes(), &stored)
        .is_ok())
}

fn broken(cause: impl std::fmt::Display) -> Error {
    Error::unavailable(
        "password.unavailable",
        format!("passwords cannot be checked now ({cause}); try again in a moment"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_argon2id_with_the_least_the_standard_asks_for() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords
            .hash("correct horse battery".into())
            .await
            .unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(
            passwords
                .verify("correct horse battery".into(), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify("correct horse batterz".into(), Some(hash))
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn a_hash_of_today_is_not_outdated_and_one_of_less_work_is() {
        let today = Passwords::new()
            .unwrap()
            .hash("correct horse battery".into())
            .await
            .unwrap();
        assert!(!Passwords::is_outdated(&today));
        for less in ["m=19456,t=1,p=1", "m=8192,t=2,p=1"] {
            assert!(Passwords::is_outdated(
                &today.replace("m=19456,t=2,p=1", less)
            ));
        }
        assert!(Passwords::is_outdated(
            &today.replace("argon2id", "argon2i")
        ));
    }

    #[tokio::test]
    async fn passwords_count_exactly_as_received() {
        let passwords = Passwords::new().unwrap();
        for (password, nearly) in [
            ("nul\0inside it", "nul"),
            (
                "\u{1f511}\u{1f511}\u{1f511}\u{1f511} keys \u{1f511}",
                "\u{1f511}\u{1f511}\u{1f511}\u{1f511} keys ",
            ),
            ("caf\u{e9} cr\u{e8}me", "cafe\u{301} cre\u{300}me"),
            (" spaces around ", "spaces around"),
        ] {
            let hash = passwords.hash(password.into()).await.unwrap();
            assert!(
                passwords
                    .verify(password.into(), Some(hash.clone()))
                    .await
                    .unwrap(),
                "{password:?}"
            );
            assert!(
                !passwords.verify(nearly.into(), Some(hash)).await.unwrap(),
                "{nearly:?}"
            );
        }
    }

    #[tokio::test]
    async fn nobody_has_no_password_and_takes_as_long_as_somebody() {
        let passwords = Passwords::new().unwrap();
        // What is verified for nobody asks for exactly the work of a real hash.
        let real = passwords
            .hash("correct horse battery".into())
            .await
            .unwrap();
        let shape = |hash: &str| hash.rsplitn(3, '$').map(str::to_owned).collect::<Vec<_>>();
        let (nobody, somebody) = (shape(&passwords.dummy), shape(&real));
        assert_eq!(nobody[2], somebody[2]);
        assert_eq!(
            [nobody[0].len(), nobody[1].len()],
            [somebody[0].len(), somebody[1].len()]
        );
        assert!(!verify("whatever it is", &passwords.dummy).unwrap());
        assert!(
            !passwords
                .verify("whatever it is".into(), None)
                .await
                .unwrap()
        );
        assert!(!passwords.verify(String::new(), None).await.unwrap());
    }

    #[test]
    fn length_is_at_least_8_characters_and_at_most_1024_bytes() {
        let code = |password: &str| Passwords::check(password, "ada").map_err(|error| error.code());
        assert_eq!(code("7 chars"), Err("password.too_short".into()));
        assert_eq!(
            code("\u{1f511}\u{1f512}\u{1f513}\u{1f514}\u{1f515}\u{1f516}\u{1f517}"),
            Err("password.too_short".into())
        );
        assert_eq!(code("8 chars!"), Ok(()));
        assert_eq!(code(&"ab".repeat(32).repeat(2)[..65]), Ok(()));
        assert_eq!(code(&"ab".repeat(512)), Ok(()));
        assert_eq!(
            code(&format!("{}c", "ab".repeat(512))),
            Err("password.too_long".into())
        );
    }

    #[test]
    fn the_first_ones_tried_are_too_common() {
        for password in [
            "password",
            "Password1",
            "12345678",
            "qwertyuiop",
            "iloveyou1",
            "sunshine",
            "P@ssw0rd",
            "letmein123",
            "welcome2026",
            "aaaaaaaa",
            "adalovelace",
            "AdaLovelace99",
        ] {
            let refused = Passwords::check(password, "adalovelace").unwrap_err();
            assert_eq!(refused.code(), "password.too_common", "{password}");
            assert_eq!(refused.status(), 422);
        }
        assert!(COMMON.len() >= 3000, "{} common passwords", COMMON.len());
        assert!(
            COMMON
                .iter()
                .all(|line| line.len() >= SHORTEST && *line == line.to_lowercase())
        );
    }
}
