//! The supervisor: one small process per kernel that outlives the studio. It holds the kernel's sockets, runs its queue and
//! spools everything it says.

mod attachment;
mod hearing;
mod hints;
mod kernel;
mod life;
mod lossless;
mod orders;
pub(crate) mod process;
mod queue;
mod transcript;
mod writing;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use notebook::CellId;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use self::attachment::Out;
use self::hints::Hints;
use self::kernel::Kernel;
use self::lossless::Probe;
use self::process::{Kills, OutOfMemory};
use self::queue::{Outcome, Queue};
use self::transcript::Transcript;
use crate::protocol::{Note, Order, Status, SupervisorArgs};
use crate::spool::{Channel, Spool};
use crate::zmtp::Incoming;

/// Ids of our own requests, whose answers nobody else waits for.
const ASK: &str = "ask-";

/// Why a supervisor could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    #[error("the supervisor's file {file} cannot be read: {cause}")]
    Arguments { file: String, cause: String },
    #[error("the supervisor cannot {what}: {cause}")]
    Io {
        what: &'static str,
        cause: io::Error,
    },
}

impl SupervisorArgs {
    /// From the JSON file the studio wrote.
    pub fn read(file: &Path) -> Result<Self, SupervisorError> {
        let failed = |cause: String| SupervisorError::Arguments {
            file: file.display().to_string(),
            cause,
        };
        let text = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))
    }
}

/// Starts the kernel and stays with it until it is shut down. Call it in a process of its own.
pub async fn supervise(args: SupervisorArgs) -> Result<(), SupervisorError> {
    let io = |what| move |cause| SupervisorError::Io { what, cause };
    // A session of our own: what ends the studio and its terminal must not end us. It fails only where we lead one already.
    let _ = rustix::process::setsid();
    let spool = Arc::new(Mutex::new(
        Spool::create(&args.directory).map_err(io("make its spool"))?,
    ));
    let socket = args.socket();
    let listener = UnixListener::bind(&socket).map_err(io("listen for the studio"))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(io("listen for signals"))?;
    // Few: what is not taken yet stays with the kernel, not in our memory.
    let (events, mut inbox) = mpsc::channel(8);
    let (grown, watching) = watch::channel(0);
    let accepting = tokio::spawn(attachment::accept(
        listener,
        Arc::clone(&spool),
        watching,
        events.clone(),
    ));

    let every = if args.limits.memory.is_some() {
        Duration::from_millis(500)
    } else {
        Duration::from_secs(2)
    };
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut supervisor = Supervisor::new(args, spool, grown, events);
    supervisor.start().await;
    while !supervisor.is_over() {
        tokio::select! {
            event = inbox.recv() => match event {
                Some(event) => supervisor.hear(event).await,
                None => break,
            },
            _ = tick.tick() => supervisor.tick().await,
            _ = terminate.recv() => supervisor.shut_down().await,
        }
    }
    accepting.abort();
    let _ = std::fs::remove_dir_all(&supervisor.args.sockets);
    Ok(())
}

/// What the supervisor hears.
pub(crate) enum Event {
    Connected {
        epoch: u64,
    },
    Incoming {
        epoch: u64,
        channel: Channel,
        incoming: Incoming,
    },
    Closed {
        epoch: u64,
        why: Option<String>,
    },
    Exited {
        epoch: u64,
        status: Option<ExitStatus>,
    },
    /// The kernel's last words have had their time.
    Buried {
        epoch: u64,
    },
    /// It was asked to end and had time to.
    GraceOver {
        epoch: u64,
    },
    NudgeAgain {
        epoch: u64,
    },
    /// The kernel replied to this run a while ago.
    IdleOverdue {
        epoch: u64,
        run: String,
    },
    /// An interrupt has waited long enough for this run to be taken up.
    Overdue {
        epoch: u64,
        run: String,
    },
    /// An interrupted run has waited long enough for the kernel's reply.
    Unanswered {
        epoch: u64,
        run: String,
    },
    Joined {
        studio: u64,
        out: mpsc::UnboundedSender<Out>,
    },
    Ordered {
        studio: u64,
        order: Order,
    },
    Left {
        studio: u64,
    },
}

enum Phase {
    Starting {
        since: Instant,
    },
    Ready,
    /// Asked to end, to be started again.
    Restarting,
    /// Asked to end for good.
    Stopping,
    Dead {
        why: String,
        since: Instant,
    },
    Off {
        since: Instant,
    },
}

struct Asking {
    run: String,
    cell: CellId,
    parent: Bytes,
    prompt: String,
    password: bool,
}

struct Studio {
    out: mpsc::UnboundedSender<Out>,
    attached: bool,
    watching: bool,
}

struct Supervisor {
    args: SupervisorArgs,
    spool: Arc<Mutex<Spool>>,
    grown: watch::Sender<u64>,
    events: mpsc::Sender<Event>,
    studios: HashMap<u64, Studio>,
    phase: Phase,
    epoch: u64,
    kernel: Option<Kernel>,
    queue: Queue,
    asking: Option<Asking>,
    hints: Hints,
    asked: u64,
    /// Where the running cell's records begin.
    running_from: u64,
    running_since: Instant,
    printed: u64,
    transcript: Transcript,
    dropped_output: u64,
    info_seen: bool,
    iopub_seen: bool,
    /// The life of the kernel that was last told to wait for us rather than drop what it says.
    taught: u64,
    probe: Option<Probe>,
    /// Bad messages in a row, by channel: what another channel says in between proves nothing.
    strikes: HashMap<Channel, u32>,
    dropped: u64,
    exited: Option<Option<ExitStatus>>,
    /// Said instead of the exit status, where we ended the kernel ourselves.
    cause: Option<String>,
    kills: Kills,
    over_limit: bool,
    memory: u64,
    busy_at: Instant,
    told: Status,
}

