//! Personal tokens: `dl_`, 43 random letters and digits (256 bits), and 6 that check the rest.
//!
//! The prefix is for secret scanners (`dl_[0-9A-Za-z]{49}`); the check tells a typing error from a token that is not known here,
//! without asking the database. There is no mark inside: a double click selects all of it.

use datalayer::Result;

use crate::secrets::{hash_secret, random};

const PREFIX: &str = "dl_";
const RANDOM: usize = 43;
const CHECK: usize = 6;
/// Of the secret part, how much lists show.
const HINT: usize = 4;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A token just made. `text` goes to its holder and nowhere else.
pub struct Token {
    pub text: String,
    /// SHA-256, what the database keeps.
    pub hash: String,
    /// `dl_` and the next four: enough to tell one from another, 24 bits of 256.
    pub hint: String,
}

impl Token {
    pub fn new() -> Result<Self> {
        let mut text = String::with_capacity(PREFIX.len() + RANDOM + CHECK);
        text.push_str(PREFIX);
        while text.len() < PREFIX.len() + RANDOM {
            // 248 is the largest multiple of 62: no digit comes more often than another.
            let drawn = random::<64>()?;
            let digits = drawn.into_iter().filter(|byte| *byte < 248).map(digit);
            text.extend(digits.take(PREFIX.len() + RANDOM - text.len()));
        }
        text.push_str(&check(&text));
        Ok(Self {
            hash: hash_secret(&text),
            hint: text.chars().take(PREFIX.len() + HINT).collect(),
            text,
        })
    }
}

/// Could this be a token? `false` for what is mistyped, cut, or of another kind.
pub fn is_token(text: &str) -> bool {
    let (Some(body), true) = (
        text.strip_prefix(PREFIX),
        text.len() == PREFIX.len() + RANDOM + CHECK,
    ) else {
        return false;
    };
    let (secret, sum) = text.as_bytes().split_at(PREFIX.len() + RANDOM);
    body.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && std::str::from_utf8(secret).is_ok_and(|secret| check(secret).as_bytes() == sum)
}

fn digit(byte: u8) -> char {
    char::from(DIGITS[usize::from(byte) % DIGITS.len()])
}

fn check(text: &str) -> String {
    let mut value = crc32(text.as_bytes());
    let mut digits = ['0'; CHECK];
    for place in digits.iter_mut().rev() {
        *place = char::from(DIGITS[(value % 62) as usize]);
        value /= 62;
    }
    digits.into_iter().collect()
}

/// CRC-32 as zip and Ethernet have it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_is_the_crc_everyone_has() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_token_is_known_by_its_shape_and_no_two_are_alike() {
        let (one, other) = (Token::new().unwrap(), Token::new().unwrap());
        assert_eq!(one.text.len(), 52);
        assert!(is_token(&one.text) && is_token(&other.text));
        assert_ne!(one.text, other.text);
        assert_eq!(one.hint, one.text[..7]);
        assert_eq!(one.hash, hash_secret(&one.text));
    }

    #[test]
    fn one_wrong_letter_is_told_apart_from_an_unknown_token() {
        let token = Token::new().unwrap().text;
        for place in 0..token.len() {
            let mut typo = token.clone().into_bytes();
            typo[place] = if typo[place] == b'x' { b'y' } else { b'x' };
            assert!(
                !is_token(std::str::from_utf8(&typo).unwrap()),
                "place {place}"
            );
        }
        for bad in [
            "",
            "dl_",
            &token[..51],
            &format!("{token}0"),
            "dl_\u{e9}",
            &token.replace("dl_", "gh_"),
        ] {
            assert!(!is_token(bad), "{bad}");
        }
    }
}
