//! One life of a kernel process: started, connected to, listened to.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::Event;
use crate::message::Signer;
use crate::moment;
use crate::protocol::{SupervisorArgs, Transport};
use crate::spool::Channel;
use crate::zmtp::{self, Endpoint, Receiver, Role, Sender};

const TAIL: usize = 16 * 1024;
const CONNECT_EVERY: Duration = Duration::from_millis(15);

/// The last things a kernel wrote to its own stdout and stderr; what a person needs when it does not start.
#[derive(Clone, Default)]
pub struct Tail(Arc<Mutex<Vec<u8>>>);

impl Tail {
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    fn push(&self, chunk: &[u8]) {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend_from_slice(chunk);
        let over = bytes.len().saturating_sub(TAIL);
        bytes.drain(..over);
    }
}

pub struct Kernel {
    pub pid: Pid,
    pub signer: Signer,
    pub tail: Tail,
    outboxes: HashMap<Channel, mpsc::UnboundedSender<Vec<Bytes>>>,
    connecting: AbortHandle,
}

impl Drop for Kernel {
    /// Its sockets must not be waited for any more: the next kernel listens at the same places.
    fn drop(&mut self) {
        self.connecting.abort();
    }
}

impl Kernel {
    /// Starts the process. [`Event::Connected`] follows when its sockets answer, [`Event::Exited`] when it ends.
    pub fn start(
        args: &SupervisorArgs,
        epoch: u64,
        events: &mpsc::Sender<Event>,
    ) -> Result<Self, String> {
        let program = args.argv.first().cloned().unwrap_or_default();
        let key = moment::random_hex(32).map_err(|error| error.to_string())?;
        let session = moment::random_hex(16).map_err(|error| error.to_string())?;
        let endpoints = Endpoints::choose(args)
            .map_err(|error| format!("its sockets cannot be made: {error}"))?;
        let file = args.directory.join("connection.json");
        endpoints
            .write(&file, &key, &args.kernel)
            .map_err(|error| {
                format!(
                    "the connection file {} cannot be written: {error}",
                    file.display()
                )
            })?;

        let argv = args
            .argv
            .iter()
            .skip(1)
            .map(|word| word.replace("{connection_file}", &file.to_string_lossy()));
        let mut child = tokio::process::Command::new(&program)
            .args(argv)
            .env_clear()
            .envs(&args.environment)
            .env("JPY_PARENT_PID", std::process::id().to_string())
            .env("JPY_SESSION_NAME", &args.notebook)
            .current_dir(&args.workspace)
            // Its own group, so that an interrupt reaches what it started and not us.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{program} cannot be started: {error}"))?;
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
            .ok_or_else(|| format!("{program} ended at once"))?;
        note_pid(args, pid);

        let tail = Tail::default();
        let mut drains = Vec::new();
        if let Some(out) = child.stdout.take() {
            drains.push(tokio::spawn(drain(out, tail.clone())));
        }
        if let Some(err) = child.stderr.take() {
            drains.push(tokio::spawn(drain(err, tail.clone())));
        }
        let told = events.clone();
        tokio::spawn(async move {
            let status = child.wait().await;
            // What it started may live on and hold the pipes open: the group dies with its leader.
            let _ = kill_process_group(pid, Signal::KILL);
            for drain in drains {
                let _ = tokio::time::timeout(Duration::from_millis(200), drain).await;
            }
            let _ = told
                .send(Event::Exited {
                    epoch,
                    status: status.ok(),
                })
                .await;
        });

        let mut outboxes = HashMap::new();
        let mut inboxes = HashMap::new();
        for channel in Channel::ALL {
            let (tx, rx) = mpsc::unbounded_channel();
            outboxes.insert(channel, tx);
            inboxes.insert(channel, rx);
        }
        let connecting = tokio::spawn(connect(
            endpoints,
            session.clone(),
            epoch,
            inboxes,
            events.clone(),
        ));
        Ok(Self {
            pid,
            signer: Signer::new(key.as_bytes(), session),
            tail,
            outboxes,
            connecting: connecting.abort_handle(),
        })
    }

    pub fn send(&self, channel: Channel, frames: Vec<Bytes>) {
        if let Some(outbox) = self.outboxes.get(&channel) {
            // A closed outbox means a closed connection, which is told as an event of its own.
            let _ = outbox.send(frames);
        }
    }

    pub fn signal(&self, signal: Signal) {
        // The group is gone when the kernel is; then there is nobody to tell.
        let _ = kill_process_group(self.pid, signal);
    }
}

