//! Writing a notebook as `nbformat.write` does.

use serde_json::{Value, json};

use super::{bundle, outputs};
use crate::formats::{json, whole};
use crate::runs::{Output, Runs, StreamName};
use crate::{Cell, CellId, CellKind, Map, NotebookDoc};

pub(super) fn export(document: &NotebookDoc, runs: &Runs) -> String {
    let cells = document.cells();
    let mut minor = document.minor;
    if minor == 0 && cells.iter().any(|(_, cell)| !cell.attachments.is_empty()) {
        minor = 1;
    }
    let mut top = document.extra.clone();
    let mut metadata = document.metadata.clone();
    for transient in ["orig_nbformat", "orig_nbformat_minor", "signature"] {
        metadata.shift_remove(transient);
    }
    top.insert("metadata".to_owned(), Value::Object(metadata));
    top.insert("nbformat".to_owned(), json!(4));
    top.insert("nbformat_minor".to_owned(), json!(minor));
    top.insert("cells".to_owned(), Value::Null);
    top.sort_keys();

    let mut out = String::with_capacity(document.source_bytes() * 5 / 4 + 1024);
    out.push('{');
    for (at, (key, value)) in top.iter().enumerate() {
        json::line(at, 1, &mut out);
        json::write_string(key, &mut out);
        out.push_str(": ");
        if key != "cells" {
            json::write_at(value, 1, &mut out);
        } else if cells.is_empty() {
            out.push_str("[]");
        } else {
            out.push('[');
            for (at, (id, cell)) in cells.iter().enumerate() {
                json::line(at, 2, &mut out);
                // One cell at a time: a large notebook is not held twice.
                json::write_at(&write_cell(id, cell, minor >= 5, runs), 2, &mut out);
            }
            json::close(']', 1, &mut out);
        }
    }
    json::close('}', 0, &mut out);
    out.push('\n');
    out
}

fn write_cell(id: &CellId, cell: &Cell, with_id: bool, runs: &Runs) -> Value {
    let mut fields = cell.extra.clone();
    // A type of cell that nbformat does not name is a raw cell here, and itself again in the file.
    if cell.kind != CellKind::Raw || !fields.contains_key("cell_type") {
        fields.insert("cell_type".to_owned(), json!(cell.kind.as_str()));
    }
    if with_id {
        fields.insert("id".to_owned(), json!(id.as_str()));
    }
    let mut metadata = cell.metadata.clone();
    metadata.shift_remove("trusted");
    fields.insert("metadata".to_owned(), Value::Object(metadata));
    fields.insert("source".to_owned(), bundle::list(&cell.source));
    if !cell.attachments.is_empty() {
        let split = |value: &Value| {
            value
                .as_object()
                .map_or_else(|| value.clone(), |data| Value::Object(bundle::split(data)))
        };
        let attachments: Map = cell
            .attachments
            .iter()
            .map(|(name, value)| (name.clone(), split(value)))
            .collect();
        fields.insert("attachments".to_owned(), Value::Object(attachments));
    }
    if cell.kind == CellKind::Code {
        let run = runs.cells.get(id);
        fields.insert(
            "execution_count".to_owned(),
            json!(run.and_then(|run| run.count)),
        );
        let mut outputs: Vec<Value> = run
            .map(|run| run.outputs.iter().map(outputs::write).collect())
            .unwrap_or_default();
        // A file that lacks something says so where its reader looks.
        if let Some(missing) = run.and_then(whole::missing) {
            outputs.push(outputs::write(&Output::Stream {
                name: StreamName::Stderr,
                text: format!("[{missing}]\n"),
            }));
        }
        fields.insert("outputs".to_owned(), Value::Array(outputs));
    }
    Value::Object(fields)
}
