//! Runs outlive the studio.

use std::collections::BTreeSet;

use notebook::runs::{Happening, Output, RunState};

use crate::house::{House, PATIENCE, hash, kill, signal};
use crate::running::wait_until;

#[tokio::test]
async fn what_a_cell_prints_while_the_studio_is_away_is_there_in_order_afterwards() {
    let mut house = House::open().await;
    let gate = house.folder.path().join("gate");
    let source = format!(
        "import os, time\nfor i in range(100): print('before', i, flush=True)\n\
         while not os.path.exists({gate:?}): time.sleep(0.01)\n\
         for i in range(100): print('away', i, flush=True)\nopen({gate:?} + '.done', 'w')"
    );
    house
        .run(&[
            ("a", &source),
            ("b", "print('next')"),
            ("c", "1/0"),
            ("d", "print('never')"),
        ])
        .await
        .expect("queued");
    house
        .until_event("the first half", |event| matches!(&event.what, Happening::Stream { text, .. } if text.contains("before 9")))
        .await;
    house.kill_studio().await;
    std::fs::write(&gate, "").expect("gate");
    wait_until("the rest of the cell", || {
        gate.with_extension("done").exists()
    })
    .await;
    house.start().await;

    let run = house.finished("a").await;
    let expected: String = ["before", "away"]
        .iter()
        .flat_map(|word| (0..100).map(move |i| format!("{word} {i}\n")))
        .collect();
    assert_eq!((run.state, run.stdout()), (RunState::Done, expected));
    assert_eq!(house.finished("b").await.stdout(), "next\n");
    assert_eq!(house.finished("c").await.state, RunState::Failed);
    let last = house.finished("d").await;
    assert_eq!(
        (last.state, last.why.as_deref()),
        (
            RunState::Interrupted,
            Some("stopped: an earlier cell failed")
        )
    );
    assert_eq!(house.heard(), house.ledger.events(&house.notebook));
    assert_eq!(house.execute("e", "print(i)").await.stdout(), "99\n");
    house.close().await;
}

#[tokio::test]
async fn a_kernel_waits_for_a_supervisor_that_stands_still_and_nothing_of_it_is_lost() {
    let house = House::open().await;
    let gate = house.folder.path().join("gate");
    let far = house.folder.path().join("far");
    let source = format!(
        "import os, threading, time\n\
         pub, at = get_ipython().display_pub, 0\n\
         def watch():\n    \
             before = -1\n    \
             while before != at: before = at; time.sleep(0.5)\n    \
             open({far:?}, 'w').close()\n\
         print('ready', flush=True)\n\
         while not os.path.exists({gate:?}): time.sleep(0.01)\n\
         threading.Thread(target=watch).start()\n\
         for at in range(6000): pub.publish({{'text/plain': str(at), 'text/x-weight': 'x' * 2000}}, {{}})"
    );
    house.run(&[("a", &source)]).await.expect("queued");
    house
        .until_event(
            "the cell",
            |event| matches!(&event.what, Happening::Stream { text, .. } if text.contains("ready")),
        )
        .await;
    let supervisor = house.supervisor_pid();
    signal("-STOP", supervisor);
    std::fs::write(&gate, "").expect("gate");
    // Until it comes no further, or to its end: a publisher holds a thousand messages for a reader that does not read.
    wait_until("what the reader does not take", || far.exists()).await;
    signal("-CONT", supervisor);
    let run = house.finished("a").await;
    let shown: Vec<String> = run
        .outputs()
        .iter()
        .filter_map(|output| match output {
            Output::DisplayData { data, .. } => data["text/plain"].as_str().map(str::to_owned),
            _ => None,
        })
        .collect();
    let all: Vec<String> = (0..6000).map(|i| i.to_string()).collect();
    assert_eq!(run.state, RunState::Done, "{:?}", run.why);
    assert!(shown == all, "{} of {} came", shown.len(), all.len());
    house.close().await;
}

#[tokio::test]
async fn a_studio_killed_again_and_again_loses_and_repeats_nothing() {
    let mut house = House::open().await;
    let source = "import time\nfor i in range(400):\n    print(f'line {i}', flush=True)\n    time.sleep(0.005)";
    house.run(&[("a", source)]).await.expect("queued");
    for stop in [20, 90, 170, 250, 330] {
        let wanted = format!("line {stop}\n");
        house
            .until_event(&wanted, |event| matches!(&event.what, Happening::Stream { text, .. } if text.contains(&wanted)))
            .await;
        house.kill_studio().await;
        house.start().await;
    }
    let run = house.finished("a").await;
    assert_eq!(
        run.stdout(),
        (0..400).map(|i| format!("line {i}\n")).collect::<String>()
    );
    house.close().await;
}

