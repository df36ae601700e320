//! The studio's half: a sequencer, a log on disk, and the lines of its tabs.

use std::collections::{BTreeMap, VecDeque};

use notebook::wire::{self, Hear, JoinedState, Say, ToClient};
use notebook::{Accepted, ClientId, NotebookDoc, Refused, Rights, Sequencer, Snapshot, Submission};

use super::{Down, Up};
use crate::random::Random;

/// One connection. It may be dead on the tab's side while what was sent before still arrives.
pub struct Line {
    tab: usize,
    client: ClientId,
    pub up: VecDeque<Up>,
    pub down: VecDeque<Down>,
    open: bool,
    /// Batches were lost on it or came in another order: its tab may find a hole.
    pub disturbed: bool,
}

impl Line {
    /// Copies of a batch that are still on their way never come in.
    fn forget(&mut self, sequence: u64) {
        self.up
            .retain(|up| !matches!(up, Up::Submit { sequence: other, .. } if *other == sequence));
    }
}

/// A batch as a tab reads it.
fn over_the_wire(batch: Accepted) -> Accepted {
    let message = ToClient {
        notebook: "nb_1".to_owned(),
        hear: Hear::Batch {
            batch,
            author: "usr_1".to_owned(),
            at: 0,
        },
    };
    let frame = serde_json::to_string(&message).unwrap();
    let heard: ToClient = serde_json::from_str(&frame).unwrap();
    assert_eq!(heard, message);
    match heard.hear {
        Hear::Batch { batch, .. } => batch,
        _ => unreachable!("it equals a batch"),
    }
}

pub struct Studio {
    sequencer: Sequencer,
    /// On disk.
    snapshot: Snapshot,
    log: Vec<Accepted>,
    /// Accepted, not yet on disk, with the line each came over.
    volatile: Vec<(Accepted, usize)>,
    lines: Vec<Line>,
    may_edit: BTreeMap<usize, bool>,
    first: Snapshot,
}

impl Studio {
    pub fn open(document: NotebookDoc) -> Self {
        let first = Snapshot {
            revision: 0,
            document,
        };
        let sequencer = Sequencer::open(first.clone(), Vec::new()).unwrap();
        Self {
            sequencer,
            snapshot: first.clone(),
            first,
            log: Vec::new(),
            volatile: Vec::new(),
            lines: Vec::new(),
            may_edit: BTreeMap::new(),
        }
    }

    pub fn snapshot(&mut self) -> Snapshot {
        self.commit();
        self.sequencer.snapshot()
    }

    pub fn document(&self) -> &NotebookDoc {
        self.sequencer.document()
    }

    pub fn revision(&self) -> u64 {
        self.sequencer.revision()
    }

    pub fn lines(&self) -> usize {
        self.lines.len()
    }

    pub fn line(&mut self, line: usize) -> &mut Line {
        &mut self.lines[line]
    }

    pub fn connect(&mut self, tab: usize, client: ClientId) -> usize {
        self.lines.push(Line {
            tab,
            client,
            up: VecDeque::new(),
            down: VecDeque::new(),
            open: true,
            disturbed: false,
        });
        self.lines.len() - 1
    }

    /// Loses a batch that is on its way to a tab, or doubles it, or lets the next one overtake it.
    pub fn disturb(&mut self, random: &mut Random) {
        let is_batch = |message: &Down| matches!(message, Down::Batch(_));
        let at = random.below(self.lines.len());
        let Some(line) = self.lines.get_mut(at) else {
            return;
        };
        let batches: Vec<usize> = (0..line.down.len())
            .filter(|at| is_batch(&line.down[*at]))
            .collect();
        let Some(at) = random.pick(&batches).copied() else {
            return;
        };
        match random.below(3) {
            0 => {
                line.down.remove(at);
                line.disturbed = true;
            }
            1 => {
                let later = at + 1 + random.below(line.down.len() - at);
                let copy = line.down[at].clone();
                line.down.insert(later, copy);
            }
            _ if line.down.get(at + 1).is_some_and(is_batch) => {
                line.down.swap(at, at + 1);
                line.disturbed = true;
            }
            _ => {}
        }
    }

    /// A join is answered from what is on disk.
    pub fn join(&mut self, line: usize, revision: u64) {
        self.commit();
        let state = self.sequencer.since(revision).map_or_else(
            || JoinedState::Snapshot(self.sequencer.snapshot()),
            JoinedState::Since,
        );
        let received = self.sequencer.received(&self.lines[line].client);
        self.lines[line]
            .down
            .push_back(Down::Joined(state, received));
    }

    /// The tab is gone. With `late`, what it sent still arrives some time.
    pub fn close(&mut self, line: usize, late: bool) {
        let line = &mut self.lines[line];
        line.open = false;
        line.down.clear();
        if !late {
            line.up.clear();
        }
    }

