//! Running code: a real kernel behind a real studio, as tabs meet it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use notebook::CellId;
use notebook::runs::{CellRun, Output, RunState, Runs, StreamName};
use notebook::wire::{Hear, KernelState, KernelView, RunsState, ToClient};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::sockets::{self, Socket};
use crate::studio::{Person, Studio};

/// A kernel starts within seconds, on a machine with too much to do within many.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test]
async fn what_a_cell_says_and_asks_is_seen_by_everyone_and_answered_by_who_may_run() {
    let (mut lab, ada) = Lab::open(&[
        ("sum", "print('adding')\n6 * 7"),
        ("name", "name = input('Who? ')\nprint('Hello', name)"),
        ("after", "name.upper()"),
    ])
    .await;
    let bob = lab.studio.person(&ada, "bob").await;
    let member = format!("/api/v1/spaces/{}/members/bob", lab.space);
    let role = json!({ "role": "viewer" });
    assert_eq!(ada.send(Method::PUT, &member, &role).await.status(), 200);
    let mut tab = lab.tab(&ada).await;
    let mut onlooker = lab.tab(&bob).await;
    assert_eq!(tab.kernel.state, KernelState::Off);
    assert_eq!(tab.kernel.name, "python3");

    tab.run(&["sum", "name", "after"]).await;
    let asking = onlooker
        .until("the question", |tab| {
            tab.cell("name").and_then(|cell| cell.asking.clone())
        })
        .await;
    assert_eq!((asking.prompt.as_str(), asking.password), ("Who? ", false));
    let sum = onlooker.over("sum").await;
    assert_eq!((sum.state, sum.count), (Some(RunState::Done), Some(1)));
    assert_eq!(sum.name.as_deref(), Some("Ada"));
    assert_eq!(stdout(&sum), "adding\n");
    assert_eq!(plain(&sum), "42");

    // Who may only look on is refused, and the cell goes on waiting.
    let answer = json!({ "say": "input", "cell": "name", "text": "Eve" });
    onlooker.say(answer).await;
    assert_eq!(onlooker.refusal().await.0, "run.not_allowed");
    tab.say(json!({ "say": "input", "cell": "name", "text": "Grace" }))
        .await;
    assert_eq!(
        stdout(&onlooker.over("name").await),
        "Who? Grace\nHello Grace\n"
    );
    assert_eq!(plain(&onlooker.over("after").await), "'GRACE'");
    onlooker
        .until("rest", |tab| {
            (tab.kernel.state == KernelState::Idle).then_some(())
        })
        .await;

    // Another tab that opens now sees all of it.
    let late = lab.tab(&ada).await;
    assert_eq!(late.runs.cells, onlooker.runs.cells);
    tab.shut_down().await;
}

#[tokio::test]
async fn a_loop_is_interrupted_an_error_stops_those_behind_it_and_a_restart_forgets() {
    let (mut lab, ada) = Lab::open(&[
        ("loop", "x = 1\nprint('in', flush=True)\nwhile True: pass"),
        ("behind", "print('never')"),
        ("fine", "x"),
        ("wrong", "y = 2\n1 / 0"),
    ])
    .await;
    let mut tab = lab.tab(&ada).await;
    tab.run(&["loop", "behind"]).await;
    tab.until("the loop", |tab| {
        (!stdout(tab.cell("loop")?).is_empty()).then_some(())
    })
    .await;
    tab.say(json!({ "say": "interrupt" })).await;
    let looped = tab.over("loop").await;
    assert_eq!(looped.state, Some(RunState::Interrupted));
    assert!(
        matches!(looped.outputs.last(), Some(Output::Error { ename, .. }) if ename == "KeyboardInterrupt")
    );
    let behind = tab.over("behind").await;
    assert_eq!(
        (behind.state, behind.outputs.len()),
        (Some(RunState::Interrupted), 0)
    );

    tab.run(&["fine", "wrong", "behind"]).await;
    assert_eq!(plain(&tab.over("fine").await), "1");
    let wrong = tab.over("wrong").await;
    assert_eq!(wrong.state, Some(RunState::Failed));
    assert!(
        matches!(wrong.outputs.last(), Some(Output::Error { ename, evalue, .. })
            if ename == "ZeroDivisionError" && evalue == "division by zero"),
        "{wrong:?}"
    );
    let behind = tab.over("behind").await;
    assert_eq!(
        behind.why.as_deref(),
        Some("stopped: an earlier cell failed")
    );

    tab.say(json!({ "say": "restart" })).await;
    tab.run(&["fine"]).await;
    let forgotten = tab.over("fine").await;
    assert_eq!(
        (forgotten.state, forgotten.count),
        (Some(RunState::Failed), Some(1))
    );
    assert!(
        matches!(forgotten.outputs.last(), Some(Output::Error { ename, .. }) if ename == "NameError")
    );
    tab.shut_down().await;
}

