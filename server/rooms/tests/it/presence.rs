//! Presence: who is here and where.

use std::time::Duration;

use datalayer::{Live, Role};
use notebook::presence::{Place, Selection, color_of};
use notebook::wire::{Hear, Say};
use tokio::time::Instant;

use crate::studio::{Studio, cell, someone};

fn caret(at: u32) -> Option<Place> {
    Some(Place {
        cell: cell("a"),
        selection: Some(Selection {
            anchor: at,
            head: at,
        }),
    })
}

#[tokio::test]
async fn everyone_knows_who_is_here_by_the_names_the_studio_gives() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Viewer),
    );
    let mut one = ada.join(&studio).await;
    let two = grace.join(&studio).await;
    let people = one
        .hears_until(|hear| matches!(hear, Hear::People { .. }))
        .await;
    let Hear::People { people, .. } = people else {
        unreachable!()
    };
    assert_eq!(people, two.joined.people);
    let names: Vec<_> = people
        .iter()
        .map(|person| (person.name.as_str(), person.user.clone()))
        .collect();
    assert_eq!(
        names,
        [
            ("Ada", ada.user.id.to_string()),
            ("Grace", grace.user.id.to_string())
        ]
    );
    assert_eq!(
        people[0].color,
        color_of(ada.user.id.as_str()),
        "nobody had it"
    );
    assert_ne!(people[0].color, people[1].color);
    drop(two);
    one.hears_until(|hear| matches!(hear, Hear::People { people, .. } if people.len() == 1))
        .await;
}

#[tokio::test]
async fn the_house_knows_who_is_in_which_room() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Viewer),
    );
    assert!(studio.rooms.open().is_empty());
    assert!(studio.rooms.present(&studio.notebook).await.is_empty());
    let one = ada.join(&studio).await;
    let two = grace.join(&studio).await;
    assert_eq!(studio.rooms.open(), std::slice::from_ref(&studio.notebook));
    let names = |people: Vec<notebook::presence::Present>| -> Vec<String> {
        people.into_iter().map(|person| person.name).collect()
    };
    assert_eq!(
        names(studio.rooms.present(&studio.notebook).await),
        ["Ada", "Grace"]
    );
    drop(one);
    let mut left = names(studio.rooms.present(&studio.notebook).await);
    // A tab that goes tells its room by a message of its own.
    while left.len() == 2 {
        tokio::task::yield_now().await;
        left = names(studio.rooms.present(&studio.notebook).await);
    }
    assert_eq!(left, ["Grace"]);
    drop(two);
}

#[tokio::test]
async fn eight_people_have_eight_colours() {
    let studio = Studio::new();
    let mut tabs = Vec::new();
    for name in ["A", "B", "C", "D", "E", "F", "G", "H"] {
        tabs.push(someone(&studio, name, Role::Viewer).join(&studio).await);
    }
    let mut colors: Vec<u8> = tabs[7]
        .joined
        .people
        .iter()
        .map(|person| person.color)
        .collect();
    colors.sort_unstable();
    assert_eq!(colors, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[tokio::test(start_paused = true)]
async fn a_caret_that_moves_a_thousand_times_a_second_is_told_twenty_times_and_ends_where_it_is() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Viewer),
    );
    let (one, mut two) = (ada.join(&studio).await, grace.join(&studio).await);
    let start = Instant::now();
    for at in 1..=1_000 {
        one.say(Say::Presence {
            place: caret(at),
            revision: None,
        })
        .await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    two.hears_until(|hear| matches!(hear, Hear::Moved { place, .. } if *place == caret(1_000)))
        .await;
    let moved = two
        .heard
        .iter()
        .filter(|hear| matches!(hear, Hear::Moved { .. }))
        .count();
    let seconds = start.elapsed().as_secs_f64();
    assert!(
        moved >= 15 && moved as f64 <= 20.0 * seconds + 1.0,
        "{moved} in {seconds} s"
    );
}

#[tokio::test]
async fn a_caret_goes_along_with_what_others_type_before_it() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
    );
    let (mut one, mut two) = (ada.join(&studio).await, grace.join(&studio).await);
    one.types("a", "hello").await;
    one.settles().await;
    two.settles_at(1).await;
    one.say(Say::Presence {
        place: caret(3),
        revision: None,
    })
    .await;
    two.hears_until(|hear| matches!(hear, Hear::Moved { place, .. } if *place == caret(3)))
        .await;
    let delta = notebook::Delta::splice(0, 0, "ab");
    two.edits(vec![notebook::Operation::EditSource {
        cell: cell("a"),
        delta,
    }])
    .await;
    two.settles().await;
    let three = someone(&studio, "Edsger", Role::Viewer).join(&studio).await;
    assert_eq!(three.joined.people[0].place, caret(5));
}

#[tokio::test]
async fn a_place_far_outside_the_text_harms_nobody() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
    );
    let (one, mut two) = (ada.join(&studio).await, grace.join(&studio).await);
    one.say(Say::Presence {
        place: caret(u32::MAX),
        revision: None,
    })
    .await;
    two.hears_until(|hear| matches!(hear, Hear::Moved { place: Some(_), .. }))
        .await;
    two.types("a", "still here").await;
    two.settles().await;
}
