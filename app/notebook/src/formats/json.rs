//! JSON as Python reads and writes it: `NaN` and `Infinity`, whole numbers of any size, lone surrogates.
//!
//! A number that `serde_json` cannot hold is kept as `{"$number": "<as written>"}` and written back as it was. An object
//! of a file that looks the same is wrapped once more, so that the two are never confused.

use std::fmt::Write as _;

use serde_json::{Number, Value};

use crate::Map;

/// Why a text is no JSON, and where. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at line {line}, column {column}")]
pub struct JsonError {
    pub what: String,
    pub line: usize,
    pub column: usize,
    pub offset: usize,
}

/// What was read, and what had to be repaired.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    pub value: Value,
    /// `NaN`, `Infinity`, and numbers too large to hold.
    pub odd_numbers: usize,
    /// Half surrogate pairs, replaced by U+FFFD.
    pub lone_surrogates: usize,
    /// Keys that stood in their object already. The last value counts, as in Python.
    pub repeated_keys: usize,
}

/// Values nest no deeper than this, marks of odd numbers included: `serde_json` reads stored documents 128 deep.
pub const DEPTH: usize = 100;

/// Reads a text. Never recurses deeper than [`DEPTH`].
pub fn read(text: &str) -> Result<Read, JsonError> {
    let mut reader = Reader {
        text,
        at: 0,
        odd_numbers: 0,
        lone_surrogates: 0,
        repeated_keys: 0,
    };
    let (value, _) = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.error("there is more after the end"));
    }
    Ok(Read {
        value,
        odd_numbers: reader.odd_numbers,
        lone_surrogates: reader.lone_surrogates,
        repeated_keys: reader.repeated_keys,
    })
}

/// Writes a value as Python's `json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False)` does.
pub fn write(value: &Value, out: &mut String) {
    write_at(value, 0, out);
}

const MARK: &str = "$number";

/// Whether an object stands for a number, or for an object that looks as if it did.
fn is_marked(fields: &Map) -> bool {
    match (fields.len(), fields.get(MARK)) {
        (1, Some(Value::String(text))) => is_number(text),
        (1, Some(Value::Object(inner))) => is_marked(inner),
        _ => false,
    }
}

fn is_number(text: &str) -> bool {
    matches!(text, "NaN" | "Infinity" | "-Infinity")
        || (number_end(text.as_bytes()) == Some(text.len()) && !text.is_empty())
}

/// Where a number at the start ends, by JSON's grammar.
fn number_end(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    match digits(at) {
        0 => return None,
        _ if bytes[at] == b'0' => at += 1,
        count => at += count,
    }
    if bytes.get(at) == Some(&b'.') {
        match digits(at + 1) {
            0 => return None,
            count => at += 1 + count,
        }
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        match digits((at + 1 + sign).min(bytes.len())) {
            0 => return None,
            count => at += 1 + sign + count,
        }
    }
    Some(at)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    odd_numbers: usize,
    lone_surrogates: usize,
    repeated_keys: usize,
}

