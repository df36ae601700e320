//! Kernels that misbehave: what cannot be trusted is dropped, and the rest goes on.

use std::path::Path;
use std::time::Duration;

use datalayer::{RunRequest, Runner};
use notebook::runs::{Happening, RunEvent, RunState, StreamName};
use notebook::wire::KernelState;

use crate::house::{House, cell_id, python};

/// A house whose default kernel is the misbehaving one.
async fn house(mode: &str, transport: &str) -> House {
    house_that_waits(mode, transport, 3).await
}

/// Its kernel may take so many seconds to answer.
pub async fn house_that_waits(mode: &str, transport: &str, seconds: u64) -> House {
    House::open_with(|config| {
        let folder = config.data.parent().expect("folder").join("fake");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fake_kernel.py");
        let kernel = folder.join("kernels/python3");
        std::fs::create_dir_all(&kernel).expect("folder");
        let spec = serde_json::json!({
            "argv": [python().join("bin/python"), script, "{connection_file}", mode],
            "display_name": "Misbehaving",
            "language": "orders",
            "metadata": {"datalayer": {"transport": transport}},
        });
        std::fs::write(kernel.join("kernel.json"), spec.to_string()).expect("kernelspec");
        config.python = None;
        config.kernel_paths = vec![folder];
        config.start = Duration::from_secs(seconds);
    })
    .await
}

#[tokio::test]
async fn messages_that_cannot_be_trusted_are_dropped_and_the_kernel_goes_on() {
    for transport in ["ipc", "tcp"] {
        let house = house("", transport).await;
        let orders = "forge\ncut\nprint one\nswap\nnojson\nprint two\nreplay\nprint three\nhuge 210000000\nprint four";
        let run = house.execute("a", orders).await;
        assert_eq!(
            (run.state, run.stdout().as_str()),
            (RunState::Done, "one\ntwo\nonce\nthree\nfour\n")
        );
        house.close().await;
    }
}

#[tokio::test]
async fn a_run_whose_end_was_lost_on_its_way_ends_and_says_that_something_is_missing() {
    let house = house("", "ipc").await;
    let run = house.execute("a", "print one\nlose").await;
    assert_eq!(
        (run.state, run.stdout().as_str()),
        (RunState::Done, "one\n")
    );
    let told = run.text(StreamName::Stderr);
    assert!(told.contains("did not arrive"), "{told}");
    assert_eq!(house.execute("b", "print again").await.stdout(), "again\n");
    house.close().await;
}

#[tokio::test]
async fn three_bad_messages_in_a_row_mark_the_kernel_as_faulty() {
    let house = house("", "ipc").await;
    let run = house
        .execute("a", "print one\nforge\nforge\ncut\nprint two")
        .await;
    assert_eq!(run.state, RunState::Failed);
    let why = run.why.expect("a reason");
    assert!(
        why.starts_with("The kernel is faulty and was stopped: 3 messages in a row"),
        "{why}"
    );
    house
        .until_kernel("death", |view| {
            view.state == KernelState::Dead { why: why.clone() }
        })
        .await;
    assert_eq!(house.execute("b", "print again").await.stdout(), "again\n");
    house.close().await;
}

#[tokio::test]
async fn outputs_that_are_too_large_are_told_with_their_size_and_do_not_end_the_kernel() {
    let house = house("", "ipc").await;
    let orders = "huge 68000000\nhuge 68000000\nhuge 68000000\nprint end";
    let run = house.execute("a", orders).await;
    assert_eq!(
        (run.state, run.stdout().as_str()),
        (RunState::Done, "end\n")
    );
    let told = run.text(StreamName::Stderr);
    assert_eq!(told.lines().count(), 3);
    assert!(
        told.lines()
            .all(|line| line.starts_with("[an output of 68000") && line.contains("was dropped")),
        "{told}"
    );
    let notice = run.events.iter().rev().find_map(|what| match what {
        Happening::Truncated { bytes, .. } => Some(*bytes),
        _ => None,
    });
    assert!(notice.is_some_and(|bytes| bytes > 3 * 68_000_000));
    house.close().await;
}

#[tokio::test]
async fn a_run_that_prints_more_than_it_may_is_told_before_it_ends() {
    let mut house = house("", "ipc").await;
    house.config.limits.output = 1000;
    house.kill_studio().await;
    house.start().await;
    let gate = house.folder.path().join("gate");
    let orders = format!(
        "print one\nprint {}\nwait {}",
        "x".repeat(1000),
        gate.display()
    );
    house.run(&[("a", &orders)]).await.expect("queued");
    house
        .until_event("the notice", |event| {
            matches!(event.what, Happening::Truncated { bytes, blob: None } if bytes > 1000)
        })
        .await;
    std::fs::write(&gate, "").expect("gate");
    assert_eq!(house.finished("a").await.stdout(), "one\n");
    house.close().await;
}

#[tokio::test]
async fn a_kernel_that_does_not_say_it_took_a_cell_up_is_interrupted_all_the_same() {
    let house = house("", "ipc").await;
    house
        .run(&[("a", "hold\nprint out"), ("b", "print never")])
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
    assert_eq!(house.finished("a").await.stdout(), "out\n");
    assert_eq!(house.finished("b").await.state, RunState::Interrupted);
    house.close().await;
}

