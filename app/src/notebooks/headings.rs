//! The headings of a text cell, for the outline. Read line by line, so that the page needs no Markdown parser for it.

/// Level (1 to 6) and words of each heading, in order.
pub fn headings(source: &str) -> Vec<(u8, String)> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    let mut before: Option<&str> = None;
    for line in source.lines() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let text = line.trim();
        if let Some(open) = fence {
            if text.starts_with(open) && text.trim_start_matches(&open[..1]).is_empty() {
                fence = None;
            }
            continue;
        }
        if indent > 3 {
            before = None;
            continue;
        }
        if let Some(mark) = ["```", "~~~"]
            .into_iter()
            .find(|mark| text.starts_with(mark))
        {
            fence = Some(mark);
            before = None;
            continue;
        }
        if let Some((level, words)) = hashed(text) {
            push(&mut found, level, words);
            before = None;
        } else if let (Some(words), Some(level)) = (before, underline(text)) {
            push(&mut found, level, words);
            before = None;
        } else {
            // Lists and quotes are no paragraphs that a line below could underline.
            before =
                (!text.is_empty() && !text.starts_with(['>', '-', '*', '+', '|'])).then_some(text);
        }
    }
    found
}

/// `## words ##`
fn hashed(text: &str) -> Option<(u8, &str)> {
    let level = text.bytes().take_while(|byte| *byte == b'#').count();
    let rest = &text[level..];
    if !(1..=6).contains(&level) || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let words = rest.trim();
    let open = words.trim_end_matches('#');
    let words = if open.is_empty() || open.ends_with(' ') {
        open.trim_end()
    } else {
        words
    };
    Some((level as u8, words))
}

fn underline(text: &str) -> Option<u8> {
    let made_of = |mark: char| !text.is_empty() && text.chars().all(|letter| letter == mark);
    match text {
        _ if made_of('=') => Some(1),
        _ if made_of('-') => Some(2),
        _ => None,
    }
}

fn push(found: &mut Vec<(u8, String)>, level: u8, words: &str) {
    let words = plain(words);
    if !words.trim().is_empty() {
        found.push((level, words));
    }
}

/// Words without their marks: emphasis, code, dollars, and of a link only what is read.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => out.extend(letters.next()),
            '*' | '`' | '$' => {}
            '!' if letters.peek() == Some(&'[') => {}
            '[' => {}
            ']' => {
                if letters.peek() == Some(&'(') {
                    letters.by_ref().find(|letter| *letter == ')');
                }
            }
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<(u8, String)> {
        headings(source)
    }

    #[test]
    fn headings_are_found_with_their_words() {
        assert_eq!(
            found("# One\ntext\n## Two `b` ##\n###### [Six](https://x.example/) *words*\n"),
            [
                (1, "One".into()),
                (2, "Two b".into()),
                (6, "Six words".into())
            ]
        );
        assert_eq!(
            found("Title\n=====\n\nand below\n---\n"),
            [(1, "Title".into()), (2, "and below".into())]
        );
    }

    #[test]
    fn what_only_looks_like_a_heading_is_none() {
        assert_eq!(found("#tag\n####### seven\n    # code\n- item\n---\n"), []);
        assert_eq!(found("```\n# a comment\n```\n~~~\n# too\n~~~\n#\n"), []);
    }
}
