//! The embedded gateway: kernels of ordinary kernelspecs on this machine, one per notebook.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use datalayer::{Error, Kernel, NotebookId, Result, RunLedger, RunRequest, Runner, RuntimeNews};
use notebook::CellId;
use notebook::runs::{Happening, RunEvent, RunId, RunState, Runs};
use notebook::wire::KernelView;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::fold::Draft;
use crate::kernelspecs::Kernelspecs;
use crate::link::{self, Link, Stream};
use crate::protocol::{Asked, Command, Status, SupervisorArgs, Task};
use crate::runtime::{Runtime, ended, queued};
use crate::{Config, follow, moment};

const ANSWER: Duration = Duration::from_secs(20);
/// A kernel that completes for the first time reads half its library: 24 seconds on a machine with too much to do.
const HINT: Duration = Duration::from_secs(30);
/// Events `since` gives at most.
const SINCE: u32 = 4000;
/// Pause before a kernel that did not answer is tried again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Cells that one event clears: a message of the live socket has a size.
const CLEARED: usize = 2_000;
/// How long a look into the kernelspec folders is good for.
const FRESH: Duration = Duration::from_secs(5);

/// Runs cells in kernels on this machine. Dropping it leaves the kernels running; the next one finds them again.
pub struct Gateway {
    shared: Arc<Shared>,
    runtimes: Mutex<HashMap<NotebookId, Arc<Runtime>>>,
}

pub(crate) struct Shared {
    pub config: Config,
    pub ledger: Arc<dyn RunLedger>,
    specs: Mutex<Option<(Instant, Kernelspecs)>>,
}

impl Shared {
    pub fn kernelspecs(&self) -> Kernelspecs {
        let mut specs = self.specs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, found)) = &*specs
            && at.elapsed() < FRESH
        {
            return found.clone();
        }
        let found = Kernelspecs::find(&self.config);
        *specs = Some((Instant::now(), found.clone()));
        found
    }
}

impl Gateway {
    /// Opens the gateway and finds again the kernels an earlier one left running.
    pub async fn open(config: Config, ledger: Arc<dyn RunLedger>) -> Result<Arc<Self>> {
        let shared = Arc::new(Shared {
            config,
            ledger,
            specs: Mutex::default(),
        });
        let gateway = Arc::new(Self {
            shared,
            runtimes: Mutex::default(),
        });
        let mut searches = JoinSet::new();
        for args in link::known(&gateway.shared.config) {
            let Ok(notebook) = args.notebook.parse::<NotebookId>() else {
                continue;
            };
            let mark = gateway
                .shared
                .ledger
                .mark(&args.id)
                .await?
                .map_or(0, |mark| mark.offset);
            let runtime = gateway.runtime(&notebook);
            let before = runtime.open_runs().await?;
            // All at once: one that does not answer must not keep the others waiting.
            searches.spawn(async move {
                let found = link::find(&args, mark).await;
                (
                    Left {
                        runtime,
                        args,
                        mark,
                        before,
                    },
                    found,
                )
            });
        }
        let mut living = Vec::new();
        while let Some(searched) = searches.join_next().await {
            let Ok((left, found)) = searched else {
                continue;
            };
            match found {
                Ok(Some(found)) => living.push((left, found)),
                Ok(None) => left.bury().await,
                Err(error) => left.keep_looking(&error),
            }
        }
        for (left, found) in living {
            left.adopt(found);
        }
        Ok(gateway)
    }

    /// Kernels one can choose, as they are installed now: name and title.
    pub fn choices(&self) -> Vec<(String, String)> {
        self.shared.kernelspecs().choices()
    }

    /// Shuts down every kernel.
    pub async fn shut_down_all(&self) {
        let runtimes: Vec<Arc<Runtime>> = self
            .runtimes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect();
        for runtime in runtimes {
            let _gate = runtime.gate.lock().await;
            if let Err(error) = runtime.shut_down().await {
                tracing::warn!(%error, notebook.id = %runtime.notebook, "a kernel did not shut down");
            }
        }
    }

    fn runtime(&self, notebook: &NotebookId) -> Arc<Runtime> {
        let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = runtimes
            .entry(notebook.clone())
            .or_insert_with(|| Arc::new(Runtime::new(notebook.clone(), Arc::clone(&self.shared))));
        Arc::clone(runtime)
    }

