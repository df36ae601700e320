//! A tab: a client, an editor that knows only the changes it is told, and a store that survives a crash.

use std::collections::{BTreeMap, BTreeSet};

use notebook::wire::{Say, ToServer};
use notebook::{CellId, Change, Client, ClientId, Delta, Operation, Refused, Saved, Submission};

use super::server::Studio;
use super::{Down, Up};
use crate::laws;
use crate::random::Random;

/// Every token is one character of its own, a surrogate pair in UTF-16.
const TOKENS: u32 = 0xf_0000;

pub fn is_token(c: char) -> bool {
    c as u32 >= TOKENS
}

/// Some tabs send what they have in pieces so small that nearly every edit is cut.
fn piece_bytes(number: usize) -> usize {
    if number.is_multiple_of(2) {
        400
    } else {
        100_000
    }
}

fn client_id(number: usize) -> ClientId {
    ClientId::new(format!("tab-{number}")).unwrap()
}

fn frame(submission: Submission) -> Up {
    let Submission {
        client,
        sequence,
        base,
        operations,
    } = submission;
    let message = ToServer {
        notebook: "nb_1".to_owned(),
        say: Say::Submit {
            client,
            sequence,
            base,
            operations,
        },
    };
    Up::Submit {
        sequence,
        frame: serde_json::to_vec(&message).unwrap(),
    }
}

pub struct Tab {
    pub number: usize,
    pub client: Client,
    saved: Saved,
    line: Option<usize>,
    joining: bool,
    /// The text of each cell as an editor has it.
    editor: BTreeMap<CellId, String>,
    pub typed: BTreeSet<char>,
    /// Tokens that may be missing: taken back by their author, refused and given back, or typed after the last save before a crash.
    pub excused: BTreeSet<char>,
    /// Tokens that were taken back and may have been given again. Where the base is replaced by a snapshot, only the
    /// outcome is known, not which of the characters are the old ones: such a token may then be there twice.
    pub given_again: BTreeSet<char>,
    unsaved: BTreeSet<char>,
    /// Does not save before it sends. Nothing it sent may then arrive after it has come back from a crash.
    lazy: bool,
    fresh: u64,
    now: f64,
}

impl Tab {
    pub fn open(number: usize, studio: &mut Studio) -> Self {
        let snapshot = studio.snapshot();
        let client = Client::new(client_id(number), snapshot).in_pieces_of(piece_bytes(number));
        let mut tab = Self {
            number,
            saved: client.save(),
            client,
            line: Some(studio.connect(number, client_id(number))),
            joining: false,
            editor: BTreeMap::new(),
            typed: BTreeSet::new(),
            excused: BTreeSet::new(),
            given_again: BTreeSet::new(),
            unsaved: BTreeSet::new(),
            lazy: number == 2,
            fresh: (number as u64 + 1) << 32,
            now: 0.0,
        };
        tab.read_all();
        tab
    }

    pub fn is_connected(&self) -> bool {
        self.line.is_some()
    }

    fn save(&mut self) {
        let stored = serde_json::to_vec(&self.client.save()).unwrap();
        self.saved = serde_json::from_slice(&stored).unwrap();
        self.unsaved.clear();
    }

    pub fn edit(&mut self, random: &mut Random) -> Result<(), String> {
        self.now += random.below(1_500) as f64;
        let mut operations = Vec::new();
        let mut document = self.client.document().clone();
        for _ in 0..1 + random.below(3) {
            let mut operation = laws::operation(random, &document, &mut self.fresh);
            match &mut operation {
                Operation::EditSource { cell, delta } => {
                    let source = document
                        .cell(cell)
                        .map(|cell| cell.source.clone())
                        .unwrap_or_default();
                    *delta = self.typing(random, &source);
                }
                Operation::InsertCell { source, .. } => source.push(self.token()),
                _ => {}
            }
            document
                .apply(std::slice::from_ref(&operation))
                .map_err(|why| format!("an edit does not fit: {why}"))?;
            operations.push(operation);
        }
        let changes = self
            .client
            .edit(operations, self.now)
            .map_err(|why| format!("an edit was refused: {why}"))?;
        if *self.client.document() != document {
            return Err("a batch came to something else than its operations".to_owned());
        }
        self.show(changes)?;
        // Most tabs save at every edit; what a lazy one loses in a crash is not the engine's loss.
        if !random.once_in(8) {
            self.save();
        }
        Ok(())
    }

    /// Types a token and deletes text around it, never someone's token.
    fn typing(&mut self, random: &mut Random, source: &str) -> Delta {
        let (at, delete) = laws::span(random, source);
        let units: Vec<u16> = source.encode_utf16().collect();
        let deleted = String::from_utf16_lossy(&units[at as usize..(at + delete) as usize]);
        let delete = if deleted.chars().any(is_token) {
            0
        } else {
            delete
        };
        let text = if random.once_in(4) {
            "e\u{301}".to_owned()
        } else {
            self.token().to_string()
        };
        Delta::splice(at, delete, &text)
    }

    fn token(&mut self) -> char {
        let number = (self.number as u32) * 5_000 + self.typed.len() as u32;
        let token = char::from_u32(TOKENS + number).unwrap();
        self.typed.insert(token);
        self.unsaved.insert(token);
        token
    }

