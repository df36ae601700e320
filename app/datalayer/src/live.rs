//! Live notebooks: how a door hands a tab to a room, and a room hands cells to a runtime.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use notebook::presence::Present;
use notebook::runs::{RunEvent, RunId};
use notebook::wire::{KernelView, May, Say};
use notebook::{CellId, Snapshot};
use serde_json::Value;

use crate::{Caller, KernelActivity, NotebookId, Result};

/// The way to one browser tab. Sending never waits: a full queue means the tab is too slow and must resynchronise.
pub trait Wire: Send + Sync {
    /// Queue one frame for the next `flush`; frames are shared between tabs, not copied. `false`: the queue is full or the tab is
    /// gone.
    fn queue(&self, frame: Bytes) -> bool;
    /// Write what is queued. What the tab does not take at once follows by itself.
    fn flush(&self);
    /// Queue one frame and write it.
    fn send(&self, frame: Bytes) -> bool {
        let queued = self.queue(frame);
        self.flush();
        queued
    }
    /// Tell the tab why, and close its socket with this code.
    fn close(&self, code: u16, reason: &str);
}

/// A tab in a room. Dropping it leaves the room.
#[async_trait]
pub trait Seat: Send + Sync {
    /// What the tab said about this notebook. `Err` closes the socket (the message was not one a tab of ours sends).
    async fn hear(&self, say: Say) -> Result<()>;
}

/// The rooms of the studio.
#[async_trait]
pub trait Live: Send + Sync {
    /// Take a seat in a notebook's room, opening it if need be. `say` is the `join` the tab sent.
    async fn join(
        &self,
        caller: Caller,
        may: May,
        notebook: &NotebookId,
        say: Say,
        wire: Arc<dyn Wire>,
    ) -> Result<Box<dyn Seat>>;
    /// The document and its revision as the room has it; `None` when no room is open.
    async fn snapshot(&self, notebook: &NotebookId) -> Option<Snapshot>;
    /// The notebooks with an open room. A room stays open for a while after the last person has left.
    fn open(&self) -> Vec<NotebookId>;
    /// Who is in a notebook's room now, a seat each; nobody when no room is open.
    async fn present(&self, notebook: &NotebookId) -> Vec<Present>;
    /// Every kernel of the studio that is up, whether its room is open or not.
    fn kernels(&self) -> Vec<Kernel>;
    /// Someone's rights on a notebook's space changed: look them up again now.
    async fn rights_changed(&self, user: &crate::UserId);
    /// The notebook has another name: tell everyone in its room.
    async fn renamed(&self, notebook: &NotebookId, title: &str);
    /// Finish what is in hand and close every room.
    async fn close(&self);
}

/// A kernel that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    pub notebook: NotebookId,
    pub activity: KernelActivity,
    /// Cells waiting behind the running one.
    pub queued: u32,
    /// Resident memory of its process tree in bytes; 0 where unknown.
    pub memory: u64,
}

/// Cells to run, with their source as the room has it.
#[derive(Clone, Debug)]
pub struct RunRequest {
    pub notebook: NotebookId,
    /// User id and name of whoever asked.
    pub by: (String, String),
    pub cells: Vec<(CellId, String)>,
    /// Kernelspec to start when none runs; empty for the default.
    pub kernel: String,
}

/// What a notebook's runtime tells its room.
#[derive(Clone, Debug)]
pub enum RuntimeNews {
    /// Durable already; in order, without a hole.
    Run(RunEvent),
    Kernel(KernelView),
}

/// Runs cells. Implemented by the embedded gateway (and later by JupyterHub); who calls must not know which.
#[async_trait]
pub trait Runner: Send + Sync {
    /// Everything that happens in this notebook's runtime from now on goes to `listener`. `kernel` is the kernelspec that was
    /// chosen for it last, installed or not; empty for none. It is what the kernel is shown as until it starts.
    /// Returns the folded runs up to exactly the first event the listener will get, and the kernel as it is.
    async fn listen(
        &self,
        notebook: &NotebookId,
        kernel: &str,
        listener: Box<dyn Fn(RuntimeNews) + Send + Sync>,
    ) -> Result<(notebook::runs::Runs, KernelView)>;
    /// Stop listening.
    async fn deafen(&self, notebook: &NotebookId);
    /// The events after `sequence`, if the log is asked for less than a few thousand of them; else `None`.
    async fn since(&self, notebook: &NotebookId, sequence: u64) -> Result<Option<Vec<RunEvent>>>;
    /// Every kernel that is up, as it is now.
    fn kernels(&self) -> Vec<Kernel>;
    /// Queue cells, starting a kernel if none runs. Returns once the queued events are durable.
    async fn run(&self, request: RunRequest) -> Result<()>;
    /// Take runs out of the queue, for `by` (as others see them). What has begun goes on, and the answer says so.
    async fn cancel(&self, notebook: &NotebookId, by: &str, runs: Vec<RunId>) -> Result<()>;
    /// Interrupt the running cell and drop the queue. A kernel that starts is stopped: nothing runs in it yet.
    async fn interrupt(&self, notebook: &NotebookId) -> Result<()>;
    async fn restart(&self, notebook: &NotebookId) -> Result<()>;
    async fn shut_down(&self, notebook: &NotebookId) -> Result<()>;
    async fn choose(&self, notebook: &NotebookId, kernel: &str) -> Result<KernelView>;
    async fn input(&self, notebook: &NotebookId, cell: &CellId, text: &str) -> Result<()>;
    /// Clear what these cells show, for `by` (user id and name). What a running cell says afterwards is shown. After all that
    /// the kernel has said so far, and behind a restart that was asked for before.
    async fn clear(
        &self,
        notebook: &NotebookId,
        by: (String, String),
        cells: Vec<CellId>,
    ) -> Result<()>;
    /// `complete_reply` content, `cursor_start` and `cursor_end` in UTF-16 units of `code`.
    async fn complete(&self, notebook: &NotebookId, code: &str, cursor: u32) -> Result<Value>;
    /// `inspect_reply` content.
    async fn inspect(&self, notebook: &NotebookId, code: &str, cursor: u32) -> Result<Value>;
}
