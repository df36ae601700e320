//! Claims about runs.

use serde_json::json;

use super::*;

fn cell(n: u64) -> CellId {
    CellId::from_random(n)
}

struct Log {
    runs: Runs,
}

impl Log {
    fn new() -> Self {
        Self {
            runs: Runs::default(),
        }
    }
    fn say(&mut self, on: u64, run: &str, what: Happening) -> Vec<RunChange> {
        let sequence = self.runs.sequence + 1;
        self.runs.apply(&RunEvent {
            sequence,
            run: run.to_owned(),
            cell: cell(on),
            at: sequence as i64,
            what,
        })
    }
    fn queue(&mut self, on: u64, run: &str) {
        self.say(
            on,
            run,
            Happening::Queued {
                by: "user_1".into(),
                name: "Ada".into(),
                source_hash: "00".into(),
            },
        );
    }
    fn start(&mut self, on: u64, run: &str) {
        self.queue(on, run);
        self.say(on, run, Happening::Started);
    }
    fn out(&mut self, on: u64, run: &str, text: &str) -> Vec<RunChange> {
        self.say(
            on,
            run,
            Happening::Stream {
                name: StreamName::Stdout,
                text: text.into(),
            },
        )
    }
    fn end(&mut self, on: u64, run: &str, state: RunState) {
        self.say(on, run, Happening::Ended { state, why: None });
    }
    fn cell(&self, on: u64) -> &CellRun {
        &self.runs.cells[&cell(on)]
    }
    fn text(&self, on: u64) -> String {
        self.cell(on)
            .outputs
            .iter()
            .map(|output| {
                if let Output::Stream { text, .. } = output {
                    text.as_str()
                } else {
                    "?"
                }
            })
            .collect::<Vec<_>>()
            .join("|")
    }
}

fn display(id: Option<&str>, text: &str) -> Output {
    let data = json!({"text/plain": text}).as_object().cloned().unwrap();
    Output::DisplayData {
        data,
        metadata: Map::new(),
        display_id: id.map(str::to_owned),
    }
}

#[test]
fn earlier_outputs_stay_until_the_next_run_starts() {
    let mut log = Log::new();
    log.start(1, "a");
    log.say(1, "a", Happening::ExecutionCount { count: 3 });
    log.out(1, "a", "first");
    log.end(1, "a", RunState::Done);
    log.queue(1, "b");
    assert_eq!(log.cell(1).state, Some(RunState::Queued));
    log.out(1, "a", " and late");
    assert_eq!(log.text(1), "first and late");
    assert_eq!(log.cell(1).count, Some(3));
    log.say(1, "b", Happening::Started);
    assert_eq!(log.text(1), "");
    assert_eq!(log.cell(1).count, None);
    assert!(log.out(1, "a", "ghost").is_empty());
    log.end(1, "a", RunState::Failed);
    assert_eq!(log.cell(1).state, Some(RunState::Running));
    log.out(1, "b", "second");
    assert_eq!(log.text(1), "second");
}

#[test]
fn a_run_asked_for_while_another_goes_on_waits_and_then_takes_over() {
    let mut log = Log::new();
    log.start(1, "a");
    log.queue(1, "b");
    log.queue(1, "c");
    assert_eq!(log.cell(1).state, Some(RunState::Running));
    log.out(1, "a", "one");
    log.end(1, "a", RunState::Done);
    assert_eq!(
        (log.cell(1).state, log.cell(1).run.as_deref()),
        (Some(RunState::Queued), Some("b"))
    );
    assert_eq!(log.text(1), "one");
    log.end(1, "c", RunState::Interrupted);
    assert!(log.cell(1).waiting.is_empty());
    log.say(1, "b", Happening::Started);
    assert_eq!(
        (log.cell(1).state, log.text(1).as_str()),
        (Some(RunState::Running), "")
    );
    assert_eq!(log.cell(1).by.as_deref(), Some("user_1"));
}

#[test]
fn a_queued_run_that_is_dropped_keeps_the_outputs_shown() {
    let mut log = Log::new();
    log.start(1, "a");
    log.out(1, "a", "kept");
    log.end(1, "a", RunState::Done);
    log.queue(1, "b");
    log.end(1, "b", RunState::Interrupted);
    assert_eq!(
        (log.cell(1).state, log.text(1).as_str()),
        (Some(RunState::Interrupted), "kept")
    );
    log.start(1, "c");
    assert_eq!(log.text(1), "");
}

#[test]
fn neighbouring_texts_of_one_stream_merge() {
    let mut log = Log::new();
    log.start(1, "a");
    assert_eq!(log.out(1, "a", "x"), [RunChange::Outputs(cell(1))]);
    assert_eq!(log.out(1, "a", "y"), [RunChange::Appended(cell(1), 0)]);
    log.say(
        1,
        "a",
        Happening::Stream {
            name: StreamName::Stderr,
            text: "e".into(),
        },
    );
    log.out(1, "a", "z");
    log.say(
        1,
        "a",
        Happening::Output {
            output: display(None, "d"),
        },
    );
    log.out(1, "a", "w");
    assert_eq!(log.text(1), "xy|e|z|?|w");
}

