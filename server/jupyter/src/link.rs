//! The studio's end of the way to a supervisor: starting one, finding one again, asking it.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use datalayer::{Error, NotebookId, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::{mpsc, oneshot, watch};

use crate::kernelspecs::Kernelspec;
use crate::protocol::{
    Attached, Command, Frame, FrameReader, Order, Refusal, SupervisorArgs, Told, send_order,
};
use crate::supervisor::process;
use crate::{Config, environment, moment};

/// The code of an order that came too late.
pub const GONE: &str = "kernel.gone";
/// `sockaddr_un` holds no more, and the kernel appends `-5`.
const SOCKET_PATH: usize = 100;
const CONNECT: Duration = Duration::from_secs(15);
/// A supervisor that does not answer within so long has stopped, or waits for room on the disk.
const ATTACH: Duration = Duration::from_secs(5);

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Value, Refusal>>>>>;

/// A living supervisor.
pub struct Link {
    pub args: SupervisorArgs,
    /// Which orders it knows, as [`crate::protocol::WORDS`] has them.
    pub words: u32,
    orders: mpsc::UnboundedSender<Order>,
    waiting: Waiting,
    asks: AtomicU64,
    gone: watch::Sender<bool>,
}

/// What follows the spool reads from here.
pub struct Stream {
    pub reader: FrameReader<OwnedReadHalf>,
    pub attached: Attached,
}

impl Link {
    /// Connects to a supervisor and attaches behind `mark`. Fails when it does not answer in time.
    pub async fn attach(args: SupervisorArgs, mark: u64) -> io::Result<(Arc<Self>, Stream)> {
        tokio::time::timeout(ATTACH, Self::attach_in_time(args, mark))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn attach_in_time(args: SupervisorArgs, mark: u64) -> io::Result<(Arc<Self>, Stream)> {
        let stream = UnixStream::connect(args.socket()).await?;
        let (read, mut write) = stream.into_split();
        let mut reader = FrameReader::new(read);
        send_order(
            &mut write,
            &Order {
                ask: 0,
                what: Command::Attach { mark },
            },
        )
        .await?;
        let attached = loop {
            match reader.next().await? {
                Some(Frame::Told(told)) => {
                    if let Told::Attached(attached) = *told {
                        break attached;
                    }
                }
                Some(Frame::Spool(_)) => return Err(io::ErrorKind::InvalidData.into()),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        };
        let (orders, mut outbox) = mpsc::unbounded_channel::<Order>();
        tokio::spawn(async move {
            while let Some(order) = outbox.recv().await {
                if send_order(&mut write, &order).await.is_err() {
                    return;
                }
            }
        });
        let link = Self {
            args,
            words: attached.words,
            orders,
            waiting: Waiting::default(),
            asks: AtomicU64::new(1),
            gone: watch::channel(false).0,
        };
        Ok((Arc::new(link), Stream { reader, attached }))
    }

    /// Tells without waiting for an answer.
    pub fn tell(&self, what: Command) {
        // A supervisor that is gone is noticed by whoever reads from it.
        let _ = self.orders.send(Order { ask: 0, what });
    }

    pub async fn ask(&self, what: Command, patience: Duration) -> Result<Value> {
        self.asking(what)?.answer(patience).await
    }

    /// Asks now, and waits for the answer when you do.
    pub fn asking(&self, what: Command) -> Result<Asking<'_>> {
        let ask = self.asks.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(ask, answer);
        if *self.gone.borrow() || self.orders.send(Order { ask, what }).is_err() {
            return Err(gone());
        }
        Ok(Asking {
            link: self,
            ask,
            answered,
        })
    }

    /// An answer arrived.
    pub fn answered(&self, ask: u64, result: Result<Value, Refusal>) {
        let waiting = self
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&ask);
        if let Some(waiting) = waiting {
            // Whoever asked may have lost patience.
            let _ = waiting.send(result);
        }
    }

