//! `cargo xtask bench`: the programs in `end2end/bench`, each on the optimised build and beside the servers it is compared with.

use std::{
    fs,
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    steps::{Stamp, fingerprint, say},
    studio::{self, BuildOptions},
    supplies,
    workshop::Workshop,
};

/// What the servers we are compared with need.
const PEERS: &str = "end2end/bench/peers";

#[derive(Args)]
pub struct Options {
    /// Part of a benchmark's name; all of them without it.
    name: Option<String>,
    /// A few seconds each, to see that the programs work: the figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// Measure what was built before.
    #[arg(long)]
    no_build: bool,
}

/// Run every benchmark, or those whose name contains the name.
pub fn bench(shop: &mut Workshop, options: &Options) -> Result<ExitCode> {
    let name = options.name.as_deref();
    let folder = shop.at("end2end/bench");
    let mut found: Vec<_> = fs::read_dir(&folder)
        .with_context(|| format!("there are no benchmarks in {}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            file.ends_with(".bench.mjs") && name.is_none_or(|name| file.contains(name))
        })
        .collect();
    found.sort();
    if found.is_empty() {
        say(&format!(
            "no benchmark is called {}; they are end2end/bench/*.bench.mjs",
            name.unwrap_or("anything")
        ));
        return Ok(ExitCode::FAILURE);
    }
    let python = supplies::python(shop)?;
    let modules = supplies::node_modules(shop, "end2end")?;
    let chromium = supplies::chromium(shop)?;
    supplies::node_modules(shop, PEERS)?;
    let peers = peers(shop)?;
    if !options.no_build {
        let release = BuildOptions {
            release: true,
            ..BuildOptions::default()
        };
        crate::site::build(shop, studio::kind(&release))?;
        server_and_load(shop)?;
    }
    let examples = shop.target.join("release/examples");

    let mut failed = 0;
    for program in &found {
        let title = program
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let result = shop.step(&format!("bench {title}"), |shop| {
            let mut node = Command::new("node");
            node.current_dir(shop.at("end2end"))
                .arg(program)
                .env("DATALAYER_BINARY", shop.binary("release"))
                .env("DATALAYER_SITE", shop.site())
                .env("DATALAYER_WRITERS", examples.join("writers"))
                .env("DATALAYER_ROUNDTRIP", examples.join("roundtrip"))
                .env("DATALAYER_PROXY", examples.join("proxy"))
                .env(
                    "DATALAYER_SUPERVISOR",
                    shop.target.join("release/kernel-supervisor"),
                )
                .env("DATALAYER_PEERS", &peers)
                .env("NODE_PATH", &modules)
                .env("CHROMIUM", &chromium);
            if options.quick {
                node.arg("--quick");
            }
            studio::equip(&mut node, &python);
            shop.show(&mut node)
        });
        if let Err(error) = result {
            eprintln!("{error:#}");
            failed += 1;
        }
    }
    shop.clock.say_where_the_time_went();
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The server and the programs that make its load, in one selection: two would compile their dependencies twice.
fn server_and_load(shop: &mut Workshop) -> Result<()> {
    shop.step("server and load generators (profile release)", |shop| {
        let mut cargo = shop.cargo([
            "build",
            "--workspace",
            "--exclude",
            "frontend",
            "--exclude",
            "xtask",
            "--bin",
            "datalayer",
            "--bin",
            "kernel-supervisor",
            "--example",
            "writers",
            "--example",
            "roundtrip",
            "--example",
            "proxy",
            "--profile",
            "release",
        ]);
        shop.show(&mut cargo)
    })
}

/// Jupyter as people install it, each kind in a Python environment of its own: `<cache>/peers/jupyter` and
/// `<cache>/peers/collaboration`, which share everything but the shared documents. And Hocuspocus' native part.
///
/// Nothing but benchmarks needs these, so nothing else fetches them.
fn peers(shop: &mut Workshop) -> Result<PathBuf> {
    native_parts(shop)?;
    let folder = shop.at(PEERS);
    let (jupyter, more) = (folder.join("jupyter.txt"), folder.join("collaboration.txt"));
    let home = shop.cache.join("peers");
    for (name, lists) in [
        ("jupyter", vec![&jupyter]),
        ("collaboration", vec![&jupyter, &more]),
    ] {
        let environment = home.join(name);
        let stamp = Stamp::new(
            environment.join(".complete"),
            fingerprint(lists.iter().copied())?,
        );
        if stamp.holds() {
            continue;
        }
        shop.step(
            &format!("Python environment {name}, to compare with"),
            |shop| {
                stamp.clear();
                let mut venv = Command::new("python3");
                venv.args(["-m", "venv", "--clear"]).arg(&environment);
                shop.quietly("peers-venv", &mut venv)?;
                let mut pip = Command::new(environment.join("bin/python"));
                pip.args(["-m", "pip", "install", "--quiet"])
                    .args(["--disable-pip-version-check", "--no-deps"]);
                for list in &lists {
                    pip.arg("-r").arg(list);
                }
                shop.quietly("peers-pip", &mut pip)?;
                stamp.set()
            },
        )?;
    }
    Ok(home)
}

/// The SQLite of Hocuspocus' storage is C: packages are installed without their scripts, so it is compiled here.
fn native_parts(shop: &mut Workshop) -> Result<()> {
    let folder = shop.at(PEERS);
    let built = folder.join("node_modules/better-sqlite3/build/Release/better_sqlite3.node");
    if built.is_file() {
        return Ok(());
    }
    shop.step("SQLite for Hocuspocus", |shop| {
        // In the cache itself: npm would take the link for a package to be installed.
        let modules = fs::canonicalize(folder.join("node_modules"))?;
        let mut npm = Command::new("npm");
        npm.current_dir(
            modules
                .parent()
                .context("node_modules stands in a folder")?,
        )
        .args(["rebuild", "better-sqlite3", "--loglevel=error"]);
        // Without it the storage row is reported as missing; everything else can be measured.
        if let Err(error) = shop.quietly("peers-sqlite", &mut npm) {
            say(&format!(
                "  Hocuspocus with storage will be missing: {error:#}"
            ));
        }
        Ok(())
    })
}
