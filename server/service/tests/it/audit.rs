//! The audit log: a chain that shows what was done to it.

use datalayer::{NewSpace, PageRequest};
use sqlx::AssertSqlSafe;

use crate::studio::{Studio, code};

/// Does to the database what no verb does.
async fn meddle(studio: &Studio, words: &str) {
    let config = studio.config();
    let words = AssertSqlSafe(words.to_owned());
    match &config.database {
        Some(url) => {
            let pool = sqlx::PgPool::connect(url).await.unwrap();
            sqlx::raw_sql(words).execute(&pool).await.unwrap();
        }
        None => {
            let file = config.data.join("datalayer.sqlite");
            let pool = sqlx::SqlitePool::connect(&file.display().to_string())
                .await
                .unwrap();
            sqlx::raw_sql(words).execute(&pool).await.unwrap();
        }
    }
}

/// The number of the first entry that does not fit.
async fn broken(studio: &Studio) -> Option<i64> {
    studio
        .house
        .check_audit()
        .await
        .unwrap()
        .broken
        .map(|(number, _)| number)
}

on_both! {
    async fn administrators_read_the_log_in_pages_and_nobody_else_does(studio: Studio) {
        let ada = studio.ada().await;
        let eve = studio.someone("eve").await;
        for n in 0..5 {
            ada.space(&format!("Space {n}")).await;
        }
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = ada.audit_log(PageRequest { before, limit: 3 }).await.unwrap();
            seen.extend(page.items);
            before = page.next;
            if before.is_none() { break }
        }
        let numbers: Vec<_> = seen.iter().map(|entry| entry.number).collect();
        let all: Vec<_> = (1..=numbers[0]).rev().collect();
        assert_eq!(numbers, all, "numbered without a hole, the newest first");
        assert_eq!((seen[0].action.as_str(), seen[0].actor_name.as_str()), ("space.created", "Ada"));
        assert_eq!(code(eve.audit_log(PageRequest::first()).await), "administrator.needed");
        assert_eq!(code(studio.nobody().audit_log(PageRequest::first()).await), "sign_in.needed");
        let bad = PageRequest { before: Some("x".into()), limit: 3 };
        assert_eq!(code(ada.audit_log(bad).await), "page.before");
    }

    async fn whoever_writes_at_once_stands_in_one_chain(studio: Studio) {
        let ada = studio.ada().await;
        let before = studio.house.check_audit().await.unwrap();
        let spaces = (0..20).map(|n| NewSpace { name: format!("Space {n}"), description: String::new() });
        let made: Vec<_> = spaces
            .map(|space| {
                let session = (*ada).clone();
                tokio::spawn(async move { session.create_space(space).await.unwrap() })
            })
            .collect();
        for one in made {
            one.await.unwrap();
        }
        let after = studio.house.check_audit().await.unwrap();
        assert_eq!((after.entries, after.broken), (before.entries + 20, None));
        assert_ne!(after.hash, before.hash);
    }

    async fn an_entry_that_was_changed_is_found(studio: Studio) {
        let ada = studio.ada().await;
        ada.space("Lab").await;
        assert_eq!(broken(&studio).await, None);
        meddle(&studio, "update audit set actor = 'operator' where number = 2").await;
        assert_eq!(broken(&studio).await, Some(2));
    }

    async fn an_entry_that_was_taken_out_is_found(studio: Studio) {
        let ada = studio.ada().await;
        ada.space("Lab").await;
        meddle(&studio, "delete from audit where number = 2").await;
        assert_eq!(broken(&studio).await, Some(3));
        // Numbered anew, the hashes do not fit.
        meddle(&studio, "update audit set number = 2 where number = 3").await;
        assert_eq!(broken(&studio).await, Some(2));
    }

    async fn a_log_that_was_cut_is_found(studio: Studio) {
        let ada = studio.ada().await;
        ada.space("Lab").await;
        let entries = studio.house.check_audit().await.unwrap().entries;
        meddle(&studio, &format!("delete from audit where number = {entries}")).await;
        assert_eq!(broken(&studio).await, Some(entries));
    }

    async fn an_old_hash_is_renewed_by_the_sign_in_that_proves_it(studio: Studio) {
        studio.ada().await;
        // `a long enough sentence`, hashed with a third of the work.
        let old = "$argon2id$v=19$m=8192,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$BoLDFVBcocdUilqPYOCAVaymPYCo9sc/D2gmJTrqh4o";
        meddle(&studio, &format!("update users set password = '{old}' where username = 'ada'")).await;
        let wrong = crate::studio::credentials("ada", "not the password");
        assert_eq!(code(studio.nobody().sign_in(wrong).await), "sign_in.refused");
        let stored = || async { studio.facts().await.user_by_username("ada").await.unwrap().unwrap().password };
        assert_eq!(stored().await, old, "a wrong password renews nothing");
        studio.sign_in("ada").await;
        let new = stored().await;
        assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
        studio.sign_in("ada").await;
        assert_eq!(stored().await, new, "and a new one stays");
    }
}