    /// Hears one message of a line; whether there was one.
    pub fn deliver(&mut self, line: usize) -> Result<bool, String> {
        let frame = match self
            .lines
            .get_mut(line)
            .and_then(|line| line.up.pop_front())
        {
            Some(Up::Submit { frame, .. }) => frame,
            Some(Up::Rejoin(revision)) => {
                if self.lines[line].open {
                    self.join(line, revision);
                }
                return Ok(true);
            }
            None => return Ok(false),
        };
        let message = wire::decode(&frame).map_err(|why| format!("{why}: {frame:?}"))?;
        let Say::Submit {
            client,
            sequence,
            base,
            operations,
        } = message.say
        else {
            return Err("a batch became another message on the way".to_owned());
        };
        let submission = Submission {
            client,
            sequence,
            base,
            operations,
        };
        let edit = self
            .may_edit
            .get(&self.lines[line].tab)
            .copied()
            .unwrap_or(true);
        let (client, sequence) = (submission.client.clone(), submission.sequence);
        match self.sequencer.submit(submission, Rights { edit }) {
            Ok(Some(accepted)) => self.volatile.push((accepted, line)),
            Ok(None) => {
                self.commit();
                let known = self
                    .log
                    .iter()
                    .find(|batch| batch.client == client && batch.sequence == sequence);
                let revision = known
                    .ok_or("a resend of a batch that is not in the log")?
                    .revision;
                self.send(line, Down::Ack { sequence, revision });
            }
            Err(Refused::ReadOnly) => {
                // Its tab takes the batch back and gives its sequence to another. A copy still on its way must not come
                // in later, with the right given back: a room hears a client over one line at a time, in order.
                let (tab, open) = (self.lines[line].tab, self.lines[line].open);
                for line in self.lines.iter_mut().filter(|line| open && line.tab == tab) {
                    line.forget(sequence);
                }
                self.send(
                    line,
                    Down::Refused {
                        sequence,
                        resync: None,
                    },
                );
            }
            Err(Refused::Resync) => {
                self.lines[line].forget(sequence);
                self.commit();
                let resync = Some(self.sequencer.snapshot());
                self.send(line, Down::Refused { sequence, resync });
            }
            // Late words of a line that is dead; its tab has long gone on.
            Err(Refused::Gap) if !self.lines[line].open => {}
            Err(why) => return Err(format!("tab {} was refused: {why}", self.lines[line].tab)),
        }
        Ok(true)
    }

    /// To disk, then to everyone.
    pub fn commit(&mut self) {
        for (accepted, from) in std::mem::take(&mut self.volatile) {
            self.log.push(accepted.clone());
            let accepted = over_the_wire(accepted);
            for line in 0..self.lines.len() {
                if line == from {
                    self.send(
                        line,
                        Down::Ack {
                            sequence: accepted.sequence,
                            revision: accepted.revision,
                        },
                    );
                } else {
                    self.send(line, Down::Batch(accepted.clone()));
                }
            }
        }
    }

    fn send(&mut self, line: usize, message: Down) {
        let line = &mut self.lines[line];
        if line.open {
            line.down.push_back(message);
        }
    }

    /// Everything not on disk is gone, every line is cut.
    pub fn crash(&mut self) -> Result<(), String> {
        self.volatile.clear();
        self.lines.clear();
        let log = self
            .log
            .iter()
            .filter(|batch| batch.revision > self.snapshot.revision)
            .cloned()
            .collect();
        self.sequencer = Sequencer::open(self.snapshot.clone(), log)
            .map_err(|why| format!("the log does not replay: {why}"))?;
        for batch in &self.log {
            self.sequencer
                .remember(batch.client.clone(), batch.sequence);
        }
        Ok(())
    }

    pub fn keep_snapshot(&mut self, window: u64) -> Result<(), String> {
        self.commit();
        self.snapshot = self.sequencer.snapshot();
        let stored = serde_json::to_vec(&self.snapshot).map_err(|error| error.to_string())?;
        if serde_json::from_slice::<Snapshot>(&stored).map_err(|error| error.to_string())?
            != self.snapshot
        {
            return Err("the snapshot is another after storage".to_owned());
        }
        self.sequencer
            .forget_before(self.snapshot.revision.saturating_sub(window));
        Ok(())
    }

    pub fn flip_right(&mut self, tab: usize) {
        let may = self.may_edit.entry(tab).or_insert(true);
        *may = !*may;
    }

    pub fn give_rights(&mut self) {
        self.may_edit.clear();
    }

    /// The log from the beginning gives the document, and holds every batch once.
    pub fn check(&self) -> Result<(), String> {
        let replayed = Sequencer::open(self.first.clone(), self.log.clone())
            .map_err(|why| format!("the log does not replay: {why}"))?;
        if replayed.document() != self.sequencer.document() {
            return Err("the log gives another document".to_owned());
        }
        let mut next: BTreeMap<&ClientId, u64> = BTreeMap::new();
        for batch in &self.log {
            let expected = next.entry(&batch.client).or_insert(1);
            if batch.sequence != *expected {
                return Err(format!(
                    "the log has batch {} of {} where {expected} was due",
                    batch.sequence, batch.client
                ));
            }
            *expected += 1;
        }
        Ok(())
    }
}
