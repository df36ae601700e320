//! Outputs that did not come with the page: asked for when their cell comes near, a few cells at a time.

use leptos::prelude::*;
use notebook::CellId;

use super::calls::read_outputs;
use super::screen::Screen;
use super::{link, tell};
use crate::browser;

/// What one question asks for at most, unless it is a single cell.
const BYTES: u64 = 1 << 20;
const CELLS: usize = 16;
/// Cells come to life this far from what is seen, in pixels.
const NEAR: u32 = 1_500;

/// Watches the cells that stand as the server drew them: near ones come to life and get their outputs.
pub fn watch(screen: Screen) {
    let selector = ".nb__col > .cell:is(.is-still, .is-later)";
    browser::watch_near(selector, ".nb__doc", NEAR, move |element| {
        let Some(id) = element.strip_prefix("cell-") else {
            return;
        };
        let Some(id) = CellId::new(id) else { return };
        if let Some(cell) = screen.cell(&id) {
            cell.near.set(true);
            want(screen, id);
        }
    });
}

/// Asks for a cell's outputs, if they are not here.
pub fn want(screen: Screen, id: CellId) {
    let missing = screen
        .cell(&id)
        .is_some_and(|cell| cell.later.get_untracked().is_some());
    if !missing {
        return;
    }
    screen.wanted.update_value(|wanted| {
        wanted.retain(|other| *other != id);
        wanted.push(id);
    });
    if !screen.asking.get_value() {
        screen.asking.set_value(true);
        leptos::task::spawn_local(ask(screen));
    }
}

async fn ask(screen: Screen) {
    let Ok(notebook) = screen.notebook_id().parse() else {
        return;
    };
    loop {
        let cells = next(screen);
        if cells.is_empty() {
            break;
        }
        let answer = read_outputs(Clone::clone(&notebook), cells).await;
        // The page may be another one by now.
        if screen.wanted.try_with_value(|_| ()).is_none() {
            return;
        }
        match answer {
            Ok(outputs) => {
                for id in link::with(|link| link.hear_outputs(outputs)).unwrap_or_default() {
                    screen.wanted.update_value(|wanted| wanted.push(id));
                }
            }
            Err(error) => {
                tell(screen, &crate::call::sentence(&error));
                screen.wanted.set_value(Vec::new());
            }
        }
    }
    screen.asking.set_value(false);
}

/// The cells of the next question: those wished for last are what the person looks at.
fn next(screen: Screen) -> Vec<CellId> {
    let mut cells = Vec::new();
    let mut bytes = 0;
    screen.wanted.try_update_value(|wanted| {
        while let Some(id) = wanted.pop() {
            let Some(more) = screen.cell(&id).and_then(|cell| cell.later.get_untracked()) else {
                continue;
            };
            if !cells.is_empty() && (bytes + more > BYTES || cells.len() == CELLS) {
                wanted.push(id);
                break;
            }
            bytes += more;
            cells.push(id);
        }
    });
    cells
}
