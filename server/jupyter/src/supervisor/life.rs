//! The kernel's life in its supervisor's hands: started, watched over, ended, buried.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use notebook::runs::RunState;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::kernel::{self, Kernel};
use super::process::{self, Kills, OutOfMemory};
use super::{Event, Phase, Supervisor};
use crate::protocol::{Note, Refusal};
use crate::spool::Channel;

const GRACE: Duration = Duration::from_secs(3);

impl Supervisor {
    /// The kernel is off, and every studio has heard it or had the time to.
    pub(super) fn is_over(&self) -> bool {
        match &self.phase {
            Phase::Off { since } => {
                self.studios.is_empty() || since.elapsed() > Duration::from_secs(5)
            }
            _ => false,
        }
    }

    pub(super) async fn start(&mut self) {
        self.epoch += 1;
        self.phase = Phase::Starting {
            since: Instant::now(),
        };
        self.forget_questions();
        self.info_seen = false;
        self.iopub_seen = false;
        self.strikes.clear();
        self.exited = None;
        self.cause = None;
        self.over_limit = false;
        self.busy_at = Instant::now();
        self.kills = Kills::begin(self.busy_at, OutOfMemory::read());
        match Kernel::start(&self.args, self.epoch, &self.events) {
            Ok(kernel) => self.kernel = Some(kernel),
            Err(why) => {
                self.die(format!("The kernel could not be started: {why}."))
                    .await;
            }
        }
        self.tell();
    }

    pub(super) async fn tick(&mut self) {
        let now = Instant::now();
        self.hints.give_up(now);
        if let (Some(kernel), None) = (&self.kernel, self.exited) {
            if self.kills.is_due(now) {
                self.kills.read_again(now, OutOfMemory::read());
            }
            let looked_at = self.studios.values().any(|studio| studio.watching);
            if looked_at || self.args.limits.memory.is_some() || !self.queue.is_empty() {
                let memory = process::tree_memory(kernel.pid.as_raw_nonzero().get());
                if memory.abs_diff(self.memory) > 1024 * 1024 {
                    self.memory = memory;
                }
                let pid = kernel.pid.as_raw_nonzero().get();
                if self
                    .args
                    .limits
                    .memory
                    .is_some_and(|limit| memory > limit && process::tree_memory_once(pid) > limit)
                {
                    self.over_limit = true;
                    self.signal(Signal::KILL);
                }
            }
        }
        if let Phase::Starting { since } = self.phase
            && since.elapsed() > Duration::from_secs(self.args.start_seconds)
            && self.cause.is_none()
        {
            let seconds = self.args.start_seconds;
            let said = self
                .kernel
                .as_ref()
                .map(|kernel| kernel.tail.text())
                .unwrap_or_default();
            self.cause = Some(with_tail(
                &format!("The kernel did not answer within {seconds} seconds."),
                &said,
            ));
            self.signal(Signal::KILL);
        }
        if let (Some(limit), true) = (
            self.args.limits.cell_seconds,
            self.queue.running().is_some(),
        ) && self.running_since.elapsed() > Duration::from_secs(limit)
        {
            self.interrupt(&format!("stopped: it ran longer than {limit} seconds"))
                .await;
            // Ask again only after as long a time.
            self.running_since = Instant::now();
        }
        let looked_at = self
            .studios
            .values()
            .any(|studio| studio.attached && studio.watching);
        if !self.queue.is_empty() || looked_at {
            self.busy_at = Instant::now();
        }
        let idle = self.busy_at.elapsed();
        let cull = self.args.cull_seconds.map(Duration::from_secs);
        match &self.phase {
            Phase::Ready if cull.is_some_and(|cull| idle > cull) && self.hints.is_empty() => {
                self.shut_down().await
            }
            Phase::Dead { since, .. }
                if self.studios.is_empty() && since.elapsed() > Duration::from_secs(60) =>
            {
                self.phase = Phase::Off {
                    since: Instant::now(),
                };
            }
            _ => {}
        }
        self.tell();
    }

    pub(super) async fn restart(&mut self) -> Result<Value, Refusal> {
        match self.phase {
            Phase::Stopping | Phase::Off { .. } => {
                return Err(Refusal::new(
                    "kernel.stopping",
                    "the kernel is shutting down; run a cell to start a new one",
                ));
            }
            Phase::Dead { .. } => self.start().await,
            Phase::Restarting => {}
            Phase::Starting { .. } | Phase::Ready => {
                self.end_runs(
                    RunState::Interrupted,
                    "stopped: the kernel was restarted",
                    "stopped: the kernel was restarted",
                )
                .await;
                self.phase = Phase::Restarting;
                self.ask_to_end(true);
            }
        }
        Ok(Value::Null)
    }

    pub(super) async fn shut_down(&mut self) {
        let why = "stopped: the kernel was shut down";
        self.end_runs(RunState::Interrupted, why, why).await;
        match self.phase {
            Phase::Stopping | Phase::Off { .. } => {}
            Phase::Dead { .. } => {
                self.phase = Phase::Off {
                    since: Instant::now(),
                }
            }
            Phase::Starting { .. } | Phase::Ready | Phase::Restarting => {
                self.phase = Phase::Stopping;
                self.ask_to_end(false);
            }
        }
        self.tell();
    }

