//! Home: where you left off, and your spaces.

pub mod calls;
mod page;
mod running;

pub use page::HomePage;
pub(crate) use page::counts;
pub(crate) use running::{RunningNow, use_running};
