//! The run queue of one kernel, as a machine without I/O: what it hears decides what ends and what begins.

use std::collections::{HashSet, VecDeque};

use notebook::CellId;
use notebook::runs::RunState;

use crate::protocol::{Note, Task};

/// How a kernel's reply judged an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    Error,
    Aborted,
}

#[derive(Debug)]
pub struct Running {
    pub run: String,
    pub cell: CellId,
    /// The kernel took the request up: from now on an interrupt reaches the cell and nothing else.
    pub taken: bool,
    /// The kernel is at the request, but may not have come to the cell itself yet.
    busy: bool,
    outcome: Option<Outcome>,
    idle: bool,
    interrupted: Option<String>,
    interrupt_waits: bool,
}

#[derive(Debug, Default)]
pub struct Queue {
    waiting: VecDeque<Task>,
    running: Option<Running>,
}

impl Queue {
    pub fn push(&mut self, tasks: Vec<Task>) {
        self.waiting.extend(tasks);
    }

    pub fn running(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.running.is_none()
    }

    /// Runs that have not ended.
    pub fn open(&self) -> Vec<(String, CellId)> {
        let running = self
            .running
            .iter()
            .map(|running| (running.run.clone(), running.cell.clone()));
        running
            .chain(
                self.waiting
                    .iter()
                    .map(|task| (task.run.clone(), task.cell.clone())),
            )
            .collect()
    }

    /// The next cell to send to the kernel, now running; `None` while one runs.
    pub fn begin(&mut self) -> Option<Task> {
        if self.running.is_some() {
            return None;
        }
        let task = self.waiting.pop_front()?;
        self.running = Some(Running {
            run: task.run.clone(),
            cell: task.cell.clone(),
            taken: false,
            busy: false,
            outcome: None,
            idle: false,
            interrupted: None,
            interrupt_waits: false,
        });
        Some(task)
    }

    /// The kernel took up the request. True when an interrupt waited for that.
    pub fn taken(&mut self, run: &str) -> bool {
        match &mut self.running {
            Some(running) if running.run == run => {
                running.taken = true;
                std::mem::take(&mut running.interrupt_waits)
            }
            _ => false,
        }
    }

    /// The kernel is at the request.
    pub fn busied(&mut self, run: &str) {
        if let Some(running) = self.running.as_mut().filter(|running| running.run == run) {
            running.busy = true;
        }
    }

    /// The run an interrupt waits for although the kernel is at it. Not every kernel says that it took a cell up: when it has
    /// not after a while, take it so.
    pub fn overdue(&self) -> Option<&str> {
        self.running
            .as_ref()
            .filter(|running| running.busy && running.interrupt_waits)
            .map(|running| running.run.as_str())
    }

    /// The interrupted run whose kernel is idle and has not replied. An interrupt that meets the kernel between taking a cell up
    /// and its code makes some forget the reply: when it has not come after a while, do without.
    pub fn unanswered(&self) -> Option<&str> {
        self.running
            .as_ref()
            .filter(|running| {
                running.idle && running.outcome.is_none() && running.interrupted.is_some()
            })
            .map(|running| running.run.as_str())
    }

    /// The kernel replied to the request. Ends the run only if it is idle, too: shell and IOPub are separate sockets,
    /// and output may still be on its way.
    pub fn replied(&mut self, run: &str, outcome: Outcome) -> Vec<Note> {
        match &mut self.running {
            Some(running) if running.run == run => running.outcome = Some(outcome),
            _ => return Vec::new(),
        }
        self.finish()
    }

    /// The run whose reply is there, but not the idle that comes with it.
    pub fn replied_and_not_idle(&self) -> Option<&str> {
        self.running
            .as_ref()
            .filter(|running| running.outcome.is_some() && !running.idle)
            .map(|running| running.run.as_str())
    }

    /// The kernel is idle again after the request.
    pub fn idled(&mut self, run: &str) -> Vec<Note> {
        match &mut self.running {
            Some(running) if running.run == run => running.idle = true,
            _ => return Vec::new(),
        }
        self.finish()
    }

    /// Drops the queue and marks the running cell as interrupted. True when the kernel must be interrupted now;
    /// otherwise [`Queue::taken`] will say so.
    pub fn interrupt(&mut self, why: &str) -> (bool, Vec<Note>) {
        let dropped = self.drop_waiting(RunState::Interrupted, why);
        let now = self
            .running
            .as_mut()
            .is_some_and(|running| running.interrupt(why));
        (now, dropped)
    }

