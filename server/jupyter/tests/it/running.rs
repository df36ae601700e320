//! Running cells in a real Python.

use std::time::{Duration, Instant};

use datalayer::{KernelActivity, Runner};
use notebook::runs::{Happening, Output, RunState, StreamName};
use notebook::wire::KernelState;
use serde_json::Value;

use crate::house::{House, PATIENCE, cell_id};

#[tokio::test]
async fn a_print_is_in_the_log_before_the_cell_is_done() {
    let house = House::open().await;
    let run = house.execute("a", "print(1)").await;
    assert_eq!((run.state, run.stdout().as_str()), (RunState::Done, "1\n"));
    assert!(matches!(run.events.first(), Some(Happening::Queued { name, .. }) if name == "Ada"));
    assert_eq!(
        run.events[1..3],
        [Happening::Started, Happening::ExecutionCount { count: 1 }]
    );
    assert_eq!(house.heard(), house.ledger.events(&house.notebook));
    house.close().await;
}

#[tokio::test]
async fn results_errors_and_both_streams_come_as_they_are() {
    let house = House::open().await;
    let run = house
        .execute(
            "a",
            "import sys\nprint('out')\nprint('err', file=sys.stderr)\n6 * 7",
        )
        .await;
    assert_eq!(
        (run.stdout().as_str(), run.text(StreamName::Stderr).as_str()),
        ("out\n", "err\n")
    );
    assert!(
        matches!(&run.outputs()[0], Output::ExecuteResult { data, execution_count: Some(1), .. } if data["text/plain"] == "42")
    );

    let run = house.execute("b", "def f(): return 1 / 0\nf()").await;
    assert_eq!((run.state, run.why), (RunState::Failed, None));
    let [
        Output::Error {
            ename,
            evalue,
            traceback,
        },
    ] = &run
        .events
        .iter()
        .filter_map(|what| match what {
            Happening::Output { output } => Some(output.clone()),
            _ => None,
        })
        .collect::<Vec<_>>()[..]
    else {
        panic!("one error")
    };
    assert_eq!(
        (ename.as_str(), evalue.as_str()),
        ("ZeroDivisionError", "division by zero")
    );
    assert!(traceback.len() > 1);
    house.close().await;
}

#[tokio::test]
async fn displays_are_updated_and_cleared() {
    let house = House::open().await;
    let source = "from IPython.display import display, clear_output\n\
                  h = display('one', display_id='d')\nh.update('two')\nclear_output()\nprint('after')";
    let run = house.execute("a", source).await;
    assert_eq!(run.stdout(), "after\n");
    assert!(run.events.contains(&Happening::Clear { wait: false }));
    let runs = notebook_runs(&house).await;
    let shown = &runs.cells[&cell_id("a")].outputs;
    assert!(
        matches!(&shown[..], [Output::Stream { text, .. }] if text == "after\n"),
        "{shown:?}"
    );

    let run = house
        .execute("b", "h = display('one', display_id='e')\nh.update('two')")
        .await;
    assert_eq!(run.state, RunState::Done);
    let runs = notebook_runs(&house).await;
    assert!(
        matches!(&runs.cells[&cell_id("b")].outputs[0], Output::DisplayData { data, .. } if data["text/plain"] == "'two'")
    );
    house.close().await;
}

#[tokio::test]
async fn a_progress_line_ends_as_a_terminal_would_show_it() {
    let house = House::open().await;
    let source = "import sys\nfor i in range(200):\n    sys.stdout.write(f'\\r{i:3d}%')\n    sys.stdout.flush()\nprint()";
    house.execute("a", source).await;
    let runs = notebook_runs(&house).await;
    let shown = &runs.cells[&cell_id("a")].outputs;
    assert!(
        matches!(&shown[..], [Output::Stream { text, .. }] if text == "199%\n"),
        "{shown:?}"
    );
    house.close().await;
}

#[tokio::test]
async fn images_and_long_values_are_kept_as_blobs() {
    let house = House::open().await;
    let source = "from IPython.display import display\n\
                  display({'image/png': 'aGVsbG8=', 'text/plain': 'x'}, raw=True)\n\
                  display({'text/html': 'y' * 100_000}, raw=True)";
    let run = house.execute("a", source).await;
    let [
        Output::DisplayData { data: image, .. },
        Output::DisplayData { data: page, .. },
    ] = &run.outputs()[..]
    else {
        panic!("two displays, not {:?}", run.events)
    };
    assert_eq!(
        (&image["text/plain"], &image["image/png"]["bytes"]),
        (&"x".into(), &5.into())
    );
    let stored = |value: &serde_json::Value| {
        house
            .ledger
            .blob(value["blob"].as_str().expect("a hash"))
            .expect("kept")
    };
    assert_eq!(stored(&image["image/png"]), "hello");
    assert_eq!(stored(&page["text/html"]), "y".repeat(100_000));
    house.close().await;
}