#[tokio::test]
async fn a_cell_that_was_queued_several_times_is_followed_to_the_end_by_the_next_studio() {
    let mut house = House::open().await;
    let gate = house.folder.path().join("gate");
    let source = format!(
        "import os, time\nprint('in', flush=True)\nwhile not os.path.exists({gate:?}): time.sleep(0.01)\nprint('out')"
    );
    house.run(&[("a", &source)]).await.expect("queued");
    house
        .until_event("the first run", |event| {
            matches!(event.what, Happening::Stream { .. })
        })
        .await;
    house
        .run(&[
            ("a", "print('second')"),
            ("b", "1/0"),
            ("a", "print('never')"),
        ])
        .await
        .expect("queued");
    house.kill_studio().await;
    house.start().await;
    std::fs::write(&gate, "").expect("gate");
    // The last run of the cell is withdrawn, because the one before it failed.
    assert_eq!(house.finished("a").await.state, RunState::Interrupted);
    let log = house.ledger.events(&house.notebook);
    let runs: BTreeSet<&str> = log
        .iter()
        .filter(|event| event.cell.as_str() == "a")
        .map(|event| event.run.as_str())
        .collect();
    assert_eq!(runs.len(), 3);
    for run in runs {
        let count = |matches: fn(&Happening) -> bool| {
            log.iter()
                .filter(|event| event.run == run && matches(&event.what))
                .count()
        };
        assert_eq!(count(|what| matches!(what, Happening::Queued { .. })), 1);
        assert_eq!(count(|what| matches!(what, Happening::Ended { .. })), 1);
    }
    house.close().await;
}

#[tokio::test]
async fn a_kernel_that_does_not_answer_does_not_hold_up_the_studio_and_is_not_lost() {
    let mut house = House::open().await;
    let gate = house.folder.path().join("gate");
    let source = format!(
        "import os, time\nprint('in', flush=True)\nwhile not os.path.exists({gate:?}): time.sleep(0.01)\nprint('out')"
    );
    house.run(&[("a", &source)]).await.expect("queued");
    house
        .until_event("the cell", |event| {
            matches!(event.what, Happening::Stream { .. })
        })
        .await;
    let supervisor = house.supervisor_pid();
    house.kill_studio().await;
    signal("-STOP", supervisor);
    tokio::time::timeout(PATIENCE / 2, house.start())
        .await
        .expect("the studio starts");
    let refused = house.run(&[("b", "1")]).await.expect_err("out of reach");
    assert_eq!(refused.code(), "kernel.unreached");
    assert!(refused.to_string().contains("keeps trying"), "{refused}");
    assert_eq!(
        house.kernel_folders().len(),
        1,
        "no other kernel is started"
    );
    signal("-CONT", supervisor);
    std::fs::write(&gate, "").expect("gate");
    let run = house.finished("a").await;
    assert_eq!(
        (run.state, run.stdout().as_str()),
        (RunState::Done, "in\nout\n")
    );
    assert_eq!(house.execute("b", "print(2)").await.stdout(), "2\n");
    house.close().await;
}

#[tokio::test]
async fn a_long_output_is_whole_although_the_studio_was_killed_in_its_midst() {
    let mut house = House::open().await;
    let gate = house.folder.path().join("gate");
    let source = format!(
        "import os, time\nline = 'x' * 999\nfor i in range(3000): print(line)\n\
         while not os.path.exists({gate:?}): time.sleep(0.01)\nfor i in range(3000): print(line)"
    );
    house.run(&[("a", &source)]).await.expect("queued");
    house
        .until_event("the notice", |event| {
            matches!(event.what, Happening::Truncated { .. })
        })
        .await;
    house.kill_studio().await;
    std::fs::write(&gate, "").expect("gate");
    house.start().await;
    let run = house.finished("a").await;
    let whole = ("x".repeat(999) + "\n").repeat(6000);
    assert_whole(&house, "a", &run, whole.as_bytes()).await;
    house.close().await;
}

#[tokio::test]
async fn twenty_megabytes_of_prints_arrive_whole() {
    let house = House::open().await;
    let run = house
        .execute(
            "a",
            "for i in range(20_000): print(f'{i:09d} ' + 'x' * 989)",
        )
        .await;
    assert_eq!(run.state, RunState::Done);
    let whole: String = (0..20_000)
        .map(|i| format!("{i:09} {}\n", "x".repeat(989)))
        .collect();
    assert_whole(&house, "a", &run, whole.as_bytes()).await;

    let run = house.execute("b", "print('é' * 5_000_000)").await;
    assert_whole(&house, "b", &run, ("é".repeat(5_000_000) + "\n").as_bytes()).await;
    house.close().await;
}

/// What is not inline is counted at the run's end, and soon the whole is there to download.
async fn assert_whole(house: &House, cell: &str, run: &crate::house::Finished, whole: &[u8]) {
    let shown = run.stdout();
    assert!(whole.starts_with(shown.as_bytes()));
    let notice = run.events.iter().rev().find_map(|what| match what {
        Happening::Truncated { bytes, .. } => Some(*bytes),
        _ => None,
    });
    let beyond = (whole.len() - shown.len()) as u64;
    assert_eq!(notice, Some(beyond));
    let kept = Happening::Truncated {
        bytes: beyond,
        blob: Some(hash(whole)),
    };
    house
        .until_event("the whole output", |event| {
            event.cell.as_str() == cell && event.what == kept
        })
        .await;
    assert_eq!(house.ledger.blob(&hash(whole)).expect("kept"), whole);
}