#[tokio::test]
async fn a_run_that_goes_on_is_folded_and_an_unreadable_log_repeats_nothing() {
    let mut house = house("", "ipc").await;
    house.execute("a", "print one").await;
    let gate = house.folder.path().join("gate");
    house.ledger.fail_loads(1);
    let orders = format!(
        "displays 2500\nprint first\nwait {gate}\ndisplays 2500\nprint last\nwait {gate}.end",
        gate = gate.display()
    );
    house.run(&[("b", &orders)]).await.expect("queued");
    let said = |word: &'static str| move |event: &RunEvent| matches!(&event.what, Happening::Stream { text, .. } if text == word);
    house.until_event("the first half", said("first\n")).await;
    std::fs::write(&gate, "").expect("gate");
    house.until_event("the second half", said("last\n")).await;
    let folded = house.ledger.fold(&house.notebook).expect("a fold");
    let cell = &folded.cells[&cell_id("b")];
    assert_eq!(cell.state, Some(RunState::Running));
    house.kill_studio().await;
    house.start().await;
    std::fs::write(gate.with_extension("end"), "").expect("gate");
    let run = house.finished("b").await;
    assert_eq!(run.outputs().len(), 5000);
    assert_eq!(run.state, RunState::Done);
    house.close().await;
}

#[tokio::test]
async fn output_that_idle_overtakes_is_not_lost() {
    let house = house("", "ipc").await;
    let run = house.execute("a", "print one\nlate two\nlate three").await;
    assert_eq!(run.stdout(), "one\ntwo\nthree\n");
    house.close().await;
}

#[tokio::test]
async fn a_kernel_that_never_answers_fails_with_what_it_said() {
    let house = house("silent", "ipc").await;
    let run = house.execute("a", "print one").await;
    assert_eq!(run.state, RunState::Failed);
    let why = run.why.expect("a reason");
    assert!(
        why.starts_with("The kernel did not answer within 3 seconds."),
        "{why}"
    );
    assert!(why.contains("I will never answer"), "{why}");
    house.close().await;
}

#[tokio::test]
async fn a_kernel_that_ends_while_starting_fails_with_what_it_said() {
    let house = house("broken", "tcp").await;
    let run = house.execute("a", "print one").await;
    let why = run.why.expect("a reason");
    assert!(
        why.contains("did not start")
            && why.contains("exit code 7")
            && why.contains("no module named nothing"),
        "{why}"
    );
    house.close().await;
}

#[tokio::test]
async fn a_flood_of_outputs_without_text_ends_with_a_notice() {
    let house = house("", "ipc").await;
    let run = house.execute("a", "displays 10200\nprint end").await;
    assert_eq!(
        (run.state, run.stdout().as_str()),
        (RunState::Done, "end\n")
    );
    let shown = run.outputs().len();
    assert!((9_990..=10_000).contains(&shown), "{shown}");
    let notice = run
        .events
        .iter()
        .rfind(|what| matches!(what, Happening::Truncated { .. }));
    assert!(
        matches!(notice, Some(Happening::Truncated { bytes, blob: None }) if *bytes > 0),
        "{notice:?}"
    );
    house.close().await;
}

#[tokio::test]
async fn a_kernel_without_subshells_is_not_asked_while_a_cell_runs() {
    let house = house("", "ipc").await;
    let gate = house.folder.path().join("gate");
    let orders = format!("print in\nwait {}\nprint out", gate.display());
    house.run(&[("a", &orders)]).await.expect("queued");
    house
        .until_event("the wait", |event| {
            matches!(event.what, Happening::Stream { .. })
        })
        .await;
    let refused = house
        .gateway()
        .complete(&house.notebook, "pri", 3)
        .await
        .expect_err("it is busy");
    assert_eq!(
        (refused.code().as_str(), refused.to_string().as_str()),
        (
            "kernel.busy",
            "the kernel is busy with a cell; ask again when it has ended"
        )
    );
    std::fs::write(&gate, "").expect("gate");
    assert_eq!(house.finished("a").await.stdout(), "in\nout\n");
    house.close().await;
}

#[tokio::test]
async fn an_unknown_kernel_and_a_missing_interpreter_are_refused_by_name() {
    let mut house = house("", "ipc").await;
    let error = house
        .gateway()
        .run(ask(&house, "cobol"))
        .await
        .expect_err("unknown");
    assert_eq!(
        (error.code().as_str(), error.status()),
        ("kernel.unknown", 422)
    );
    assert!(
        error.to_string().contains("python3 (Misbehaving)"),
        "{error}"
    );
    assert!(house.ledger.events(&house.notebook).is_empty());

    let other = house.config.kernel_paths[0].join("kernels/gone");
    std::fs::create_dir_all(&other).expect("folder");
    std::fs::write(
        other.join("kernel.json"),
        r#"{"argv": ["/nowhere/bin/python", "{connection_file}"]}"#,
    )
    .expect("kernelspec");
    house.kill_studio().await;
    house.start().await;
    let error = house
        .gateway()
        .run(ask(&house, "gone"))
        .await
        .expect_err("missing");
    assert!(error.to_string().contains("/nowhere/bin/python"), "{error}");
    assert!(house.kernel_folders().is_empty());
    house.close().await;
}

fn ask(house: &House, kernel: &str) -> RunRequest {
    RunRequest {
        notebook: house.notebook.clone(),
        by: ("user_a".into(), "Ada".into()),
        cells: vec![(cell_id("a"), "1".into())],
        kernel: kernel.into(),
    }
}
