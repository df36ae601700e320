//! What a tab and the studio say to each other: JSON in binary WebSocket frames, one socket a tab, many notebooks.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::presence::{Place, Present};
use crate::runs::{RunEvent, Runs};
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
    Join { client: ClientId, #[serde(default)] revision: Option<u64>, #[serde(default)] runs: Option<u64> },
    Leave,
    Submit { client: ClientId, sequence: u64, base: u64, operations: Vec<Operation> },
    Presence { place: Option<Place> },
    /// Run these cells, in this order, from the text the room has now.
    Run { cells: Vec<CellId> },
    Interrupt,
    /// Restart the kernel; with `run_all`, run every code cell after it.
    Restart { #[serde(default)] run_all: bool },
    Shutdown,
    /// Use another kernelspec from the next start on.
    ChooseKernel { kernel: String },
    /// The line a running cell asked for.
    Input { cell: CellId, text: String },
    /// Ask the kernel to complete `code` at `cursor` (UTF-16). The answer carries `ask` back.
    Complete { ask: u32, code: String, cursor: u32 },
    Inspect { ask: u32, code: String, cursor: u32 },
    Ping { at: f64 },
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
    Ack { sequence: u64, revision: u64 },
    /// Your batch changed nothing; read why. `resync` carries the document as it is.
    Refused { sequence: u64, why: Refused, #[serde(default, skip_serializing_if = "Option::is_none")] resync: Option<Snapshot> },
    /// Someone else's batch.
    Batch { #[serde(flatten)] batch: Accepted, author: String, at: i64 },
    /// Everyone here, after someone came or went.
    People { people: Vec<Present> },
    /// One person moved.
    Moved { seat: u32, place: Option<Place> },
    Run { event: RunEvent },
    Kernel { kernel: KernelView },
    /// What you may do has changed.
    May { may: May },
    Answer { ask: u32, content: Value },
    /// Something you asked for was refused.
    Sorry { code: String, message: String },
    /// The room closed for you. `again` says whether joining again can succeed.
    Closed { code: u16, message: String, again: bool },
    Pong { at: f64 },
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
    Dead { why: String },
}
