//! Folding: what a kernel said becomes events of the run log, in batches. No I/O.

mod batch;
mod outputs;

use std::collections::{BTreeMap, HashMap, VecDeque};

use notebook::CellId;
use notebook::runs::{Happening, Output, RunState, StreamName};
use serde_json::Value;

pub use self::batch::{Batch, Draft};
use crate::message::{Header, Message};
use crate::protocol::Note;
use crate::spool::{Channel, Entry, Record};
use crate::text::Stream;

/// Text of one run that is kept in the log; the supervisor writes the whole to a file beyond it.
pub const TEXT_LIMIT: usize = 1024 * 1024;
/// Outputs, updates and clears of one run that are kept in the log.
pub const EVENT_LIMIT: usize = 10_000;
/// So much of the spool is kept to count a running cell's outputs anew; of one that said more, counting starts late.
const HOLD: u64 = 32 * 1024 * 1024;
/// Ended runs that still get what their threads print later.
const REMEMBERED: usize = 10_000;

#[derive(Debug)]
struct Run {
    cell: CellId,
    over: bool,
    /// Where its records begin in the spool.
    from: u64,
    /// Text bytes in the log since the last clear.
    shown: usize,
    events: usize,
    /// Bytes that are nowhere any more, and those that are only in the spill file.
    lost: u64,
    beyond: u64,
    noticed: bool,
    /// Updates beyond the limit: only the last of each counts.
    late_updates: BTreeMap<String, Draft>,
}

/// Everything that must be remembered between two records.
#[derive(Debug, Default)]
pub struct Fold {
    runs: HashMap<String, Run>,
    ended: VecDeque<String>,
    /// Records before this offset are in the log already: they are only counted.
    silent_before: u64,
    silent: bool,
}

impl Fold {
    pub fn new(mark: u64) -> Self {
        Self {
            silent_before: mark,
            ..Self::default()
        }
    }

    /// A run that began before the first record that will come.
    pub fn remember(&mut self, run: &str, cell: &CellId, over: bool, from: u64) {
        if self.runs.contains_key(run) {
            return;
        }
        self.runs
            .insert(run.to_owned(), Run::new(cell.clone(), over, from));
        if over {
            self.ended.push_back(run.to_owned());
        }
    }

    /// Does this run go on?
    pub fn is_open(&self, run: &str) -> bool {
        self.runs.get(run).is_some_and(|run| !run.over)
    }

    /// Everything before this may be deleted once `offset` is in the log: what is needed to rebuild this fold stays.
    pub fn releasable(&self, offset: u64) -> u64 {
        self.runs
            .values()
            .filter(|run| !run.over && offset.saturating_sub(run.from) < HOLD)
            .map(|run| run.from)
            .min()
            .unwrap_or(offset)
            .min(offset)
    }

    /// How many events the busiest running cell has made; the more, the rarer the appends.
    pub fn chattiness(&self) -> usize {
        self.runs
            .values()
            .filter(|run| !run.over)
            .map(|run| run.events)
            .max()
            .unwrap_or(0)
    }

    /// Folds a record that begins at `offset` into the batch.
    pub fn take(&mut self, offset: u64, record: Record, batch: &mut Batch) {
        let mut unseen = Batch::default();
        self.silent = offset < self.silent_before;
        let batch = if self.silent { &mut unseen } else { batch };
        let at = record.at;
        match record.what {
            Entry::Note(json) => {
                if let Ok(note) = serde_json::from_slice::<Note>(&json) {
                    self.note(offset, at, note, batch);
                }
            }
            Entry::Text { run, stderr, text } => {
                let name = if stderr {
                    StreamName::Stderr
                } else {
                    StreamName::Stdout
                };
                self.text(&run, at, name, &String::from_utf8_lossy(&text), batch);
            }
            Entry::Message(channel, message) => {
                if let Some((header, parent)) = message.heads() {
                    self.message(at, channel, &header, &parent, &message, batch);
                }
            }
        }
    }

    fn note(&mut self, offset: u64, at: i64, note: Note, batch: &mut Batch) {
        match note {
            Note::Started { run, cell, asked } => {
                let fresh = Run::new(cell, false, offset);
                let known = self.runs.entry(run.clone()).or_insert(fresh);
                known.from = offset;
                batch.asked.insert(run.clone(), asked);
                self.emit(&run, at, Happening::Started, batch);
            }
            Note::InputGiven { run, echo } => {
                self.emit(&run, at, Happening::InputGiven, batch);
                self.text(&run, at, StreamName::Stdout, &echo, batch);
            }
            Note::Beyond { run, bytes } => {
                if let Some(known) = self.runs.get_mut(&run) {
                    known.beyond = bytes;
                    self.notice(&run, at, batch);
                }
            }
            Note::Dropped { run, bytes } => {
                if let Some(run) = self.runs.get_mut(&run) {
                    run.lost += bytes;
                }
            }
            Note::Ended {
                run,
                cell,
                state,
                why,
            } => {
                self.runs
                    .entry(run.clone())
                    .or_insert_with(|| Run::new(cell, false, offset));
                self.end(&run, at, state, why, batch);
            }
            Note::Died { .. } => {}
        }
    }