#[tokio::test]
async fn a_kernel_that_dies_is_told_with_its_cause_and_the_next_run_starts_another() {
    let (mut lab, ada) = Lab::open(&[
        ("exit", "import os\nos._exit(3)"),
        (
            "signal",
            "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
        ),
        ("next", "print('here')"),
    ])
    .await;
    let mut tab = lab.tab(&ada).await;
    for (cell, why) in [
        ("exit", "The kernel ended by itself with exit code 3."),
        (
            "signal",
            "The kernel was killed by signal 11 (segmentation fault).",
        ),
    ] {
        tab.run(&[cell, "next"]).await;
        let dead = tab.over(cell).await;
        assert_eq!(
            (dead.state, dead.why.as_deref()),
            (Some(RunState::Failed), Some(why))
        );
        let next = tab.over("next").await;
        assert_eq!(
            next.why.as_deref(),
            Some("stopped: the kernel ended before it came to this cell")
        );
        tab.until("the death", |tab| {
            (tab.kernel.state == KernelState::Dead { why: why.into() }).then_some(())
        })
        .await;
        tab.run(&["next"]).await;
        assert_eq!(stdout(&tab.over("next").await), "here\n");
    }

    tab.say(json!({ "say": "choose_kernel", "kernel": "cobol" }))
        .await;
    let (code, words) = tab.refusal().await;
    assert_eq!(code, "kernel.unknown");
    assert!(
        words.contains("“cobol”") && words.contains("python3"),
        "{words}"
    );
    tab.shut_down().await;
}

#[tokio::test]
async fn a_kernel_that_takes_more_than_its_memory_is_ended_and_the_limit_is_named() {
    let (mut lab, ada) = Lab::open_with(
        &["--kernel-memory", "300 MiB"],
        &[
            (
                "take",
                "held = b'x' * (600 * 1024 * 1024)\nimport time\ntime.sleep(60)",
            ),
            ("next", "print('here')"),
        ],
    )
    .await;
    let mut tab = lab.tab(&ada).await;
    tab.run(&["take"]).await;
    let dead = tab.over("take").await;
    assert_eq!(
        (dead.state, dead.why.as_deref()),
        (
            Some(RunState::Failed),
            Some("The kernel was killed (out of memory, limit 300 MiB).")
        )
    );
    tab.run(&["next"]).await;
    assert_eq!(stdout(&tab.over("next").await), "here\n");
    tab.shut_down().await;
}

