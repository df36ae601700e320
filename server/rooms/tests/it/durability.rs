//! Saved means durable: what disks and crashes do to a room.

use std::sync::atomic::Ordering;
use std::time::Duration;

use datalayer::{Live, Role};
use notebook::wire::Hear;
use rooms::Config;

use crate::disk::Mood;
use crate::studio::{Studio, someone};

/// Lets every task that can go on go on. The clock stands still meanwhile.
async fn turn() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn nobody_hears_of_a_batch_before_it_is_durable() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
    );
    let (mut one, mut two) = (ada.join(&studio).await, grace.join(&studio).await);
    studio.becomes(Mood::Holds);
    one.types("a", "1").await;
    turn().await;
    assert_eq!(studio.ledger.appends.load(Ordering::Relaxed), 1);
    let early = |hear: &Hear| matches!(hear, Hear::Ack { .. } | Hear::Batch { .. });
    assert!(!one.unheard().iter().any(early) && !two.unheard().iter().any(early));
    studio.becomes(Mood::Works);
    one.settles().await;
    two.settles_at(1).await;
    assert_eq!(studio.disk.log(&studio.notebook).len(), 1);
}

#[tokio::test]
async fn nobody_is_shown_a_revision_that_is_not_durable() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
    );
    let mut one = ada.join(&studio).await;
    studio.becomes(Mood::Holds);
    one.types("a", "1").await;
    let joining = grace.join(&studio);
    let reading = studio.rooms.snapshot(&studio.notebook);
    tokio::pin!(joining, reading);
    tokio::select! {
        biased;
        _ = &mut joining => panic!("a document was shown that a crash can take back"),
        _ = &mut reading => panic!("a document was read that a crash can take back"),
        () = turn() => {}
    }
    studio.becomes(Mood::Works);
    let two = joining.await;
    assert_eq!((two.client.revision(), two.text("a")), (1, "1".to_owned()));
    assert_eq!(reading.await.unwrap().revision, 1);
    one.settles().await;
}

