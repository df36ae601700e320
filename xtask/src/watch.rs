//! `cargo xtask dev`: build again and restart when a source file changes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode},
    sync::mpsc,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};

use crate::{
    site,
    steps::{gather, say},
    studio::{self, BuildOptions, RunOptions},
    supplies,
    workshop::Workshop,
};

const WATCHED: &[&str] = &[
    "app",
    "frontend/src",
    "frontend/web",
    "server",
    "style",
    "public",
    "Cargo.toml",
];

/// Which part a change concerns.
#[derive(Default, Clone, Copy)]
struct Stale {
    site: bool,
    server: bool,
}

/// Build, start, and do both again on every change, until the process is ended.
pub fn dev(shop: &mut Workshop, options: &RunOptions) -> Result<ExitCode> {
    let python = supplies::python(shop)?;
    let profile = if options.release { "release" } else { "dev" };
    let build = BuildOptions {
        release: false,
        dev: !options.release,
        ..BuildOptions::default()
    };
    let mut seen = look(shop)?;
    let mut stale = Stale {
        site: true,
        server: true,
    };
    let mut running: Option<Child> = None;
    // Nobody sends: waiting on the channel is a pause that needs no sleep.
    let (_keep, pause) = mpsc::channel::<()>();
    loop {
        match rebuild(shop, &build, profile, stale) {
            Ok(()) => {
                stale = Stale::default();
                if let Some(mut old) = running.take() {
                    end(&mut old);
                }
                let child = studio::serve(shop, options, profile, &python)
                    .spawn()
                    .context("cannot start the studio")?;
                running = Some(child);
            }
            Err(error) => eprintln!("{error:#}\nwaiting for the next change"),
        }
        // What could not be built waits for the next change: it is stale still, but not tried again before.
        loop {
            let _ = pause.recv_timeout(Duration::from_millis(400));
            let now = look(shop)?;
            let changed = difference(shop, &seen, &now);
            seen = now;
            if changed.site || changed.server {
                stale.site |= changed.site;
                stale.server |= changed.server;
                break;
            }
        }
    }
}

fn rebuild(shop: &mut Workshop, build: &BuildOptions, profile: &str, stale: Stale) -> Result<()> {
    if stale.site {
        site::build(shop, studio::kind(build))?;
    }
    if stale.server {
        studio::server(shop, profile)?;
    }
    Ok(())
}

/// Ask the studio to end; it drains within seconds.
fn end(child: &mut Child) {
    let asked = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    if asked.is_err() {
        let _ = child.kill();
    }
    let _ = child.wait();
}

fn look(shop: &Workshop) -> Result<BTreeMap<PathBuf, SystemTime>> {
    let mut files = Vec::new();
    for folder in WATCHED {
        gather(&shop.at(folder), &mut files)?;
    }
    Ok(files
        .into_iter()
        .filter_map(|file| {
            let changed = file.metadata().ok()?.modified().ok()?;
            Some((file, changed))
        })
        .collect())
}

fn difference(
    shop: &Workshop,
    before: &BTreeMap<PathBuf, SystemTime>,
    now: &BTreeMap<PathBuf, SystemTime>,
) -> Stale {
    let changed = now
        .iter()
        .filter(|(file, time)| before.get(*file) != Some(time))
        .map(|(file, _)| file)
        .chain(before.keys().filter(|file| !now.contains_key(*file)));
    let mut stale = Stale::default();
    for file in changed {
        let place = file.strip_prefix(&shop.root).unwrap_or(file);
        say(&format!("changed: {}", place.display()));
        let only_site = ["frontend", "style", "public"]
            .iter()
            .any(|folder| place.starts_with(folder));
        let only_server = place.starts_with(Path::new("server"));
        stale.site |= !only_server;
        stale.server |= !only_site;
        // The server reads the manifest when it starts: a new site needs a new start, which the loop does.
    }
    stale
}
