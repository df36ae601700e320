//! Per-person undo: steps that take your own edits back, kept standing on the document as others change it.

use crate::changes::Changes;
use crate::{CellId, NotebookDoc};

/// Steps kept; older ones are forgotten.
const STEPS: usize = 500;

/// Keys within this time of each other are one step.
const PAUSE_MS: f64 = 1_000.0;

#[derive(Debug, Default)]
pub(super) struct History {
    /// The last stands on the document as it is; each before it on what the one after it leaves.
    pub(super) undo: Vec<Step>,
    pub(super) redo: Vec<Step>,
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) changes: Changes,
    /// Typing in one cell, and when its last key came: the next key may join it.
    pub(super) typing: Option<(CellId, f64)>,
}

impl History {
    /// An edit was made; `inverse` takes it back.
    pub(super) fn done(&mut self, changes: &Changes, mut inverse: Changes, now_ms: f64) {
        self.redo.clear();
        if inverse.is_empty() {
            return;
        }
        let cell = typed_cell(changes);
        if let (Some(cell), Some(last)) = (cell, self.undo.last_mut())
            && let Some((typed, at)) = &last.typing
            && typed == cell
            && (0.0..=PAUSE_MS).contains(&(now_ms - at))
            && inverse.compose(last.changes.clone()).is_ok()
        {
            last.changes = inverse;
            last.typing = Some((cell.clone(), now_ms));
            return;
        }
        self.undo.push(Step {
            changes: inverse,
            typing: cell.map(|cell| (cell.clone(), now_ms)),
        });
        if self.undo.len() > STEPS {
            self.undo.remove(0);
        }
    }

    /// Someone else changed the document. What they set stays set: their value is not yours to take back.
    pub(super) fn stand_after(&mut self, remote: &Changes) {
        for steps in [&mut self.undo, &mut self.redo] {
            let mut remote = remote.clone();
            for step in steps.iter_mut().rev() {
                if remote.is_empty() {
                    break;
                }
                Changes::transform(&mut step.changes, &mut remote);
            }
            steps.retain(|step| !step.changes.is_empty());
        }
    }

    /// The document was replaced: steps in cells it does not have are gone.
    pub(super) fn forget_homeless(&mut self, document: &NotebookDoc) {
        for steps in [&mut self.undo, &mut self.redo] {
            for step in steps.iter_mut() {
                step.changes.take_homeless(document);
            }
            steps.retain(|step| !step.changes.is_empty());
        }
    }
}

/// The cell, where the changes are text in one cell and nothing else.
fn typed_cell(changes: &Changes) -> Option<&CellId> {
    let (id, change) = changes.cells.first_key_value()?;
    (changes.cells.len() == 1
        && changes.metadata.is_empty()
        && change.len() == 1
        && !change.delta.is_empty())
    .then_some(id)
}
