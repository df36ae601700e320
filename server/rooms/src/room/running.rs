//! Running: hands cells to the runtime with their source as the room has it, without ever waiting for it.

use std::sync::Arc;

use datalayer::{Error, NotebookId, Noun, Result, RunRequest, Runner, Wire};
use notebook::wire::{Hear, Say};
use notebook::{CellId, CellKind};
use serde_json::{Value, json};

use super::{Message, Room};
use crate::frames;

/// Questions to the kernel that may be open at once in a room.
const ASKING: usize = 64;
/// Interrupts, answers and choices of a kernel that may be on their way to the runtime at once in a room.
const ERRANDS: usize = 64;
/// Requests that may queue for the runtime in a room.
const JOBS: usize = 256;

/// A request to the runtime. One at a time, so that cells run in the order they were asked for.
pub(super) struct Job {
    wire: Arc<dyn Wire>,
    /// User id and name of whoever asked.
    by: (String, String),
    what: Work,
}

enum Work {
    /// Cells with their source as the room had it.
    Run {
        restart: bool,
        /// Empty: nothing to run after the restart.
        cells: Vec<(CellId, String)>,
        kernel: String,
    },
    /// `None`: every cell. What there is to clear is known only once what was asked for before is done.
    Clear(Option<Vec<CellId>>),
}

impl Room {
    pub(super) fn errand(&mut self, at: usize, say: Say) {
        if !self.seats[at].may.run {
            let message = "you may read this notebook, not run it; ask a manager of its space for the role of a runner";
            return match say {
                Say::Complete { ask, .. } | Say::Inspect { ask, .. } => {
                    let refusal = Error::forbidden("run.not_allowed", message);
                    self.send(at, answer(&self.notebook, ask, Err(refusal)));
                }
                _ => self.send(
                    at,
                    frames::sorry(&self.notebook, "run.not_allowed", message),
                ),
            };
        }
        match say {
            Say::Run { cells } => match self.sources(cells) {
                Ok(cells) => self.queue_cells(at, false, cells),
                Err(error) => self.send(
                    at,
                    frames::sorry(&self.notebook, &error.code(), &error.to_string()),
                ),
            },
            Say::Restart { run_all } => {
                let cells = if run_all {
                    self.all_sources()
                } else {
                    Vec::new()
                };
                self.queue_cells(at, true, cells);
            }
            Say::ClearOutputs { cells } => {
                let known = |id: &CellId| self.sequencer.document().cell(id).is_some();
                if cells.iter().flatten().all(known) {
                    self.queue(at, Work::Clear(cells));
                } else {
                    let error = Error::not_found(Noun::Cell);
                    self.send(
                        at,
                        frames::sorry(&self.notebook, &error.code(), &error.to_string()),
                    );
                }
            }
            Say::Cancel { runs } => {
                let by = self.seats[at].person.name.clone();
                self.go(at, move |runner, notebook| async move {
                    runner.cancel(&notebook, &by, runs).await
                });
            }
            Say::Interrupt => self.go(at, |runner, notebook| async move {
                runner.interrupt(&notebook).await
            }),
            Say::Shutdown => self.go(at, |runner, notebook| async move {
                runner.shut_down(&notebook).await
            }),
            Say::Input { cell, text } => {
                self.go(at, move |runner, notebook| async move {
                    runner.input(&notebook, &cell, &text).await
                });
            }
            Say::ChooseKernel { kernel } => {
                let (ledger, room) = (self.house.ledger.clone(), self.room.clone());
                self.go(at, move |runner, notebook| async move {
                    // The runtime first: it knows whether there is such a kernel.
                    let view = runner.choose(&notebook, &kernel).await?;
                    ledger.choose_kernel(&notebook, &kernel).await?;
                    let _ = room.send(Message::Chosen(Box::new((kernel, view))));
                    Ok(())
                });
            }
            Say::Complete { ask, code, cursor } => {
                self.ask(at, ask, move |runner, notebook| async move {
                    runner.complete(&notebook, &code, cursor).await
                })
            }
            Say::Inspect { ask, code, cursor } => {
                self.ask(at, ask, move |runner, notebook| async move {
                    runner.inspect(&notebook, &code, cursor).await
                })
            }
            // Dealt with before they get here.
            Say::Join { .. }
            | Say::Leave
            | Say::Submit { .. }
            | Say::Presence { .. }
            | Say::Ping { .. } => {}
        }
    }

