//! Seals: short texts that go through a browser and come back unchanged, or not at all.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use datalayer::{Error, Result};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::secrets::random;

/// A key for HMAC-SHA-256. It prints as nothing.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey")
    }
}

impl SealKey {
    pub fn new() -> Result<Self> {
        Ok(Self(random()?))
    }

    /// As [`SealKey::text`] wrote it.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// 43 characters of base64url, for a file only its owner reads.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// `text` and its seal, in characters that stand in an address or a cookie. What is sealed for one purpose opens for no other.
    pub fn seal(&self, purpose: &str, text: &str) -> Result<String> {
        let seal = self.mac(purpose, text)?.finalize().into_bytes();
        Ok(format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(text),
            URL_SAFE_NO_PAD.encode(seal)
        ))
    }

    /// The text, if it was sealed with this key for this purpose.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<String> {
        let (text, seal) = sealed.split_once('.')?;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let seal = URL_SAFE_NO_PAD.decode(seal).ok()?;
        self.mac(purpose, &text).ok()?.verify_slice(&seal).ok()?;
        Some(text)
    }

    fn mac(&self, purpose: &str, text: &str) -> Result<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0)
            .map_err(|error| Error::unavailable("system.seal", error.to_string()))?;
        mac.update(&(purpose.len() as u64).to_be_bytes());
        mac.update(purpose.as_bytes());
        mac.update(text.as_bytes());
        Ok(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_for_this_opens() {
        let key = SealKey::new().unwrap();
        let sealed = key.seal("pass", "ses_1 ü").unwrap();
        assert_eq!(key.open("pass", &sealed).as_deref(), Some("ses_1 ü"));
        assert_eq!(key.open("ticket", &sealed), None);
        assert_eq!(
            key.open("pas", &key.seal("pas", "s").unwrap()).as_deref(),
            Some("s")
        );
        assert_eq!(SealKey::new().unwrap().open("pass", &sealed), None);
        let again = SealKey::from_text(&key.text()).unwrap();
        assert!(again.open("pass", &sealed).is_some());
        for (at, _) in sealed.char_indices() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last digit of a text has bits that say nothing.
            assert!(
                key.open("pass", &changed)
                    .is_none_or(|text| text == "ses_1 ü"),
                "{changed}"
            );
        }
        for wrong in ["", ".", "a", "a.", ".a", "a.b.c"] {
            assert_eq!(key.open("pass", wrong), None);
        }
    }
}
