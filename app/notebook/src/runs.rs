//! Runs: one execution of one cell, as an append-only log of events and what it folds to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CellId, Map};

mod fold;
mod part;
mod terminal;

/// A run's id, `run_…`.
pub type RunId = String;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Queued,
    Running,
    Done,
    Failed,
    Interrupted,
    /// Taken out of the queue before it began.
    Cancelled,
}

impl RunState {
    pub fn is_over(self) -> bool {
        matches!(
            self,
            Self::Done | Self::Failed | Self::Interrupted | Self::Cancelled
        )
    }
}

/// An entry of a notebook's run log. `sequence` grows by one per event of the notebook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    pub sequence: u64,
    pub run: RunId,
    pub cell: CellId,
    /// Microseconds since 1970, the server's clock.
    pub at: i64,
    pub what: Happening,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Happening {
    /// Asked for. The cell's earlier run is no longer shown once this one starts.
    Queued {
        by: String,
        name: String,
        source_hash: String,
    },
    Started,
    ExecutionCount {
        count: u64,
    },
    Output {
        output: Output,
    },
    /// More text for the stream at the end of the outputs (or a new stream).
    Stream {
        name: StreamName,
        text: String,
    },
    /// `update_display_data`: replaces every output with this display id.
    Update {
        display_id: String,
        data: Map,
        metadata: Map,
    },
    /// The kernel cleared its outputs (`clear_output`).
    Clear {
        wait: bool,
    },
    /// A person cleared what these cells show, whichever runs that came from: the event's `cell` is the first of them, and its
    /// `run` is empty. A run that goes on shows what comes after.
    Cleared {
        by: String,
        name: String,
        cells: Vec<CellId>,
    },
    /// The kernel waits for a line of text.
    AskInput {
        prompt: String,
        password: bool,
    },
    InputGiven,
    /// Some output was not kept here; the whole is under `blob`.
    Truncated {
        bytes: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blob: Option<String>,
    },
    Ended {
        state: RunState,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamName {
    Stdout,
    Stderr,
}

/// An output as nbformat has it. Values too large for the log are `{"blob": "<sha256>", "bytes": n}` under their mime type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "output_type", rename_all = "snake_case")]
pub enum Output {
    Stream {
        name: StreamName,
        text: String,
    },
    DisplayData {
        data: Map,
        #[serde(default)]
        metadata: Map,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        display_id: Option<String>,
    },
    ExecuteResult {
        data: Map,
        #[serde(default)]
        metadata: Map,
        #[serde(default)]
        execution_count: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        display_id: Option<String>,
    },
    Error {
        ename: String,
        evalue: String,
        traceback: Vec<String>,
    },
    /// An output of an imported file that nbformat does not name, or with fields it does not name: kept as it is.
    /// Stored under `value`, so that nothing in it is mistaken for another output.
    Unknown(#[serde(with = "kept")] Value),
}

mod kept {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    #[derive(Serialize)]
    struct Kept<'a> {
        value: &'a Value,
    }

    #[derive(Deserialize)]
    struct KeptOwned {
        value: Value,
    }

    pub(super) fn serialize<S: Serializer>(
        value: &Value,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Kept { value }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Value, D::Error> {
        KeptOwned::deserialize(deserializer).map(|kept| kept.value)
    }
}

/// What a cell's latest run has come to. Also what an imported file's outputs become.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CellRun {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RunState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asking: Option<Asking>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// Bytes that were not kept in `outputs`, and the blob that holds the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<(u64, Option<String>)>,
    /// `clear_output(wait=True)`: clear when the next output comes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clear_next: bool,
    /// SHA-256 (hex) of the source that was run; differs from the cell's when its text changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_hash: Option<String>,
    /// Where the next text of the last stream goes: bytes before its end. Above 0 only after a `\r` or `\b`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cursor_back: usize,
    /// While a later run waits: the run that `outputs` come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<RunId>,
    /// Runs asked for while this one was queued or running, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<WaitingRun>,
}

/// A run that was asked for while the cell's run before it was not over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WaitingRun {
    pub run: RunId,
    pub by: String,
    pub name: String,
    pub queued_at: i64,
    pub source_hash: String,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asking {
    pub prompt: String,
    pub password: bool,
}

/// The folded run log of a notebook: each cell's latest run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    /// Of the last event folded in.
    pub sequence: u64,
    pub cells: BTreeMap<CellId, CellRun>,
}

/// What a view has to redraw after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunChange {
    /// State, count or timing of the cell's run.
    State(CellId),
    /// Text was appended to the last output (index).
    Appended(CellId, usize),
    /// The outputs changed otherwise.
    Outputs(CellId),
}

impl Output {
    /// An output of an imported file with fields nbformat does not name is kept as it is; this is what can be shown of it.
    pub fn shown(&self) -> std::borrow::Cow<'_, Output> {
        if let Self::Unknown(Value::Object(fields)) = self
            && let Some(known) = fold::known(fields)
        {
            return std::borrow::Cow::Owned(known);
        }
        std::borrow::Cow::Borrowed(self)
    }

    fn display_id(&self) -> Option<&str> {
        match self {
            Self::DisplayData { display_id, .. } | Self::ExecuteResult { display_id, .. } => {
                display_id.as_deref()
            }
            _ => None,
        }
    }
}

impl CellRun {
    /// Appends stream text as a terminal would show it: `\r` returns to the line's start, `\b` steps back.
    /// Amortised linear in the text.
    pub fn append_stream(&mut self, name: StreamName, text: &str) {
        self.stream(name, text);
    }
}

#[cfg(test)]
mod tests;