#[tokio::test]
async fn a_cell_runs_on_while_the_studio_is_dead_and_its_output_is_there_afterwards() {
    let gate = tempfile::tempdir().unwrap();
    let open = gate.path().join("open");
    let (mut lab, ada) = Lab::open(&[
        (
            "long",
            &format!(
                "import os, time\nfor i in range(60): print('line', i, flush=True)\n\
                 while not os.path.exists({open:?}): time.sleep(0.01)\n\
                 for i in range(60, 120): print('line', i, flush=True)\n\
                 for i in range(101): print(f'\\r{{i}} %', end='', flush=True)\nprint()"
            ),
        ),
        ("behind", "print('and then')"),
    ])
    .await;
    let mut tab = lab.tab(&ada).await;
    tab.run(&["long", "behind"]).await;
    tab.until("half of it", |tab| {
        stdout(tab.cell("long")?)
            .contains("line 59\n")
            .then_some(())
    })
    .await;
    let seen = tab.runs.sequence;
    lab.kill_and_start_again();
    std::fs::write(&open, "").unwrap();
    let ada = lab.studio.sign_in("ada", crate::studio::PASSWORD).await;
    let mut tab = lab.tab(&ada).await;
    assert!(tab.runs.sequence >= seen, "what was told is there again");
    let long = tab.over("long").await;
    assert_eq!(long.state, Some(RunState::Done));
    let mut lines: String = (0..120).map(|i| format!("line {i}\n")).collect();
    // A progress bar is what a terminal would show of it.
    lines.push_str("100 %\n");
    assert_eq!(stdout(&long), lines);
    assert_eq!(stdout(&tab.over("behind").await), "and then\n");
    tab.shut_down().await;
}

#[tokio::test]
async fn a_long_output_is_cut_with_a_notice_and_whoever_may_read_downloads_it_whole() {
    let (mut lab, ada) = Lab::open(&[(
        "flood",
        "for i in range(30_000): print(f'{i:09d}', 'x' * 89)",
    )])
    .await;
    let mut tab = lab.tab(&ada).await;
    tab.run(&["flood"]).await;
    let flood = tab.over("flood").await;
    assert_eq!(flood.state, Some(RunState::Done));
    let (bytes, blob) = tab
        .until("the whole", |tab| {
            match tab.cell("flood")?.truncated.clone()? {
                (bytes, Some(blob)) => Some((bytes, blob)),
                _ => None,
            }
        })
        .await;
    let whole: String = (0..30_000)
        .map(|i| format!("{i:09} {}\n", "x".repeat(89)))
        .collect();
    let shown = stdout(tab.cell("flood").unwrap());
    assert!(whole.starts_with(&shown));
    assert_eq!(bytes, (whole.len() - shown.len()) as u64);
    let path = format!("/api/v1/notebooks/{}/blobs/{blob}", lab.notebook);
    let answer = ada.get(&path).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap() == whole);
    assert_eq!(lab.studio.stranger().get(&path).await.status(), 401);
    let eve = lab.studio.person(&ada, "eve").await;
    assert_eq!(eve.get(&path).await.status(), 404);
    tab.shut_down().await;
}

#[tokio::test]
async fn ten_thousand_updates_end_with_the_last_and_odd_values_are_kept() {
    let (mut lab, ada) = Lab::open(&[
        (
            "updates",
            "pub = get_ipython().display_pub\n\
             of = lambda i: dict(data={'text/plain': str(i)}, metadata={}, transient={'display_id': 'd'})\n\
             pub.publish(**of('begin'))\nfor i in range(10_001): pub.publish(**of(i), update=True)",
        ),
        (
            "odd",
            "print('before \\udcff after')\n\
             display({'application/json': {'x': float('nan'), 'y': [float('inf')]}}, raw=True)\n\
             print('and more')\nfloat('nan')",
        ),
    ])
    .await;
    let mut tab = lab.tab(&ada).await;
    tab.run(&["updates", "odd"]).await;
    let updates = tab.over("updates").await;
    assert_eq!(updates.state, Some(RunState::Done), "{:?}", updates.why);
    assert_eq!(plain(&updates), "10000");
    assert_eq!(updates.truncated, None);

    let odd = tab.over("odd").await;
    assert_eq!(odd.state, Some(RunState::Done), "{odd:?}");
    let text = stdout(&odd);
    assert!(
        text.contains("before ") && text.contains(" after\n") && text.ends_with("and more\n"),
        "{text:?}"
    );
    assert_eq!(plain(&odd), "nan");
    let answer = ada
        .get(&format!("/api/v1/notebooks/{}/export", lab.notebook))
        .await;
    assert_eq!(answer.status(), 200);
    let file: Value = answer.json().await.expect("JSON that anyone can read");
    assert_eq!(file["cells"][1]["outputs"][0]["output_type"], "stream");
    tab.shut_down().await;
}

