//! ARCHITECTURE.md says which crate may use which; cargo says which does.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

type Arrows = BTreeMap<String, BTreeSet<String>>;

#[test]
fn every_arrow_between_crates_is_one_the_architecture_allows() {
    let allowed = allowed();
    for (krate, used) in used() {
        let may = allowed
            .get(&krate)
            .unwrap_or_else(|| panic!("ARCHITECTURE.md has no row for the crate `{krate}`"));
        let forbidden: Vec<_> = used.difference(may).collect();
        assert!(
            forbidden.is_empty(),
            "`{krate}` uses {forbidden:?}, which ARCHITECTURE.md does not allow"
        );
    }
}

#[test]
fn the_architecture_names_no_crate_that_is_not_there() {
    let there: BTreeSet<String> = used().into_keys().collect();
    for (krate, may) in allowed() {
        assert!(
            there.contains(&krate),
            "ARCHITECTURE.md has a row for `{krate}`, which is no crate"
        );
        let unknown: Vec<_> = may.difference(&there).collect();
        assert!(
            unknown.is_empty(),
            "ARCHITECTURE.md lets `{krate}` use {unknown:?}, which are no crates"
        );
    }
}

/// The table under `| crate | may use |`.
fn allowed() -> Arrows {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../ARCHITECTURE.md"))
        .unwrap();
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| crate | may use |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let table: Arrows = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
            let names = |cell: &str| {
                cell.split('`')
                    .skip(1)
                    .step_by(2)
                    .map(str::to_owned)
                    .collect::<BTreeSet<_>>()
            };
            let krate = names(cells[0])
                .pop_first()
                .unwrap_or_else(|| panic!("no crate in the row {row}"));
            (krate, names(cells[1]))
        })
        .collect();
    assert!(
        table.len() > 5,
        "the table of crates is missing from ARCHITECTURE.md"
    );
    table
}

/// What cargo knows: the workspace's crates, and which of each other they use outside of tests.
fn used() -> Arrows {
    let out = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let metadata: Value = serde_json::from_slice(&out.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |package: &Value| package["name"].as_str().unwrap().to_owned();
    let members: BTreeSet<String> = packages.iter().map(name).collect();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            let used = dependencies
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(name)
                .filter(|used| members.contains(used));
            (name(package), used.collect())
        })
        .collect()
}
