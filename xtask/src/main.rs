//! `cargo xtask`: set up, build, run, test and measure the studio with the same few commands everywhere.

mod bench;
mod browser;
mod hub;
mod packing;
mod site;
mod steps;
mod studio;
mod supplies;
mod toolchain;
mod trial;
mod watch;
mod weight;
mod whereabouts;
mod workshop;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

use workshop::Workshop;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Set up, build, run, test and measure Datalayer"
)]
struct Line {
    /// Where tools, packages and downloads are kept between runs.
    #[arg(long, env = "DATALAYER_CACHE", global = true, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set everything up, build, and start the studio.
    Run(studio::RunOptions),
    /// Set everything up and run every test; the last line counts them.
    Test(trial::Options),
    /// Format, lints and types, without running anything.
    Check,
    /// `datalayer admin …` on the data folder that `run` uses.
    Admin(studio::AdminOptions),
    /// As `run`, and build again on every change.
    Dev(studio::RunOptions),
    /// Measure: every benchmark, or those whose name contains NAME.
    Bench(bench::Options),
    /// List the files of a feature, floor by floor.
    Where {
        /// The noun: spaces, notebooks, stories, …
        feature: String,
    },
    /// Build the server and the site it serves, and say where they are.
    Build(studio::BuildOptions),
    /// Fetch what building and testing need, and build nothing.
    Setup(supplies::Options),
}

fn main() -> ExitCode {
    let line = Line::parse();
    match obey(line) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn obey(line: Line) -> Result<ExitCode> {
    let mut shop = Workshop::open(line.cache)?;
    match line.command {
        Command::Run(options) => studio::run(&mut shop, &options),
        Command::Admin(options) => studio::admin(&mut shop, &options),
        Command::Dev(options) => watch::dev(&mut shop, &options),
        Command::Test(options) => trial::test(&mut shop, &options),
        Command::Check => trial::check(&mut shop),
        Command::Bench(options) => bench::bench(&mut shop, &options),
        Command::Where { feature } => whereabouts::list(&shop, &feature),
        Command::Build(options) => studio::build_and_say(&mut shop, &options),
        Command::Setup(options) => supplies::set_up(&mut shop, &options),
    }
}
