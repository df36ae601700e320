//! What studios ask of a supervisor, and what it answers and tells them.

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::Duration;

use notebook::CellId;
use notebook::runs::StreamName;
use notebook::wire::KernelState;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::attachment::Out;
use super::hints::Question;
use super::queue::Running;
use super::{Event, Phase, Supervisor};
use crate::protocol::{
    Attached, Command, Interrupt, Note, Order, Refusal, Status, Task, Told, WORDS,
};
use crate::spool::Channel;

/// A kernel that is at a request comes to its cell within so long, even on a machine with too much to do.
const TAKING: Duration = Duration::from_secs(2);

impl Supervisor {
    pub(super) async fn obey(&mut self, studio: u64, order: Order) {
        let Order { ask, what } = order;
        let result = match what {
            Command::Attach { mark } => return self.attach(studio, ask, mark),
            Command::Release { offset } => {
                self.spool
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .release(offset);
                return;
            }
            Command::Watch { on } => {
                if let Some(studio) = self.studios.get_mut(&studio) {
                    studio.watching = on;
                }
                return;
            }
            Command::Enqueue { tasks } => self.enqueue(tasks).await,
            Command::Withdraw { runs, why } => {
                let (now, notes) = self.queue.withdraw(&runs, &why);
                if now {
                    self.interrupt_kernel();
                }
                self.interrupt_later();
                self.note_all(&notes).await;
                return;
            }
            Command::Cancel { runs, why } => self.cancel(&runs, &why).await,
            Command::Interrupt if matches!(self.phase, Phase::Starting { .. }) => {
                self.stop_start().await;
                Ok(Value::Null)
            }
            Command::Interrupt => {
                self.interrupt("interrupted").await;
                Ok(Value::Null)
            }
            Command::Restart => self.restart().await,
            Command::ShutDown => {
                self.shut_down().await;
                Ok(Value::Null)
            }
            Command::Input { cell, text } => self.input(&cell, &text).await,
            Command::Clear { by, name, cells } => {
                self.clear(by, name, cells).await;
                Ok(Value::Null)
            }
            Command::Unknown => Err(Refusal::new(
                "kernel.older",
                "this kernel was started by an older studio; shut it down and run again",
            )),
            Command::Request { kind, content } => {
                return self.question(Question {
                    studio,
                    ask,
                    kind,
                    content,
                });
            }
        };
        self.answer(studio, ask, result);
    }

    pub(super) fn attach(&mut self, studio: u64, ask: u64, mark: u64) {
        let (oldest, end) = {
            let spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
            (spool.start(), spool.end())
        };
        let running = self.queue.running().map_or(end, |_| self.running_from);
        let start = mark.min(running).clamp(oldest, end);
        let status = self.status();
        let attached = Attached {
            ask,
            start,
            end,
            open: self.queue.open(),
            status,
            words: WORDS,
        };
        if let Some(studio) = self.studios.get_mut(&studio) {
            studio.attached = true;
            // A closed outbox is a studio that left; its event is on the way.
            let _ = studio.out.send(Out::Say {
                told: Told::Attached(attached),
                after: 0,
            });
            let _ = studio.out.send(Out::Stream { from: start });
        }
    }

    pub(super) async fn enqueue(&mut self, tasks: Vec<Task>) -> Result<Value, Refusal> {
        if matches!(self.phase, Phase::Stopping | Phase::Off { .. }) {
            return Err(Refusal::new(
                "kernel.stopping",
                "the kernel is shutting down; run the cell again",
            ));
        }
        self.queue.push(tasks);
        if matches!(self.phase, Phase::Dead { .. }) {
            self.start().await;
        }
        Ok(Value::Null)
    }

    /// Takes runs out of the queue. Of those that are not in it any more whoever asked is told why nothing was done to them.
    async fn cancel(&mut self, runs: &[String], why: &str) -> Result<Value, Refusal> {
        let notes = self.queue.cancel(runs, why);
        self.note_all(&notes).await;
        let began = |running: &Running| runs.contains(&running.run);
        if self.queue.running().is_some_and(began) {
            return Err(Refusal::new(
                "run.begun",
                "the cell has begun, so it goes on; interrupt the kernel to stop it",
            ));
        }
        if notes.len() < runs.iter().collect::<HashSet<_>>().len() {
            return Err(Refusal::new(
                "run.not_queued",
                "the cell no longer waits in the queue",
            ));
        }
        Ok(Value::Null)
    }

