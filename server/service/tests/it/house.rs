//! One studio per data directory.

use datalayer::Ledger;
use service::{Config, House};

use crate::ledger::entry;
use crate::postgres::Cluster;
use crate::studio::{Studio, code};

on_both! {
    async fn a_second_server_on_one_directory_is_told_who_has_it(studio: Studio) {
        let refused = House::open(studio.config()).await.err().unwrap();
        assert_eq!(refused.code(), "data.in_use");
        assert!(refused.to_string().contains(&format!("in use by process {}", std::process::id())), "{refused}");
        House::open_beside(studio.config()).await.unwrap();
        let studio = studio.restarted().await;
        studio.house.ping().await.unwrap();
    }

    async fn what_was_there_before_a_restart_is_there_after_it(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let notebook = ada.notebook(&space, "Plan").await;
        let secret = ada.secret.clone();
        let studio = studio.restarted().await;
        let again = studio.visit(&secret).await;
        assert_eq!(again.read_space(&space.id).await.unwrap().name, "Team");
        assert_eq!(again.read_notebook(&notebook.id).await.unwrap(), notebook);
    }

    async fn a_closed_studio_says_so(studio: Studio) {
        let ada = studio.ada().await;
        studio.house.close().await;
        assert_eq!(code(ada.recent_notebooks(1).await), "studio.closing");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let database = Some("postgres://ada:hush-hush@127.0.0.1:1/none".to_owned());
    let refused = House::open(Config {
        database,
        ..Config::new(folder.path())
    })
    .await
    .err()
    .unwrap();
    assert_eq!(
        (refused.code().as_str(), refused.status()),
        ("database.unreachable", 503)
    );
    let words = refused.to_string();
    assert!(
        words.contains("127.0.0.1, port 1") && !words.contains("hush"),
        "{words}"
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let refused = House::open(Config::new(file.join("data")))
        .await
        .err()
        .unwrap();
    assert_eq!(refused.code(), "data.unwritable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_crashes_is_said_and_saving_goes_on_when_it_is_back() {
    let Some(cluster) = tokio::task::spawn_blocking(Cluster::start).await.unwrap() else {
        crate::postgres::say_skipped();
        return;
    };
    let studio = Studio::at(Some(cluster.fresh_database())).await;
    let ada = studio.ada().await;
    let space = ada.space("Team").await;
    let id = ada.notebook(&space, "Plan").await.id;
    studio
        .house
        .append(&id, vec![entry(&ada.user.id, 1, "tab", 1)])
        .await
        .unwrap();
    cluster.crash();
    let next = vec![entry(&ada.user.id, 2, "tab", 2)];
    let refused = studio.house.append(&id, next.clone()).await.unwrap_err();
    assert_eq!(
        (refused.code().as_str(), refused.status()),
        ("database.unreachable", 503),
        "{refused}"
    );
    cluster.go();
    studio.house.append(&id, next.clone()).await.unwrap();
    assert_eq!(Ledger::open(&studio.house, &id).await.unwrap().log.len(), 2);
}
