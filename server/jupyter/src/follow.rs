//! Following a kernel's spool: read, fold, append, and only then tell. What cannot be appended yet stays in the spool.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use datalayer::SpoolMark;
use notebook::CellId;
use notebook::runs::{Happening, RunState};
use notebook::wire::KernelState;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::blobs;
use crate::fold::{Batch, Draft, Fold};
use crate::link::{self, Link, Stream};
use crate::moment;
use crate::protocol::{Attached, Command, Frame, Status, SupervisorArgs, Told};
use crate::runtime::Runtime;
use crate::spill;
use crate::spool::{Leftover, Record};

/// Reading pauses while so many bytes of memory wait to be appended.
const FULL: usize = 512 * 1024;
/// A batch of text this large does not wait.
const HEAVY: usize = 64 * 1024;
/// The mark is written at least after so many bytes without events.
const MARK_EVERY: u64 = 4 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;
/// A change of state may wait so long for the cell's end.
const QUIET: Duration = Duration::from_millis(12);

type Flight = Pin<Box<dyn Future<Output = Batch> + Send>>;

/// Follows a living supervisor until it is gone.
pub async fn follow(
    runtime: Arc<Runtime>,
    link: Arc<Link>,
    stream: Stream,
    mark: u64,
    before: Vec<(String, CellId)>,
) {
    let Stream {
        mut reader,
        attached,
    } = stream;
    let mut follower = Follower::new(
        Arc::clone(&runtime),
        &link.args,
        attached.start,
        mark,
        &attached.open,
    )
    .await;
    let mut catching_up = Some((before, attached));
    let mut off = false;
    loop {
        if let Some((before, attached)) =
            catching_up.take_if(|(_, attached)| follower.position >= attached.end)
        {
            follower.settle().await;
            end_unreceived(&runtime, before, &attached).await;
        }
        if off {
            break;
        }
        let room = follower.batch.weight() < FULL;
        let due = follower.due();
        if due.is_some_and(|due| due <= Instant::now()) {
            // Timers are coarse: what is due now must not wait for one.
            follower.take_off();
            continue;
        }
        tokio::select! {
            biased;
            finished = in_flight(&mut follower.flight) => follower.landed(finished, Some(&link)),
            () = wait(due) => {}
            frame = reader.next(), if room => match frame {
                Ok(Some(Frame::Spool(bytes))) => {
                    if !follower.read(&bytes) {
                        break;
                    }
                }
                Ok(Some(Frame::Told(told))) => match *told {
                    Told::Answer { ask, result } => link.answered(ask, result),
                    Told::Kernel(status) => {
                        off = status.state == KernelState::Off;
                        if follower.batch.is_empty() {
                            follower.since = Instant::now();
                        }
                        follower.batch.status = Some(status);
                    }
                    Told::Attached(_) => {}
                },
                Ok(None) | Err(_) => break,
            },
        }
    }
    let why = follower.bury(&link.args).await;
    let status = if off {
        Status::default()
    } else {
        Status {
            state: KernelState::Dead { why },
            ..Status::default()
        }
    };
    runtime.lose(&link, &status);
    link::forget(&link.args);
}

/// Takes in what a supervisor that ended while the studio was away has left. Hold the gate.
pub async fn bury(runtime: Arc<Runtime>, args: SupervisorArgs, mark: u64) {
    let start = Leftover::open(&args.directory).map_or(0, |leftover| leftover.start());
    let mut follower = Follower::new(runtime, &args, start, mark, &[]).await;
    follower.bury(&args).await;
    link::forget(&args);
}

async fn end_unreceived(runtime: &Runtime, before: Vec<(String, CellId)>, attached: &Attached) {
    if let Err(error) = runtime.end_unreceived(before, attached).await {
        tracing::error!(%error, notebook.id = %runtime.notebook, "runs the kernel never got could not be ended");
    }
}

async fn in_flight(flight: &mut Option<Flight>) -> Batch {
    match flight {
        Some(running) => {
            let batch = running.await;
            *flight = None;
            batch
        }
        None => std::future::pending().await,
    }
}

