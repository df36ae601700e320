//! What a search for titles asks the database, and what it decides itself.

/// Words a search looks at; those behind them only narrow what was found.
const WORDS: usize = 4;
/// Longest search, in characters.
const LONGEST: usize = 200;

/// The words of a search, each of which has to be in a title.
pub(super) struct Sought {
    words: Vec<String>,
    /// For `like`; `%` where there are fewer words.
    pub patterns: [String; WORDS],
    /// Do the patterns say as much as the words?
    pub is_exact: bool,
}

impl Sought {
    pub fn new(typed: &str) -> Self {
        let typed: String = typed.chars().take(LONGEST).collect();
        let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
        let pattern = |at| {
            words
                .get(at)
                .map_or_else(|| "%".to_owned(), |word: &String| like(word))
        };
        Self {
            patterns: std::array::from_fn(pattern),
            is_exact: words.len() <= WORDS && words.iter().all(|word| word.is_ascii()),
            words,
        }
    }

    pub fn is_in(&self, title: &str) -> bool {
        let title = title.to_lowercase();
        self.words.iter().all(|word| title.contains(word.as_str()))
    }
}

/// A pattern that finds the word anywhere. Engines do not agree on which letters beyond ASCII are the same in capitals, so those may
/// be anything.
fn like(word: &str) -> String {
    let mut pattern = String::from("%");
    for letter in word.chars() {
        match letter {
            '%' | '_' | '\\' => pattern.extend(['\\', letter]),
            letter if letter.is_ascii() => pattern.push(letter),
            _ if pattern.ends_with('%') && !pattern.ends_with("\\%") => {}
            _ => pattern.push('%'),
        }
    }
    if !pattern.ends_with('%') || pattern.ends_with("\\%") {
        pattern.push('%');
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_finds_what_the_word_finds_and_more() {
        assert_eq!(like("peak"), "%peak%");
        assert_eq!(like("50%_\\"), r"%50\%\_\\%");
        assert_eq!(like("über"), "%ber%");
        assert_eq!(like("café"), "%caf%");
        assert_eq!(like("é"), "%");
    }

    #[test]
    fn each_word_has_to_be_in_the_title() {
        let sought = Sought::new("  Peak winter ÜBER");
        assert_eq!(sought.patterns, ["%peak%", "%winter%", "%ber%", "%"]);
        assert!(!sought.is_exact);
        assert!(sought.is_in("Winter peak, über alles"));
        assert!(!sought.is_in("Winter peak, uber alles"));
        assert!(Sought::new("a b c d").is_exact && !Sought::new("a b c d e").is_exact);
        assert!(Sought::new("").is_in("anything"));
    }
}
