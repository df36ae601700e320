//! Spaces, members, roles, strangers.

use std::sync::Arc;

use bytes::Bytes;
use datalayer::{
    Format, NewNotebook, NewSpace, Notebook, NotebookChange, PageRequest, Role, Session, Space,
    SpaceChange, UserId,
};

use crate::studio::{Rooms, code};

/// Every verb about a space and a notebook in it, with the code of its refusal, or `-` where it was allowed.
async fn tries(
    who: &Session,
    space: &Space,
    notebook: &Notebook,
    user: &UserId,
) -> Vec<(&'static str, String)> {
    fn answer<T>(answer: datalayer::Result<T>) -> String {
        answer.map_or_else(|error| error.code(), |_| "-".into())
    }
    let (space, notebook) = (&space.id, &notebook.id);
    let ipynb =
        Bytes::from_static(br#"{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}"#);
    vec![
        ("read_space", answer(who.read_space(space).await)),
        (
            "members",
            answer(who.members(space, PageRequest::first()).await),
        ),
        (
            "list_notebooks",
            answer(who.list_notebooks(space, false, PageRequest::first()).await),
        ),
        ("read_notebook", answer(who.read_notebook(notebook).await)),
        ("view_notebook", answer(who.view_notebook(notebook).await)),
        (
            "open_notebook",
            answer(who.open_notebook(notebook, 1_000).await),
        ),
        ("notebook_cover", answer(who.notebook_cover(notebook).await)),
        (
            "read_outputs",
            answer(who.read_outputs(notebook, &[]).await),
        ),
        (
            "export_notebook",
            answer(who.export_notebook(notebook, Format::Ipynb).await),
        ),
        (
            "create_notebook",
            answer(
                who.create_notebook(space, NewNotebook { title: "x".into() })
                    .await,
            ),
        ),
        (
            "import_notebook",
            answer(who.import_notebook(space, "x.ipynb", ipynb).await),
        ),
        (
            "rename_notebook",
            answer(
                who.change_notebook(
                    notebook,
                    NotebookChange {
                        title: Some("y".into()),
                        archived: None,
                    },
                )
                .await,
            ),
        ),
        (
            "change_space",
            answer(
                who.change_space(
                    space,
                    SpaceChange {
                        description: Some("d".into()),
                        ..SpaceChange::default()
                    },
                )
                .await,
            ),
        ),
        (
            "set_member",
            answer(who.set_member(space, "guinea-pig", Role::Viewer).await),
        ),
        (
            "remove_member",
            answer(who.remove_member(space, user).await),
        ),
    ]
}

on_both! {
    async fn every_role_may_what_its_row_says_and_no_more(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let notebook = ada.notebook(&space, "Plan").await;
        for role in Role::ALL {
            let name = role.as_str();
            let pig = match studio.house.all_users().await.unwrap().into_iter().find(|user| user.username == "guinea-pig") {
                Some(pig) => pig,
                None => studio.someone("guinea-pig").await.user,
            };
            ada.set_member(&space.id, "guinea-pig", Role::Viewer).await.unwrap();
            let person = studio.member(name, role, &ada, &space).await;
            for (verb, found) in tries(&person, &space, &notebook, &pig.id).await {
                let needed = match verb {
                    "create_notebook" | "import_notebook" | "rename_notebook" => Role::Editor,
                    "change_space" | "set_member" | "remove_member" => Role::Manager,
                    _ => Role::Viewer,
                };
                assert_eq!(found, if role >= needed { "-" } else { "role.insufficient" }, "{name} {verb}");
            }
            let seen = person.read_space(&space.id).await.unwrap();
            assert_eq!((seen.may, seen.role), (role.may(), role));
            assert_eq!(person.read_notebook(&notebook.id).await.unwrap().may, role.may());
        }
    }

    async fn a_stranger_is_told_that_there_is_nothing_and_nobody_to_sign_in(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Secret").await;
        let notebook = ada.notebook(&space, "Plan").await;
        // Not even an administrator of the studio is anything but a stranger in someone's space.
        let eve = studio.someone("eve").await;
        studio.someone("guinea-pig").await;
        for (verb, found) in tries(&eve, &space, &notebook, &ada.user.id).await {
            let noun = if matches!(verb, "read_outputs" | "notebook_cover") || verb.ends_with("_notebook") && !matches!(verb, "create_notebook" | "import_notebook") { "notebook" } else { "space" };
            assert_eq!(found, format!("{noun}.not_found"), "{verb}");
        }
        for (verb, found) in tries(&studio.nobody(), &space, &notebook, &ada.user.id).await {
            assert_eq!(found, "sign_in.needed", "{verb}");
        }
        assert!(eve.list_spaces(false, PageRequest::first()).await.unwrap().items.is_empty());
        assert!(eve.recent_notebooks(10).await.unwrap().is_empty());
        assert_eq!(code(studio.nobody().create_space(NewSpace { name: "x".into(), description: String::new() }).await), "sign_in.needed");
    }

    async fn the_last_manager_stays_one(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        assert_eq!(code(ada.set_member(&space.id, "ada", Role::Editor).await), "member.last_manager");
        assert_eq!(code(ada.remove_member(&space.id, &ada.user.id).await), "member.last_manager");
        assert_eq!(ada.read_space(&space.id).await.unwrap().role, Role::Manager, "a refused change changes nothing");
        let grace = studio.member("grace", Role::Manager, &ada, &space).await;
        // Both leave at once: one of them must stay.
        let (one, other) = tokio::join!(
            ada.remove_member(&space.id, &ada.user.id),
            grace.remove_member(&space.id, &grace.user.id),
        );
        let refused: Vec<_> = [one.err(), other.err()].into_iter().flatten().map(|error| error.code()).collect();
        assert_eq!(refused, ["member.last_manager"]);
    }

    async fn a_manager_who_cannot_sign_in_does_not_count_as_the_last(studio: Studio) {
        let ada = studio.ada().await;
        let bob = studio.someone("bob").await;
        let space = bob.space("Team").await;
        studio.member("grace", Role::Manager, &bob, &space).await;
        let grace = bob.members(&space.id, PageRequest::first()).await.unwrap().items.into_iter().find(|m| m.username == "grace").unwrap();
        ada.set_disabled(&grace.user, true).await.unwrap();
        assert_eq!(code(bob.remove_member(&space.id, &bob.user.id).await), "member.last_manager");
    }

    async fn a_change_of_role_works_at_once_and_the_rooms_hear_of_it(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let notebook = ada.notebook(&space, "Plan").await;
        let eve = studio.member("eve", Role::Editor, &ada, &space).await;
        let rooms = Arc::new(Rooms::default());
        studio.house.set_live(rooms.clone());
        let mut changes = studio.house.rights_changes();
        let ledger: &dyn datalayer::Ledger = &studio.house;
        assert!(ledger.rights(&notebook.id, &eve.user.id).await.unwrap().edit);
        ada.set_member(&space.id, "eve", Role::Viewer).await.unwrap();
        assert_eq!(ledger.rights(&notebook.id, &eve.user.id).await.unwrap(), Role::Viewer.may());
        ada.remove_member(&space.id, &eve.user.id).await.unwrap();
        assert_eq!(ledger.rights(&notebook.id, &eve.user.id).await.unwrap(), notebook::wire::May::default());
        assert_eq!(code(eve.read_notebook(&notebook.id).await), "notebook.not_found");
        assert_eq!(*rooms.told.lock().unwrap(), [eve.user.id.clone(), eve.user.id.clone()]);
        assert_eq!(changes.recv().await.unwrap(), eve.user.id);
    }

    async fn members_are_listed_with_managers_first_and_people_may_leave(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let zoe = studio.member("zoe", Role::Viewer, &ada, &space).await;
        studio.member("bob", Role::Viewer, &ada, &space).await;
        let members = zoe.members(&space.id, PageRequest::first()).await.unwrap().items;
        assert_eq!(members.iter().map(|m| m.username.as_str()).collect::<Vec<_>>(), ["ada", "bob", "zoe"]);
        assert_eq!(ada.read_space(&space.id).await.unwrap().members, 3);
        zoe.remove_member(&space.id, &zoe.user.id).await.unwrap();
        assert_eq!(code(zoe.read_space(&space.id).await), "space.not_found");
        assert_eq!(code(ada.remove_member(&space.id, &zoe.user.id).await), "member.not_found");
        for unknown in ["who", "", "ada\0", "\u{430}da", "../x"] {
            assert_eq!(code(ada.set_member(&space.id, unknown, Role::Viewer).await), "user.not_found", "{unknown:?}");
        }
    }

    async fn members_come_in_pages_with_the_highest_roles_first(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        for (name, role) in [("zoe", Role::Manager), ("a-b.c", Role::Viewer), ("bob", Role::Viewer), ("kim", Role::Editor), ("eve", Role::Runner), ("cy", Role::Commenter), ("di", Role::Suggester)] {
            studio.member(name, role, &ada, &space).await;
        }
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = ada.members(&space.id, PageRequest { before, limit: 3 }).await.unwrap();
            assert!(page.items.len() <= 3);
            seen.extend(page.items.into_iter().map(|member| member.username));
            before = page.next;
            if before.is_none() { break }
        }
        assert_eq!(seen, ["ada", "zoe", "kim", "eve", "di", "cy", "a-b.c", "bob"]);
        for bad in ["x", "ada~x", "a\0~1", "~'; drop table users"] {
            let page = PageRequest { before: Some(bad.into()), limit: 2 };
            assert_eq!(code(ada.members(&space.id, page).await), "page.before", "{bad:?}");
        }
    }

    async fn an_archived_space_is_there_to_be_read(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Old").await;
        let notebook = ada.notebook(&space, "Plan").await;
        let eve = studio.member("eve", Role::Editor, &ada, &space).await;
        let archive = |archived| SpaceChange { archived: Some(archived), ..SpaceChange::default() };
        assert_eq!(code(eve.change_space(&space.id, archive(true)).await), "role.insufficient");
        ada.change_space(&space.id, archive(true)).await.unwrap();
        assert!(!ada.list_spaces(false, PageRequest::first()).await.unwrap().items.iter().any(|s| s.id == space.id));
        assert!(ada.list_spaces(true, PageRequest::first()).await.unwrap().items.iter().any(|s| s.id == space.id));
        let seen = eve.view_notebook(&notebook.id).await.unwrap().notebook;
        assert!(seen.may.view && !seen.may.edit && !seen.may.run);
        assert_eq!(code(eve.create_notebook(&space.id, NewNotebook { title: "x".into() }).await), "archived");
        assert_eq!(code(eve.change_notebook(&notebook.id, NotebookChange { title: Some("x".into()), archived: None }).await), "archived");
        assert_eq!(code(eve.change_notebook(&notebook.id, NotebookChange { title: None, archived: Some(false) }).await), "archived");
        assert_eq!(code(ada.set_member(&space.id, "eve", Role::Manager).await), "archived");
        assert!(!eve.recent_notebooks(10).await.unwrap().iter().any(|n| n.id == notebook.id));
        ada.change_space(&space.id, archive(false)).await.unwrap();
        assert!(eve.read_notebook(&notebook.id).await.unwrap().may.edit);
    }

    async fn a_name_is_cleaned_and_one_of_nothing_is_refused(studio: Studio) {
        let ada = studio.ada().await;
        let new = |name: &str| NewSpace { name: name.into(), description: "  two \r\n lines\u{202e} ".into() };
        let space = ada.create_space(new("  Cafe\u{301}\u{202e}  team \0")).await.unwrap();
        assert_eq!((space.name.as_str(), space.description.as_str()), ("Caf\u{e9} team", "two\nlines"));
        assert_eq!(ada.create_space(new("<img src=x onerror=alert(1)>")).await.unwrap().name, "<img src=x onerror=alert(1)>");
        for (name, expected) in [("", "name.empty"), (" \u{200b}\u{202e} ", "name.empty"), (&*"x".repeat(101), "name.too_long")] {
            let refused = ada.create_space(new(name)).await.unwrap_err();
            assert_eq!((refused.code().as_str(), refused.status()), (expected, 422));
        }
        ada.create_space(new(&"\u{e9}".repeat(100))).await.unwrap();
    }

    async fn spaces_come_in_pages_by_name_even_where_names_are_equal(studio: Studio) {
        studio.ada().await;
        let bob = studio.someone("bob").await;
        for name in ["delta", "Alpha", "beta", "beta", "Beta", "gamma~1"] {
            bob.space(name).await;
        }
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = bob.list_spaces(false, PageRequest { before, limit: 2 }).await.unwrap();
            assert!(page.items.len() <= 2);
            seen.extend(page.items.into_iter().map(|space| space.name.to_lowercase()));
            before = page.next;
            if before.is_none() { break }
        }
        assert_eq!(seen, ["alpha", "beta", "beta", "beta", "delta", "gamma~1"]);
        for bad in ["x", "a\0~space_1", "~'; drop table users"] {
            let page = PageRequest { before: Some(bad.into()), limit: 2 };
            assert_eq!(code(bob.list_spaces(false, page).await), "page.before", "{bad:?}");
        }
    }
}
