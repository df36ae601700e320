//! A studio in small: a ledger in memory, a Python environment with a kernel, a gateway and a listener.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use datalayer::{Error, NotebookId, Result, RunLedger, RunRequest, Runner, RuntimeNews, SpoolMark};
use jupyter::{Config, Gateway};
use notebook::CellId;
use notebook::runs::{CellRun, Happening, Output, RunEvent, RunState, Runs};
use notebook::wire::{KernelState, KernelView};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

/// Nothing here takes longer, unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A ledger with every promise of the real one but the disk.
#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    events: HashMap<NotebookId, Vec<RunEvent>>,
    marks: HashMap<String, SpoolMark>,
    blobs: HashMap<String, Bytes>,
    folds: HashMap<NotebookId, Runs>,
    failing: u32,
    failing_loads: u32,
    holding_files: bool,
    stuck: bool,
}

impl Memory {
    pub fn events(&self, notebook: &NotebookId) -> Vec<RunEvent> {
        self.state
            .lock()
            .expect("no test panics while it holds this")
            .events
            .get(notebook)
            .cloned()
            .unwrap_or_default()
    }

    pub fn blob(&self, hash: &str) -> Option<Bytes> {
        self.state
            .lock()
            .expect("no test panics while it holds this")
            .blobs
            .get(hash)
            .cloned()
    }

    /// Files cannot be kept for now.
    pub fn hold_files(&self, hold: bool) {
        self.state
            .lock()
            .expect("no test panics while it holds this")
            .holding_files = hold;
    }

    /// From now on appends do not return, and change nothing.
    pub fn stick(&self, stuck: bool) {
        self.state
            .lock()
            .expect("no test panics while it holds this")
            .stuck = stuck;
    }

    /// The next so many loads fail.
    pub fn fail_loads(&self, times: u32) {
        self.state
            .lock()
            .expect("no test panics while it holds this")
            .failing_loads = times;
    }

    /// The folded runs that were kept last.
    pub fn fold(&self, notebook: &NotebookId) -> Option<Runs> {
        self.state
            .lock()
            .expect("no test panics while it holds this")
            .folds
            .get(notebook)
            .cloned()
    }

    /// The next so many appends fail.
    pub fn fail(&self, times: u32) {
        self.state
            .lock()
            .expect("no test panics while it holds this")
            .failing = times;
    }
}

#[async_trait]
impl RunLedger for Memory {
    async fn load(&self, notebook: &NotebookId) -> Result<Runs> {
        let mut state = self
            .state
            .lock()
            .expect("no test panics while it holds this");
        if state.failing_loads > 0 {
            state.failing_loads -= 1;
            return Err(Error::unavailable("test.failing", "the disk is full"));
        }
        let mut runs = state.folds.get(notebook).cloned().unwrap_or_default();
        for event in state.events.get(notebook).into_iter().flatten() {
            runs.apply(event);
        }
        Ok(runs)
    }

    async fn append(
        &self,
        notebook: &NotebookId,
        events: Vec<RunEvent>,
        mark: Option<SpoolMark>,
    ) -> Result<()> {
        let stuck = self
            .state
            .lock()
            .expect("no test panics while it holds this")
            .stuck;
        if stuck {
            std::future::pending::<()>().await;
        }
        let mut state = self
            .state
            .lock()
            .expect("no test panics while it holds this");
        if state.failing > 0 {
            state.failing -= 1;
            return Err(Error::unavailable("test.failing", "the disk is full"));
        }
        let log = state.events.entry(notebook.clone()).or_default();
        for event in events {
            assert_eq!(
                event.sequence,
                log.len() as u64 + 1,
                "the log must have no hole"
            );
            log.push(event);
        }
        if let Some(mark) = mark {
            let before = state.marks.insert(mark.kernel.clone(), mark.clone());
            assert!(
                before.is_none_or(|before| before.offset <= mark.offset),
                "marks never go back"
            );
        }
        Ok(())
    }

    async fn keep_fold(&self, notebook: &NotebookId, runs: &Runs) -> Result<()> {
        self.state
            .lock()
            .expect("no test panics while it holds this")
            .folds
            .insert(notebook.clone(), runs.clone());
        Ok(())
    }

    async fn since(
        &self,
        notebook: &NotebookId,
        sequence: u64,
        limit: u32,
    ) -> Result<Option<Vec<RunEvent>>> {
        let events: Vec<RunEvent> = self
            .events(notebook)
            .into_iter()
            .filter(|event| event.sequence > sequence)
            .collect();
        Ok((events.len() <= limit as usize).then_some(events))
    }

