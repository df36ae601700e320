//! Folding events into what is shown.

use serde_json::Value;

use super::{
    Asking, CellRun, Happening, Output, RunChange, RunEvent, RunState, Runs, StreamName,
    WaitingRun, terminal,
};
use crate::{CellId, Map};

impl Runs {
    /// Folds an event in. Events already folded in (by sequence) change nothing.
    pub fn apply(&mut self, event: &RunEvent) -> Vec<RunChange> {
        if event.sequence <= self.sequence {
            return Vec::new();
        }
        self.sequence = event.sequence;
        if let Happening::Update {
            display_id,
            data,
            metadata,
        } = &event.what
        {
            return self.update(display_id, data, metadata);
        }
        if let Happening::Cleared { cells, .. } = &event.what {
            return self.clear(cells);
        }
        let cell = self.cells.entry(event.cell.clone()).or_default();
        match &event.what {
            Happening::Queued {
                by,
                name,
                source_hash,
            } => {
                let waiting = WaitingRun {
                    run: event.run.clone(),
                    by: by.clone(),
                    name: name.clone(),
                    queued_at: event.at,
                    source_hash: source_hash.clone(),
                };
                if cell.state.is_some_and(|state| !state.is_over()) {
                    cell.waiting.push(waiting);
                } else {
                    cell.queue(waiting);
                }
                vec![RunChange::State(event.cell.clone())]
            }
            Happening::Started => {
                cell.start(event);
                vec![
                    RunChange::State(event.cell.clone()),
                    RunChange::Outputs(event.cell.clone()),
                ]
            }
            Happening::Ended { state, why } => cell.end(event, *state, why.as_deref()),
            what => {
                if !cell.shows(&event.run) {
                    return Vec::new();
                }
                cell.happen(&event.cell, what)
            }
        }
    }

    /// Those of these cells that show something, or may in a moment: what there is to clear.
    pub fn clearable<'a>(&self, cells: impl IntoIterator<Item = &'a CellId>) -> Vec<CellId> {
        let shows = |id: &&CellId| self.cells.get(*id).is_some_and(|run| !run.is_clear());
        cells.into_iter().filter(shows).cloned().collect()
    }

    fn clear(&mut self, cells: &[CellId]) -> Vec<RunChange> {
        let mut changes = Vec::new();
        for id in cells {
            if let Some(cell) = self.cells.get_mut(id) {
                cell.clear_by_hand();
                changes.push(RunChange::Outputs(id.clone()));
            }
        }
        changes
    }

    fn update(&mut self, display_id: &str, new_data: &Map, new_metadata: &Map) -> Vec<RunChange> {
        let mut changes = Vec::new();
        for (id, cell) in &mut self.cells {
            let mut touched = false;
            for output in &mut cell.outputs {
                if output.display_id() == Some(display_id)
                    && let Output::DisplayData { data, metadata, .. }
                    | Output::ExecuteResult { data, metadata, .. } = output
                {
                    data.clone_from(new_data);
                    metadata.clone_from(new_metadata);
                    touched = true;
                }
            }
            if touched {
                changes.push(RunChange::Outputs(id.clone()));
            }
        }
        changes
    }
}

impl CellRun {
    /// Whether this run's outputs are the ones shown. Late words of an earlier run are not.
    fn shows(&self, run: &str) -> bool {
        self.shown
            .as_ref()
            .or(self.run.as_ref())
            .is_some_and(|shown| shown == run)
    }

    /// The outputs shown stay those of the run before until this one starts.
    fn queue(&mut self, next: WaitingRun) {
        if self.shown.is_none() {
            self.shown = self.run.take().or_else(|| Some(String::new()));
        }
        self.run = Some(next.run);
        self.state = Some(RunState::Queued);
        self.by = Some(next.by);
        self.name = Some(next.name);
        self.queued_at = Some(next.queued_at);
        self.source_hash = Some(next.source_hash);
        (self.started_at, self.ended_at, self.why, self.asking) = (None, None, None, None);
    }

    fn start(&mut self, event: &RunEvent) {
        // A run that is not the next one overtakes those before it: they will not start any more.
        if self.run.as_deref() != Some(event.run.as_str()) {
            let at = self
                .waiting
                .iter()
                .position(|waiting| waiting.run == event.run);
            let next = at.and_then(|at| self.waiting.drain(..=at).next_back());
            self.queue(next.unwrap_or_else(|| WaitingRun {
                run: event.run.clone(),
                queued_at: event.at,
                ..WaitingRun::default()
            }));
        }
        let old = std::mem::take(self);
        *self = Self {
            run: old.run,
            state: Some(RunState::Running),
            by: old.by,
            name: old.name,
            queued_at: old.queued_at,
            started_at: Some(event.at),
            source_hash: old.source_hash,
            waiting: old.waiting,
            ..Self::default()
        };
    }

