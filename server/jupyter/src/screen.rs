//! Text as a terminal shows it: how much of a run's text still fits, and a shorter text that shows the same.

use std::borrow::Cow;

use notebook::runs::{CellRun, Output, StreamName};

/// How many bytes the text of a run comes to on a terminal. Only the line that can still be rewritten is held.
#[derive(Debug, Default)]
pub struct Screen {
    /// Whose text came last; `None` where another output came after it.
    name: Option<StreamName>,
    /// Bytes that no text can change any more.
    settled: usize,
    /// The line, as far as the cursor.
    left: String,
    /// The line right of the cursor, last character first, and its bytes.
    right: Vec<char>,
    right_bytes: usize,
    /// Something did not fit, and nothing may be shown after a gap.
    full: bool,
}

impl Screen {
    /// Takes text in; how many bytes of it, from its start, fit into `limit`. Once not all of a text fitted, nothing does.
    pub fn write(&mut self, name: StreamName, text: &str, limit: usize) -> usize {
        if self.full {
            return 0;
        }
        if self.name.replace(name) != Some(name) {
            self.settle();
        }
        for (at, character) in text.char_indices() {
            if !self.put(character, limit) {
                self.full = true;
                return at;
            }
        }
        text.len()
    }

    /// Another output follows: the text after it begins anew.
    pub fn set_apart(&mut self) {
        self.name = None;
    }

    fn put(&mut self, character: char, limit: usize) -> bool {
        match character {
            '\r' => {
                self.right_bytes += self.left.len();
                self.right.extend(self.left.drain(..).rev());
            }
            '\u{8}' => {
                if let Some(stepped_over) = self.left.pop() {
                    self.right_bytes += stepped_over.len_utf8();
                    self.right.push(stepped_over);
                }
            }
            '\n' => {
                if self.bytes() >= limit {
                    return false;
                }
                self.settle();
                self.settled += 1;
            }
            _ => {
                let under = self.right.last().map_or(0, |under| under.len_utf8());
                if self.bytes() - under + character.len_utf8() > limit {
                    return false;
                }
                self.right.pop();
                self.right_bytes -= under;
                self.left.push(character);
            }
        }
        true
    }

    fn bytes(&self) -> usize {
        self.settled + self.left.len() + self.right_bytes
    }

    /// What stands in the line stays.
    fn settle(&mut self) {
        self.settled = self.bytes();
        self.left.clear();
        self.right.clear();
        self.right_bytes = 0;
    }
}

/// Text that does to any screen what `text` does, without what it writes over itself.
pub fn squeezed(text: &str) -> Cow<'_, str> {
    if !text.contains(['\r', '\u{8}']) {
        return Cow::Borrowed(text);
    }
    let (first, others) = match text.split_once('\n') {
        Some((first, others)) => (first, Some(others)),
        None => (text, None),
    };
    let mut short = String::new();
    // Up to the first return it is not known what stands in the line, nor where the cursor is.
    match first.split_once('\r') {
        Some((before, after)) => {
            push_continued(&mut short, before);
            short.push('\r');
            push_line(&mut short, after);
        }
        None => push_continued(&mut short, first),
    }
    if let Some(others) = others {
        short.push('\n');
        push_line(&mut short, others);
    }
    Cow::Owned(short)
}

/// Text that begins at the start of a line.
fn push_line(short: &mut String, text: &str) {
    let (shown, back) = rendered(text);
    short.push_str(&shown);
    if back > 0 {
        // The cursor is put where it was: writing the same again changes nothing.
        let line = shown.rfind('\n').map_or(0, |at| at + 1);
        short.push('\r');
        short.push_str(&shown[line..shown.len() - back]);
    }
}

/// Text that begins anywhere in a line: a step back from where it began may lead into what was there, or nowhere.
fn push_continued(short: &mut String, text: &str) {
    let (mut origin, mut column) = (0, 0_usize);
    for (at, character) in text.char_indices() {
        if character != '\u{8}' {
            column += 1;
        } else if column > 0 {
            column -= 1;
        } else {
            push_from(short, &text[origin..at]);
            short.push(character);
            origin = at + 1;
        }
    }
    push_from(short, &text[origin..]);
}

/// Text that does not step back behind its own beginning.
fn push_from(short: &mut String, text: &str) {
    let (shown, back) = rendered(text);
    short.push_str(&shown);
    let steps = shown[shown.len() - back..].chars();
    short.extend(steps.map(|_| '\u{8}'));
}

/// What an empty screen shows of it, and how many bytes before the end the cursor stands.
fn rendered(text: &str) -> (String, usize) {
    let mut cell = CellRun::default();
    cell.append_stream(StreamName::Stdout, text);
    match cell.outputs.pop() {
        Some(Output::Stream { text, .. }) => (text, cell.cursor_back),
        _ => (String::new(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text of so many characters that behave differently.
    fn texts(length: u32) -> impl Iterator<Item = String> {
        const LETTERS: [char; 5] = ['a', 'é', '\r', '\u{8}', '\n'];
        (0..=length).flat_map(|length| {
            (0..5_usize.pow(length)).map(move |number| {
                (0..length)
                    .map(|place| LETTERS[number / 5_usize.pow(place) % 5])
                    .collect()
            })
        })
    }

    #[test]
    fn squeezed_text_does_to_every_screen_what_the_text_does() {
        for text in texts(6) {
            let short = squeezed(&text);
            for before in ["", "xyz", "xyz\u{8}\u{8}", "x\nyz\r"] {
                let shown = |middle: &str| rendered(&format!("{before}{middle}"));
                assert_eq!(shown(&short), shown(&text), "{before:?} {text:?} {short:?}");
            }
        }
    }

    #[test]
    fn a_progress_bar_is_squeezed_to_its_last_state() {
        let bar: String = (0..10_000).map(|at| format!("\r{at:5} of 10000")).collect();
        assert_eq!(squeezed(&bar), "\r 9999 of 10000");
        let spinner = "\u{8}\u{8}\u{8} 1%\u{8}\u{8}\u{8} 2%".repeat(1000);
        assert_eq!(squeezed(&spinner), "\u{8}\u{8}\u{8} 2%");
    }

    #[test]
    fn a_screen_counts_what_is_shown() {
        for text in texts(6) {
            let mut screen = Screen::default();
            assert_eq!(screen.write(StreamName::Stdout, &text, 100), text.len());
            assert_eq!(screen.bytes(), rendered(&text).0.len(), "{text:?}");
        }
    }

    #[test]
    fn text_fits_as_long_as_what_is_shown_does_and_nothing_comes_after_a_gap() {
        let out = StreamName::Stdout;
        let mut screen = Screen::default();
        assert_eq!(screen.write(out, "12345", 5), 5);
        assert_eq!(screen.write(out, "\rabcde\rx", 5), 8);
        assert_eq!(screen.write(out, "\r12345é", 5), 6);
        assert_eq!(screen.write(out, "\ra", 5), 0);
    }

    #[test]
    fn a_return_does_not_reach_over_another_stream_or_output() {
        let mut screen = Screen::default();
        screen.write(StreamName::Stdout, "123", 100);
        screen.write(StreamName::Stderr, "\r4", 100);
        screen.write(StreamName::Stdout, "\r5", 100);
        screen.set_apart();
        screen.write(StreamName::Stdout, "\r6", 100);
        assert_eq!(screen.bytes(), 6);
    }
}
