//! Limits: too many, too fast, too slow.

use std::time::Duration;

use datalayer::{Error, Live, Role};
use notebook::wire::{Hear, Say};
use rooms::Config;
use tokio::time::Instant;

use crate::studio::{Studio, Tab, cell, fresh_client, someone, take_seat};

#[tokio::test]
async fn the_two_hundred_and_first_is_told_that_the_room_is_full() {
    let studio = Studio::new();
    let ada = someone(&studio, "Ada", Role::Editor);
    let mut seats = Vec::new();
    for _ in 0..200 {
        seats.push(
            take_seat(&studio, &ada, fresh_client(), None, None, isize::MAX)
                .await
                .unwrap(),
        );
    }
    let refusal = Tab::open(&studio, &ada).await.err();
    let Some(Error::Unavailable { code, reason }) = &refusal else {
        panic!("{refusal:?}")
    };
    assert_eq!(
        (code.as_str(), refusal.as_ref().unwrap().status()),
        ("room.full", 503)
    );
    assert!(reason.contains("room is full"), "{reason}");
    seats.pop();
    Tab::open(&studio, &ada).await.unwrap();
}

#[tokio::test]
async fn a_tab_that_does_not_read_leaves_alone_and_the_others_never_notice() {
    let studio = Studio::new();
    let (ada, grace, eve) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
        someone(&studio, "Eve", Role::Viewer),
    );
    let (mut one, mut two, mut slow) = (
        ada.join(&studio).await,
        grace.join(&studio).await,
        eve.join(&studio).await,
    );
    slow.stalls_after(2);
    for round in 0..10 {
        one.types("a", &format!("{round}")).await;
        one.settles().await;
    }
    two.settles_at(10).await;
    assert_eq!(two.text("a"), "0123456789");
    while slow.closed.is_none() {
        slow.hears().await;
    }
    assert_eq!(slow.closed, Some((1013, "too slow; reconnect".to_owned())));
    two.hears_until(|hear| matches!(hear, Hear::People { people, .. } if people.len() == 2))
        .await;
    slow.rejoin(&studio, &eve).await;
    assert_eq!(slow.text("a"), "0123456789");
}

#[tokio::test(start_paused = true)]
async fn a_hasty_tab_is_slowed_down_and_loses_nothing() {
    let studio = Studio::new();
    let ada = someone(&studio, "Ada", Role::Editor);
    let mut tab = ada.join(&studio).await;
    let start = Instant::now();
    for sequence in 1..=300 {
        let delta = notebook::Delta::splice(0, 0, "x");
        let operations = vec![notebook::Operation::EditSource {
            cell: cell("a"),
            delta,
        }];
        let client = tab.client.id().clone();
        tab.say(Say::Submit {
            client,
            sequence,
            base: sequence - 1,
            operations,
        })
        .await;
    }
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(3_950) && took < Duration::from_secs(5),
        "{took:?}"
    );
    tab.hears_until(|hear| matches!(hear, Hear::Sorry { code, .. } if code == "rate"))
        .await;
    let snapshot = studio.document().await;
    assert_eq!(
        snapshot.document.cell(&cell("a")).unwrap().source.len(),
        300
    );
}

#[tokio::test]
async fn a_room_with_its_hands_full_makes_its_tabs_wait_and_a_wait_given_up_loses_nothing() {
    let studio = Studio::with(Config {
        inbox: 2,
        ..Config::default()
    });
    let ada = someone(&studio, "Ada", Role::Editor);
    let mut tab = ada.join(&studio).await;
    studio.becomes(crate::disk::Mood::Holds);
    let submit = |sequence: u64| {
        let delta = notebook::Delta::splice(0, 0, "x");
        let operations = vec![notebook::Operation::EditSource {
            cell: cell("a"),
            delta,
        }];
        Say::Submit {
            client: tab.client.id().clone(),
            sequence,
            base: sequence - 1,
            operations,
        }
    };
    tab.say(submit(1)).await;
    tab.say(submit(2)).await;
    let third = tokio::time::timeout(Duration::from_millis(50), tab.seat.hear(submit(3))).await;
    assert!(
        third.is_err(),
        "the third has to wait until the first two are durable"
    );
    studio.becomes(crate::disk::Mood::Works);
    tab.say(submit(3)).await;
    tab.hears_until(|hear| matches!(hear, Hear::Ack { sequence: 3, .. }))
        .await;
    assert_eq!(studio.disk.log(&studio.notebook).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_joins_of_one_person_in_a_minute_are_too_many() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
    );
    let mut refused = None;
    for _ in 0..10_000 {
        match take_seat(&studio, &ada, fresh_client(), None, None, isize::MAX).await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(6)).await,
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    assert_eq!(refused.map(|error| error.status()), Some(429));
    Tab::open(&studio, &grace).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    Tab::open(&studio, &ada).await.unwrap();
}

#[tokio::test]
async fn a_ping_is_answered() {
    let studio = Studio::new();
    let mut tab = someone(&studio, "Ada", Role::Viewer).join(&studio).await;
    tab.say(Say::Ping { at: 12.5 }).await;
    tab.hears_until(|hear| matches!(hear, Hear::Pong { at } if *at == 12.5))
        .await;
    assert!(
        tab.seat
            .hear(Say::Join {
                client: fresh_client(),
                revision: None,
                runs: None
            })
            .await
            .is_err()
    );
    assert!(studio.rooms.snapshot(&studio.notebook).await.is_some());
}
