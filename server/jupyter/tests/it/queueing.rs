//! Taking cells out of the queue, and stopping a kernel that starts.

use std::time::Instant;

use datalayer::Runner;
use notebook::runs::{Happening, RunState};
use notebook::wire::KernelState;

use crate::hostile;
use crate::house::{House, PATIENCE};

#[tokio::test]
async fn a_cell_that_waits_is_cancelled_and_the_others_run() {
    let house = House::open().await;
    let gate = house.folder.path().join("gate");
    let source = format!(
        "import os, time\nprint('in', flush=True)\nwhile not os.path.exists({gate:?}): time.sleep(0.01)"
    );
    house
        .run(&[
            ("a", &source),
            ("b", "print(1)"),
            ("c", "never"),
            ("d", "print(2)"),
        ])
        .await
        .expect("queued");
    house
        .until_event("the cell", |event| {
            matches!(event.what, Happening::Stream { .. })
        })
        .await;
    house.cancel(&["c"]).await.expect("cancelled");
    let cancelled = house.finished("c").await;
    assert_eq!(
        (cancelled.state, cancelled.why.as_deref()),
        (
            RunState::Cancelled,
            Some("cancelled by Grace before it began")
        )
    );
    assert!(!cancelled.events.contains(&Happening::Started));
    house
        .until_kernel("two behind", |view| view.queued == 2)
        .await;

    // What has begun goes on, and who asked is told; what else was asked for is done all the same.
    let refused = house.cancel(&["a", "d"]).await.expect_err("it has begun");
    assert_eq!(refused.code(), "run.begun");
    assert!(refused.to_string().contains("interrupt"), "{refused}");
    assert_eq!(house.finished("d").await.state, RunState::Cancelled);
    let refused = house.cancel(&["c"]).await.expect_err("it is over");
    assert_eq!(refused.code(), "run.not_queued");
    std::fs::write(&gate, "").expect("gate");
    assert_eq!(house.finished("a").await.state, RunState::Done);
    assert_eq!(house.finished("b").await.stdout(), "1\n");
    // Nothing of it is left to stop what comes next.
    assert_eq!(house.execute("c", "print(3)").await.stdout(), "3\n");
    house
        .gateway()
        .shut_down(&house.notebook)
        .await
        .expect("off");
    house
        .until_kernel("its end", |view| view.state == KernelState::Off)
        .await;
    let refused = house.cancel(&["c"]).await.expect_err("no kernel");
    assert_eq!(refused.code(), "run.not_queued");
    house.close().await;
}

#[tokio::test]
async fn a_cell_asked_for_again_while_it_runs_is_cancelled_without_a_word_to_the_run_that_goes_on()
{
    let house = House::open().await;
    let gate = house.folder.path().join("gate");
    let source = format!(
        "import os, time\nprint('in', flush=True)\nwhile not os.path.exists({gate:?}): time.sleep(0.01)"
    );
    house.run(&[("a", &source)]).await.expect("queued");
    house
        .until_event("the cell", |event| {
            matches!(event.what, Happening::Stream { .. })
        })
        .await;
    house.run(&[("a", "print('again')")]).await.expect("queued");
    house.cancel(&["a"]).await.expect("the second waits");
    house.finished("a").await;
    assert_eq!(house.shown("a").state, Some(RunState::Running));
    std::fs::write(&gate, "").expect("gate");
    house
        .until_kernel("idleness", |view| view.state == KernelState::Idle)
        .await;
    assert_eq!(house.shown("a").state, Some(RunState::Done));
    house.close().await;
}

#[tokio::test]
async fn an_interrupt_stops_a_kernel_that_does_not_come_up_and_what_waits_for_it_is_cancelled() {
    let house = hostile::house_that_waits("silent", "ipc", 3_600).await;
    house
        .run(&[("a", "print 1"), ("b", "print 2")])
        .await
        .expect("queued");
    house
        .until_kernel("the start", |view| view.state == KernelState::Starting)
        .await;
    let begun = Instant::now();
    house
        .gateway()
        .interrupt(&house.notebook)
        .await
        .expect("stopped");
    for cell in ["a", "b"] {
        let run = house.finished(cell).await;
        assert_eq!(
            (run.state, run.why.as_deref()),
            (
                RunState::Cancelled,
                Some("cancelled: the kernel's start was stopped")
            )
        );
    }
    house
        .until_kernel("its end", |view| view.state == KernelState::Off)
        .await;
    // Who shuts it down as well is answered.
    house
        .gateway()
        .shut_down(&house.notebook)
        .await
        .expect("shut down");
    assert!(begun.elapsed() < PATIENCE / 2, "it was not waited for");
    house.close().await;
}

#[tokio::test]
async fn after_a_start_that_was_stopped_the_next_run_starts_a_kernel() {
    let house = House::open().await;
    house.run(&[("a", "print(1)")]).await.expect("queued");
    house
        .gateway()
        .interrupt(&house.notebook)
        .await
        .expect("stopped");
    assert_eq!(house.finished("a").await.state, RunState::Cancelled);
    house
        .until_kernel("its end", |view| view.state == KernelState::Off)
        .await;
    assert_eq!(house.execute("a", "print(2)").await.stdout(), "2\n");
    house.close().await;
}