    async fn mark(&self, kernel: &str) -> Result<Option<SpoolMark>> {
        Ok(self
            .state
            .lock()
            .expect("no test panics while it holds this")
            .marks
            .get(kernel)
            .cloned())
    }

    async fn keep_blob(&self, _: &NotebookId, _: &str, bytes: Bytes) -> Result<String> {
        let hash = hash(&bytes);
        self.state
            .lock()
            .expect("no test panics while it holds this")
            .blobs
            .insert(hash.clone(), bytes);
        Ok(hash)
    }

    async fn keep_file(
        &self,
        notebook: &NotebookId,
        media_type: &str,
        file: &Path,
    ) -> Result<String> {
        let holding = self
            .state
            .lock()
            .expect("no test panics while it holds this")
            .holding_files;
        if holding {
            return Err(Error::unavailable("test.holding", "the disk is full"));
        }
        let bytes = std::fs::read(file).expect("the file is there");
        self.keep_blob(notebook, media_type, bytes.into()).await
    }
}

pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What the listener has heard so far.
#[derive(Default)]
struct Heard {
    events: Vec<RunEvent>,
    kernel: KernelView,
    kernels: Vec<KernelState>,
}

pub struct House {
    pub folder: tempfile::TempDir,
    pub config: Config,
    pub ledger: Arc<Memory>,
    pub notebook: NotebookId,
    /// What was chosen for it, as its room remembers it.
    pub kernel: String,
    gateway: Option<Arc<Gateway>>,
    heard: Arc<Mutex<Heard>>,
    changed: watch::Sender<u64>,
}

