//! The runtime of one notebook: its log, its listener and the way to its kernel.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use datalayer::{
    Error, Kernel, KernelActivity, NotebookId, Result, RunLedger, RuntimeNews, SpoolMark,
};
use notebook::CellId;
use notebook::runs::{Happening, RunEvent, RunState, Runs};
use notebook::wire::{KernelState, KernelView};
use tokio::sync::MutexGuard;
use tokio::task::AbortHandle;

use crate::fold::Draft;
use crate::gateway::Shared;
use crate::link::{self, Link};
use crate::protocol::{Asked, Attached, Command, Status};
use crate::{follow, moment};

pub type Listener = Arc<dyn Fn(RuntimeNews) + Send + Sync>;

const ANSWER: Duration = Duration::from_secs(20);
/// Events after which the folded runs are kept, so that loading stays quick.
const FOLD_EVERY: u64 = 2000;

pub struct Runtime {
    pub notebook: NotebookId,
    pub shared: Arc<Shared>,
    log: tokio::sync::Mutex<Option<Log>>,
    /// Held by whoever starts, ends or feeds the kernel.
    pub gate: tokio::sync::Mutex<()>,
    link: Mutex<Option<Arc<Link>>>,
    view: Mutex<KernelView>,
    listener: Mutex<Option<Listener>>,
    /// The kernel someone chose for the next start.
    chosen: Mutex<Option<String>>,
    followers: Mutex<Vec<AbortHandle>>,
    /// A kernel of an earlier studio that does not answer yet; it is tried again and again.
    unreached: AtomicBool,
}

/// The run log's end, known to its only writer.
#[derive(Default)]
pub struct Log {
    sequence: u64,
    /// Runs that have not ended.
    pub open: BTreeMap<String, CellId>,
    /// Latest runs that have ended; their threads may still print.
    pub ended: BTreeMap<String, CellId>,
    folded: u64,
}

impl Runtime {
    pub fn new(notebook: NotebookId, shared: Arc<Shared>) -> Self {
        Self {
            notebook,
            shared,
            log: tokio::sync::Mutex::default(),
            gate: tokio::sync::Mutex::default(),
            link: Mutex::default(),
            view: Mutex::default(),
            listener: Mutex::default(),
            chosen: Mutex::default(),
            followers: Mutex::default(),
            unreached: AtomicBool::new(false),
        }
    }

    pub fn ledger(&self) -> &dyn RunLedger {
        &*self.shared.ledger
    }

    pub fn link(&self) -> Option<Arc<Link>> {
        lock(&self.link).clone()
    }

