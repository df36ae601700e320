//! Ids: prefixed ULIDs, so that an id in a log says what it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Error;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 26 Crockford base-32 digits of 48 bits of time (milliseconds since 1970) and 80 random bits, as ULIDs have them, in lower case.
fn ulid(milliseconds: u64, random: u128) -> String {
    let mut value = (u128::from(milliseconds) << 80) | (random & ((1 << 80) - 1));
    let mut digits = [0_u8; 26];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String)]
        pub struct $name(String);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// A new id. You bring the time (milliseconds since 1970) and 80 random bits.
            pub fn from_parts(milliseconds: u64, random: u128) -> Self {
                Self(format!("{}_{}", $prefix, ulid(milliseconds, random)))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// What stands behind the prefix: 26 digits and small letters.
            pub fn digits(&self) -> &str {
                &self.0[$prefix.len() + 1..]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                let digits = text.strip_prefix(concat!($prefix, "_")).unwrap_or("");
                if digits.len() == 26 && digits.bytes().all(|b| ALPHABET.contains(&b)) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Error::invalid("id", "id.malformed", concat!("this is not an id of the kind ", $prefix, "_…")))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

id!(UserId, "user");
id!(SpaceId, "space");
id!(NotebookId, "nb");
id!(
    /// Names a sign-in in lists; it is not the secret of the cookie.
    SessionId, "ses"
);
id!(TokenId, "tok");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_a_foreign_prefix_does_not() {
        let id = SpaceId::from_parts(1_795_000_000_000, 0x1234_5678_9abc_def0);
        assert_eq!(id.as_str().parse::<SpaceId>(), Ok(id.clone()));
        assert!(id.as_str().parse::<UserId>().is_err());
        assert!("space_".parse::<SpaceId>().is_err());
    }

    #[test]
    fn ids_sort_by_time() {
        assert!(UserId::from_parts(1, u128::MAX) < UserId::from_parts(2, 0));
    }
}