    async fn request(&self, notebook: &NotebookId, kind: &str, content: Value) -> Result<Value> {
        let runtime = self.runtime(notebook);
        let Some(link) = runtime.link() else {
            runtime.check_reached()?;
            return Err(Error::unavailable(
                "kernel.off",
                "no kernel runs; run a cell to start one",
            ));
        };
        link.ask(
            Command::Request {
                kind: kind.to_owned(),
                content,
            },
            HINT,
        )
        .await
    }
}

/// A kernel that an earlier studio left.
struct Left {
    runtime: Arc<Runtime>,
    args: SupervisorArgs,
    mark: u64,
    /// Runs that were open when this studio started.
    before: Vec<(String, CellId)>,
}

impl Left {
    fn adopt(self, (link, stream): (Arc<Link>, Stream)) {
        tracing::info!(
            kernel.id = link.args.id,
            notebook.id = link.args.notebook,
            "a running kernel was found again"
        );
        // In this order, so that no other kernel is started in between.
        self.runtime.adopt(link, stream, self.mark, self.before);
        self.runtime.set_unreached(false);
    }

    /// Takes in its last words. Returns when the gate is closed; it is until they are in the log, so that no new run comes
    /// before them.
    async fn bury(self) {
        let Self {
            runtime,
            args,
            mark,
            ..
        } = self;
        let (held, holds) = tokio::sync::oneshot::channel();
        let mourner = Arc::clone(&runtime);
        let task = tokio::spawn(async move {
            let _gate = mourner.gate.lock().await;
            mourner.set_unreached(false);
            let _ = held.send(());
            follow::bury(Arc::clone(&mourner), args, mark).await;
            mourner.set_status(&Status::default());
        });
        runtime.keep(task.abort_handle());
        let _ = holds.await;
    }

    /// Tries again until it answers or is gone. Nobody can use it meanwhile, nor start another in its place.
    fn keep_looking(self, error: &io::Error) {
        tracing::error!(%error, kernel.id = self.args.id, notebook.id = %self.runtime.notebook, "a running kernel cannot be reached; trying again");
        let runtime = Arc::clone(&self.runtime);
        runtime.set_unreached(true);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_AGAIN).await;
                match link::find(&self.args, self.mark).await {
                    Ok(Some(found)) => return self.adopt(found),
                    Ok(None) => return self.bury().await,
                    Err(_) => {}
                }
            }
        });
        runtime.keep(task.abort_handle());
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        for runtime in self
            .runtimes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
        {
            runtime.abandon();
        }
    }
}

#[async_trait]
impl Runner for Gateway {
    async fn listen(
        &self,
        notebook: &NotebookId,
        kernel: &str,
        listener: Box<dyn Fn(RuntimeNews) + Send + Sync>,
    ) -> Result<(Runs, KernelView)> {
        let runtime = self.runtime(notebook);
        runtime.remember_choice(kernel);
        if runtime.link().is_none() {
            // Runs whose kernel nobody knows any more would otherwise look as if they went on.
            let _gate = runtime.gate.lock().await;
            if runtime.link().is_none() && runtime.check_reached().is_ok() {
                runtime
                    .end_lost_runs("the studio was stopped before this cell ended")
                    .await?;
            }
        }
        runtime.listen(Arc::from(listener)).await
    }

    async fn deafen(&self, notebook: &NotebookId) {
        let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(runtime) = runtimes.get(notebook) else {
            return;
        };
        runtime.deafen();
        // Nothing runs, nobody listens, nobody is about to do something: nothing to remember.
        if runtime.is_forgettable() && Arc::strong_count(runtime) == 1 {
            runtimes.remove(notebook);
        }
    }

    async fn since(&self, notebook: &NotebookId, sequence: u64) -> Result<Option<Vec<RunEvent>>> {
        self.shared.ledger.since(notebook, sequence, SINCE).await
    }

    fn kernels(&self) -> Vec<Kernel> {
        let runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        let up = runtimes.values().filter_map(|runtime| runtime.up());
        up.collect()
    }

