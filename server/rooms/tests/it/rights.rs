//! Rights: who may write, and whose client an id is.

use datalayer::{Error, Live, Role};
use notebook::Refused;
use notebook::wire::{Hear, May, Say};

use crate::studio::{Studio, Tab, cell, fresh_client, someone, take_seat};

#[tokio::test]
async fn a_viewer_is_refused_and_nobody_hears_of_it() {
    let studio = Studio::new();
    let (ada, eve) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Eve", Role::Viewer),
    );
    let (mut one, mut two) = (ada.join(&studio).await, eve.join(&studio).await);
    two.types("a", "x").await;
    let refused = two
        .hears_until(|hear| matches!(hear, Hear::Refused { .. }))
        .await;
    assert!(matches!(
        refused,
        Hear::Refused {
            sequence: 1,
            why: Refused::ReadOnly,
            ..
        }
    ));
    one.types("a", "y").await;
    one.settles().await;
    two.settles_at(1).await;
    assert_eq!(two.text("a"), "y");
    assert!(
        !one.heard
            .iter()
            .any(|hear| matches!(hear, Hear::Batch { .. }))
    );
}

#[tokio::test]
async fn a_change_of_role_takes_effect_on_an_open_tab() {
    let studio = Studio::new();
    let ada = someone(&studio, "Ada", Role::Editor);
    let mut tab = ada.join(&studio).await;
    tab.types("a", "1").await;
    tab.settles().await;
    studio.disk.grant(&ada.user.id, Role::Viewer.may());
    studio.rooms.rights_changed(&ada.user.id).await;
    tab.hears_until(|hear| matches!(hear, Hear::May { may } if !may.edit && may.view))
        .await;
    tab.types("a", "2").await;
    tab.hears_until(|hear| {
        matches!(
            hear,
            Hear::Refused {
                why: Refused::ReadOnly,
                ..
            }
        )
    })
    .await;
    studio.disk.grant(&ada.user.id, Role::Editor.may());
    studio.rooms.rights_changed(&ada.user.id).await;
    tab.hears_until(|hear| matches!(hear, Hear::May { may } if may.edit))
        .await;
    tab.types("a", "3").await;
    tab.settles().await;
    assert_eq!(
        studio
            .document()
            .await
            .document
            .cell(&cell("a"))
            .unwrap()
            .source,
        "13"
    );
}

#[tokio::test]
async fn who_may_no_longer_see_a_notebook_is_shown_out_and_hears_nothing_more() {
    let studio = Studio::new();
    let (ada, eve) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Eve", Role::Editor),
    );
    let (mut one, mut two) = (ada.join(&studio).await, eve.join(&studio).await);
    studio.disk.grant(&eve.user.id, May::default());
    studio.rooms.rights_changed(&eve.user.id).await;
    let closed = two
        .hears_until(|hear| matches!(hear, Hear::Closed { .. }))
        .await;
    assert!(matches!(
        closed,
        Hear::Closed {
            code: 4403,
            again: false,
            ..
        }
    ));
    two.types("a", "x").await;
    one.types("a", "y").await;
    one.settles().await;
    assert_eq!(
        studio
            .document()
            .await
            .document
            .cell(&cell("a"))
            .unwrap()
            .source,
        "y"
    );
    assert_eq!(two.unheard(), Vec::new());
    one.hears_until(|hear| matches!(hear, Hear::People { people, .. } if people.len() == 1))
        .await;
}

#[tokio::test]
async fn rights_read_just_before_they_changed_do_not_last() {
    let studio = Studio::new();
    let (ada, eve) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Eve", Role::Editor),
    );
    let _open = ada.join(&studio).await;
    // The door has read Eve's rights, and they change before her join arrives.
    studio.disk.grant(&eve.user.id, Role::Viewer.may());
    studio.rooms.rights_changed(&eve.user.id).await;
    let mut tab = eve.join(&studio).await;
    tab.hears_until(|hear| matches!(hear, Hear::May { may } if !may.edit))
        .await;
}

#[tokio::test]
async fn a_batch_under_another_clients_id_closes_the_socket() {
    let studio = Studio::new();
    let (ada, eve) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Eve", Role::Editor),
    );
    let (one, mut two) = (ada.join(&studio).await, eve.join(&studio).await);
    let client = one.client.id().clone();
    two.say(Say::Submit {
        client,
        sequence: 1,
        base: 0,
        operations: Vec::new(),
    })
    .await;
    two.hears_until(|hear| {
        matches!(
            hear,
            Hear::Refused {
                why: Refused::ForeignClient,
                ..
            }
        )
    })
    .await;
    while two.closed.is_none() {
        two.hears().await;
    }
    assert_eq!(two.closed, Some((4403, "room.foreign_client".to_owned())));
    assert_eq!(studio.disk.log(&studio.notebook), Vec::new());
}

#[tokio::test]
async fn a_client_id_that_somebody_else_wrote_with_is_refused_even_after_a_restart() {
    let mut studio = Studio::new();
    let (ada, eve) = (
        someone(&studio, "Ada", Role::Editor),
        someone(&studio, "Eve", Role::Editor),
    );
    let mut tab = ada.join(&studio).await;
    tab.types("a", "1").await;
    tab.settles().await;
    let client = tab.client.id().clone();
    let foreign = |refusal: Result<Tab, Error>| matches!(refusal.err(), Some(Error::Forbidden { code, .. }) if code == "room.foreign_client");
    assert!(foreign(
        Tab::open_with(&studio, &eve, client.clone(), isize::MAX).await
    ));
    studio = studio.crash();
    assert!(foreign(
        Tab::open_with(&studio, &eve, client.clone(), isize::MAX).await
    ));
    assert!(
        Tab::open_with(&studio, &ada, client, isize::MAX)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn nobody_joins_without_the_right_to_see_or_without_saying_join() {
    let studio = Studio::new();
    let mut eve = someone(&studio, "Eve", Role::Viewer);
    let (wire, _inbox) = crate::studio::wire(isize::MAX);
    let refusal = studio
        .rooms
        .join(eve.caller(), eve.may, &studio.notebook, Say::Leave, wire)
        .await
        .err();
    assert_eq!(
        refusal.map(|error| error.code()),
        Some("room.malformed".to_owned())
    );
    eve.may = May::default();
    let refusal = take_seat(&studio, &eve, fresh_client(), None, None, isize::MAX)
        .await
        .err();
    assert_eq!(refusal.map(|error| error.status()), Some(404));
}
