//! What the studio says while an input method is at work in the editor: it waits until that is done.
//!
//! Between the editor and the input method the text belongs to them alone: a change from outside moves what is replaced next.
//! What is composed goes out meanwhile; it stands on the document as the person sees it.

use notebook::wire::Hear;

use super::{COMPOSING, Link, with};
use crate::browser::{self, Timer};

/// Nobody holds others up for longer, or holds more: then the composition is ended.
const LONGEST_MS: i32 = 10_000;
const MOST_BYTES: usize = 1024 * 1024;

#[derive(Default)]
pub(super) struct Held {
    said: Vec<Hear>,
    bytes: usize,
    timer: Option<Timer>,
}

impl Link {
    pub(super) fn hear_or_hold(&mut self, hear: Hear, bytes: usize) {
        let waits = match &hear {
            Hear::Answer { .. } | Hear::Pong { .. } => false,
            Hear::Joined(_) | Hear::Batch { .. } | Hear::Refused { .. } | Hear::May { .. } => {
                COMPOSING.get() || !self.held.said.is_empty()
            }
            // All else changes no text, but nothing overtakes what came before it.
            _ => !self.held.said.is_empty(),
        };
        if !waits {
            return self.hear(hear);
        }
        self.held.said.push(hear);
        self.held.bytes += bytes;
        if self.held.bytes > MOST_BYTES {
            self.end_composition();
        } else if self.held.timer.is_none() {
            self.held.timer = browser::after(LONGEST_MS, || {
                with(|link| link.end_composition());
            });
        }
    }

    fn end_composition(&self) {
        match &self.editor {
            Some(editor) => editor.end_composition(),
            None => COMPOSING.set(false),
        }
    }

    /// Hears what waited, once nothing is composed. `false`: nothing did.
    pub(super) fn let_in(&mut self) -> bool {
        if COMPOSING.get() || self.held.said.is_empty() {
            return false;
        }
        for hear in std::mem::take(&mut self.held).said {
            // A line that is given up is not heard to the end.
            if self.socket.is_none() {
                break;
            }
            self.hear(hear);
        }
        true
    }

    /// An input method has begun or is done.
    pub(super) fn composed(&mut self) {
        if !COMPOSING.get() {
            self.let_in();
            // Work of another tab may wait for its turn.
            self.flush();
        }
    }
}
