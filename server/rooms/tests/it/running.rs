//! Running cells from a room.

use datalayer::{Live, Role};
use notebook::runs::{Happening, Output, RunEvent};
use notebook::wire::{Hear, KernelState, RunsState, Say};

use crate::studio::{Studio, cell, fresh_client, someone, take_seat};

fn printed(hear: &Hear) -> Option<&str> {
    match hear {
        Hear::Run {
            event:
                RunEvent {
                    what: Happening::Stream { text, .. },
                    ..
                },
        } => Some(text),
        _ => None,
    }
}

#[tokio::test]
async fn a_cell_runs_with_everything_typed_before_and_everyone_sees_it() {
    let studio = Studio::new();
    let (ada, eve) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Eve", Role::Viewer),
    );
    let (mut one, mut two) = (ada.join(&studio).await, eve.join(&studio).await);
    one.types("a", "print(1)").await;
    one.say(Say::Run {
        cells: vec![cell("a")],
    })
    .await;
    two.hears_until(|hear| printed(hear) == Some("print(1)"))
        .await;
    two.hears_until(
        |hear| matches!(hear, Hear::Run { event } if matches!(event.what, Happening::Ended { .. })),
    )
    .await;
    let queued = two.heard.iter().find_map(|hear| match hear {
        Hear::Run {
            event:
                RunEvent {
                    what: Happening::Queued { by, name, .. },
                    ..
                },
        } => Some((by.clone(), name.clone())),
        _ => None,
    });
    assert_eq!(queued, Some((ada.user.id.to_string(), "Ada".to_owned())));
    // Who comes later finds the outputs; who was here gets what came since.
    let later = ada.join(&studio).await;
    let RunsState::Snapshot(runs) = &later.joined.runs else {
        panic!("no sequence was named")
    };
    let outputs = &runs.cells[&cell("a")].outputs;
    assert!(
        matches!(&outputs[..], [Output::Stream { text, .. }] if text == "print(1)"),
        "{outputs:?}"
    );
    let seating = take_seat(&studio, &ada, fresh_client(), None, Some(2), isize::MAX)
        .await
        .unwrap();
    let RunsState::Since(events) = seating.1.runs else {
        panic!("the log reaches back")
    };
    assert_eq!(
        events
            .iter()
            .map(|event| event.sequence)
            .collect::<Vec<_>>(),
        [3, 4]
    );
    let seating = take_seat(&studio, &ada, fresh_client(), None, Some(4), isize::MAX)
        .await
        .unwrap();
    assert_eq!(seating.1.runs, RunsState::Since(Vec::new()));
}

