//! What a kernel may say, in every order it may say it.

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;

fn cell() -> CellId {
    CellId::new("cell").expect("cell id")
}

fn said(kind: &str, run: &str, content: Value) -> Record {
    let (channel, kind) = match kind.split_once(':') {
        Some(("stdin", kind)) => (Channel::Stdin, kind),
        Some((_, kind)) => (Channel::Shell, kind),
        None => (Channel::Iopub, kind),
    };
    let message = Message {
        header: Bytes::from(json!({"msg_id": "m", "msg_type": kind}).to_string()),
        parent: Bytes::from(json!({"msg_id": run}).to_string()),
        metadata: Bytes::from_static(b"{}"),
        content: Bytes::from(content.to_string()),
        buffers: Vec::new(),
    };
    Record {
        at: 7,
        what: Entry::Message(channel, message),
    }
}

fn note(note: &Note) -> Record {
    Record {
        at: 7,
        what: Entry::Note(Bytes::from(serde_json::to_vec(note).expect("json"))),
    }
}

fn started(run: &str) -> Record {
    note(&Note::Started {
        run: run.into(),
        cell: cell(),
        asked: Default::default(),
    })
}

fn done(run: &str) -> Record {
    note(&Note::Ended {
        run: run.into(),
        cell: cell(),
        state: RunState::Done,
        why: None,
    })
}

fn print(run: &str, text: &str) -> Record {
    said("stream", run, json!({"name": "stdout", "text": text}))
}

fn fold(records: Vec<Record>) -> (Fold, Batch) {
    let mut fold = Fold::new(0);
    let mut batch = Batch::default();
    for (at, record) in records.into_iter().enumerate() {
        fold.take(at as u64, record, &mut batch);
    }
    (fold, batch)
}

fn happenings(batch: &Batch) -> Vec<Happening> {
    batch
        .drafts
        .iter()
        .map(|draft| draft.what.clone())
        .collect()
}

fn stdout(text: &str) -> Happening {
    Happening::Stream {
        name: StreamName::Stdout,
        text: text.into(),
    }
}

fn over() -> Happening {
    Happening::Ended {
        state: RunState::Done,
        why: None,
    }
}

#[test]
fn texts_that_follow_each_other_become_one_event() {
    let (_, batch) = fold(vec![
        started("r"),
        print("r", "a"),
        print("r", "b\r"),
        said("stream", "r", json!({"name": "stderr", "text": "!"})),
        print("r", "c"),
        done("r"),
    ]);
    let stderr = Happening::Stream {
        name: StreamName::Stderr,
        text: "!".into(),
    };
    assert_eq!(
        happenings(&batch),
        vec![
            Happening::Started,
            stdout("ab\r"),
            stderr,
            stdout("c"),
            over()
        ]
    );
}

#[test]
fn output_that_comes_after_idle_still_belongs_to_its_run() {
    let (_, batch) = fold(vec![
        started("r1"),
        said("status", "r1", json!({"execution_state": "idle"})),
        done("r1"),
        started("r2"),
        print("r1", "late"),
        print("r2", "own"),
        print("stranger", "lost"),
    ]);
    let of: Vec<(&str, &Happening)> = batch
        .drafts
        .iter()
        .map(|draft| (draft.run.as_str(), &draft.what))
        .collect();
    assert_eq!(
        of,
        vec![
            ("r1", &Happening::Started),
            ("r1", &over()),
            ("r2", &Happening::Started),
            ("r1", &stdout("late")),
            ("r2", &stdout("own"))
        ]
    );
}

