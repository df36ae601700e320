//! `cargo xtask test` and `check`: every check and every test, counted, with the time each part took.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    browser,
    packing::Squeeze,
    site::{self, Kind},
    steps::say,
    studio, supplies,
    toolchain::{self, WASM},
    weight,
    workshop::Workshop,
};

#[derive(Args)]
pub struct Options {
    /// The nightly amount: 100,000 simulation seeds, 200 kills of the swarm.
    #[arg(long)]
    pub long: bool,
    /// Leave the browser specs out.
    #[arg(long)]
    pub without_browser: bool,
    /// Only tests whose name contains this (Rust tests and browser specs alike).
    pub name: Option<String>,
}

/// What was counted so far.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
    /// Checks and builds that failed, and skipped tests, with their reasons.
    pub remarks: Vec<String>,
}

impl Tally {
    /// A check or build that is not a test of its own: it counts only when it fails.
    fn must(&mut self, name: &str, result: Result<()>) {
        if let Err(error) = result {
            eprintln!("{error:#}");
            self.failed += 1;
            self.remarks.push(format!("failed: {name}"));
        }
    }

    /// Read one line of `cargo test`.
    pub fn hear(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            for part in counts.split([';', '.']) {
                let mut words = part.split_whitespace();
                if let (Some(number), Some(kind)) = (
                    words.next().and_then(|n| n.parse::<u64>().ok()),
                    words.next(),
                ) {
                    match kind {
                        "passed" => self.passed += number,
                        "failed" => self.failed += number,
                        "ignored" => self.skipped += number,
                        _ => {}
                    }
                }
            }
        } else if let Some(test) = line.strip_prefix("test ")
            && let Some((name, reason)) = test.split_once(" ... ignored")
        {
            let reason = reason.trim_start_matches([',', ' ']);
            let reason = if reason.is_empty() {
                "no reason given"
            } else {
                reason
            };
            self.remarks.push(format!("skipped: {name}: {reason}"));
        }
    }

    fn say(&self) {
        if !self.remarks.is_empty() {
            say("");
        }
        for remark in &self.remarks {
            say(remark);
        }
    }
}