impl Supervisor {
    fn new(
        args: SupervisorArgs,
        spool: Arc<Mutex<Spool>>,
        grown: watch::Sender<u64>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let now = Instant::now();
        Self {
            args,
            spool,
            grown,
            events,
            studios: HashMap::new(),
            phase: Phase::Starting { since: now },
            epoch: 0,
            kernel: None,
            queue: Queue::default(),
            asking: None,
            hints: Hints::default(),
            asked: 0,
            running_from: 0,
            running_since: now,
            printed: 0,
            transcript: Transcript::default(),
            dropped_output: 0,
            info_seen: false,
            iopub_seen: false,
            taught: 0,
            probe: None,
            strikes: HashMap::new(),
            dropped: 0,
            exited: None,
            cause: None,
            kills: Kills::begin(now, OutOfMemory::default()),
            over_limit: false,
            memory: 0,
            busy_at: now,
            told: Status::default(),
        }
    }

    async fn hear(&mut self, event: Event) {
        match event {
            Event::Joined { studio, out } => {
                self.studios.insert(
                    studio,
                    Studio {
                        out,
                        attached: false,
                        watching: false,
                    },
                );
            }
            Event::Left { studio } => {
                self.studios.remove(&studio);
                self.busy_at = Instant::now();
            }
            Event::Ordered { studio, order } => self.obey(studio, order).await,
            Event::Connected { epoch } if epoch == self.epoch => self.nudge(),
            Event::NudgeAgain { epoch }
                if epoch == self.epoch && matches!(self.phase, Phase::Starting { .. }) =>
            {
                self.nudge();
            }
            Event::Incoming {
                epoch,
                channel,
                incoming,
            } if epoch == self.epoch => {
                self.heard(channel, incoming).await;
            }
            Event::IdleOverdue { epoch, run } if epoch == self.epoch => self.probe(&run),
            Event::Overdue { epoch, run }
                if epoch == self.epoch
                    && self.queue.overdue() == Some(run.as_str())
                    && self.queue.taken(&run) =>
            {
                self.interrupt_kernel();
            }
            Event::Unanswered { epoch, run }
                if epoch == self.epoch && self.queue.unanswered() == Some(run.as_str()) =>
            {
                let notes = self.queue.replied(&run, Outcome::Aborted);
                self.ended(&notes).await;
            }
            Event::Closed { epoch, why } if epoch == self.epoch => self.closed(why),
            Event::GraceOver { epoch } if epoch == self.epoch && self.exited.is_none() => {
                self.signal(Signal::KILL);
            }
            Event::Exited { epoch, status } if epoch == self.epoch => {
                self.exited = Some(status);
                // What it said last is still in the sockets: read that first.
                self.later(epoch, Duration::from_millis(150), |epoch| Event::Buried {
                    epoch,
                });
            }
            Event::Buried { epoch } if epoch == self.epoch => self.buried().await,
            _ => {}
        }
        self.pump().await;
        self.tell();
    }

    /// Sends the next cell when the kernel can take it.
    async fn pump(&mut self) {
        if !matches!(self.phase, Phase::Ready) || self.exited.is_some() {
            return;
        }
        let Some(task) = self.queue.begin() else {
            return;
        };
        self.running_from = *self.grown.borrow();
        self.running_since = Instant::now();
        self.printed = 0;
        self.transcript = Transcript::begin(&self.args.directory, &task.run);
        self.dropped_output = 0;
        if let Some(kernel) = &self.kernel {
            let content = json!({
                "code": task.source,
                "silent": false,
                "store_history": true,
                "user_expressions": {},
                "allow_stdin": true,
                "stop_on_error": true,
            });
            kernel.send(
                Channel::Shell,
                kernel
                    .signer
                    .sign(&task.run, "execute_request", None, &content),
            );
        }
        self.note(&Note::Started {
            run: task.run,
            cell: task.cell,
            asked: task.asked,
        })
        .await;
    }

    /// Sends a request of our own and returns its id.
    fn send(
        &mut self,
        channel: Channel,
        kind: &str,
        parent: Option<&Bytes>,
        content: &Value,
    ) -> String {
        self.send_to(channel, kind, None, parent, content)
    }

    fn send_to(
        &mut self,
        channel: Channel,
        kind: &str,
        subshell: Option<&str>,
        parent: Option<&Bytes>,
        content: &Value,
    ) -> String {
        self.asked += 1;
        let id = format!("{ASK}{}-{}-{}", self.args.id, self.epoch, self.asked);
        if let Some(kernel) = &self.kernel {
            let signer = &kernel.signer;
            let frames = signer.sign_for(&id, kind, subshell, parent, content);
            kernel.send(channel, frames);
        }
        id
    }

    fn later(&self, epoch: u64, after: Duration, event: impl Fn(u64) -> Event + Send + 'static) {
        let events = self.events.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            // The supervisor may have ended meanwhile; then nobody waits for this.
            let _ = events.send(event(epoch)).await;
        });
    }
}
