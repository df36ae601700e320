//! Conditions: `If-Match` keeps people from writing over each other, `If-None-Match` from reading the same again.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::studio::{Person, Studio, problem};

#[tokio::test]
async fn a_change_made_on_an_old_version_is_refused_and_told_the_new_one() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (_, notebook) = ada.workplace().await;
    let path = format!("/api/v1/notebooks/{notebook}");
    let read = ada.get(&path).await;
    let first = read.headers()["etag"].to_str().unwrap().to_owned();
    let renamed = change(&studio, &ada, &path, &first, "Second").await;
    assert_eq!(renamed.status(), 200);
    let second = renamed.headers()["etag"].to_str().unwrap().to_owned();
    assert_ne!(first, second);
    let stale = change(&studio, &ada, &path, &first, "Third").await;
    let words = problem(stale, 412, "notebook.changed").await;
    assert!(words.contains(&second), "{words}");
    let now: Value = ada.get(&path).await.json().await.unwrap();
    assert_eq!(now["title"], "Second");
    // One of several, or whatever it is.
    let several = format!("\"other\", {second}");
    assert_eq!(
        change(&studio, &ada, &path, &several, "Fourth")
            .await
            .status(),
        200
    );
    assert_eq!(
        change(&studio, &ada, &path, "*", "Fifth").await.status(),
        200
    );
    let bare = change(&studio, &ada, &path, "nonsense", "Sixth").await;
    problem(bare, 400, "condition.malformed").await;
    let without = ada
        .send(Method::PATCH, &path, &json!({ "title": "Seventh" }))
        .await;
    assert_eq!(without.status(), 200);
}

#[tokio::test]
async fn of_two_changes_of_one_version_one_is_made() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (_, notebook) = ada.workplace().await;
    let path = format!("/api/v1/notebooks/{notebook}");
    let version = ada.get(&path).await.headers()["etag"]
        .to_str()
        .unwrap()
        .to_owned();
    let changes = (0..8).map(|n| {
        let (studio, ada, path, version) = (&studio, &ada, path.clone(), version.clone());
        async move {
            change(studio, ada, &path, &version, &format!("By {n}"))
                .await
                .status()
                .as_u16()
        }
    });
    let mut statuses = futures_util::future::join_all(changes).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
}

#[tokio::test]
async fn a_file_one_has_already_is_not_sent_again() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (_, notebook) = ada.workplace().await;
    let mut versions = Vec::new();
    for format in ["ipynb", "percent", "markdown"] {
        let path = format!("/api/v1/notebooks/{notebook}/export?format={format}");
        let first = ada.get(&path).await;
        let version = first.headers()["etag"].to_str().unwrap().to_owned();
        let again = ada
            .client
            .get(studio.url(&path))
            .header("if-none-match", &version)
            .send()
            .await
            .unwrap();
        assert_eq!(again.status(), 304, "{format}");
        assert_eq!(again.headers()["etag"], version.as_str());
        let other = ada
            .client
            .get(studio.url(&path))
            .header("if-none-match", "\"r999.1\"")
            .send()
            .await
            .unwrap();
        assert_eq!(other.status(), 200);
        versions.push(version);
    }
    versions.dedup();
    assert_eq!(versions.len(), 3);
}

async fn change(
    studio: &Studio,
    person: &Person,
    path: &str,
    version: &str,
    title: &str,
) -> Response {
    let request = person
        .client
        .patch(studio.url(path))
        .header("if-match", version);
    request
        .json(&json!({ "title": title }))
        .send()
        .await
        .unwrap()
}
