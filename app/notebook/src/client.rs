//! The browser's half: acknowledged, in flight, pending; rebase, resend, per-person undo.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::changes::Changes;
use crate::document::{check_batch, check_line_ends, check_uncuttable};
use crate::presence::{Place, Places, Present};
use crate::{Accepted, CellId, NotebookDoc, Operation, Refused, Snapshot, Submission, limits};

mod history;
mod spacing;

use history::{History, Step};

/// One tab's writing identity: 1 to 40 of `A-Z a-z 0-9 - _`, random, never reused by another person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

impl ClientId {
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let valid = (1..=40).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        valid.then_some(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ClientId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text).ok_or("a client id is 1 to 40 letters, digits, - or _")
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}

/// What a view has to redraw. Text deltas are in the coordinates of the view's own text at that moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Cells came, went or moved: read [`crate::NotebookDoc::cells`] again.
    Cells,
    /// A cell's text changed by this delta.
    Source {
        cell: crate::CellId,
        delta: crate::Delta,
    },
    /// A cell's kind, metadata or attachments changed.
    Cell(crate::CellId),
    Metadata,
    /// The document was replaced (resynchronisation): read all again.
    All,
    /// Someone deleted a cell in which you have typed lately: offer to restore it.
    DeletedUnderYou {
        cell: crate::CellId,
    },
}

/// Unacknowledged work as it is kept across a crash of the tab. Save after every edit and before every sending.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    pub client: ClientId,
    pub base: Snapshot,
    /// Sent, not acknowledged, with its sequence.
    pub in_flight: Option<Submission>,
    /// Batches behind it that have their sequence already: of earlier crashes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queued: Vec<Submission>,
    pub pending: Vec<Operation>,
    pub next_sequence: u64,
    /// Whether what is pending may have been sent after this was saved. Not before the tab has joined.
    #[serde(default)]
    pub connected: bool,
}

/// A replica in a tab: shows local edits at once, sends one batch at a time, rebases over everyone else's.
///
/// Three layers: `base` is the server's document, on it stand the batches that have a sequence (the first of them may be
/// on its way), on them what is pending. `view` is all of it together.
#[derive(Debug)]
pub struct Client {
    id: ClientId,
    base: Snapshot,
    queue: VecDeque<Batch>,
    pending: Changes,
    /// What is pending is at most about so large.
    pending_bytes: usize,
    piece_bytes: usize,
    next_sequence: u64,
    view: NotebookDoc,
    history: History,
    /// Cells typed in, with the time of the last key; the newest last.
    typed: Vec<(CellId, f64)>,
    now: f64,
    joined: bool,
    /// A hole was found in the log. What is sent now could be in the log before the answer to the next join is heard, as
    /// another text than the one rebased on that answer: until then nothing goes out, and what comes in is older than it.
    lost: bool,
    /// A refused batch was rebased on the snapshot that came with the refusal; a second refusal takes it back.
    retried: bool,
    places: Places,
}

/// A batch that has its sequence.
#[derive(Debug)]
struct Batch {
    sequence: u64,
    changes: Changes,
    sent: bool,
}

/// Someone who typed in a cell within this time is told when it is deleted.
const LATELY_MS: f64 = 120_000.0;

impl Client {
    pub fn new(client: ClientId, snapshot: Snapshot) -> Self {
        Self {
            id: client,
            view: snapshot.document.clone(),
            base: snapshot,
            queue: VecDeque::new(),
            pending: Changes::default(),
            pending_bytes: 0,
            piece_bytes: limits::PIECE_BYTES,
            next_sequence: 1,
            history: History::default(),
            typed: Vec::new(),
            now: 0.0,
            joined: true,
            lost: false,
            retried: false,
            places: Places::default(),
        }
    }

    /// Sends batches of about so many bytes, where [`limits::PIECE_BYTES`] is not right.
    #[must_use]
    pub fn in_pieces_of(mut self, bytes: usize) -> Self {
        self.piece_bytes = bytes;
        self
    }