impl Reader<'_> {
    fn error_at(&self, what: &str, offset: usize) -> JsonError {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        JsonError {
            what: what.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            offset,
        }
    }

    fn error(&self, what: &str) -> JsonError {
        self.error_at(what, self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.text[self.at..].starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// A value and how deep it nests.
    fn value(&mut self, depth: usize) -> Result<(Value, usize), JsonError> {
        self.space();
        if depth > DEPTH {
            return Err(self.error(&format!("values nest deeper than {DEPTH} levels")));
        }
        let value = match self.peek() {
            None => return Err(self.error("the text ends too early")),
            Some(b'"') => Value::String(self.string()?),
            Some(b'{') => return self.object(depth),
            Some(b'[') => return self.array(depth),
            Some(b't') if self.word("true") => Value::Bool(true),
            Some(b'f') if self.word("false") => Value::Bool(false),
            Some(b'n') if self.word("null") => Value::Null,
            Some(b'N') if self.word("NaN") => self.odd("NaN"),
            Some(b'I') if self.word("Infinity") => self.odd("Infinity"),
            Some(b'-') if self.word("-Infinity") => self.odd("-Infinity"),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) => return Err(self.error("a value was expected")),
        };
        let height = usize::from(value.is_object());
        Ok((value, height))
    }

    fn odd(&mut self, text: &str) -> Value {
        self.odd_numbers += 1;
        let mut fields = Map::new();
        fields.insert(MARK.to_owned(), Value::String(text.to_owned()));
        Value::Object(fields)
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let rest = &self.text[self.at..];
        let end = number_end(rest.as_bytes()).ok_or_else(|| self.error("this is no number"))?;
        let text = &rest[..end];
        let number = if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
            text.parse::<f64>().ok().and_then(Number::from_f64)
        } else if let Ok(whole) = text.parse::<i64>() {
            Some(whole.into())
        } else {
            text.parse::<u64>().ok().map(Number::from)
        };
        self.at += end;
        let text = text.to_owned();
        Ok(match number {
            Some(number) => Value::Number(number),
            None => self.odd(&text),
        })
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let plain = rest
                .iter()
                .take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f))
                .count();
            out.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain;
            match self.peek() {
                None => return Err(self.error_at("a text that is never closed begins", start)),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => self.escape(&mut out)?,
                Some(_) => return Err(self.error("a control character stands in a text")),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), JsonError> {
        let at = self.at;
        let letter = self.text.as_bytes().get(at + 1).copied();
        self.at += 2;
        let plain = match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex(at)?;
                if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
                    let back = self.at;
                    self.at += 2;
                    let second = self.hex(back)?;
                    if (0xdc00..0xe000).contains(&second) {
                        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                        return Ok(());
                    }
                    self.at = back;
                }
                char::from_u32(first).unwrap_or_else(|| {
                    self.lone_surrogates += 1;
                    char::REPLACEMENT_CHARACTER
                })
            }
            _ => return Err(self.error_at("there is no such escape", at)),
        };
        out.push(plain);
        Ok(())
    }

    fn hex(&mut self, escape: usize) -> Result<u32, JsonError> {
        let digits = self
            .text
            .as_bytes()
            .get(self.at..self.at + 4)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        code.ok_or_else(|| self.error_at("\\u wants four hexadecimal digits", escape))
    }

    fn array(&mut self, depth: usize) -> Result<(Value, usize), JsonError> {
        self.at += 1;
        let (mut items, mut height) = (Vec::new(), 0);
        self.space();
        if self.word("]") {
            return Ok((Value::Array(items), 1));
        }
        loop {
            let (item, inner) = self.value(depth + 1)?;
            items.push(item);
            height = height.max(inner);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    items.shrink_to_fit();
                    return Ok((Value::Array(items), height + 1));
                }
                _ => return Err(self.error("`,` or `]` was expected")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<(Value, usize), JsonError> {
        let start = self.at;
        self.at += 1;
        let (mut fields, mut height) = (Map::new(), 0);
        self.space();
        if self.word("}") {
            return Ok((Value::Object(fields), 1));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.error("a key in quotation marks was expected"));
            }
            let key = self.string()?;
            self.space();
            if !self.word(":") {
                return Err(self.error("`:` was expected"));
            }
            let (value, inner) = self.value(depth + 1)?;
            height = height.max(inner);
            self.repeated_keys += usize::from(fields.insert(key, value).is_some());
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                _ => return Err(self.error("`,` or `}` was expected")),
            }
        }
        if is_marked(&fields) {
            let mut outer = Map::new();
            outer.insert(MARK.to_owned(), Value::Object(fields));
            fields = outer;
            height += 1;
        }
        if depth + height > DEPTH {
            return Err(self.error_at(&format!("values nest deeper than {DEPTH} levels"), start));
        }
        Ok((Value::Object(fields), height + 1))
    }
}

pub(super) fn write_at(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                line(at, depth + 1, out);
                write_at(item, depth + 1, out);
            }
            close(']', depth, out);
        }
        Value::Object(fields) => match fields.get(MARK) {
            Some(Value::String(number)) if is_marked(fields) => out.push_str(number),
            Some(Value::Object(inner)) if is_marked(fields) => write_fields(inner, depth, out),
            _ => write_fields(fields, depth, out),
        },
    }
}

fn write_fields(fields: &Map, depth: usize, out: &mut String) {
    if fields.is_empty() {
        out.push_str("{}");
        return;
    }
    // Text order of UTF-8 is the order of code points, by which Python sorts.
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    out.push('{');
    for (at, (key, value)) in sorted.into_iter().enumerate() {
        line(at, depth + 1, out);
        write_string(key, out);
        out.push_str(": ");
        write_at(value, depth + 1, out);
    }
    close('}', depth, out);
}

pub(super) fn line(at: usize, depth: usize, out: &mut String) {
    out.push_str(if at == 0 { "\n" } else { ",\n" });
    out.extend(std::iter::repeat_n(' ', depth));
}

pub(super) fn close(bracket: char, depth: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', depth));
    out.push(bracket);
}

