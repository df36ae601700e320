//! Deterministic simulation: a server that persists and crashes, clients that type, lose their connection, crash and come
//! back, and a network that drops what it likes, doubles it and changes its order. All from a seed.
//!
//! `SIMULATION_SEEDS=100000` runs more seeds; `SIMULATION_REPLAY=seed:clients:steps` runs one.

mod client;
mod server;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use client::Tab;
use server::Studio;

use crate::random::Random;

/// One run: everything in it follows from these three.
#[derive(Clone, Copy, Debug)]
struct Plan {
    seed: u64,
    clients: usize,
    steps: usize,
}

/// What the network carries to the studio.
pub enum Up {
    /// A batch as the frame a socket carries, and its sequence.
    Submit { sequence: u64, frame: Vec<u8> },
    /// Leave and join again on the same line, from a revision on.
    Rejoin(u64),
}

/// What the network carries to a tab.
#[derive(Clone)]
pub enum Down {
    Joined(notebook::wire::JoinedState, u64),
    Ack {
        sequence: u64,
        revision: u64,
    },
    Batch(notebook::Accepted),
    Refused {
        sequence: u64,
        resync: Option<notebook::Snapshot>,
    },
}

fn run(plan: Plan) -> Result<(), String> {
    let mut random = Random::new(plan.seed);
    let mut studio = Studio::open(crate::laws::document(&mut random));
    let mut tabs: Vec<Tab> = (0..plan.clients)
        .map(|number| Tab::open(number, &mut studio))
        .collect();
    for _ in 0..plan.steps {
        step(&mut random, &mut studio, &mut tabs)?;
    }
    settle(&mut random, &mut studio, &mut tabs)?;
    check(&studio, &tabs)
}

fn step(random: &mut Random, studio: &mut Studio, tabs: &mut [Tab]) -> Result<(), String> {
    let at = random.below(tabs.len());
    let tab = &mut tabs[at];
    match random.below(100) {
        0..30 => tab.edit(random)?,
        30..36 => tab.undo_or_redo(random)?,
        36..50 => tab.send(studio),
        50..65 => {
            let line = random.below(studio.lines());
            studio.deliver(line)?;
        }
        65..72 => studio.commit(),
        72..86 => tab.hear(studio)?,
        86..89 => tab.disconnect(studio, random.once_in(2)),
        89..93 => tab.join(studio)?,
        93 => tab.send_again(studio),
        94 | 95 => {
            tab.crash(studio, random.once_in(2));
            tab.join(studio)?;
        }
        96 => {
            studio.crash()?;
            tabs.iter_mut().for_each(Tab::cut_off);
        }
        97 => studio.flip_right(at),
        98 => studio.keep_snapshot(random.below(4) as u64)?,
        _ => tab.crash(studio, true),
    }
    if random.once_in(6) {
        studio.disturb(random);
    }
    Ok(())
}

/// Everyone may write, comes back and hears everything. Nothing gets lost any more, and somebody new writes something:
/// with that, whoever missed a batch finds out.
fn settle(random: &mut Random, studio: &mut Studio, tabs: &mut Vec<Tab>) -> Result<(), String> {
    studio.give_rights();
    if random.once_in(3) {
        studio.crash()?;
        tabs.iter_mut().for_each(Tab::cut_off);
    }
    let mut last = Tab::open(tabs.len(), studio);
    while last.client.unacknowledged() == 0 {
        last.edit(random)?;
    }
    tabs.push(last);
    for _ in 0..1_000 {
        for tab in tabs.iter_mut() {
            if !tab.is_connected() {
                tab.join(studio)?;
            }
            tab.send(studio);
        }
        for line in 0..studio.lines() {
            while studio.deliver(line)? {}
        }
        studio.commit();
        for tab in tabs.iter_mut() {
            while tab.hears(studio) {
                tab.hear(studio)?;
            }
        }
        if tabs.iter().all(|tab| tab.client.unacknowledged() == 0) {
            return Ok(());
        }
    }
    Err("the tabs never come to rest".to_owned())
}

fn check(studio: &Studio, tabs: &[Tab]) -> Result<(), String> {
    studio.check()?;
    let document = studio.document();
    for tab in tabs {
        if tab.client.document() != document {
            return Err(format!(
                "tab {} differs:\n{:?}\n{:?}",
                tab.number,
                tab.client.document(),
                document
            ));
        }
        if tab.client.revision() != studio.revision() {
            return Err(format!(
                "tab {} is at revision {} of {}",
                tab.number,
                tab.client.revision(),
                studio.revision()
            ));
        }
    }
    let texts: Vec<&str> = document
        .every_cell()
        .map(|(_, cell)| cell.source.as_str())
        .collect();
    let mut seen = BTreeSet::new();
    for c in texts
        .iter()
        .flat_map(|text| text.chars())
        .filter(|c| client::is_token(*c))
    {
        if !seen.insert(c) && !tabs.iter().any(|tab| tab.given_again.contains(&c)) {
            return Err(format!("{c:?} was typed once and is there twice"));
        }
    }
    for tab in tabs {
        for token in &tab.typed {
            if !seen.contains(token) && !tab.excused.contains(token) {
                return Err(format!("{token:?}, typed in tab {}, is lost", tab.number));
            }
        }
    }
    Ok(())
}

fn outcome(plan: Plan) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| run(plan))).unwrap_or_else(|panic| {
        let why = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panic: {}", why.unwrap_or_default()))
    })
}

/// The smallest run of a seed that still fails: fewer clients, then fewer steps.
fn shrink(mut plan: Plan) -> Plan {
    for clients in 1..plan.clients {
        if let Some(steps) = (0..=plan.steps).find(|steps| {
            outcome(Plan {
                clients,
                steps: *steps,
                ..plan
            })
            .is_err()
        }) {
            return Plan {
                clients,
                steps,
                ..plan
            };
        }
    }
    plan.steps = (0..=plan.steps)
        .find(|steps| {
            outcome(Plan {
                steps: *steps,
                ..plan
            })
            .is_err()
        })
        .unwrap_or(plan.steps);
    plan
}

#[test]
fn every_replica_meets_and_nothing_typed_is_lost_or_doubled() {
    if let Ok(replay) = std::env::var("SIMULATION_REPLAY") {
        let numbers: Vec<u64> = replay
            .split(':')
            .map(|number| number.parse().unwrap())
            .collect();
        run(Plan {
            seed: numbers[0],
            clients: numbers[1] as usize,
            steps: numbers[2] as usize,
        })
        .unwrap();
        return;
    }
    let seeds = std::env::var("SIMULATION_SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(2_000);
    for seed in 0..seeds {
        let mut random = Random::new(seed ^ 0xabcd);
        let plan = Plan {
            seed,
            clients: 2 + random.below(4),
            steps: 20 + random.below(230),
        };
        if let Err(why) = outcome(plan) {
            let least = shrink(plan);
            let least_why = outcome(least).err().unwrap_or(why);
            panic!(
                "{least_why}\nreplay: SIMULATION_REPLAY={}:{}:{} cargo test -p notebook --test it simulation",
                least.seed, least.clients, least.steps
            );
        }
    }
}