/// So that a studio can end a kernel whose supervisor is gone: its process id and start time, which together are unique.
fn note_pid(args: &SupervisorArgs, pid: Pid) {
    let pid = pid.as_raw_nonzero().get();
    let started = super::process::start_time(pid).unwrap_or(0);
    let text =
        json!({ "pid": pid, "started": started, "supervisor": std::process::id() }).to_string();
    if let Err(error) = std::fs::write(args.directory.join("process.json"), text) {
        tracing::warn!(%error, "the kernel's process id could not be noted");
    }
}

async fn drain(mut from: impl AsyncRead + Unpin, tail: Tail) {
    let mut chunk = vec![0_u8; 4096];
    while let Ok(count) = from.read(&mut chunk).await {
        if count == 0 {
            return;
        }
        tail.push(&chunk[..count]);
    }
}

/// Where the kernel is told to listen.
enum Endpoints {
    Ipc(PathBuf),
    Tcp([u16; 5]),
}

impl Endpoints {
    fn choose(args: &SupervisorArgs) -> io::Result<Self> {
        match args.transport {
            Transport::Ipc => {
                let base = args.sockets.join("k");
                for number in 1..=5 {
                    let _ = std::fs::remove_file(numbered(&base, number));
                }
                Ok(Self::Ipc(base))
            }
            Transport::Tcp => {
                let mut ports = [0; 5];
                // Held together until all are chosen, so that no two are the same.
                let mut held = Vec::new();
                for port in &mut ports {
                    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
                    *port = listener.local_addr()?.port();
                    held.push(listener);
                }
                Ok(Self::Tcp(ports))
            }
        }
    }

    fn endpoint(&self, number: u16) -> Endpoint {
        match self {
            Self::Ipc(base) => Endpoint::Ipc(numbered(base, number)),
            Self::Tcp(ports) => {
                let port = ports.get(usize::from(number) - 1).copied().unwrap_or(0);
                Endpoint::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            }
        }
    }

    fn of(&self, channel: Channel) -> Endpoint {
        self.endpoint(match channel {
            Channel::Shell => 1,
            Channel::Iopub => 2,
            Channel::Stdin => 3,
            Channel::Control => 4,
        })
    }

    fn write(&self, file: &PathBuf, key: &str, kernel: &str) -> io::Result<()> {
        let (transport, ip, ports) = match self {
            Self::Ipc(base) => ("ipc", base.to_string_lossy().into_owned(), [1, 2, 3, 4, 5]),
            Self::Tcp(ports) => ("tcp", Ipv4Addr::LOCALHOST.to_string(), *ports),
        };
        let text = json!({
            "transport": transport,
            "ip": ip,
            "shell_port": ports[0],
            "iopub_port": ports[1],
            "stdin_port": ports[2],
            "control_port": ports[3],
            "hb_port": ports[4],
            "key": key,
            "signature_scheme": "hmac-sha256",
            "kernel_name": kernel,
        });
        let mut out: File = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(file)?;
        out.write_all(text.to_string().as_bytes())
    }
}

fn numbered(base: &std::path::Path, number: u16) -> PathBuf {
    let mut name = base.as_os_str().to_owned();
    name.push(format!("-{number}"));
    PathBuf::from(name)
}

async fn connect(
    endpoints: Endpoints,
    identity: String,
    epoch: u64,
    mut inboxes: HashMap<Channel, mpsc::UnboundedReceiver<Vec<Bytes>>>,
    events: mpsc::Sender<Event>,
) {
    // IOPub first: nothing the kernel says afterwards may be missed.
    let mut connected = Vec::new();
    for channel in [
        Channel::Iopub,
        Channel::Shell,
        Channel::Stdin,
        Channel::Control,
    ] {
        let role = if channel == Channel::Iopub {
            Role::Sub
        } else {
            Role::Dealer
        };
        // Shell and stdin share one identity: that is how a kernel finds whom to ask for input.
        let (receiver, sender) = loop {
            match zmtp::connect(&endpoints.of(channel), role, identity.as_bytes()).await {
                Ok(pair) => break pair,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    let _ = events
                        .send(Event::Closed {
                            epoch,
                            why: Some(error.to_string()),
                        })
                        .await;
                    return;
                }
                // Not listening yet. Who waits for us decides when that is too long.
                Err(_) if events.is_closed() => return,
                Err(_) => tokio::time::sleep(CONNECT_EVERY).await,
            }
        };
        connected.push((channel, receiver, sender));
    }
    for (channel, receiver, sender) in connected {
        tokio::spawn(listen(receiver, channel, epoch, events.clone()));
        if let Some(inbox) = inboxes.remove(&channel) {
            tokio::spawn(speak(sender, inbox));
        }
    }
    let _ = events.send(Event::Connected { epoch }).await;
}

