//! A runner whose kernel prints the source it is given, and keeps its log in memory.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use datalayer::{
    Error, Kernel, KernelActivity, NotebookId, Noun, Result, RunRequest, Runner, RuntimeNews,
};
use notebook::CellId;
use notebook::runs::{Happening, RunEvent, RunId, RunState, Runs, StreamName};
use notebook::wire::{KernelState, KernelView};
use serde_json::{Value, json};

type Listener = Box<dyn Fn(RuntimeNews) + Send + Sync>;

#[derive(Default)]
pub struct Echo {
    runtimes: Mutex<HashMap<NotebookId, Runtime>>,
    /// Interrupts wait for it.
    pub busy: tokio::sync::RwLock<()>,
}

#[derive(Default)]
struct Runtime {
    log: Vec<RunEvent>,
    runs: Runs,
    view: KernelView,
    listener: Option<Listener>,
    restarts: usize,
}

impl Runtime {
    fn happen(&mut self, run: &str, cell: &CellId, what: Happening) {
        let event = RunEvent {
            sequence: self.runs.sequence + 1,
            run: run.to_owned(),
            cell: cell.clone(),
            at: 1,
            what,
        };
        self.runs.apply(&event);
        self.log.push(event.clone());
        if let Some(listener) = &self.listener {
            listener(RuntimeNews::Run(event));
        }
    }

    fn become_state(&mut self, state: KernelState) -> KernelView {
        self.view.state = state;
        if let Some(listener) = &self.listener {
            listener(RuntimeNews::Kernel(self.view.clone()));
        }
        self.view.clone()
    }
}

impl Echo {
    pub fn restarts(&self, notebook: &NotebookId) -> usize {
        self.runtimes.lock().unwrap()[notebook].restarts
    }

    pub fn is_heard(&self, notebook: &NotebookId) -> bool {
        self.runtimes
            .lock()
            .unwrap()
            .get(notebook)
            .is_some_and(|runtime| runtime.listener.is_some())
    }

    /// The kernel's state changes by itself.
    pub fn becomes(&self, notebook: &NotebookId, state: KernelState) {
        self.with(notebook, |runtime| runtime.become_state(state));
    }

    /// The kernel prints a line by itself.
    pub fn prints(&self, notebook: &NotebookId, cell: &CellId, text: &str) {
        let stream = Happening::Stream {
            name: StreamName::Stdout,
            text: text.to_owned(),
        };
        self.with(notebook, |runtime| runtime.happen("run_x", cell, stream));
    }

    fn with<T>(&self, notebook: &NotebookId, act: impl FnOnce(&mut Runtime) -> T) -> T {
        act(self
            .runtimes
            .lock()
            .unwrap()
            .entry(notebook.clone())
            .or_default())
    }
}

#[async_trait]
impl Runner for Echo {
    async fn listen(
        &self,
        notebook: &NotebookId,
        kernel: &str,
        listener: Listener,
    ) -> Result<(Runs, KernelView)> {
        Ok(self.with(notebook, |runtime| {
            runtime.view.name = kernel.to_owned();
            runtime.listener = Some(listener);
            (runtime.runs.clone(), runtime.view.clone())
        }))
    }

    async fn deafen(&self, notebook: &NotebookId) {
        self.with(notebook, |runtime| runtime.listener = None);
    }

    async fn since(&self, notebook: &NotebookId, sequence: u64) -> Result<Option<Vec<RunEvent>>> {
        let after = |event: &&RunEvent| event.sequence > sequence;
        Ok(Some(self.with(notebook, |runtime| {
            runtime.log.iter().filter(after).cloned().collect()
        })))
    }

    fn kernels(&self) -> Vec<Kernel> {
        let runtimes = self.runtimes.lock().unwrap();
        let up = runtimes
            .iter()
            .filter(|(_, runtime)| runtime.view.state == KernelState::Busy);
        up.map(|(notebook, runtime)| Kernel {
            notebook: notebook.clone(),
            activity: KernelActivity::Busy,
            queued: runtime.view.queued,
            memory: runtime.view.memory,
        })
        .collect()
    }

    async fn run(&self, request: RunRequest) -> Result<()> {
        self.with(&request.notebook, |runtime| {
            let (by, name) = request.by;
            for (cell, source) in request.cells {
                let run = format!("run_{}", runtime.runs.sequence);
                let queued = Happening::Queued {
                    by: by.clone(),
                    name: name.clone(),
                    source_hash: String::new(),
                };
                runtime.happen(&run, &cell, queued);
                runtime.happen(&run, &cell, Happening::Started);
                runtime.happen(
                    &run,
                    &cell,
                    Happening::Stream {
                        name: StreamName::Stdout,
                        text: source,
                    },
                );
                runtime.happen(
                    &run,
                    &cell,
                    Happening::Ended {
                        state: RunState::Done,
                        why: None,
                    },
                );
            }
        });
        Ok(())
    }

    /// Nothing ever waits here; whoever asks is told by which name they were announced.
    async fn cancel(&self, _notebook: &NotebookId, by: &str, runs: Vec<RunId>) -> Result<()> {
        let message = format!("{by} cancels {}", runs.join(" and "));
        Err(Error::conflict("run.over", message))
    }

    async fn interrupt(&self, _notebook: &NotebookId) -> Result<()> {
        let _idle = self.busy.read().await;
        Err(Error::not_found(Noun::Kernel))
    }

    async fn restart(&self, notebook: &NotebookId) -> Result<()> {
        self.with(notebook, |runtime| {
            runtime.restarts += 1;
            runtime.become_state(KernelState::Idle);
        });
        Ok(())
    }

    async fn clear(
        &self,
        notebook: &NotebookId,
        (by, name): (String, String),
        cells: Vec<CellId>,
    ) -> Result<()> {
        self.with(notebook, |runtime| {
            let first = cells[0].clone();
            runtime.happen("", &first, Happening::Cleared { by, name, cells });
        });
        Ok(())
    }

    async fn shut_down(&self, notebook: &NotebookId) -> Result<()> {
        self.with(notebook, |runtime| runtime.become_state(KernelState::Off));
        Ok(())
    }

    async fn choose(&self, notebook: &NotebookId, kernel: &str) -> Result<KernelView> {
        if kernel == "cobol" {
            return Err(Error::not_found(Noun::Kernel));
        }
        Ok(self.with(notebook, |runtime| {
            runtime.view.name = kernel.to_owned();
            runtime.view.clone()
        }))
    }

    async fn input(&self, notebook: &NotebookId, cell: &CellId, _text: &str) -> Result<()> {
        self.with(notebook, |runtime| {
            runtime.happen("run_x", cell, Happening::InputGiven)
        });
        Ok(())
    }

    async fn complete(&self, _notebook: &NotebookId, code: &str, cursor: u32) -> Result<Value> {
        Ok(json!({ "status": "ok", "matches": [code], "cursor_start": 0, "cursor_end": cursor }))
    }

    async fn inspect(&self, _notebook: &NotebookId, _code: &str, _cursor: u32) -> Result<Value> {
        Err(Error::unavailable(
            "kernel.off",
            "no kernel runs; run a cell first",
        ))
    }
}
