//! The swarm: fifty people type into one notebook while the studio is killed, again and again. Whatever was acknowledged
//! is there exactly once at the end: on the server, in every tab and in the exported file.
//!
//! `SWARM_KILLS` sets how often the studio dies (20), `SWARM_CLIENTS` how many type (50), `SWARM_SEED` the dice.

#[cfg(test)]
mod dice;
#[cfg(test)]
mod load;
#[cfg(test)]
mod process;
#[cfg(test)]
mod tab;

#[cfg(test)]
mod swarm {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use notebook::Snapshot;
    use serde_json::json;
    use tokio::sync::watch;
    use tokio::time::timeout;

    use crate::dice::Dice;
    use crate::load;
    use crate::process::Process;
    use crate::tab::{Phase, Progress, Tab, Told};

    const PEOPLE: usize = 10;

    fn setting(name: &str, default: u64) -> u64 {
        let value = std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        value.map_or(default, |value| {
            value
                .parse()
                .unwrap_or_else(|_| panic!("{name}={value} is not a number"))
        })
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_acknowledged_token_is_there_exactly_once_however_often_the_studio_is_killed() {
        let kills = setting("SWARM_KILLS", 20);
        let clients = setting("SWARM_CLIENTS", 50) as usize;
        let seed = setting("SWARM_SEED", u64::from(std::process::id()));
        println!("swarm: {clients} clients, {kills} kills, SWARM_SEED={seed}");
        let begun = Instant::now();
        let bound = Duration::from_secs(120 + 12 * kills);
        let run = swarm(kills, clients, seed);
        if timeout(bound, run).await.is_err() {
            panic!("the swarm did not come to an end within {bound:?} (SWARM_SEED={seed})");
        }
        println!("swarm: {:.1} s", begun.elapsed().as_secs_f64());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "a measurement: cargo test --release -p server --test swarm -- --ignored keystrokes --nocapture"]
    async fn keystrokes() {
        let writers = setting("SWARM_CLIENTS", 100) as usize;
        let rate = setting("SWARM_RATE", 1) as f64;
        load::keystrokes(&load::Load {
            writers,
            rate,
            seconds: setting("SWARM_SECONDS", 10),
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "a measurement: cargo test --release -p server --test swarm -- --ignored rooms --nocapture"]
    async fn rooms() {
        load::rooms(
            setting("SWARM_ROOMS", 100) as usize,
            setting("SWARM_CLIENTS", 2) as usize,
        )
        .await;
    }

    async fn swarm(kills: u64, clients: usize, seed: u64) {
        let mut process = Process::start();
        let people = process.people(PEOPLE).await;
        let owner = &people[0];
        let space = owner
            .create("/api/v1/spaces", &json!({ "name": "Swarm" }))
            .await;
        let space = space["id"].as_str().unwrap();
        for person in &people[1..] {
            let member = format!("/api/v1/spaces/{space}/members/{}", person.username);
            owner.put(&member, &json!({ "role": "editor" })).await;
        }
        let notebook = owner
            .create(
                &format!("/api/v1/spaces/{space}/notebooks"),
                &json!({ "title": "Swarm" }),
            )
            .await;
        let notebook = notebook["id"].as_str().unwrap().to_owned();

        let (phase, _) = watch::channel(Phase::Type);
        let progress = Arc::new(Progress::default());
        let mut tabs = tokio::task::JoinSet::new();
        for number in 0..clients {
            let person = people[number % PEOPLE].clone();
            let tab = Tab::new(
                number,
                person,
                notebook.clone(),
                seed,
                phase.subscribe(),
                progress.clone(),
            );
            tabs.spawn(tab.live());
        }

        let mut dice = Dice::new(seed, u64::MAX);
        for kill in 1..=kills {
            // It dies while people are at work, never before it has acknowledged something since the last time.
            let before = progress.acknowledged();
            while progress.acknowledged() < before + clients as u64 {
                assert!(tabs.try_join_next().is_none(), "a tab ended too early");
                progress.changed().await;
            }
            tokio::time::sleep(Duration::from_millis(dice.below(900))).await;
            process.kill();
            if kill % 20 == 0 || kill == kills {
                println!(
                    "swarm: kill {kill}, {} tokens acknowledged",
                    progress.acknowledged()
                );
            }
            process.restart();
        }
        let before = progress.acknowledged();
        while progress.acknowledged() < before + clients as u64 {
            progress.changed().await;
        }

        // Everyone stops, and waits until what they typed is durable; then until they have what all others typed.
        phase.send_replace(Phase::Flush);
        while progress.flushed() < clients {
            progress.changed().await;
        }
        let view = owner
            .get(&format!("/api/v1/notebooks/{notebook}/view"))
            .await;
        let view: serde_json::Value = serde_json::from_str(&view).unwrap();
        let server: Snapshot = serde_json::from_value(view["snapshot"].clone()).unwrap();
        phase.send_replace(Phase::End {
            revision: server.revision,
        });
        let mut told = Vec::new();
        while let Some(tab) = tabs.join_next().await {
            told.push(tab.expect("no tab fails"));
        }
        let exported = owner
            .get(&format!("/api/v1/notebooks/{notebook}/export?format=ipynb"))
            .await;
        check(&told, &server, &exported);
        let acknowledged: usize = told.iter().map(|tab| tab.acknowledged.len()).sum();
        let joins: u64 = told.iter().map(|tab| tab.joins).sum();
        let reloads: u64 = told.iter().map(|tab| tab.reloads).sum();
        println!(
            "swarm: {acknowledged} tokens acknowledged, revision {}, {joins} joins, {reloads} crashed tabs: each token once everywhere",
            server.revision
        );
    }

    fn check(told: &[Told], server: &Snapshot, exported: &str) {
        let exported: serde_json::Value = serde_json::from_str(exported).unwrap();
        let cells = exported["cells"].as_array().unwrap();
        let in_file = count(cells.iter().map(|cell| {
            match &cell["source"] {
                serde_json::Value::String(source) => source.clone(),
                lines => lines
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|line| line.as_str().unwrap())
                    .collect(),
            }
        }));
        let on_server = count(
            server
                .document
                .cells()
                .into_iter()
                .map(|(_, cell)| cell.source.clone()),
        );
        for tab in told {
            assert!(
                !tab.acknowledged.is_empty(),
                "client {} got nothing saved",
                tab.number
            );
            assert_eq!(
                tab.acknowledged, tab.typed,
                "client {}: at the end, all it typed is acknowledged",
                tab.number
            );
            assert_eq!(
                tab.document, server.document,
                "client {} has another document than the server",
                tab.number
            );
            for token in &tab.acknowledged {
                assert_eq!(on_server.get(token), Some(&1), "{token} on the server");
                assert_eq!(in_file.get(token), Some(&1), "{token} in the file");
            }
        }
        let typed: usize = told.iter().map(|tab| tab.typed.len()).sum();
        assert_eq!(on_server.len(), typed, "nothing is there that nobody typed");
        assert_eq!(
            in_file.len(),
            typed,
            "nothing is in the file that nobody typed"
        );
    }

    fn count(sources: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
        let mut tokens = BTreeMap::new();
        for source in sources {
            for token in source.split_inclusive(';') {
                *tokens.entry(token.to_owned()).or_default() += 1;
            }
        }
        tokens
    }
}
