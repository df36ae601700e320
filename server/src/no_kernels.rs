//! Where code does not run: notebooks are read and written, and whoever wants to run one is told why not.

use std::sync::Arc;

use async_trait::async_trait;
use datalayer::{Error, Kernel, NotebookId, Result, RunLedger, RunRequest, Runner, RuntimeNews};
use notebook::CellId;
use notebook::runs::{RunEvent, Runs};
use notebook::wire::KernelView;
use serde_json::Value;

/// A runner that runs nothing, and still shows what ran before.
pub struct NoKernels {
    runs: Arc<dyn RunLedger>,
}

impl NoKernels {
    pub fn new(runs: Arc<dyn RunLedger>) -> Self {
        Self { runs }
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
        _: Box<dyn Fn(RuntimeNews) + Send + Sync>,
    ) -> Result<(Runs, KernelView)> {
        Ok((self.runs.load(notebook).await?, KernelView::default()))
    }
    async fn deafen(&self, _: &NotebookId) {}
    async fn since(&self, notebook: &NotebookId, sequence: u64) -> Result<Option<Vec<RunEvent>>> {
        self.runs.since(notebook, sequence, 2_000).await
    }
    fn kernels(&self) -> Vec<Kernel> {
        Vec::new()
    }
    async fn run(&self, _: RunRequest) -> Result<()> {
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
    async fn complete(&self, _: &NotebookId, _: &str, _: u32) -> Result<Value> {
        off()
    }
    async fn inspect(&self, _: &NotebookId, _: &str, _: u32) -> Result<Value> {
        off()
    }
}