async fn listen(mut receiver: Receiver, channel: Channel, epoch: u64, events: mpsc::Sender<Event>) {
    let why = loop {
        match receiver.receive().await {
            Ok(Some(incoming)) => {
                if events
                    .send(Event::Incoming {
                        epoch,
                        channel,
                        incoming,
                    })
                    .await
                    .is_err()
                {
                    return;
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    let _ = events.send(Event::Closed { epoch, why }).await;
}

async fn speak(mut sender: Sender, mut inbox: mpsc::UnboundedReceiver<Vec<Bytes>>) {
    while let Some(frames) = inbox.recv().await {
        if sender.send(&frames).await.is_err() {
            return;
        }
    }
}

/// Why a kernel that nobody asked to end has ended, in words.
pub fn cause_of_death(status: Option<ExitStatus>, out_of_memory: Option<Option<u64>>) -> String {
    use std::os::unix::process::ExitStatusExt;
    let killed = status.and_then(|status| {
        status.signal().or_else(|| {
            status
                .code()
                .filter(|code| *code > 128)
                .map(|code| code - 128)
        })
    });
    match (killed, out_of_memory) {
        (Some(9), Some(Some(limit))) => {
            format!(
                "The kernel was killed (out of memory, limit {}).",
                size_in_words(limit)
            )
        }
        (Some(9), Some(None)) => "The kernel was killed (out of memory).".into(),
        (Some(signal), _) => match signal_name(signal) {
            Some(name) => format!("The kernel was killed by signal {signal} ({name})."),
            None => format!("The kernel was killed by signal {signal}."),
        },
        (None, _) => match status.and_then(|status| status.code()) {
            Some(code) => format!("The kernel ended by itself with exit code {code}."),
            None => "The kernel ended.".into(),
        },
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    match signal {
        4 => Some("illegal instruction"),
        6 => Some("aborted"),
        7 => Some("bus error"),
        8 => Some("arithmetic error"),
        11 => Some("segmentation fault"),
        15 => Some("asked to end"),
        _ => None,
    }
}

fn size_in_words(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (unit, name) in UNITS {
        if bytes >= unit {
            let tenths = bytes * 10 / unit;
            return if tenths.is_multiple_of(10) {
                format!("{} {name}", tenths / 10)
            } else {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            };
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;
    use crate::protocol::{Interrupt, Limits};

    #[tokio::test]
    async fn a_kernel_that_ended_before_it_listened_is_not_waited_for_any_more() {
        let folder = tempfile::tempdir().expect("folder");
        let args = SupervisorArgs {
            id: "1".into(),
            notebook: "notebook".into(),
            kernel: "kernel".into(),
            title: "Kernel".into(),
            language: "none".into(),
            directory: folder.path().into(),
            sockets: folder.path().into(),
            argv: vec!["true".into()],
            environment: [("PATH".into(), "/usr/bin:/bin".into())].into(),
            workspace: folder.path().into(),
            transport: Transport::Ipc,
            interrupt: Interrupt::Signal,
            cull_seconds: None,
            start_seconds: 1,
            limits: Limits::default(),
        };
        let (events, mut inbox) = mpsc::channel(8);
        let kernel = Kernel::start(&args, 1, &events).expect("started");
        drop(events);
        assert!(matches!(inbox.recv().await, Some(Event::Exited { .. })));
        drop(kernel);
        let nobody = tokio::time::timeout(Duration::from_secs(60), inbox.recv()).await;
        assert!(
            nobody
                .expect("all who could say something are gone")
                .is_none()
        );
    }

    #[test]
    fn a_death_is_told_in_words() {
        let exit = |code: i32| Some(ExitStatus::from_raw(code << 8));
        let signal = |signal: i32| Some(ExitStatus::from_raw(signal));
        let limit = Some(Some(2 * 1024 * 1024 * 1024));
        assert_eq!(
            cause_of_death(exit(3), None),
            "The kernel ended by itself with exit code 3."
        );
        assert_eq!(
            cause_of_death(signal(9), None),
            "The kernel was killed by signal 9."
        );
        assert_eq!(
            cause_of_death(exit(137), None),
            "The kernel was killed by signal 9."
        );
        assert_eq!(
            cause_of_death(signal(9), limit),
            "The kernel was killed (out of memory, limit 2 GiB)."
        );
        assert_eq!(
            cause_of_death(exit(137), limit),
            "The kernel was killed (out of memory, limit 2 GiB)."
        );
        assert_eq!(
            cause_of_death(signal(9), Some(None)),
            "The kernel was killed (out of memory)."
        );
        assert_eq!(
            cause_of_death(signal(11), limit),
            "The kernel was killed by signal 11 (segmentation fault)."
        );
    }

    #[test]
    fn sizes_are_said_as_people_say_them() {
        assert_eq!(size_in_words(1536 * 1024 * 1024), "1.5 GiB");
        assert_eq!(size_in_words(700 * 1024 * 1024), "700 MiB");
        assert_eq!(size_in_words(12), "12 bytes");
    }
}