#[tokio::test]
async fn input_is_asked_for_and_the_first_answer_counts() {
    let house = House::open().await;
    house
        .run(&[("a", "name = input('Your name? ')\nprint('Hello', name)")])
        .await
        .expect("queued");
    let asked = house
        .until_event("the question", |event| {
            matches!(event.what, Happening::AskInput { .. })
        })
        .await;
    assert_eq!(
        asked.what,
        Happening::AskInput {
            prompt: "Your name? ".into(),
            password: false
        }
    );
    let wrong = house
        .gateway()
        .input(&house.notebook, &cell_id("b"), "Eve")
        .await
        .expect_err("not asking");
    assert_eq!(wrong.code(), "run.not_asking");
    house
        .gateway()
        .input(&house.notebook, &cell_id("a"), "Ada")
        .await
        .expect("taken");
    let late = house
        .gateway()
        .input(&house.notebook, &cell_id("a"), "Bob")
        .await
        .expect_err("answered");
    assert_eq!(late.code(), "run.not_asking");
    let run = house.finished("a").await;
    assert!(run.events.contains(&Happening::InputGiven));
    assert_eq!(run.stdout(), "Your name? Ada\nHello Ada\n");

    house
        .run(&[(
            "b",
            "import getpass\nprint(len(getpass.getpass('Secret: ')))",
        )])
        .await
        .expect("queued");
    house
        .until_event("the password", |event| {
            matches!(event.what, Happening::AskInput { password: true, .. })
        })
        .await;
    house
        .gateway()
        .input(&house.notebook, &cell_id("b"), "swordfish")
        .await
        .expect("taken");
    let run = house.finished("b").await;
    assert_eq!(run.stdout(), "Secret: ········\n9\n");
    house.close().await;
}

#[tokio::test]
async fn an_endless_loop_is_interrupted_and_those_behind_it_are_dropped() {
    let house = House::open().await;
    house
        .run(&[
            ("a", "print('in', flush=True)\nwhile True: pass"),
            ("b", "print(2)"),
        ])
        .await
        .expect("queued");
    house
        .until_event("the loop", |event| {
            matches!(&event.what, Happening::Stream { .. })
        })
        .await;
    house
        .gateway()
        .interrupt(&house.notebook)
        .await
        .expect("interrupted");
    let run = house.finished("a").await;
    assert_eq!(
        (run.state, run.why.as_deref()),
        (RunState::Interrupted, Some("interrupted"))
    );
    assert!(
        matches!(run.outputs().last(), Some(Output::Error { ename, .. }) if ename == "KeyboardInterrupt")
    );
    let behind = house.finished("b").await;
    assert_eq!(
        (behind.state, behind.why.as_deref()),
        (RunState::Interrupted, Some("interrupted"))
    );
    assert!(!behind.events.contains(&Happening::Started));
    assert_eq!(house.execute("c", "print(3)").await.stdout(), "3\n");
    house.close().await;
}

#[tokio::test]
async fn an_interrupt_right_after_the_run_is_not_lost() {
    let house = House::open().await;
    house
        .run(&[("a", "while True: pass")])
        .await
        .expect("queued");
    house
        .until_event("the start", |event| event.what == Happening::Started)
        .await;
    house
        .gateway()
        .interrupt(&house.notebook)
        .await
        .expect("interrupted");
    assert_eq!(house.finished("a").await.state, RunState::Interrupted);
    house.close().await;
}

#[tokio::test]
async fn a_restart_forgets_the_names_and_ends_what_ran() {
    let house = House::open().await;
    house.execute("a", "x = 1").await;
    house
        .run(&[
            (
                "b",
                "print('in', flush=True)\nimport time\ntime.sleep(1000)",
            ),
            ("c", "1"),
        ])
        .await
        .expect("queued");
    house
        .until_event("the sleeper", |event| {
            event.cell.as_str() == "b" && matches!(event.what, Happening::Stream { .. })
        })
        .await;
    house
        .gateway()
        .restart(&house.notebook)
        .await
        .expect("restarted");
    let run = house.finished("b").await;
    assert_eq!(
        (run.state, run.why.as_deref()),
        (
            RunState::Interrupted,
            Some("stopped: the kernel was restarted")
        )
    );
    assert_eq!(house.finished("c").await.state, RunState::Interrupted);
    let run = house.execute("d", "x").await;
    assert!(
        matches!(run.outputs().first(), Some(Output::Error { ename, .. }) if ename == "NameError")
    );
    assert!(house.kernel_states().contains(&KernelState::Restarting));
    house.close().await;
}

