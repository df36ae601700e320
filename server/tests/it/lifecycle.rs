//! Start, configuration, second starts, and the end.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::studio::{PASSWORD, Studio, command};

#[tokio::test]
async fn a_studio_is_alive_and_ready_as_soon_as_it_says_its_address() {
    let studio = Studio::start();
    let nobody = studio.stranger();
    assert_eq!(nobody.get("/healthz").await.text().await.unwrap(), "ok\n");
    assert_eq!(nobody.get("/readyz").await.status(), 200);
}

#[tokio::test]
async fn the_healthcheck_command_finds_a_studio_and_misses_one() {
    let studio = Studio::start();
    let check = || {
        command()
            .args(["healthcheck", "--data"])
            .arg(studio.folder())
            .output()
            .unwrap()
    };
    assert!(check().status.success());
    let folder = studio.stop();
    let missed = command()
        .args(["healthcheck", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(missed.status.code(), Some(1));
}

#[tokio::test]
async fn a_second_studio_on_the_same_data_is_refused_and_told_whose_it_is() {
    let studio = Studio::start();
    let second = command()
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(studio.folder())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let words = String::from_utf8(second.stderr).unwrap();
    assert!(
        words.contains(&format!("in use by process {}", studio.id())),
        "{words}"
    );
    assert_eq!(studio.stranger().get("/healthz").await.status(), 200);
    assert!(studio.folder().join("address").exists());
}

#[tokio::test]
async fn sigterm_ends_a_studio_within_five_seconds_whatever_hangs_on_it() {
    let mut studio = Studio::start();
    // A request that never becomes whole, and a connection that never says a word.
    let mut half = studio.connect();
    half.write_all(b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{").unwrap();
    let _silent = studio.connect();
    assert_eq!(studio.stranger().get("/healthz").await.status(), 200);
    let start = Instant::now();
    studio.signal("TERM");
    assert_eq!(studio.ended_within(Duration::from_secs(5)), Some(0));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(
        !studio.folder().join("address").exists(),
        "the address of a studio that is gone"
    );
}

#[tokio::test]
async fn what_was_made_is_there_after_a_restart_and_the_set_up_link_is_not() {
    let mut studio = Studio::start();
    let ada = studio.ada().await;
    let (space, _) = ada.workplace().await;
    let studio = Studio::start_in(studio.stop(), &[]);
    let ada = studio.sign_in("ada", PASSWORD).await;
    assert_eq!(
        ada.get(&format!("/api/v1/spaces/{space}")).await.status(),
        200
    );
    let setup: serde_json::Value = ada.get("/api/v1/set-up").await.json().await.unwrap();
    assert_eq!(setup["needed"], false);
}

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("datalayer.toml"),
        "listen = \"from the file\"\n",
    )
    .unwrap();
    let refused = |flag: Option<&str>, variable: Option<&str>| {
        let mut command = command();
        command.arg("serve").arg("--data").arg(folder.path());
        command.args(flag.map(|value| format!("--listen={value}")));
        if let Some(value) = variable {
            command.env("DATALAYER_LISTEN", value);
        }
        let out = command.output().unwrap();
        assert_eq!(out.status.code(), Some(1));
        String::from_utf8(out.stderr).unwrap()
    };
    assert!(refused(None, None).contains("`from the file`"));
    assert!(refused(None, Some("from a variable")).contains("`from a variable`"));
    let words = refused(Some("from a flag"), Some("from a variable"));
    assert_eq!(
        words,
        "datalayer: listen: `from a flag` is not an address with a port; write it as 127.0.0.1:3000\n"
    );
}

#[test]
fn help_explains_every_option_with_its_variable() {
    let out = command().args(["serve", "--help"]).output().unwrap();
    let words = String::from_utf8(out.stdout).unwrap();
    for name in [
        "data",
        "database",
        "listen",
        "public-url",
        "site",
        "kernels",
        "python",
        "log",
        "trusted-proxies",
        "config",
    ] {
        let variable = format!("DATALAYER_{}", name.replace('-', "_").to_uppercase());
        assert!(
            words.contains(&format!("--{name}")) && words.contains(&variable),
            "{name}"
        );
    }
    assert!(!words.contains("kernel-supervisor"));
}

#[tokio::test]
async fn administrators_commands_work_beside_a_running_studio() {
    let studio = Studio::start();
    let mut create = command()
        .args([
            "admin",
            "create-user",
            "grace",
            "--administrator",
            "--password-stdin",
            "--data",
        ])
        .arg(studio.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    create
        .stdin
        .take()
        .unwrap()
        .write_all(format!("{PASSWORD}\n").as_bytes())
        .unwrap();
    let created = create.wait_with_output().unwrap();
    assert!(created.status.success());
    assert!(
        !String::from_utf8(created.stdout)
            .unwrap()
            .contains(PASSWORD)
    );
    let grace = studio.sign_in("grace", PASSWORD).await;

    let list = command()
        .args(["admin", "list-users", "--data"])
        .arg(studio.folder())
        .output()
        .unwrap();
    assert!(String::from_utf8(list.stdout).unwrap().starts_with("grace"));

    let reset = command()
        .args(["admin", "reset-password", "grace", "--data"])
        .arg(studio.folder())
        .output()
        .unwrap();
    let words = String::from_utf8(reset.stdout).unwrap();
    let made = words.trim().rsplit_once(": ").unwrap().1;
    studio.sign_in("grace", made).await;
    // The old sign-in is over, at the latest when the studio next looks.
    let start = Instant::now();
    while grace.get("/api/v1/me").await.status() != 401 {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "the reset did not end the old sign-in"
        );
    }
}

#[test]
fn a_command_that_cannot_be_done_ends_with_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let out = command()
        .args(["admin", "reset-password", "nobody", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(1));
    let words = String::from_utf8(out.stderr).unwrap();
    assert!(
        words.starts_with("datalayer: ") && words.trim().lines().count() == 1,
        "{words}"
    );
}