    /// From what [`Client::save`] kept; join with [`Client::revision`] afterwards.
    pub fn restore(saved: Saved) -> Result<Self, Refused> {
        let mut client = Self::new(saved.client, saved.base);
        client.joined = false;
        client.next_sequence = saved.next_sequence;
        let mut cuts = 0;
        for (at, batch) in saved.in_flight.into_iter().chain(saved.queued).enumerate() {
            let changes = Changes::from_operations(&batch.operations)?;
            client.view.apply_changes(changes.clone(), false)?;
            let pieces = client.sendable(&batch.operations, changes);
            // What came behind a batch that was cut now waited for it: none of it has been sent.
            for (piece, changes) in pieces.into_iter().enumerate() {
                cuts += u64::from(piece > 0);
                client.queue.push_back(Batch {
                    sequence: batch.sequence + cuts,
                    changes,
                    sent: at == 0 && piece == 0,
                });
            }
        }
        client.next_sequence += cuts;
        let pending = Changes::from_operations(&saved.pending)?;
        client.view.apply_changes(pending.clone(), false)?;
        if saved.connected && !pending.is_empty() {
            // It may have been sent with the next sequence since: then nothing may be added to it.
            for changes in client.sendable(&saved.pending, pending) {
                client.push(changes);
            }
        } else {
            client.enqueue(pending)?;
        }
        Ok(client)
    }

    pub fn save(&self) -> Saved {
        let mut batches = self.queue.iter();
        let in_flight = batches.next().map(|batch| self.submission(batch));
        Saved {
            client: self.id.clone(),
            base: self.base.clone(),
            in_flight,
            queued: batches.map(|batch| self.submission(batch)).collect(),
            pending: self.pending.clone().into_operations(),
            next_sequence: self.next_sequence,
            connected: self.joined,
        }
    }

    pub fn id(&self) -> &ClientId {
        &self.id
    }

    /// The document with everything typed here.
    pub fn document(&self) -> &NotebookDoc {
        &self.view
    }

    /// The last server revision folded in.
    pub fn revision(&self) -> u64 {
        self.base.revision
    }

    /// Operations typed here that are not known to be durable.
    pub fn unacknowledged(&self) -> usize {
        self.pending.len()
            + self
                .queue
                .iter()
                .map(|batch| batch.changes.len())
                .sum::<usize>()
    }

    /// Where others stand, in the document as it is here, by seat.
    pub fn places(&self) -> BTreeMap<u32, Place> {
        let batches = self.queue.iter().map(|batch| &batch.changes);
        self.places
            .over(batches.chain(std::iter::once(&self.pending)))
    }

    /// Everyone in the room, as of a revision (that of [`crate::wire::Hear::People`] or of the join).
    pub fn seated(&mut self, people: &[Present], revision: u64) {
        self.places.seat(people, revision, self.base.revision);
    }

    /// Somebody moved, as of a revision.
    pub fn moved(&mut self, seat: u32, place: Option<Place>, revision: u64) {
        self.places.put(seat, place, revision, self.base.revision);
    }

    /// Applies your operations and queues them. What the studio would not take is refused here already, but for order
    /// keys that are too long for it: then the cells around them are moved apart as well. The operations become one undo
    /// step unless they continue the last one (typing in the same cell within a second; pass the time in milliseconds).
    pub fn edit(
        &mut self,
        operations: Vec<Operation>,
        now_ms: f64,
    ) -> Result<Vec<Change>, Refused> {
        let mut changes = Changes::from_operations(&operations)?;
        check_uncuttable(&operations)?;
        check_line_ends(&operations)?;
        spacing::make_room(&mut changes, &self.view);
        let inverse = changes.invert(&self.view)?.with_line_feeds();
        self.view.apply_changes(changes.clone(), true)?;
        self.now = now_ms;
        for (id, change) in &changes.cells {
            if !change.delta.is_empty() {
                self.typed
                    .retain(|(typed, at)| typed != id && now_ms - at < LATELY_MS);
                self.typed.push((id.clone(), now_ms));
            }
        }
        self.history.done(&changes, inverse, now_ms);
        let redraw = redraw(&changes);
        self.enqueue(changes)?;
        Ok(redraw)
    }

    /// Undo or redo your own last step; others' edits stay. `None` when there is none.
    pub fn undo(&mut self) -> Option<Vec<Change>> {
        let step = self.history.undo.pop()?;
        let (inverse, redraw) = self.step(step)?;
        self.history.redo.push(inverse);
        Some(redraw)
    }

    pub fn redo(&mut self) -> Option<Vec<Change>> {
        let step = self.history.redo.pop()?;
        let (inverse, redraw) = self.step(step)?;
        self.history.undo.push(inverse);
        Some(redraw)
    }

    pub fn can_undo(&self) -> bool {
        !self.history.undo.is_empty()
    }

    pub fn can_redo(&self) -> bool {
        !self.history.redo.is_empty()
    }