    async fn run(&self, request: RunRequest) -> Result<()> {
        let RunRequest {
            notebook,
            by: (by, name),
            cells,
            kernel,
        } = request;
        if cells.is_empty() {
            return Ok(());
        }
        let runtime = self.runtime(&notebook);
        let _gate = runtime.gate.lock().await;
        let link = runtime.ensure_link(&kernel).await?;
        let mut tasks = Vec::with_capacity(cells.len());
        let mut drafts = Vec::with_capacity(cells.len());
        for (cell, source) in cells {
            let run = run_id()?;
            let asked = Asked {
                at: moment::now(),
                by: by.clone(),
                name: name.clone(),
                source_hash: hex(&Sha256::digest(source.as_bytes())),
            };
            drafts.push(Draft {
                run: run.clone(),
                cell: cell.clone(),
                at: asked.at,
                what: queued(&asked),
                has_spill: false,
            });
            tasks.push(Task {
                run,
                cell,
                source,
                asked,
            });
        }
        let runs: Vec<(String, CellId)> = tasks
            .iter()
            .map(|task| (task.run.clone(), task.cell.clone()))
            .collect();
        // The kernel need not wait for our disk. Nothing of these runs comes before this in the log: it is held meanwhile.
        let mut log = runtime.log().await?;
        let asking = link.asking(Command::Enqueue { tasks });
        if let Err(error) = runtime.append_to(&mut log, drafts, None).await {
            link.tell(Command::Withdraw {
                runs: runs.into_iter().map(|(run, _)| run).collect(),
                why: format!("stopped: it could not be written down: {error}"),
            });
            return Err(error);
        }
        drop(log);
        let answer = match asking {
            Ok(asking) => asking.answer(ANSWER).await,
            Err(error) => Err(error),
        };
        let Err(refused) = answer else {
            return Ok(());
        };
        // The kernel's end may have ended these runs already; only those still open are ended here.
        let mut open = runtime.log().await?;
        let why = format!("stopped: {refused}");
        let drafts = runs
            .into_iter()
            .filter(|(run, _)| open.get().open.contains_key(run))
            .map(|(run, cell)| ended(run, cell, RunState::Interrupted, &why))
            .collect();
        drop(open);
        runtime.append(drafts, None).await?;
        Err(refused)
    }

    async fn cancel(&self, notebook: &NotebookId, by: &str, runs: Vec<RunId>) -> Result<()> {
        let runtime = self.runtime(notebook);
        let Some(link) = runtime.link() else {
            runtime.check_reached()?;
            return Err(Error::conflict(
                "run.not_queued",
                "the cell no longer waits in the queue",
            ));
        };
        if link.words < 1 {
            // It could only be withdrawn, and that would interrupt a cell that has begun just now.
            return Err(Error::unavailable(
                "kernel.older",
                "this kernel was started by an older version of the studio, which cannot take one cell out of the queue; interrupt, or \
                 shut the kernel down and run again",
            ));
        }
        let why = format!("cancelled by {by} before it began");
        link.ask(Command::Cancel { runs, why }, ANSWER)
            .await
            .map(|_| ())
    }

    async fn interrupt(&self, notebook: &NotebookId) -> Result<()> {
        let runtime = self.runtime(notebook);
        let link = match runtime.link() {
            Some(link) => Some(link),
            None => {
                // Somebody may be about to start one.
                let _gate = runtime.gate.lock().await;
                runtime.link()
            }
        };
        match link {
            Some(link) => link.ask(Command::Interrupt, ANSWER).await.map(|_| ()),
            None => runtime.check_reached(),
        }
    }

    async fn restart(&self, notebook: &NotebookId) -> Result<()> {
        let runtime = self.runtime(notebook);
        let _gate = runtime.gate.lock().await;
        if let Some(link) = runtime.link() {
            let next = runtime.kernel_for(&link.args.kernel);
            let specs = self.shared.kernelspecs();
            if specs.choose(&next)?.name == link.args.kernel {
                return link.ask(Command::Restart, ANSWER).await.map(|_| ());
            }
            runtime.shut_down().await?;
        }
        runtime.ensure_link("").await.map(|_| ())
    }

    async fn shut_down(&self, notebook: &NotebookId) -> Result<()> {
        let runtime = self.runtime(notebook);
        let _gate = runtime.gate.lock().await;
        runtime.shut_down().await
    }

