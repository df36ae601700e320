//! What a tab and the studio say to each other: JSON in binary WebSocket frames, one socket a tab, many notebooks.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::presence::{Place, Present};
use crate::runs::{RunEvent, RunId, Runs};
use crate::{Accepted, CellId, ClientId, Operation, Refused, Snapshot};

/// A message of the browser about one notebook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToServer {
    /// `nb_…`
    pub notebook: String,
    #[serde(flatten)]
    pub say: Say,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Say {
    /// Take a seat. With the revision and run sequence you have, you get only what came since, where the log still has it.
    Join {
        client: ClientId,
        #[serde(default)]
        revision: Option<u64>,
        #[serde(default)]
        runs: Option<u64>,
    },
    Leave,
    Submit {
        client: ClientId,
        sequence: u64,
        base: u64,
        operations: Vec<Operation>,
    },
    /// Where you are, in the text of this revision with nothing of your own on it. Wait with it while a batch of yours
    /// is not acknowledged: your caret goes along with what you type by itself. Without a revision: the newest.
    Presence {
        place: Option<Place>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<u64>,
    },
    /// Run these cells, in this order, from the text the room has now.
    Run {
        cells: Vec<CellId>,
    },
    /// Take these runs out of the queue. One that has begun goes on; you are told so.
    Cancel {
        runs: Vec<RunId>,
    },
    /// Interrupt the running cell and drop the queue. While the kernel starts: stop its start.
    Interrupt,
    /// Restart the kernel; with `run_all`, run every code cell after it.
    Restart {
        #[serde(default)]
        run_all: bool,
    },
    Shutdown,
    /// Use another kernelspec from the next start on.
    ChooseKernel {
        kernel: String,
    },
    /// The line a running cell asked for.
    Input {
        cell: CellId,
        text: String,
    },
    /// Clear what these cells show, for everyone; without `cells`, what any cell shows.
    ClearOutputs {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cells: Option<Vec<CellId>>,
    },
    /// Ask the kernel to complete `code` at `cursor` (UTF-16). The answer carries `ask` back.
    Complete {
        ask: u32,
        code: String,
        cursor: u32,
    },
    Inspect {
        ask: u32,
        code: String,
        cursor: u32,
    },
    Ping {
        at: f64,
    },
}

/// A message that no tab of ours sends. Its code is for the close frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("the message cannot be read: {0}")]
    Malformed(String),
    #[error("the message is nested deeper than {DEPTH} levels")]
    TooDeep,
}

impl WireError {
    /// `room.malformed` or `room.too_deep`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "room.malformed",
            Self::TooDeep => "room.too_deep",
        }
    }
}

/// Metadata may be 32 levels deep; the message around it is a few more.
const DEPTH: usize = crate::limits::METADATA_DEPTH + 16;

/// Reads a browser's message. Unknown fields are refused; depth is checked before anything recurses.
pub fn decode(bytes: &[u8]) -> Result<ToServer, WireError> {
    if nested(bytes) > DEPTH {
        return Err(WireError::TooDeep);
    }
    let incoming: Incoming =
        serde_json::from_slice(bytes).map_err(|error| WireError::Malformed(error.to_string()))?;
    Ok(incoming.into())
}

/// How deep a JSON text nests, counting brackets outside strings.
fn nested(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut text, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b'[' | b'{' if !text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// [`ToServer`] with every field named in one place: serde cannot refuse unknown fields of a flattened enum.
#[derive(Deserialize)]
#[serde(tag = "say", rename_all = "snake_case", deny_unknown_fields)]
enum Incoming {
    Join {
        notebook: String,
        client: ClientId,
        #[serde(default)]
        revision: Option<u64>,
        #[serde(default)]
        runs: Option<u64>,
    },
    Leave {
        notebook: String,
    },
    Submit {
        notebook: String,
        client: ClientId,
        sequence: u64,
        base: u64,
        operations: Vec<Operation>,
    },
    Presence {
        notebook: String,
        place: Option<Place>,
        #[serde(default)]
        revision: Option<u64>,
    },
    Run {
        notebook: String,
        cells: Vec<CellId>,
    },
    Cancel {
        notebook: String,
        runs: Vec<RunId>,
    },
    Interrupt {
        notebook: String,
    },
    Restart {
        notebook: String,
        #[serde(default)]
        run_all: bool,
    },
    Shutdown {
        notebook: String,
    },
    ChooseKernel {
        notebook: String,
        kernel: String,
    },
    Input {
        notebook: String,
        cell: CellId,
        text: String,
    },
    ClearOutputs {
        notebook: String,
        #[serde(default)]
        cells: Option<Vec<CellId>>,
    },
    Complete {
        notebook: String,
        ask: u32,
        code: String,
        cursor: u32,
    },
    Inspect {
        notebook: String,
        ask: u32,
        code: String,
        cursor: u32,
    },
    Ping {
        notebook: String,
        at: f64,
    },
}

impl From<Incoming> for ToServer {
    fn from(incoming: Incoming) -> Self {
        let (notebook, say) = match incoming {
            Incoming::Join {
                notebook,
                client,
                revision,
                runs,
            } => (
                notebook,
                Say::Join {
                    client,
                    revision,
                    runs,
                },
            ),
            Incoming::Leave { notebook } => (notebook, Say::Leave),
            Incoming::Submit {
                notebook,
                client,
                sequence,
                base,
                operations,
            } => (
                notebook,
                Say::Submit {
                    client,
                    sequence,
                    base,
                    operations,
                },
            ),
            Incoming::Presence {
                notebook,
                place,
                revision,
            } => (notebook, Say::Presence { place, revision }),
            Incoming::Run { notebook, cells } => (notebook, Say::Run { cells }),
            Incoming::Cancel { notebook, runs } => (notebook, Say::Cancel { runs }),
            Incoming::Interrupt { notebook } => (notebook, Say::Interrupt),
            Incoming::Restart { notebook, run_all } => (notebook, Say::Restart { run_all }),
            Incoming::Shutdown { notebook } => (notebook, Say::Shutdown),
            Incoming::ChooseKernel { notebook, kernel } => (notebook, Say::ChooseKernel { kernel }),
            Incoming::Input {
                notebook,
                cell,
                text,
            } => (notebook, Say::Input { cell, text }),
            Incoming::ClearOutputs { notebook, cells } => (notebook, Say::ClearOutputs { cells }),
            Incoming::Complete {
                notebook,
                ask,
                code,
                cursor,
            } => (notebook, Say::Complete { ask, code, cursor }),
            Incoming::Inspect {
                notebook,
                ask,
                code,
                cursor,
            } => (notebook, Say::Inspect { ask, code, cursor }),
            Incoming::Ping { notebook, at } => (notebook, Say::Ping { at }),
        };
        Self { notebook, say }
    }
}

/// A message of the studio about one notebook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToClient {
    pub notebook: String,
    #[serde(flatten)]
    pub hear: Hear,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "hear", rename_all = "snake_case")]