#[tokio::test]
async fn outputs_are_cleared_for_everyone_and_stay_cleared_when_the_plug_is_pulled() {
    let (mut lab, ada) = Lab::open(&[("one", "print(1)\n1"), ("two", "print(2)\n2")]).await;
    let bob = lab.studio.person(&ada, "bob").await;
    let member = format!("/api/v1/spaces/{}/members/bob", lab.space);
    let role = json!({ "role": "viewer" });
    assert_eq!(ada.send(Method::PUT, &member, &role).await.status(), 200);
    let mut tab = lab.tab(&ada).await;
    let mut onlooker = lab.tab(&bob).await;
    tab.run(&["one", "two"]).await;
    onlooker.over("two").await;
    let clear = json!({ "say": "clear_outputs", "cells": ["one"] });
    onlooker.say(clear.clone()).await;
    assert_eq!(onlooker.refusal().await.0, "run.not_allowed");
    tab.say(clear).await;
    onlooker
        .until("the clearing", |tab| {
            tab.cell("one")?.state.is_none().then_some(())
        })
        .await;
    assert_eq!(stdout(onlooker.cell("two").unwrap()), "2\n");
    let path = format!("/api/v1/notebooks/{}/export", lab.notebook);
    let file: Value = ada.get(&path).await.json().await.unwrap();
    let of = |cell: usize| {
        let cell = &file["cells"][cell];
        (cell["outputs"].clone(), cell["execution_count"].clone())
    };
    assert_eq!(of(0), (json!([]), Value::Null));
    assert_eq!(of(1).1, json!(2));
    lab.kill_and_start_again();
    let mut tab = lab.tab(&ada).await;
    let one = tab.cell("one").unwrap();
    assert!(one.outputs.is_empty() && one.count.is_none(), "{one:?}");

    // And all of it with a restart, also of what runs.
    tab.run(&["two"]).await;
    tab.over("two").await;
    tab.say(json!({ "say": "restart" })).await;
    tab.say(json!({ "say": "clear_outputs" })).await;
    tab.until("the clearing", |tab| {
        tab.cell("two")?.state.is_none().then_some(())
    })
    .await;
    let nothing = |cell: &CellRun| cell.outputs.is_empty() && cell.why.is_none();
    assert!(tab.runs.cells.values().all(nothing), "{:?}", tab.runs);
    tab.shut_down().await;
}

#[tokio::test]
async fn a_cell_that_waits_is_taken_out_of_the_queue_and_what_began_goes_on() {
    let (mut lab, ada) = Lab::open(&[
        ("slow", "print('in', flush=True)\n_ = input()\nprint('out')"),
        ("next", "print('next')"),
        ("last", "print('last')"),
    ])
    .await;
    let mut tab = lab.tab(&ada).await;
    tab.run(&["slow", "next", "last"]).await;
    tab.until("the question", |tab| tab.cell("slow")?.asking.clone())
        .await;
    let runs = |tab: &Tab, cells: &[&str]| -> Vec<String> {
        let run = |cell: &&str| tab.cell(cell).unwrap().run.clone().unwrap();
        cells.iter().map(run).collect()
    };
    let cancel = json!({ "say": "cancel", "runs": runs(&tab, &["next", "slow"]) });
    tab.say(cancel).await;
    assert_eq!(tab.refusal().await.0, "run.begun");
    let next = tab.over("next").await;
    assert_eq!(
        (next.state, next.why.as_deref()),
        (
            Some(RunState::Cancelled),
            Some("cancelled by Ada before it began")
        )
    );
    tab.say(json!({ "say": "input", "cell": "slow", "text": "" }))
        .await;
    assert!(stdout(&tab.over("slow").await).ends_with("out\n"));
    assert_eq!(stdout(&tab.over("last").await), "last\n");
    let cancel = json!({ "say": "cancel", "runs": runs(&tab, &["last"]) });
    tab.say(cancel).await;
    assert_eq!(tab.refusal().await.0, "run.not_queued");
    tab.shut_down().await;
}

