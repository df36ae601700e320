//! The supervisor: one small process per kernel that outlives the studio. It holds the kernel's sockets, runs its queue and
//! spools everything it says.

mod attachment;
mod kernel;
pub(crate) mod process;
mod queue;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use notebook::CellId;
use notebook::runs::RunState;
use notebook::wire::KernelState;
use rustix::process::Signal;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use self::attachment::Out;
use self::kernel::Kernel;
use self::process::OutOfMemory;
use self::queue::{Outcome, Queue};
use crate::message::{Header, Message};
use crate::moment;
use crate::protocol::{
    Attached, Command, Interrupt, Note, Order, Refusal, Status, SupervisorArgs, Told,
};
use crate::spool::{Channel, Spool};
use crate::zmtp::Incoming;

/// Three bad messages in a row: the kernel is not what it should be.
const STRIKES: u32 = 3;
/// Stream messages longer than this are spooled in pieces.
const PIECE: usize = 64 * 1024;
const GRACE: Duration = Duration::from_secs(3);
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
    /// Questions on the shell channel: who asked, and as what.
    requests: HashMap<String, (u64, u64)>,
    asked: u64,
    /// Where the running cell's records begin.
    running_from: u64,
    running_since: Instant,
    printed: u64,
    dropped_output: u64,
    info_seen: bool,
    iopub_seen: bool,
    /// Bad messages in a row, by channel: what another channel says in between proves nothing.
    strikes: HashMap<Channel, u32>,
    dropped: u64,
    exited: Option<Option<ExitStatus>>,
    /// Said instead of the exit status, where we ended the kernel ourselves.
    cause: Option<String>,
    out_of_memory: OutOfMemory,
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
            requests: HashMap::new(),
            asked: 0,
            running_from: 0,
            running_since: now,
            printed: 0,
            dropped_output: 0,
            info_seen: false,
            iopub_seen: false,
            strikes: HashMap::new(),
            dropped: 0,
            exited: None,
            cause: None,
            out_of_memory: OutOfMemory::default(),
            over_limit: false,
            memory: 0,
            busy_at: now,
            told: Status::default(),
        }
    }

    /// The kernel is off, and every studio has heard it or had the time to.
    fn is_over(&self) -> bool {
        match &self.phase {
            Phase::Off { since } => {
                self.studios.is_empty() || since.elapsed() > Duration::from_secs(5)
            }
            _ => false,
        }
    }

    async fn start(&mut self) {
        self.epoch += 1;
        self.phase = Phase::Starting {
            since: Instant::now(),
        };
        self.info_seen = false;
        self.iopub_seen = false;
        self.strikes.clear();
        self.exited = None;
        self.cause = None;
        self.over_limit = false;
        self.busy_at = Instant::now();
        self.out_of_memory = OutOfMemory::read();
        match Kernel::start(&self.args, self.epoch, &self.events) {
            Ok(kernel) => self.kernel = Some(kernel),
            Err(why) => {
                self.die(format!("The kernel could not be started: {why}."))
                    .await;
            }
        }
        self.tell();
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

    async fn tick(&mut self) {
        if let (Some(kernel), None) = (&self.kernel, self.exited) {
            let looked_at = self.studios.values().any(|studio| studio.watching);
            if looked_at || self.args.limits.memory.is_some() || !self.queue.is_empty() {
                let memory = process::tree_memory(kernel.pid.as_raw_nonzero().get());
                if memory.abs_diff(self.memory) > 1024 * 1024 {
                    self.memory = memory;
                }
                if self.args.limits.memory.is_some_and(|limit| memory > limit) {
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
            Phase::Ready if cull.is_some_and(|cull| idle > cull) && self.requests.is_empty() => {
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

    async fn obey(&mut self, studio: u64, order: Order) {
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
            Command::Request { kind, content } => {
                match self.request(studio, ask, &kind, &content) {
                    Ok(()) => return,
                    Err(refusal) => Err(refusal),
                }
            }
        };
        self.answer(studio, ask, result);
    }

    fn attach(&mut self, studio: u64, ask: u64, mark: u64) {
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

    async fn enqueue(&mut self, tasks: Vec<crate::protocol::Task>) -> Result<Value, Refusal> {
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

    async fn interrupt(&mut self, why: &str) {
        let (now, notes) = self.queue.interrupt(why);
        if now {
            self.interrupt_kernel();
        }
        self.note_all(&notes).await;
    }

    fn interrupt_kernel(&mut self) {
        match self.args.interrupt {
            Interrupt::Signal => self.signal(Signal::INT),
            Interrupt::Message => {
                self.send(Channel::Control, "interrupt_request", None, &json!({}));
            }
        }
    }

    async fn restart(&mut self) -> Result<Value, Refusal> {
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

    async fn shut_down(&mut self) {
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

    /// Politely first; by force when the grace is over.
    fn ask_to_end(&mut self, restart: bool) {
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

    async fn input(&mut self, cell: &CellId, text: &str) -> Result<Value, Refusal> {
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
        self.note(&Note::InputGiven {
            run: asking.run,
            echo,
        })
        .await;
        Ok(Value::Null)
    }

    fn request(
        &mut self,
        studio: u64,
        ask: u64,
        kind: &str,
        content: &Value,
    ) -> Result<(), Refusal> {
        if !matches!(self.phase, Phase::Ready) {
            return Err(Refusal::new("kernel.not_ready", "the kernel is not ready"));
        }
        let id = self.send(Channel::Shell, kind, None, content);
        self.requests.insert(id, (studio, ask));
        Ok(())
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
        })
        .await;
    }

    async fn heard(&mut self, channel: Channel, incoming: Incoming) {
        if self.strikes.values().any(|strikes| *strikes >= STRIKES) {
            // It is being stopped, and nothing it says counts any more.
            return;
        }
        let verified = match incoming {
            Incoming::Message(frames) => {
                let Some(kernel) = &mut self.kernel else {
                    return;
                };
                kernel.signer.verify(&frames)
            }
            Incoming::TooLarge { .. } => Err(crate::message::Rejected::TooLarge),
        };
        let message = match verified {
            Ok(message) => message,
            Err(why) => {
                self.dropped += 1;
                let strikes = self.strikes.entry(channel).or_default();
                *strikes += 1;
                let faulty = *strikes == STRIKES;
                tracing::warn!(kernel.id = self.args.id, ?channel, %why, "a message of the kernel was dropped");
                if faulty {
                    self.cause = Some(format!(
                        "The kernel is faulty and was stopped: {STRIKES} messages in a row could not be trusted; the last one because {why}."
                    ));
                    self.signal(Signal::KILL);
                }
                return;
            }
        };
        self.strikes.remove(&channel);
        let Some((header, parent)) = message.heads() else {
            return;
        };
        if channel == Channel::Iopub {
            self.iopub_seen = true;
        }
        if parent.msg_id.starts_with(ASK) && self.take_answer(channel, &header, &parent, &message) {
            self.check_ready();
            return;
        }
        self.check_ready();
        self.spool_message(channel, &header, &parent, &message)
            .await;
        let notes = match (channel, header.msg_type.as_str()) {
            (Channel::Iopub, "status") if execution_state(&message) == Some("idle") => {
                self.queue.idled(&parent.msg_id)
            }
            (Channel::Iopub, "execute_input") => {
                if self.queue.taken(&parent.msg_id) {
                    self.interrupt_kernel();
                }
                Vec::new()
            }
            (Channel::Shell, "execute_reply") => {
                let content = message.json().unwrap_or_default();
                let outcome = match content["status"].as_str() {
                    Some("ok") => Outcome::Ok,
                    Some("aborted") => Outcome::Aborted,
                    _ => Outcome::Error,
                };
                self.queue.replied(&parent.msg_id, outcome)
            }
            (Channel::Stdin, "input_request") => {
                self.input_requested(&message, parent);
                Vec::new()
            }
            _ => Vec::new(),
        };
        if !notes.is_empty() {
            self.ended(&notes).await;
        }
    }

    /// Was this the answer to (or the noise around) a question of ours?
    fn take_answer(
        &mut self,
        channel: Channel,
        header: &Header,
        parent: &Header,
        message: &Message,
    ) -> bool {
        match (channel, header.msg_type.as_str()) {
            (Channel::Shell, "kernel_info_reply") => {
                self.info_seen = true;
                true
            }
            (Channel::Shell, _) => {
                if let Some((studio, ask)) = self.requests.remove(&parent.msg_id) {
                    self.answer(studio, ask, Ok(message.json().unwrap_or_default()));
                }
                true
            }
            (Channel::Control, _) | (Channel::Iopub, "status") => true,
            _ => false,
        }
    }

    fn input_requested(&mut self, message: &Message, parent: Header) {
        let Some(running) = self
            .queue
            .running()
            .filter(|running| running.run == parent.msg_id)
        else {
            return;
        };
        let content = message.json().unwrap_or_default();
        self.asking = Some(Asking {
            run: parent.msg_id,
            cell: running.cell.clone(),
            parent: message.header.clone(),
            prompt: content["prompt"].as_str().unwrap_or_default().to_owned(),
            password: content["password"].as_bool().unwrap_or(false),
        });
    }

    async fn spool_message(
        &mut self,
        channel: Channel,
        header: &Header,
        parent: &Header,
        message: &Message,
    ) {
        let at = moment::now();
        if channel == Channel::Iopub && header.msg_type == "stream" {
            let length = message.content.len() as u64;
            self.printed += length;
            if self.printed > self.args.limits.output {
                self.dropped_output += length;
                return;
            }
            if message.content.len() > PIECE
                && let Ok(stream) = serde_json::from_slice::<Stream>(&message.content)
            {
                for piece in pieces(&stream.text, PIECE) {
                    self.write(|spool| {
                        spool.text(at, &parent.msg_id, stream.name == "stderr", piece)
                    })
                    .await;
                }
                return;
            }
        }
        self.write(|spool| spool.message(at, channel, message))
            .await;
    }

    fn check_ready(&mut self) {
        if self.info_seen && self.iopub_seen && matches!(self.phase, Phase::Starting { .. }) {
            self.phase = Phase::Ready;
            self.busy_at = Instant::now();
        }
    }

    /// Until the kernel has answered and IOPub has said something, nothing may be executed: its output could be missed.
    fn nudge(&mut self) {
        self.send(Channel::Shell, "kernel_info_request", None, &json!({}));
        self.later(self.epoch, Duration::from_millis(500), |epoch| {
            Event::NudgeAgain { epoch }
        });
    }

    fn closed(&mut self, why: Option<String>) {
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
    async fn buried(&mut self) {
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

    fn cause_of_death(&self, status: Option<ExitStatus>) -> String {
        let now = OutOfMemory::read();
        let limit = self.args.limits.memory;
        let out_of_memory = if self.over_limit {
            Some(limit)
        } else if now.kills > self.out_of_memory.kills {
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

    async fn die(&mut self, why: String) {
        self.kernel = None;
        self.memory = 0;
        self.requests.clear();
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

    async fn end_runs(&mut self, state: RunState, why: &str, behind: &str) {
        let notes = self.queue.clear(state, why, behind);
        self.ended(&notes).await;
    }

    async fn ended(&mut self, notes: &[Note]) {
        if notes.is_empty() {
            return;
        }
        self.asking = None;
        self.busy_at = Instant::now();
        if let Some(Note::Ended { run, .. }) = notes.first()
            && self.dropped_output > 0
        {
            let bytes = std::mem::take(&mut self.dropped_output);
            self.note(&Note::Dropped {
                run: run.clone(),
                bytes,
            })
            .await;
        }
        self.note_all(notes).await;
    }

    async fn note_all(&mut self, notes: &[Note]) {
        for note in notes {
            self.note(note).await;
        }
    }

    async fn note(&mut self, note: &Note) {
        let json = serde_json::to_vec(note).unwrap_or_default();
        self.write(|spool| spool.note(moment::now(), &json)).await;
    }

    /// Nothing the kernel said may be lost: while the disk is full we wait, and so does the kernel.
    async fn write(&mut self, mut write: impl FnMut(&mut Spool) -> io::Result<()>) {
        loop {
            let written = {
                let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
                write(&mut spool).map(|()| spool.end())
            };
            match written {
                Ok(end) => {
                    self.grown.send_replace(end);
                    return;
                }
                Err(error) => {
                    tracing::error!(kernel.id = self.args.id, %error, "the spool cannot be written; waiting");
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
            }
        }
    }

    fn status(&self) -> Status {
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
    fn tell(&mut self) {
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

    fn answer(&self, studio: u64, ask: u64, result: Result<Value, Refusal>) {
        if let Some(studio) = self.studios.get(&studio) {
            let _ = studio.out.send(Out::Say {
                told: Told::Answer { ask, result },
                after: 0,
            });
        }
    }

    /// Sends a request of our own and returns its id.
    fn send(
        &mut self,
        channel: Channel,
        kind: &str,
        parent: Option<&Bytes>,
        content: &Value,
    ) -> String {
        self.asked += 1;
        let id = format!("{ASK}{}-{}-{}", self.args.id, self.epoch, self.asked);
        if let Some(kernel) = &self.kernel {
            kernel.send(channel, kernel.signer.sign(&id, kind, parent, content));
        }
        id
    }

    fn signal(&self, signal: Signal) {
        if let (Some(kernel), None) = (&self.kernel, self.exited) {
            kernel.signal(signal);
        }
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

#[derive(Deserialize)]
struct Stream {
    name: String,
    text: String,
}

fn execution_state(message: &Message) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct State<'a> {
        #[serde(borrow)]
        execution_state: std::borrow::Cow<'a, str>,
    }
    let state: State<'_> = serde_json::from_slice(&message.content).ok()?;
    (state.execution_state == "idle").then_some("idle")
}

/// A text in pieces of at most `size` bytes, cut between characters.
fn pieces(text: &str, size: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at(rest.floor_char_boundary(size.min(rest.len())));
        rest = after;
        Some(piece)
    })
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
    fn long_text_is_cut_between_characters_and_nothing_is_lost() {
        let text = "aé€😀".repeat(1000);
        for size in [4, 5, 7, 64, 100_000] {
            let cut: Vec<&str> = pieces(&text, size).collect();
            assert_eq!(cut.concat(), text);
            assert!(cut.iter().all(|piece| piece.len() <= size));
        }
    }

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
