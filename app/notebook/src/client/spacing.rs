//! Cells moved apart where the order keys between them have grown too long.

use crate::changes::Changes;
use crate::{CellId, NotebookDoc, Order, limits};

/// Keys given out here are at most this long, so that a gap takes hundreds of cells before its turn comes again.
const ROOMY: usize = limits::ORDER_BYTES / 4;

/// Where these changes put a cell at a key that is too long, it and the cells around it get short ones. The cells stand in
/// the same order afterwards.
pub(super) fn make_room(changes: &mut Changes, document: &NotebookDoc) {
    let mut placed = changes.cells.values().filter_map(|change| change.placed());
    if !placed.any(Order::is_too_long) {
        return;
    }
    let mut row = row_after(changes, document);
    while let Some(at) = row.iter().position(|(order, _)| order.is_too_long()) {
        let (from, orders) = around(&row, at);
        for ((old, id), new) in row[from..].iter_mut().zip(orders) {
            if *old != new {
                let change = changes.cells.entry(id.clone()).or_default();
                change.set_order(new.clone());
                *old = new;
            }
        }
    }
}

/// Every cell where it stands after the changes, deleted ones too.
fn row_after(changes: &Changes, document: &NotebookDoc) -> Vec<(Order, CellId)> {
    let placed = |id: &CellId| changes.cells.get(id).and_then(|change| change.placed());
    let there = document
        .every_cell()
        .map(|(id, cell)| (placed(id).unwrap_or(&cell.order), id));
    let new = changes
        .cells
        .iter()
        .filter(|(id, _)| document.cell(id).is_none())
        .filter_map(|(id, change)| Some((change.placed()?, id)));
    let mut row: Vec<_> = there
        .chain(new)
        .map(|(order, id)| (order.clone(), id.clone()))
        .collect();
    row.sort_unstable();
    row
}

/// New keys for as many cells around `at` as it takes to make them short, and where these begin. All cells together
/// always have short ones.
fn around(row: &[(Order, CellId)], at: usize) -> (usize, Vec<Order>) {
    let (mut from, mut to) = (at, at + 1);
    loop {
        let before = from.checked_sub(1).map(|at| &row[at].0);
        let after = row.get(to).map(|(order, _)| order);
        let all = before.is_none() && after.is_none();
        // Two cells of one key have nothing between them.
        if before.is_none() || after.is_none() || before < after {
            let orders = Order::spread(before, after, to - from);
            if all || orders.iter().all(|order| order.as_str().len() <= ROOMY) {
                return (from, orders);
            }
        }
        let width = to - from;
        from = from.saturating_sub(width);
        to = (to + width).min(row.len());
    }
}
