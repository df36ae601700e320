//! Contrast, recomputed from the tokens after WCAG 2.2 (relative luminance, section "contrast ratio").

use std::collections::BTreeMap;
use std::fs;

type Tokens = BTreeMap<String, [f64; 3]>;

const BACKGROUNDS: [&str; 6] = [
    "bg-app",
    "bg-surface",
    "bg-raised",
    "bg-sunken",
    "bg-code",
    "bg-hover",
];
const SEMANTIC: [&str; 5] = ["ok", "warn", "danger", "info", "suggest"];

#[test]
fn words_stand_out_from_every_background_in_every_theme() {
    for (theme, tokens) in themes() {
        let enough = if theme.ends_with("more") { 7.0 } else { 4.5 };
        for word in ["text", "text-2", "text-3", "accent-text"]
            .into_iter()
            .chain(SEMANTIC)
        {
            for background in BACKGROUNDS {
                assert_ratio(theme, &tokens, word, background, enough);
            }
        }
    }
}

#[test]
fn words_on_colours_stand_out_from_them() {
    for (theme, tokens) in themes() {
        for fill in ["accent", "accent-hover", "danger-solid"] {
            assert_ratio(theme, &tokens, "text-on-accent", fill, 4.5);
        }
        for tone in SEMANTIC {
            assert_ratio(theme, &tokens, tone, &format!("{tone}-soft"), 4.5);
        }
        for person in 1..=8 {
            assert_ratio(
                theme,
                &tokens,
                "text-on-accent",
                &format!("who-{person}"),
                4.5,
            );
        }
        assert_ratio(theme, &tokens, "accent-text", "bg-selected", 4.5);
        assert_ratio(theme, &tokens, "text-inverse", "bg-inverse", 4.5);
    }
}

#[test]
fn code_stands_out_from_its_background() {
    for (theme, tokens) in themes() {
        for kind in [
            "keyword", "string", "number", "func", "type", "comment", "op", "deco",
        ] {
            assert_ratio(theme, &tokens, &format!("syn-{kind}"), "bg-code", 4.5);
        }
    }
}

#[test]
fn edges_of_controls_and_the_focus_can_be_found() {
    for (theme, tokens) in themes() {
        for background in ["bg-surface", "bg-app"] {
            assert_ratio(theme, &tokens, "line-control", background, 3.0);
        }
        for background in BACKGROUNDS {
            assert_ratio(theme, &tokens, "focus", background, 3.0);
        }
        for series in 1..=8 {
            assert_ratio(theme, &tokens, &format!("data-{series}"), "bg-surface", 3.0);
        }
    }
}

fn assert_ratio(theme: &str, tokens: &Tokens, front: &str, back: &str, enough: f64) {
    let colour = |name: &str| {
        *tokens
            .get(name)
            .unwrap_or_else(|| panic!("{theme} has no --{name}"))
    };
    let ratio = ratio(colour(front), colour(back));
    assert!(
        ratio >= enough,
        "{theme}: --{front} on --{back} is {ratio:.2}:1, below {enough}:1"
    );
}

/// The four looks, each with what it inherits from the light one.
fn themes() -> Vec<(&'static str, Tokens)> {
    let source = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../style/_tokens.scss"
    ))
    .unwrap();
    let over = |layers: &[&str]| {
        let mut tokens = Tokens::new();
        for layer in layers {
            mixin(&source, layer, &mut tokens);
        }
        tokens
    };
    vec![
        ("light", over(&["light"])),
        ("dark", over(&["light", "dark"])),
        ("light-more", over(&["light", "light-more"])),
        // As the cascade has it: a document with both attributes gets the rules of both.
        ("dark-more", over(&["light", "light-more", "dark-more"])),
    ]
}

/// Adds the opaque colours of `@mixin name { … }`, with those of the mixins it includes.
fn mixin(source: &str, name: &str, tokens: &mut Tokens) {
    let start = source
        .find(&format!("@mixin {name} {{"))
        .unwrap_or_else(|| panic!("there is no mixin {name}"));
    let body = &source[start..];
    let body = &body[..body.find("\n}").unwrap()];
    let mut found = 0;
    for line in body.lines().map(str::trim) {
        if let Some(other) = line.strip_prefix("@include ") {
            mixin(source, other.trim_end_matches(';'), tokens);
        } else if let Some((token, value)) = line
            .strip_prefix("--")
            .and_then(|line| line.split_once(':'))
            && let Some(value) = colour(value.trim().trim_end_matches(';'))
        {
            tokens.insert(token.to_owned(), value);
            found += 1;
        }
    }
    assert!(
        found > 20,
        "{name} has only {found} colours: has its form changed?"
    );
}

fn colour(value: &str) -> Option<[f64; 3]> {
    let digits = value.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let part = |at: usize| {
        u8::from_str_radix(&digits[at..at + 2], 16)
            .ok()
            .map(|byte| f64::from(byte) / 255.0)
    };
    Some([part(0)?, part(2)?, part(4)?])
}

fn ratio(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: [f64; 3]) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        if part <= 0.04045 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}
