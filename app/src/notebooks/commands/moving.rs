//! Moving cells: by one, to either end, or behind another cell.

use leptos::prelude::*;
use notebook::{CellId, Operation};

use super::super::link;
use super::super::screen::Screen;
use super::{before, go, orders_after, stay};

/// Moves the selected cells by one.
pub(super) fn shift(screen: Screen, up: bool) {
    let selected = screen.selection();
    let order = screen.order.get_untracked();
    let place = |id: Option<&CellId>| id.and_then(|id| order.iter().position(|other| other == id));
    // The selection moves as a block over the one neighbour on that side: it is the neighbour that moves.
    let (neighbour, after) = if up {
        let Some(neighbour) = place(selected.first()).and_then(|place| place.checked_sub(1)) else {
            return;
        };
        (order[neighbour].clone(), selected.last().cloned())
    } else {
        let Some(neighbour) = place(selected.last())
            .map(|place| place + 1)
            .filter(|place| *place < order.len())
        else {
            return;
        };
        (order[neighbour].clone(), before(screen, selected.first()))
    };
    link::with(|link| {
        let order = link.document().order_after(after.as_ref());
        link.edit(vec![Operation::MoveCell {
            cell: neighbour,
            order,
        }]);
    });
    stay(screen);
}

/// Moves the selected cells to the top of the notebook, or to its end.
pub(super) fn to_end(screen: Screen, top: bool) {
    let selected = screen.selection();
    let after = screen.order.with_untracked(|order| {
        let mut others = order.iter().filter(|id| !selected.contains(id));
        if top {
            None
        } else {
            others.next_back().cloned()
        }
    });
    move_all(screen, selected, after);
}

/// Moves a cell to stand right after another one (`None`: at the top). A cell of a selection takes the others along.
pub fn move_after(screen: Screen, cell: CellId, after: Option<CellId>) {
    let mut moved = screen.selection();
    if !moved.contains(&cell) {
        moved = vec![cell];
    }
    if after.as_ref().is_some_and(|after| moved.contains(after)) {
        return;
    }
    move_all(screen, moved, after);
}

fn move_all(screen: Screen, cells: Vec<CellId>, after: Option<CellId>) {
    if !screen.may.get_untracked().edit {
        return;
    }
    let (first, last) = (cells.first().cloned(), cells.last().cloned());
    link::with(|link| {
        let orders = orders_after(link.document(), after.as_ref(), cells.len());
        let moves = cells.into_iter().zip(orders);
        link.edit(
            moves
                .map(|(cell, order)| Operation::MoveCell { cell, order })
                .collect(),
        );
    });
    if first == last && first == screen.active.get_untracked() {
        return stay(screen);
    }
    // They stay selected as they were.
    go(screen, first, false);
    if screen.anchor.get_untracked() != last {
        go(screen, last, true);
    }
}
