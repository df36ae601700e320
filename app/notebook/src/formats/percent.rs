//! Percent scripts out (`# %%`), as Jupytext, Spyder and VS Code read them.

use crate::NotebookDoc;

pub fn to_percent(_document: &NotebookDoc) -> String {
    todo!()
}
