//! Where code does not run: notebooks are read and written, and whoever wants to run one is told why not.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datalayer::{Error, Kernel, NotebookId, Result, RunLedger, RunRequest, Runner, RuntimeNews};
use notebook::CellId;
use notebook::runs::{Happening, RunEvent, RunId, Runs};
use notebook::wire::KernelView;
use serde_json::Value;
use service::Clock;

/// Cells that one event clears: a message of the live socket has a size.
const CLEARED: usize = 2_000;

type Listener = Box<dyn Fn(RuntimeNews) + Send + Sync>;

/// A runner that runs nothing, and still shows what ran before, until somebody clears it.
pub struct NoKernels {
    runs: Arc<dyn RunLedger>,
    /// Held while the log of runs is read or written, so that who listens misses nothing.
    rooms: tokio::sync::Mutex<HashMap<NotebookId, Listener>>,
}

impl NoKernels {
    pub fn new(runs: Arc<dyn RunLedger>) -> Self {
        Self {
            runs,
            rooms: tokio::sync::Mutex::default(),
        }
    }
}

fn off<T>() -> Result<T> {
    Err(Error::forbidden(
        "kernels.off",
        "code does not run on this studio; its administrator can start it with --kernels on",
    ))
}

#[async_trait]
impl Runner for NoKernels {
    async fn listen(
        &self,
        notebook: &NotebookId,
        _: &str,
        listener: Listener,
    ) -> Result<(Runs, KernelView)> {
        let mut rooms = self.rooms.lock().await;
        let runs = self.runs.load(notebook).await?;
        rooms.insert(notebook.clone(), listener);
        Ok((runs, KernelView::default()))
    }
    async fn deafen(&self, notebook: &NotebookId) {
        self.rooms.lock().await.remove(notebook);
    }
    async fn since(&self, notebook: &NotebookId, sequence: u64) -> Result<Option<Vec<RunEvent>>> {
        self.runs.since(notebook, sequence, 2_000).await
    }
    fn kernels(&self) -> Vec<Kernel> {
        Vec::new()
    }
    async fn run(&self, _: RunRequest) -> Result<()> {
        off()
    }
    async fn cancel(&self, _: &NotebookId, _: &str, _: Vec<RunId>) -> Result<()> {
        off()
    }
    async fn interrupt(&self, _: &NotebookId) -> Result<()> {
        off()
    }
    async fn restart(&self, _: &NotebookId) -> Result<()> {
        off()
    }
    async fn shut_down(&self, _: &NotebookId) -> Result<()> {
        off()
    }
    async fn choose(&self, _: &NotebookId, _: &str) -> Result<KernelView> {
        off()
    }
    async fn input(&self, _: &NotebookId, _: &CellId, _: &str) -> Result<()> {
        off()
    }
    async fn clear(
        &self,
        notebook: &NotebookId,
        (by, name): (String, String),
        cells: Vec<CellId>,
    ) -> Result<()> {
        let rooms = self.rooms.lock().await;
        for cells in cells.chunks(CLEARED) {
            let Some(first) = cells.first().cloned() else {
                continue;
            };
            let event = RunEvent {
                sequence: self.runs.load(notebook).await?.sequence + 1,
                run: RunId::new(),
                cell: first,
                at: Clock::system().now().0,
                what: Happening::Cleared {
                    by: by.clone(),
                    name: name.clone(),
                    cells: cells.to_vec(),
                },
            };
            let events = vec![event.clone()];
            self.runs.append(notebook, events, None).await?;
            if let Some(listener) = rooms.get(notebook) {
                listener(RuntimeNews::Run(event));
            }
        }
        Ok(())
    }
    async fn complete(&self, _: &NotebookId, _: &str, _: u32) -> Result<Value> {
        off()
    }
    async fn inspect(&self, _: &NotebookId, _: &str, _: u32) -> Result<Value> {
        off()
    }
}
