//! Names people choose: what is refused, and what is cleaned away.

use datalayer::{Error, Result};
use unicode_normalization::UnicodeNormalization as _;

/// Names that would let someone pass for the studio or its operator.
const RESERVED: &[&str] = &[
    "abuse",
    "admin",
    "administrator",
    "all",
    "anonymous",
    "api",
    "billing",
    "bot",
    "channel",
    "datalayer",
    "everyone",
    "guest",
    "help",
    "here",
    "hostmaster",
    "info",
    "mail",
    "me",
    "moderator",
    "nobody",
    "noreply",
    "no-reply",
    "null",
    "operator",
    "owner",
    "postmaster",
    "public",
    "root",
    "security",
    "staff",
    "studio",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "undefined",
    "webmaster",
    "www",
];

/// Checks a username that is to be created. Nothing is changed in silence: what is refused says which rule it breaks.
pub fn check_username(username: &str) -> Result<()> {
    let refuse = |code: &str, reason: &str| Err(Error::invalid("username", code, reason));
    if username.is_empty() {
        return refuse(
            "username.empty",
            "choose a username: 1 to 64 of a-z, 0-9, dot, dash and underscore",
        );
    }
    if username.chars().count() > 64 {
        return refuse("username.too_long", "a username has at most 64 characters");
    }
    if username.bytes().any(|b| b.is_ascii_uppercase()) {
        return refuse(
            "username.upper_case",
            "a username is written in lower case: a-z, 0-9, dot, dash and underscore",
        );
    }
    let allowed =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    if let Some(other) = username.chars().find(|c| !allowed(*c)) {
        let reason = if other.is_whitespace() {
            "a username has no spaces; use a-z, 0-9, dot, dash and underscore".to_owned()
        } else if other.is_alphabetic() {
            // Look-alikes from other alphabets are how one person passes for another.
            format!(
                "“{other}” is not one of a-z, 0-9, dot, dash and underscore, though it may look like it"
            )
        } else {
            "a username has only a-z, 0-9, dot, dash and underscore".to_owned()
        };
        return Err(Error::invalid("username", "username.character", reason));
    }
    if !username.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return refuse(
            "username.start",
            "a username starts with a letter or a digit",
        );
    }
    if username.ends_with('.') || username.contains("..") {
        return refuse(
            "username.dots",
            "a username has no two dots in a row and none at the end",
        );
    }
    if RESERVED.contains(&username) {
        return refuse(
            "username.reserved",
            "this username is kept for the studio itself; choose another",
        );
    }
    Ok(())
}

/// One line as people see it: NFC, without control characters and direction overrides, spaces trimmed and single.
/// `what` begins the sentence of a refusal, `field` names the field.
pub fn clean_name(text: &str, field: &str, what: &str, limit: usize) -> Result<String> {
    // Refused before it is worked on: normalising a megabyte to refuse it is work for nothing.
    if text.len() > limit * 32 {
        return Err(too_long(field, what, limit));
    }
    let name = clean_line(text);
    if name.is_empty() {
        return Err(Error::invalid(
            field,
            format!("{field}.empty"),
            format!("{what} needs at least one character"),
        ));
    }
    if name.chars().count() > limit {
        return Err(too_long(field, what, limit));
    }
    Ok(name)
}

/// Several lines, cleaned like a name but for line breaks; may be empty.
pub fn clean_text(text: &str, field: &str, what: &str, limit: usize) -> Result<String> {
    if text.len() > limit * 32 {
        return Err(too_long(field, what, limit));
    }
    let lines: Vec<String> = text.lines().map(clean_line).collect();
    let text = lines.join("\n").trim().to_owned();
    if text.chars().count() > limit {
        return Err(too_long(field, what, limit));
    }
    Ok(text)
}

/// NFC; control characters, direction overrides and other invisible marks gone; at most four combining marks on a letter;
/// runs of white space become one space.
pub fn clean_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut marks = 0;
    // What is not seen goes first: it must not keep a letter and its mark apart.
    let seen = text
        .chars()
        .filter(|c| c.is_whitespace() || !(c.is_control() || is_invisible(*c)));
    for c in seen.nfc() {
        if c.is_whitespace() {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
            marks = 0;
        } else if unicode_normalization::char::is_combining_mark(c) {
            marks += 1;
            if marks <= 4 && !line.is_empty() {
                line.push(c);
            }
        } else {
            marks = 0;
            line.push(c);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Characters that change how their neighbours are shown without being seen. Joiners (U+200C, U+200D) stay: Persian and
/// emoji need them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn too_long(field: &str, what: &str, limit: usize) -> Error {
    Error::invalid(
        field,
        format!("{field}.too_long"),
        format!("{what} has at most {limit} characters"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_usernames_are_fine() {
        for name in [
            "a",
            "ada",
            "ada.lovelace",
            "grace-hopper_2",
            "0x",
            &"a".repeat(64),
        ] {
            assert_eq!(check_username(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn every_bad_username_is_refused_by_the_rule_it_breaks() {
        let long = "a".repeat(65);
        for (name, code) in [
            ("", "username.empty"),
            ("admin", "username.reserved"),
            ("root", "username.reserved"),
            ("system", "username.reserved"),
            ("datalayer", "username.reserved"),
            ("ADMIN", "username.upper_case"),
            ("Ada", "username.upper_case"),
            // Cyrillic a.
            ("\u{430}dmin", "username.character"),
            ("a b", "username.character"),
            ("../x", "username.character"),
            ("a\0b", "username.character"),
            ("ada@home", "username.character"),
            ("-x", "username.start"),
            ("_x", "username.start"),
            (".x", "username.start"),
            ("a..b", "username.dots"),
            (&long, "username.too_long"),
        ] {
            assert_eq!(check_username(name).unwrap_err().code(), code, "{name:?}");
        }
    }

    #[test]
    fn a_direction_override_and_a_tower_of_marks_do_not_reach_a_title() {
        assert_eq!(clean_line("re\u{202e}port"), "report");
        assert_eq!(clean_line("  two \t\n words  "), "two words");
        assert_eq!(clean_line("e\u{301}"), "\u{e9}");
        assert_eq!(clean_line("c\u{202e}\u{301}"), "\u{107}");
        let tower = format!("a{}", "\u{301}".repeat(1000));
        assert!(clean_line(&tower).chars().count() <= 5);
        assert_eq!(
            clean_line("<img src=x onerror=alert(1)>"),
            "<img src=x onerror=alert(1)>"
        );
    }

    #[test]
    fn a_family_emoji_stays_a_family() {
        let family = "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}";
        assert_eq!(clean_line(family), family);
    }

    #[test]
    fn a_name_of_nothing_visible_is_refused() {
        assert_eq!(
            clean_name(" \u{202e}\u{200b} ", "name", "a space's name", 100)
                .unwrap_err()
                .code(),
            "name.empty"
        );
        assert_eq!(
            clean_name(&"x".repeat(101), "name", "a space's name", 100)
                .unwrap_err()
                .code(),
            "name.too_long"
        );
        assert_eq!(
            clean_name(&"x".repeat(1_000_000), "name", "a space's name", 100)
                .unwrap_err()
                .code(),
            "name.too_long"
        );
    }

    proptest! {
        #[test]
        fn cleaning_a_clean_line_changes_nothing(text in "\\PC{0,60}|[\\s\u{202e}\u{301}a-c]{0,40}") {
            let once = clean_line(&text);
            prop_assert_eq!(clean_line(&once), once.clone());
            prop_assert!(!once.chars().any(|c| c.is_control()));
        }
    }
}
