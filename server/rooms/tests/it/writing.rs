//! Writing together.

use datalayer::{Live, Role};
use notebook::wire::{Hear, JoinedState};

use crate::studio::{Studio, cell, someone};

#[tokio::test]
async fn two_people_who_type_in_one_cell_at_once_end_with_the_same_text() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
    );
    let (mut one, mut two) = (ada.join(&studio).await, grace.join(&studio).await);
    for round in 0..20 {
        one.types("a", &format!("x{round};")).await;
        two.types("a", &format!("y{round};")).await;
    }
    one.settles().await;
    two.settles().await;
    let snapshot = studio.document().await;
    one.settles_at(snapshot.revision).await;
    two.settles_at(snapshot.revision).await;
    assert_eq!(*one.client.document(), snapshot.document);
    assert_eq!(*two.client.document(), snapshot.document);
    let text = one.text("a");
    for round in 0..20 {
        assert_eq!(text.matches(&format!("x{round};")).count(), 1, "{text}");
        assert_eq!(text.matches(&format!("y{round};")).count(), 1, "{text}");
    }
}

#[tokio::test]
async fn an_author_hears_an_acknowledgement_and_the_others_the_batch() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
    );
    let (mut one, mut two) = (ada.join(&studio).await, grace.join(&studio).await);
    one.types("a", "1").await;
    two.hears_until(
        |hear| matches!(hear, Hear::Batch { author, .. } if *author == ada.user.id.to_string()),
    )
    .await;
    one.settles().await;
    assert!(
        !one.heard
            .iter()
            .any(|hear| matches!(hear, Hear::Batch { .. }))
    );
    assert!(
        !two.heard
            .iter()
            .any(|hear| matches!(hear, Hear::Ack { .. }))
    );
    let log = studio.disk.log(&studio.notebook);
    assert_eq!(
        (log[0].author.clone(), log[0].author_name.as_str()),
        (ada.user.id.clone(), "Ada")
    );
}

#[tokio::test]
async fn who_comes_back_with_a_revision_gets_only_what_came_since() {
    let studio = Studio::new();
    let (ada, grace) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Grace", Role::Editor),
    );
    let (mut one, mut two) = (ada.join(&studio).await, grace.join(&studio).await);
    one.types("a", "1").await;
    one.settles().await;
    two.settles_at(1).await;
    two.types("b", "2").await;
    two.settles().await;
    one.rejoin(&studio, &ada).await;
    let JoinedState::Since(since) = &one.joined.state else {
        panic!("the log reaches back")
    };
    assert_eq!(
        since.iter().map(|batch| batch.revision).collect::<Vec<_>>(),
        [2]
    );
    assert_eq!((one.text("a"), one.text("b")), ("1".into(), "2".into()));
}

#[tokio::test]
async fn a_revision_from_the_future_is_answered_with_the_document() {
    let studio = Studio::new();
    let ada = someone(&studio, "Ada", Role::Editor);
    let client = crate::studio::fresh_client();
    let seating = crate::studio::take_seat(&studio, &ada, client, Some(99), None, isize::MAX)
        .await
        .unwrap();
    assert!(
        matches!(seating.1.state, JoinedState::Snapshot(ref snapshot) if snapshot.revision == 0)
    );
}

#[tokio::test]
async fn a_batch_that_does_not_fit_is_refused_with_the_document_and_changes_nothing() {
    let studio = Studio::new();
    let ada = someone(&studio, "Ada", Role::Editor);
    let mut tab = ada.join(&studio).await;
    let delta = notebook::Delta::splice(100, 5, "x");
    let operations = vec![notebook::Operation::EditSource {
        cell: cell("a"),
        delta,
    }];
    tab.submit(notebook::Submission {
        client: tab.client.id().clone(),
        sequence: 1,
        base: 0,
        operations,
    })
    .await;
    let refused = tab
        .hears_until(|hear| matches!(hear, Hear::Refused { .. }))
        .await;
    let Hear::Refused { why, resync, .. } = refused else {
        unreachable!()
    };
    assert_eq!(why, notebook::Refused::OutOfRange(cell("a")));
    assert_eq!(resync, studio.rooms.snapshot(&studio.notebook).await);
    assert_eq!(studio.disk.log(&studio.notebook), Vec::new());
}
