//! Text that grows while a cell runs is followed to its end, as in a terminal, until the reader scrolls away from it.

use leptos::html::Pre;
use leptos::prelude::*;

/// A reader this close to the end looks at the end.
const NEAR: i32 = 24;

#[derive(Clone, Copy)]
pub(super) struct Follow {
    lines: NodeRef<Pre>,
    /// `None` until it was looked at: what is long already when the page comes is read from its start.
    at_end: StoredValue<Option<bool>>,
}

impl Follow {
    pub fn new(lines: NodeRef<Pre>) -> Self {
        Self {
            lines,
            at_end: StoredValue::new(None),
        }
    }

    pub fn scrolled(self) {
        self.at_end.set_value(self.looks_at_end());
    }

    /// There is more text now. What it was like before is known from the last look.
    pub fn grown(self) {
        request_animation_frame(move || {
            if self.lines.try_get_untracked().is_none() {
                return;
            }
            if self.at_end.get_value() == Some(true)
                && let Some(lines) = self.lines.get_untracked()
            {
                lines.set_scroll_top(lines.scroll_height());
            }
            self.scrolled();
        });
    }

    fn looks_at_end(self) -> Option<bool> {
        let lines = self.lines.get_untracked()?;
        Some(lines.scroll_height() - lines.scroll_top() - lines.client_height() < NEAR)
    }
}