    fn end(&mut self, event: &RunEvent, state: RunState, why: Option<&str>) -> Vec<RunChange> {
        if self.run.as_deref() != Some(event.run.as_str()) {
            let before = self.waiting.len();
            self.waiting.retain(|waiting| waiting.run != event.run);
            return if self.waiting.len() < before {
                vec![RunChange::State(event.cell.clone())]
            } else {
                Vec::new()
            };
        }
        self.state = Some(state);
        self.ended_at = Some(event.at);
        self.why = why.map(str::to_owned);
        self.asking = None;
        if !self.waiting.is_empty() {
            let next = self.waiting.remove(0);
            self.queue(next);
        }
        vec![RunChange::State(event.cell.clone())]
    }

    fn happen(&mut self, id: &CellId, what: &Happening) -> Vec<RunChange> {
        match what {
            Happening::ExecutionCount { count } => {
                self.count = Some(*count);
                vec![RunChange::State(id.clone())]
            }
            Happening::Output {
                output: Output::Stream { name, text },
            }
            | Happening::Stream { name, text } => {
                let cleared = self.clear_if_due();
                let appended = self.stream(*name, text);
                match appended {
                    _ if text.is_empty() && !cleared => Vec::new(),
                    Some(at) if !cleared => vec![RunChange::Appended(id.clone(), at)],
                    _ => vec![RunChange::Outputs(id.clone())],
                }
            }
            Happening::Output { output } => {
                self.clear_if_due();
                self.cursor_back = 0;
                self.outputs.push(output.clone());
                vec![RunChange::Outputs(id.clone())]
            }
            Happening::Clear { wait: true } => {
                self.clear_next = true;
                Vec::new()
            }
            Happening::Clear { wait: false } => {
                self.clear();
                vec![RunChange::Outputs(id.clone())]
            }
            Happening::AskInput { prompt, password } => {
                self.asking = Some(Asking {
                    prompt: prompt.clone(),
                    password: *password,
                });
                vec![RunChange::State(id.clone())]
            }
            Happening::InputGiven => {
                self.asking = None;
                vec![RunChange::State(id.clone())]
            }
            // Somebody cleared this while its long output was on its way to being kept.
            Happening::Truncated { .. } if self.state.is_none() => Vec::new(),
            Happening::Truncated { bytes, blob } => {
                self.truncated = Some((*bytes, blob.clone()));
                vec![RunChange::Outputs(id.clone())]
            }
            Happening::Queued { .. }
            | Happening::Started
            | Happening::Ended { .. }
            | Happening::Update { .. }
            | Happening::Cleared { .. } => Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.outputs.clear();
        self.truncated = None;
        self.clear_next = false;
        self.cursor_back = 0;
    }

    /// What is shown is gone, and of a run that is over everything else, too: the cell is as if it had never run. What a run's
    /// threads print later is still its cell's.
    fn clear_by_hand(&mut self) {
        self.clear();
        match self.state {
            Some(RunState::Running) => {}
            Some(RunState::Queued) => self.count = None,
            _ => {
                let old = std::mem::take(self);
                (self.run, self.shown) = (old.run, old.shown);
            }
        }
    }

    /// Whether clearing would change nothing.
    fn is_clear(&self) -> bool {
        self.state.is_none()
            && self.count.is_none()
            && self.outputs.is_empty()
            && self.truncated.is_none()
    }

    fn clear_if_due(&mut self) -> bool {
        let due = self.clear_next;
        if due {
            self.clear();
        }
        due
    }

    /// Where the text was appended to an output that stood there already, and nothing of it rewritten: its index.
    pub(super) fn stream(&mut self, name: StreamName, text: &str) -> Option<usize> {
        if text.is_empty() {
            return None;
        }
        let at = self.outputs.len().checked_sub(1);
        if let Some(Output::Stream {
            name: last,
            text: before,
        }) = self.outputs.last_mut()
            && *last == name
        {
            let appended = terminal::append(before, &mut self.cursor_back, text);
            return at.filter(|_| appended);
        }
        let mut first = String::new();
        self.cursor_back = 0;
        terminal::append(&mut first, &mut self.cursor_back, text);
        self.outputs.push(Output::Stream { name, text: first });
        None
    }
}

/// A known type of output out of an object that may have more fields than nbformat names.
pub(super) fn known(fields: &Map) -> Option<Output> {
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    let map = |key: &str| fields.get(key).and_then(Value::as_object).cloned();
    match fields.get("output_type")?.as_str()? {
        "stream" => {
            let name = if text("name").as_deref() == Some("stderr") {
                StreamName::Stderr
            } else {
                StreamName::Stdout
            };
            Some(Output::Stream {
                name,
                text: text("text")?,
            })
        }
        "display_data" => Some(Output::DisplayData {
            data: map("data")?,
            metadata: map("metadata").unwrap_or_default(),
            display_id: None,
        }),
        "execute_result" => Some(Output::ExecuteResult {
            data: map("data")?,
            metadata: map("metadata").unwrap_or_default(),
            execution_count: fields.get("execution_count").and_then(Value::as_u64),
            display_id: None,
        }),
        "error" => {
            let traceback = fields.get("traceback").and_then(Value::as_array);
            let traceback = traceback
                .into_iter()
                .flatten()
                .filter_map(|line| line.as_str().map(str::to_owned))
                .collect();
            Some(Output::Error {
                ename: text("ename").unwrap_or_default(),
                evalue: text("evalue").unwrap_or_default(),
                traceback,
            })
        }
        _ => None,
    }
}
