//! Kernels that end when nobody asked them to.

use std::time::{Duration, Instant};

use notebook::runs::{Happening, RunState};
use notebook::wire::KernelState;

use crate::house::{House, kill};
use crate::running::wait_until;

#[tokio::test]
async fn a_kernel_that_exits_is_told_with_its_code_and_the_next_run_starts_another() {
    let house = House::open().await;
    house.execute("a", "x = 1").await;
    let begun = Instant::now();
    house
        .run(&[("b", "import os\nos._exit(3)"), ("c", "1")])
        .await
        .expect("queued");
    let run = house.finished("b").await;
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    let why = "The kernel ended by itself with exit code 3.";
    assert_eq!(
        (run.state, run.why.as_deref()),
        (RunState::Failed, Some(why))
    );
    assert_eq!(house.finished("c").await.state, RunState::Interrupted);
    house
        .until_kernel("death", |view| {
            view.state == KernelState::Dead { why: why.into() }
        })
        .await;
    assert_eq!(
        house.execute("d", "print('x' in dir())").await.stdout(),
        "False\n"
    );
    house.close().await;
}

#[tokio::test]
async fn a_killed_kernel_is_noticed_within_three_seconds() {
    let house = House::open().await;
    house
        .run(&[(
            "a",
            "print('in', flush=True)\nimport time\ntime.sleep(1000)",
        )])
        .await
        .expect("queued");
    house
        .until_event("the sleeper", |event| {
            matches!(event.what, Happening::Stream { .. })
        })
        .await;
    let killed = Instant::now();
    kill(house.kernel_pid());
    let run = house.finished("a").await;
    assert!(
        killed.elapsed() < Duration::from_secs(3),
        "{:?}",
        killed.elapsed()
    );
    assert_eq!(
        (run.state, run.why.as_deref()),
        (RunState::Failed, Some("The kernel was killed by signal 9."))
    );
    house.close().await;
}

#[tokio::test]
async fn a_kernel_over_its_memory_limit_is_ended_and_the_limit_named() {
    let house = House::open_with(|config| config.limits.memory = Some(512 * 1024 * 1024)).await;
    let run = house
        .execute(
            "a",
            "blocks = []\nwhile True: blocks.append(bytearray(b'x' * 20_000_000))",
        )
        .await;
    assert_eq!(
        run.why.as_deref(),
        Some("The kernel was killed (out of memory, limit 512 MiB).")
    );
    assert_eq!(run.state, RunState::Failed);
    house.close().await;
}

#[tokio::test]
async fn a_cell_over_its_time_limit_is_interrupted_with_the_limit_named() {
    let house = House::open_with(|config| config.limits.cell_seconds = Some(2)).await;
    let run = house.execute("a", "while True: pass").await;
    assert_eq!(
        run.why.as_deref(),
        Some("stopped: it ran longer than 2 seconds")
    );
    assert_eq!(run.state, RunState::Interrupted);
    house.close().await;
}

#[tokio::test]
async fn a_lost_supervisor_fails_its_runs_and_takes_its_kernel_along() {
    let house = House::open().await;
    house
        .run(&[
            (
                "a",
                "print('in', flush=True)\nimport time\ntime.sleep(1000)",
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
    let kernel = house.kernel_pid();
    kill(house.supervisor_pid());
    for cell in ["a", "b"] {
        let run = house.finished(cell).await;
        assert_eq!(run.state, RunState::Failed);
        assert_eq!(
            run.why.as_deref(),
            Some("The kernel was lost: its supervisor ended unexpectedly.")
        );
    }
    wait_until("the kernel's end", || !crate::house::is_alive(kernel)).await;
    assert_eq!(house.execute("c", "print(3)").await.stdout(), "3\n");
    house.close().await;
}
