//! Batches: what one append to the run log holds, with what need never be shown left out.

use std::borrow::Cow;
use std::collections::HashMap;

use notebook::CellId;
use notebook::runs::Happening;

use super::outputs;
use crate::protocol::{Asked, Status};
use crate::screen::squeezed;

/// Text this long is looked through for what it writes over itself.
const SQUEEZE: usize = 512;

/// An event without its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub run: String,
    pub cell: CellId,
    pub at: i64,
    pub what: Happening,
    /// The whole text of the run is in its spill file now: keep it as a blob once this is in the log.
    pub has_spill: bool,
}

impl Draft {
    /// An event of several cells and of no run.
    pub fn of_cells(first: CellId, at: i64, what: Happening) -> Self {
        Self {
            run: String::new(),
            cell: first,
            at,
            what,
            has_spill: false,
        }
    }
}

/// What one append to the log will hold.
#[derive(Debug, Default)]
pub struct Batch {
    pub drafts: Vec<Draft>,
    pub status: Option<Status>,
    /// What the log must say first of runs that start, if it does not yet.
    pub asked: HashMap<String, Asked>,
    /// Bytes of the spool that are folded in.
    pub offset: u64,
    /// About how many bytes of memory its events take.
    weight: usize,
    /// Bytes of text in it.
    text: usize,
    /// Length of the last event's text when it was squeezed last.
    squeezed: usize,
    /// Something in it should not wait for more text.
    urgent: bool,
    /// Something in it is more than a change of state.
    shown: bool,
}

impl Batch {
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Bytes of text in it.
    pub fn text(&self) -> usize {
        self.text
    }

    pub fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// Only changes of state: a short cell is over in a moment, and then one append will do for all of it.
    pub fn is_quiet(&self) -> bool {
        !self.shown
    }

    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty() && self.status.is_none()
    }

    /// Adds an event; says whether the log grows by it.
    pub(super) fn push(&mut self, draft: Draft) -> bool {
        match (&draft.what, self.drafts.last_mut()) {
            (Happening::Stream { name, text }, Some(last)) if last.run == draft.run => {
                if let Happening::Stream {
                    name: before,
                    text: whole,
                } = &mut last.what
                    && before == name
                {
                    self.weight += text.len();
                    self.text += text.len();
                    whole.push_str(text);
                    self.squeeze();
                    return false;
                }
            }
            (Happening::Update { display_id, .. }, _) => {
                let updates = self
                    .drafts
                    .iter_mut()
                    .rev()
                    .take_while(|earlier| matches!(earlier.what, Happening::Update { .. }));
                for earlier in updates {
                    if matches!(&earlier.what, Happening::Update { display_id: same, .. } if same == display_id)
                    {
                        self.weight += outputs::weight(&draft.what);
                        self.weight -= outputs::weight(&earlier.what);
                        *earlier = draft;
                        return false;
                    }
                }
            }
            (Happening::Clear { wait: false }, _) => self.forget_outputs(&draft.run),
            (Happening::Clear { wait: true }, Some(last))
                if last.run == draft.run && last.what == draft.what =>
            {
                return false;
            }
            _ => {}
        }
        if matches!(
            draft.what,
            Happening::Stream { .. } | Happening::Output { .. }
        ) && self.drafts.last().is_some_and(|last| {
            last.run == draft.run && last.what == Happening::Clear { wait: true }
        }) {
            // It is cleared now, so what came before in this batch need never be shown.
            if let Some(clear) = self.drafts.pop() {
                self.forget_outputs(&draft.run);
                self.drafts.push(clear);
            }
        }
        self.weight += outputs::weight(&draft.what);
        if let Happening::Stream { text, .. } = &draft.what {
            self.text += text.len();
        }
        self.urgent |= matches!(
            draft.what,
            Happening::AskInput { .. }
                | Happening::InputGiven
                | Happening::Ended { .. }
                | Happening::Cleared { .. }
        );
        self.shown |= !matches!(
            draft.what,
            Happening::Started | Happening::ExecutionCount { .. }
        );
        self.drafts.push(draft);
        self.squeezed = 0;
        self.squeeze();
        true
    }

    /// What the last text writes over itself need not be logged. Each time the text has doubled, so that it costs little.
    fn squeeze(&mut self) {
        let Some(Draft {
            what: Happening::Stream { text, .. },
            ..
        }) = self.drafts.last_mut()
        else {
            return;
        };
        if text.len() < 2 * self.squeezed + SQUEEZE {
            return;
        }
        if let Cow::Owned(short) = squeezed(text) {
            let saved = text.len() - short.len().min(text.len());
            self.weight -= saved;
            self.text -= saved;
            if saved > 0 {
                *text = short;
            }
        }
        self.squeezed = text.len();
    }

    fn forget_outputs(&mut self, run: &str) {
        let (weight, text) = (&mut self.weight, &mut self.text);
        self.drafts.retain(|draft| {
            let shown = matches!(
                draft.what,
                Happening::Stream { .. } | Happening::Output { .. } | Happening::Clear { .. }
            );
            let kept = draft.run != run || !shown;
            if !kept {
                *weight -= outputs::weight(&draft.what);
                if let Happening::Stream { text: gone, .. } = &draft.what {
                    *text -= gone.len();
                }
            }
            kept
        });
    }
}
