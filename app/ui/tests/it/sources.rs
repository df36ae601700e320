//! Rules of the style folder that a reader would otherwise have to remember.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn only_the_tokens_hold_literal_colours() {
    let mut wrong = Vec::new();
    for file in partials() {
        if file.ends_with("_tokens.scss") {
            continue;
        }
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if code.contains("rgb(") || code.contains("hsl(") || has_hex(code) {
                wrong.push(format!(
                    "{}:{}: {}",
                    file.display(),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "literal colours outside the tokens:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_token_that_is_used_exists() {
    let sources: String = partials()
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    // Given by whoever uses the class: a person's colour, a bar's share, a curve's colour, a row's depth.
    let given = ["who", "v", "c", "d", "bar"];
    let mut missing: Vec<&str> = sources
        .split("var(--")
        .skip(1)
        .filter_map(|rest| rest.split([')', ',']).next())
        .filter(|name| !given.contains(name) && !sources.contains(&format!("--{name}:")))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    // `var(#{$hue})` of a loop is not a name.
    missing.retain(|name| !name.contains('#'));
    assert!(
        missing.is_empty(),
        "no partial defines --{}",
        missing.join(", --")
    );
}

fn partials() -> Vec<PathBuf> {
    let mut found = Vec::new();
    gather(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../style")),
        &mut found,
    );
    assert!(found.len() > 10, "the style folder has moved");
    found
}

fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "scss")
        {
            found.push(path);
        }
    }
}

/// `#` with exactly three, six or eight hexadecimal digits behind it.
fn has_hex(code: &str) -> bool {
    code.split('#').skip(1).any(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let ends = rest
            .as_bytes()
            .get(digits)
            .is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-');
        matches!(digits, 3 | 6 | 8) && ends
    })
}
