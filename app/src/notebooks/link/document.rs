//! The link's document: local edits, remote changes, what is sent and what is saved.

use notebook::wire::Say;
use notebook::{CellId, Change, Delta, Operation};

use super::super::screen::{self, SavedState, set_if_new};
use super::{COMPOSING, KEEP_AFTER_MS, Link, with};
use crate::browser;
use leptos::prelude::*;

impl Link {
    /// Applies operations of ours that no editor has shown yet.
    pub fn edit(&mut self, operations: Vec<Operation>) {
        if operations.is_empty() || !self.screen.may.get_untracked().edit {
            return;
        }
        // Of texts older than the rule that their lines end with `\n`, parts may be copied and joined.
        let operations = operations.into_iter().map(Operation::with_line_feeds);
        match self.client.edit(operations.collect(), browser::now_ms()) {
            Ok(changes) => self.show(changes, None),
            Err(why) => self.announce(&why.to_string()),
        }
        self.flush();
    }

    /// The editor's own change: it shows it already.
    pub(super) fn typed(&mut self, delta: Delta) {
        let Some(cell) = self.shown.clone() else {
            return;
        };
        match self.client.edit(
            vec![Operation::EditSource {
                cell: cell.clone(),
                delta,
            }],
            browser::now_ms(),
        ) {
            Ok(changes) => self.show(changes, Some(&cell)),
            Err(why) => {
                self.announce(&why.to_string());
                // What cannot be in the document must not stand in the editor either.
                self.shown = None;
                self.show_in_editor();
            }
        }
        self.flush();
    }

    pub fn undo(&mut self) {
        if let Some(changes) = self.client.undo() {
            self.show(changes, None);
            self.flush();
        }
    }

    pub fn redo(&mut self) {
        if let Some(changes) = self.client.redo() {
            self.show(changes, None);
            self.flush();
        }
    }

    pub fn document(&self) -> &notebook::NotebookDoc {
        self.client.document()
    }

    /// Draws changes. `typed_in`: the cell whose editor made the change and shows it.
    pub(super) fn show(&mut self, changes: Vec<Change>, typed_in: Option<&CellId>) {
        let screen = self.screen;
        for change in changes {
            match change {
                Change::Cells => self.read_cells(),
                Change::All => {
                    let runs = &self.runs;
                    screen.read_all(self.client.document(), |id| runs.cells.get(id).cloned());
                    self.shown = None;
                    self.show_in_editor();
                }
                Change::Source { cell, delta } => {
                    if typed_in != Some(&cell)
                        && self.shown.as_ref() == Some(&cell)
                        && let Some(editor) = &self.editor
                    {
                        editor.apply(&delta);
                    }
                    if typed_in != Some(&cell) {
                        self.stand_behind(&cell, &delta);
                    }
                    if let (Some(model), Some(now)) =
                        (screen.cell(&cell), self.client.document().cell(&cell))
                    {
                        set_if_new(model.source, now.source.clone());
                    }
                }
                Change::Cell(cell) => {
                    if let (Some(model), Some(now)) =
                        (screen.cell(&cell), self.client.document().cell(&cell))
                    {
                        model.set_look(now);
                    }
                }
                Change::Metadata => {
                    set_if_new(screen.language, screen::language_of(self.client.document()))
                }
                Change::DeletedUnderYou { cell } => screen.deleted_under_us.set(Some(cell)),
            }
        }
        // Others' carets move with the texts, and some places wait for a batch.
        if self.people.len() > 1 {
            self.draw_people();
        }
        set_if_new(screen.can_undo, self.client.can_undo());
        set_if_new(screen.can_redo, self.client.can_redo());
        self.draw_saved();
    }

    pub(super) fn read_cells(&mut self) {
        let runs = &self.runs;
        self.screen
            .read_cells(self.client.document(), |id| runs.cells.get(id).cloned());
        let gone = self
            .shown
            .as_ref()
            .is_some_and(|id| !self.screen.order.with_untracked(|order| order.contains(id)));
        if gone {
            self.hide_editor();
        }
    }

    /// Sends what waits, if nothing is in flight, and has unacknowledged work kept.
    pub(super) fn flush(&mut self) {
        if self.joined
            && let Some(submission) = self.client.outgoing()
        {
            self.submit(submission);
        }
        if self.client.unacknowledged() > 0 {
            if self.keep_timer.is_none() {
                self.keep_timer = browser::after(KEEP_AFTER_MS, || {
                    with(|link| {
                        link.keep_timer = None;
                        link.keep_now();
                    });
                });
            }
        } else {
            self.keep_timer = None;
            if std::mem::take(&mut self.kept) {
                // It was written to the store: it must not come back.
                let client = self.client.id().to_string();
                self.forget(&client);
            }
            // Whose text it is does not change in the middle of a word.
            if !self.inherited.is_empty() && !COMPOSING.get() {
                self.inherit();
                self.rejoin_as_heir();
            } else if self.place_waits {
                self.tell_place();
            }
        }
        self.draw_saved();
    }

    pub(super) fn submit(&self, submission: notebook::Submission) {
        self.say(Say::Submit {
            client: submission.client,
            sequence: submission.sequence,
            base: submission.base,
            operations: submission.operations,
        });
    }

    /// Saving is automatic and immediate; asked for, it answers with the truth.
    pub fn save_now(&mut self) {
        self.flush();
        let words = match self.screen.saved.get_untracked() {
            SavedState::Saved => "Everything is saved.",
            SavedState::Saving => "Saving now.",
            _ => "Not saved on the studio yet; this browser keeps it.",
        };
        self.announce(words);
    }

    pub(super) fn draw_saved(&self) {
        let unsaved = self.client.unacknowledged();
        let state = match (self.joined, unsaved) {
            _ if self.closed => return,
            (true, 0) => SavedState::Saved,
            (true, _) => SavedState::Saving,
            (false, 0) if self.screen.saved.get_untracked() == SavedState::Connecting => {
                SavedState::Connecting
            }
            (false, unsaved) => SavedState::Offline(unsaved),
        };
        set_if_new(self.screen.saved, state);
    }
}