#[test]
fn clear_waits_for_the_next_output() {
    let mut log = Log::new();
    log.start(1, "a");
    log.out(1, "a", "10%");
    assert!(log.say(1, "a", Happening::Clear { wait: true }).is_empty());
    assert_eq!(log.text(1), "10%");
    assert_eq!(log.out(1, "a", "20%"), [RunChange::Outputs(cell(1))]);
    assert_eq!(log.text(1), "20%");
    log.say(1, "a", Happening::Clear { wait: false });
    assert_eq!(log.text(1), "");
}

fn cleared(cells: &[u64]) -> Happening {
    Happening::Cleared {
        by: "user_2".into(),
        name: "Grace".into(),
        cells: cells.iter().copied().map(cell).collect(),
    }
}

#[test]
fn cells_that_were_cleared_by_hand_are_as_if_they_had_never_run() {
    let mut log = Log::new();
    for (on, run, state) in [
        (1, "a", RunState::Done),
        (2, "b", RunState::Failed),
        (3, "c", RunState::Done),
    ] {
        log.start(on, run);
        log.say(on, run, Happening::ExecutionCount { count: on });
        log.out(on, run, "text");
        log.end(on, run, state);
    }
    // A cell of an imported file has outputs, and no run.
    let imported = CellRun {
        count: Some(7),
        outputs: vec![display(None, "kept")],
        ..CellRun::default()
    };
    log.runs.cells.insert(cell(4), imported);
    let all: Vec<CellId> = (1..=5).map(cell).collect();
    assert_eq!(log.runs.clearable(&all), all[..4]);
    let changes = log.say(1, "", cleared(&[1, 2, 4, 5]));
    assert_eq!(
        changes,
        [1, 2, 4].map(|on| RunChange::Outputs(cell(on))),
        "of a cell that never ran there is nothing to draw"
    );
    for (on, run) in [(1, Some("a")), (2, Some("b")), (4, None)] {
        let expected = CellRun {
            run: run.map(str::to_owned),
            ..CellRun::default()
        };
        assert_eq!(log.cell(on), &expected);
    }
    assert_eq!((log.text(3).as_str(), log.cell(3).count), ("text", Some(3)));
    assert_eq!(log.runs.clearable(&all), [cell(3)]);
    // Its threads go on, and the whole of what it printed is not shown again.
    let kept = Happening::Truncated {
        bytes: 9,
        blob: Some("0".repeat(64)),
    };
    assert!(log.say(1, "a", kept).is_empty());
    log.out(1, "a", "late");
    assert_eq!(log.text(1), "late");
    log.start(1, "d");
    assert_eq!(log.text(1), "");
}

#[test]
fn a_run_that_goes_on_shows_what_comes_after_it_was_cleared() {
    let mut log = Log::new();
    log.start(1, "a");
    log.say(1, "a", Happening::ExecutionCount { count: 3 });
    log.out(1, "a", "before\r");
    log.say(1, "a", Happening::Clear { wait: true });
    log.queue(1, "b");
    log.say(1, "", cleared(&[1]));
    assert_eq!(log.text(1), "");
    log.out(1, "a", "af");
    log.out(1, "a", "ter");
    assert_eq!(log.text(1), "after");
    log.end(1, "a", RunState::Done);
    assert_eq!(
        (log.cell(1).state, log.cell(1).count),
        (Some(RunState::Queued), Some(3))
    );
    // What waits goes on waiting, and what the run before showed is gone with its number.
    log.say(1, "", cleared(&[1]));
    assert_eq!(
        (log.cell(1).state, log.cell(1).count, log.text(1).as_str()),
        (Some(RunState::Queued), None, "")
    );
    log.say(1, "b", Happening::Started);
    log.out(1, "b", "second");
    assert_eq!(log.text(1), "second");
}

#[test]
fn a_run_taken_out_of_the_queue_is_cancelled_and_the_cell_shows_what_it_showed() {
    let mut log = Log::new();
    log.start(1, "a");
    log.out(1, "a", "kept");
    log.queue(1, "b");
    log.end(1, "b", RunState::Cancelled);
    assert_eq!(
        (log.cell(1).state, log.cell(1).waiting.len()),
        (Some(RunState::Running), 0)
    );
    log.end(1, "a", RunState::Done);
    log.queue(1, "c");
    log.end(1, "c", RunState::Cancelled);
    assert_eq!(
        (log.cell(1).state, log.text(1).as_str()),
        (Some(RunState::Cancelled), "kept")
    );
    assert!(RunState::Cancelled.is_over());
}