    pub fn undo_or_redo(&mut self, random: &mut Random) -> Result<(), String> {
        let tokens = |tab: &Self| -> BTreeSet<char> {
            tab.client
                .document()
                .every_cell()
                .flat_map(|(_, cell)| cell.source.chars())
                .filter(|c| is_token(*c))
                .collect()
        };
        let before = tokens(self);
        let (could, changes) = if random.once_in(3) {
            (self.client.can_redo(), self.client.redo())
        } else {
            (self.client.can_undo(), self.client.undo())
        };
        if could != changes.is_some() {
            return Err("what can be undone was not".to_owned());
        }
        self.show(changes.unwrap_or_default())?;
        for token in before.symmetric_difference(&tokens(self)) {
            if !self.typed.contains(token) {
                return Err(format!(
                    "an undo in tab {} touched {token:?} of someone else",
                    self.number
                ));
            }
            self.excused.insert(*token);
            self.given_again.insert(*token);
        }
        self.save();
        Ok(())
    }

    pub fn send(&mut self, studio: &mut Studio) {
        if let (Some(line), false) = (self.line, self.joining)
            && let Some(submission) = self.client.outgoing()
        {
            if !self.lazy {
                self.save();
            }
            studio.line(line).up.push_back(frame(submission));
        }
    }

    /// The same batch once more, before the first copy was heard.
    pub fn send_again(&mut self, studio: &mut Studio) {
        if let (Some(line), false) = (self.line, self.joining)
            && !studio.line(line).up.is_empty()
            && let Some(submission) = self.client.resend(0)
        {
            studio.line(line).up.push_back(frame(submission));
        }
    }

    pub fn hears(&self, studio: &mut Studio) -> bool {
        self.line
            .is_some_and(|line| !studio.line(line).down.is_empty())
    }

    pub fn hear(&mut self, studio: &mut Studio) -> Result<(), String> {
        let Some(line) = self.line else { return Ok(()) };
        let Some(message) = studio.line(line).down.pop_front() else {
            return Ok(());
        };
        let changes = match message {
            Down::Joined(state, received) => {
                self.joining = false;
                let (changes, kept) = self
                    .client
                    .joined(state, received)
                    .map_err(|why| format!("a join failed: {why}"))?;
                self.keep(&kept);
                if let Some(submission) = self.client.resend(received) {
                    studio.line(line).up.push_back(frame(submission));
                }
                changes
            }
            Down::Ack { sequence, revision } => self.client.acknowledged(sequence, revision),
            // Broadcasts on their way before the answer to the join are older than it.
            Down::Batch(_) if self.joining => Vec::new(),
            Down::Batch(batch) => match self.client.receive(batch) {
                Err(Refused::Gap) if studio.line(line).disturbed => {
                    let rejoin = Up::Rejoin(self.client.revision());
                    studio.line(line).up.push_back(rejoin);
                    Vec::new()
                }
                outcome => outcome.map_err(|why| format!("a batch does not follow: {why}"))?,
            },
            Down::Refused { sequence, resync } => {
                let (changes, kept) = self.client.refused(sequence, resync);
                self.keep(&kept);
                changes
            }
        };
        self.show(changes)
    }

    fn keep(&mut self, operations: &[Operation]) {
        let text = serde_json::to_string(operations).unwrap();
        self.excused.extend(text.chars().filter(|c| is_token(*c)));
    }

    pub fn disconnect(&mut self, studio: &mut Studio, late: bool) {
        if let Some(line) = self.line.take() {
            studio.close(line, late && !self.lazy);
        }
    }

    /// The studio is gone.
    pub fn cut_off(&mut self) {
        self.line = None;
    }

    pub fn join(&mut self, studio: &mut Studio) -> Result<(), String> {
        if self.line.is_none() {
            let line = studio.connect(self.number, client_id(self.number));
            self.line = Some(line);
            self.joining = true;
            studio.join(line, self.client.revision());
        }
        Ok(())
    }

    pub fn crash(&mut self, studio: &mut Studio, late: bool) {
        self.disconnect(studio, late);
        self.excused.append(&mut self.unsaved);
        self.client = Client::restore(self.saved.clone())
            .unwrap()
            .in_pieces_of(piece_bytes(self.number));
        self.read_all();
    }

    fn read_all(&mut self) {
        self.editor = self
            .client
            .document()
            .every_cell()
            .map(|(id, cell)| (id.clone(), cell.source.clone()))
            .collect();
    }

    /// Follows the changes as an editor does, and then must show what the document says.
    fn show(&mut self, changes: Vec<Change>) -> Result<(), String> {
        for change in changes {
            match change {
                Change::All => self.read_all(),
                Change::Source { cell, delta } => {
                    let text = self
                        .editor
                        .get_mut(&cell)
                        .ok_or("text of a cell the editor does not know")?;
                    *text = delta
                        .apply(text)
                        .ok_or("a change does not fit the editor's text")?;
                }
                Change::Cells => {
                    for (id, cell) in self.client.document().every_cell() {
                        self.editor
                            .entry(id.clone())
                            .or_insert_with(|| cell.source.clone());
                    }
                }
                Change::Cell(_) | Change::Metadata | Change::DeletedUnderYou { .. } => {}
            }
        }
        let shown: BTreeMap<&CellId, &str> = self
            .editor
            .iter()
            .map(|(id, text)| (id, text.as_str()))
            .collect();
        let real: BTreeMap<&CellId, &str> = self
            .client
            .document()
            .every_cell()
            .map(|(id, cell)| (id, cell.source.as_str()))
            .collect();
        if shown == real {
            Ok(())
        } else {
            Err(format!(
                "the editor of tab {} shows {shown:?}, not {real:?}",
                self.number
            ))
        }
    }
}
