//! Lines as Python's `str.splitlines` cuts them: Jupyter files list them so.

/// The lines of a text, each with its end.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_line_end) {
        let mut end = at + rest[at..].chars().next().map_or(0, char::len_utf8);
        if rest[at..].starts_with("\r\n") {
            end += 1;
        }
        let (line, tail) = rest.split_at(end);
        lines.push(line);
        rest = tail;
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

fn is_line_end(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_where_python_cuts_them() {
        assert_eq!(split(""), Vec::<&str>::new());
        assert_eq!(split("a\n\nb"), ["a\n", "\n", "b"]);
        assert_eq!(
            split("a\r\nb\rc\u{85}d\u{2028}e\u{b}\u{1c}"),
            ["a\r\n", "b\r", "c\u{85}", "d\u{2028}", "e\u{b}", "\u{1c}"]
        );
    }
}