#[tokio::test]
async fn outputs_are_cleared_where_code_does_not_run() {
    let outputs = json!([{ "output_type": "stream", "name": "stdout", "text": "from the file" }]);
    let (mut lab, ada) =
        Lab::open_in(Studio::start(), &[("one", "1"), ("two", "2")], &outputs).await;
    let mut tab = lab.tab(&ada).await;
    assert_eq!(stdout(tab.cell("one").unwrap()), "from the file");
    tab.say(json!({ "say": "clear_outputs", "cells": ["one"] }))
        .await;
    tab.until("the clearing", |tab| {
        tab.cell("one")?.outputs.is_empty().then_some(())
    })
    .await;
    tab.say(json!({ "say": "clear_outputs" })).await;
    tab.until("the rest", |tab| {
        tab.cell("two")?.outputs.is_empty().then_some(())
    })
    .await;
    assert_eq!(tab.runs.cells, lab.tab(&ada).await.runs.cells);
    tab.say(json!({ "say": "cancel", "runs": ["run_1"] })).await;
    assert_eq!(tab.refusal().await.0, "kernels.off");
}

/// A studio with kernels, and one notebook in it.
struct Lab {
    studio: Studio,
    space: String,
    notebook: String,
}

impl Lab {
    /// With these code cells: id and source. And Ada, who manages it.
    async fn open(cells: &[(&str, &str)]) -> (Self, Person) {
        Self::open_with(&[], cells).await
    }

    /// As [`Lab::open`], with more words for the studio's command line.
    async fn open_with(more: &[&str], cells: &[(&str, &str)]) -> (Self, Person) {
        let kernels = with_kernels();
        let studio = Studio::start_with(&[words(&kernels).as_slice(), more].concat());
        Self::open_in(studio, cells, &json!([])).await
    }