/// Everything, in the order in which mistakes are cheapest to find.
pub fn test(shop: &mut Workshop, options: &Options) -> Result<ExitCode> {
    let mut tally = Tally::default();
    let python = supplies::python(shop)?;
    let corpus = supplies::corpus(shop)?;
    let postgres = supplies::postgres(shop)?;
    let hub = supplies::hub(shop)?;
    let toolchain = toolchain::wasm(shop)?;
    supplies::node_modules(shop, "frontend/web")?;

    checks(shop, &toolchain, &mut tally);

    let environment = |command: &mut Command| {
        studio::equip(command, &python);
        command
            .env("NOTEBOOK_CORPUS", &corpus)
            .env("POSTGRES_BIN", &postgres)
            .env("HUB_PYTHON", &hub.python)
            .env("HUB_PROXY", &hub.proxy)
            .env("RUST_BACKTRACE", "1");
        if options.long {
            command
                .env("SIMULATION_SEEDS", "100000")
                .env("SWARM_KILLS", "200");
        }
    };
    let tested = rust_tests(
        shop,
        &["--workspace", "--exclude", "frontend", "--exclude", "xtask"],
        options,
        &environment,
        &mut tally,
    );
    rust_tests(
        shop,
        &["--package", "xtask"],
        options,
        &environment,
        &mut tally,
    );

    let small = Kind {
        small: true,
        squeeze: Squeeze::Quick,
    };
    let site = site::build(shop, small);
    let built = site.is_ok();
    tally.must("site", site);
    if built {
        let weight = shop.step("weight", |shop| weight::check(&shop.site()));
        tally.must("weight of a notebook's page", weight);
    }
    // The tests made the server for themselves, just now; only without them is it still to be compiled.
    let server = if tested {
        Ok(())
    } else {
        studio::server(shop, "dev")
    };
    let built = built && server.is_ok();
    tally.must("server", server);

    if options.without_browser {
        tally
            .remarks
            .push("skipped: the browser specs, as asked with --without-browser".to_owned());
    } else if built {
        if let Err(error) = browser::specs(shop, options.name.as_deref(), &environment, &mut tally)
        {
            tally.must("browser specs", Err(error));
        }
    } else {
        tally
            .remarks
            .push("skipped: the browser specs, because the build failed".to_owned());
    }

    shop.clock.say_where_the_time_went();
    tally.say();
    say(&format!(
        "\n{} passed, {} failed, {} skipped",
        tally.passed, tally.failed, tally.skipped
    ));
    Ok(if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Format, lints and types, without running anything.
pub fn check(shop: &mut Workshop) -> Result<ExitCode> {
    let mut tally = Tally::default();
    let toolchain = toolchain::wasm(shop)?;
    supplies::node_modules(shop, "frontend/web")?;
    checks(shop, &toolchain, &mut tally);
    shop.clock.say_where_the_time_went();
    tally.say();
    Ok(if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn checks(shop: &mut Workshop, toolchain: &toolchain::Toolchain, tally: &mut Tally) {
    let format = shop.step("format", |shop| {
        shop.show(&mut shop.cargo(["fmt", "--all", "--check"]))
    });
    tally.must("format (cargo fmt --all mends it)", format);

    let strict = ["--", "-D", "warnings"];
    let native = [
        "clippy",
        "--workspace",
        "--exclude",
        "frontend",
        "--exclude",
        "xtask",
        "--all-targets",
    ];
    let lints = shop.step("lints", |shop| shop.show(shop.cargo(native).args(strict)));
    tally.must("lints", lints);
    let own = ["clippy", "--package", "xtask", "--all-targets"];
    let lints = shop.step("lints of xtask", |shop| {
        shop.show(shop.cargo(own).args(strict))
    });
    tally.must("lints of xtask", lints);
    let wasm = [
        "clippy",
        "--package",
        "frontend",
        "--all-features",
        "--target",
        WASM,
    ];
    let lints = shop.step("lints for the browser", |shop| {
        let mut cargo = shop.cargo(wasm);
        toolchain.equip(cargo.args(strict));
        shop.show(&mut cargo)
    });
    tally.must("lints for the browser", lints);

    let types = shop.step("types of the scripts", |shop| {
        let web = shop.at("frontend/web");
        let mut tsc = Command::new("node");
        tsc.current_dir(&web)
            .args(["node_modules/typescript/bin/tsc", "--noEmit"]);
        shop.show(&mut tsc)
    });
    tally.must("types of the scripts", types);
}

/// Were they built?
fn rust_tests(
    shop: &mut Workshop,
    packages: &[&str],
    options: &Options,
    environment: &dyn Fn(&mut Command),
    tally: &mut Tally,
) -> bool {
    let title = if packages.contains(&"--package") {
        "tests of xtask"
    } else {
        "tests"
    };
    let build = shop.step(&format!("{title}: build"), |shop| {
        shop.show(shop.cargo(["test", "--no-run"]).args(packages))
    });
    if build.is_err() {
        tally.must(&format!("{title}: build"), build);
        return false;
    }
    let before = tally.failed;
    let run = shop.step(title, |shop| {
        let mut cargo = shop.cargo(["test", "--no-fail-fast"]);
        cargo.args(packages);
        if let Some(name) = &options.name {
            cargo.arg("--").arg(name);
        }
        environment(&mut cargo);
        listen(&mut cargo, |line| tally.hear(line))
    });
    // A failing test is counted already; a process that died without a result line is not.
    if tally.failed == before {
        tally.must(title, run);
    }
    true
}

/// Run a command, show its lines, and hand each of them over.
pub fn listen(command: &mut Command, mut hear: impl FnMut(&str)) -> Result<()> {
    let program = PathBuf::from(command.get_program());
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            say(&line);
            hear(&line);
        }
    }
    let status = child.wait()?;
    anyhow::ensure!(
        status.success(),
        "{} ended with {status}",
        program.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn the_tally_adds_up_what_cargo_test_says() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test a::b ... ok",
            "test slow ... ignored, needs a cluster",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.52s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.00s",
        ] {
            tally.hear(line);
        }
        assert_eq!((tally.passed, tally.failed, tally.skipped), (15, 2, 1));
        assert_eq!(tally.remarks, ["skipped: slow: needs a cluster"]);
    }
}
