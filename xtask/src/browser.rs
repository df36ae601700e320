//! The browser specs: Playwright in `end2end`, on the binary and the site that were just built.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{
    supplies,
    trial::{Tally, listen},
    workshop::Workshop,
};

/// The line the reporter ends with.
const SUMMARY: &str = "browser specs: ";

/// Run every spec, or those whose name contains `name`.
pub fn specs(
    shop: &mut Workshop,
    name: Option<&str>,
    environment: &dyn Fn(&mut Command),
    tally: &mut Tally,
) -> Result<()> {
    supplies::node_modules(shop, "end2end")?;
    let chromium = supplies::chromium(shop)?;
    let results = shop.target.join("end2end");
    let mut summarised = false;
    let mut failed = false;
    let run = shop.step("browser specs", |shop| {
        let mut playwright = Command::new("node");
        playwright
            .current_dir(shop.at("end2end"))
            .args(["node_modules/@playwright/test/cli.js", "test"])
            .env("DATALAYER_BINARY", shop.binary("dev"))
            .env("DATALAYER_SITE", shop.site())
            .env("CHROMIUM", &chromium)
            .env("RESULTS", &results);
        if let Some(name) = name {
            playwright.args(["--grep", name, "--pass-with-no-tests"]);
        }
        environment(&mut playwright);
        listen(&mut playwright, |line| {
            if let Some(counts) = line.strip_prefix(SUMMARY) {
                summarised = true;
                let mut numbers = counts
                    .split(',')
                    .filter_map(|part| part.split_whitespace().next()?.parse::<u64>().ok());
                tally.passed += numbers.next().unwrap_or(0);
                let failures = numbers.next().unwrap_or(0);
                failed = failures > 0;
                tally.failed += failures;
                tally.skipped += numbers.next().unwrap_or(0);
            } else if let Some(remark) = line.trim_start().strip_prefix("skipped: ") {
                tally.remarks.push(format!("skipped: {remark}"));
            }
        })
    });
    if !summarised {
        run?;
        bail!("the browser specs ended without their summary");
    }
    // Failures are in the tally; anything else that went wrong is an error of its own.
    if failed { Ok(()) } else { run }
}