#[test]
fn what_is_cleared_within_a_batch_is_never_logged_and_the_clear_is() {
    let (_, batch) = fold(vec![
        started("r"),
        print("r", "one"),
        said("clear_output", "r", json!({"wait": true})),
        print("r", "two"),
        said("clear_output", "r", json!({"wait": true})),
        print("r", "three"),
    ]);
    assert_eq!(
        happenings(&batch),
        vec![
            Happening::Started,
            Happening::Clear { wait: true },
            stdout("three")
        ]
    );
    let (_, batch) = fold(vec![
        started("r"),
        print("r", "one"),
        said("clear_output", "r", json!({})),
    ]);
    assert_eq!(
        happenings(&batch),
        vec![Happening::Started, Happening::Clear { wait: false }]
    );
}

#[test]
fn of_many_updates_of_one_display_only_the_last_is_logged() {
    let update = |value: u32| {
        said(
            "update_display_data",
            "r",
            json!({"data": {"text/plain": value.to_string()}, "transient": {"display_id": "d"}}),
        )
    };
    let (_, batch) = fold(vec![started("r"), update(1), update(2), update(3)]);
    assert_eq!(batch.drafts.len(), 2);
    assert!(
        matches!(&batch.drafts[1].what, Happening::Update { data, .. } if data["text/plain"] == "3")
    );
}

#[test]
fn an_update_is_not_moved_before_the_output_it_changes() {
    let display = |kind: &str, value: &str| {
        said(
            kind,
            "r",
            json!({"data": {"text/plain": value}, "transient": {"display_id": "d"}}),
        )
    };
    let (_, batch) = fold(vec![
        started("r"),
        display("update_display_data", "1"),
        display("display_data", "2"),
        display("update_display_data", "3"),
    ]);
    assert_eq!(batch.drafts.len(), 4);
}

fn beyond(run: &str, bytes: u64) -> Record {
    note(&Note::Beyond {
        run: run.into(),
        bytes,
    })
}

#[test]
fn what_is_only_in_the_spill_file_is_noticed_at_once_and_told_whole_at_the_end() {
    let (_, batch) = fold(vec![
        started("r"),
        print("r", "inline"),
        beyond("r", 500),
        beyond("r", 9000),
        done("r"),
    ]);
    let notice = |bytes| Happening::Truncated { bytes, blob: None };
    assert_eq!(
        happenings(&batch),
        vec![
            Happening::Started,
            stdout("inline"),
            notice(500),
            notice(9000),
            over()
        ]
    );
    let kept: Vec<bool> = batch.drafts.iter().map(|draft| draft.has_spill).collect();
    assert_eq!(kept, vec![false, false, false, true, false]);
}

#[test]
fn text_no_supervisor_has_cut_is_cut_with_a_notice() {
    let line = "é".repeat(500) + "\n";
    let mut records = vec![started("r"), done("r")];
    records.extend((0..2000).map(|_| print("r", &line)));
    let (_, batch) = fold(records);
    let shown: usize = batch
        .drafts
        .iter()
        .map(|draft| match &draft.what {
            Happening::Stream { text, .. } => text.len(),
            _ => 0,
        })
        .sum();
    assert!(shown <= TEXT_LIMIT && shown > TEXT_LIMIT - 4);
    let notices: Vec<&Draft> = batch
        .drafts
        .iter()
        .filter(|draft| matches!(draft.what, Happening::Truncated { .. }))
        .collect();
    assert!(notices.len() == 1 && !notices[0].has_spill);
}

#[test]
fn a_flood_of_outputs_is_cut_and_said_so() {
    let mut records = vec![started("r")];
    records.extend(
        (0..OUTPUT_LIMIT + 50)
            .map(|_| said("display_data", "r", json!({"data": {"text/plain": "x"}}))),
    );
    records.push(done("r"));
    let (_, batch) = fold(records);
    let outputs = batch
        .drafts
        .iter()
        .filter(|draft| matches!(draft.what, Happening::Output { .. }))
        .count();
    assert!(
        (OUTPUT_LIMIT - 2..=OUTPUT_LIMIT).contains(&outputs),
        "{outputs}"
    );
    let truncated = batch
        .drafts
        .iter()
        .rfind(|draft| matches!(draft.what, Happening::Truncated { .. }))
        .expect("a notice");
    // There is no text to keep, so no file is waited for.
    assert!(!truncated.has_spill);
}