    pub(super) fn next_job(&mut self) {
        if self.job_runs {
            return;
        }
        let Some(Job { wire, by, what }) = self.jobs.pop_front() else {
            return;
        };
        let clearable = match &what {
            Work::Run { .. } => Vec::new(),
            Work::Clear(Some(cells)) => self.runs.clearable(cells),
            // Also what cells show that were deleted, and come back with it when they are restored.
            Work::Clear(None) => self.runs.clearable(self.runs.cells.keys()),
        };
        self.job_runs = true;
        let (runner, room) = (self.house.runner.clone(), self.room.clone());
        let notebook = self.notebook.clone();
        tokio::spawn(async move {
            let done = async {
                match what {
                    Work::Run {
                        restart,
                        cells,
                        kernel,
                    } => {
                        if restart {
                            runner.restart(&notebook).await?;
                        }
                        if cells.is_empty() {
                            return Ok(());
                        }
                        let notebook = notebook.clone();
                        let request = RunRequest {
                            notebook,
                            by,
                            cells,
                            kernel,
                        };
                        runner.run(request).await
                    }
                    Work::Clear(_) if clearable.is_empty() => Ok(()),
                    Work::Clear(_) => runner.clear(&notebook, by, clearable).await,
                }
            };
            // Told to the room also when the runtime panics, so that the next one is not stuck behind it.
            let _done = Done(room);
            apologise(&*wire, &notebook, done.await);
        });
    }

    fn queue_cells(&mut self, at: usize, restart: bool, cells: Vec<(CellId, String)>) {
        let kernel = self.kernel.clone();
        let work = Work::Run {
            restart,
            cells,
            kernel,
        };
        self.queue(at, work);
    }

    fn queue(&mut self, at: usize, what: Work) {
        if self.jobs.len() >= JOBS {
            let message = "too many requests to run wait already; try again when some are done";
            return self.send(at, frames::sorry(&self.notebook, "run.too_many", message));
        }
        let seat = &self.seats[at];
        self.jobs.push_back(Job {
            wire: seat.line.wire(),
            by: (seat.person.id.to_string(), seat.person.name.clone()),
            what,
        });
        self.next_job();
    }

    fn sources(&self, cells: Vec<CellId>) -> Result<Vec<(CellId, String)>> {
        let source = |id: CellId| {
            let cell = self
                .sequencer
                .document()
                .cell(&id)
                .filter(|cell| !cell.deleted);
            match cell.ok_or(Error::not_found(Noun::Cell))? {
                cell if cell.kind == CellKind::Code => Ok((id, cell.source.clone())),
                _ => Err(Error::invalid(
                    "cells",
                    "run.not_code",
                    "only code cells can run",
                )),
            }
        };
        if cells.is_empty() {
            return Err(Error::invalid(
                "cells",
                "run.no_cells",
                "name the cells to run",
            ));
        }
        cells.into_iter().map(source).collect()
    }

    fn all_sources(&self) -> Vec<(CellId, String)> {
        let cells = self.sequencer.document().cells().into_iter();
        cells
            .filter(|(_, cell)| cell.kind == CellKind::Code)
            .map(|(id, cell)| (id.clone(), cell.source.clone()))
            .collect()
    }

    /// Sends somebody to the runtime; what goes wrong is told to whoever asked.
    fn go<F>(&mut self, at: usize, errand: impl FnOnce(Arc<dyn Runner>, NotebookId) -> F)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        if Arc::strong_count(&self.errands) > ERRANDS {
            let message =
                "the kernel has too many requests to answer already; try again in a moment";
            return self.send(at, frames::sorry(&self.notebook, "run.too_many", message));
        }
        let errand = errand(self.house.runner.clone(), self.notebook.clone());
        let (wire, notebook, errands) = (
            self.seats[at].line.wire(),
            self.notebook.clone(),
            self.errands.clone(),
        );
        tokio::spawn(async move {
            apologise(&*wire, &notebook, errand.await);
            drop(errands);
        });
    }

    fn ask<F>(
        &mut self,
        at: usize,
        ask: u32,
        question: impl FnOnce(Arc<dyn Runner>, NotebookId) -> F,
    ) where
        F: Future<Output = Result<Value>> + Send + 'static,
    {
        if Arc::strong_count(&self.asking) > ASKING {
            let busy = Error::unavailable(
                "kernel.busy",
                "the kernel has too many questions to answer already",
            );
            return self.send(at, answer(&self.notebook, ask, Err(busy)));
        }
        let question = question(self.house.runner.clone(), self.notebook.clone());
        let (wire, notebook, asking) = (
            self.seats[at].line.wire(),
            self.notebook.clone(),
            self.asking.clone(),
        );
        tokio::spawn(async move {
            wire.send(answer(&notebook, ask, question.await));
            drop(asking);
        });
    }
}

struct Done(tokio::sync::mpsc::UnboundedSender<Message>);

impl Drop for Done {
    fn drop(&mut self) {
        let _ = self.0.send(Message::Ran);
    }
}

fn apologise(wire: &dyn Wire, notebook: &NotebookId, outcome: Result<()>) {
    if let Err(error) = outcome {
        wire.send(frames::sorry(notebook, &error.code(), &error.to_string()));
    }
}

/// A refusal has the shape of a kernel's own, so that whoever asked has one thing to read.
fn answer(notebook: &NotebookId, ask: u32, content: Result<Value>) -> bytes::Bytes {
    let content = content.unwrap_or_else(
        |error| json!({ "status": "error", "ename": error.code(), "evalue": error.to_string(), "traceback": [] }),
    );
    frames::frame(notebook, &Hear::Answer { ask, content })
}