    /// The next batch to send, when none is in flight and something is pending. It is then in flight.
    /// Save before sending it: what was sent and not saved could be taken for new work after a crash.
    pub fn outgoing(&mut self) -> Option<Submission> {
        if !self.joined || self.lost {
            return None;
        }
        if self.queue.is_empty() && !self.pending.is_empty() {
            self.seal();
        }
        let first = self.queue.front_mut()?;
        if std::mem::replace(&mut first.sent, true) {
            return None;
        }
        self.queue.front().map(|batch| self.submission(batch))
    }

    /// After a reconnect: the batch in flight, to be sent again as it is, if the server has not `received` it.
    /// Ask after [`Client::joined`].
    pub fn resend(&self, received: u64) -> Option<Submission> {
        self.queue
            .front()
            .filter(|batch| batch.sent && batch.sequence > received && !self.lost)
            .map(|batch| self.submission(batch))
    }

    pub fn acknowledged(&mut self, sequence: u64, revision: u64) -> Vec<Change> {
        let fits = |batch: &Batch| batch.sent && batch.sequence == sequence;
        if revision == self.base.revision + 1
            && self.queue.front().is_some_and(fits)
            && let Some(batch) = self.queue.pop_front()
        {
            self.retried = false;
            self.base.revision = revision;
            self.places.follow(&batch.changes, &self.id, revision);
            if self
                .base
                .document
                .apply_changes(batch.changes, false)
                .is_err()
            {
                // Only a replica that has gone wrong gets here: from now on every batch is a hole, and the tab joins again.
                self.base.revision = u64::MAX;
            }
        }
        Vec::new()
    }

    /// A batch of the log, anyone's: your own in-flight batch in it counts as its acknowledgement. One already known is
    /// ignored; a hole is an error. Then join again from [`Client::revision`]: what comes until the answer is ignored.
    pub fn receive(&mut self, batch: Accepted) -> Result<Vec<Change>, Refused> {
        if self.lost {
            return Ok(Vec::new());
        }
        let outcome = self.take(batch);
        self.lost = outcome.is_err();
        outcome
    }

    fn take(&mut self, batch: Accepted) -> Result<Vec<Change>, Refused> {
        if batch.revision <= self.base.revision && self.base.revision != u64::MAX {
            return Ok(Vec::new());
        }
        if batch.revision != self.base.revision.wrapping_add(1) {
            return Err(Refused::Gap);
        }
        let changes = Changes::from_operations(&batch.operations)?;
        self.places.follow(&changes, &batch.client, batch.revision);
        let own = batch.client == self.id;
        if own {
            self.next_sequence = self.next_sequence.max(batch.sequence + 1);
        }
        if own
            && self
                .queue
                .front()
                .is_some_and(|first| first.sequence == batch.sequence)
        {
            return self.settle(batch.revision, changes);
        }
        self.base.document.apply_changes(changes.clone(), false)?;
        self.base.revision = batch.revision;
        self.fold(changes)
    }

    /// The answer to `join`: catch up from the log or a snapshot. With a snapshot, unacknowledged work is kept where it still fits;
    /// what does not fit is returned so that it can be offered to the person.
    pub fn joined(
        &mut self,
        state: crate::wire::JoinedState,
        received: u64,
    ) -> Result<(Vec<Change>, Vec<Operation>), Refused> {
        self.lost = true;
        let result = match state {
            crate::wire::JoinedState::Since(batches) => {
                let mut redraw = Vec::new();
                let mut new = BTreeSet::new();
                for batch in batches {
                    new.extend(
                        batch
                            .operations
                            .iter()
                            .filter_map(|operation| match operation {
                                Operation::InsertCell { cell, .. }
                                    if self.view.cell(cell).is_none() =>
                                {
                                    Some(cell.clone())
                                }
                                _ => None,
                            }),
                    );
                    redraw.extend(self.take(batch)?);
                }
                // Whoever reads the new cells reads them as they are now, with all that came after.
                redraw.retain(|change| !matches!(change, Change::Source { cell, .. } | Change::Cell(cell) if new.contains(cell)));
                // Received, and yet in no batch since: it is in the base already.
                if self
                    .queue
                    .front()
                    .is_some_and(|batch| batch.sequence <= received)
                {
                    let base = self.base.clone();
                    self.rebase(base, received)?
                } else {
                    (redraw, Vec::new())
                }
            }
            crate::wire::JoinedState::Snapshot(snapshot) => self.rebase(snapshot, received)?,
        };
        (self.joined, self.lost) = (true, false);
        // A studio restored from a backup may have received less than it once acknowledged.
        for (sequence, batch) in (received + 1..).zip(&mut self.queue) {
            batch.sequence = sequence;
        }
        self.next_sequence = received + 1 + self.queue.len() as u64;
        if self.pending_bytes > self.piece_bytes {
            self.pending_bytes = 0;
            let pending = std::mem::take(&mut self.pending);
            self.enqueue(pending)?;
        }
        Ok(result)
    }

