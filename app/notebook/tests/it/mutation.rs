//! Hostile inputs: real ones with bytes changed, from a seed. Nothing panics; what is accepted holds its laws.
//! `MUTATIONS=1000000` tries more.

use notebook::{Delta, wire};

use crate::corpus;
use crate::random::Random;

fn rounds(usual: u64) -> u64 {
    std::env::var("MUTATIONS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(usual)
}

/// Pieces that parsers trip over.
const PIECES: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "null",
    "NaN",
    "-Infinity",
    "1e999",
    "-0.0",
    "\\ud800",
    "\\u0000",
    "\u{2028}",
    "😀",
    "{\"$number\":\"NaN\"}",
    "{\"$number\":",
    "99999999999999999999",
    "\"id\": \"a\",",
    "\"output_type\": \"stream\",",
    "[\"a\",\"b\"]",
    "\r",
    "\u{feff}",
];

fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.next() as u8,
            2 => bytes.truncate(at),
            3 => {
                let end = (at + random.below(30)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let from = random.below(bytes.len() + 1);
                let end = (from + random.below(60)).min(bytes.len());
                let copy = bytes[from..end].to_vec();
                bytes.splice(at..at, copy);
            }
            5 => {
                // A whole value for another.
                let end = bytes[at..]
                    .iter()
                    .position(|byte| matches!(byte, b',' | b'\n' | b'}' | b']'))
                    .map_or(bytes.len(), |end| at + end);
                bytes.splice(at..end, PIECES[random.below(PIECES.len())].bytes());
            }
            _ => {
                bytes.splice(at..at, PIECES[random.below(PIECES.len())].bytes());
            }
        }
    }
}

#[test]
fn no_file_makes_the_import_panic_or_changes_on_the_way() {
    let mut found = Vec::new();
    corpus::notebooks(&corpus::fixtures(), &mut found);
    let files: Vec<Vec<u8>> = found
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    let mut accepted = 0;
    for seed in 0..rounds(20_000) {
        let mut random = Random::new(seed);
        let mut bytes = random.pick(&files).unwrap().clone();
        mutate(&mut random, &mut bytes);
        accepted += usize::from(corpus::holds(&bytes, &format!("seed {seed}")).is_ok());
    }
    assert!(accepted > 0);
}

const MESSAGES: [&str; 9] = [
    r#"{"notebook":"nb_1","say":"join","client":"tab-1","revision":4,"runs":null}"#,
    r#"{"notebook":"nb_1","say":"submit","client":"tab-1","sequence":1,"base":0,"operations":[{"op":"edit_source","cell":"a","delta":[5,"😀",-2]},{"op":"insert_cell","cell":"b","kind":"code","order":"a0V","metadata":{"a":[{}]}},{"op":"set_kind","cell":"b","kind":"raw"},{"op":"set_cell_metadata","cell":"b","key":"k","value":[1]}]}"#,
    r#"{"notebook":"nb_1","say":"presence","place":{"cell":"a","selection":{"anchor":1,"head":2}}}"#,
    r#"{"notebook":"nb_1","say":"run","cells":["a","b"]}"#,
    r#"{"notebook":"nb_1","say":"cancel","runs":["run_1","run_2"]}"#,
    r#"{"notebook":"nb_1","say":"clear_outputs","cells":["a","b"]}"#,
    r#"{"notebook":"nb_1","say":"clear_outputs"}"#,
    r#"{"notebook":"nb_1","say":"leave"}"#,
    r#"{"notebook":"nb_1","say":"ping","at":1.5}"#,
];

#[test]
fn no_message_makes_the_decoder_panic_or_means_two_things() {
    let mut accepted = 0;
    for seed in 0..rounds(100_000) {
        let mut random = Random::new(seed);
        let mut bytes = MESSAGES[random.below(MESSAGES.len())].as_bytes().to_vec();
        mutate(&mut random, &mut bytes);
        if let Ok(message) = wire::decode(&bytes) {
            accepted += 1;
            let again = serde_json::to_vec(&message).unwrap();
            assert_eq!(wire::decode(&again).unwrap(), message, "seed {seed}");
        }
    }
    assert!(accepted > 0);
}

#[test]
fn no_delta_makes_the_arithmetic_panic() {
    let texts = ["", "abc", "😀é\u{301}👩\u{200d}👧\n", "a😀"];
    for seed in 0..rounds(100_000) {
        let mut random = Random::new(seed);
        let mut wire = br#"[2,"x",-1,4294967290,"y",-3]"#.to_vec();
        mutate(&mut random, &mut wire);
        let Ok(delta) = serde_json::from_slice::<Delta>(&wire) else {
            continue;
        };
        let other = Delta::splice(random.below(4) as u32, random.below(3) as u32, "😀");
        for text in texts {
            if let Some(after) = delta.apply(text) {
                let back = delta.invert(text).unwrap();
                assert_eq!(back.apply(&after).as_deref(), Some(text), "seed {seed}");
            }
        }
        let _ = (
            delta.compose(&other),
            other.compose(&delta),
            delta.transform(&other),
            delta.transform(&delta),
        );
        let _ = delta.move_position(u32::MAX, true);
    }
}
