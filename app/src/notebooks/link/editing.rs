//! The one editor, moved to the cell being written.

use leptos::prelude::*;
use notebook::wire::Say;
use notebook::{CellId, CellKind, Delta, Operation, utf16_len};

use super::super::screen::Mode;
use super::super::{commands, screen_place, tell};
use super::{COMPOSING, Link, MISSED, with};
use crate::browser;
use crate::browser::editor::{Editor, Events};

impl Link {
    /// Puts the editor into the active cell (loading it first) and gives it the keys. `at`: where the caret goes.
    pub fn edit_active(&mut self, at: Option<u32>) {
        if self.editor.is_none() {
            self.leave_ahead();
            self.wanted_at = at;
            self.load_editor();
            return;
        }
        let at = self.take_ahead(at).or(at);
        self.show_in_editor();
        if let Some(editor) = &self.editor {
            if let Some(at) = at {
                editor.select(at, at);
            }
            editor.focus();
        }
    }

    /// Fetches the editor, once. Whoever is in edit mode by then gets it.
    pub fn load_editor(&mut self) {
        if self.editor.is_some() || std::mem::replace(&mut self.editor_loading, true) {
            return;
        }
        let url = self.assets.url("editor.js");
        let screen = self.screen;
        leptos::task::spawn_local(async move {
            let numbers = screen.line_numbers.try_get_untracked() == Some(true);
            let editor = Editor::mount(&url, numbers, events()).await;
            with(|link| {
                link.editor_loading = false;
                match editor {
                    Ok(editor) => {
                        link.editor = Some(editor);
                        link.number_lines();
                        if link.screen.mode.get_untracked() == Mode::Edit {
                            let at = link.wanted_at.take();
                            link.edit_active(at);
                        } else {
                            // Whoever has left the text meanwhile meant what they typed all the same.
                            let at = link.wanted_at.take();
                            link.take_ahead(at);
                        }
                    }
                    Err(why) => link.announce(&format!("The editor could not be loaded: {why}")),
                }
            });
        });
    }

    /// Takes a key pressed in edit mode that the editor does not hear, because it is not there yet or something else has the
    /// focus, so that it is not lost. `false`: it is not for a text.
    pub fn type_ahead(&mut self, event: &web_sys::KeyboardEvent) -> bool {
        let modified = event.ctrl_key() || event.meta_key() || event.alt_key();
        let moves = matches!(
            event.key().as_str(),
            "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight" | "Home" | "End"
        );
        if self.editor.is_none() && moves {
            // Meant for the text, which is on its way: the page must not scroll away from under it.
            return true;
        }
        if !self.screen.may.get_untracked().edit || modified {
            return false;
        }
        let active = self.screen.active.get_untracked();
        let stands = self.shown.is_some() && self.shown == active;
        self.leave_ahead();
        match (event.key().as_str(), &self.editor) {
            ("Enter", _) if !event.shift_key() => self.ahead.push('\n'),
            (key, _) if key.chars().count() == 1 => self.ahead.push_str(key),
            (
                "Backspace" | "Delete" | "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight"
                | "Home" | "End",
                Some(editor),
            ) if stands => {
                editor.focus();
                return true;
            }
            ("Backspace", _) => {
                self.ahead.pop();
            }
            _ => return false,
        }
        self.ahead_in = active;
        if stands {
            let at = self.caret();
            self.edit_active(at);
        }
        true
    }

    /// The cell being written was drawn anew or stands elsewhere: the editor goes there again. It gets the keys where nothing else
    /// has them, or with `take` in any case.
    pub fn go_on_writing(&mut self, take: bool) {
        if self.shown.is_none() || self.shown != self.screen.active.get_untracked() {
            return;
        }
        self.show_in_editor();
        if let Some(editor) = &self.editor
            && !editor.has_focus()
            && (take || browser::focus_is_free())
        {
            editor.focus();
        }
    }

    /// Puts what was typed ahead into its cell, at `at` or where its caret was to stand, else at its end; where the caret is then.
    pub fn take_ahead(&mut self, at: Option<u32>) -> Option<u32> {
        self.leave_ahead();
        let text = std::mem::take(&mut self.ahead);
        let cell = self.ahead_in.take()?;
        let at = at.or_else(|| self.wanted_at.take());
        self.write_ahead(cell, at, &text)
    }

