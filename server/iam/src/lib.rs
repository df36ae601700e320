//! Identity: passwords, session secrets, usernames, what the provider signs, and the policy that says who may do what.
//!
//! Nothing here knows the database or HTTP. `service` asks; it is the only place that refuses.

mod names;
mod passwords;
pub mod policy;
pub mod provider;
mod seals;
mod secrets;
pub mod tokens;

pub use names::{check_username, clean_line, clean_name, clean_text};
pub use passwords::Passwords;
pub use seals::SealKey;
pub use secrets::{Secret, hash_secret, same, shown_password};