    /// Ends a run: what was held back comes out, then the end itself.
    pub fn end(
        &mut self,
        id: &str,
        at: i64,
        state: RunState,
        why: Option<String>,
        batch: &mut Batch,
    ) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        if run.over {
            return;
        }
        run.over = true;
        let cell = run.cell.clone();
        for (_, draft) in std::mem::take(&mut run.late_updates) {
            batch.push(draft);
        }
        let (bytes, has_spill) = (run.lost + run.beyond, run.beyond > 0);
        if bytes > 0 {
            batch.push(Draft {
                run: id.into(),
                cell,
                at,
                what: Happening::Truncated { bytes, blob: None },
                has_spill,
            });
        }
        self.emit(id, at, Happening::Ended { state, why }, batch);
        self.ended.push_back(id.to_owned());
        if self.ended.len() > REMEMBERED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.runs.remove(&oldest);
        }
    }

    fn message(
        &mut self,
        at: i64,
        channel: Channel,
        header: &Header,
        parent: &Header,
        message: &Message,
        batch: &mut Batch,
    ) {
        let run = parent.msg_id.as_str();
        if !self.runs.contains_key(run) {
            return;
        }
        match (channel, header.msg_type.as_str()) {
            (Channel::Iopub, "stream") => match Stream::of(&message.content) {
                Some(stream) => self.text(run, at, stream.name, &stream.whole(), batch),
                None => self.unreadable(run, at, batch),
            },
            (
                Channel::Iopub,
                "status" | "iopub_welcome" | "comm_open" | "comm_msg" | "comm_close",
            ) => {}
            (Channel::Iopub, kind) => match message.json() {
                Some(content) => self.output(run, at, kind, content, message.content.len(), batch),
                None => self.unreadable(run, at, batch),
            },
            (Channel::Stdin, "input_request") => {
                let content = message.json().unwrap_or_default();
                let prompt = content["prompt"].as_str().unwrap_or_default().to_owned();
                let password = content["password"].as_bool().unwrap_or(false);
                self.emit(run, at, Happening::AskInput { prompt, password }, batch);
            }
            (Channel::Shell, "execute_reply") => {
                for output in outputs::pages(message.json().unwrap_or_default()) {
                    self.emit(run, at, Happening::Output { output }, batch);
                }
            }
            _ => {}
        }
    }

    fn output(
        &mut self,
        run: &str,
        at: i64,
        kind: &str,
        content: Value,
        bytes: usize,
        batch: &mut Batch,
    ) {
        let Some(what) = outputs::happening(kind, content) else {
            return;
        };
        let Some(state) = self.runs.get_mut(run) else {
            return;
        };
        if what == (Happening::Clear { wait: false }) || what == (Happening::Clear { wait: true }) {
            state.shown = 0;
        }
        let counted = !matches!(what, Happening::ExecutionCount { .. })
            && !matches!(
                &what,
                Happening::Output {
                    output: Output::Error { .. }
                }
            );
        if counted && state.events >= EVENT_LIMIT {
            if let Happening::Update { display_id, .. } = &what {
                let draft = Draft {
                    run: run.into(),
                    cell: state.cell.clone(),
                    at,
                    what: what.clone(),
                    has_spill: false,
                };
                state.late_updates.insert(display_id.clone(), draft);
            } else {
                state.lost += bytes as u64;
                self.notice(run, at, batch);
            }
            return;
        }
        self.emit(run, at, what, batch);
    }

    fn unreadable(&mut self, run: &str, at: i64, batch: &mut Batch) {
        self.text(
            run,
            at,
            StreamName::Stderr,
            "[an output of the kernel is not valid JSON and cannot be shown]\n",
            batch,
        );
    }

    fn text(&mut self, id: &str, at: i64, name: StreamName, text: &str, batch: &mut Batch) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        if text.is_empty() {
            return;
        }
        let room = TEXT_LIMIT.saturating_sub(run.shown);
        let (shown, lost) = text.split_at(text.floor_char_boundary(room.min(text.len())));
        run.shown += shown.len();
        run.lost += lost.len() as u64;
        if !shown.is_empty() {
            self.emit(
                id,
                at,
                Happening::Stream {
                    name,
                    text: shown.to_owned(),
                },
                batch,
            );
        }
        if !lost.is_empty() {
            self.notice(id, at, batch);
        }
    }

    /// Says once, while the run goes on, that not everything is kept inline.
    fn notice(&mut self, id: &str, at: i64, batch: &mut Batch) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        if !std::mem::replace(&mut run.noticed, true) {
            let bytes = run.lost + run.beyond;
            self.emit(id, at, Happening::Truncated { bytes, blob: None }, batch);
        }
    }

    fn emit(&mut self, id: &str, at: i64, what: Happening, batch: &mut Batch) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        let draft = Draft {
            run: id.to_owned(),
            cell: run.cell.clone(),
            at,
            what,
            has_spill: false,
        };
        if batch.push(draft) {
            run.events += 1;
        }
    }
}

impl Run {
    fn new(cell: CellId, over: bool, from: u64) -> Self {
        Self {
            cell,
            over,
            from,
            shown: 0,
            events: 0,
            lost: 0,
            beyond: 0,
            noticed: false,
            late_updates: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests;
