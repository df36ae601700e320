//! Accounts: signing in, the first administrator, your settings and tokens, and the people of the studio.

mod audit;
pub mod calls;
mod people;
mod set_up;
mod settings;
mod sign_in;
mod tokens;

pub use audit::AuditPage;
pub use people::PeoplePage;
pub use set_up::SetUpPage;
pub use settings::SettingsPage;
pub use sign_in::SignInPage;