#[tokio::test]
async fn a_long_output_is_kept_although_the_studio_was_killed_when_its_cell_had_just_ended() {
    let mut house = House::open().await;
    house.ledger.hold_files(true);
    let run = house
        .execute("a", "for i in range(3000): print('x' * 999)")
        .await;
    assert_eq!(run.state, RunState::Done);
    house.kill_studio().await;
    house.ledger.hold_files(false);
    house.start().await;
    let whole = ("x".repeat(999) + "\n").repeat(3000);
    assert_whole(&house, "a", &run, whole.as_bytes()).await;
    house
        .until_file("the spill file's end", |name| !name.starts_with("spill-"))
        .await;
    house.close().await;
}

#[tokio::test]
async fn a_cell_that_ran_before_it_was_written_down_is_told_whole_by_the_next_studio() {
    let mut house = House::open().await;
    house.execute("a", "1").await;
    let ran = house.folder.path().join("ran");
    let source = format!("print('out')\nopen({ran:?}, 'w').close()");
    house.ledger.stick(true);
    let cells = [("b", source.as_str()), ("c", "print('and then')")];
    tokio::select! {
        done = house.run(&cells) => panic!("{done:?}"),
        () = wait_until("the cell has run", || ran.exists()) => {}
    }
    assert!(!house.heard().iter().any(|event| event.cell.as_str() == "b"));
    house.kill_studio().await;
    house.ledger.stick(false);
    house.start().await;
    for (cell, text) in [("b", "out\n"), ("c", "and then\n")] {
        let run = house.finished(cell).await;
        assert!(
            matches!(&run.events[0], Happening::Queued { name, .. } if name == "Ada"),
            "{:?}",
            run.events
        );
        assert_eq!(run.events[1], Happening::Started);
        assert_eq!((run.state, run.stdout().as_str()), (RunState::Done, text));
    }
    house.close().await;
}

#[tokio::test]
async fn a_cell_that_cannot_be_written_down_is_refused_and_stopped() {
    let house = House::open().await;
    house.execute("a", "1").await;
    house.ledger.fail(1);
    let refused = house
        .run(&[("b", "while True: pass"), ("c", "print('never')")])
        .await
        .expect_err("the disk is full");
    assert_eq!(refused.code(), "test.failing");
    // It had begun, so that is told; the one behind it had not, so nothing is.
    let run = house.finished("b").await;
    assert_eq!(
        (run.state, run.why.as_deref()),
        (
            RunState::Interrupted,
            Some("stopped: it could not be written down: the disk is full")
        )
    );
    assert_eq!(house.execute("a", "print(2)").await.stdout(), "2\n");
    assert!(!house.heard().iter().any(|event| event.cell.as_str() == "c"));
    house.close().await;
}

#[tokio::test]
async fn a_full_disk_of_the_ledger_delays_and_loses_nothing() {
    let house = House::open().await;
    house.execute("a", "1").await;
    house
        .run(&[("b", "for i in range(1000): print(i)")])
        .await
        .expect("queued");
    house.ledger.fail(4);
    let run = house.finished("b").await;
    assert_eq!(
        run.stdout(),
        (0..1000).map(|i| format!("{i}\n")).collect::<String>()
    );
    house.close().await;
}

#[tokio::test]
async fn a_kernel_that_died_while_the_studio_was_away_is_told_truthfully() {
    let mut house = House::open().await;
    house
        .run(&[
            (
                "a",
                "print('last words', flush=True)\nimport time\ntime.sleep(1000)",
            ),
            ("b", "1"),
        ])
        .await
        .expect("queued");
    house
        .until_event("the sleeper", |event| {
            matches!(event.what, Happening::Stream { .. })
        })
        .await;
    let (kernel, supervisor) = (house.kernel_pid(), house.supervisor_pid());
    house.kill_studio().await;
    kill(kernel);
    house.start().await;
    let run = house.finished("a").await;
    assert_eq!(
        (run.state, run.why.as_deref()),
        (RunState::Failed, Some("The kernel was killed by signal 9."))
    );
    assert_eq!(run.stdout(), "last words\n");

    // And with its supervisor.
    house
        .run(&[(
            "c",
            "print('in', flush=True)\nimport time\ntime.sleep(1000)",
        )])
        .await
        .expect("queued");
    house
        .until_event("the sleeper", |event| {
            event.cell.as_str() == "c" && matches!(event.what, Happening::Stream { .. })
        })
        .await;
    house.kill_studio().await;
    kill(supervisor);
    house.start().await;
    let run = house.finished("c").await;
    assert_eq!(
        run.why.as_deref(),
        Some("The kernel was lost: its supervisor ended unexpectedly.")
    );
    assert_eq!(house.execute("d", "print(4)").await.stdout(), "4\n");
    house.close().await;
}
