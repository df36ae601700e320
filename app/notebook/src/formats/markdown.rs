//! Markdown out.

use crate::NotebookDoc;
use crate::runs::Runs;

/// Text as it is, code fenced with its language, text outputs quoted as blocks.
pub fn to_markdown(_document: &NotebookDoc, _runs: &Runs) -> String {
    todo!()
}