    async fn choose(&self, notebook: &NotebookId, kernel: &str) -> Result<KernelView> {
        let runtime = self.runtime(notebook);
        let name = self.shared.kernelspecs().choose(kernel)?.name.clone();
        runtime.choose(&name);
        Ok(runtime.view())
    }

    async fn input(&self, notebook: &NotebookId, cell: &CellId, text: &str) -> Result<()> {
        let runtime = self.runtime(notebook);
        let Some(link) = runtime.link() else {
            runtime.check_reached()?;
            return Err(Error::conflict(
                "run.not_asking",
                "this cell no longer waits for a line of text",
            ));
        };
        let answer = Command::Input {
            cell: cell.clone(),
            text: text.to_owned(),
        };
        link.ask(answer, ANSWER).await.map(|_| ())
    }

    async fn clear(
        &self,
        notebook: &NotebookId,
        (by, name): (String, String),
        cells: Vec<CellId>,
    ) -> Result<()> {
        let runtime = self.runtime(notebook);
        for cells in cells.chunks(CLEARED) {
            let (by, name, cells) = (by.clone(), name.clone(), cells.to_vec());
            if let Some(link) = runtime.link().filter(|link| link.words >= 1) {
                let order = Command::Clear {
                    by: by.clone(),
                    name: name.clone(),
                    cells: cells.clone(),
                };
                match link.ask(order, ANSWER).await {
                    Ok(_) => continue,
                    Err(error) if error.code() == link::GONE => {}
                    Err(error) => return Err(error),
                }
            }
            // Nothing more will come from there, or it does not know the word and what it says next is shown after this.
            let Some(first) = cells.first().cloned() else {
                continue;
            };
            let what = Happening::Cleared { by, name, cells };
            let draft = Draft::of_cells(first, moment::now(), what);
            runtime.append(vec![draft], None).await?;
        }
        Ok(())
    }

    async fn complete(&self, notebook: &NotebookId, code: &str, cursor: u32) -> Result<Value> {
        let content = json!({ "code": code, "cursor_pos": characters_before(code, cursor) });
        let mut reply = self.request(notebook, "complete_request", content).await?;
        for field in ["cursor_start", "cursor_end"] {
            if let Some(position) = reply[field].as_u64() {
                reply[field] = json!(units_before(code, position));
            }
        }
        Ok(reply)
    }

    async fn inspect(&self, notebook: &NotebookId, code: &str, cursor: u32) -> Result<Value> {
        let content = json!({ "code": code, "cursor_pos": characters_before(code, cursor), "detail_level": 0 });
        self.request(notebook, "inspect_request", content).await
    }
}

/// Kernels count characters (code points), editors UTF-16 units: the characters before a unit.
fn characters_before(code: &str, units: u32) -> u64 {
    let mut seen = 0;
    let mut characters = 0;
    for character in code.chars() {
        seen += character.len_utf16() as u64;
        if seen > u64::from(units) {
            break;
        }
        characters += 1;
    }
    characters
}

fn units_before(code: &str, characters: u64) -> u64 {
    let count = usize::try_from(characters).unwrap_or(usize::MAX);
    code.chars()
        .take(count)
        .map(|character| character.len_utf16() as u64)
        .sum()
}

fn run_id() -> Result<String> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Error::unavailable("kernel.random", error.to_string()))?;
    let milliseconds = u64::try_from(moment::now() / 1000).unwrap_or(0);
    let id = NotebookId::from_parts(milliseconds, u128::from_be_bytes(random));
    let digits = id.as_str().trim_start_matches(NotebookId::PREFIX);
    Ok(format!("run{digits}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_count_characters_for_the_kernel_and_units_for_the_editor() {
        let code = "a😀é.b";
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 6, 99].map(|units| characters_before(code, units)),
            [0, 1, 1, 2, 3, 4, 5, 5]
        );
        assert_eq!(
            [0, 1, 2, 3, 5, 99].map(|characters| units_before(code, characters)),
            [0, 1, 3, 4, 6, 6]
        );
    }

    #[test]
    fn run_ids_say_what_they_are() {
        let id = run_id().expect("id");
        assert!(id.starts_with("run_") && id.len() == 30, "{id}");
    }
}
