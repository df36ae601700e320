//! The log of runs.

use bytes::Bytes;
use datalayer::{NotebookId, RunLedger, SpoolMark};
use notebook::CellId;
use notebook::runs::{Happening, RunEvent, RunState, StreamName};

use crate::studio::{Studio, code};

fn event(sequence: u64, what: Happening) -> RunEvent {
    RunEvent {
        sequence,
        run: "run_1".into(),
        cell: CellId::new("cell").unwrap(),
        at: 1_795_000_000_000_000,
        what,
    }
}

fn one_run() -> Vec<RunEvent> {
    let text = |text: &str| Happening::Stream {
        name: StreamName::Stdout,
        text: text.into(),
    };
    let queued = Happening::Queued {
        by: "user_1".into(),
        name: "Ada".into(),
        source_hash: "00".into(),
    };
    let ended = Happening::Ended {
        state: RunState::Done,
        why: None,
    };
    [
        queued,
        Happening::Started,
        Happening::ExecutionCount { count: 1 },
        text("one\n"),
        text("two\0\n"),
        ended,
    ]
    .into_iter()
    .zip(1..)
    .map(|(what, sequence)| event(sequence, what))
    .collect()
}

fn mark(offset: u64) -> SpoolMark {
    SpoolMark {
        kernel: "kernel-7".into(),
        offset,
    }
}

async fn notebook(studio: &Studio) -> NotebookId {
    let ada = studio.ada().await;
    let space = ada.space("Team").await;
    ada.notebook(&space, "Plan").await.id
}