    /// Nothing will come from this supervisor any more.
    pub fn close(&self) {
        self.gone.send_replace(true);
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    pub async fn closed(&self) {
        // The sender lives in `self`, so this ends only when it is closed.
        let _ = self.gone.subscribe().wait_for(|gone| *gone).await;
    }
}

/// A question on its way.
pub struct Asking<'a> {
    link: &'a Link,
    ask: u64,
    answered: oneshot::Receiver<Result<Value, Refusal>>,
}

impl Asking<'_> {
    pub async fn answer(self, patience: Duration) -> Result<Value> {
        match tokio::time::timeout(patience, self.answered).await {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(Refusal { code, reason }))) if code.starts_with("kernel.") => {
                Err(Error::unavailable(code, reason))
            }
            Ok(Ok(Err(Refusal { code, reason }))) => Err(Error::conflict(code, reason)),
            Ok(Err(_)) => Err(gone()),
            Err(_) => {
                self.link
                    .waiting
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&self.ask);
                Err(Error::unavailable(
                    "kernel.busy",
                    "the kernel is busy and did not answer in time",
                ))
            }
        }
    }
}

fn gone() -> Error {
    Error::unavailable(GONE, "the kernel ended before it answered")
}

/// Attaches to a supervisor an earlier studio started; `None` when it is gone.
pub async fn find(args: &SupervisorArgs, mark: u64) -> io::Result<Option<(Arc<Link>, Stream)>> {
    let mut tries = 3;
    loop {
        match Link::attach(args.clone(), mark).await {
            Ok(found) => return Ok(Some(found)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                return Ok(None);
            }
            Err(error) if tries == 0 || error.kind() == io::ErrorKind::TimedOut => {
                return Err(error);
            }
            // It may be about to end.
            Err(_) => {
                tries -= 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Starts a supervisor with its kernel and attaches to it.
pub async fn launch(
    config: &Config,
    notebook: &NotebookId,
    spec: &Kernelspec,
) -> Result<(Arc<Link>, Stream)> {
    let environment = environment::of(config, spec);
    spec.check(environment.get("PATH").map_or("", String::as_str))?;
    let failed = |what: &str, error: io::Error| {
        tracing::error!(%error, notebook.id = %notebook, "{what}");
        Error::unavailable(
            "kernel.start",
            format!("the kernel cannot be started: {what}: {error}"),
        )
    };
    let id = moment::random_hex(8).map_err(|error| failed("no random numbers", error))?;
    let directory = kernels(config).join(&id);
    let sockets = make_directories(config, notebook, &directory, &id)
        .map_err(|error| failed("its folders cannot be made", error))?;
    let args = SupervisorArgs {
        id,
        notebook: notebook.to_string(),
        kernel: spec.name.clone(),
        title: spec.title.clone(),
        language: spec.language.clone(),
        sockets,
        argv: spec.argv.clone(),
        environment,
        workspace: workspace(config, notebook),
        transport: spec.transport,
        interrupt: spec.interrupt,
        cull_seconds: config.cull.map(|cull| cull.as_secs()),
        start_seconds: config.start.as_secs().max(1),
        limits: config.limits.clone(),
        directory,
    };
    let started = start(config, args.clone()).await;
    if started.is_err() {
        forget(&args);
    }
    started.map_err(|error| failed("its supervisor does not answer", error))
}

async fn start(config: &Config, args: SupervisorArgs) -> io::Result<(Arc<Link>, Stream)> {
    let file = args.directory.join("supervisor.json");
    let out = std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&file)?;
    serde_json::to_writer(&out, &args)?;
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(args.directory.join("supervisor.log"))?;
    let mut child = tokio::process::Command::new(&config.supervisor)
        .args(&config.supervisor_args)
        .arg(&file)
        .env_clear()
        .envs(environment::base(config))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(false)
        .spawn()
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{}: {error}", config.supervisor.display()),
            )
        })?;
    let connect = async {
        loop {
            match Link::attach(args.clone(), 0).await {
                Ok(attached) => return Ok(attached),
                Err(_) => {
                    if let Some(status) = child.try_wait()? {
                        let said = std::fs::read_to_string(args.directory.join("supervisor.log"))
                            .unwrap_or_default();
                        return Err(io::Error::other(format!(
                            "it ended at once ({status}): {}",
                            said.trim()
                        )));
                    }
                    tokio::time::sleep(Duration::from_millis(3)).await;
                }
            }
        }
    };
    match tokio::time::timeout(CONNECT, connect).await {
        Ok(Ok(attached)) => {
            // Reaped when it ends; it is not ours to kill.
            tokio::spawn(async move { child.wait().await });
            Ok(attached)
        }
        Ok(Err(error)) => Err(error),
        Err(_) => {
            child.kill().await?;
            Err(io::ErrorKind::TimedOut.into())
        }
    }
}