impl House {
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let supervisor = PathBuf::from(env!("CARGO_BIN_EXE_kernel-supervisor"));
        let mut config = Config::new(folder.path().join("data"), supervisor, Vec::new());
        config.python = Some(python().to_owned());
        config.environment = vec![
            ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()),
            ("HOME".into(), folder.path().display().to_string()),
            ("DATALAYER_SECRET".into(), "swordfish".into()),
        ];
        change(&mut config);
        let mut house = Self {
            folder,
            config,
            ledger: Arc::default(),
            notebook: NotebookId::from_parts(1_795_000_000_000, 7),
            kernel: String::new(),
            gateway: None,
            heard: Arc::default(),
            changed: watch::channel(0).0,
        };
        house.start().await;
        house
    }

    /// A studio starts on this data directory.
    pub async fn start(&mut self) {
        let gateway = Gateway::open(self.config.clone(), self.ledger.clone())
            .await
            .expect("gateway");
        self.gateway = Some(gateway);
        self.listen().await;
    }

    pub async fn listen(&self) {
        let (heard, changed) = (Arc::clone(&self.heard), self.changed.clone());
        let listener = Box::new(move |news| {
            let mut heard = heard.lock().expect("no test panics while it holds this");
            match news {
                RuntimeNews::Run(event) => heard.events.push(event),
                RuntimeNews::Kernel(view) => {
                    if heard.kernels.last() != Some(&view.state) {
                        heard.kernels.push(view.state.clone());
                    }
                    heard.kernel = view;
                }
            }
            drop(heard);
            changed.send_modify(|version| *version += 1);
        });
        let (runs, kernel) = self
            .gateway()
            .listen(&self.notebook, &self.kernel, listener)
            .await
            .expect("listening");
        let mut heard = self
            .heard
            .lock()
            .expect("no test panics while it holds this");
        let before: Vec<RunEvent> = self
            .ledger
            .events(&self.notebook)
            .into_iter()
            .filter(|event| event.sequence <= runs.sequence)
            .collect();
        let already = heard
            .events
            .split_off(0)
            .into_iter()
            .filter(|event| event.sequence > runs.sequence);
        heard.events = before.into_iter().chain(already).collect();
        heard.kernels = vec![kernel.state.clone()];
        heard.kernel = kernel;
    }

    /// The studio is killed: nothing is told to anyone.
    pub async fn kill_studio(&mut self) {
        self.gateway = None;
    }

    pub fn gateway(&self) -> &Arc<Gateway> {
        self.gateway.as_ref().expect("the studio runs")
    }

    pub async fn run(&self, cells: &[(&str, &str)]) -> Result<()> {
        let cells = cells
            .iter()
            .map(|(cell, source)| (cell_id(cell), (*source).to_owned()))
            .collect();
        let by = ("user_a".to_owned(), "Ada".to_owned());
        self.gateway()
            .run(RunRequest {
                notebook: self.notebook.clone(),
                by,
                cells,
                kernel: String::new(),
            })
            .await
    }

    pub async fn clear(&self, cells: &[&str]) -> Result<()> {
        let by = ("user_g".to_owned(), "Grace".to_owned());
        let cells = cells.iter().map(|cell| cell_id(cell)).collect();
        self.gateway().clear(&self.notebook, by, cells).await
    }

    pub async fn cancel(&self, cells: &[&str]) -> Result<()> {
        let runs = cells.iter().map(|cell| self.latest_run(cell)).collect();
        self.gateway().cancel(&self.notebook, "Grace", runs).await
    }

    /// The run that was asked for last.
    pub fn latest_run(&self, cell: &str) -> String {
        let heard = self.heard();
        let asked = heard.iter().rev().find(|event| {
            event.cell.as_str() == cell && matches!(event.what, Happening::Queued { .. })
        });
        asked.expect("it was asked for").run.clone()
    }

    /// Cells as they are shown after all that was heard.
    pub fn shown(&self, cell: &str) -> CellRun {
        let mut runs = Runs::default();
        for event in &self.heard() {
            runs.apply(event);
        }
        runs.cells.get(&cell_id(cell)).cloned().unwrap_or_default()
    }

    /// Runs one cell and waits for its end.
    pub async fn execute(&self, cell: &str, source: &str) -> Finished {
        self.run(&[(cell, source)]).await.expect("queued");
        self.finished(cell).await
    }

    /// Waits until the latest run of a cell is over.
    pub async fn finished(&self, cell: &str) -> Finished {
        self.until(&format!("the end of {cell}"), |heard| {
            Finished::of(&heard.events, cell)
        })
        .await
    }

    pub async fn until_event(&self, what: &str, matches: impl Fn(&RunEvent) -> bool) -> RunEvent {
        self.until(what, |heard| {
            heard.events.iter().find(|event| matches(event)).cloned()
        })
        .await
    }

    pub async fn until_kernel(
        &self,
        what: &str,
        matches: impl Fn(&KernelView) -> bool,
    ) -> KernelView {
        self.until(what, |heard| {
            matches(&heard.kernel).then(|| heard.kernel.clone())
        })
        .await
    }

    pub fn kernel_states(&self) -> Vec<KernelState> {
        self.heard
            .lock()
            .expect("no test panics while it holds this")
            .kernels
            .clone()
    }

    pub fn heard(&self) -> Vec<RunEvent> {
        self.heard
            .lock()
            .expect("no test panics while it holds this")
            .events
            .clone()
    }

    async fn until<T>(&self, what: &str, look: impl Fn(&Heard) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = look(
                    &self
                        .heard
                        .lock()
                        .expect("no test panics while it holds this"),
                ) {
                    return found;
                }
                changes.changed().await.expect("the house stands");
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => found,
            Err(_) => {
                let heard = self
                    .heard
                    .lock()
                    .expect("no test panics while it holds this");
                panic!(
                    "{what} did not come; heard {:?} and {:?}",
                    summary(&heard.events),
                    heard.kernels
                );
            }
        }
    }

    /// Waits until every file in the kernel's folder is as it should be.
    pub async fn until_file(&self, what: &str, right: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let files = std::fs::read_dir(self.kernel_folders().pop().expect("a kernel runs"))
                .expect("its folder");
            let wrong = files
                .flatten()
                .find(|file| !right(&file.file_name().to_string_lossy()));
            let Some(wrong) = wrong else { return };
            assert!(Instant::now() < deadline, "{what} did not come: {wrong:?}");
            tokio::task::yield_now().await;
        }
    }

    /// The kernel's process id, as its supervisor noted it.
    pub fn kernel_pid(&self) -> i32 {
        self.noted("pid")
    }

    pub fn supervisor_pid(&self) -> i32 {
        self.noted("supervisor")
    }

    fn noted(&self, which: &str) -> i32 {
        let folder = self.kernel_folders().pop().expect("a kernel runs");
        let noted = std::fs::read(folder.join("process.json")).expect("noted");
        let noted: serde_json::Value = serde_json::from_slice(&noted).expect("json");
        i32::try_from(noted[which].as_i64().expect("pid")).expect("pid")
    }

    pub fn kernel_folders(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.config.data.join("kernels"));
        entries
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect()
    }

    /// Ends every kernel and sees that nothing stays behind.
    pub async fn close(mut self) {
        if self.gateway.is_none() {
            self.start().await;
        }
        let pid = (!self.kernel_folders().is_empty()).then(|| self.kernel_pid());
        self.gateway().shut_down_all().await;
        self.until_kernel("the kernel's end", |view| {
            matches!(view.state, KernelState::Off | KernelState::Dead { .. })
        })
        .await;
        let deadline = Instant::now() + PATIENCE;
        while !self.kernel_folders().is_empty() && Instant::now() < deadline {
            tokio::task::yield_now().await;
        }
        assert!(
            self.kernel_folders().is_empty(),
            "a kernel's folder stays behind"
        );
        if let Some(pid) = pid {
            assert!(!is_alive(pid), "a kernel stays behind");
        }
    }
}

