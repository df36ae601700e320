//! Outputs that somebody clears: of cells that are over, of one that runs, with and without a kernel.

use datalayer::{RunLedger, Runner};
use notebook::runs::{CellRun, Happening, Output, RunEvent, RunState};
use notebook::wire::KernelState;

use crate::house::{House, cell_id};

fn is_cleared(event: &RunEvent) -> bool {
    matches!(event.what, Happening::Cleared { .. })
}

fn text(cell: &CellRun) -> String {
    let texts = cell.outputs.iter().map(|output| match output {
        Output::Stream { text, .. } => text.as_str(),
        other => panic!("{other:?}"),
    });
    texts.collect()
}

#[tokio::test]
async fn a_cell_that_runs_shows_what_comes_after_however_much_it_said_before() {
    let house = House::open().await;
    let gate = house.folder.path().join("gate");
    // More than is shown inline: without room again, nothing of what follows would be shown.
    let source = format!(
        "import os, time\nfor i in range(20_000): print('before', 'x' * 90)\nprint('in', flush=True)\n\
         while not os.path.exists({gate:?}): time.sleep(0.01)\nprint('after')"
    );
    house.execute("done", "print('done')").await;
    house.run(&[("a", &source)]).await.expect("queued");
    let is_full = |event: &RunEvent| matches!(event.what, Happening::Truncated { .. });
    house.until_event("so much", is_full).await;
    house.clear(&["a", "done"]).await.expect("cleared");
    let event = house.until_event("the clearing", is_cleared).await;
    let expected = Happening::Cleared {
        by: "user_g".into(),
        name: "Grace".into(),
        cells: vec![cell_id("a"), cell_id("done")],
    };
    assert_eq!(event.what, expected);
    assert_eq!(
        (house.shown("done").state, house.shown("done").count),
        (None, None)
    );
    std::fs::write(&gate, "").expect("gate");
    assert_eq!(house.finished("a").await.state, RunState::Done);
    let shown = text(&house.shown("a"));
    assert!(
        shown.ends_with("after\n")
            && !shown.starts_with("before x\nbefore")
            && shown.len() < 1_000_000,
        "{} bytes, {:.100}",
        shown.len(),
        shown
    );
    house.close().await;
}

#[tokio::test]
async fn a_restart_and_a_clearing_behind_it_leave_nothing_of_what_ran() {
    let house = House::open().await;
    let source = "print('in', flush=True)\nimport time\ntime.sleep(1000)";
    house
        .run(&[("a", source), ("b", "1")])
        .await
        .expect("queued");
    let speaks = |event: &RunEvent| matches!(event.what, Happening::Stream { .. });
    house.until_event("the sleeper", speaks).await;
    house
        .gateway()
        .restart(&house.notebook)
        .await
        .expect("restarted");
    house.clear(&["a", "b"]).await.expect("cleared");
    house.until_event("the clearing", is_cleared).await;
    for cell in ["a", "b"] {
        let run = Some(house.latest_run(cell));
        let nothing = CellRun {
            run,
            ..CellRun::default()
        };
        let mut shown = house.shown(cell);
        shown.shown = None;
        assert_eq!(shown, nothing);
    }
    assert_eq!(house.execute("a", "print(2)").await.stdout(), "2\n");
    house.close().await;
}

#[tokio::test]
async fn what_was_cleared_stays_so_for_the_next_studio_with_and_without_a_kernel() {
    let mut house = House::open().await;
    house.execute("a", "print(1)").await;
    house.execute("b", "print(2)").await;
    house.clear(&["a"]).await.expect("cleared");
    // The kernel's supervisor has it; the studio may not yet.
    house.kill_studio().await;
    house.start().await;
    house.until_event("the clearing", is_cleared).await;
    assert!(house.shown("a").outputs.is_empty());
    assert_eq!(text(&house.shown("b")), "2\n");

    house
        .gateway()
        .shut_down(&house.notebook)
        .await
        .expect("shut down");
    house
        .until_kernel("its end", |view| view.state == KernelState::Off)
        .await;
    house.clear(&["b", "never"]).await.expect("cleared");
    assert!(house.shown("b").outputs.is_empty());
    house.kill_studio().await;
    house.start().await;
    let runs = house.ledger.load(&house.notebook).await.expect("runs");
    let is_empty = |run: &CellRun| run.outputs.is_empty() && run.count.is_none();
    assert!(runs.cells.values().all(is_empty), "{runs:?}");
    let times = house
        .heard()
        .iter()
        .filter(|event| is_cleared(event))
        .count();
    assert_eq!(times, 2, "each once");
    house.close().await;
}

#[tokio::test]
async fn many_cells_are_cleared_by_few_events() {
    let house = House::open().await;
    let cells: Vec<String> = (0..4_500).map(|number| format!("c{number}")).collect();
    let names: Vec<&str> = cells.iter().map(String::as_str).collect();
    house.clear(&names).await.expect("cleared");
    let told: Vec<usize> = house
        .heard()
        .iter()
        .filter_map(|event| match &event.what {
            Happening::Cleared { cells, .. } => Some(cells.len()),
            _ => None,
        })
        .collect();
    assert_eq!(told, [2_000, 2_000, 500]);
    house.close().await;
}
