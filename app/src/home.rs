//! Home: where you left off, and your spaces.

pub mod calls;
mod page;

pub use page::HomePage;
pub(crate) use page::counts;
