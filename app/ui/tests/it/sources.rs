//! Rules of the style folder and of the views that a reader would otherwise have to remember.

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
    // Given by whoever uses the class: a person's colour, a bar's share, a curve's colour, a row's depth, the
    // colour a program chose.
    let given = ["who", "v", "c", "d", "bar", "own"];
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

/// Leptos does not renew listeners that are spread onto a component when its view is drawn again in place: the first ones stay,
/// with signals that are gone. So components take what to do as a property and listen on an element of their own.
#[test]
fn no_listener_is_spread_onto_a_component() {
    let mut wrong = Vec::new();
    let mut sources = Vec::new();
    for folder in ["src", "../src"] {
        gather(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            "rs",
            &mut sources,
        );
    }
    assert!(sources.len() > 40, "the sources are elsewhere");
    for file in sources {
        let text = fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices('<') {
            let tag = &text[at + 1..];
            if tag.starts_with(|first: char| first.is_ascii_uppercase()) && spreads(tag) {
                let line = text[..at].matches('\n').count() + 1;
                wrong.push(format!("{}:{line}", file.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "give these components a property instead of `on:`:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn a_spread_listener_is_seen_where_it_stands() {
    assert!(spreads("Button on:click=move |_| go()>"));
    assert!(spreads("Button\n busy=move || a > b\n on:click=go/>"));
    assert!(!spreads("Button press=go><i on:click=go></i>"));
    assert!(!spreads("Menu face=|| view! { <i on:click=go></i> }>"));
    assert!(!spreads("Button\n  kind=big\n>\n<i on:click=go></i>"));
    assert!(!spreads("Input label=\" on:click \"/>"));
    assert!(!spreads("Vec<u8>, on: bool) -> Option<u8> {"));
}

/// Has this tag of a component, given from its name on, an `on:` among its own attributes?
fn spreads(tag: &str) -> bool {
    let (mut depth, mut quoted, mut before) = (0_i32, false, ' ');
    for (at, c) in tag.char_indices() {
        match c {
            '"' if before != '\\' => quoted = !quoted,
            _ if quoted => {}
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth -= 1,
            // The end of the tag, unless it is an arrow or says that one is more than another.
            '>' if depth == 0 && !matches!(before, '-' | '=') => {
                let line = tag[..at].rsplit('\n').next().unwrap_or_default();
                if before != ' ' || line.trim().is_empty() {
                    return false;
                }
            }
            'o' if depth == 0 && before.is_whitespace() && tag[at..].starts_with("on:") => {
                return tag[at + 3..].starts_with(|next: char| next.is_ascii_lowercase());
            }
            _ => {}
        }
        if depth < 0 {
            return false;
        }
        before = c;
    }
    false
}

fn partials() -> Vec<PathBuf> {
    let mut found = Vec::new();
    gather(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../style")),
        "scss",
        &mut found,
    );
    assert!(found.len() > 10, "the style folder has moved");
    found
}

fn gather(folder: &Path, kind: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, kind, found);
        } else if path.extension().is_some_and(|extension| extension == kind) {
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
