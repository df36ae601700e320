//! Secrets: 256 random bits in base64url for whoever holds them, SHA-256 for the database.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use datalayer::{Error, Result};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

/// A secret just made. `text` goes to its holder and nowhere else.
pub struct Secret {
    pub text: String,
    /// What the database keeps.
    pub hash: String,
}

impl Secret {
    pub fn new() -> Result<Self> {
        let text = URL_SAFE_NO_PAD.encode(random::<32>()?);
        let hash = hash_secret(&text);
        Ok(Self { text, hash })
    }
}

/// SHA-256 in hexadecimal. Enough for 256 random bits; passwords go through argon2id instead.
pub fn hash_secret(text: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// Compares in a time that does not tell where the difference is.
pub fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// A password to show once: 20 characters of an alphabet without look-alikes, 5 bits each.
pub fn shown_password() -> Result<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bits = random::<20>()?;
    let mut text = String::with_capacity(23);
    for (index, byte) in bits.iter().enumerate() {
        if index > 0 && index % 5 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte & 31)]));
    }
    Ok(text)
}

/// Bytes nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|_| no_randomness())?;
    Ok(bytes)
}

fn no_randomness() -> Error {
    Error::unavailable(
        "system.randomness",
        "the system gives no random numbers now; try again in a moment",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_256_bits_of_base64url_and_only_its_hash_matches_it() {
        let (one, other) = (Secret::new().unwrap(), Secret::new().unwrap());
        assert_eq!(URL_SAFE_NO_PAD.decode(&one.text).unwrap().len(), 32);
        assert_ne!(one.text, other.text);
        assert!(same(&hash_secret(&one.text), &one.hash));
        assert!(!same(&hash_secret(&other.text), &one.hash));
    }

    #[test]
    fn a_shown_password_can_be_read_aloud() {
        let password = shown_password().unwrap();
        assert_eq!(password.len(), 23);
        assert!(!password.contains(['l', 'o', '0', '1']));
        assert_ne!(password, shown_password().unwrap());
    }
}
