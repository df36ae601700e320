//! Personal tokens: whom they speak for, how far they reach, and when they end.

use datalayer::{
    CreatedToken, Key, NewNotebook, NewSpace, NewToken, PageRequest, PasswordChange, Role, Scopes,
    Session,
};

use crate::studio::{PASSWORD, Person, Studio, code, new_user};

const DAY: i64 = 24 * 60 * 60;

fn token(scopes: &str) -> NewToken {
    NewToken {
        name: "a program".into(),
        scopes: scopes.parse::<Scopes>().unwrap(),
        days: 90,
    }
}

/// What a door does with `Authorization: Bearer`.
async fn program(studio: &Studio, created: &CreatedToken) -> Session {
    studio
        .house
        .visit(studio.house.caller_with(&created.secret).await.unwrap())
}

async fn made(person: &Person, scopes: &str) -> CreatedToken {
    person.create_token(token(scopes)).await.unwrap()
}

async fn refused(studio: &Studio, secret: &str) -> String {
    code(studio.house.caller_with(secret).await)
}

on_both! {
    async fn a_token_speaks_for_its_person_within_its_scopes(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Lab").await;
        let reader = program(&studio, &made(&ada, "read").await).await;
        assert_eq!(reader.caller().user(), Some(&ada.user));
        let seen = reader.read_space(&space.id).await.unwrap();
        assert!(seen.may.view && !seen.may.edit && !seen.may.manage && !seen.may.run, "{:?}", seen.may);
        let new = || NewNotebook { title: "x".into() };
        assert_eq!(code(reader.create_notebook(&space.id, new()).await), "token.scope");
        assert_eq!(code(reader.create_space(NewSpace { name: "x".into(), description: String::new() }).await), "token.scope");
        assert_eq!(code(reader.set_member(&space.id, "ada", Role::Manager).await), "token.scope");
        assert_eq!(code(reader.list_users(PageRequest::first()).await), "token.scope");

        let writer = program(&studio, &made(&ada, "write").await).await;
        let notebook = writer.create_notebook(&space.id, new()).await.unwrap();
        assert!(notebook.may.edit && !notebook.may.run);
        let administrator = program(&studio, &made(&ada, "admin").await).await;
        administrator.create_user(new_user("eve", "Eve")).await.unwrap();
        assert_eq!(code(administrator.create_notebook(&space.id, new()).await), "token.scope");
    }

    async fn a_token_never_exceeds_its_person(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Lab").await;
        let eve = studio.member("eve", Role::Viewer, &ada, &space).await;
        assert_eq!(code(eve.create_token(token("admin")).await.map(|_| ())), "administrator.needed");
        let program = program(&studio, &made(&eve, "write,run").await).await;
        assert_eq!(code(program.create_notebook(&space.id, NewNotebook { title: "x".into() }).await), "role.insufficient");
        assert!(!program.read_space(&space.id).await.unwrap().may.run);
        // What the person loses, the token loses with them.
        ada.remove_member(&space.id, &eve.user.id).await.unwrap();
        assert_eq!(code(program.read_space(&space.id).await), "space.not_found");
    }

    async fn what_is_a_persons_own_no_token_does_for_them(studio: Studio) {
        let ada = studio.ada().await;
        let created = made(&ada, "write,run,admin").await;
        let other = made(&ada, "read").await;
        let program = program(&studio, &created).await;
        assert_eq!(code(program.create_token(token("read")).await.map(|_| ())), "token.not_for_this");
        assert_eq!(code(program.end_token(&other.token.id).await), "token.not_for_this");
        assert_eq!(code(program.end_other_sessions().await), "token.not_for_this");
        let change = PasswordChange { current: PASSWORD.into(), new: "a brand new sentence".into() };
        assert_eq!(code(program.change_password(change).await), "token.not_for_this");
        // But it can put an end to itself.
        program.end_token(&created.token.id).await.unwrap();
        assert_eq!(refused(&studio, &created.secret).await, "token.revoked");
    }

    async fn each_way_a_token_can_be_wrong_has_its_own_name(studio: Studio) {
        let ada = studio.ada().await;
        let created = made(&ada, "read").await;
        let mut typo = created.secret.clone();
        typo.replace_range(10..11, if &typo[10..11] == "x" { "y" } else { "x" });
        for bad in ["", "dl_", &*typo, &created.secret[..51], &*"x".repeat(100_000)] {
            assert_eq!(refused(&studio, bad).await, "token.malformed");
        }
        assert_eq!(refused(&studio, &iam::tokens::Token::new().unwrap().text).await, "token.unknown");
        studio.time.pass(90 * DAY - 1);
        studio.house.caller_with(&created.secret).await.unwrap();
        studio.time.pass(2);
        assert_eq!(refused(&studio, &created.secret).await, "token.expired");
        let again = studio.sign_in("ada").await;
        let ended = made(&again, "read").await;
        studio.house.caller_with(&ended.secret).await.unwrap();
        again.end_token(&ended.token.id).await.unwrap();
        assert_eq!(refused(&studio, &ended.secret).await, "token.revoked");
        assert_eq!(code(again.end_token(&ended.token.id).await), "token.not_found");
        assert!(!studio.holds(&ended.secret).await, "a token is no cookie");
        assert_eq!(refused(&studio, &again.secret).await, "token.malformed", "a cookie is no token");
    }

    async fn a_new_password_and_disabling_end_every_token(studio: Studio) {
        let ada = studio.ada().await;
        let eve = studio.someone("eve").await;
        let mut ended = studio.house.ended_keys();
        let first = made(&eve, "read").await;
        let change = PasswordChange { current: PASSWORD.into(), new: "a brand new sentence".into() };
        eve.change_password(change).await.unwrap();
        assert_eq!(ended.recv().await.unwrap(), Key::Token(first.token.id.clone()));
        assert_eq!(refused(&studio, &first.secret).await, "token.revoked");

        let second = made(&eve, "read").await;
        studio.house.reset_password("eve", "given by the operator".into()).await.unwrap();
        assert_eq!(refused(&studio, &second.secret).await, "token.revoked");

        let third = studio.house.add_token("eve", token("read")).await.unwrap();
        ada.set_disabled(&eve.user.id, true).await.unwrap();
        assert_eq!(refused(&studio, &third.secret).await, "token.revoked");
        assert_eq!(code(studio.house.add_token("eve", token("read")).await.map(|_| ())), "user.disabled");
        ada.set_disabled(&eve.user.id, false).await.unwrap();
        assert_eq!(refused(&studio, &third.secret).await, "token.revoked", "enabling brings no token back");
    }

    async fn a_list_says_when_a_token_was_used_and_never_what_it_is(studio: Studio) {
        let ada = studio.ada().await;
        let created = made(&ada, "run").await;
        assert_eq!(ada.tokens().await.unwrap(), std::slice::from_ref(&created.token));
        assert_eq!(created.token.used_at, None);
        studio.time.pass(5);
        studio.house.caller_with(&created.secret).await.unwrap();
        let used = studio.time.now();
        assert_eq!(ada.tokens().await.unwrap()[0].used_at, Some(used));
        // Not with every request: once a minute is enough.
        studio.time.pass(30);
        studio.house.caller_with(&created.secret).await.unwrap();
        assert_eq!(ada.tokens().await.unwrap()[0].used_at, Some(used));
        studio.time.pass(31);
        studio.house.caller_with(&created.secret).await.unwrap();
        assert_eq!(ada.tokens().await.unwrap()[0].used_at, Some(studio.time.now()));
        let told = serde_json::to_string(&ada.tokens().await.unwrap()).unwrap();
        assert!(told.contains(&created.secret[..7]) && !told.contains(&created.secret[..8]), "{told}");
    }

    async fn a_token_that_cannot_be_is_refused_by_field(studio: Studio) {
        let ada = studio.ada().await;
        for (name, days, expected) in [("x", 0, "token.days"), ("x", 367, "token.days"), (" ", 1, "name")] {
            let refused = ada.create_token(NewToken { name: name.into(), scopes: Scopes::default(), days }).await.map(|_| ());
            let refused = refused.unwrap_err();
            assert_eq!(refused.status(), 422, "{refused}");
            assert!(refused.code().starts_with(expected), "{}", refused.code());
        }
    }

    async fn a_hundred_tokens_are_enough(studio: Studio) {
        let ada = studio.ada().await;
        for _ in 0..100 {
            made(&ada, "read").await;
        }
        assert_eq!(code(ada.create_token(token("read")).await.map(|_| ())), "token.too_many");
    }

    async fn what_happened_to_tokens_is_in_the_audit_log(studio: Studio) {
        let ada = studio.ada().await;
        let created = made(&ada, "run").await;
        studio.house.add_token("ada", token("read")).await.unwrap();
        ada.end_token(&created.token.id).await.unwrap();
        let log = studio.facts().await.audit_log(100).await.unwrap();
        let told: Vec<_> = log.iter().map(|(_, actor, action, object, _)| (actor.as_str(), action.as_str(), object.as_str())).collect();
        assert!(told.contains(&(ada.user.id.as_str(), "token.created", created.token.id.as_str())), "{told:?}");
        assert!(told.contains(&(ada.user.id.as_str(), "token.ended", created.token.id.as_str())), "{told:?}");
        assert!(told.iter().any(|(actor, action, _)| (*actor, *action) == ("operator", "token.created")), "{told:?}");
        assert!(log.iter().all(|(.., detail)| !detail.contains(&created.secret)));
    }

    async fn a_token_ended_beside_a_running_server_ends_there(studio: Studio) {
        let ada = studio.ada().await;
        let created = made(&ada, "read").await;
        let mut ended = studio.house.ended_keys();
        let beside = service::House::open_beside(studio.config()).await.unwrap();
        beside.reset_password("ada", "given by the operator".into()).await.unwrap();
        let wanted = Key::Token(created.token.id.clone());
        let told = async { while ended.recv().await.unwrap() != wanted {} };
        tokio::time::timeout(std::time::Duration::from_secs(20), told).await.expect("told within seconds");
        assert_eq!(refused(&studio, &created.secret).await, "token.revoked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_is_anywhere_in_the_database_file() {
    let studio = Studio::on_sqlite().await;
    let ada = studio.ada().await;
    let created = made(&ada, "read").await;
    let secret = created.secret.as_bytes();
    let hint = &secret[..7];
    let mut hints = 0;
    for entry in std::fs::read_dir(studio.config().data).unwrap().flatten() {
        if let Ok(bytes) = std::fs::read(entry.path()) {
            assert!(
                !bytes.windows(8).any(|window| window == &secret[..8]),
                "{:?}",
                entry.path()
            );
            hints += bytes.windows(7).filter(|window| *window == hint).count();
        }
    }
    assert!(hints > 0, "the files are the right ones");
}
