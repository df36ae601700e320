//! A kernel that a studio of an older version left: its supervisor does not know every word, and nothing of it is lost.

use std::path::Path;

use datalayer::Runner;
use notebook::runs::{Happening, RunState};
use notebook::wire::KernelState;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

use crate::house::House;

/// The orders that the first supervisors knew.
const KNOWN: [&str; 10] = [
    "attach",
    "enqueue",
    "withdraw",
    "interrupt",
    "restart",
    "shut_down",
    "input",
    "request",
    "release",
    "watch",
];

#[tokio::test]
async fn a_kernel_of_an_older_studio_goes_on_and_what_it_cannot_do_is_said() {
    let mut house = House::open().await;
    house.execute("a", "x = 1\nprint('kept')").await;
    house.kill_studio().await;
    stand_in_for_an_older_supervisor(&house).await;
    house.start().await;

    let gate = house.folder.path().join("gate");
    let source = format!(
        "import os, time\nprint('in', flush=True)\nwhile not os.path.exists({gate:?}): time.sleep(0.01)\nprint('out', x)"
    );
    house
        .run(&[("b", &source), ("c", "print('next')")])
        .await
        .expect("queued");
    house
        .until_event("the cell", |event| {
            event.cell.as_str() == "b" && matches!(event.what, Happening::Stream { .. })
        })
        .await;
    let refused = house
        .cancel(&["c"])
        .await
        .expect_err("it does not know how");
    assert_eq!(refused.code(), "kernel.older");
    assert!(
        refused.to_string().contains("shut the kernel down"),
        "{refused}"
    );
    // Clearing is the studio's own: it needs no supervisor.
    house.clear(&["a", "b"]).await.expect("cleared");
    assert!(house.shown("a").outputs.is_empty() && house.shown("b").outputs.is_empty());
    std::fs::write(&gate, "").expect("gate");
    let run = house.finished("b").await;
    assert_eq!(run.state, RunState::Done);
    assert_eq!(house.shown("b").outputs.len(), 1, "what came after");
    assert_eq!(house.finished("c").await.stdout(), "next\n");
    assert!(
        !house
            .kernel_states()
            .iter()
            .any(|state| matches!(state, KernelState::Dead { .. }))
    );
    // What it does know it still does.
    house
        .gateway()
        .restart(&house.notebook)
        .await
        .expect("restarted");
    assert_eq!(
        house.execute("c", "print('x' in globals())").await.stdout(),
        "False\n"
    );
    house.close().await;
}

/// Between the studio and the supervisor: lets through what an older one would understand, says what it would have said, and
/// hangs up, as it did, on a word it does not know.
async fn stand_in_for_an_older_supervisor(house: &House) {
    let folder = house.kernel_folders().pop().expect("a kernel runs");
    let args = std::fs::read(folder.join("supervisor.json")).expect("its file");
    let args: Value = serde_json::from_slice(&args).expect("json");
    let sockets = Path::new(args["sockets"].as_str().expect("a folder"));
    let (front, behind) = (sockets.join("s"), sockets.join("behind"));
    std::fs::rename(&front, &behind).expect("moved");
    let listener = UnixListener::bind(&front).expect("listening");
    tokio::spawn(async move {
        while let Ok((studio, _)) = listener.accept().await {
            let Ok(supervisor) = UnixStream::connect(&behind).await else {
                return;
            };
            let (from_studio, to_studio) = studio.into_split();
            let (from_supervisor, to_supervisor) = supervisor.into_split();
            tokio::spawn(async move {
                tokio::select! {
                    () = orders(from_studio, to_supervisor) => {}
                    () = news(from_supervisor, to_studio) => {}
                }
            });
        }
    });
}

async fn orders(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    while let Some(body) = frame(&mut from).await {
        let order: Value = serde_json::from_slice(&body).expect("an order");
        let word = order["what"]["do"].as_str().expect("a word");
        if !KNOWN.contains(&word) || send(&mut to, &body).await.is_none() {
            return;
        }
    }
}

async fn news(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    while let Some(mut body) = frame(&mut from).await {
        if body[0] == 1 {
            let mut told: Value = serde_json::from_slice(&body[1..]).expect("news");
            if let Some(told) = told.as_object_mut() {
                told.remove("words");
            }
            body.truncate(1);
            serde_json::to_writer(&mut body, &told).expect("written");
        }
        if send(&mut to, &body).await.is_none() {
            return;
        }
    }
}

async fn frame(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let length = from.read_u32().await.ok()?;
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body).await.ok()?;
    Some(body)
}

async fn send(to: &mut OwnedWriteHalf, body: &[u8]) -> Option<()> {
    to.write_u32(u32::try_from(body.len()).expect("short"))
        .await
        .ok()?;
    to.write_all(body).await.ok()
}
