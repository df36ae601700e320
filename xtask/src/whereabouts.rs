//! `cargo xtask where stories`: a feature has one name on every floor, so its files can be listed.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{
    steps::{output_of, say},
    workshop::Workshop,
};

/// The floors from the Explorer down, as ARCHITECTURE.md draws them.
const FLOORS: &[(&str, &[&str])] = &[
    ("explorer", &["app/src", "app/ui", "style", "frontend"]),
    ("datalayer-api", &["app/datalayer", "app/notebook"]),
    (
        "interpreter",
        &["server/rooms", "server/jupyter", "server/jobs"],
    ),
    (
        "doors",
        &["server/api", "server/sdk", "server/cli", "server/src"],
    ),
    ("service", &["server/service", "server/iam"]),
    ("storage", &["server/storage", "server/db"]),
    ("cluster", &["server/cluster"]),
    ("tests", &["end2end"]),
];

/// Print the files whose name, or whose folder's name, is the feature.
pub fn list(shop: &Workshop, feature: &str) -> Result<ExitCode> {
    let mut git = Command::new("git");
    git.current_dir(&shop.root)
        .args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let files = output_of(&mut git)?;
    let mine: Vec<&str> = files.lines().filter(|path| is_of(path, feature)).collect();
    if mine.is_empty() {
        say(&format!(
            "no file is called after {feature}; the nouns are in app/datalayer/src"
        ));
        return Ok(ExitCode::FAILURE);
    }
    let mut listed = 0;
    for (floor, folders) in FLOORS {
        let here: Vec<&&str> = mine
            .iter()
            .filter(|path| {
                folders
                    .iter()
                    .any(|folder| path.starts_with(&format!("{folder}/")))
            })
            .collect();
        if !here.is_empty() {
            say(floor);
            for path in &here {
                say(&format!("  {path}"));
            }
            listed += here.len();
        }
    }
    if listed < mine.len() {
        say("elsewhere");
        let known = |path: &str| {
            FLOORS
                .iter()
                .flat_map(|(_, folders)| *folders)
                .any(|folder| path.starts_with(&format!("{folder}/")))
        };
        for path in mine.iter().filter(|path| !known(path)) {
            say(&format!("  {path}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `stories.rs`, `stories/…`, `_stories.scss`, `stories.spec.ts`, and the singular beside the plural.
fn is_of(path: &str, feature: &str) -> bool {
    path.split('/').any(|part| {
        let stem = part
            .split('.')
            .next()
            .unwrap_or(part)
            .trim_start_matches('_');
        stem.eq_ignore_ascii_case(feature)
            || stem
                .split(['-', '_'])
                .any(|word| word.eq_ignore_ascii_case(feature))
    })
}

#[cfg(test)]
mod tests {
    use super::is_of;

    #[test]
    fn a_feature_is_found_under_every_floors_spelling_of_its_name() {
        for path in [
            "app/datalayer/src/stories.rs",
            "app/src/stories/page.rs",
            "style/explorer/_stories.scss",
            "end2end/tests/stories.spec.ts",
            "server/db/migrations/0004_stories.sql",
        ] {
            assert!(is_of(path, "stories"), "{path}");
        }
        assert!(!is_of("app/src/spaces/page.rs", "stories"));
        assert!(!is_of("app/src/histories.rs", "stories"));
    }
}