/// Where the folders of all kernels are.
pub fn kernels(config: &Config) -> PathBuf {
    config.data.join("kernels")
}

/// The supervisors that were started here and have not been forgotten.
pub fn known(config: &Config) -> Vec<SupervisorArgs> {
    let Ok(entries) = std::fs::read_dir(kernels(config)) else {
        return Vec::new();
    };
    let mut known = Vec::new();
    for entry in entries.flatten() {
        let file = entry.path().join("supervisor.json");
        match SupervisorArgs::read(&file) {
            Ok(args) => known.push(args),
            Err(error) => tracing::warn!(%error, "a kernel's folder is passed over"),
        }
    }
    known.sort_by(|one, other| one.id.cmp(&other.id));
    known
}

/// Removes what a supervisor that is gone has left.
pub fn forget(args: &SupervisorArgs) {
    for directory in [&args.sockets, &args.directory] {
        if let Err(error) = std::fs::remove_dir_all(directory)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %directory.display(), "a kernel's folder stays behind");
        }
    }
}

/// Ends a kernel that has outlived its supervisor, if it is still the same process.
pub fn end_orphan(args: &SupervisorArgs) {
    let Some(noted) = std::fs::read(args.directory.join("process.json"))
        .ok()
        .and_then(|text| serde_json::from_slice::<Value>(&text).ok())
    else {
        return;
    };
    let Some(pid) = noted["pid"]
        .as_i64()
        .and_then(|pid| i32::try_from(pid).ok())
    else {
        return;
    };
    if process::start_time(pid).is_some()
        && process::start_time(pid) == noted["started"].as_u64()
        && let Some(pid) = Pid::from_raw(pid)
    {
        // It may end by itself in this moment.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

pub fn workspace(config: &Config, notebook: &NotebookId) -> PathBuf {
    config.workspaces.join(notebook.as_str())
}

/// Makes the kernel's folders, all for us alone; returns where its sockets go.
fn make_directories(
    config: &Config,
    notebook: &NotebookId,
    directory: &Path,
    id: &str,
) -> io::Result<PathBuf> {
    private(directory)?;
    private(&workspace(config, notebook))?;
    let near = directory.join("run");
    if near.as_os_str().len() + 4 <= SOCKET_PATH && near.is_absolute() {
        private(&near)?;
        return Ok(near);
    }
    // Others may write there too, so the folder must be ours.
    let owner = rustix::process::getuid().as_raw();
    let far = config.temporary.join(format!("datalayer-{owner}"));
    private(&far)?;
    let found = std::fs::symlink_metadata(&far)?;
    if !found.is_dir() || found.uid() != owner || found.mode() & 0o077 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "{} is not a folder of ours alone; remove it or set another temporary folder",
                far.display()
            ),
        ));
    }
    let far = far.join(id);
    private(&far)?;
    Ok(far)
}

fn private(directory: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}