#[tokio::test]
async fn cells_run_in_order_and_stop_at_the_first_error() {
    let house = House::open().await;
    house
        .run(&[
            ("a", "order = ['a']"),
            ("b", "order.append('b')"),
            ("c", "print(order)\n1/0"),
            ("d", "print('never')"),
            ("e", "1"),
        ])
        .await
        .expect("queued");
    let last = house.finished("e").await;
    assert_eq!(
        (last.state, last.why.as_deref()),
        (
            RunState::Interrupted,
            Some("stopped: an earlier cell failed")
        )
    );
    assert_eq!(house.finished("c").await.stdout(), "['a', 'b']\n");
    assert_eq!(house.finished("c").await.state, RunState::Failed);
    assert_eq!(house.finished("d").await.state, RunState::Interrupted);
    let view = house
        .until_kernel("idleness", |view| view.state == KernelState::Idle)
        .await;
    assert_eq!(
        (view.queued, view.name.as_str(), view.language.as_str()),
        (0, "python3", "python")
    );
    house.close().await;
}

#[tokio::test]
async fn completion_and_inspection_count_as_the_editor_does() {
    let house = House::open().await;
    house.execute("a", "value_of_ada = 7").await;
    let code = "s = '😀é'; value_of_a";
    let cursor = code.encode_utf16().count() as u32;
    let reply = completed(&house, code, cursor).await;
    assert_eq!(reply["matches"][0], "value_of_ada");
    assert_eq!(
        (reply["cursor_start"].as_u64(), reply["cursor_end"].as_u64()),
        (Some(u64::from(cursor) - 10), Some(cursor.into()))
    );
    let reply = house
        .gateway()
        .inspect(&house.notebook, "print", 3)
        .await
        .expect("inspected");
    assert_eq!(reply["found"], true);
    assert!(
        reply["data"]["text/plain"]
            .as_str()
            .expect("text")
            .contains("Prints the values")
    );
    house.close().await;
}

/// A kernel that completes for the first time reads half its library: on a machine with too much to do it is asked again.
async fn completed(house: &House, code: &str, cursor: u32) -> Value {
    let begun = Instant::now();
    loop {
        match house
            .gateway()
            .complete(&house.notebook, code, cursor)
            .await
        {
            Ok(reply) => return reply,
            Err(error) => assert!(
                error.code() == "kernel.busy" && begun.elapsed() < 2 * PATIENCE,
                "{error}"
            ),
        }
    }
}

#[tokio::test]
async fn completion_and_inspection_answer_while_a_cell_runs() {
    let house = House::open().await;
    house.execute("a", "value_of_ada = 7").await;
    let gate = house.folder.path().join("gate");
    let source = format!(
        "import os, time\nlines = 0\nwhile not os.path.exists({gate:?}):\n    print(lines, flush=True)\n    lines += 1\n    \
         time.sleep(0.002)\nprint('end')"
    );
    house.run(&[("b", &source)]).await.expect("queued");
    house
        .until_event("the loop", |event| {
            event.cell.as_str() == "b" && matches!(event.what, Happening::Stream { .. })
        })
        .await;
    for _ in 0..3 {
        let reply = completed(&house, "value_of_a", 10).await;
        assert_eq!(reply["matches"][0], "value_of_ada");
        let reply = house
            .gateway()
            .inspect(&house.notebook, "value_of_ada", 12)
            .await
            .expect("inspected");
        assert_eq!(reply["found"], true);
    }
    // The loop was not over before it was asked, and all it printed is still its own.
    assert!(house.until_kernel("a kernel", |_| true).await.state == KernelState::Busy);
    std::fs::write(&gate, "").expect("gate");
    let run = house.finished("b").await;
    assert_eq!(run.state, RunState::Done);
    let lines: Vec<String> = run.stdout().lines().map(str::to_owned).collect();
    let count = lines.len() - 1;
    assert_eq!(lines.last().map(String::as_str), Some("end"));
    assert_eq!(
        lines[..count],
        (0..count).map(|at| at.to_string()).collect::<Vec<_>>()
    );

    // The next kernel has subshells of its own.
    house
        .gateway()
        .restart(&house.notebook)
        .await
        .expect("restarted");
    house.execute("a", "value_of_eve = 8").await;
    house
        .run(&[(
            "c",
            "print('in', flush=True)\ntime = __import__('time')\ntime.sleep(1000)",
        )])
        .await
        .expect("queued");
    house
        .until_event("the sleeper", |event| {
            event.cell.as_str() == "c" && matches!(event.what, Happening::Stream { .. })
        })
        .await;
    let reply = completed(&house, "value_of_e", 10).await;
    assert_eq!(reply["matches"][0], "value_of_eve");
    house.close().await;
}