    /// As [`Queue::interrupt`], but these runs only.
    pub fn withdraw(&mut self, runs: &[String], why: &str) -> (bool, Vec<Note>) {
        let dropped = self
            .take_out(runs)
            .into_iter()
            .map(|task| ended(task, RunState::Interrupted, why))
            .collect();
        let now = self
            .running
            .as_mut()
            .filter(|running| runs.contains(&running.run))
            .is_some_and(|running| running.interrupt(why));
        (now, dropped)
    }

    /// Takes these runs out of the queue; what runs already goes on.
    pub fn cancel(&mut self, runs: &[String], why: &str) -> Vec<Note> {
        self.take_out(runs)
            .into_iter()
            .map(|task| ended(task, RunState::Cancelled, why))
            .collect()
    }

    /// Nothing runs yet: ends all that waits as cancelled.
    pub fn cancel_all(&mut self, why: &str) -> Vec<Note> {
        self.drop_waiting(RunState::Cancelled, why)
    }

    fn take_out(&mut self, runs: &[String]) -> VecDeque<Task> {
        let runs: HashSet<&String> = runs.iter().collect();
        let (taken, kept) = self
            .waiting
            .drain(..)
            .partition(|task| runs.contains(&task.run));
        self.waiting = kept;
        taken
    }

    /// Ends everything: the running cell in `state`, those behind it as interrupted.
    pub fn clear(&mut self, state: RunState, why: &str, behind: &str) -> Vec<Note> {
        let mut notes = Vec::new();
        if let Some(Running { run, cell, .. }) = self.running.take() {
            notes.push(Note::Ended {
                run,
                cell,
                state,
                why: Some(why.into()),
            });
        }
        notes.extend(self.drop_waiting(RunState::Interrupted, behind));
        notes
    }

    fn drop_waiting(&mut self, state: RunState, why: &str) -> Vec<Note> {
        self.waiting
            .drain(..)
            .map(|task| ended(task, state, why))
            .collect()
    }

    fn finish(&mut self) -> Vec<Note> {
        let Some((running, outcome)) = self
            .running
            .take_if(|running| running.idle && running.outcome.is_some())
            .and_then(|running| {
                let outcome = running.outcome?;
                Some((running, outcome))
            })
        else {
            return Vec::new();
        };
        let (state, why) = match (outcome, running.interrupted) {
            (Outcome::Ok, _) => (RunState::Done, None),
            (_, Some(why)) => (RunState::Interrupted, Some(why)),
            (Outcome::Aborted, None) => (
                RunState::Interrupted,
                Some("stopped: the kernel did not take it up".into()),
            ),
            (Outcome::Error, None) => (RunState::Failed, None),
        };
        let mut notes = vec![Note::Ended {
            run: running.run,
            cell: running.cell,
            state,
            why,
        }];
        if outcome != Outcome::Ok {
            notes.extend(
                self.drop_waiting(RunState::Interrupted, "stopped: an earlier cell failed"),
            );
        }
        notes
    }
}

impl Running {
    /// True when the kernel must be interrupted now; otherwise [`Queue::taken`] will say so.
    fn interrupt(&mut self, why: &str) -> bool {
        self.interrupted.get_or_insert_with(|| why.to_owned());
        self.interrupt_waits = !self.taken;
        self.taken
    }
}

