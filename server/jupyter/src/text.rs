//! The text of a stream message, unescaped a piece at a time, whatever a kernel put into it.

use std::borrow::Cow;

use notebook::runs::StreamName;
use serde::Deserialize;
use serde_json::value::RawValue;

/// No piece is longer.
pub const PIECE: usize = 64 * 1024;

/// A stream message's content. Reading it holds one piece of its text, not the whole.
pub struct Stream<'a> {
    pub name: StreamName,
    /// What lies between the quotes and has not been read.
    rest: Cow<'a, str>,
    at: usize,
}

impl<'a> Stream<'a> {
    /// `None` when it is not JSON, or not a stream. Bytes that are no UTF-8 become U+FFFD.
    pub fn of(content: &'a [u8]) -> Option<Self> {
        match std::str::from_utf8(content) {
            Ok(content) => {
                let (name, text) = open(content)?;
                Some(Self {
                    name,
                    rest: Cow::Borrowed(text),
                    at: 0,
                })
            }
            Err(_) => {
                let content = String::from_utf8_lossy(content);
                let (name, text) = open(&content)?;
                let rest = Cow::Owned(text.to_owned());
                Some(Self { name, rest, at: 0 })
            }
        }
    }

    /// Puts the next piece into `piece`; false at the end.
    pub fn read(&mut self, piece: &mut String) -> bool {
        piece.clear();
        loop {
            let rest = &self.rest[self.at..];
            let room = PIECE - piece.len();
            if rest.is_empty() || room < 4 {
                return !piece.is_empty();
            }
            let window = &rest[..rest.floor_char_boundary(room)];
            let plain = window.find('\\').unwrap_or(window.len());
            piece.push_str(&window[..plain]);
            self.at += plain;
            if plain < window.len() {
                let (character, length) = escaped(&rest[plain..]);
                piece.push(character);
                self.at += length;
            }
        }
    }

    /// The rest in one text.
    pub fn whole(mut self) -> String {
        let (mut whole, mut piece) = (String::new(), String::new());
        while self.read(&mut piece) {
            whole.push_str(&piece);
        }
        whole
    }
}

fn open(content: &str) -> Option<(StreamName, &str)> {
    #[derive(Deserialize)]
    struct Content<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
        #[serde(borrow)]
        text: &'a RawValue,
    }
    let Content { name, text } = serde_json::from_str(content).ok()?;
    let name = if name == "stderr" {
        StreamName::Stderr
    } else {
        StreamName::Stdout
    };
    let text = text.get().strip_prefix('"')?.strip_suffix('"')?;
    Some((name, text))
}

/// The character an escape stands for, and the escape's length. Half a surrogate pair stands for none.
fn escaped(text: &str) -> (char, usize) {
    let character = match text.as_bytes().get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(&same @ (b'"' | b'\\' | b'/')) => char::from(same),
        Some(b'u') => return unicode(text),
        // A JSON reader has been over it before, so there is no other.
        _ => return (char::REPLACEMENT_CHARACTER, 1),
    };
    (character, 2)
}

fn unicode(text: &str) -> (char, usize) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(0) else {
        return (char::REPLACEMENT_CHARACTER, 2);
    };
    let mut units = [first, 0];
    let pair = match unit(6) {
        Some(second) if (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second) => {
            units[1] = second;
            2
        }
        _ => 1,
    };
    let character = char::decode_utf16(units.into_iter().take(pair))
        .next()
        .and_then(Result::ok)
        .unwrap_or(char::REPLACEMENT_CHARACTER);
    (character, 6 * pair)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pieces(content: &[u8]) -> Vec<String> {
        let mut stream = Stream::of(content).expect("a stream");
        let (mut pieces, mut piece) = (Vec::new(), String::new());
        while stream.read(&mut piece) {
            pieces.push(piece.clone());
        }
        pieces
    }

    #[test]
    fn text_is_what_a_json_reader_reads_cut_into_pieces_between_characters() {
        for text in [
            "",
            "plain",
            "a\n\t\r\u{8}\u{c}\"\\/é€😀\u{1}\u{7f}",
            &"aé€😀\n".repeat(50_000),
            &"\\".repeat(200_000),
            &"x".repeat(PIECE * 3),
        ] {
            for ascii in [false, true] {
                let mut content = json!({ "name": "stdout", "text": text }).to_string();
                if ascii {
                    content = in_ascii(&content);
                }
                let pieces = pieces(content.as_bytes());
                assert!(pieces.concat() == text, "{:.40}", text);
                assert!(
                    pieces
                        .iter()
                        .all(|piece| !piece.is_empty() && piece.len() <= PIECE)
                );
            }
        }
    }

    #[test]
    fn what_is_no_text_is_replaced_and_the_rest_is_kept() {
        let cases: [(&[u8], &str); 5] = [
            (br#"{"name":"stderr","text":"a\ud83d b"}"#, "a\u{fffd} b"),
            (
                br#"{"name":"stderr","text":"a\udc00\ud83d"}"#,
                "a\u{fffd}\u{fffd}",
            ),
            (
                br#"{"name":"stderr","text":"\ud83d\ud83d\ude00"}"#,
                "\u{fffd}😀",
            ),
            (
                b"{\"name\":\"stderr\",\"text\":\"a\xff\\n\"}",
                "a\u{fffd}\n",
            ),
            (
                b"{\"text\":\"\xed\xb3\xbf ok\",\"name\":\"stderr\"}",
                "\u{fffd}\u{fffd}\u{fffd} ok",
            ),
        ];
        for (content, text) in cases {
            let stream = Stream::of(content).expect("a stream");
            assert_eq!(stream.name, StreamName::Stderr);
            assert_eq!(stream.whole(), text);
        }
    }

    #[test]
    fn what_is_no_stream_is_none() {
        for content in [
            "",
            "3",
            "{}",
            r#"{"name":"stdout"}"#,
            r#"{"name":"stdout","text":5}"#,
            r#"{"name":"stdout","text":"\x"}"#,
            r#"{"name":"stdout","text":"cut"#,
        ] {
            assert!(Stream::of(content.as_bytes()).is_none(), "{content}");
        }
    }

    fn in_ascii(json: &str) -> String {
        let mut units = [0; 2];
        json.chars()
            .map(|character| match character {
                ' '..='~' => character.to_string(),
                _ => character
                    .encode_utf16(&mut units)
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}"))
                    .collect(),
            })
            .collect()
    }
}
