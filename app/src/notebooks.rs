//! The notebook screen.

mod bars;
mod calls;
mod cell;
mod commands;
mod confirm;
mod desk;
mod headings;
mod help;
mod later;
mod link;
mod page;
mod panel;
mod runtime;
mod screen;
mod share;
mod toolbar;
pub(crate) mod words;

pub use page::NotebookPage;

use leptos::prelude::*;
use notebook::CellId;
use screen::Screen;

/// Tells the person something that has no place of its own on the screen.
fn tell(screen: Screen, words: &str) {
    screen.notice.set(Some(words.to_owned()));
}

/// The cell's place in the document, from 1.
fn screen_place(screen: Screen, id: &CellId) -> usize {
    screen
        .order
        .with_untracked(|order| order.iter().position(|other| other == id))
        .map_or(0, |place| place + 1)
}
