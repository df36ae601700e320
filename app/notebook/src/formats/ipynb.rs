//! `.ipynb` version 4 in and out, nothing lost; versions 2 and 3 upgraded on import.

use serde::{Deserialize, Serialize};

use crate::NotebookDoc;
use crate::runs::Runs;

mod bundle;
mod legacy;
mod outputs;
mod read;
mod sniff;
mod write;

/// What an import came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    pub document: NotebookDoc,
    /// The outputs and execution counts of the file.
    pub runs: Runs,
    /// What was repaired, for the person to read.
    pub notices: Vec<Notice>,
}

/// One repair, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// `cell_id.duplicate`, `number.nan`, `version.upgraded`, …
    pub code: String,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// `notebook.not_json`; says what it looks like instead.
    #[error("this is not a notebook: {0}")]
    NotJson(String),
    /// `notebook.version`
    #[error("this notebook has format version {0}; versions 2 to 4 can be read")]
    Version(String),
    /// `notebook.shape`: JSON, but not a notebook.
    #[error("this notebook cannot be read: {0}")]
    Shape(String),
    /// `notebook.too_large`
    #[error("this notebook is too large: {0}")]
    TooLarge(String),
}

impl ImportError {
    /// The name by which doors and tests know it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson(_) => "notebook.not_json",
            Self::Version(_) => "notebook.version",
            Self::Shape(_) => "notebook.shape",
            Self::TooLarge(_) => "notebook.too_large",
        }
    }
}

/// Reads a file. Never panics, never loses what it does not know.
pub fn import(bytes: &[u8]) -> Result<Imported, ImportError> {
    read::import(bytes)
}

/// Writes a file: indent 1, keys in the order Jupyter writes them, ending in a newline, as `nbformat` does.
pub fn export(document: &NotebookDoc, runs: &Runs) -> String {
    write::export(document, runs)
}

#[cfg(test)]
mod tests;
