//! Presence: where we are, and where others are.

use std::collections::BTreeMap;

use leptos::prelude::*;
use notebook::presence::{Place, Present, Selection};
use notebook::wire::Say;
use notebook::{CellId, Delta};

use super::super::screen::set_if_new;
use super::{Link, PRESENCE_EVERY_MS, with};
use crate::browser;
use crate::highlight::Caret;

impl Link {
    /// Where we are, told at most every [`PRESENCE_EVERY_MS`].
    pub fn be_at(&mut self, cell: Option<CellId>, selection: Option<(u32, u32)>) {
        let place = cell.map(|cell| Place {
            cell,
            selection: selection.map(|(anchor, head)| Selection { anchor, head }),
        });
        if place == self.place {
            return;
        }
        self.place = place;
        if browser::now_ms() - self.told_at >= f64::from(PRESENCE_EVERY_MS) {
            self.tell_place();
        } else if self.presence_timer.is_none() {
            self.presence_timer = browser::after(PRESENCE_EVERY_MS, || {
                with(Link::tell_place);
            });
        }
    }

    fn tell_place(&mut self) {
        self.presence_timer = None;
        self.told_at = browser::now_ms();
        if self.joined {
            let place = self.place.clone();
            self.say(Say::Presence { place });
        }
    }

    /// Others' carets move with a text that changed.
    pub(super) fn move_carets(&mut self, cell: &CellId, delta: &Delta) {
        let mut moved = false;
        for person in self.people.values_mut() {
            if let Some(place) = &mut person.place
                && place.cell == *cell
                && let Some(selection) = &mut place.selection
            {
                let own = self.writer.as_ref() == Some(&person.user);
                selection.anchor = delta.move_position(selection.anchor, own);
                selection.head = delta.move_position(selection.head, own);
                moved = true;
            }
        }
        if moved {
            self.draw_people();
        }
    }

    pub(super) fn draw_people(&self) {
        let screen = self.screen;
        let people: Vec<Present> = self.people.values().cloned().collect();
        let mine = screen.seat.get_untracked();
        let mut by_cell: BTreeMap<CellId, Vec<Caret>> = BTreeMap::new();
        let mut in_editor = Vec::new();
        for person in people.iter().filter(|person| person.seat != mine) {
            let Some(place) = &person.place else { continue };
            let Some(Selection { anchor, head }) = place.selection else {
                continue;
            };
            if self.shown.as_ref() == Some(&place.cell) {
                in_editor.push((person.seat, person.name.clone(), person.color, anchor, head));
            }
            by_cell.entry(place.cell.clone()).or_default().push(Caret {
                color: person.color,
                name: person.name.clone(),
                anchor,
                head,
            });
        }
        for id in screen.order.get_untracked() {
            if let Some(model) = screen.cell(&id) {
                set_if_new(model.carets, by_cell.remove(&id).unwrap_or_default());
            }
        }
        if let Some(editor) = &self.editor {
            editor.carets(&in_editor);
        }
        set_if_new(screen.people, people);
    }
}
