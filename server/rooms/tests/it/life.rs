//! The life of a room: it opens, goes idle, closes, and opens again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use datalayer::{Error, Live, NotebookId, Role};
use notebook::wire::{Hear, KernelState, Say};
use rooms::Config;

use crate::disk::Mood;
use crate::studio::{Studio, Tab, someone};

#[tokio::test(start_paused = true)]
async fn an_empty_room_closes_with_a_snapshot_and_opens_again_as_it_was() {
    let studio = Studio::new();
    let ada = someone(&studio, "Ada", Role::Editor);
    let mut tab = ada.join(&studio).await;
    tab.types("a", "kept").await;
    tab.settles().await;
    drop(tab);
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert!(
        studio.rooms.snapshot(&studio.notebook).await.is_some(),
        "somebody may come back soon"
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(studio.rooms.snapshot(&studio.notebook).await, None);
    assert_eq!(studio.rooms.open_rooms(), 0);
    assert!(!studio.echo.is_heard(&studio.notebook));
    assert_eq!(studio.disk.snapshots(&studio.notebook), [0, 1]);
    let again = ada.join(&studio).await;
    assert_eq!(
        (again.text("a"), again.client.revision()),
        ("kept".to_owned(), 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_room_whose_kernel_works_stays_open() {
    let studio = Studio::new();
    let tab = someone(&studio, "Ada", Role::Editor).join(&studio).await;
    studio.echo.becomes(&studio.notebook, KernelState::Busy);
    drop(tab);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(studio.rooms.open_rooms(), 1);
    studio.echo.becomes(&studio.notebook, KernelState::Idle);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(studio.rooms.open_rooms(), 0);
}

#[tokio::test]
async fn closing_saves_what_is_in_hand_and_then_closes_the_sockets() {
    let studio = Studio::new();
    let ada = someone(&studio, "Ada", Role::Editor);
    let mut tab = ada.join(&studio).await;
    studio.becomes(Mood::Holds);
    tab.types("a", "last words").await;
    let closing = studio.rooms.close();
    tokio::pin!(closing);
    tokio::select! {
        () = &mut closing => panic!("there was something in hand"),
        () = async { while studio.ledger.appends.load(Ordering::Relaxed) == 0 { tokio::task::yield_now().await } } => {}
    }
    studio.becomes(Mood::Works);
    closing.await;
    while tab.closed.is_none() {
        tab.hears().await;
    }
    assert_eq!(
        tab.client.unacknowledged(),
        0,
        "it was acknowledged before the socket closed"
    );
    assert_eq!(tab.closed.as_ref().map(|(code, _)| *code), Some(1012));
    assert_eq!(studio.disk.snapshots(&studio.notebook), [0, 1]);
    let refusal = Tab::open(&studio, &ada).await.err();
    assert!(
        matches!(refusal, Some(Error::Unavailable { .. })),
        "{refusal:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_ever_for_a_disk() {
    let studio = Studio::with(Config {
        drain: Duration::from_secs(2),
        ..Config::default()
    });
    let mut tab = someone(&studio, "Ada", Role::Editor).join(&studio).await;
    studio.becomes(Mood::Holds);
    tab.types("a", "x").await;
    let start = tokio::time::Instant::now();
    studio.rooms.close().await;
    assert!(start.elapsed() <= Duration::from_secs(4));
    assert!(
        tab.client.unacknowledged() > 0,
        "and nothing is said to be saved that is not"
    );
}

#[tokio::test]
async fn a_notebook_that_is_not_there_cannot_be_joined_and_leaves_no_room_behind() {
    let studio = Studio::new();
    let ada = someone(&studio, "Ada", Role::Editor);
    let (wire, _inbox) = crate::studio::wire(isize::MAX);
    let say = Say::Join {
        client: crate::studio::fresh_client(),
        revision: None,
        runs: None,
    };
    let nowhere = NotebookId::from_parts(1, 99);
    let refusal = studio
        .rooms
        .join(ada.caller(), ada.may, &nowhere, say, wire)
        .await
        .err();
    assert_eq!(refusal.map(|error| error.status()), Some(404));
    while studio.rooms.open_rooms() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_join_given_up_takes_no_seat() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
    );
    let mut one = ada.join(&studio).await;
    studio.becomes(Mood::Holds);
    one.types("a", "1").await;
    {
        let joining = grace.join(&studio);
        tokio::select! {
            biased;
            _ = joining => panic!("it has to wait for the disk"),
            () = tokio::task::yield_now() => {}
        }
    }
    studio.becomes(Mood::Works);
    one.settles().await;
    let two = grace.join(&studio).await;
    assert_eq!(two.joined.people.len(), 2);
}

#[tokio::test]
async fn leaving_by_word_is_leaving() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
    );
    let (mut one, two) = (ada.join(&studio).await, grace.join(&studio).await);
    two.say(Say::Leave).await;
    one.hears_until(|hear| matches!(hear, Hear::People { people, .. } if people.len() == 1))
        .await;
}

#[tokio::test]
async fn a_new_name_reaches_everyone_here_and_whoever_comes() {
    let studio = Studio::new();
    let mut one = someone(&studio, "Ada", Role::Editor).join(&studio).await;
    studio.rooms.renamed(&studio.notebook, "Tides").await;
    one.hears_until(|hear| matches!(hear, Hear::Renamed { title } if title == "Tides"))
        .await;
    let two = someone(&studio, "Eve", Role::Viewer).join(&studio).await;
    assert_eq!(two.joined.title, "Tides");
}
