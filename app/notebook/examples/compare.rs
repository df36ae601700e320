//! How long the comparison of two texts of a megabyte takes, and how many steps it finds:
//! `cargo run --release -p notebook --example compare`.

use std::time::Instant;

use notebook::Delta;

const BYTES: usize = 1 << 20;

fn noise(seed: u64, alphabet: &str) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = seed;
    let mut text = String::new();
    while text.len() < BYTES {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        text.push(letters[(state >> 33) as usize % letters.len()]);
    }
    text
}

fn lines(step: usize) -> String {
    let mut text = String::new();
    for at in 0.. {
        if text.len() >= BYTES {
            break;
        }
        text.push_str(&format!("row_{} = {at}\n", at * step));
    }
    text
}

fn main() {
    let words = "abcdefghij   \n";
    let edited = lines(1).replace("5 =", "5 = 1 +").replace("row_77", "");
    let cases = [
        ("another text", noise(1, words), noise(2, words)),
        ("two letters", noise(1, "ab"), noise(2, "ab")),
        ("line ends", noise(1, "\na"), noise(2, "\na")),
        (
            "one letter",
            "a".repeat(BYTES),
            format!("b{}c", "a".repeat(BYTES / 2)),
        ),
        ("periods", "ab".repeat(BYTES / 2), "aab".repeat(BYTES / 3)),
        ("other lines", lines(1), lines(3)),
        ("pairs", noise(1, "😀😁"), noise(2, "😁😀😂")),
        ("every tenth line", lines(1), edited),
    ];
    for (name, old, new) in cases {
        let start = Instant::now();
        let delta = Delta::diff(&old, &new);
        let took = start.elapsed();
        assert_eq!(delta.apply(&old).as_deref(), Some(new.as_str()));
        println!("{name}: {took:?}, {} steps", delta.steps().len());
    }
}