#[tokio::test]
async fn a_kernel_has_its_own_folder_and_no_secret_of_the_studio() {
    let house = House::open().await;
    let run = house.execute("a", "import os\nprint(os.getcwd())\nprint('DATALAYER_SECRET' in os.environ, [v for v in os.environ.values() if 'swordfish' in v])").await;
    let folder = house.config.workspaces.join(house.notebook.as_str());
    assert_eq!(run.stdout(), format!("{}\nFalse []\n", folder.display()));
    house.close().await;
}

#[tokio::test]
async fn memory_of_the_kernel_and_what_it_started_is_told() {
    let house = House::open().await;
    assert!(house.gateway().kernels().is_empty(), "none is up yet");
    house
        .run(&[(
            "a",
            "import time\nblock = b'x' * 80_000_000\ntime.sleep(1000)",
        )])
        .await
        .expect("queued");
    house
        .until_kernel("memory", |view| view.memory > 100_000_000)
        .await;
    // The studio is told the same of all kernels at once.
    let kernels = house.gateway().kernels();
    let [kernel] = &kernels[..] else {
        panic!("one kernel: {kernels:?}")
    };
    assert_eq!(
        (&kernel.notebook, kernel.activity),
        (&house.notebook, KernelActivity::Busy)
    );
    assert!(kernel.memory > 100_000_000);
    house
        .gateway()
        .interrupt(&house.notebook)
        .await
        .expect("interrupted");
    house.finished("a").await;
    house.close().await;
}

#[tokio::test]
async fn a_chosen_kernel_must_exist() {
    let house = House::open().await;
    let error = house
        .gateway()
        .choose(&house.notebook, "cobol")
        .await
        .expect_err("unknown");
    assert_eq!(
        (error.code().as_str(), error.status()),
        ("kernel.unknown", 422)
    );
    assert!(error.to_string().contains("python3"), "{error}");
    let view = house
        .gateway()
        .choose(&house.notebook, "python3")
        .await
        .expect("known");
    assert_eq!(
        (view.name.as_str(), &view.state),
        ("python3", &KernelState::Off)
    );
    assert!(house.kernel_folders().is_empty());
    house.close().await;
}

#[tokio::test]
async fn a_kernel_is_shown_as_the_one_that_was_chosen_before_the_studio_was_restarted() {
    let specs = tempfile::tempdir().expect("folder");
    let spec = specs.path().join("kernels/second");
    std::fs::create_dir_all(&spec).expect("made");
    let text = r#"{"argv": ["python3", "{connection_file}"], "display_name": "Second", "language": "other"}"#;
    std::fs::write(spec.join("kernel.json"), text).expect("written");
    let mut house =
        House::open_with(|config| config.kernel_paths = vec![specs.path().to_owned()]).await;
    for (chosen, name, title) in [
        ("", "python3", "Python 3"),
        ("second", "second", "Second"),
        ("gone", "gone", "gone"),
    ] {
        house.kill_studio().await;
        house.kernel = chosen.into();
        house.start().await;
        let view = house.until_kernel("a kernel", |_| true).await;
        assert_eq!(view.name, name);
        assert!(view.title.starts_with(title), "{}", view.title);
        for name in ["python3", "second"] {
            assert!(
                view.choices.iter().any(|(choice, _)| choice == name),
                "{name}"
            );
        }
    }
    house.close().await;
}

#[tokio::test]
async fn an_idle_kernel_nobody_looks_at_is_culled_and_a_running_one_is_not() {
    let house = House::open_with(|config| config.cull = Some(Duration::from_secs(1))).await;
    house.gateway().deafen(&house.notebook).await;
    house
        .run(&[("a", "import time\ntime.sleep(6)\nprint('still here')")])
        .await
        .expect("queued");
    let log = || house.ledger.events(&house.notebook);
    wait_until("the kernel's end", || house.kernel_folders().is_empty()).await;
    assert!(log().iter().any(
        |event| matches!(&event.what, Happening::Stream { text, .. } if text == "still here\n")
    ));
    assert!(log().iter().any(|event| matches!(
        event.what,
        Happening::Ended {
            state: RunState::Done,
            ..
        }
    )));
    house.listen().await;
    house.close().await;
}

pub async fn wait_until(what: &str, ready: impl Fn() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let looking = async {
        while !ready() {
            look.tick().await;
        }
    };
    tokio::time::timeout(crate::house::PATIENCE, looking)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come"));
}

pub async fn notebook_runs(house: &House) -> notebook::runs::Runs {
    use datalayer::RunLedger;
    house.ledger.load(&house.notebook).await.expect("loaded")
}