pub(super) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| matches!(c, '"' | '\\' | '\0'..='\u{1f}')) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x8 => out.push_str("\\b"),
            0xc => out.push_str("\\f"),
            control => {
                let _ = write!(out, "\\u{control:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

fn write_number(number: &Number, out: &mut String) {
    match number.as_f64() {
        Some(float) if number.is_f64() => write_float(float, out),
        _ => {
            let _ = write!(out, "{number}");
        }
    }
}

/// A float as Python's `repr` writes it: the shortest digits, an exponent below -4 and from 16 on.
fn write_float(float: f64, out: &mut String) {
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{float}");
        out.push_str(&plain);
        if !plain.contains('.') {
            out.push_str(".0");
        }
        return;
    }
    let _ = write!(
        out,
        "{mantissa}e{}{:02}",
        if exponent < 0 { '-' } else { '+' },
        exponent.unsigned_abs()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> String {
        let mut out = String::new();
        write(&read(text).unwrap().value, &mut out);
        out
    }

    #[test]
    fn numbers_are_written_as_python_writes_them() {
        for (text, python) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "-0.0"),
            ("1.0", "1.0"),
            ("1E5", "100000.0"),
            ("1e15", "1000000000000000.0"),
            ("1e16", "1e+16"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("1.5e300", "1.5e+300"),
            ("5e-324", "5e-324"),
            ("123456789.125", "123456789.125"),
            ("18446744073709551615", "18446744073709551615"),
            (
                "340282366920938463463374607431768211456",
                "340282366920938463463374607431768211456",
            ),
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
            ("1e999", "1e999"),
            ("9007199254740993.0", "9007199254740992.0"),
        ] {
            assert_eq!(round(text), python, "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_mark_comes_back_as_it_was() {
        for text in [
            r#"{"$number":"NaN"}"#,
            r#"{"$number":{"$number":"NaN"}}"#,
            r#"{"$number":{"$number":{"$number":"1"}}}"#,
            r#"{"$number":NaN}"#,
            r#"{"$number":"},evil"}"#,
            r#"{"$number":"1","x":1}"#,
            r#"{"$number":""}"#,
            r#"{"$number":"01"}"#,
            r#"{"$number":[]}"#,
        ] {
            assert_eq!(round(text).replace(['\n', ' '], ""), text);
        }
    }

    #[test]
    fn texts_are_escaped_as_python_escapes_them() {
        assert_eq!(
            round(r#""\u00e9\u0001\u007f\u2028\ud83d\ude00\/\b\f""#),
            "\"é\\u0001\u{7f}\u{2028}😀/\\b\\f\""
        );
        let lone = read(r#"["\ud800", "\udc00x", "\ud800\ud83d\ude00"]"#).unwrap();
        assert_eq!(
            lone.value,
            serde_json::json!(["\u{fffd}", "\u{fffd}x", "\u{fffd}😀"])
        );
        assert_eq!(lone.lone_surrogates, 3);
    }

    #[test]
    fn refusals_name_the_place() {
        let error = read("{\"a\": 1,\n \"é\": 2, a: 3}").unwrap_err();
        assert_eq!((error.line, error.column), (2, 10));
        assert!(error.to_string().contains("a key in quotation"), "{error}");
        for bad in [
            "",
            " ",
            "[1,]",
            "{\"a\"}",
            "01",
            "1.",
            "-",
            "\"\n\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "nul",
            "[1] 2",
            "\"",
            "1e",
            "[\"\\u12",
            "\"\\",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_last_of_equal_keys_counts_as_in_python() {
        let text = r#"{"a":1,"b":{"c":1,"c":2,"c":3},"a":[4]}"#;
        assert_eq!(
            round(text).replace(['\n', ' '], ""),
            r#"{"a":[4],"b":{"c":3}}"#
        );
        assert_eq!(read(text).unwrap().repeated_keys, 3);
        // A mark that is only made by a repetition is still no number.
        let mark = r#"{"$number":1,"$number":"NaN"}"#;
        assert_eq!(round(mark).replace(['\n', ' '], ""), r#"{"$number":"NaN"}"#);
    }

    #[test]
    fn depth_is_an_error_and_not_an_overflow() {
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&"{\"a\":".repeat(100_000)).is_err());
        let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        assert!(read(&deep(DEPTH)).is_ok());
        assert!(read(&deep(DEPTH + 1)).is_err());
        let marks = |n: usize| format!("{}NaN{}", "{\"$number\":".repeat(n), "}".repeat(n));
        let stored = serde_json::to_string(&read(&marks(45)).unwrap().value).unwrap();
        assert!(serde_json::from_str::<Value>(&stored).is_ok());
        assert!(read(&marks(90)).is_err());
    }
}