    /// The log, read from the ledger the first time.
    pub async fn log(&self) -> Result<LogGuard<'_>> {
        let mut log = self.log.lock().await;
        if log.is_none() {
            let runs = self.ledger().load(&self.notebook).await?;
            *log = Some(Log::of(&runs));
        }
        Ok(LogGuard(log))
    }

    /// Appends events, durably, and then tells the listener. All or none.
    pub async fn append(&self, drafts: Vec<Draft>, mark: Option<SpoolMark>) -> Result<()> {
        let mut log = self.log().await?;
        self.append_to(&mut log, drafts, mark).await
    }

    /// As [`Runtime::append`], for what a kernel's supervisor told: what it knows of a run and the log does not (the studio
    /// that asked for it died just then) comes first.
    pub async fn append_run(
        &self,
        mut drafts: Vec<Draft>,
        asked: &HashMap<String, Asked>,
        mark: Option<SpoolMark>,
    ) -> Result<()> {
        let mut log = self.log().await?;
        let mut at = 0;
        while let Some(draft) = drafts.get(at) {
            let known = log.get().open.contains_key(&draft.run);
            match &draft.what {
                Happening::Started if !known => {
                    let asked = asked.get(&draft.run).cloned().unwrap_or_default();
                    let queued = Draft {
                        at: asked.at,
                        what: queued(&asked),
                        ..draft.clone()
                    };
                    drafts.insert(at, queued);
                    at += 2;
                }
                // It was withdrawn before anyone was told of it.
                Happening::Ended { .. }
                    if !known
                        && !drafts[..at].iter().any(|before| {
                            before.run == draft.run && before.what == Happening::Started
                        }) =>
                {
                    drafts.remove(at);
                }
                _ => at += 1,
            }
        }
        self.append_to(&mut log, drafts, mark).await
    }

    pub async fn append_to(
        &self,
        guard: &mut LogGuard<'_>,
        drafts: Vec<Draft>,
        mark: Option<SpoolMark>,
    ) -> Result<()> {
        let log = guard.get();
        let mut sequence = log.sequence;
        let events: Vec<RunEvent> = drafts
            .into_iter()
            .map(
                |Draft {
                     run,
                     cell,
                     at,
                     what,
                     ..
                 }| {
                    sequence += 1;
                    RunEvent {
                        sequence,
                        run,
                        cell,
                        at,
                        what,
                    }
                },
            )
            .collect();
        if events.is_empty() && mark.is_none() {
            return Ok(());
        }
        if let Err(error) = self
            .ledger()
            .append(&self.notebook, events.clone(), mark)
            .await
        {
            if matches!(error, Error::Conflict { .. }) {
                // Someone else wrote: what we believe of the log is wrong, so read it again before the next try.
                *guard.0 = None;
            }
            return Err(error);
        }
        let log = guard.get();
        log.sequence = sequence;
        for event in &events {
            match event.what {
                Happening::Queued { .. } => {
                    log.open.insert(event.run.clone(), event.cell.clone());
                }
                Happening::Ended { .. } => {
                    log.open.remove(&event.run);
                }
                _ => {}
            }
        }
        let listener = lock(&self.listener).clone();
        if let Some(listener) = listener {
            for event in events {
                listener(RuntimeNews::Run(event));
            }
        }
        if log.sequence - log.folded >= FOLD_EVERY {
            log.folded = log.sequence;
            // The events are in the log, and whoever is told otherwise appends them again.
            if let Err(error) = self.keep_fold().await {
                tracing::warn!(%error, notebook.id = %self.notebook, "the folded runs could not be kept");
            }
        }
        Ok(())
    }

    /// A fold knows runs that go on as well as those that are over, so it can be kept at any time.
    async fn keep_fold(&self) -> Result<()> {
        let runs = self.ledger().load(&self.notebook).await?;
        self.ledger().keep_fold(&self.notebook, &runs).await
    }

    /// Registers the listener and returns everything before its first event.
    pub async fn listen(&self, listener: Listener) -> Result<(Runs, KernelView)> {
        let log = self.log().await?;
        let runs = self.ledger().load(&self.notebook).await?;
        *lock(&self.listener) = Some(listener);
        drop(log);
        if let Some(link) = self.link() {
            link.tell(Command::Watch { on: true });
        }
        Ok((runs, self.view()))
    }

    pub fn deafen(&self) {
        *lock(&self.listener) = None;
        if let Some(link) = self.link() {
            link.tell(Command::Watch { on: false });
        }
    }

    pub fn is_forgettable(&self) -> bool {
        // What was chosen is remembered by the notebook, and told by who listens next.
        self.link().is_none() && self.check_reached().is_ok()
    }

    /// Whether a kernel of an earlier studio is there and could not be reached yet.
    pub fn set_unreached(&self, unreached: bool) {
        self.unreached.store(unreached, Ordering::SeqCst);
        if unreached {
            self.set_status(&Status {
                state: KernelState::Busy,
                ..Status::default()
            });
        }
    }

    /// Refuses while that is so: another kernel must not be started beside it.
    pub fn check_reached(&self) -> Result<()> {
        if self.unreached.load(Ordering::SeqCst) {
            return Err(Error::unavailable(
                "kernel.unreached",
                "this notebook's kernel goes on, but did not answer when the studio started; the studio keeps trying, so try again in \
                 a moment",
            ));
        }
        Ok(())
    }

    pub fn is_listened_to(&self) -> bool {
        lock(&self.listener).is_some()
    }

    /// The kernel as people see it.
    pub fn view(&self) -> KernelView {
        let specs = self.shared.kernelspecs();
        let mut view = lock(&self.view).clone();
        if self.link().is_none() {
            let chosen = lock(&self.chosen).clone().unwrap_or_default();
            (view.name, view.title, view.language) = match specs.choose(&chosen) {
                Ok(spec) => (spec.name.clone(), spec.title.clone(), spec.language.clone()),
                // Not installed here; who runs a cell is told so.
                Err(_) => (chosen.clone(), chosen, String::new()),
            };
        }
        view.choices = specs.choices();
        view
    }

    /// The kernel, where one is up or starting.
    pub fn up(&self) -> Option<Kernel> {
        let view = lock(&self.view);
        let activity = match view.state {
            KernelState::Busy => KernelActivity::Busy,
            KernelState::Starting | KernelState::Restarting => KernelActivity::Starting,
            KernelState::Idle => KernelActivity::Idle,
            KernelState::Off | KernelState::Dead { .. } => return None,
        };
        Some(Kernel {
            notebook: self.notebook.clone(),
            activity,
            queued: view.queued,
            memory: view.memory,
        })
    }

    /// What was chosen when an earlier studio ran, whether there is such a kernel or not.
    pub fn remember_choice(&self, kernel: &str) {
        if !kernel.is_empty() {
            *lock(&self.chosen) = Some(kernel.to_owned());
        }
    }

    pub fn choose(&self, kernel: &str) {
        *lock(&self.chosen) = Some(kernel.to_owned());
        self.tell_view();
    }

    pub fn set_status(&self, status: &Status) {
        {
            let mut view = lock(&self.view);
            view.state = status.state.clone();
            view.queued = status.queued;
            view.memory = status.memory;
        }
        self.tell_view();
    }

    fn tell_view(&self) {
        let listener = lock(&self.listener).clone();
        if let Some(listener) = listener {
            listener(RuntimeNews::Kernel(self.view()));
        }
    }

    /// The kernel that will be used for a start now.
    pub fn kernel_for(&self, asked: &str) -> String {
        match lock(&self.chosen).clone() {
            Some(chosen) => chosen,
            None => asked.to_owned(),
        }
    }

    /// The way to the kernel, started if need be. Hold the gate.
    pub async fn ensure_link(self: &Arc<Self>, asked: &str) -> Result<Arc<Link>> {
        if let Some(link) = self.link() {
            return Ok(link);
        }
        self.check_reached()?;
        self.end_lost_runs("the studio was stopped before this cell ended")
            .await?;
        let kernel = self.kernel_for(asked);
        let specs = self.shared.kernelspecs();
        let spec = specs.choose(&kernel)?;
        self.set_status(&Status {
            state: KernelState::Starting,
            ..Status::default()
        });
        match link::launch(&self.shared.config, &self.notebook, spec).await {
            Ok((link, stream)) => {
                self.adopt(Arc::clone(&link), stream, 0, Vec::new());
                Ok(link)
            }
            Err(error) => {
                self.set_status(&Status {
                    state: KernelState::Dead {
                        why: error.to_string(),
                    },
                    ..Status::default()
                });
                Err(error)
            }
        }
    }

    /// From now on this supervisor is the notebook's. `before` are the runs that were open when it was attached to.
    pub fn adopt(
        self: &Arc<Self>,
        link: Arc<Link>,
        stream: link::Stream,
        mark: u64,
        before: Vec<(String, CellId)>,
    ) {
        {
            let mut view = lock(&self.view);
            view.name = link.args.kernel.clone();
            view.title = link.args.title.clone();
            view.language = link.args.language.clone();
        }
        *lock(&self.link) = Some(Arc::clone(&link));
        self.set_status(&stream.attached.status);
        if self.is_listened_to() {
            link.tell(Command::Watch { on: true });
        }
        let follower = tokio::spawn(follow::follow(Arc::clone(self), link, stream, mark, before));
        self.keep(follower.abort_handle());
    }

    pub fn keep(&self, task: AbortHandle) {
        let mut followers = lock(&self.followers);
        followers.retain(|follower| !follower.is_finished());
        followers.push(task);
    }

    /// The supervisor is gone for good.
    pub fn lose(&self, link: &Arc<Link>, status: &Status) {
        {
            let mut current = lock(&self.link);
            if current
                .as_ref()
                .is_some_and(|current| Arc::ptr_eq(current, link))
            {
                *current = None;
            }
        }
        link.close();
        self.set_status(status);
    }

    /// Shuts the kernel down and waits until it is. Hold the gate.
    pub async fn shut_down(&self) -> Result<()> {
        let Some(link) = self.link() else {
            return self.check_reached();
        };
        match link.ask(Command::ShutDown, ANSWER).await {
            // It ended before it answered, which is what was asked for.
            Err(error) if error.code() == link::GONE => {}
            answer => drop(answer?),
        }
        tokio::time::timeout(ANSWER, link.closed())
            .await
            .map_err(|_| {
                Error::unavailable(
                    "kernel.stuck",
                    "the kernel does not end; try again in a moment",
                )
            })
    }

    /// Runs that have ended and may still print, and runs that have not ended.
    pub async fn known_runs(&self) -> Result<(BTreeMap<String, CellId>, BTreeMap<String, CellId>)> {
        let mut log = self.log().await?;
        let log = log.get();
        Ok((log.ended.clone(), log.open.clone()))
    }

    /// Runs that have not ended.
    pub async fn open_runs(&self) -> Result<Vec<(String, CellId)>> {
        let mut log = self.log().await?;
        Ok(log.get().open.clone().into_iter().collect())
    }

    /// Runs that a kernel took with it, or that never reached one, have ended: say so.
    pub async fn end_lost_runs(&self, why: &str) -> Result<()> {
        let mut log = self.log().await?;
        let drafts = log
            .get()
            .open
            .clone()
            .into_iter()
            .map(|(run, cell)| ended(run, cell, RunState::Failed, why))
            .collect();
        self.append_to(&mut log, drafts, None).await
    }

    /// Of the runs that were open before a studio attached, those the supervisor never got.
    pub async fn end_unreceived(
        &self,
        before: Vec<(String, CellId)>,
        attached: &Attached,
    ) -> Result<()> {
        let mut log = self.log().await?;
        let why = "stopped: the studio was stopped before the kernel received this cell";
        let drafts = before
            .into_iter()
            .filter(|(run, _)| {
                log.get().open.contains_key(run)
                    && !attached.open.iter().any(|(known, _)| known == run)
            })
            .map(|(run, cell)| ended(run, cell, RunState::Interrupted, why))
            .collect();
        self.append_to(&mut log, drafts, None).await
    }

    /// Stops following without telling the supervisor: the kernel goes on.
    pub fn abandon(&self) {
        for follower in lock(&self.followers).drain(..) {
            follower.abort();
        }
    }
}

