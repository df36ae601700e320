//! Cut, copy and paste of cells. What was cut is pasted as itself: it keeps its name, its runs and its outputs.

use notebook::{CellId, CellKind, Map, Operation};

use super::super::link;
use super::super::screen::Screen;
use super::{before, delete, go, new_cell, orders_after};

/// A cell as it was when it was cut or copied.
#[derive(Clone)]
struct Copied {
    id: CellId,
    kind: CellKind,
    source: String,
    metadata: Map,
    attachments: Map,
}

#[derive(Clone, Default)]
struct Clipboard {
    cells: Vec<Copied>,
    /// The notebook they were cut from, until they are pasted.
    cut_from: Option<String>,
}

thread_local! {
    static CLIPBOARD: std::cell::RefCell<Clipboard> = std::cell::RefCell::default();
}

pub(super) fn copy(screen: Screen) {
    keep(screen, None);
}

pub(super) fn cut(screen: Screen) {
    keep(screen, Some(screen.notebook_id()));
    delete(screen);
}

fn keep(screen: Screen, cut_from: Option<String>) {
    let selected = screen.selection();
    let cells = link::with(|link| {
        let cells = selected.into_iter().filter_map(|id| {
            let cell = link.document().cell(&id)?;
            Some(Copied {
                kind: cell.kind,
                source: cell.source.clone(),
                metadata: cell.metadata.clone(),
                attachments: cell.attachments.clone(),
                id,
            })
        });
        cells.collect::<Vec<_>>()
    });
    if let Some(cells) = cells.filter(|cells| !cells.is_empty()) {
        CLIPBOARD.set(Clipboard { cells, cut_from });
    }
}

pub(super) fn paste(screen: Screen, below: bool) {
    let clipboard = CLIPBOARD.with_borrow(Clipboard::clone);
    let here = screen.notebook_id();
    // Only once: after that the cells stand somewhere, and a second paste is a copy.
    CLIPBOARD.with_borrow_mut(|clipboard| clipboard.cut_from = None);
    let was_cut_here = clipboard.cut_from.as_ref() == Some(&here);
    let selected = screen.selection();
    let last = link::with(|link| {
        let after = if below {
            selected.last().cloned()
        } else {
            before(screen, selected.first())
        };
        let document = link.document();
        let orders = orders_after(document, after.as_ref(), clipboard.cells.len());
        let (mut operations, mut last) = (Vec::new(), None);
        for (copied, order) in clipboard.cells.into_iter().zip(orders) {
            let gone = document.cell(&copied.id).is_some_and(|cell| cell.deleted);
            let cell = if was_cut_here && gone {
                let cell = copied.id;
                operations.push(Operation::RestoreCell { cell: cell.clone() });
                operations.push(Operation::MoveCell {
                    cell: cell.clone(),
                    order,
                });
                cell
            } else {
                let cell = new_cell();
                operations.push(Operation::InsertCell {
                    cell: cell.clone(),
                    kind: copied.kind,
                    order,
                    source: copied.source,
                    metadata: copied.metadata,
                    attachments: copied.attachments,
                });
                cell
            };
            last = Some(cell);
        }
        // One step: an undo takes back the whole paste.
        link.edit(operations);
        last
    });
    go(screen, last.flatten(), false);
}
