//! Formats 2 and 3 (IPython 0.12 to 2.x), upgraded as nbformat upgrades them.

use serde_json::{Value, json};

use super::{ImportError, bundle};
use crate::Map;
use crate::formats::{json, lines};

/// Turns a file of format 2 or 3 into one of 4.5; cells get their ids later.
pub(super) fn upgrade(file: &mut Map, version: u64) -> Result<(), ImportError> {
    let worksheets = match file.shift_remove("worksheets") {
        Some(Value::Array(worksheets)) => worksheets,
        Some(_) => return Err(ImportError::Shape("`worksheets` is not a list".to_owned())),
        None => Vec::new(),
    };
    let mut cells = Vec::new();
    for worksheet in worksheets {
        let Value::Object(mut worksheet) = worksheet else {
            return Err(ImportError::Shape(
                "a worksheet is not an object".to_owned(),
            ));
        };
        match worksheet.shift_remove("cells") {
            Some(Value::Array(old)) => {
                cells.extend(old.into_iter().map(|cell| upgrade_cell(cell, version)))
            }
            Some(_) => {
                return Err(ImportError::Shape(
                    "the cells of a worksheet are not a list".to_owned(),
                ));
            }
            None => {}
        }
    }
    file.insert("cells".to_owned(), Value::Array(cells));
    file.insert("nbformat_minor".to_owned(), json!(5));
    file.shift_remove("orig_nbformat");
    file.shift_remove("orig_nbformat_minor");
    match file.entry("metadata").or_insert_with(|| json!({})) {
        Value::Object(metadata) => {
            metadata.shift_remove("name");
        }
        _ => return Err(ImportError::Shape("`metadata` is not an object".to_owned())),
    }
    Ok(())
}

fn upgrade_cell(cell: Value, version: u64) -> Value {
    let Value::Object(mut cell) = cell else {
        return cell;
    };
    cell.shift_remove("trusted");
    cell.entry("metadata").or_insert_with(|| json!({}));
    match cell.get("cell_type").and_then(Value::as_str) {
        Some("code") => {
            cell.shift_remove("language");
            if let Some(collapsed) = cell.shift_remove("collapsed")
                && let Some(Value::Object(metadata)) = cell.get_mut("metadata")
            {
                metadata.insert("collapsed".to_owned(), collapsed);
            }
            let source = cell.shift_remove("input").unwrap_or_else(|| json!(""));
            cell.insert("source".to_owned(), old_lines(source));
            let count = cell.shift_remove("prompt_number").unwrap_or(Value::Null);
            cell.insert("execution_count".to_owned(), count);
            match cell.shift_remove("outputs") {
                Some(Value::Array(outputs)) => {
                    cell.insert(
                        "outputs".to_owned(),
                        outputs.into_iter().map(upgrade_output).collect(),
                    );
                }
                Some(other) => {
                    cell.insert("outputs".to_owned(), other);
                }
                None => {}
            }
        }
        kind => {
            let is_heading = kind == Some("heading");
            let is_html = kind == Some("html");
            // Text that format 2 kept apart for the screen.
            if version == 2 {
                cell.shift_remove("rendered");
            }
            let source = old_lines(cell.shift_remove("source").unwrap_or_else(|| json!("")));
            let source = match &source {
                Value::String(text) if is_heading => {
                    let level = cell
                        .shift_remove("level")
                        .and_then(|level| level.as_u64())
                        .unwrap_or(1)
                        .clamp(1, 6);
                    let ends = |c: char| {
                        c == '\r'
                            || c == '\n'
                            || c == '\u{b}'
                            || c == '\u{c}'
                            || c == '\u{85}'
                            || c == '\u{2028}'
                            || c == '\u{2029}'
                    };
                    let line: Vec<&str> = lines::split(text)
                        .into_iter()
                        .map(|line| line.trim_end_matches(ends))
                        .collect();
                    json!(format!("{} {}", "#".repeat(level as usize), line.join(" ")))
                }
                _ => source,
            };
            cell.insert("source".to_owned(), source);
            if is_heading || is_html {
                cell.insert("cell_type".to_owned(), json!("markdown"));
            }
        }
    }
    Value::Object(cell)
}

/// Lines were listed without their ends once, with them later.
fn old_lines(value: Value) -> Value {
    match &value {
        Value::Array(lines) => {
            let with_ends = lines
                .first()
                .and_then(Value::as_str)
                .is_some_and(|line| line.ends_with(['\n', '\r']));
            match (
                with_ends,
                lines.iter().map(Value::as_str).collect::<Option<Vec<_>>>(),
            ) {
                (true, Some(lines)) => json!(lines.concat()),
                (false, Some(lines)) => json!(lines.join("\n")),
                (_, None) => value,
            }
        }
        _ => value,
    }
}

const MIMES: [(&str, &str); 8] = [
    ("text", "text/plain"),
    ("html", "text/html"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpeg", "image/jpeg"),
    ("latex", "text/latex"),
    ("json", "application/json"),
    ("javascript", "application/javascript"),
];

/// Names of format 3 to mime types.
fn to_mimes(old: Map) -> Map {
    old.into_iter()
        .map(
            |(key, value)| match MIMES.iter().find(|(alias, _)| *alias == key) {
                Some((_, mime)) => ((*mime).to_owned(), value),
                None => (key, value),
            },
        )
        .collect()
}

fn upgrade_output(output: Value) -> Value {
    let Value::Object(mut output) = output else {
        return output;
    };
    for (alias, _) in MIMES {
        if matches!(alias, "png" | "jpeg") {
            continue;
        }
        if let Some(value) = output.get_mut(alias) {
            *value = old_lines(value.take());
        }
    }
    match output.get("output_type").and_then(Value::as_str) {
        Some(kind @ ("pyout" | "display_data")) => {
            let is_result = kind == "pyout";
            let mut upgraded = Map::new();
            upgraded.insert(
                "output_type".to_owned(),
                json!(if is_result {
                    "execute_result"
                } else {
                    "display_data"
                }),
            );
            output.shift_remove("output_type");
            let metadata = output.shift_remove("metadata").unwrap_or_else(|| json!({}));
            let metadata = match metadata {
                Value::Object(fields) => Value::Object(to_mimes(fields)),
                other => other,
            };
            upgraded.insert("metadata".to_owned(), metadata);
            if is_result {
                upgraded.insert(
                    "execution_count".to_owned(),
                    output.shift_remove("prompt_number").unwrap_or(Value::Null),
                );
            }
            let mut data = to_mimes(output);
            // JSON was kept as text.
            if let Some(value) = data.get_mut("application/json")
                && let Some(read) = bundle::joined(value).and_then(|text| json::read(&text).ok())
            {
                *value = read.value;
            }
            upgraded.insert("data".to_owned(), Value::Object(data));
            Value::Object(upgraded)
        }
        Some("pyerr") => {
            output.insert("output_type".to_owned(), json!("error"));
            Value::Object(output)
        }
        Some("stream") => {
            let name = output
                .shift_remove("stream")
                .unwrap_or_else(|| json!("stdout"));
            output.insert("name".to_owned(), name);
            Value::Object(output)
        }
        _ => Value::Object(output),
    }
}