#[tokio::test]
async fn nobody_who_joins_while_a_kernel_prints_misses_a_line_or_reads_one_twice() {
    let studio = Studio::new();
    let ada = someone(&studio, "Ada", Role::Editor);
    let _open = ada.join(&studio).await;
    for line in 0..10 {
        studio
            .echo
            .prints(&studio.notebook, &cell("a"), &format!("{line};"));
    }
    let joining = take_seat(&studio, &ada, fresh_client(), None, Some(3), isize::MAX);
    tokio::pin!(joining);
    let mut line = 10;
    let (_seat, joined, mut inbox, _wire) = loop {
        tokio::select! {
            biased;
            seating = &mut joining => break seating.unwrap(),
            () = tokio::task::yield_now() => {
                studio.echo.prints(&studio.notebook, &cell("a"), &format!("{line};"));
                line += 1;
            }
        }
    };
    studio.echo.prints(&studio.notebook, &cell("a"), "last;");
    let RunsState::Since(events) = joined.runs else {
        panic!("the log reaches back")
    };
    let mut sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    while sequences.last().is_none_or(|last| *last < line + 1) {
        let Some(crate::studio::Arrived::Frame(frame)) = inbox.recv().await else {
            panic!("the wire is gone")
        };
        if let Hear::Run { event } = serde_json::from_slice::<notebook::wire::ToClient>(&frame)
            .unwrap()
            .hear
        {
            sequences.push(event.sequence);
        }
    }
    assert_eq!(sequences, (4..=line + 1).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_may_only_read_runs_nothing() {
    let studio = Studio::new();
    let eve = someone(&studio, "Eve", Role::Viewer);
    let mut tab = eve.join(&studio).await;
    let errands = [
        Say::Run {
            cells: vec![cell("a")],
        },
        Say::Cancel {
            runs: vec!["run_1".into()],
        },
        Say::ClearOutputs { cells: None },
        Say::Interrupt,
        Say::Restart { run_all: true },
        Say::Shutdown,
        Say::ChooseKernel {
            kernel: "ir".into(),
        },
        Say::Input {
            cell: cell("a"),
            text: "x".into(),
        },
    ];
    for errand in errands {
        tab.say(errand).await;
        tab.hears_until(
            |hear| matches!(hear, Hear::Sorry { code, .. } if code == "run.not_allowed"),
        )
        .await;
    }
    tab.say(Say::Complete {
        ask: 7,
        code: "pri".into(),
        cursor: 3,
    })
    .await;
    let answer = tab
        .hears_until(|hear| matches!(hear, Hear::Answer { ask: 7, .. }))
        .await;
    assert!(
        matches!(answer, Hear::Answer { content, .. } if content["ename"] == "run.not_allowed")
    );
    assert_eq!(studio.disk.kernel(&studio.notebook), "");
}

#[tokio::test]
async fn a_runner_runs_and_may_not_write() {
    let studio = Studio::new();
    let mut tab = someone(&studio, "Rob", Role::Runner).join(&studio).await;
    tab.say(Say::Run {
        cells: vec![cell("a"), cell("b")],
    })
    .await;
    tab.hears_until(|hear| matches!(hear, Hear::Run { event } if event.cell == cell("b")))
        .await;
    tab.types("a", "x").await;
    tab.hears_until(|hear| matches!(hear, Hear::Refused { .. }))
        .await;
}

#[tokio::test]
async fn what_cannot_run_is_named() {
    let studio = Studio::new();
    let mut tab = someone(&studio, "Ada", Role::Editor).join(&studio).await;
    for (cells, expected) in [
        (vec![cell("m")], "run.not_code"),
        (vec![cell("nope")], "cell.not_found"),
        (Vec::new(), "run.no_cells"),
    ] {
        tab.say(Say::Run { cells }).await;
        tab.hears_until(|hear| matches!(hear, Hear::Sorry { code, .. } if code == expected))
            .await;
    }
    tab.say(Say::Interrupt).await;
    tab.hears_until(|hear| matches!(hear, Hear::Sorry { code, .. } if code == "kernel.not_found"))
        .await;
}

#[tokio::test]
async fn restart_and_run_all_runs_every_code_cell_in_order() {
    let studio = Studio::new();
    let mut tab = someone(&studio, "Ada", Role::Editor).join(&studio).await;
    tab.types("a", "1").await;
    tab.types("b", "2").await;
    tab.settles().await;
    tab.say(Say::Restart { run_all: true }).await;
    tab.hears_until(|hear| printed(hear) == Some("2")).await;
    let lines: Vec<&str> = tab.heard.iter().filter_map(printed).collect();
    assert_eq!(lines, ["1", "2"]);
    assert_eq!(studio.echo.restarts(&studio.notebook), 1);
}

#[tokio::test]
async fn outputs_are_cleared_for_everyone_and_are_not_there_for_who_comes_later() {
    let studio = Studio::new();
    let (rob, eve) = (
        someone(&studio, "Rob", Role::Runner),
        someone(&studio, "Eve", Role::Viewer),
    );
    let mut writer = someone(&studio, "Ada", Role::Editor).join(&studio).await;
    writer.types("a", "1").await;
    writer.types("b", "2").await;
    writer.settles().await;
    let (mut one, mut two) = (rob.join(&studio).await, eve.join(&studio).await);
    let run = Say::Run {
        cells: vec![cell("a"), cell("b")],
    };
    let cleared = |hear: &Hear| match hear {
        Hear::Run {
            event:
                RunEvent {
                    what: Happening::Cleared { by, name, cells },
                    ..
                },
        } => Some((by.clone(), name.clone(), cells.clone())),
        _ => None,
    };
    // In the order they were asked for: what runs first is cleared, and a cell that shows nothing is not named.
    one.say(run).await;
    one.say(Say::ClearOutputs {
        cells: Some(vec![cell("a"), cell("m")]),
    })
    .await;
    let heard = two.hears_until(|hear| cleared(hear).is_some()).await;
    let expected = (rob.user.id.to_string(), "Rob".to_owned(), vec![cell("a")]);
    assert_eq!(cleared(&heard), Some(expected));
    let later = eve.join(&studio).await;
    let RunsState::Snapshot(runs) = &later.joined.runs else {
        panic!("no sequence was named")
    };
    let shown = |id: &str| {
        (
            runs.cells[&cell(id)].outputs.len(),
            runs.cells[&cell(id)].state,
        )
    };
    assert_eq!(shown("a"), (0, None));
    assert!(shown("b").0 == 1 && shown("b").1.is_some());

    two.heard.clear();
    one.say(Say::ClearOutputs { cells: None }).await;
    let heard = two.hears_until(|hear| cleared(hear).is_some()).await;
    assert_eq!(cleared(&heard).unwrap().2, [cell("b")], "the rest");
    one.say(Say::ClearOutputs {
        cells: Some(vec![cell("a"), cell("nope")]),
    })
    .await;
    one.hears_until(|hear| matches!(hear, Hear::Sorry { code, .. } if code == "cell.not_found"))
        .await;
}

#[tokio::test]
async fn who_cancels_is_named_to_the_runtime_and_told_what_it_says() {
    let studio = Studio::new();
    let mut tab = someone(&studio, "Rob", Role::Runner).join(&studio).await;
    tab.say(Say::Cancel {
        runs: vec!["run_1".into(), "run_2".into()],
    })
    .await;
    tab.hears_until(|hear| {
        matches!(hear, Hear::Sorry { code, message } if code == "run.over" && message == "Rob cancels run_1 and run_2")
    })
    .await;
}

#[tokio::test]
async fn another_kernel_is_chosen_for_everyone_and_remembered() {
    let studio = Studio::new();
    let (ada, eve) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Eve", Role::Viewer),
    );
    let (mut one, mut two) = (ada.join(&studio).await, eve.join(&studio).await);
    one.say(Say::ChooseKernel {
        kernel: "cobol".into(),
    })
    .await;
    one.hears_until(|hear| matches!(hear, Hear::Sorry { code, .. } if code == "kernel.not_found"))
        .await;
    assert_eq!(studio.disk.kernel(&studio.notebook), "");
    one.say(Say::ChooseKernel {
        kernel: "ir".into(),
    })
    .await;
    two.hears_until(|hear| matches!(hear, Hear::Kernel { kernel } if kernel.name == "ir"))
        .await;
    assert_eq!(studio.disk.kernel(&studio.notebook), "ir");
    // Also by the next studio, before anyone has run or chosen anything.
    let studio = studio.crash();
    assert_eq!(ada.join(&studio).await.joined.kernel.name, "ir");
}

#[tokio::test]
async fn questions_to_the_kernel_are_answered_to_who_asked() {
    let studio = Studio::new();
    let mut tab = someone(&studio, "Ada", Role::Editor).join(&studio).await;
    tab.say(Say::Complete {
        ask: 1,
        code: "pri".into(),
        cursor: 3,
    })
    .await;
    let answer = tab
        .hears_until(|hear| matches!(hear, Hear::Answer { ask: 1, .. }))
        .await;
    assert!(matches!(answer, Hear::Answer { content, .. } if content["matches"][0] == "pri"));
    tab.say(Say::Inspect {
        ask: 2,
        code: "print".into(),
        cursor: 3,
    })
    .await;
    let answer = tab
        .hears_until(|hear| matches!(hear, Hear::Answer { ask: 2, .. }))
        .await;
    assert!(
        matches!(answer, Hear::Answer { content, .. } if content["evalue"].as_str().unwrap().contains("no kernel runs"))
    );
}

#[tokio::test]
async fn a_runtime_that_does_not_answer_is_asked_no_more_than_so_often() {
    let studio = Studio::new();
    let mut tab = someone(&studio, "Ada", Role::Editor).join(&studio).await;
    let sorry = |tab: &crate::studio::Tab, expected: &str| {
        let is_it = |hear: &&Hear| matches!(hear, Hear::Sorry { code, .. } if code == expected);
        tab.heard.iter().filter(is_it).count()
    };
    let busy = studio.echo.busy.write().await;
    for _ in 0..66 {
        tab.say(Say::Interrupt).await;
    }
    while sorry(&tab, "run.too_many") < 2 {
        tab.hears_until(|hear| matches!(hear, Hear::Sorry { .. }))
            .await;
    }
    assert_eq!(sorry(&tab, "kernel.not_found"), 0);
    drop(busy);
    while sorry(&tab, "kernel.not_found") < 64 {
        tab.hears_until(|hear| matches!(hear, Hear::Sorry { .. }))
            .await;
    }
    assert_eq!(sorry(&tab, "run.too_many"), 2);
}

#[tokio::test]
async fn kernels_are_known_whether_their_room_is_open_or_not() {
    let studio = Studio::new();
    assert!(studio.rooms.kernels().is_empty());
    studio.echo.becomes(&studio.notebook, KernelState::Busy);
    let kernels = studio.rooms.kernels();
    assert!(studio.rooms.open().is_empty());
    assert_eq!(kernels.len(), 1);
    assert_eq!(kernels[0].notebook, studio.notebook);
}
