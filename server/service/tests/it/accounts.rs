//! Sign-in, sessions and people.

use std::sync::Arc;

use datalayer::{NewUser, PageRequest, PasswordChange};
use tokio::time::{Duration, timeout};

use crate::studio::{PASSWORD, Rooms, Studio, code, credentials, new_user};

on_both! {
    async fn the_set_up_link_works_once_and_only_the_newest(studio: Studio) {
        assert!(studio.nobody().needs_setup().await.unwrap());
        assert_eq!(code(studio.nobody().set_up("guess", new_user("eve", "Eve")).await.map(drop)), "setup_link.not_found");
        let older = studio.house.setup_link_token().await.unwrap().unwrap();
        let newest = studio.house.setup_link_token().await.unwrap().unwrap();
        assert_eq!(code(studio.nobody().set_up(&older, new_user("eve", "Eve")).await.map(drop)), "setup_link.replaced");
        let opened = studio.nobody().set_up(&newest, new_user("ada", "Ada")).await.unwrap();
        assert!(opened.administrator);
        assert!(!studio.nobody().needs_setup().await.unwrap());
        assert_eq!(code(studio.nobody().set_up(&newest, new_user("eve", "Eve")).await.map(drop)), "setup_link.used");
        assert_eq!(studio.house.setup_link_token().await.unwrap(), None);
    }

    async fn of_two_people_with_the_set_up_link_one_is_first(studio: Studio) {
        let token = studio.house.setup_link_token().await.unwrap().unwrap();
        let (one, other) = (studio.nobody(), studio.nobody());
        let (one, other) = tokio::join!(
            one.set_up(&token, new_user("ada", "Ada")),
            other.set_up(&token, new_user("eve", "Eve")),
        );
        assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|first| **first).count(), 1);
        assert_eq!(studio.house.all_users().await.unwrap().len(), 1);
    }

    async fn a_refused_set_up_leaves_the_link_standing(studio: Studio) {
        let token = studio.house.setup_link_token().await.unwrap().unwrap();
        let weak = NewUser { password: "12345678".into(), ..new_user("ada", "Ada") };
        assert_eq!(code(studio.nobody().set_up(&token, weak).await.map(drop)), "password.too_common");
        studio.nobody().set_up(&token, new_user("ada", "Ada")).await.unwrap();
    }

    async fn the_first_administrator_finds_a_space_and_a_notebook(studio: Studio) {
        let ada = studio.ada().await;
        let spaces = ada.list_spaces(false, PageRequest::first()).await.unwrap();
        assert_eq!(spaces.items.len(), 1);
        assert_eq!(spaces.items[0].name, "Ada’s space");
        assert!(spaces.items[0].may.manage);
        let recent = ada.recent_notebooks(10).await.unwrap();
        assert_eq!(recent.len(), 1);
        assert_eq!(recent[0].edited_by, "Ada");
        let view = ada.view_notebook(&recent[0].id).await.unwrap();
        let cells = view.snapshot.document.cells();
        assert!(cells[0].1.source.starts_with("# Welcome, Ada"));
        assert!(cells.iter().filter(|(_, cell)| cell.kind == notebook::CellKind::Code).count() >= 2);
    }

    async fn whatever_was_wrong_a_sign_in_is_refused_with_one_sentence(studio: Studio) {
        let ada = studio.ada().await;
        let eve = studio.someone("eve").await;
        ada.set_disabled(&eve.user.id, true).await.unwrap();
        let mut answers = Vec::new();
        for (username, password) in [
            ("ada", "not her password"),
            ("nobody-of-that-name", PASSWORD),
            ("eve", PASSWORD),
            ("ada\0", PASSWORD),
            ("ada", &*"x".repeat(5000)),
            (&*"a".repeat(10_000_000), PASSWORD),
            ("", ""),
        ] {
            let refused = studio.nobody().sign_in(credentials(username, password)).await.map(drop).unwrap_err();
            answers.push(refused);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!((answers[0].code().as_str(), answers[0].status()), ("sign_in.refused", 401));
        studio.nobody().sign_in(credentials(" Ada ", PASSWORD)).await.unwrap();
    }

    async fn a_session_is_kept_under_one_id_and_closed_by_it(studio: Studio) {
        let ada = studio.ada().await;
        let again = studio.house.open_session(&ada.secret, &ada.user.id, "").await.unwrap();
        assert_eq!(again, service::Opening::Taken, "an id is nobody else's");
        let mut ended = studio.house.ended_keys();
        studio.house.close_session(&ada.secret).await.unwrap();
        assert_eq!(Some(ended.recv().await.unwrap()), ada.caller().key());
        assert!(!studio.holds(&ada.secret).await);
        // Closing what is closed, or never was, is no failure and no entry.
        studio.house.close_session(&ada.secret).await.unwrap();
        studio.house.close_session("never was").await.unwrap();
        let log = studio.facts().await.audit_log(100).await.unwrap();
        assert_eq!(log.iter().filter(|(_, _, action, ..)| action == "session.ended").count(), 1);
    }

    async fn a_session_is_over_after_12_hours_unused_and_after_30_days(studio: Studio) {
        let ada = studio.ada().await;
        let idle = studio.sign_in("ada").await;
        let day = 24 * 60 * 60;
        studio.time.pass(12 * 60 * 60 - 1);
        assert!(studio.holds(&ada.secret).await, "used within 12 hours");
        studio.time.pass(2);
        assert!(!studio.holds(&idle.secret).await, "nobody used it");
        assert_eq!(ada.sessions().await.unwrap().len(), 1, "a session that is over is not listed");
        for _ in 0..58 {
            studio.time.pass(day / 2 - 60);
            assert!(studio.holds(&ada.secret).await, "used twice a day");
        }
        studio.time.pass(day);
        assert!(!studio.holds(&ada.secret).await, "30 days are over");
    }

    async fn a_guessed_or_cut_cookie_is_nobody(studio: Studio) {
        let ada = studio.ada().await;
        for secret in ["", "x", &ada.secret[1..], &"A".repeat(22), &"\0".repeat(22), &"x".repeat(100_000)] {
            assert!(!studio.holds(secret).await);
        }
    }

    async fn disabling_ends_every_session_at_once_and_tells_the_rooms(studio: Studio) {
        let ada = studio.ada().await;
        let eve = studio.someone("eve").await;
        let rooms = Arc::new(Rooms::default());
        studio.house.set_live(rooms.clone());
        let mut ended = studio.house.ended_keys();
        assert!(studio.holds(&eve.secret).await);
        let disabled = ada.set_disabled(&eve.user.id, true).await.unwrap();
        assert!(disabled.disabled_at.is_some());
        assert!(!studio.holds(&eve.secret).await, "not even for the second an answer is believed");
        assert_eq!(Some(ended.recv().await.unwrap()), eve.caller().key());
        assert_eq!(*rooms.told.lock().unwrap(), std::slice::from_ref(&eve.user.id));
        ada.set_disabled(&eve.user.id, false).await.unwrap();
        assert!(!studio.holds(&eve.secret).await, "enabling brings no session back");
        studio.sign_in("eve").await;
    }

    async fn an_administrator_stays(studio: Studio) {
        let ada = studio.ada().await;
        assert_eq!(code(ada.set_disabled(&ada.user.id, true).await), "user.yourself");
        let grace = ada.create_user(NewUser { administrator: true, ..new_user("grace", "Grace") }).await.unwrap();
        let grace_in = studio.sign_in("grace").await;
        // Both at once: one of them must stay.
        let (one, other) = tokio::join!(ada.set_disabled(&grace.id, true), grace_in.set_disabled(&ada.user.id, true));
        let refused: Vec<_> = [one.err(), other.err()].into_iter().flatten().map(|error| error.code()).collect();
        assert_eq!(refused, ["user.last_administrator"]);
    }

    async fn a_new_password_ends_the_other_sessions_and_keeps_this_one(studio: Studio) {
        let ada = studio.ada().await;
        let elsewhere = studio.sign_in("ada").await;
        let change = |current: &str, new: &str| PasswordChange { current: current.into(), new: new.into() };
        assert_eq!(code(ada.change_password(change("wrong", "another long sentence")).await), "password.wrong");
        assert_eq!(code(ada.change_password(change(PASSWORD, "short")).await), "password.too_short");
        assert!(studio.holds(&elsewhere.secret).await);
        ada.change_password(change(PASSWORD, "another long sentence")).await.unwrap();
        assert!(studio.holds(&ada.secret).await);
        assert!(!studio.holds(&elsewhere.secret).await);
        assert_eq!(code(studio.nobody().sign_in(credentials("ada", PASSWORD)).await.map(drop)), "sign_in.refused");
        studio.nobody().sign_in(credentials("ada", "another long sentence")).await.unwrap();
    }

    async fn you_see_and_end_your_sessions_and_nobody_elses(studio: Studio) {
        let ada = studio.ada().await;
        let eve = studio.someone("eve").await;
        studio.time.pass(1);
        let laptop = studio.remember(&ada.user, "Laptop\r\n\u{202e}x").await;
        studio.time.pass(1);
        let tablet = studio.remember(&ada.user, &"T".repeat(1000)).await;
        let sessions = ada.sessions().await.unwrap();
        assert_eq!(sessions.iter().map(|s| (s.agent.len(), s.current)).collect::<Vec<_>>(), [(200, false), (8, false), (7, true)]);
        assert_eq!(code(eve.end_session(&sessions[0].id).await), "session.not_found");
        ada.end_session(&sessions[0].id).await.unwrap();
        assert!(!studio.holds(&tablet).await);
        assert!(studio.holds(&laptop).await);
        ada.end_other_sessions().await.unwrap();
        assert!(!studio.holds(&laptop).await);
        assert!(studio.holds(&eve.secret).await);
    }

    async fn names_and_passwords_that_break_a_rule_are_refused_by_it(studio: Studio) {
        let ada = studio.ada().await;
        for (username, expected) in [
            ("admin", "username.reserved"), ("ADMIN", "username.upper_case"), ("\u{430}dmin", "username.character"),
            ("a b", "username.character"), ("../x", "username.character"), ("-x", "username.start"),
            (&*"x".repeat(65), "username.too_long"),
        ] {
            let refused = ada.create_user(new_user(username, "")).await.unwrap_err();
            assert_eq!((refused.code().as_str(), refused.status()), (expected, 422), "{username:?}");
        }
        for (password, expected) in [
            ("7 chars", "password.too_short"), ("password1", "password.too_common"), (&*"x y".repeat(342), "password.too_long"),
        ] {
            let refused = ada.create_user(NewUser { password: password.into(), ..new_user("bob", "") }).await.unwrap_err();
            assert_eq!((refused.code().as_str(), refused.status()), (expected, 422), "{password:?}");
        }
        for (username, password) in [("nul", "nul\0 and \u{1f511} as received"), ("long", &*"xy".repeat(512))] {
            ada.create_user(NewUser { password: password.into(), ..new_user(username, "") }).await.unwrap();
            studio.nobody().sign_in(credentials(username, password)).await.unwrap();
        }
        assert_eq!(code(ada.create_user(new_user("nul", "")).await), "username.taken");
    }

    async fn people_are_administered_by_administrators_only(studio: Studio) {
        let ada = studio.ada().await;
        let eve = studio.someone("eve").await;
        for (person, expected) in [(&*eve, "administrator.needed"), (&studio.nobody(), "sign_in.needed")] {
            assert_eq!(code(person.create_user(new_user("mallory", "")).await), expected);
            assert_eq!(code(person.list_users(PageRequest::first()).await), expected);
            assert_eq!(code(person.set_disabled(&ada.user.id, true).await), expected);
        }
    }

    async fn people_come_in_pages_the_newest_first(studio: Studio) {
        let ada = studio.ada().await;
        for name in ["b1", "b2", "b3", "b4"] {
            studio.time.pass(1);
            ada.create_user(new_user(name, "")).await.unwrap();
        }
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = ada.list_users(PageRequest { before, limit: 2 }).await.unwrap();
            seen.extend(page.items.into_iter().map(|user| user.username));
            before = page.next;
            if before.is_none() { break }
        }
        assert_eq!(seen, ["b4", "b3", "b2", "b1", "ada"]);
        let bad = PageRequest { before: Some("x\0".into()), limit: 2 };
        assert_eq!(ada.list_users(bad).await.unwrap_err().status(), 422);
    }

    async fn a_password_reset_beside_a_running_server_closes_the_sockets_there(studio: Studio) {
        let ada = studio.ada().await;
        let mut ended = studio.house.ended_keys();
        let beside = service::House::open_beside(studio.config()).await.unwrap();
        beside.reset_password("ada", "given by the operator".into()).await.unwrap();
        let told = timeout(Duration::from_secs(20), ended.recv()).await.expect("told within seconds").unwrap();
        assert_eq!(Some(told), ada.caller().key());
        assert!(!studio.holds(&ada.secret).await);
        studio.nobody().sign_in(credentials("ada", "given by the operator")).await.unwrap();
    }

    async fn what_happened_to_accounts_is_in_the_audit_log(studio: Studio) {
        let ada = studio.ada().await;
        let eve = studio.someone("eve").await;
        ada.set_disabled(&eve.user.id, true).await.unwrap();
        let log = studio.facts().await.audit_log(100).await.unwrap();
        let told: Vec<_> = log.iter().map(|(_, actor, action, object, _)| (actor.as_str(), action.as_str(), object.as_str())).collect();
        assert!(told.contains(&(ada.user.id.as_str(), "user.disabled", eve.user.id.as_str())), "{told:?}");
        assert!(told.contains(&("operator", "user.created", eve.user.id.as_str())), "{told:?}");
        assert!(log.iter().all(|(.., detail)| !detail.contains(PASSWORD)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_anywhere_in_the_database_file() {
    let studio = Studio::on_sqlite().await;
    let token = studio.house.setup_link_token().await.unwrap().unwrap();
    let nobody = studio.nobody();
    let ada = nobody.set_up(&token, new_user("ada", "Ada")).await.unwrap();
    let session = studio.remember(&ada, "Firefox").await;
    let holds = |needle: &str| {
        std::fs::read_dir(studio.config().data)
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().is_file())
            .any(|entry| {
                let bytes = std::fs::read(entry.path()).unwrap();
                bytes
                    .windows(needle.len())
                    .any(|window| window == needle.as_bytes())
            })
    };
    assert!(holds("Ada’s space"), "the files are the right ones");
    for secret in [token.as_str(), session.as_str(), PASSWORD] {
        assert!(!holds(secret));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cells_of_the_welcome_notebook_run_in_plain_python() {
    let studio = Studio::on_sqlite().await;
    let ada = studio.ada().await;
    let recent = ada.recent_notebooks(1).await.unwrap();
    let document = ada
        .view_notebook(&recent[0].id)
        .await
        .unwrap()
        .snapshot
        .document;
    let code: Vec<_> = document
        .cells()
        .into_iter()
        .filter(|(_, cell)| cell.kind == notebook::CellKind::Code)
        .map(|(_, cell)| cell.source.clone())
        .collect();
    let mut python = tokio::process::Command::new("python3");
    match python.args(["-I", "-c", &code.join("\n")]).output().await {
        Ok(out) => {
            assert!(
                out.status.success(),
                "{}",
                String::from_utf8_lossy(&out.stderr)
            );
            assert!(String::from_utf8_lossy(&out.stdout).contains("mean"));
        }
        Err(error) => std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("skipped: python3 ({error})\n").as_bytes(),
        )
        .unwrap(),
    }
}
