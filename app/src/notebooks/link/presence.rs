//! Presence: where we are, and where others are.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use notebook::presence::{Place, Present, Selection};
use notebook::wire::Say;
use notebook::{CellId, Delta, Operation};

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

    /// A change that is not of the editor's own making moves our caret without a word from it.
    pub(super) fn stand_behind(&mut self, cell: &CellId, delta: &Delta) {
        if let Some(place) = &mut self.place {
            let operation = Operation::EditSource {
                cell: cell.clone(),
                delta: delta.clone(),
            };
            place.follow(&[operation], false);
        }
    }

    /// Our offsets count in our own text. They are told when that is the server's; until then others see our caret go
    /// along with what we type.
    pub(super) fn tell_place(&mut self) {
        self.presence_timer = None;
        self.place_waits = self.client.unacknowledged() > 0 || !self.joined;
        if self.place_waits {
            return;
        }
        self.told_at = browser::now_ms();
        let place = self.place.clone();
        self.say(Say::Presence {
            place,
            revision: Some(self.client.revision()),
        });
    }

    pub(super) fn draw_people(&mut self) {
        let screen = self.screen;
        let mut places = self.client.places();
        let people: Vec<Present> = self
            .people
            .values()
            .map(|person| Present {
                place: places.remove(&person.seat),
                ..person.clone()
            })
            .collect();
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
        let here: BTreeSet<CellId> = by_cell.keys().cloned().collect();
        for id in here.union(&self.with_carets) {
            if let Some(model) = screen.cell(id) {
                set_if_new(model.carets, by_cell.remove(id).unwrap_or_default());
            }
        }
        self.with_carets = here;
        if let Some(editor) = &self.editor {
            editor.carets(&in_editor);
        }
        set_if_new(screen.people, people);
    }
}
