//! Folding: what a kernel said becomes events of the run log, in batches. No I/O.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};

use notebook::runs::{Happening, Output, RunState, StreamName};
use notebook::{CellId, Map};
use serde::Deserialize;
use serde_json::Value;

use crate::message::{Header, Message};
use crate::protocol::{Note, Status};
use crate::spool::{Channel, Entry, Record};

/// Text of one run that is kept in the log; the whole goes to a file beyond it.
pub const TEXT_LIMIT: usize = 1024 * 1024;
/// Outputs, updates and clears of one run that are kept in the log.
pub const EVENT_LIMIT: usize = 10_000;
/// Ended runs that still get what their threads print later.
const REMEMBERED: usize = 10_000;

/// An event without its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub run: String,
    pub cell: CellId,
    pub at: i64,
    pub what: Happening,
    /// The whole text of the run is in its spill file now: keep it as a blob and name it here.
    pub attach_spill: bool,
}

/// Text that goes to a run's spill file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spilled {
    pub bytes: Vec<u8>,
    /// What is not shown inline so far; for the notice.
    pub lost: u64,
    pub shown: usize,
    /// The run is over and nothing was lost: the file is not needed.
    pub discard: bool,
}

/// What one append to the log will hold.
#[derive(Debug, Default)]
pub struct Batch {
    pub drafts: Vec<Draft>,
    pub spills: BTreeMap<String, Spilled>,
    pub status: Option<Status>,
    /// Bytes of the spool that are folded in.
    pub offset: u64,
    weight: usize,
    /// Something in it should not wait for more text.
    urgent: bool,
    /// Something in it is more than a change of state.
    shown: bool,
}

impl Batch {
    pub fn weight(&self) -> usize {
        self.weight
    }

    pub fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// Only changes of state: a short cell is over in a moment, and then one append will do for all of it.
    pub fn is_quiet(&self) -> bool {
        !self.shown && self.spills.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty() && self.spills.is_empty() && self.status.is_none()
    }

    /// Adds an event; says whether the log grows by it.
    fn push(&mut self, draft: Draft) -> bool {
        match (&draft.what, self.drafts.last_mut()) {
            (Happening::Stream { name, text }, Some(last)) if last.run == draft.run => {
                if let Happening::Stream {
                    name: before,
                    text: whole,
                } = &mut last.what
                    && before == name
                {
                    self.weight += text.len();
                    whole.push_str(text);
                    return false;
                }
            }
            (Happening::Update { display_id, .. }, _) => {
                let updates = self
                    .drafts
                    .iter_mut()
                    .rev()
                    .take_while(|earlier| matches!(earlier.what, Happening::Update { .. }));
                for earlier in updates {
                    if matches!(&earlier.what, Happening::Update { display_id: same, .. } if same == display_id)
                    {
                        *earlier = draft;
                        return false;
                    }
                }
            }
            (Happening::Clear { wait: false }, _) => self.forget_outputs(&draft.run),
            (Happening::Clear { wait: true }, Some(last))
                if last.run == draft.run && last.what == draft.what =>
            {
                return false;
            }
            _ => {}
        }
        if matches!(
            draft.what,
            Happening::Stream { .. } | Happening::Output { .. }
        ) && self.drafts.last().is_some_and(|last| {
            last.run == draft.run && last.what == Happening::Clear { wait: true }
        }) {
            // It is cleared now, so what came before in this batch need never be shown.
            if let Some(clear) = self.drafts.pop() {
                self.forget_outputs(&draft.run);
                self.drafts.push(clear);
            }
        }
        self.weight += match &draft.what {
            Happening::Stream { text, .. } => text.len() + 64,
            _ => 256,
        };
        self.urgent |= matches!(
            draft.what,
            Happening::AskInput { .. } | Happening::InputGiven | Happening::Ended { .. }
        );
        self.shown |= !matches!(
            draft.what,
            Happening::Started | Happening::ExecutionCount { .. }
        );
        self.drafts.push(draft);
        true
    }

    fn forget_outputs(&mut self, run: &str) {
        self.drafts.retain(|draft| {
            draft.run != run
                || !matches!(
                    draft.what,
                    Happening::Stream { .. } | Happening::Output { .. } | Happening::Clear { .. }
                )
        });
    }

    fn spill(&mut self, run: &str, bytes: &[u8], lost: u64, shown: usize) {
        let spilled = self.spills.entry(run.to_owned()).or_default();
        spilled.bytes.extend_from_slice(bytes);
        spilled.lost = lost;
        spilled.shown = shown;
        self.weight += bytes.len();
    }
}

#[derive(Debug)]
struct Run {
    cell: CellId,
    over: bool,
    /// Where its records begin in the spool.
    from: u64,
    /// The whole text while it is short enough to be kept in memory.
    whole: Vec<u8>,
    spilling: bool,
    /// Text bytes in the log since the last clear.
    shown: usize,
    events: usize,
    lost: u64,
    noticed: bool,
    /// Its counts come from its spill file: text before the mark must not be counted again.
    recovered: bool,
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

    /// A run whose text went to a spill file already.
    pub fn remember_spill(&mut self, run: &str, lost: u64, shown: usize) {
        if let Some(run) = self.runs.get_mut(run) {
            run.spilling = true;
            run.recovered = true;
            run.lost = lost;
            run.shown = shown;
            run.noticed = lost > 0;
        }
    }