impl Drop for House {
    /// A test that failed leaves nothing behind either.
    fn drop(&mut self) {
        for folder in self.kernel_folders() {
            let Ok(noted) = std::fs::read(folder.join("process.json")) else {
                continue;
            };
            let Ok(noted) = serde_json::from_slice::<serde_json::Value>(&noted) else {
                continue;
            };
            for process in ["supervisor", "pid"] {
                // It may have ended by itself.
                let _ = Command::new("kill")
                    .args(["-9", &noted[process].to_string()])
                    .status();
            }
        }
    }
}

/// Is there such a process, and is it more than a zombie?
pub fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, fields)| !fields.trim_start().starts_with('Z'))
}

pub fn kill(pid: i32) {
    signal("-9", pid);
}

pub fn signal(signal: &str, pid: i32) {
    let status = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status()
        .expect("kill");
    assert!(status.success());
}

pub fn cell_id(text: &str) -> CellId {
    CellId::new(text).expect("cell id")
}

/// The latest run of a cell, when it is over.
#[derive(Clone, Debug)]
pub struct Finished {
    pub events: Vec<Happening>,
    pub state: RunState,
    pub why: Option<String>,
}

impl Finished {
    fn of(events: &[RunEvent], cell: &str) -> Option<Self> {
        let queued = |event: &&RunEvent| {
            event.cell.as_str() == cell && matches!(event.what, Happening::Queued { .. })
        };
        let run = events.iter().rev().find(queued)?.run.clone();
        let events: Vec<Happening> = events
            .iter()
            .filter(|event| event.run == run)
            .map(|event| event.what.clone())
            .collect();
        let (state, why) = events.iter().find_map(|what| match what {
            Happening::Ended { state, why } => Some((*state, why.clone())),
            _ => None,
        })?;
        Some(Self { events, state, why })
    }

    /// All text of a stream.
    pub fn text(&self, wanted: notebook::runs::StreamName) -> String {
        let texts = self.events.iter().filter_map(|what| match what {
            Happening::Stream { name, text } if *name == wanted => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    pub fn stdout(&self) -> String {
        self.text(notebook::runs::StreamName::Stdout)
    }

    pub fn outputs(&self) -> Vec<Output> {
        let outputs = self.events.iter().filter_map(|what| match what {
            Happening::Output { output } => Some(output.clone()),
            _ => None,
        });
        outputs.collect()
    }
}

fn summary(events: &[RunEvent]) -> Vec<String> {
    events
        .iter()
        .map(|event| format!("{} {:.120}", event.cell, format!("{:?}", event.what)))
        .collect()
}

/// A Python environment with ipykernel: the one named, or one of our own that is made once.
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        if let Some(named) = std::env::var_os("DATALAYER_TEST_PYTHON") {
            return named.into();
        }
        let home = PathBuf::from(std::env::var_os("HOME").expect("HOME is set"));
        let folder = home.join(".cache/datalayer");
        std::fs::create_dir_all(&folder).expect("cache folder");
        make_python(&folder);
        folder.join("python")
    })
}

fn make_python(folder: &Path) {
    let python = folder.join("python");
    let works = || {
        Command::new(python.join("bin/python"))
            .args(["-c", "import ipykernel"])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    // A folder is made by one process only, so it is a lock.
    let lock = folder.join("python.lock");
    let begun = Instant::now();
    while !works() {
        if std::fs::create_dir(&lock).is_ok() {
            let made = Command::new("python3")
                .args(["-m", "venv"])
                .arg(&python)
                .status()
                .is_ok_and(|s| s.success())
                && Command::new(python.join("bin/python"))
                    .args(["-m", "pip", "install", "--quiet", "ipykernel==7.*"])
                    .status()
                    .is_ok_and(|s| s.success());
            std::fs::remove_dir(&lock).expect("unlock");
            assert!(
                made,
                "python3 with venv and pip is needed to make {}",
                python.display()
            );
        } else {
            assert!(
                begun.elapsed() < Duration::from_secs(300),
                "{} is held by another process",
                lock.display()
            );
            // Another process is at it; there is nothing to wait on but time.
            std::thread::yield_now();
        }
    }
}