#[test]
fn an_update_reaches_every_output_of_its_id_in_any_cell() {
    let mut log = Log::new();
    log.start(1, "a");
    log.say(
        1,
        "a",
        Happening::Output {
            output: display(Some("p"), "0"),
        },
    );
    log.end(1, "a", RunState::Done);
    log.start(2, "b");
    log.say(
        2,
        "b",
        Happening::Output {
            output: display(Some("p"), "0"),
        },
    );
    log.say(
        2,
        "b",
        Happening::Output {
            output: display(Some("q"), "0"),
        },
    );
    let Output::DisplayData { data, metadata, .. } = display(None, "9") else {
        unreachable!()
    };
    let changes = log.say(
        2,
        "b",
        Happening::Update {
            display_id: "p".into(),
            data,
            metadata,
        },
    );
    assert_eq!(
        changes,
        [RunChange::Outputs(cell(1)), RunChange::Outputs(cell(2))]
    );
    assert_eq!(log.cell(1).outputs[0], display(Some("p"), "9"));
    assert_eq!(
        log.cell(2).outputs,
        [display(Some("p"), "9"), display(Some("q"), "0")]
    );
}

#[test]
fn an_event_folded_in_already_changes_nothing() {
    let mut log = Log::new();
    log.start(1, "a");
    log.out(1, "a", "x");
    let again = RunEvent {
        sequence: 2,
        run: "a".into(),
        cell: cell(1),
        at: 0,
        what: Happening::Started,
    };
    assert!(log.runs.apply(&again).is_empty());
    assert_eq!(log.text(1), "x");
}

#[test]
fn a_question_is_open_until_it_is_answered_or_the_run_ends() {
    let mut log = Log::new();
    log.start(1, "a");
    log.say(
        1,
        "a",
        Happening::AskInput {
            prompt: "name?".into(),
            password: false,
        },
    );
    assert!(log.cell(1).asking.is_some());
    log.say(1, "a", Happening::InputGiven);
    assert!(log.cell(1).asking.is_none());
    log.say(
        1,
        "a",
        Happening::AskInput {
            prompt: "again?".into(),
            password: true,
        },
    );
    log.end(1, "a", RunState::Interrupted);
    assert!(log.cell(1).asking.is_none());
}

#[test]
fn folded_runs_survive_storage() {
    let mut log = Log::new();
    log.start(1, "a");
    log.out(1, "a", "abc\rX");
    log.queue(1, "b");
    log.say(
        1,
        "a",
        Happening::Output {
            output: Output::Unknown(json!({"output_type": "hologram", "x": [1]})),
        },
    );
    log.say(
        1,
        "a",
        Happening::Output {
            output: display(Some("p"), "0"),
        },
    );
    let stored = serde_json::to_string(&log.runs).unwrap();
    assert_eq!(serde_json::from_str::<Runs>(&stored).unwrap(), log.runs);
}

/// The terminal, one character at a time and without any cleverness.
fn screen(chunks: &[String]) -> String {
    let (mut lines, mut at) = (vec![Vec::<char>::new()], 0_usize);
    for c in chunks.concat().chars() {
        let line = lines.last_mut().unwrap();
        match c {
            '\r' => at = 0,
            '\u{8}' => at = at.saturating_sub(1),
            '\n' => {
                lines.push(Vec::new());
                at = 0;
            }
            c if at < line.len() => {
                line[at] = c;
                at += 1;
            }
            c => {
                line.push(c);
                at += 1;
            }
        }
    }
    lines
        .iter()
        .map(|line| line.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join("\n")
}

proptest::proptest! {
    #[test]
    fn streams_read_as_a_terminal_shows_them(chunks in proptest::collection::vec("[a-cé😀\r\n\u{8}]{0,9}", 0..8)) {
        let mut cell = CellRun::default();
        for chunk in &chunks {
            let before = match cell.outputs.last() { Some(Output::Stream { text, .. }) => text.clone(), _ => String::new() };
            let only_appended = cell.stream(StreamName::Stdout, chunk).is_some();
            if only_appended && let Some(Output::Stream { text, .. }) = cell.outputs.last() {
                proptest::prop_assert!(text.starts_with(&before));
            }
        }
        let shown = match cell.outputs.last() { Some(Output::Stream { text, .. }) => text.clone(), _ => String::new() };
        proptest::prop_assert_eq!(shown, screen(&chunks));
    }
}

#[test]
fn a_long_line_rewritten_a_million_times_is_still_linear() {
    let mut cell = CellRun::default();
    cell.append_stream(StreamName::Stdout, &"é".repeat(500_000));
    // Quadratic work would be 10^11 steps here and never end.
    let spinner = "\r-\r/".repeat(500_000);
    cell.append_stream(StreamName::Stdout, &spinner);
    let Some(Output::Stream { text, .. }) = cell.outputs.last() else {
        panic!("no stream")
    };
    assert!(text.starts_with("/é"));
}
