//! Updates of displays that come when a run's log is long enough: of each display only the last counts, at the run's end.

use std::collections::BTreeMap;

use super::batch::Draft;
use super::outputs;

/// Bytes of all updates that are held at once.
const LIMIT: usize = 32 * 1024 * 1024;

#[derive(Debug, Default)]
pub struct Late {
    drafts: BTreeMap<String, Draft>,
    weight: usize,
}

impl Late {
    /// Holds an update instead of the one before of the same display; false where there is no room for it.
    pub fn hold(&mut self, display_id: &str, draft: Draft) -> bool {
        let weight = outputs::weight(&draft.what);
        let before = self
            .drafts
            .get(display_id)
            .map_or(0, |draft| outputs::weight(&draft.what));
        if self.weight - before + weight > LIMIT {
            return false;
        }
        self.weight = self.weight - before + weight;
        self.drafts.insert(display_id.to_owned(), draft);
        true
    }

    /// A later update is in the log.
    pub fn forget(&mut self, display_id: &str) {
        if let Some(draft) = self.drafts.remove(display_id) {
            self.weight -= outputs::weight(&draft.what);
        }
    }

    pub fn into_drafts(self) -> impl Iterator<Item = Draft> {
        self.drafts.into_values()
    }
}

#[cfg(test)]
mod tests {
    use notebook::runs::Happening;
    use notebook::{CellId, Map};

    use super::*;

    fn update(display_id: &str, bytes: usize) -> Draft {
        let mut data = Map::new();
        data.insert("text/html".into(), "x".repeat(bytes).into());
        Draft {
            run: "r".into(),
            cell: CellId::new("cell").expect("cell id"),
            at: 7,
            what: Happening::Update {
                display_id: display_id.into(),
                data,
                metadata: Map::new(),
            },
            has_spill: false,
        }
    }

    #[test]
    fn the_last_update_of_each_display_is_held_while_there_is_room() {
        let mut late = Late::default();
        for bytes in [10, 20, LIMIT / 2, LIMIT / 2 + 1] {
            assert!(late.hold("a", update("a", bytes)));
        }
        assert!(!late.hold("b", update("b", LIMIT / 2)));
        late.forget("a");
        assert!(late.hold("b", update("b", LIMIT / 2)));
        assert_eq!(late.into_drafts().count(), 1);
    }
}