on_both! {
    async fn events_and_their_mark_are_there_after_a_restart(studio: Studio) {
        let id = notebook(&studio).await;
        assert_eq!(studio.house.mark("kernel-7").await.unwrap(), None);
        studio.house.append(&id, one_run()[..3].to_vec(), None).await.unwrap();
        studio.house.append(&id, one_run()[3..].to_vec(), Some(mark(512))).await.unwrap();
        studio.house.append(&id, Vec::new(), Some(mark(600))).await.unwrap();
        let studio = studio.restarted().await;
        assert_eq!(studio.house.mark("kernel-7").await.unwrap(), Some(mark(600)));
        let runs = studio.house.load(&id).await.unwrap();
        assert_eq!(runs.sequence, 6);
        let run = &runs.cells[&CellId::new("cell").unwrap()];
        assert_eq!((run.state, run.count), (Some(RunState::Done), Some(1)));
        assert_eq!(studio.house.since(&id, 0, 100).await.unwrap(), Some(one_run()));
    }

    async fn a_fold_loads_to_the_same_runs_as_its_events(studio: Studio) {
        let id = notebook(&studio).await;
        studio.house.append(&id, one_run()[..4].to_vec(), None).await.unwrap();
        let folded = studio.house.load(&id).await.unwrap();
        studio.house.keep_fold(&id, &folded).await.unwrap();
        assert_eq!(studio.house.load(&id).await.unwrap(), folded);
        studio.house.append(&id, one_run()[4..].to_vec(), None).await.unwrap();
        let all = studio.house.load(&id).await.unwrap();
        let mut expected = notebook::runs::Runs::default();
        for event in one_run() {
            expected.apply(&event);
        }
        assert_eq!(all, expected);
        studio.house.keep_fold(&id, &all).await.unwrap();
        studio.house.keep_fold(&id, &folded).await.unwrap();
        assert_eq!(studio.house.load(&id).await.unwrap(), all, "an older fold does not replace a newer one");
    }

    async fn outputs_cleared_by_hand_are_gone_from_the_page_the_export_and_the_fold_and_stay_gone(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let output = serde_json::json!({"output_type": "stream", "name": "stdout", "text": "from the file"});
        let written = |id: &str| serde_json::json!({
            "cell_type": "code", "id": id, "metadata": {}, "source": "1", "execution_count": 7, "outputs": [output]
        });
        let cells: Vec<_> = ["cell", "file", "kept"].into_iter().map(written).collect();
        let file = serde_json::json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells});
        let (imported, _) = ada.import_notebook(&space.id, "clear.ipynb", Bytes::from(file.to_string())).await.unwrap();
        let id = imported.id;
        let begin = studio.house.load(&id).await.unwrap().sequence;
        let run: Vec<RunEvent> = one_run().into_iter().map(|event| RunEvent { sequence: begin + event.sequence, ..event }).collect();
        studio.house.append(&id, run, None).await.unwrap();
        let cell = |id: &str| CellId::new(id).unwrap();
        let before = ada.export_notebook(&id, datalayer::Format::Ipynb).await.unwrap().version;
        let cleared = RunEvent {
            run: String::new(),
            ..event(begin + 7, Happening::Cleared { by: "user_1".into(), name: "Ada".into(), cells: vec![cell("cell"), cell("file")] })
        };
        studio.house.append(&id, vec![cleared.clone()], None).await.unwrap();
        let check = async |studio: &Studio| {
            let ada = studio.sign_in("ada").await;
            let view = ada.open_notebook(&id, 1 << 20).await.unwrap();
            for gone in ["cell", "file"] {
                let shown = &view.runs.cells[&cell(gone)];
                assert!(shown.outputs.is_empty() && shown.count.is_none() && shown.state.is_none(), "{shown:?}");
            }
            assert_eq!(view.runs.cells[&cell("kept")].outputs.len(), 1);
            let exported = ada.export_notebook(&id, datalayer::Format::Ipynb).await.unwrap();
            assert_ne!(exported.version, before);
            let file: serde_json::Value = serde_json::from_slice(&exported.bytes).unwrap();
            let cells = file["cells"].as_array().unwrap();
            let counts: Vec<_> = cells.iter().map(|cell| (cell["outputs"].as_array().unwrap().len(), cell["execution_count"].as_u64())).collect();
            assert_eq!(counts, [(0, None), (0, None), (1, Some(7))]);
        };
        check(&studio).await;
        assert_eq!(studio.house.since(&id, begin + 6, 10).await.unwrap(), Some(vec![cleared]));
        let all = studio.house.load(&id).await.unwrap();
        studio.house.keep_fold(&id, &all).await.unwrap();
        let studio = studio.restarted().await;
        assert_eq!(studio.house.load(&id).await.unwrap(), all);
        check(&studio).await;
    }

    async fn what_came_since_is_told_where_the_log_still_has_it(studio: Studio) {
        let id = notebook(&studio).await;
        studio.house.append(&id, one_run(), None).await.unwrap();
        assert_eq!(studio.house.since(&id, 4, 2).await.unwrap(), Some(one_run()[4..].to_vec()));
        assert_eq!(studio.house.since(&id, 6, 2).await.unwrap(), Some(Vec::new()));
        assert_eq!(studio.house.since(&id, 3, 2).await.unwrap(), None, "more than asked for");
        assert_eq!(studio.house.since(&id, 7, 2).await.unwrap(), None, "from a future that is not ours");
        assert_eq!(studio.house.since(&id, u64::from(u32::MAX), u32::MAX).await.unwrap(), None);
        assert_eq!(code(studio.house.since(&NotebookId::from_parts(1, 1), 0, 2).await), "notebook.not_found");
    }

    async fn events_far_behind_a_fold_are_dropped_and_the_runs_stay(studio: Studio) {
        let id = notebook(&studio).await;
        studio.house.append(&id, one_run(), None).await.unwrap();
        let dots = |range: std::ops::RangeInclusive<u64>| {
            range.map(|n| event(n, Happening::ExecutionCount { count: n })).collect::<Vec<_>>()
        };
        studio.house.append(&id, dots(7..=10_007), None).await.unwrap();
        let runs = studio.house.load(&id).await.unwrap();
        assert_eq!(runs.sequence, 10_007);
        studio.house.keep_fold(&id, &runs).await.unwrap();
        assert_eq!(studio.house.load(&id).await.unwrap(), runs);
        assert_eq!(studio.house.since(&id, 6, 20_000).await.unwrap(), None, "no longer kept");
        assert_eq!(studio.house.since(&id, 7, 20_000).await.unwrap().map(|events| events.len()), Some(10_000));
    }

    async fn an_event_is_in_the_log_once(studio: Studio) {
        let id = notebook(&studio).await;
        studio.house.append(&id, one_run()[..2].to_vec(), Some(mark(10))).await.unwrap();
        studio.house.append(&id, one_run()[..2].to_vec(), Some(mark(10))).await.unwrap();
        let other = vec![event(2, Happening::InputGiven)];
        assert_eq!(code(studio.house.append(&id, other, Some(mark(99))).await), "run.not_owner");
        assert_eq!(studio.house.mark("kernel-7").await.unwrap(), Some(mark(10)), "a refused append moves no mark");
        assert_eq!(studio.house.since(&id, 0, 10).await.unwrap(), Some(one_run()[..2].to_vec()));
        assert!(studio.house.append(&id, vec![event(3, Happening::Started), event(5, Happening::Started)], None).await.is_err());
    }

    async fn an_outputs_bytes_are_kept_by_hash_and_read_through_the_notebook(studio: Studio) {
        let id = notebook(&studio).await;
        let ada = studio.sign_in("ada").await;
        let bytes = Bytes::from_static(b"a large picture");
        let hash = studio.house.keep_blob(&id, "image/png\r\nX-Evil: 1", bytes.clone()).await.unwrap();
        assert_eq!(hash, storage::hash(&bytes));
        assert_eq!(ada.read_blob(&id, &hash).await.unwrap(), ("application/octet-stream".to_owned(), bytes.clone()));
        assert_eq!(studio.house.keep_blob(&id, "image/png", bytes).await.unwrap(), hash);
        let file = studio.config().data.join("whole-output");
        std::fs::write(&file, b"all of it").unwrap();
        let whole = studio.house.keep_file(&id, "text/plain", &file).await.unwrap();
        assert_eq!(ada.read_blob(&id, &whole).await.unwrap(), ("text/plain".to_owned(), Bytes::from_static(b"all of it")));
    }
}