pub enum Hear {
    Joined(Box<Joined>),
    /// Your batch is durable.
    Ack {
        sequence: u64,
        revision: u64,
    },
    /// Your batch changed nothing; read why. `resync` carries the document as it is.
    Refused {
        sequence: u64,
        why: Refused,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resync: Option<Snapshot>,
    },
    /// Someone else's batch.
    Batch {
        #[serde(flatten)]
        batch: Accepted,
        author: String,
        at: i64,
    },
    /// Everyone here, after someone came or went; where, in the text of this revision.
    People {
        people: Vec<Present>,
        revision: u64,
    },
    /// One person moved, other than along with the batches; in the text of this revision, which may still be on its way.
    Moved {
        seat: u32,
        place: Option<Place>,
        revision: u64,
    },
    /// The notebook has another name.
    Renamed {
        title: String,
    },
    Run {
        event: RunEvent,
    },
    Kernel {
        kernel: KernelView,
    },
    /// What you may do has changed.
    May {
        may: May,
    },
    Answer {
        ask: u32,
        content: Value,
    },
    /// Something you asked for was refused.
    Sorry {
        code: String,
        message: String,
    },
    /// The room closed for you. `again` says whether joining again can succeed.
    Closed {
        code: u16,
        message: String,
        again: bool,
    },
    Pong {
        at: f64,
    },
}

/// The answer to `join`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Joined {
    pub seat: u32,
    pub title: String,
    pub may: May,
    pub state: JoinedState,
    /// The highest sequence of this client that is in the log; 0 for none. What is above must be sent again.
    pub received: u64,
    pub runs: RunsState,
    pub people: Vec<Present>,
    pub kernel: KernelView,
    /// The server's clock, microseconds since 1970.
    pub now: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinedState {
    Snapshot(Snapshot),
    /// Every batch after the revision you named, your own included.
    Since(Vec<Accepted>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunsState {
    Snapshot(Runs),
    Since(Vec<RunEvent>),
}

/// What you may do here. Each includes the ones before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct May {
    pub view: bool,
    pub comment: bool,
    pub suggest: bool,
    pub run: bool,
    pub edit: bool,
    pub manage: bool,
}

impl May {
    pub const EVERYTHING: Self = Self {
        view: true,
        comment: true,
        suggest: true,
        run: true,
        edit: true,
        manage: true,
    };

    /// What both allow.
    pub fn and(self, other: Self) -> Self {
        Self {
            view: self.view && other.view,
            comment: self.comment && other.comment,
            suggest: self.suggest && other.suggest,
            run: self.run && other.run,
            edit: self.edit && other.edit,
            manage: self.manage && other.manage,
        }
    }
}

/// The runtime as people see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KernelView {
    /// The kernelspec's name, `python3`.
    pub name: String,
    /// As people call it, `Python 3 (ipykernel)`.
    pub title: String,
    /// The language of the kernelspec, `python`.
    pub language: String,
    pub state: KernelState,
    /// Cells waiting behind the running one.
    pub queued: u32,
    /// Resident memory of the kernel's process tree in bytes; 0 where unknown.
    pub memory: u64,
    /// Kernels one can choose: name and title.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum KernelState {
    /// No kernel; the first run starts one.
    #[default]
    Off,
    Starting,
    Idle,
    Busy,
    Restarting,
    /// It ended by itself, with its cause in words.
    Dead {
        why: String,
    },
}

#[cfg(test)]
mod tests;