fn display(html: &str) -> Record {
    said("display_data", "r", json!({"data": {"text/html": html}}))
}

fn update(display_id: &str, value: &str) -> Record {
    said(
        "update_display_data",
        "r",
        json!({"data": {"text/plain": value}, "transient": {"display_id": display_id}}),
    )
}

/// Folds records, each as if the batch before it had been appended.
fn fold_each(records: impl IntoIterator<Item = Record>) -> Vec<Happening> {
    let mut fold = Fold::new(0);
    let mut all = Vec::new();
    for (at, record) in records.into_iter().enumerate() {
        let mut batch = Batch::default();
        fold.take(at as u64, record, &mut batch);
        all.extend(happenings(&batch));
    }
    all
}

fn count(all: &[Happening], matches: impl Fn(&Happening) -> bool) -> usize {
    all.iter().filter(|what| matches(what)).count()
}

fn is_output(what: &Happening) -> bool {
    matches!(what, Happening::Output { .. })
}

#[test]
fn a_plot_after_many_prints_and_clears_is_shown() {
    let mut records = vec![started("r")];
    for _ in 0..=OUTPUT_LIMIT {
        records.push(print("r", "x"));
    }
    records.push(display("first"));
    for _ in 0..=OUTPUT_LIMIT {
        records.push(said("clear_output", "r", json!({"wait": true})));
        records.push(display("next"));
    }
    let all = fold_each(records);
    assert_eq!(count(&all, is_output), OUTPUT_LIMIT + 2);
    assert_eq!(
        count(&all, |what| matches!(what, Happening::Truncated { .. })),
        0
    );
}

