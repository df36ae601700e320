//! The log of documents: durable before it is answered, never twice, never with a hole.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use datalayer::{Ledger, LogEntry, NotebookId, UserId};
use db::StoredSnapshot;
use notebook::{Accepted, ClientId, Operation};
use serde_json::json;
use service::{Config, House};

use crate::studio::{Studio, code};

pub fn entry(author: &UserId, revision: u64, client: &str, sequence: u64) -> LogEntry {
    let set = Operation::SetNotebookMetadata {
        key: format!("r{revision}"),
        value: Some(json!({ client: sequence, "nul": "\0" })),
    };
    LogEntry {
        batch: Accepted {
            revision,
            client: ClientId::new(client).unwrap(),
            sequence,
            operations: vec![set],
        },
        author: author.clone(),
        author_name: "Ada".into(),
        at: datalayer::Timestamp(1_795_000_000_000_000 + i64::try_from(revision).unwrap()),
    }
}

async fn notebook(studio: &Studio) -> (NotebookId, UserId) {
    let ada = studio.ada().await;
    let space = ada.space("Team").await;
    (ada.notebook(&space, "Plan").await.id, ada.user.id)
}

on_both! {
    async fn a_batch_is_there_after_a_restart_and_the_document_replays_it(studio: Studio) {
        let (id, ada) = notebook(&studio).await;
        let entries = vec![entry(&ada, 1, "tab1", 1), entry(&ada, 2, "tab2", 1), entry(&ada, 3, "tab1", 2)];
        studio.house.append(&id, entries.clone()).await.unwrap();
        let studio = studio.restarted().await;
        let opening = Ledger::open(&studio.house, &id).await.unwrap();
        assert_eq!(opening.log, entries);
        assert_eq!((opening.title.as_str(), opening.snapshot.revision), ("Plan", 0));
        let mut received = opening.received;
        received.sort();
        assert_eq!(received, [(ClientId::new("tab1").unwrap(), 2, ada.clone()), (ClientId::new("tab2").unwrap(), 1, ada.clone())]);
        let view = studio.sign_in("ada").await.view_notebook(&id).await.unwrap();
        assert_eq!(view.snapshot.revision, 3);
        assert_eq!(view.snapshot.document.metadata["r3"], json!({ "tab1": 2, "nul": "\0" }));
        assert_eq!(view.notebook.edited_at, entries[2].at);
    }

    async fn a_taken_revision_is_not_ours_and_nothing_of_the_append_is_kept(studio: Studio) {
        let (id, ada) = notebook(&studio).await;
        studio.house.append(&id, vec![entry(&ada, 1, "tab1", 1)]).await.unwrap();
        for late in [vec![entry(&ada, 1, "tab2", 1), entry(&ada, 2, "tab2", 2)], vec![entry(&ada, 3, "tab2", 1)]] {
            let refused = studio.house.append(&id, late).await.unwrap_err();
            assert_eq!((refused.code().as_str(), refused.status()), ("room.not_owner", 409));
        }
        let opening = Ledger::open(&studio.house, &id).await.unwrap();
        assert_eq!(opening.log, [entry(&ada, 1, "tab1", 1)]);
        assert_eq!(opening.received.len(), 1);
        studio.house.append(&id, vec![entry(&ada, 2, "tab2", 1)]).await.unwrap();
    }

    async fn an_append_whose_answer_was_lost_may_come_again(studio: Studio) {
        let (id, ada) = notebook(&studio).await;
        let entries = vec![entry(&ada, 1, "tab1", 1), entry(&ada, 2, "tab1", 2)];
        studio.house.append(&id, entries.clone()).await.unwrap();
        studio.house.append(&id, entries.clone()).await.unwrap();
        assert_eq!(Ledger::open(&studio.house, &id).await.unwrap().log, entries);
    }

    async fn no_batch_of_a_client_is_in_the_log_twice(studio: Studio) {
        let (id, ada) = notebook(&studio).await;
        studio.house.append(&id, vec![entry(&ada, 1, "tab1", 1)]).await.unwrap();
        let again = studio.house.append(&id, vec![entry(&ada, 2, "tab1", 1)]).await;
        assert!(again.is_err());
        assert_eq!(Ledger::open(&studio.house, &id).await.unwrap().log.len(), 1);
        studio.house.append(&id, vec![entry(&ada, 2, "tab1", 2)]).await.unwrap();
    }

    async fn a_log_with_a_hole_cannot_be_written(studio: Studio) {
        let (id, ada) = notebook(&studio).await;
        assert!(studio.house.append(&id, vec![entry(&ada, 1, "tab1", 1), entry(&ada, 3, "tab1", 2)]).await.is_err());
        assert!(Ledger::open(&studio.house, &id).await.unwrap().log.is_empty());
        let nowhere = NotebookId::from_parts(1, 1);
        assert_eq!(code(studio.house.append(&nowhere, vec![entry(&ada, 1, "tab1", 1)]).await), "notebook.not_found");
        assert_eq!(code(Ledger::open(&studio.house, &nowhere).await.map(drop)), "notebook.not_found");
    }

    async fn many_rooms_share_commits_and_a_failing_one_fails_alone(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let mut rooms = Vec::new();
        for n in 0..24 {
            rooms.push(ada.notebook(&space, &format!("n{n}")).await.id);
        }
        // One whose client is in the log already: the group it is in cannot be written as it is.
        studio.house.append(&rooms[0], vec![entry(&ada.user.id, 1, "tab", 1)]).await.unwrap();
        let (commits, appends) = studio.house.writer_counts();
        let tasks: Vec<_> = rooms.iter().enumerate().map(|(n, id)| {
            let (house, id, author) = (studio.house.clone(), id.clone(), ada.user.id.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for step in 1..=20 {
                    let next = match n {
                        0 => entry(&author, 2, "tab", 1),
                        // Stands on a revision that is not there.
                        1 => entry(&author, 50 + step, "tab", step),
                        _ => entry(&author, step, "tab", step),
                    };
                    answers.push(house.append(&id, vec![next]).await);
                }
                answers
            })
        }).collect();
        for (n, task) in tasks.into_iter().enumerate() {
            let answers = task.await.unwrap();
            assert!(answers.iter().all(|answer| answer.is_ok() == (n > 1)), "room {n}: {answers:?}");
        }
        let (commits, appends) = { let now = studio.house.writer_counts(); (now.0 - commits, now.1 - appends) };
        assert_eq!(appends, 22 * 20);
        assert!(commits < appends, "{appends} appends in {commits} commits");
        for id in &rooms[2..] {
            assert_eq!(Ledger::open(&studio.house, id).await.unwrap().log.len(), 20);
        }
    }

    async fn of_two_studios_on_one_database_each_revision_has_one_writer(studio: Studio) {
        let (id, ada) = notebook(&studio).await;
        let other = House::open_beside(studio.config()).await.unwrap();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for revision in 1..=20 {
            let (one, two) = tokio::join!(
                studio.house.append(&id, vec![entry(&ada, revision, "ours", revision)]),
                other.append(&id, vec![entry(&ada, revision, "theirs", revision)]),
            );
            assert_ne!(one.is_ok(), two.is_ok(), "revision {revision}: {one:?} {two:?}");
            assert_eq!(one.as_ref().err().or(two.as_ref().err()).unwrap().code(), "room.not_owner");
            if one.is_ok() { ours.push(revision) } else { theirs.push(revision) }
        }
        let log = Ledger::open(&studio.house, &id).await.unwrap().log;
        assert_eq!(log.iter().map(|e| e.batch.revision).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
        let of = |client: &str| log.iter().filter(|e| e.batch.client.as_str() == client).map(|e| e.batch.revision).collect::<Vec<_>>();
        assert_eq!((of("ours"), of("theirs")), (ours, theirs));
    }

    async fn the_last_two_snapshots_are_kept_and_a_damaged_one_costs_only_time(studio: Studio) {
        let (id, ada) = notebook(&studio).await;
        for revision in 1..=3 {
            studio.house.append(&id, vec![entry(&ada, revision, "tab", revision)]).await.unwrap();
            let snapshot = studio.sign_in("ada").await.view_notebook(&id).await.unwrap().snapshot;
            assert_eq!(snapshot.revision, revision);
            studio.house.keep_snapshot(&id, &snapshot).await.unwrap();
        }
        let facts = studio.facts().await;
        let kept = facts.opening(&id).await.unwrap().unwrap().snapshots;
        assert_eq!(kept.iter().map(|s| s.revision).collect::<Vec<_>>(), [3, 2]);
        let opening = Ledger::open(&studio.house, &id).await.unwrap();
        assert_eq!((opening.snapshot.revision, opening.log.len()), (3, 0));
        let whole = studio.sign_in("ada").await.view_notebook(&id).await.unwrap().snapshot;
        let damaged = StoredSnapshot { revision: 3, document: "{\"cells\":".into() };
        facts.keep_snapshot(&id, &damaged, studio.time.now()).await.unwrap();
        let opening = Ledger::open(&studio.house, &id).await.unwrap();
        assert_eq!((opening.snapshot.revision, opening.log.len()), (2, 1));
        assert_eq!(studio.sign_in("ada").await.view_notebook(&id).await.unwrap().snapshot, whole);
    }

    async fn a_snapshot_ahead_of_the_log_is_refused(studio: Studio) {
        let (id, _) = notebook(&studio).await;
        let mut ahead = Ledger::open(&studio.house, &id).await.unwrap().snapshot;
        ahead.revision = 5;
        assert_eq!(code(studio.house.keep_snapshot(&id, &ahead).await), "room.not_owner");
        assert_eq!(Ledger::open(&studio.house, &id).await.unwrap().snapshot.revision, 0);
    }

    async fn the_chosen_kernel_is_remembered(studio: Studio) {
        let (id, _) = notebook(&studio).await;
        studio.house.choose_kernel(&id, "ir").await.unwrap();
        let studio = studio.restarted().await;
        assert_eq!(Ledger::open(&studio.house, &id).await.unwrap().kernel, "ir");
        assert_eq!(code(studio.house.choose_kernel(&id, &"x".repeat(201)).await), "kernel.too_long");
        assert_eq!(code(studio.house.choose_kernel(&NotebookId::from_parts(1, 1), "ir").await), "notebook.not_found");
    }

    async fn every_acknowledged_batch_survives_a_kill_without_warning(studio: Studio) {
        let (id, _) = notebook(&studio).await;
        let config = studio.config();
        let mut acknowledged = 0;
        for _ in 0..3 {
            let mut victim = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "ledger::writes_until_it_is_killed", "--ignored", "--nocapture", "--test-threads=1"])
                .env("VICTIM_DATA", &config.data)
                .env("VICTIM_DATABASE", config.database.as_deref().unwrap_or(""))
                .env("VICTIM_NOTEBOOK", id.as_str())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let out = BufReader::new(victim.stdout.take().unwrap());
            let mut heard = 0;
            let reading = tokio::task::spawn_blocking(move || {
                let mut last = 0;
                for line in out.lines().map_while(Result::ok) {
                    let Some(revision) = line.strip_prefix("acknowledged ").and_then(|n| n.parse::<u64>().ok()) else { continue };
                    last = revision;
                    heard += 1;
                    if heard == 40 {
                        // SIGKILL: in the middle of the next write.
                        victim.kill().unwrap();
                    }
                }
                victim.kill().ok();
                victim.wait().unwrap();
                (last, heard)
            });
            let (last, heard) = reading.await.unwrap();
            assert!(heard >= 40, "the victim wrote {heard} batches");
            assert!(last > acknowledged);
            acknowledged = last;
            let log = Ledger::open(&studio.house, &id).await.unwrap().log;
            let revisions: Vec<_> = log.iter().map(|entry| entry.batch.revision).collect();
            assert_eq!(revisions, (1..=log.len() as u64).collect::<Vec<_>>(), "in order and without a hole");
            assert!(log.len() as u64 >= acknowledged, "{} in the log, {acknowledged} acknowledged", log.len());
        }
    }
}

/// The other half of the test above: appends and says so, for ever.
#[tokio::test]
#[ignore = "run, and killed, by every_acknowledged_batch_survives_a_kill_without_warning"]
async fn writes_until_it_is_killed() {
    let variable = |name: &str| {
        std::env::vars()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    };
    let Some(data) = variable("VICTIM_DATA") else {
        return;
    };
    let database = variable("VICTIM_DATABASE").filter(|url| !url.is_empty());
    let house = House::open_beside(Config {
        database,
        ..Config::new(data)
    })
    .await
    .unwrap();
    let id: NotebookId = variable("VICTIM_NOTEBOOK").unwrap().parse().unwrap();
    let author = house.all_users().await.unwrap()[0].id.clone();
    let start = Ledger::open(&house, &id).await.unwrap().log.len() as u64;
    for revision in start + 1.. {
        house
            .append(&id, vec![entry(&author, revision, "victim", revision)])
            .await
            .unwrap();
        println!("acknowledged {revision}");
    }
}
