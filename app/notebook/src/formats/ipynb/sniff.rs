//! What a file is that is not JSON.

use crate::formats::json::JsonError;

/// Bytes as text, without a byte order mark; or what they look like instead.
pub(super) fn text(bytes: &[u8]) -> Result<&str, String> {
    let looks = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("it is UTF-16 text; save it as UTF-8"),
        [b'P', b'K', 3, 4, ..] => {
            Some("it looks like a zip archive; unpack it and import the notebooks in it")
        }
        [0x1f, 0x8b, ..] => Some("it looks like a gzip archive; unpack it first"),
        [b'%', b'P', b'D', b'F', ..] => Some("it looks like a PDF document"),
        [0x89, b'P', b'N', b'G', ..] => Some("it looks like a PNG image"),
        _ => None,
    };
    if let Some(looks) = looks {
        return Err(looks.to_owned());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes)
        .map_err(|error| format!("byte {} is not UTF-8 text", error.valid_up_to() + 1))
}

/// What a text looks like that `error` says is no JSON.
pub(super) fn name(text: &str, error: &JsonError) -> String {
    let start = text.trim_start();
    let has_line = |mark: &str| text.lines().any(|line| line.starts_with(mark));
    if start.is_empty() {
        return "the file is empty".to_owned();
    }
    if start.starts_with("version https://git-lfs.github.com/spec/") {
        return "it is a Git LFS pointer, which only names the notebook; fetch the file itself with `git lfs pull`".to_owned();
    }
    if has_line("<<<<<<< ") && has_line(">>>>>>> ") {
        return "it has Git conflict markers (`<<<<<<<`, `>>>>>>>`); resolve the merge first"
            .to_owned();
    }
    if start.starts_with('<') {
        let web = start.get(..200).unwrap_or(start).to_ascii_lowercase();
        let html =
            web.starts_with("<!doctype html") || web.contains("<html") || web.contains("<head");
        return format!(
            "it looks like {}",
            if html {
                "a web page (HTML); download the raw file"
            } else {
                "XML"
            }
        );
    }
    if !start.starts_with(['{', '[']) {
        let mut words: String = start
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(40)
            .collect();
        words.retain(|c| !c.is_control());
        return format!("it looks like plain text, beginning with `{words}`");
    }
    if error.offset >= text.trim_end().len() {
        return format!("it breaks off in the middle: {error}");
    }
    format!("it is JSON with a mistake: {error}")
}
