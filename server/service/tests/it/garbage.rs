//! Garbage: what nobody shows goes, and nothing else, whoever writes or dies meanwhile.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use datalayer::{NotebookId, RunLedger};
use notebook::CellId;
use notebook::runs::{Happening, Output, RunEvent};
use serde_json::json;
use service::{Config, House};

use crate::studio::Studio;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An output that refers to a blob, as a runtime keeps one.
async fn show(house: &House, notebook: &NotebookId, sequence: u64, bytes: Bytes) -> String {
    let length = bytes.len();
    let hash = RunLedger::keep_blob(house, notebook, "image/png", bytes)
        .await
        .unwrap();
    let data = json!({ "image/png": { "blob": hash, "bytes": length } });
    let output = Output::DisplayData {
        data: data.as_object().unwrap().clone(),
        metadata: Default::default(),
        display_id: None,
    };
    append(house, notebook, sequence, Happening::Output { output }).await;
    hash
}

async fn append(house: &House, notebook: &NotebookId, sequence: u64, what: Happening) {
    let event = RunEvent {
        sequence,
        run: "run_1".into(),
        cell: CellId::new("a").unwrap(),
        at: 0,
        what,
    };
    RunLedger::append(house, notebook, vec![event], None)
        .await
        .unwrap();
}

async fn notebook(studio: &Studio) -> NotebookId {
    let ada = studio.ada().await;
    let space = ada.space("Lab").await;
    ada.notebook(&space, "x").await.id
}