    /// The server refused your batch: it is taken back; returns the operations of it for the person to keep.
    /// With a snapshot the batch was late rather than wrong: it is rebased on it and sent once more.
    pub fn refused(
        &mut self,
        sequence: u64,
        resync: Option<Snapshot>,
    ) -> (Vec<Change>, Vec<Operation>) {
        if self
            .queue
            .front()
            .is_none_or(|batch| batch.sequence != sequence)
        {
            return (Vec::new(), Vec::new());
        }
        let retry = resync.is_some() && !self.retried;
        let base = resync.unwrap_or_else(|| self.base.clone());
        if retry {
            self.retried = true;
            return match self.rebase(base, sequence.saturating_sub(1)) {
                Ok(result) => {
                    if let Some(first) = self.queue.front_mut() {
                        first.sent = false;
                    }
                    result
                }
                Err(_) => (Vec::new(), Vec::new()),
            };
        }
        self.retried = false;
        let taken_back = self
            .queue
            .front()
            .map(|batch| batch.changes.clone())
            .unwrap_or_default();
        let (redraw, homeless) = self.rebase(base, sequence).unwrap_or_default();
        for (sequence, batch) in (sequence..).zip(&mut self.queue) {
            batch.sequence = sequence;
        }
        self.next_sequence = sequence + self.queue.len() as u64;
        let mut kept = taken_back.into_operations();
        kept.extend(homeless);
        (redraw, kept)
    }

    /// The sequence of the batch that was sent and is not acknowledged.
    pub fn in_flight(&self) -> Option<u64> {
        let first = self.queue.front()?;
        first.sent.then_some(first.sequence)
    }

    /// The studio does not understand what is in flight: it is taken back and returned, for the person to keep. What is
    /// behind it is kept where it still fits.
    pub fn give_up(&mut self) -> Vec<Operation> {
        match self.queue.front() {
            Some(first) if first.sent => {
                let sequence = first.sequence;
                self.refused(sequence, None).1
            }
            _ => Vec::new(),
        }
    }

    fn submission(&self, batch: &Batch) -> Submission {
        Submission {
            client: self.id.clone(),
            sequence: batch.sequence,
            base: self.base.revision,
            operations: batch.changes.clone().into_operations(),
        }
    }

    /// Adds changes to what is pending. What is too large for one batch becomes several, and those behind which more comes
    /// get their sequence now. What was pending before stays whole in its batch: a save of it may be older than this.
    fn enqueue(&mut self, changes: Changes) -> Result<(), Refused> {
        let bytes = changes.weight();
        // Before the join nobody knows what the studio has received: a sequence given now could be one it knows already.
        if !self.joined || self.pending_bytes + bytes <= self.piece_bytes {
            self.pending_bytes += bytes;
            return self.pending.compose(changes);
        }
        self.seal();
        for piece in changes.pieces(self.piece_bytes) {
            self.seal();
            self.pending_bytes = piece.weight();
            self.pending = piece;
        }
        Ok(())
    }

    /// A kept batch as it was, for it may be in the log; in pieces where it is larger than the studio takes: then it
    /// cannot be, whoever sent it.
    fn sendable(&self, operations: &[Operation], changes: Changes) -> Vec<Changes> {
        if check_batch(operations).is_ok() {
            vec![changes]
        } else {
            changes.pieces(self.piece_bytes)
        }
    }

    /// What is pending becomes a batch of its own.
    fn seal(&mut self) {
        self.pending_bytes = 0;
        let changes = std::mem::take(&mut self.pending);
        if !changes.is_empty() {
            self.push(changes);
        }
    }

    /// A batch behind the others, with the next sequence.
    fn push(&mut self, changes: Changes) {
        self.queue.push_back(Batch {
            sequence: self.next_sequence,
            changes,
            sent: false,
        });
        self.next_sequence += 1;
    }