    /// What was typed for a cell that is no longer the active one goes into it, where its caret was to stand.
    fn leave_ahead(&mut self) {
        if self.ahead_in.is_none() || self.ahead_in == self.screen.active.get_untracked() {
            return;
        }
        let (text, at) = (std::mem::take(&mut self.ahead), self.wanted_at.take());
        if let Some(cell) = self.ahead_in.take() {
            self.write_ahead(cell, at, &text);
        }
    }

    fn write_ahead(&mut self, cell: CellId, at: Option<u32>, text: &str) -> Option<u32> {
        if text.is_empty() {
            return None;
        }
        // Somebody may have made it shorter meanwhile.
        let length = self.length_of(&cell);
        let at = at.map_or(length, |at| at.min(length));
        self.edit(vec![Operation::EditSource {
            cell,
            delta: Delta::splice(at, 0, text),
        }]);
        Some(at + utf16_len(text))
    }

    /// Shows the active cell in the editor while it is being edited.
    pub(super) fn show_in_editor(&mut self) {
        let screen = self.screen;
        if screen.mode.get_untracked() != Mode::Edit {
            return;
        }
        let Some(id) = screen.active.get_untracked() else {
            return;
        };
        self.mend_line_ends(&id);
        let (Some(editor), Some(cell)) = (&self.editor, self.client.document().cell(&id)) else {
            return;
        };
        let Some(slot) = browser::element(&format!("slot-{id}")) else {
            return;
        };
        let language = match cell.kind {
            CellKind::Code => screen.language.get_untracked(),
            CellKind::Markdown => "markdown".to_owned(),
            CellKind::Raw => "plaintext".to_owned(),
        };
        let read_only = !screen.may.get_untracked().edit;
        editor.show(
            &slot,
            id.as_str(),
            &cell.source,
            &language,
            read_only,
            &format!("Text of cell {}", screen_place(screen, &id)),
        );
        self.shown = Some(id);
        self.draw_people();
    }

    /// A text older than the rule that lines end with `\n` follows it from now on: the editor would show it so anyway, and
    /// count differently than everybody else.
    fn mend_line_ends(&mut self, id: &CellId) {
        let Some(cell) = self.client.document().cell(id) else {
            return;
        };
        if self.editor.is_none()
            || !self.screen.may.get_untracked().edit
            || !cell.source.contains('\r')
        {
            return;
        }
        let delta = Delta::diff(&cell.source, &notebook::line_feeds(&cell.source));
        self.shown = None;
        self.edit(vec![Operation::EditSource {
            cell: id.clone(),
            delta,
        }]);
    }

    /// Lines have numbers, or have none, as the screen says.
    pub fn number_lines(&self) {
        if let Some(editor) = &self.editor {
            editor.line_numbers(self.screen.line_numbers.get_untracked());
        }
    }

    pub fn hide_editor(&mut self) {
        if let Some(editor) = &self.editor {
            editor.hide();
        }
        self.shown = None;
    }

    /// Our own caret in the shown text.
    pub fn caret(&self) -> Option<u32> {
        self.place
            .as_ref()?
            .selection
            .map(|selection| selection.head)
    }

    /// Length of a cell's text in UTF-16 units.
    pub fn length_of(&self, id: &CellId) -> u32 {
        self.client
            .document()
            .cell(id)
            .map_or(0, |cell| utf16_len(&cell.source))
    }

    pub fn announce(&self, words: &str) {
        self.screen.said.set(words.to_owned());
        tell(self.screen, words);
    }
}

fn events() -> Events {
    Events {
        change: Box::new(|delta| {
            with(|link| link.typed(delta));
        }),
        selection: Box::new(|anchor, head| {
            MISSED.set(Some((anchor, head)));
            // Empty work: whoever has the link takes up what is noted there.
            with(|_| {});
        }),
        key: Box::new(|name| {
            let Some(screen) = with(|link| link.screen) else {
                return false;
            };
            commands::editor_key(screen, name)
        }),
        blur: Box::new(|| {}),
        composing: Box::new(|on| {
            COMPOSING.set(on);
            with(Link::composed);
        }),
        complete: Box::new(|code, cursor| {
            with(|link| link.ask_kernel(|ask| Say::Complete { ask, code, cursor }))
                .unwrap_or_else(nothing)
        }),
        inspect: Box::new(|code, cursor| {
            with(|link| link.ask_kernel(|ask| Say::Inspect { ask, code, cursor }))
                .unwrap_or_else(nothing)
        }),
    }
}

fn nothing() -> js_sys::Promise {
    js_sys::Promise::resolve(&wasm_bindgen::JsValue::NULL)
}