#[tokio::test]
async fn batches_that_arrive_while_the_disk_works_share_the_next_append() {
    let studio = Studio::new();
    let mut tabs = Vec::new();
    for name in ["Ada", "Grace", "Edsger", "Barbara", "Tony"] {
        tabs.push(someone(&studio, name, Role::Editor).join(&studio).await);
    }
    studio.becomes(Mood::Holds);
    for tab in &mut tabs {
        tab.types("a", "1").await;
        turn().await;
    }
    studio.becomes(Mood::Works);
    for tab in &mut tabs {
        tab.settles_at(5).await;
    }
    assert_eq!(studio.ledger.appends.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn an_append_that_fails_is_tried_again_and_nothing_is_lost_or_doubled() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
    );
    let (mut one, mut two) = (ada.join(&studio).await, grace.join(&studio).await);
    studio.becomes(Mood::Fails);
    one.types("a", "1").await;
    two.types("a", "2").await;
    let sorry = |code: &'static str| move |hear: &Hear| matches!(hear, Hear::Sorry { code: said, .. } if said == code);
    one.hears_until(sorry("room.not_saving")).await;
    two.hears_until(sorry("room.not_saving")).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(
        one.client.unacknowledged() > 0,
        "what is not durable is not acknowledged"
    );
    studio.becomes(Mood::Works);
    one.hears_until(sorry("room.saving")).await;
    one.settles_at(2).await;
    two.settles_at(2).await;
    let snapshot = studio.document().await;
    assert_eq!(*one.client.document(), snapshot.document);
    assert_eq!(*two.client.document(), snapshot.document);
    let mut letters: Vec<char> = one.text("a").chars().collect();
    letters.sort_unstable();
    assert_eq!(letters, ['1', '2']);
    assert_eq!(studio.disk.log(&studio.notebook).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_saving_fails_a_newcomer_reads_what_is_durable_and_catches_up_later() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
    );
    let mut one = ada.join(&studio).await;
    one.types("a", "1").await;
    one.settles().await;
    studio.becomes(Mood::Fails);
    one.types("a", "2").await;
    one.hears_until(|hear| matches!(hear, Hear::Sorry { .. }))
        .await;
    let mut two = grace.join(&studio).await;
    assert_eq!((two.client.revision(), two.text("a")), (1, "1".to_owned()));
    two.hears_until(|hear| matches!(hear, Hear::Sorry { code, .. } if code == "room.not_saving"))
        .await;
    two.types("b", "3").await;
    studio.becomes(Mood::Works);
    one.settles_at(3).await;
    two.settles_at(3).await;
    assert_eq!(
        (two.text("a"), one.text("b")),
        ("12".to_owned(), "3".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn an_append_that_succeeded_and_was_said_to_fail_doubles_nothing() {
    let studio = Studio::new();
    let ada = someone(&studio, "Ada", Role::Editor);
    let mut tab = ada.join(&studio).await;
    studio.becomes(Mood::LosesAnswers);
    tab.types("a", "once").await;
    let closed = tab
        .hears_until(|hear| matches!(hear, Hear::Closed { .. }))
        .await;
    assert!(
        matches!(closed, Hear::Closed { again: true, .. }),
        "the log was written by somebody: read it again"
    );
    studio.becomes(Mood::Works);
    tab.rejoin(&studio, &ada).await;
    assert_eq!(tab.joined.received, 1);
    tab.settles().await;
    assert_eq!(tab.text("a"), "once");
    assert_eq!(studio.disk.log(&studio.notebook).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_cannot_save_for_long_gives_up_and_its_tabs_still_have_everything() {
    let studio = Studio::new();
    let ada = someone(&studio, "Ada", Role::Editor);
    let mut tab = ada.join(&studio).await;
    studio.becomes(Mood::Fails);
    tab.types("a", "1").await;
    let closed = tab
        .hears_until(|hear| matches!(hear, Hear::Closed { .. }))
        .await;
    assert!(matches!(
        closed,
        Hear::Closed {
            code: 4503,
            again: true,
            ..
        }
    ));
    studio.becomes(Mood::Works);
    tab.rejoin(&studio, &ada).await;
    tab.settles().await;
    assert_eq!(
        studio
            .document()
            .await
            .document
            .cell(&crate::studio::cell("a"))
            .unwrap()
            .source,
        "1"
    );
}

#[tokio::test]
async fn a_batch_sent_again_after_a_crash_is_in_the_log_once() {
    let mut studio = Studio::new();
    let ada = someone(&studio, "Ada", Role::Editor);
    let mut tab = ada.join(&studio).await;
    tab.types("a", "1").await;
    // It is durable, and the process dies before the acknowledgement is read.
    while studio.disk.log(&studio.notebook).is_empty() {
        tokio::task::yield_now().await;
    }
    studio = studio.crash();
    tab.rejoin(&studio, &ada).await;
    assert_eq!(tab.joined.received, 1);
    // A ghost of the old connection says it once more.
    let operations = studio.disk.log(&studio.notebook)[0]
        .batch
        .operations
        .clone();
    let client = tab.client.id().clone();
    tab.submit(notebook::Submission {
        client,
        sequence: 1,
        base: 0,
        operations,
    })
    .await;
    tab.hears_until(|hear| matches!(hear, Hear::Ack { sequence: 1, .. }))
        .await;
    tab.types("a", "2").await;
    tab.settles().await;
    assert_eq!(
        studio
            .document()
            .await
            .document
            .cell(&crate::studio::cell("a"))
            .unwrap()
            .source,
        "12"
    );
    assert_eq!(studio.disk.log(&studio.notebook).len(), 2);
}

#[tokio::test]
async fn what_was_in_flight_when_the_process_died_arrives_once_after_it() {
    let mut studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
    );
    let (mut one, mut two) = (ada.join(&studio).await, grace.join(&studio).await);
    two.types("a", "saved;").await;
    two.settles().await;
    studio.becomes(Mood::Holds);
    one.types("a", "one;").await;
    two.types("a", "two;").await;
    turn().await;
    studio = studio.crash();
    two.rejoin(&studio, &grace).await;
    two.types("b", "later;").await;
    one.rejoin(&studio, &ada).await;
    one.settles().await;
    two.settles().await;
    let snapshot = studio.document().await;
    one.settles_at(snapshot.revision).await;
    two.settles_at(snapshot.revision).await;
    assert_eq!(*one.client.document(), snapshot.document);
    assert_eq!(*two.client.document(), snapshot.document);
    for token in ["saved;", "one;", "two;"] {
        assert_eq!(one.text("a").matches(token).count(), 1, "{}", one.text("a"));
    }
    assert_eq!(one.text("b"), "later;");
}

#[tokio::test]
async fn a_snapshot_is_kept_and_the_notebook_opens_from_it_as_it_was() {
    let mut studio = Studio::with(Config {
        snapshot_every: 10,
        ..Config::default()
    });
    let ada = someone(&studio, "Ada", Role::Editor);
    let mut tab = ada.join(&studio).await;
    for round in 0..35 {
        tab.types("a", &format!("{round};")).await;
        tab.settles().await;
    }
    while studio
        .disk
        .snapshots(&studio.notebook)
        .last()
        .is_none_or(|revision| *revision < 10)
    {
        tokio::task::yield_now().await;
    }
    let before = studio.document().await;
    let kept = studio.disk.snapshots(&studio.notebook);
    assert_eq!(kept.len(), 2, "the last two are kept");
    assert_eq!(studio.disk.log(&studio.notebook).len(), 35, "the log stays");
    studio = studio.crash();
    let again = ada.join(&studio).await;
    assert_eq!(*again.client.document(), before.document);
    assert_eq!(again.client.revision(), 35);
    // Its own batches are behind the snapshot, and it is still known what it wrote.
    tab.rejoin(&studio, &ada).await;
    assert_eq!(tab.joined.received, 35);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_opens_with_a_snapshot_overdue_answers_at_once() {
    let mut studio = Studio::new();
    let ada = someone(&studio, "Ada", Role::Editor);
    let mut tab = ada.join(&studio).await;
    for round in 0..35 {
        tab.types("a", &format!("{round};")).await;
        tab.settles().await;
    }
    // The next process keeps snapshots more often than this one did.
    studio = studio.crash_into(Config {
        snapshot_every: 10,
        ..Config::default()
    });
    let start = tokio::time::Instant::now();
    let again = ada.join(&studio).await;
    assert_eq!(again.client.revision(), 35);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "it took {:?}",
        start.elapsed()
    );
}