    /// Does an undo or redo step as an edit; returns what takes it back.
    fn step(&mut self, step: Step) -> Option<(Step, Vec<Change>)> {
        let inverse = step.changes.invert(&self.view).ok()?.with_line_feeds();
        self.view.apply_changes(step.changes.clone(), false).ok()?;
        let redraw = redraw(&step.changes);
        self.enqueue(step.changes).ok()?;
        Some((
            Step {
                changes: inverse,
                typing: None,
            },
            redraw,
        ))
    }

    /// The first batch of the queue is in the log, as `logged`.
    fn settle(&mut self, revision: u64, logged: Changes) -> Result<Vec<Change>, Refused> {
        let Some(batch) = self.queue.pop_front() else {
            return Ok(Vec::new());
        };
        self.retried = false;
        self.base.revision = revision;
        if batch.changes == logged {
            self.base.document.apply_changes(logged, false)?;
            return Ok(Vec::new());
        }
        // The log holds more than is known here: what was typed after the save that this tab was restored from.
        let mut expected = self.base.document.clone();
        self.base.document.apply_changes(logged.clone(), false)?;
        expected.apply_changes(batch.changes.clone(), false)?;
        let ids: BTreeSet<&CellId> = batch
            .changes
            .cells
            .keys()
            .chain(logged.cells.keys())
            .collect();
        let difference = Changes::between(&expected, &self.base.document, ids.into_iter());
        self.fold(difference)
    }

    /// Lets a change of the base shine through to the view.
    fn fold(&mut self, mut remote: Changes) -> Result<Vec<Change>, Refused> {
        for batch in &mut self.queue {
            Changes::transform(&mut remote, &mut batch.changes);
        }
        Changes::transform(&mut remote, &mut self.pending);
        self.history.stand_after(&remote);
        let mut redraw = redraw(&remote);
        for (id, change) in &remote.cells {
            let lately = |(typed, at): &(CellId, f64)| typed == id && self.now - at < LATELY_MS;
            if change.deleted == Some(true)
                && change.insert.is_none()
                && self.view.cell(id).is_some_and(|cell| !cell.deleted)
                && self.typed.iter().any(lately)
            {
                redraw.push(Change::DeletedUnderYou { cell: id.clone() });
            }
        }
        self.view.apply_changes(remote, false)?;
        Ok(redraw)
    }

    /// Puts unacknowledged work on another base, in which the batches up to `received` are contained (or given up).
    /// Returns what does not fit there.
    fn rebase(
        &mut self,
        base: Snapshot,
        received: u64,
    ) -> Result<(Vec<Change>, Vec<Operation>), Refused> {
        let mut old = std::mem::take(&mut self.base.document);
        while let Some(batch) = self.queue.pop_front_if(|batch| batch.sequence <= received) {
            old.apply_changes(batch.changes, false)?;
        }
        let ids: BTreeSet<&CellId> = old.cells.keys().chain(base.document.cells.keys()).collect();
        let mut difference = Changes::between(&old, &base.document, ids.into_iter());
        let mut view = base.document.clone();
        let mut kept = Vec::new();
        for changes in self
            .queue
            .iter_mut()
            .map(|batch| &mut batch.changes)
            .chain([&mut self.pending])
        {
            Changes::transform(&mut difference, changes);
            kept.extend(changes.take_homeless(&view).into_operations());
            if view.apply_changes(changes.clone(), false).is_err() {
                kept.extend(std::mem::take(changes).into_operations());
            }
        }
        let ids: BTreeSet<&CellId> = self.view.cells.keys().chain(view.cells.keys()).collect();
        let seen = Changes::between(&self.view, &view, ids.into_iter());
        self.history.stand_after(&seen);
        self.history.forget_homeless(&view);
        self.base = base;
        self.places.lose();
        self.view = view;
        Ok((vec![Change::All], kept))
    }
}

/// What a view shows differently after these changes.
fn redraw(changes: &Changes) -> Vec<Change> {
    let mut redraw = Vec::new();
    if changes
        .cells
        .values()
        .any(|change| change.insert.is_some() || change.deleted.is_some() || change.order.is_some())
    {
        redraw.push(Change::Cells);
    }
    for (id, change) in &changes.cells {
        if change.insert.is_some() {
            continue;
        }
        if !change.delta.is_empty() {
            redraw.push(Change::Source {
                cell: id.clone(),
                delta: change.delta.clone(),
            });
        }
        if change.kind.is_some() || !change.metadata.is_empty() || !change.attachments.is_empty() {
            redraw.push(Change::Cell(id.clone()));
        }
    }
    if !changes.metadata.is_empty() {
        redraw.push(Change::Metadata);
    }
    redraw
}

#[cfg(test)]
mod tests;