    /// Its cells have these outputs from the file they come from.
    async fn open_in(
        mut studio: Studio,
        cells: &[(&str, &str)],
        outputs: &Value,
    ) -> (Self, Person) {
        let ada = studio.ada().await;
        let space = ada.create("/api/v1/spaces", json!({ "name": "Lab" })).await;
        let space = space["id"].as_str().unwrap().to_owned();
        let cells: Vec<Value> = cells
            .iter()
            .map(|(id, source)| {
                json!({ "cell_type": "code", "id": id, "source": source, "metadata": {},
                    "execution_count": null, "outputs": outputs })
            })
            .collect();
        let file = json!({ "nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells });
        let path = format!("/api/v1/spaces/{space}/import?name=lab.ipynb");
        let answer = ada
            .post_bytes(&path, "application/octet-stream", file.to_string())
            .await;
        assert_eq!(answer.status(), 201);
        let imported: Value = answer.json().await.unwrap();
        let notebook = imported["notebook"]["id"].as_str().unwrap().to_owned();
        let lab = Self {
            studio,
            space,
            notebook,
        };
        (lab, ada)
    }

    async fn tab(&mut self, who: &Person) -> Tab {
        let mut socket = sockets::open(&self.studio, who).await;
        let joined = sockets::join(&mut socket, &self.notebook).await;
        let heard: ToClient = serde_json::from_value(joined).unwrap();
        let Hear::Joined(joined) = heard.hear else {
            panic!("no seat: {:?}", heard.hear);
        };
        let RunsState::Snapshot(runs) = joined.runs else {
            panic!("no runs were named");
        };
        Tab {
            socket,
            notebook: self.notebook.clone(),
            runs,
            kernel: joined.kernel,
            refusals: Vec::new(),
        }
    }

    /// The plug is pulled, and put in again.
    fn kill_and_start_again(&mut self) {
        self.studio.kill_and_start_again(&words(&with_kernels()));
    }
}

impl Drop for Lab {
    /// A test that failed leaves no kernel behind.
    fn drop(&mut self) {
        let folders = std::fs::read_dir(self.studio.folder().join("kernels"));
        for folder in folders.into_iter().flatten().flatten() {
            let noted = std::fs::read(folder.path().join("process.json")).unwrap_or_default();
            let noted: Value = serde_json::from_slice(&noted).unwrap_or_default();
            for process in ["supervisor", "pid"] {
                if noted[process].is_u64() {
                    // It may have ended by itself.
                    let _ = Command::new("kill")
                        .args(["-9", &noted[process].to_string()])
                        .status();
                }
            }
        }
    }
}

/// A tab in that notebook, with the runs as it shows them.
struct Tab {
    socket: Socket,
    notebook: String,
    runs: Runs,
    kernel: KernelView,
    refusals: Vec<(String, String)>,
}

impl Tab {
    async fn say(&mut self, mut what: Value) {
        what["notebook"] = json!(self.notebook);
        let frame = serde_json::to_vec(&what).unwrap();
        self.socket.send(Message::binary(frame)).await.unwrap();
    }

    /// Asks for these cells and waits until they are queued, so that no earlier run of theirs is taken for this one.
    async fn run(&mut self, cells: &[&str]) {
        let run_of = |tab: &Self, cell: &str| tab.cell(cell).and_then(|cell| cell.run.clone());
        let before: Vec<Option<String>> = cells.iter().map(|cell| run_of(self, cell)).collect();
        self.say(json!({ "say": "run", "cells": cells })).await;
        self.until("the queue", |tab| {
            let mut pairs = cells.iter().zip(&before);
            pairs
                .all(|(cell, before)| run_of(tab, cell) != *before)
                .then_some(())
        })
        .await;
    }

    fn cell(&self, id: &str) -> Option<&CellRun> {
        self.runs.cells.get(&CellId::new(id)?)
    }

    async fn over(&mut self, id: &str) -> CellRun {
        self.until(&format!("the end of {id}"), |tab| {
            tab.cell(id)
                .filter(|cell| cell.state.is_some_and(RunState::is_over))
                .cloned()
        })
        .await
    }

    async fn refusal(&mut self) -> (String, String) {
        self.until("a refusal", |tab| tab.refusals.pop()).await
    }

    async fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            match timeout(PATIENCE, self.socket.next()).await {
                Ok(Some(Ok(Message::Binary(frame)))) => {
                    let heard: ToClient = serde_json::from_slice(&frame).unwrap();
                    self.take(heard.hear);
                }
                Ok(Some(Ok(_))) => {}
                Ok(other) => panic!("{what} did not come, but {other:?}"),
                Err(_) => panic!("{what} did not come; {:?}, {:?}", self.kernel, self.runs),
            }
        }
    }

    fn take(&mut self, hear: Hear) {
        match hear {
            Hear::Run { event } => {
                assert_eq!(event.sequence, self.runs.sequence + 1, "a hole in the runs");
                self.runs.apply(&event);
            }
            Hear::Kernel { kernel } => self.kernel = kernel,
            Hear::Sorry { code, message } => self.refusals.push((code, message)),
            _ => {}
        }
    }

    async fn shut_down(&mut self) {
        self.say(json!({ "say": "shutdown" })).await;
        self.until("the kernel's end", |tab| {
            (tab.kernel.state == KernelState::Off).then_some(())
        })
        .await;
    }
}

fn stdout(cell: &CellRun) -> String {
    let texts = cell.outputs.iter().filter_map(|output| match output {
        Output::Stream {
            name: StreamName::Stdout,
            text,
        } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// The plain text of the last output.
fn plain(cell: &CellRun) -> &str {
    match cell.outputs.last() {
        Some(Output::DisplayData { data, .. } | Output::ExecuteResult { data, .. }) => {
            data["text/plain"].as_str().unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn with_kernels() -> Vec<String> {
    let python = std::env::var_os("DATALAYER_PYTHON").map_or_else(
        || {
            let home = std::env::var_os("HOME").expect("HOME is set");
            PathBuf::from(home).join(".cache/datalayer/python/bin/python")
        },
        PathBuf::from,
    );
    assert!(
        python.exists(),
        "there is no {}; `cargo xtask test` makes it",
        python.display()
    );
    let python = python.display().to_string();
    ["--kernels", "on", "--python", &python]
        .map(str::to_owned)
        .to_vec()
}

fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}
