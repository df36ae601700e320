//! Spaces and notebooks over REST: roles, import, export, and what strangers see.

use reqwest::Method;
use serde_json::{Value, json};

use crate::studio::{Studio, problem};

const IPYNB: &str = r##"{"cells":[{"cell_type":"markdown","id":"intro","metadata":{},"source":["# Hello"]},
 {"cell_type":"code","execution_count":1,"id":"one","metadata":{},"outputs":[{"name":"stdout","output_type":"stream","text":["2\n"]}],"source":["print(1 + 1)"]}],
 "metadata":{"kernelspec":{"display_name":"Python 3","language":"python","name":"python3"}},"nbformat":4,"nbformat_minor":5}"##;

#[tokio::test]
async fn a_notebook_goes_in_and_comes_out_again() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (space, _) = ada.workplace().await;
    let answer = ada
        .post_bytes(
            &format!("/api/v1/spaces/{space}/import?name=report.ipynb"),
            "application/x-ipynb+json",
            IPYNB,
        )
        .await;
    assert_eq!(answer.status(), 201);
    let place = answer.headers()["location"].to_str().unwrap().to_owned();
    let imported: Value = answer.json().await.unwrap();
    assert_eq!(imported["notebook"]["title"], "report");

    let view: Value = ada
        .get(&format!("{place}/view"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(view["notebook"]["id"], imported["notebook"]["id"]);

    let export = ada.get(&format!("{place}/export")).await;
    assert!(
        export.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .starts_with("attachment; filename=\"report.ipynb\"")
    );
    let exported: Value = serde_json::from_str(&export.text().await.unwrap()).unwrap();
    assert_eq!(exported["cells"][1]["outputs"][0]["text"], json!(["2\n"]));
    let original = ada
        .get(&format!("{place}/export?format=original"))
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(original, IPYNB);
    let script = ada
        .get(&format!("{place}/export?format=percent"))
        .await
        .text()
        .await
        .unwrap();
    assert!(script.contains("print(1 + 1)"));
}

#[tokio::test]
async fn a_form_without_script_imports_and_leads_to_the_notebook() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (space, _) = ada.workplace().await;
    let form = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.ipynb\"\r\nContent-Type: application/json\r\n\r\n{IPYNB}\r\n--edge--\r\n"
    );
    let answer = ada
        .post_bytes(
            &format!("/import/{space}"),
            "multipart/form-data; boundary=edge",
            form.clone(),
        )
        .await;
    assert_eq!(answer.status(), 303);
    assert!(
        answer.headers()["location"]
            .to_str()
            .unwrap()
            .starts_with("/n/nb_")
    );

    let foreign = ada
        .client
        .post(studio.url(&format!("/import/{space}")))
        .header("origin", "https://evil.example")
        .header("content-type", "multipart/form-data; boundary=edge")
        .body(form)
        .send()
        .await
        .unwrap();
    problem(foreign, 403, "csrf.cross_origin").await;
}

#[tokio::test]
async fn what_is_no_notebook_is_refused_with_what_it_looks_like() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (space, _) = ada.workplace().await;
    for body in [
        "",
        "hello",
        "<html></html>",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    ] {
        let answer = ada
            .post_bytes(
                &format!("/api/v1/spaces/{space}/import"),
                "application/octet-stream",
                body,
            )
            .await;
        problem(answer, 422, "notebook.not_json").await;
    }
}

#[tokio::test]
async fn a_stranger_cannot_tell_a_foreign_notebook_from_none() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let eve = studio.person(&ada, "eve").await;
    let (space, notebook) = ada.workplace().await;
    let words = |answer: reqwest::Response| async move {
        let status = answer.status();
        let mut words: Value = answer.json().await.unwrap();
        words["request"] = Value::Null;
        (status, words)
    };
    let missing = "nb_00000000000000000000000000";
    let of_ada = words(eve.get(&format!("/api/v1/notebooks/{notebook}")).await).await;
    let of_nobody = words(eve.get(&format!("/api/v1/notebooks/{missing}")).await).await;
    assert_eq!(of_ada, of_nobody);
    problem(
        eve.get("/api/v1/notebooks/garbage").await,
        404,
        "notebook.not_found",
    )
    .await;
    problem(
        eve.get(&format!("/api/v1/spaces/{space}")).await,
        404,
        "space.not_found",
    )
    .await;
    problem(
        eve.get(&format!(
            "/api/v1/notebooks/{notebook}/blobs/../../etc/passwd"
        ))
        .await,
        404,
        "page.not_found",
    )
    .await;
    problem(
        ada.get(&format!(
            "/api/v1/notebooks/{notebook}/blobs/{}",
            "0".repeat(64)
        ))
        .await,
        404,
        "blob.not_found",
    )
    .await;
}

#[tokio::test]
async fn a_member_may_do_what_their_role_says_and_no_more() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let bob = studio.person(&ada, "bob").await;
    let (space, notebook) = ada.workplace().await;
    let role = |role: &'static str| json!({ "role": role });
    assert_eq!(
        ada.send(
            Method::PUT,
            &format!("/api/v1/spaces/{space}/members/bob"),
            &role("viewer")
        )
        .await
        .status(),
        200
    );
    assert_eq!(
        bob.get(&format!("/api/v1/notebooks/{notebook}/view"))
            .await
            .status(),
        200
    );
    let refused = bob
        .send(
            Method::PATCH,
            &format!("/api/v1/notebooks/{notebook}"),
            &json!({ "title": "Mine" }),
        )
        .await;
    assert_eq!(refused.status(), 403);
    let raised = bob
        .send(
            Method::PUT,
            &format!("/api/v1/spaces/{space}/members/bob"),
            &role("manager"),
        )
        .await;
    assert_eq!(raised.status(), 403);
    assert_eq!(
        ada.send(
            Method::PUT,
            &format!("/api/v1/spaces/{space}/members/bob"),
            &role("editor")
        )
        .await
        .status(),
        200
    );
    assert_eq!(
        bob.send(
            Method::PATCH,
            &format!("/api/v1/notebooks/{notebook}"),
            &json!({ "title": "Ours" })
        )
        .await
        .status(),
        200
    );
}

#[tokio::test]
async fn an_unknown_field_changes_nothing() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (space, _) = ada.workplace().await;
    let answer = ada
        .send(
            Method::PATCH,
            &format!("/api/v1/spaces/{space}"),
            &json!({ "name": "Taken over", "role": "owner" }),
        )
        .await;
    problem(answer, 422, "field.unknown").await;
    let unchanged: Value = ada
        .get(&format!("/api/v1/spaces/{space}"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(unchanged["name"], "Lab");
}