fn ended(task: Task, state: RunState, why: &str) -> Note {
    Note::Ended {
        run: task.run,
        cell: task.cell,
        state,
        why: Some(why.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(count: usize) -> Queue {
        let mut queue = Queue::default();
        queue.push(
            (0..count)
                .map(|at| Task {
                    run: format!("r{at}"),
                    cell: serde_json::from_value(serde_json::json!(format!("c{at}")))
                        .expect("cell id"),
                    source: String::new(),
                    asked: Default::default(),
                })
                .collect(),
        );
        queue
    }

    fn ended(notes: &[Note]) -> Vec<(String, RunState)> {
        notes
            .iter()
            .map(|note| match note {
                Note::Ended { run, state, .. } => (run.clone(), *state),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_cell_ends_only_after_both_reply_and_idle_in_either_order() {
        let mut queue = queue(2);
        assert_eq!(queue.begin().expect("first").run, "r0");
        assert!(queue.begin().is_none());
        assert!(queue.idled("r0").is_empty());
        assert!(queue.replied("elsewhere", Outcome::Ok).is_empty());
        assert_eq!(
            ended(&queue.replied("r0", Outcome::Ok)),
            vec![("r0".into(), RunState::Done)]
        );
        assert_eq!(queue.begin().expect("second").run, "r1");
        assert!(queue.replied("r1", Outcome::Ok).is_empty());
        assert_eq!(
            ended(&queue.idled("r1")),
            vec![("r1".into(), RunState::Done)]
        );
        assert!(queue.is_empty());
    }

    #[test]
    fn the_first_error_stops_those_behind_it() {
        let mut queue = queue(3);
        queue.begin();
        queue.replied("r0", Outcome::Error);
        let notes = queue.idled("r0");
        assert_eq!(
            ended(&notes),
            vec![
                ("r0".into(), RunState::Failed),
                ("r1".into(), RunState::Interrupted),
                ("r2".into(), RunState::Interrupted)
            ]
        );
        assert!(
            matches!(&notes[1], Note::Ended { why: Some(why), .. } if why == "stopped: an earlier cell failed")
        );
    }

    #[test]
    fn an_interrupt_waits_until_the_kernel_took_the_cell_up() {
        let mut queue = queue(2);
        queue.begin();
        let (now, dropped) = queue.interrupt("interrupted");
        assert!(!now);
        assert_eq!(ended(&dropped), vec![("r1".into(), RunState::Interrupted)]);
        assert!(queue.taken("r0"));
        assert!(!queue.taken("r0"));
        assert!(queue.interrupt("again").0);
        queue.replied("r0", Outcome::Error);
        assert_eq!(
            ended(&queue.idled("r0")),
            vec![("r0".into(), RunState::Interrupted)]
        );
    }

    #[test]
    fn an_interrupt_of_a_kernel_that_is_busy_and_says_no_more_is_overdue() {
        let mut queue = queue(1);
        queue.begin();
        queue.interrupt("interrupted");
        assert_eq!(queue.overdue(), None);
        queue.busied("elsewhere");
        assert_eq!(queue.overdue(), None);
        queue.busied("r0");
        assert_eq!(queue.overdue(), Some("r0"));
        assert!(queue.taken("r0"));
        assert_eq!(queue.overdue(), None);
    }

    #[test]
    fn an_interrupted_cell_whose_kernel_is_idle_without_a_reply_is_unanswered() {
        let mut queue = queue(1);
        queue.begin();
        queue.taken("r0");
        queue.idled("r0");
        assert_eq!(queue.unanswered(), None);
        queue.interrupt("interrupted");
        assert_eq!(queue.unanswered(), Some("r0"));
        assert_eq!(
            ended(&queue.replied("r0", Outcome::Aborted)),
            vec![("r0".into(), RunState::Interrupted)]
        );
        assert_eq!(queue.unanswered(), None);
    }

    #[test]
    fn runs_are_withdrawn_and_the_others_stay() {
        let mut queue = queue(4);
        queue.begin();
        queue.taken("r0");
        let (now, dropped) = queue.withdraw(&["r1".into(), "r3".into()], "why");
        assert!(!now);
        assert_eq!(
            super::tests::ended(&dropped),
            vec![
                ("r1".into(), RunState::Interrupted),
                ("r3".into(), RunState::Interrupted)
            ]
        );
        assert!(queue.withdraw(&["r0".into()], "why").0);
        queue.replied("r0", Outcome::Ok);
        queue.idled("r0");
        assert_eq!(queue.begin().expect("the one that stayed").run, "r2");
    }

    #[test]
    fn runs_are_cancelled_before_they_begin_and_what_runs_goes_on() {
        let mut queue = queue(4);
        queue.begin();
        queue.taken("r0");
        let notes = queue.cancel(&["r0".into(), "r2".into(), "elsewhere".into()], "why");
        assert_eq!(ended(&notes), vec![("r2".into(), RunState::Cancelled)]);
        assert!(queue.cancel(&["r2".into()], "why").is_empty(), "once");
        queue.replied("r0", Outcome::Ok);
        assert_eq!(
            ended(&queue.idled("r0")),
            vec![("r0".into(), RunState::Done)]
        );
        assert_eq!(queue.begin().expect("the next").run, "r1");
        assert_eq!(
            ended(&queue.cancel_all("why")),
            vec![("r3".into(), RunState::Cancelled)]
        );
    }

    #[test]
    fn a_cell_that_finished_well_in_spite_of_the_interrupt_is_done() {
        let mut queue = queue(1);
        queue.begin();
        queue.taken("r0");
        assert!(queue.interrupt("interrupted").0);
        queue.replied("r0", Outcome::Ok);
        assert_eq!(
            ended(&queue.idled("r0")),
            vec![("r0".into(), RunState::Done)]
        );
    }
}