on_both! {
    async fn what_a_run_shows_stays_and_what_none_shows_goes_after_its_day(studio: Studio) {
        let id = notebook(&studio).await;
        let shown = show(&studio.house, &id, 1, Bytes::from_static(b"shown")).await;
        let kept = RunLedger::keep_blob(&studio.house, &id, "image/png", Bytes::from_static(b"never shown")).await.unwrap();
        assert_eq!(studio.house.collect_garbage(DAY).await.unwrap().files, 0, "a run may be about to show it");
        // Both clocks of a blob: its row's, and its file's.
        studio.time.pass(25 * 60 * 60);
        let collected = studio.house.collect_garbage(Duration::ZERO).await.unwrap();
        assert_eq!((collected.files, collected.bytes), (1, 11));
        let ada = studio.sign_in("ada").await;
        assert_eq!(ada.read_blob(&id, &shown).await.unwrap().1, Bytes::from_static(b"shown"));
        assert!(ada.read_blob(&id, &kept).await.is_err());
        assert_eq!(studio.house.collect_garbage(Duration::ZERO).await.unwrap().files, 0);
    }

    async fn one_notebook_does_not_take_from_another(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Lab").await;
        let (one, other) = (ada.notebook(&space, "one").await.id, ada.notebook(&space, "other").await.id);
        let hash = show(&studio.house, &one, 1, Bytes::from_static(b"both")).await;
        RunLedger::keep_blob(&studio.house, &other, "image/png", Bytes::from_static(b"both")).await.unwrap();
        studio.time.pass(60);
        assert_eq!(studio.house.collect_garbage(Duration::ZERO).await.unwrap().files, 0);
        assert!(ada.read_blob(&one, &hash).await.is_ok());
        assert!(ada.read_blob(&other, &hash).await.is_err(), "the other shows it no more");
    }

    async fn the_file_of_an_import_stays(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Lab").await;
        let file = r#"{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}"#;
        let (imported, _) = ada.import_notebook(&space.id, "x.ipynb", Bytes::from_static(file.as_bytes())).await.unwrap();
        studio.time.pass(60);
        assert_eq!(studio.house.collect_garbage(Duration::ZERO).await.unwrap().files, 0);
        let original = ada.export_notebook(&imported.id, datalayer::Format::Original).await.unwrap();
        assert_eq!(original.bytes, file.as_bytes());
    }

    async fn what_is_shown_again_while_it_is_collected_is_there(studio: Studio) {
        const GRACE: Duration = Duration::from_secs(5);
        let id = notebook(&studio).await;
        let (house, done) = (studio.house.clone(), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&done);
        let collecting = tokio::spawn(async move {
            let mut files = 0;
            while !stop.load(Ordering::SeqCst) {
                files += house.collect_garbage(GRACE).await.unwrap().files;
            }
            files
        });
        let ada = studio.sign_in("ada").await;
        let folder = studio.config().data.join("blobs");
        let blobs = storage::Blobs::open(folder.clone()).await.unwrap();
        let mut shown = Vec::new();
        for sequence in 1..=60 {
            // Long forgotten, so that it is collected at this moment, or was, or will be.
            let bytes = Bytes::from(format!("output {sequence}"));
            let hash = blobs.keep(bytes.clone()).await.unwrap();
            if let Ok(file) = std::fs::OpenOptions::new().write(true).open(folder.join(&hash[..2]).join(&hash[2..])) {
                file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
            }
            assert_eq!(show(&studio.house, &id, sequence, bytes.clone()).await, hash);
            shown.push((hash, bytes));
        }
        // And garbage that is nothing but garbage, so that the collector is seen to work.
        let waste = blobs.keep(Bytes::from_static(b"waste")).await.unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(folder.join(&waste[..2]).join(&waste[2..])).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        while blobs.contains(&waste).await.unwrap() {
            tokio::task::yield_now().await;
        }
        done.store(true, Ordering::SeqCst);
        assert!(collecting.await.unwrap() >= 1);
        for (hash, bytes) in shown {
            assert_eq!(ada.read_blob(&id, &hash).await.unwrap().1, bytes);
        }
    }

    async fn a_studio_killed_while_it_collects_has_lost_nothing_that_is_shown(studio: Studio) {
        let id = notebook(&studio).await;
        let mut shown = Vec::new();
        for sequence in 1..=5 {
            shown.push(show(&studio.house, &id, sequence, Bytes::from(format!("shown {sequence}"))).await);
        }
        let mut sequence = 5;
        let mut studio = studio;
        for _ in 0..3 {
            let config = studio.config();
            studio.house.close().await;
            let mut victim = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "garbage::collects_until_it_is_killed", "--ignored", "--nocapture", "--test-threads=1"])
                .env("VICTIM_DATA", &config.data)
                .env("VICTIM_DATABASE", config.database.as_deref().unwrap_or(""))
                .env("VICTIM_NOTEBOOK", id.as_str())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let out = BufReader::new(victim.stdout.take().unwrap());
            let reading = tokio::task::spawn_blocking(move || {
                let rounds = out.lines().map_while(Result::ok).filter(|line| line.starts_with("collected")).take(15).count();
                // SIGKILL: in the middle of the next round.
                victim.kill().unwrap();
                victim.wait().unwrap();
                rounds
            });
            assert_eq!(reading.await.unwrap(), 15);
            studio = studio.restarted().await;
            let ada = studio.sign_in("ada").await;
            for (index, hash) in shown.iter().enumerate() {
                let bytes = ada.read_blob(&id, hash).await.unwrap().1;
                assert_eq!(bytes, format!("shown {}", index + 1));
            }
            sequence += 1;
            shown.push(show(&studio.house, &id, sequence, Bytes::from(format!("shown {sequence}"))).await);
        }
        // What the victims left, by their own clock, is garbage like any other.
        studio.time.pass(400 * 24 * 60 * 60);
        studio.house.collect_garbage(Duration::ZERO).await.unwrap();
        let blobs = std::fs::read_dir(studio.config().data.join("blobs")).unwrap().flatten();
        let files = blobs.filter(|entry| entry.path().is_dir()).flat_map(|folder| std::fs::read_dir(folder.path()).unwrap()).count();
        assert_eq!(files, shown.len());
    }
}

/// The other half of the test above: makes garbage and collects it, for ever.
#[tokio::test]
#[ignore = "run, and killed, by a_studio_killed_while_it_collects_has_lost_nothing_that_is_shown"]
async fn collects_until_it_is_killed() {
    let variable = |name: &str| {
        std::env::vars()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    };
    let Some(data) = variable("VICTIM_DATA") else {
        return;
    };
    let database = variable("VICTIM_DATABASE").filter(|url| !url.is_empty());
    let config = Config {
        database,
        ..Config::new(data)
    };
    let house = House::open(config).await.unwrap();
    let id: NotebookId = variable("VICTIM_NOTEBOOK").unwrap().parse().unwrap();
    for round in 0_u64.. {
        for n in 0..8 {
            let bytes = Bytes::from(format!("garbage {round} {n}"));
            RunLedger::keep_blob(&house, &id, "image/png", bytes)
                .await
                .unwrap();
        }
        house.collect_garbage(Duration::ZERO).await.unwrap();
        println!("collected {round}");
    }
}