    /// Everything before this may be deleted once `offset` is in the log: what is needed to rebuild this fold stays.
    pub fn releasable(&self, offset: u64) -> u64 {
        self.runs
            .values()
            .filter(|run| !run.over && !run.spilling)
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
            Note::Started { run, cell } => {
                let fresh = Run::new(cell, false, offset);
                let known = self.runs.entry(run.clone()).or_insert(fresh);
                known.from = offset;
                self.emit(&run, at, Happening::Started, batch);
            }
            Note::InputGiven { run, echo } => {
                self.emit(&run, at, Happening::InputGiven, batch);
                self.text(&run, at, StreamName::Stdout, &echo, batch);
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
        let whole = std::mem::take(&mut run.whole);
        if run.lost > 0 {
            if !run.spilling {
                batch.spill(id, &whole, run.lost, run.shown);
                run.spilling = true;
            }
            let what = Happening::Truncated {
                bytes: run.lost,
                blob: None,
            };
            batch.push(Draft {
                run: id.into(),
                cell,
                at,
                what,
                attach_spill: true,
            });
        } else if run.spilling {
            batch.spills.entry(id.to_owned()).or_default().discard = true;
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
            (Channel::Iopub, "stream") => {
                match serde_json::from_slice::<Stream<'_>>(&message.content) {
                    Ok(stream) => self.text(run, at, stream.name(), &stream.text, batch),
                    Err(_) => self.unreadable(run, at, batch),
                }
            }
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
            (Channel::Shell, "execute_reply") => self.pages(run, at, message, batch),
            _ => {}
        }
    }

    fn output(
        &mut self,
        run: &str,
        at: i64,
        kind: &str,
        mut content: Value,
        bytes: usize,
        batch: &mut Batch,
    ) {
        let mut map = |name: &str| match content[name].take() {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let what = match kind {
            "display_data" => {
                let (data, metadata) = (map("data"), map("metadata"));
                Happening::Output {
                    output: Output::DisplayData {
                        data,
                        metadata,
                        display_id: display_id(&content),
                    },
                }
            }
            "execute_result" => {
                let (data, metadata) = (map("data"), map("metadata"));
                let execution_count = content["execution_count"].as_u64();
                let display_id = display_id(&content);
                Happening::Output {
                    output: Output::ExecuteResult {
                        data,
                        metadata,
                        execution_count,
                        display_id,
                    },
                }
            }
            "update_display_data" => {
                let (data, metadata) = (map("data"), map("metadata"));
                let Some(display_id) = display_id(&content) else {
                    return;
                };
                Happening::Update {
                    display_id,
                    data,
                    metadata,
                }
            }
            "clear_output" => Happening::Clear {
                wait: content["wait"].as_bool().unwrap_or(false),
            },
            "error" => {
                let text = |name: &str| content[name].as_str().unwrap_or_default().to_owned();
                let traceback = content["traceback"]
                    .as_array()
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                let traceback = traceback
                    .iter()
                    .filter_map(|line| line.as_str().map(str::to_owned))
                    .collect();
                Happening::Output {
                    output: Output::Error {
                        ename: text("ename"),
                        evalue: text("evalue"),
                        traceback,
                    },
                }
            }
            "execute_input" => match content["execution_count"].as_u64() {
                Some(count) => Happening::ExecutionCount { count },
                None => return,
            },
            _ => return,
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
                    attach_spill: false,
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

    /// `object?` answers with a page in the reply; it is shown as an output.
    fn pages(&mut self, run: &str, at: i64, message: &Message, batch: &mut Batch) {
        let Some(mut content) = message.json() else {
            return;
        };
        let Some(payload) = content["payload"].as_array_mut() else {
            return;
        };
        for page in payload.iter_mut().filter(|page| page["source"] == "page") {
            if let Value::Object(data) = page["data"].take() {
                let output = Output::DisplayData {
                    data,
                    metadata: Map::new(),
                    display_id: None,
                };
                self.emit(run, at, Happening::Output { output }, batch);
            }
        }
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
        if text.is_empty() || (self.silent && run.recovered) {
            return;
        }
        let room = TEXT_LIMIT.saturating_sub(run.shown);
        let (shown, lost) = text.split_at(text.floor_char_boundary(room.min(text.len())));
        run.shown += shown.len();
        run.lost += lost.len() as u64;
        if !run.over {
            if run.spilling {
                batch.spill(id, text.as_bytes(), run.lost, run.shown);
            } else if run.whole.len() + text.len() <= TEXT_LIMIT {
                run.whole.extend_from_slice(text.as_bytes());
            } else {
                run.spilling = true;
                let whole = std::mem::take(&mut run.whole);
                batch.spill(id, &whole, run.lost, run.shown);
                batch.spill(id, text.as_bytes(), run.lost, run.shown);
            }
        }
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
            let bytes = run.lost;
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
            attach_spill: false,
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
            whole: Vec::new(),
            spilling: false,
            shown: 0,
            events: 0,
            lost: 0,
            noticed: false,
            recovered: false,
            late_updates: BTreeMap::new(),
        }
    }
}

#[derive(Deserialize)]
struct Stream<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

impl Stream<'_> {
    fn name(&self) -> StreamName {
        if self.name == "stderr" {
            StreamName::Stderr
        } else {
            StreamName::Stdout
        }
    }
}

fn display_id(content: &Value) -> Option<String> {
    content["transient"]["display_id"]
        .as_str()
        .map(str::to_owned)
}

#[cfg(test)]
mod tests;
