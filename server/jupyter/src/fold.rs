//! Folding: what a kernel said becomes events of the run log, in batches. No I/O.

mod batch;
mod late;
mod outputs;

use std::collections::{HashMap, VecDeque};

use notebook::CellId;
use notebook::runs::{Happening, Output, RunState, StreamName};

pub use self::batch::{Batch, Draft};
use self::late::Late;
use crate::message::{Header, Message};
use crate::protocol::Note;
use crate::screen::Screen;
use crate::spool::{Channel, Entry, Record};
use crate::text::Stream;
use crate::zmtp::MESSAGE_LIMIT;

/// Text of one run that is shown inline, as a terminal shows it; the supervisor writes the whole to a file beyond it.
pub const TEXT_LIMIT: usize = 1024 * 1024;
/// Outputs that one run shows, and updates of them that are logged one by one.
pub const OUTPUT_LIMIT: usize = 10_000;
/// What these outputs, and these updates, may come to in the log. What is large is not in the log, and counts little.
const OUTPUT_BYTES: usize = 32 * 1024 * 1024;
const UPDATE_BYTES: usize = 64 * 1024 * 1024;
/// So many errors more: one must be seen, however much came before it.
const ERRORS: usize = 100;
const ERROR_BYTES: usize = 4 * 1024 * 1024;
/// A question is kept so far.
const PROMPT: usize = 64 * 1024;
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
    /// What it shows since the outputs were last cleared: text, other outputs and their bytes in the log.
    screen: Screen,
    outputs: usize,
    output_bytes: usize,
    updates: usize,
    update_bytes: usize,
    /// All it has added to the log.
    events: usize,
    /// Bytes that are nowhere any more, and those that are only in the spill file.
    lost: u64,
    beyond: u64,
    noticed: bool,
    late: Late,
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
                if let Some(known) = self.runs.get_mut(&run) {
                    known.lost += bytes;
                    self.notice(&run, at, batch);
                }
            }
            Note::TooLarge { run, bytes } => {
                if let Some(known) = self.runs.get_mut(&run) {
                    known.lost += bytes;
                    let most = MESSAGE_LIMIT / (1024 * 1024);
                    let why = format!(
                        "[an output of {bytes} bytes was dropped: one message of a kernel may have {most} MiB]\n"
                    );
                    self.text(&run, at, StreamName::Stderr, &why, batch);
                }
            }
            Note::Lost { run } => {
                let why = "[some output did not arrive: the kernel said more at once than it could hold]\n";
                self.text(&run, at, StreamName::Stderr, why, batch);
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
            Note::Cleared { by, name, cells } => {
                let Some(first) = cells.first().cloned() else {
                    return;
                };
                for run in self.runs.values_mut() {
                    if cells.contains(&run.cell) {
                        run.clear();
                    }
                }
                let what = Happening::Cleared { by, name, cells };
                batch.push(Draft::of_cells(first, at, what));
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
        for draft in std::mem::take(&mut run.late).into_drafts() {
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
                Some(content) => {
                    if let Some(what) = outputs::happening(kind, content) {
                        self.output(run, at, what, message.content.len(), batch);
                    }
                }
                None => self.unreadable(run, at, batch),
            },
            (Channel::Stdin, "input_request") => {
                let content = message.json().unwrap_or_default();
                let mut prompt = content["prompt"].as_str().unwrap_or_default().to_owned();
                outputs::cut(&mut prompt, PROMPT);
                let password = content["password"].as_bool().unwrap_or(false);
                self.emit(run, at, Happening::AskInput { prompt, password }, batch);
            }
            (Channel::Shell, "execute_reply") => {
                for output in outputs::pages(message.json().unwrap_or_default()) {
                    let what = Happening::Output { output };
                    let bytes = outputs::weight(&what);
                    self.output(run, at, what, bytes, batch);
                }
            }
            _ => {}
        }
    }

    /// What is not text: logged as long as there is room, and noticed where there is none. `bytes` is what the kernel sent.
    fn output(&mut self, id: &str, at: i64, mut what: Happening, bytes: usize, batch: &mut Batch) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        let mut lost = outputs::shorten(&mut what);
        let inline = outputs::inline(&what);
        let fits = match &what {
            Happening::Clear { .. } => {
                run.clear();
                true
            }
            Happening::Output { output } => run.has_room_for(output, inline),
            Happening::Update { .. } => {
                run.updates < OUTPUT_LIMIT && run.update_bytes + inline <= UPDATE_BYTES
            }
            _ => true,
        };
        if !fits && !run.hold(id, at, &what) {
            lost = bytes;
        } else if fits {
            if let Happening::Update { display_id, .. } = &what {
                run.late.forget(display_id);
            }
            let (output, update) = (
                matches!(what, Happening::Output { .. }),
                matches!(what, Happening::Update { .. }),
            );
            let logged = self.emit(id, at, what, batch);
            if let Some(run) = self.runs.get_mut(id).filter(|_| logged) {
                if output {
                    run.outputs += 1;
                    run.output_bytes += inline;
                    run.screen.set_apart();
                } else if update {
                    run.updates += 1;
                    run.update_bytes += inline;
                }
            }
        }
        if lost > 0 {
            if let Some(run) = self.runs.get_mut(id) {
                run.lost += lost as u64;
            }
            self.notice(id, at, batch);
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
        if text.is_empty() {
            return;
        }
        let (shown, lost) = text.split_at(run.screen.write(name, text, TEXT_LIMIT));
        run.lost += lost.len() as u64;
        if !shown.is_empty() {
            let text = shown.to_owned();
            self.emit(id, at, Happening::Stream { name, text }, batch);
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

    /// Says whether the log grows by it.
    fn emit(&mut self, id: &str, at: i64, what: Happening, batch: &mut Batch) -> bool {
        let Some(run) = self.runs.get_mut(id) else {
            return false;
        };
        let logged = batch.push(run.draft(id, at, what));
        run.events += usize::from(logged);
        logged
    }
}

impl Run {
    fn new(cell: CellId, over: bool, from: u64) -> Self {
        Self {
            cell,
            over,
            from,
            screen: Screen::default(),
            outputs: 0,
            output_bytes: 0,
            updates: 0,
            update_bytes: 0,
            events: 0,
            lost: 0,
            beyond: 0,
            noticed: false,
            late: Late::default(),
        }
    }

    fn draft(&self, id: &str, at: i64, what: Happening) -> Draft {
        Draft {
            run: id.to_owned(),
            cell: self.cell.clone(),
            at,
            what,
            has_spill: false,
        }
    }

    /// The outputs are cleared, so there is room again.
    fn clear(&mut self) {
        self.screen = Screen::default();
        (self.outputs, self.output_bytes) = (0, 0);
        // The notice is cleared with them.
        self.noticed = false;
    }

    fn has_room_for(&self, output: &Output, bytes: usize) -> bool {
        let (more, more_bytes) = match output {
            Output::Error { .. } => (ERRORS, ERROR_BYTES),
            _ => (0, 0),
        };
        self.outputs < OUTPUT_LIMIT + more && self.output_bytes + bytes <= OUTPUT_BYTES + more_bytes
    }

    /// Holds an update back until the run ends; false where that cannot be.
    fn hold(&mut self, id: &str, at: i64, what: &Happening) -> bool {
        let Happening::Update { display_id, .. } = what else {
            return false;
        };
        let draft = self.draft(id, at, what.clone());
        !self.over && self.late.hold(display_id, draft)
    }
}

#[cfg(test)]
mod tests;
