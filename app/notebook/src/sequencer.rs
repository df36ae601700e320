//! The server's half: gives each accepted batch the next revision. Sans-IO; `rooms` adds durability and sockets.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::changes::Changes;
use crate::document::{check_batch, check_line_ends};
use crate::presence::Place;
use crate::{ClientId, NotebookDoc, Operation, Refused, Snapshot};

/// What someone may do to the document, checked per operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    pub edit: bool,
}

/// A batch as a client sends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    pub client: ClientId,
    /// 1 for a client's first batch, then one more each.
    pub sequence: u64,
    /// The revision the batch was made on.
    pub base: u64,
    pub operations: Vec<Operation>,
}

/// A batch as the log keeps it: transformed to stand on revision - 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    pub revision: u64,
    pub client: ClientId,
    pub sequence: u64,
    pub operations: Vec<Operation>,
}

/// A document and the window of its log that late batches are transformed over.
#[derive(Debug)]
pub struct Sequencer {
    document: NotebookDoc,
    revision: u64,
    /// The batches up to `revision`, without a hole.
    window: VecDeque<Accepted>,
    received: BTreeMap<ClientId, u64>,
}

/// How much text stepping one late batch may cost: steps of its deltas times batches it is transformed over.
/// Honest work stays far below; above it the client reads the notebook again and rebases its work itself.
const PATIENCE: usize = 32_000_000;

impl Sequencer {
    /// Opens a document at a snapshot, then replays `log` (revisions following the snapshot's, without a hole).
    pub fn open(snapshot: Snapshot, log: Vec<Accepted>) -> Result<Self, Refused> {
        let Snapshot { revision, document } = snapshot;
        let mut sequencer = Self {
            document,
            revision,
            window: VecDeque::with_capacity(log.len()),
            received: BTreeMap::new(),
        };
        for batch in log {
            if batch.revision != sequencer.revision + 1 {
                return Err(Refused::Gap);
            }
            sequencer.document.replay(&batch.operations)?;
            sequencer.remember(batch.client.clone(), batch.sequence);
            sequencer.revision = batch.revision;
            sequencer.window.push_back(batch);
        }
        Ok(sequencer)
    }

    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn document(&self) -> &NotebookDoc {
        &self.document
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            revision: self.revision,
            document: self.document.clone(),
        }
    }

    /// The highest sequence accepted from a client, 0 for none. Survives [`Sequencer::forget_before`].
    pub fn received(&self, client: &ClientId) -> u64 {
        self.received.get(client).copied().unwrap_or(0)
    }

    /// Tells the sequences of clients whose batches are no longer in `log` (from the database).
    pub fn remember(&mut self, client: ClientId, sequence: u64) {
        let known = self.received.entry(client).or_default();
        *known = sequence.max(*known);
    }

    /// Validates, transforms and applies a batch. `Ok(None)`: this sequence is in already (a resend): acknowledge it again.
    /// A sequence that skips one is refused with [`crate::Refused::Gap`].
    pub fn submit(
        &mut self,
        submission: Submission,
        rights: Rights,
    ) -> Result<Option<Accepted>, Refused> {
        let Submission {
            client,
            sequence,
            base,
            operations,
        } = submission;
        let received = self.received(&client);
        if sequence <= received {
            return Ok(None);
        }
        if !rights.edit {
            return Err(Refused::ReadOnly);
        }
        if sequence != received + 1 {
            return Err(Refused::Gap);
        }
        let late = self.after(base).ok_or(Refused::Resync)?;
        check_batch(&operations)?;
        check_line_ends(&operations)?;
        let mut changes = Changes::from_operations(&operations)?;
        // Ids are random: a second insert of one is a mistake or an attack, never two people.
        if let Some((id, _)) = changes
            .cells
            .iter()
            .find(|(id, change)| change.insert.is_some() && self.document.cell(id).is_some())
        {
            return Err(Refused::CellExists(id.clone()));
        }
        let steps: usize = changes
            .cells
            .values()
            .map(|change| change.delta.steps().len())
            .sum();
        if steps.saturating_mul(self.window.len() - late) > PATIENCE {
            return Err(Refused::Resync);
        }
        for batch in self.window.range(late..) {
            changes.stand_after(&batch.operations)?;
        }
        let operations = changes.clone().into_operations();
        self.document.apply_changes(changes, true)?;
        self.revision += 1;
        self.remember(client.clone(), sequence);
        let accepted = Accepted {
            revision: self.revision,
            client,
            sequence,
            operations,
        };
        self.window.push_back(accepted.clone());
        Ok(Some(accepted))
    }

    /// The batches after `revision`; `None` when the window no longer reaches back so far or it is in the future.
    pub fn since(&self, revision: u64) -> Option<Vec<Accepted>> {
        Some(
            self.window
                .range(self.after(revision)?..)
                .cloned()
                .collect(),
        )
    }

    /// Carries a place from the text of `revision` to the newest. Where the window does not reach back so far, only the
    /// cell is known.
    pub fn carry(&self, place: &mut Place, revision: u64, client: &ClientId) {
        match self.after(revision) {
            Some(late) => {
                for batch in self.window.range(late..) {
                    place.follow(&batch.operations, batch.client == *client);
                }
            }
            None => place.selection = None,
        }
    }

    /// Drops the window before `revision` (a snapshot holds it). Late batches based earlier are then refused with `Resync`.
    pub fn forget_before(&mut self, revision: u64) {
        while self
            .window
            .front()
            .is_some_and(|batch| batch.revision <= revision)
        {
            self.window.pop_front();
        }
        if self.window.capacity() > 2 * self.window.len() + 16 {
            self.window.shrink_to_fit();
        }
    }

    /// How many batches the window holds.
    pub fn window(&self) -> usize {
        self.window.len()
    }

    /// Where in the window the batches after `revision` begin.
    fn after(&self, revision: u64) -> Option<usize> {
        let behind = usize::try_from(self.revision.checked_sub(revision)?).ok()?;
        self.window.len().checked_sub(behind)
    }
}

#[cfg(test)]
mod tests;
