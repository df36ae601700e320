//! Texts that a file may list line by line.

use serde_json::Value;

use crate::Map;
use crate::formats::lines;

/// A text, or a list of texts that together are one; `None` for anything else.
pub(super) fn joined(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => lines
            .iter()
            .map(Value::as_str)
            .collect::<Option<Vec<_>>>()
            .map(|lines| lines.concat()),
        _ => None,
    }
}

/// Joins the listed texts of a mime bundle; JSON is left as it is.
pub(super) fn join(bundle: &mut Map) {
    for (mime, value) in bundle {
        let is_json = mime == "application/json"
            || (mime.starts_with("application/") && mime.ends_with("+json"));
        if !is_json
            && value.is_array()
            && let Some(text) = joined(value)
        {
            *value = Value::String(text);
        }
    }
}

/// A mime bundle as a file has it.
pub(super) fn split(bundle: &Map) -> Map {
    let by_line = |mime: &str| {
        mime.starts_with("text/") || mime == "application/javascript" || mime == "image/svg+xml"
    };
    bundle
        .iter()
        .map(|(mime, value)| match value {
            Value::String(text) if by_line(mime) => (mime.clone(), list(text)),
            other => (mime.clone(), other.clone()),
        })
        .collect()
}

/// A text as a file lists it.
pub(super) fn list(text: &str) -> Value {
    lines::split(text)
        .into_iter()
        .map(|line| Value::String(line.to_owned()))
        .collect()
}
