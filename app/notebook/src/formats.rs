//! Files in and out: `.ipynb`, percent scripts, Markdown.

mod ipynb;
pub mod json;
mod language;
mod lines;
mod markdown;
mod percent;
mod whole;

pub use ipynb::{ImportError, Imported, Notice, export, import};
pub use markdown::to_markdown;
pub use percent::to_percent;
pub use whole::put_back;