    /// A kernel that has not come up holds nothing, so there is nothing to be polite about; and an interrupt would meet it anywhere.
    pub(super) async fn stop_start(&mut self) {
        let notes = self
            .queue
            .cancel_all("cancelled: the kernel's start was stopped");
        self.ended(&notes).await;
        self.phase = Phase::Stopping;
        self.signal(Signal::KILL);
    }

    /// Politely first; by force when the grace is over.
    pub(super) fn ask_to_end(&mut self, restart: bool) {
        self.asking = None;
        self.send(
            Channel::Control,
            "shutdown_request",
            None,
            &json!({ "restart": restart }),
        );
        // A kernel stuck in a cell hears nothing but an interrupt.
        self.signal(Signal::INT);
        self.later(self.epoch, GRACE, |epoch| Event::GraceOver { epoch });
    }

    pub(super) fn check_ready(&mut self) {
        if self.info_seen && self.iopub_seen && matches!(self.phase, Phase::Starting { .. }) {
            self.phase = Phase::Ready;
            self.busy_at = Instant::now();
        }
    }

    /// Until the kernel has answered and IOPub has said something, nothing may be executed: its output could be missed.
    pub(super) fn nudge(&mut self) {
        self.send(Channel::Shell, "kernel_info_request", None, &json!({}));
        self.later(self.epoch, Duration::from_millis(500), |epoch| {
            Event::NudgeAgain { epoch }
        });
    }

    pub(super) fn closed(&mut self, why: Option<String>) {
        if self.exited.is_some()
            || !matches!(self.phase, Phase::Starting { .. } | Phase::Ready)
            || self.cause.is_some()
        {
            return;
        }
        if let Some(why) = why.filter(|why| {
            why.contains("frame")
                || why.contains("ZMTP")
                || why.contains("command")
                || why.contains("mechanism")
        }) {
            self.cause = Some(format!("The kernel is faulty and was stopped: {why}."));
            self.signal(Signal::KILL);
            return;
        }
        // It is ending, or has given up its sockets; neither will be undone.
        self.later(self.epoch, Duration::from_secs(2), |epoch| {
            Event::GraceOver { epoch }
        });
    }

    /// The process is gone and all it said has been read.
    pub(super) async fn buried(&mut self) {
        let Some(status) = self.exited else { return };
        match self.phase {
            Phase::Restarting => self.start().await,
            Phase::Stopping => {
                self.kernel = None;
                self.memory = 0;
                self.phase = Phase::Off {
                    since: Instant::now(),
                };
            }
            Phase::Dead { .. } | Phase::Off { .. } => {}
            Phase::Starting { .. } | Phase::Ready => {
                let why = match self.cause.take() {
                    Some(why) => why,
                    None => self.cause_of_death(status),
                };
                self.die(why).await;
            }
        }
    }

    pub(super) fn cause_of_death(&self, status: Option<ExitStatus>) -> String {
        let now = OutOfMemory::read();
        let limit = self.args.limits.memory;
        let out_of_memory = if self.over_limit {
            Some(limit)
        } else if self.kills.rose(now.kills) {
            Some(limit.or(now.limit))
        } else if limit.is_some_and(|limit| self.memory > limit / 10 * 9) {
            Some(limit)
        } else {
            None
        };
        let why = kernel::cause_of_death(status, out_of_memory);
        match (&self.phase, &self.kernel) {
            (Phase::Starting { .. }, Some(kernel)) => with_tail(
                &format!("The kernel did not start. {why}"),
                &kernel.tail.text(),
            ),
            _ => why,
        }
    }

    pub(super) async fn die(&mut self, why: String) {
        self.kernel = None;
        self.memory = 0;
        self.forget_questions();
        self.phase = Phase::Dead {
            why: why.clone(),
            since: Instant::now(),
        };
        // The cell that ran has failed with the kernel; those behind it never began.
        let behind = "stopped: the kernel ended before it came to this cell";
        // Where none ran, the first in line is the one it could not be started for.
        self.queue.begin();
        self.end_runs(RunState::Failed, &why, behind).await;
        self.note(&Note::Died { why }).await;
    }

    pub(super) fn signal(&self, signal: Signal) {
        if let (Some(kernel), None) = (&self.kernel, self.exited) {
            kernel.signal(signal);
        }
    }
}

fn with_tail(sentence: &str, tail: &str) -> String {
    if tail.is_empty() {
        return sentence.to_owned();
    }
    let mut lines: Vec<&str> = tail.lines().rev().take(12).collect();
    lines.reverse();
    format!("{sentence} It said last:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_what_it_said_is_shown_whole_lines_last_first_kept() {
        let tail = (0..20)
            .map(|at| format!("line {at}"))
            .collect::<Vec<_>>()
            .join("\n");
        let shown = with_tail("It did not start.", &tail);
        assert!(
            shown.ends_with("line 19") && shown.contains("line 8\n") && !shown.contains("line 7\n")
        );
        assert_eq!(with_tail("Sentence.", ""), "Sentence.");
    }
}