    /// The note goes behind all that was said so far, so that what is cleared is what people saw.
    async fn clear(&mut self, by: String, name: String, cells: Vec<CellId>) {
        let shows = |running: &Running| cells.contains(&running.cell);
        if self.queue.running().is_some_and(shows) {
            // There is room inline again.
            self.transcript.clear();
        }
        self.note(&Note::Cleared { by, name, cells }).await;
    }

    pub(super) async fn interrupt(&mut self, why: &str) {
        let (now, notes) = self.queue.interrupt(why);
        if now {
            self.interrupt_kernel();
        }
        self.interrupt_later();
        self.end_later();
        self.note_all(&notes).await;
    }

    /// An interrupt that comes before the kernel has come to the cell is lost, and the kernel's answer with it. So it waits for
    /// the cell's first words; where there are none, it waits so long.
    pub(super) fn interrupt_later(&self) {
        if let Some(run) = self.queue.overdue() {
            let run = run.to_owned();
            self.later(self.epoch, TAKING, move |epoch| Event::Overdue {
                epoch,
                run: run.clone(),
            });
        }
    }

    /// A reply that has not come so long after the kernel was interrupted and idle will not.
    pub(super) fn end_later(&self) {
        if let Some(run) = self.queue.unanswered() {
            let run = run.to_owned();
            self.later(self.epoch, TAKING, move |epoch| Event::Unanswered {
                epoch,
                run: run.clone(),
            });
        }
    }

    pub(super) fn interrupt_kernel(&mut self) {
        match self.args.interrupt {
            Interrupt::Signal => self.signal(Signal::INT),
            Interrupt::Message => {
                self.send(Channel::Control, "interrupt_request", None, &json!({}));
            }
        }
    }

    pub(super) async fn input(&mut self, cell: &CellId, text: &str) -> Result<Value, Refusal> {
        let Some(asking) = self.asking.take_if(|asking| asking.cell == *cell) else {
            return Err(Refusal::new(
                "run.not_asking",
                "this cell no longer waits for a line of text",
            ));
        };
        self.send(
            Channel::Stdin,
            "input_reply",
            Some(&asking.parent),
            &json!({ "value": text, "status": "ok" }),
        );
        let shown = if asking.password {
            "········"
        } else {
            text
        };
        let echo = format!("{}{shown}\n", asking.prompt);
        let shown = self.keep(StreamName::Stdout, &echo).await;
        let echo = echo[..shown].to_owned();
        self.note(&Note::InputGiven {
            run: asking.run,
            echo,
        })
        .await;
        Ok(Value::Null)
    }

    pub(super) fn status(&self) -> Status {
        let state = match &self.phase {
            Phase::Starting { .. } => KernelState::Starting,
            Phase::Ready if self.queue.is_empty() => KernelState::Idle,
            Phase::Ready => KernelState::Busy,
            Phase::Restarting => KernelState::Restarting,
            Phase::Dead { why, .. } => KernelState::Dead { why: why.clone() },
            Phase::Stopping | Phase::Off { .. } => KernelState::Off,
        };
        let queued = u32::try_from(self.queue.waiting()).unwrap_or(u32::MAX);
        Status {
            state,
            queued,
            memory: self.memory,
            dropped: self.dropped,
        }
    }

    /// Tells the studios when something is new.
    pub(super) fn tell(&mut self) {
        if matches!(self.phase, Phase::Stopping) {
            // Off is said when it is true.
            return;
        }
        let status = self.status();
        if status == self.told {
            return;
        }
        let after = *self.grown.borrow();
        for studio in self.studios.values().filter(|studio| studio.attached) {
            let _ = studio.out.send(Out::Say {
                told: Told::Kernel(status.clone()),
                after,
            });
        }
        self.told = status;
    }

    pub(super) fn answer(&self, studio: u64, ask: u64, result: Result<Value, Refusal>) {
        if let Some(studio) = self.studios.get(&studio) {
            let _ = studio.out.send(Out::Say {
                told: Told::Answer { ask, result },
                after: 0,
            });
        }
    }
}