#[test]
fn a_progress_bar_of_any_length_is_text_to_its_end() {
    let bar = |step: usize| print("r", &format!("\r{step:7} {}", "#".repeat(1000)));
    let mut records = vec![started("r")];
    records.extend((0..3000).map(bar));
    records.extend([print("r", "\nafter"), done("r")]);
    let (_, batch) = fold(records);
    assert!(batch.weight() < 16 * 1024, "{}", batch.weight());
    let mut cell = notebook::runs::CellRun::default();
    for what in happenings(&batch) {
        match what {
            Happening::Stream { name, text } => cell.append_stream(name, &text),
            Happening::Started | Happening::Ended { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let text = format!("   2999 {}\nafter", "#".repeat(1000));
    let name = StreamName::Stdout;
    assert_eq!(cell.outputs, [Output::Stream { name, text }]);
}

#[test]
fn outputs_stay_within_their_bytes_and_an_error_is_seen_all_the_same() {
    let mut records = vec![started("r")];
    let html = "x".repeat(60_000);
    records.extend((0..700).map(|_| display(&html)));
    records.push(said(
        "error",
        "r",
        json!({"ename": "E", "evalue": "v".repeat(9_000_000), "traceback": ["t"]}),
    ));
    records.push(done("r"));
    let all = fold_each(records);
    let shown = OUTPUT_BYTES / 60_000;
    let outputs = count(&all, is_output);
    assert!((shown - 10..=shown + 1).contains(&outputs), "{outputs}");
    let error = all
        .iter()
        .rev()
        .find(|what| is_output(what))
        .expect("shown");
    assert!(matches!(
        error,
        Happening::Output {
            output: Output::Error { .. }
        }
    ));
    assert!(outputs::inline(error) < 100_000);
    let lost = (700 - outputs as u64) * 60_000 + 8_900_000;
    let notice = all.iter().rev().find_map(|what| match what {
        Happening::Truncated { bytes, .. } => Some(*bytes),
        _ => None,
    });
    assert!(
        notice.is_some_and(|bytes| bytes > lost),
        "{notice:?} {lost}"
    );
}

#[test]
fn errors_without_end_are_cut_off_too() {
    let error = || {
        said(
            "error",
            "r",
            json!({"ename": "E", "evalue": "", "traceback": []}),
        )
    };
    let all = fold_each(
        [started("r")]
            .into_iter()
            .chain((0..=OUTPUT_LIMIT + ERRORS).map(|_| error())),
    );
    assert_eq!(count(&all, is_output), OUTPUT_LIMIT + ERRORS);
}

#[test]
fn of_updates_beyond_the_limit_the_last_one_comes_at_the_end() {
    let mut records = vec![started("r")];
    records.extend((0..OUTPUT_LIMIT + 50).map(|at| update("d", &at.to_string())));
    records.push(done("r"));
    let all = fold_each(records);
    let updates = count(&all, |what| matches!(what, Happening::Update { .. }));
    assert_eq!(updates, OUTPUT_LIMIT + 1);
    let last = format!("{}", OUTPUT_LIMIT + 49);
    assert!(
        matches!(&all[all.len() - 2], Happening::Update { data, .. } if data["text/plain"] == last)
    );
}

#[test]
fn a_batch_weighs_what_it_holds() {
    let (_, batch) = fold(vec![started("r"), display(&"x".repeat(1_000_000))]);
    assert!((1_000_000..1_002_000).contains(&batch.weight()));
    let (_, batch) = fold(vec![
        started("r"),
        display(&"x".repeat(1_000_000)),
        update("d", &"x".repeat(1_000_000)),
        update("d", "short"),
        print("r", &"x".repeat(1_000_000)),
        said("clear_output", "r", json!({"wait": false})),
    ]);
    assert!(
        batch.weight() < 2_000 && batch.text() == 0,
        "{}",
        batch.weight()
    );
}

#[test]
fn what_does_not_fit_is_noticed_again_after_a_clear() {
    let long = "x".repeat(TEXT_LIMIT + 1);
    let clear = || said("clear_output", "r", json!({"wait": false}));
    let all = fold_each([started("r"), print("r", &long), clear(), print("r", &long)]);
    let notices = count(&all, |what| matches!(what, Happening::Truncated { .. }));
    assert_eq!(notices, 2);
}

#[test]
fn a_message_that_was_too_large_is_told_with_its_size() {
    let too_large = note(&Note::TooLarge {
        run: "r".into(),
        bytes: 70_000_000,
    });
    let (_, batch) = fold(vec![started("r"), too_large, done("r")]);
    let what = happenings(&batch);
    assert!(
        matches!(&what[1], Happening::Stream { name: StreamName::Stderr, text } if text.contains("70000000 bytes")),
        "{what:?}"
    );
    assert_eq!(
        what[2],
        Happening::Truncated {
            bytes: 70_000_000,
            blob: None
        }
    );
}

#[test]
fn records_before_the_mark_are_counted_and_not_repeated() {
    let mut fold = Fold::new(2);
    let mut batch = Batch::default();
    let records = vec![
        started("r"),
        print("r", "old "),
        print("r", "new"),
        done("r"),
    ];
    for (at, record) in records.into_iter().enumerate() {
        fold.take(at as u64, record, &mut batch);
    }
    assert_eq!(happenings(&batch), vec![stdout("new"), over()]);
}

#[test]
fn a_notice_before_the_mark_is_not_repeated_and_its_bytes_are_known() {
    let mut fold = Fold::new(3);
    let mut batch = Batch::default();
    for (at, record) in [started("r"), print("r", "old"), beyond("r", 500), done("r")]
        .into_iter()
        .enumerate()
    {
        fold.take(at as u64, record, &mut batch);
    }
    assert_eq!(
        happenings(&batch),
        vec![
            Happening::Truncated {
                bytes: 500,
                blob: None
            },
            over()
        ]
    );
}

#[test]
fn text_of_any_kernel_is_shown_even_where_it_is_no_text() {
    let mut record = print("r", "");
    if let Entry::Message(_, message) = &mut record.what {
        message.content = Bytes::from_static(b"{\"name\":\"stdout\",\"text\":\"a\xff\\ud800\"}");
    }
    let mut odd = said("display_data", "r", json!({}));
    if let Entry::Message(_, message) = &mut odd.what {
        message.content =
            Bytes::from_static(b"{\"data\":{\"application/json\":{\"x\":NaN}},\"metadata\":{}}");
    }
    let (_, batch) = fold(vec![started("r"), record, odd]);
    let what = happenings(&batch);
    assert_eq!(what[1], stdout("a\u{fffd}\u{fffd}"));
    let Happening::Output {
        output: Output::DisplayData { data, .. },
    } = &what[2]
    else {
        panic!("{:?}", what[2]);
    };
    assert_eq!(data["application/json"]["x"], json!({"$number": "NaN"}));
}

#[test]
fn results_errors_input_counts_and_pages_are_understood() {
    let (_, batch) = fold(vec![
        started("r"),
        said(
            "execute_input",
            "r",
            json!({"code": "x", "execution_count": 4}),
        ),
        said(
            "execute_result",
            "r",
            json!({"data": {"text/plain": "5"}, "metadata": {}, "execution_count": 4}),
        ),
        said(
            "stdin:input_request",
            "r",
            json!({"prompt": "name? ", "password": false}),
        ),
        note(&Note::InputGiven {
            run: "r".into(),
            echo: "name? Ada\n".into(),
        }),
        said(
            "shell:execute_reply",
            "r",
            json!({"status": "ok", "payload": [{"source": "page", "data": {"text/plain": "help"}}]}),
        ),
        said(
            "error",
            "r",
            json!({"ename": "E", "evalue": "v", "traceback": ["t"]}),
        ),
        said("comm_open", "r", json!({"comm_id": "c"})),
        said("something_new", "r", json!([1, 2])),
    ]);
    let what = happenings(&batch);
    assert_eq!(what[1], Happening::ExecutionCount { count: 4 });
    assert!(matches!(
        &what[2],
        Happening::Output {
            output: Output::ExecuteResult {
                execution_count: Some(4),
                ..
            }
        }
    ));
    assert_eq!(
        what[3],
        Happening::AskInput {
            prompt: "name? ".into(),
            password: false
        }
    );
    assert_eq!(what[4], Happening::InputGiven);
    assert_eq!(what[5], stdout("name? Ada\n"));
    assert!(matches!(
        &what[6],
        Happening::Output {
            output: Output::DisplayData { .. }
        }
    ));
    assert!(
        matches!(&what[7], Happening::Output { output: Output::Error { ename, .. } } if ename == "E")
    );
    assert_eq!(what.len(), 8);
}

#[test]
fn cells_that_somebody_cleared_are_told_in_one_event_and_have_room_again() {
    let other = CellId::new("other").expect("cell id");
    let cells = vec![cell(), other];
    let (by, name) = ("user_a".to_owned(), "Ada".to_owned());
    let cleared = Note::Cleared {
        by: by.clone(),
        name: name.clone(),
        cells: cells.clone(),
    };
    let whole = "x".repeat(TEXT_LIMIT);
    let records = vec![
        started("r"),
        print("r", &whole),
        note(&cleared),
        print("r", "after"),
        done("r"),
    ];
    let (_, batch) = fold(records);
    let event = &batch.drafts[2];
    assert_eq!((event.run.as_str(), &event.cell), ("", &cell()));
    let expected = vec![
        Happening::Started,
        stdout(&whole),
        Happening::Cleared { by, name, cells },
        stdout("after"),
        over(),
    ];
    assert!(happenings(&batch) == expected && batch.is_urgent());
    // Of nothing, nothing is told.
    let nothing = Note::Cleared {
        by: String::new(),
        name: String::new(),
        cells: Vec::new(),
    };
    assert!(fold(vec![note(&nothing)]).1.is_empty());
}