impl Log {
    fn of(runs: &Runs) -> Self {
        let mut log = Self {
            sequence: runs.sequence,
            folded: runs.sequence,
            ..Self::default()
        };
        for (cell, run) in &runs.cells {
            if let Some(id) = &run.run {
                let over = run.state.is_none_or(RunState::is_over);
                if over { &mut log.ended } else { &mut log.open }.insert(id.clone(), cell.clone());
            }
            // A cell can be asked for again and again before its first run has ended.
            for waiting in &run.waiting {
                log.open.insert(waiting.run.clone(), cell.clone());
            }
            // Until the next one starts, what the run before says still belongs to the cell.
            if let Some(shown) = run.shown.as_ref().filter(|shown| !shown.is_empty()) {
                log.ended.insert(shown.clone(), cell.clone());
            }
        }
        log
    }
}

/// The log while you hold it.
pub struct LogGuard<'a>(MutexGuard<'a, Option<Log>>);

impl LogGuard<'_> {
    pub fn get(&mut self) -> &mut Log {
        self.0.get_or_insert_default()
    }
}

/// The event of a run that was asked for.
pub fn queued(asked: &Asked) -> Happening {
    Happening::Queued {
        by: asked.by.clone(),
        name: asked.name.clone(),
        source_hash: asked.source_hash.clone(),
    }
}

pub fn ended(run: String, cell: CellId, state: RunState, why: &str) -> Draft {
    let what = Happening::Ended {
        state,
        why: Some(why.to_owned()),
    };
    Draft {
        run,
        cell,
        at: moment::now(),
        what,
        has_spill: false,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
