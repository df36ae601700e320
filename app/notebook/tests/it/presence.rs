//! Carets under load: tabs that type, move and hear late, and a room that orders before it tells. When all is quiet
//! everyone draws everyone else's caret where that person has it.

use std::collections::VecDeque;

use notebook::presence::{Place, Present, Selection};
use notebook::{
    Accepted, CellId, CellKind, Client, ClientId, Delta, NotebookDoc, Operation, Rights, Sequencer,
    Snapshot, Submission, utf16_len,
};
use serde_json::Map;

use crate::random::Random;

enum Up {
    Submit(Submission),
    Presence(Place, u64),
}

#[derive(Clone)]
enum Down {
    Ack(u64, u64),
    Batch(Accepted),
    Moved(u32, Option<Place>, u64),
}

struct Tab {
    client: Client,
    caret: u32,
    /// Moved since others were told.
    waits: bool,
    up: VecDeque<Up>,
    down: VecDeque<Down>,
}

struct Room {
    sequencer: Sequencer,
    volatile: Vec<(Accepted, usize)>,
    places: Vec<Option<Place>>,
}

fn cell() -> CellId {
    CellId::new("a").unwrap()
}

fn at(offset: u32) -> Place {
    Place {
        cell: cell(),
        selection: Some(Selection {
            anchor: offset,
            head: offset,
        }),
    }
}

impl Tab {
    fn text(&self) -> &str {
        &self.client.document().cell(&cell()).unwrap().source
    }

    fn types(&mut self, random: &mut Random) {
        let text: String = (0..1 + random.below(3)).map(|_| 'x').collect();
        let delete = if random.once_in(5) {
            (self.text().len() as u32 - self.caret).min(2)
        } else {
            0
        };
        let delta = Delta::splice(self.caret, delete, &text);
        let edit = Operation::EditSource {
            cell: cell(),
            delta,
        };
        self.client.edit(vec![edit], 0.0).unwrap();
        self.caret += utf16_len(&text);
        // An editor that closes brackets leaves its caret before what it wrote.
        if random.once_in(4) {
            self.caret -= 1;
        }
        self.waits = true;
    }

    /// As a tab does: offsets are told when nothing of its own stands on the server's text.
    fn speak(&mut self) {
        if let Some(submission) = self.client.outgoing() {
            self.up.push_back(Up::Submit(submission));
        } else if self.waits && self.client.unacknowledged() == 0 {
            self.waits = false;
            self.up
                .push_back(Up::Presence(at(self.caret), self.client.revision()));
        }
    }

    fn hear(&mut self) -> bool {
        let Some(down) = self.down.pop_front() else {
            return false;
        };
        let changes = match down {
            Down::Ack(sequence, revision) => self.client.acknowledged(sequence, revision),
            Down::Batch(batch) => self.client.receive(batch).unwrap(),
            Down::Moved(seat, place, revision) => {
                self.client.moved(seat, place, revision);
                Vec::new()
            }
        };
        for change in changes {
            if let notebook::Change::Source { delta, .. } = change {
                self.caret = delta.move_position(self.caret, false);
            }
        }
        true
    }
}

impl Room {
    fn hear(&mut self, number: usize, tabs: &mut [Tab]) -> bool {
        let Some(up) = tabs[number].up.pop_front() else {
            return false;
        };
        match up {
            Up::Submit(submission) => {
                let accepted = self
                    .sequencer
                    .submit(submission, Rights { edit: true })
                    .unwrap()
                    .unwrap();
                for (seat, place) in self.places.iter_mut().enumerate() {
                    if let Some(place) = place {
                        place.follow(&accepted.operations, seat == number);
                    }
                }
                self.volatile.push((accepted, number));
            }
            Up::Presence(mut place, revision) => {
                self.sequencer
                    .carry(&mut place, revision, tabs[number].client.id());
                if self.places[number].as_ref() != Some(&place) {
                    self.places[number] = Some(place.clone());
                    let moved = Down::Moved(number as u32, Some(place), self.sequencer.revision());
                    for (other, tab) in tabs.iter_mut().enumerate() {
                        if other != number {
                            tab.down.push_back(moved.clone());
                        }
                    }
                }
            }
        }
        true
    }

    fn commit(&mut self, tabs: &mut [Tab]) {
        for (batch, author) in std::mem::take(&mut self.volatile) {
            for (number, tab) in tabs.iter_mut().enumerate() {
                tab.down.push_back(if number == author {
                    Down::Ack(batch.sequence, batch.revision)
                } else {
                    Down::Batch(batch.clone())
                });
            }
        }
    }
}

fn run(seed: u64) {
    let mut random = Random::new(seed);
    let mut document = NotebookDoc::default();
    document
        .apply(&[Operation::InsertCell {
            cell: cell(),
            kind: CellKind::Code,
            order: document.order_after(None),
            source: "one two three".into(),
            metadata: Map::new(),
            attachments: Map::new(),
        }])
        .unwrap();
    let snapshot = Snapshot {
        revision: 0,
        document,
    };
    let count = 2 + random.below(3);
    let people: Vec<Present> = (0..count)
        .map(|seat| Present {
            seat: seat as u32,
            client: ClientId::new(format!("tab-{seat}")).unwrap(),
            user: String::new(),
            name: String::new(),
            color: 1,
            place: None,
        })
        .collect();
    let mut tabs: Vec<Tab> = people
        .iter()
        .map(|person| {
            let mut client = Client::new(person.client.clone(), snapshot.clone());
            client.seated(&people, 0);
            Tab {
                client,
                caret: 0,
                waits: true,
                up: VecDeque::new(),
                down: VecDeque::new(),
            }
        })
        .collect();
    let mut room = Room {
        sequencer: Sequencer::open(snapshot, Vec::new()).unwrap(),
        volatile: Vec::new(),
        places: vec![None; count],
    };
    for _ in 0..20 + random.below(150) {
        let number = random.below(count);
        match random.below(10) {
            0..3 => tabs[number].types(&mut random),
            3 => {
                let tab = &mut tabs[number];
                tab.caret = random.below(tab.text().len() + 1) as u32;
                tab.waits = true;
            }
            4 | 5 => tabs[number].speak(),
            6 => {
                room.hear(number, &mut tabs);
            }
            7 => room.commit(&mut tabs),
            _ => {
                tabs[number].hear();
            }
        }
        for tab in &tabs {
            for (seat, place) in tab.client.places() {
                let head = place.selection.unwrap().head;
                assert!(
                    head as usize <= tab.text().len(),
                    "seed {seed}: the caret of {seat} is drawn at {head} of {:?}",
                    tab.text()
                );
            }
        }
    }
    let mut busy = true;
    while busy {
        busy = false;
        for number in 0..count {
            tabs[number].speak();
            while room.hear(number, &mut tabs) {
                busy = true;
            }
        }
        room.commit(&mut tabs);
        for tab in &mut tabs {
            while tab.hear() {
                busy = true;
            }
        }
    }
    for (number, tab) in tabs.iter().enumerate() {
        for (other, theirs) in tabs.iter().enumerate() {
            if other != number {
                assert_eq!(
                    tab.client.places().get(&(other as u32)),
                    Some(&at(theirs.caret)),
                    "seed {seed}: tab {number} draws the caret of {other} in {:?}",
                    tab.text()
                );
            }
        }
    }
}

#[test]
fn when_all_is_quiet_every_caret_is_drawn_where_its_person_has_it() {
    (0..2_000).for_each(run);
}