async fn wait(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

struct Follower {
    runtime: Arc<Runtime>,
    kernel: String,
    directory: PathBuf,
    /// Long outputs on their way to being blobs.
    keeping: JoinSet<()>,
    fold: Fold,
    buffer: BytesMut,
    /// Where the first byte not folded in lies.
    position: u64,
    /// The mark as the ledger has it.
    marked: u64,
    batch: Batch,
    flight: Option<Flight>,
    flown_at: Instant,
    /// When the batch got its first entry.
    since: Instant,
}

impl Follower {
    async fn new(
        runtime: Arc<Runtime>,
        args: &SupervisorArgs,
        start: u64,
        mark: u64,
        open: &[(String, CellId)],
    ) -> Self {
        let mut fold = Fold::new(mark);
        let (ended, running) = retry("the run log cannot be read", || runtime.known_runs()).await;
        for (run, cell) in &ended {
            fold.remember(run, cell, true, start);
        }
        for (run, cell) in &running {
            fold.remember(run, cell, false, start);
        }
        for (run, cell) in open {
            fold.remember(run, cell, false, start);
        }
        let mut follower = Self {
            runtime,
            kernel: args.id.clone(),
            directory: args.directory.clone(),
            keeping: JoinSet::new(),
            fold,
            buffer: BytesMut::new(),
            position: start,
            marked: mark,
            batch: Batch::default(),
            flight: None,
            flown_at: Instant::now(),
            since: Instant::now(),
        };
        if let Err(error) = follower.keep_what_was_left().await {
            tracing::warn!(%error, kernel.id = follower.kernel, "long outputs that wait to be kept cannot be looked for");
        }
        follower
    }

    /// Keeps the long outputs of runs that ended before an earlier studio came to it.
    async fn keep_what_was_left(&mut self) -> datalayer::Result<()> {
        let left = spill::found(&self.directory).unwrap_or_default();
        if left.is_empty() {
            return Ok(());
        }
        let open = self.runtime.open_runs().await?;
        let runs = self
            .runtime
            .ledger()
            .load(&self.runtime.notebook)
            .await?
            .cells;
        for run in left {
            if self.fold.is_open(&run) || open.iter().any(|(open, _)| *open == run) {
                continue;
            }
            let shown = runs.iter().find_map(|(id, cell)| {
                let shown = cell.shown.as_ref().or(cell.run.as_ref());
                (shown == Some(&run)).then(|| (id.clone(), cell.truncated.clone()))
            });
            match shown {
                Some((cell, Some((bytes, None)))) => self.keep(run, cell, bytes),
                // It is kept already, or another run of the cell is shown.
                _ => spill::remove(&self.directory, &run),
            }
        }
        Ok(())
    }

    /// Makes the whole output of a run that has ended a blob, and says where it is. The run log goes on meanwhile; after a
    /// crash the file that is still there says that this is still to be done.
    fn keep(&mut self, run: String, cell: CellId, bytes: u64) {
        let (runtime, directory) = (Arc::clone(&self.runtime), self.directory.clone());
        self.keeping.spawn(async move {
            let path = spill::path(&directory, &run);
            if !path.exists() {
                tracing::error!(
                    run.id = run,
                    "the whole output is gone before it could be kept"
                );
                return;
            }
            let kept = retry("the whole output cannot be kept", || {
                runtime
                    .ledger()
                    .keep_file(&runtime.notebook, "text/plain; charset=utf-8", &path)
            })
            .await;
            let draft = Draft {
                run: run.clone(),
                cell,
                at: moment::now(),
                what: Happening::Truncated {
                    bytes,
                    blob: Some(kept),
                },
                has_spill: false,
            };
            retry("the run log cannot be written", || {
                runtime.append(vec![draft.clone()], None)
            })
            .await;
            spill::remove(&directory, &run);
        });
    }

    /// Folds in what came. False when it makes no sense.
    fn read(&mut self, bytes: &[u8]) -> bool {
        if self.batch.is_empty() {
            self.since = Instant::now();
        }
        self.buffer.extend_from_slice(bytes);
        loop {
            match Record::take(&mut self.buffer) {
                Ok(Some((record, length))) => {
                    self.fold.take(self.position, record, &mut self.batch);
                    self.position += length;
                }
                Ok(None) => return true,
                Err(error) => {
                    tracing::error!(%error, kernel.id = self.kernel, "following ends");
                    return false;
                }
            }
        }
    }

    /// When the next append should begin: at once when it matters, a little later for text that goes on.
    fn due(&self) -> Option<Instant> {
        if self.flight.is_some() {
            return None;
        }
        let mark_due = self.position.saturating_sub(self.marked) >= MARK_EVERY;
        if self.batch.is_empty() && !mark_due {
            return None;
        }
        let spacing = match self.fold.chattiness() {
            0..2000 => 20,
            2000..10_000 => 100,
            _ => 400,
        };
        Some(
            if self.batch.is_urgent()
                || self.batch.text() >= HEAVY
                || self.batch.weight() >= FULL
                || mark_due
            {
                self.flown_at
            } else if self.batch.is_quiet() {
                self.since + QUIET
            } else {
                self.flown_at + Duration::from_millis(spacing)
            },
        )
    }

    fn take_off(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        batch.offset = self.position;
        self.flown_at = Instant::now();
        // Where there is no event, the mark need not be moved each time.
        let moved = !batch.drafts.is_empty()
            || self.position - self.marked.min(self.position) >= MARK_EVERY;
        let mark = (moved && self.position > self.marked).then(|| SpoolMark {
            kernel: self.kernel.clone(),
            offset: self.position,
        });
        if let Some(mark) = &mark {
            self.marked = mark.offset;
        }
        self.flight = Some(Box::pin(flush(Arc::clone(&self.runtime), batch, mark)));
    }

    fn landed(&mut self, batch: Batch, link: Option<&Link>) {
        for draft in batch.drafts.into_iter().filter(|draft| draft.has_spill) {
            if let Happening::Truncated { bytes, .. } = draft.what {
                self.keep(draft.run, draft.cell, bytes);
            }
        }
        while self.keeping.try_join_next().is_some() {}
        if let Some(link) = link
            && self.marked > 0
        {
            let offset = self.fold.releasable(self.marked.min(batch.offset));
            link.tell(Command::Release { offset });
        }
    }

    /// Appends all that is in hand.
    async fn settle(&mut self) {
        if self.flight.is_some() {
            let batch = in_flight(&mut self.flight).await;
            self.landed(batch, None);
        }
        if !self.batch.is_empty() {
            self.take_off();
            let batch = in_flight(&mut self.flight).await;
            self.landed(batch, None);
        }
    }

    /// Reads what is left on disk, ends what is still open, and says why.
    async fn bury(&mut self, args: &SupervisorArgs) -> String {
        link::end_orphan(args);
        // Half a record may be in the buffer; the disk has it whole, or it was never written whole.
        self.buffer.clear();
        if let Ok(leftover) = Leftover::open(&args.directory) {
            let mut at = self.position;
            while let Ok(bytes) = leftover.read(at, CHUNK) {
                if bytes.is_empty() || !self.read(&bytes) {
                    break;
                }
                at += bytes.len() as u64;
                if self.batch.weight() >= FULL {
                    self.settle().await;
                }
            }
        }
        self.settle().await;
        let why = "The kernel was lost: its supervisor ended unexpectedly.".to_owned();
        let open = retry("the run log cannot be read", || self.runtime.open_runs()).await;
        for (run, cell) in open {
            self.fold.remember(&run, &cell, false, self.position);
            self.fold.end(
                &run,
                moment::now(),
                RunState::Failed,
                Some(why.clone()),
                &mut self.batch,
            );
        }
        self.settle().await;
        while self.keeping.join_next().await.is_some() {}
        why
    }
}

/// Makes a batch durable, then tells it. Tries until it succeeds: the spool keeps what comes meanwhile.
async fn flush(runtime: Arc<Runtime>, mut batch: Batch, mark: Option<SpoolMark>) -> Batch {
    let mut drafts = std::mem::take(&mut batch.drafts);
    for draft in &mut drafts {
        let original = draft.what.clone();
        draft.what = retry("an output cannot be kept", || {
            let mut what = original.clone();
            let runtime = &runtime;
            async move {
                blobs::offload(runtime.ledger(), &runtime.notebook, &mut what).await?;
                Ok::<_, datalayer::Error>(what)
            }
        })
        .await;
    }
    retry("the run log cannot be written", || {
        runtime.append_run(drafts.clone(), &batch.asked, mark.clone())
    })
    .await;
    // What is still to be done about them is done when this has landed.
    drafts.retain(|draft| draft.has_spill);
    batch.drafts = drafts;
    if let Some(status) = batch.status.take() {
        runtime.set_status(&status);
    }
    batch
}

async fn retry<T, E: std::fmt::Display, F: Future<Output = Result<T, E>>>(
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> T {
    let mut pause = Duration::from_millis(100);
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) => {
                tracing::error!(%error, "{what}; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
        }
    }
}
