//! Reading a notebook, repairing what can be repaired and saying so.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ImportError, Imported, Notice, bundle, legacy, outputs, sniff};
use crate::formats::json;
use crate::runs::{CellRun, Runs};
use crate::{Cell, CellId, CellKind, Map, NotebookDoc, Order, limits};

pub(super) fn import(bytes: &[u8]) -> Result<Imported, ImportError> {
    if bytes.len() > limits::FILE_BYTES {
        let mib = limits::FILE_BYTES / 1024 / 1024;
        return Err(ImportError::TooLarge(format!(
            "the file has {} bytes, {mib} MiB are allowed",
            bytes.len()
        )));
    }
    let text = sniff::text(bytes).map_err(ImportError::NotJson)?;
    let read = json::read(text).map_err(|error| ImportError::NotJson(sniff::name(text, &error)))?;
    let Value::Object(mut file) = read.value else {
        return Err(ImportError::Shape(
            "it is JSON, but not an object with `cells` and `nbformat`".to_owned(),
        ));
    };
    let mut notes = Notes::default();
    if read.odd_numbers > 0 {
        notes.say(
            "number.nan",
            format!(
                "{} (NaN, Infinity, or too large) kept as written",
                times(read.odd_numbers, "number")
            ),
        );
    }
    if read.lone_surrogates > 0 {
        let what = times(read.lone_surrogates, "broken character");
        notes.say(
            "text.surrogate",
            format!("{what} (half of a surrogate pair) replaced by \u{fffd}"),
        );
    }
    if read.repeated_keys > 0 {
        let what = times(read.repeated_keys, "name");
        notes.say(
            "name.repeated",
            format!("{what} in its object already; the last value is kept"),
        );
    }
    match version(&file)? {
        4 => {}
        old => {
            legacy::upgrade(&mut file, old)?;
            notes.say(
                "version.upgraded",
                format!("Upgraded from notebook format {old} to 4.5"),
            );
        }
    }
    let upgraded = notes
        .said
        .iter()
        .any(|notice| notice.code == "version.upgraded");
    Reading {
        notes,
        upgraded,
        seen: BTreeSet::new(),
        runs: Runs::default(),
    }
    .notebook(file)
}

fn version(file: &Map) -> Result<u64, ImportError> {
    let Some(version) = file.get("nbformat") else {
        return Err(ImportError::Version(
            "(missing: there is no `nbformat` field)".to_owned(),
        ));
    };
    match version.as_f64() {
        Some(major @ (2.0 | 3.0 | 4.0)) => Ok(major as u64),
        _ => Err(ImportError::Version(
            version.to_string().chars().take(40).collect(),
        )),
    }
}

/// Repairs so far: each kind once, with the cells it happened in.
#[derive(Default)]
struct Notes {
    said: Vec<Notice>,
    cells: Vec<(&'static str, &'static str, Vec<usize>)>,
}

impl Notes {
    fn say(&mut self, code: &str, message: String) {
        self.said.push(Notice {
            code: code.to_owned(),
            message,
        });
    }

    /// `message` has `{cells}` where the cells are named.
    fn cell(&mut self, code: &'static str, message: &'static str, number: usize) {
        match self.cells.iter_mut().find(|(known, ..)| *known == code) {
            Some((.., numbers)) if numbers.last() == Some(&number) => {}
            Some((.., numbers)) => numbers.push(number),
            None => self.cells.push((code, message, vec![number])),
        }
    }

    fn finish(mut self) -> Vec<Notice> {
        for (code, message, numbers) in std::mem::take(&mut self.cells) {
            let mut message = message.replace("{cells}", &list(&numbers));
            message[..1].make_ascii_uppercase();
            self.say(code, message);
        }
        self.said
    }
}

/// “cell 3”, “cells 1, 2 and 9”, at most twelve by number.
fn list(numbers: &[usize]) -> String {
    let named: Vec<String> = numbers.iter().take(12).map(usize::to_string).collect();
    match (named.as_slice(), numbers.len()) {
        ([one], _) => format!("cell {one}"),
        (_, all) if all > named.len() => {
            format!("cells {} and {} more", named.join(", "), all - named.len())
        }
        ([first @ .., last], _) => format!("cells {} and {last}", first.join(", ")),
        ([], _) => "no cell".to_owned(),
    }
}

fn times(count: usize, what: &str) -> String {
    if count == 1 {
        format!("One {what} was")
    } else {
        format!("{count} {what}s were")
    }
}

struct Reading {
    notes: Notes,
    /// Formats 2 and 3 had no ids: theirs are not missing.
    upgraded: bool,
    seen: BTreeSet<CellId>,
    runs: Runs,
}

impl Reading {
    fn notebook(mut self, mut file: Map) -> Result<Imported, ImportError> {
        file.shift_remove("nbformat");
        let minor = file.shift_remove("nbformat_minor");
        let cells = match file.shift_remove("cells") {
            Some(Value::Array(cells)) => cells,
            Some(_) => return Err(ImportError::Shape("`cells` is not a list".to_owned())),
            None => return Err(ImportError::Shape("it has no `cells`".to_owned())),
        };
        if cells.len() > limits::CELLS {
            return Err(ImportError::TooLarge(format!(
                "it has {} cells, {} are allowed",
                cells.len(),
                limits::CELLS
            )));
        }
        let minor = minor
            .and_then(|minor| minor.as_u64())
            .and_then(|minor| u32::try_from(minor).ok())
            .unwrap_or_else(|| {
                let guess = if cells.iter().any(|cell| cell.get("id").is_some()) {
                    5
                } else {
                    4
                };
                self.notes.say(
                    "version.minor",
                    format!(
                        "The minor format version was missing or no number; {guess} is assumed"
                    ),
                );
                guess
            });
        let mut metadata = match file.shift_remove("metadata") {
            Some(Value::Object(metadata)) => metadata,
            Some(Value::Null) | None => {
                self.notes.say(
                    "metadata.missing",
                    "The notebook had no metadata; it has empty metadata now".to_owned(),
                );
                Map::new()
            }
            Some(_) => return Err(ImportError::Shape("`metadata` is not an object".to_owned())),
        };
        for transient in ["orig_nbformat", "orig_nbformat_minor", "signature"] {
            metadata.shift_remove(transient);
        }
        let mut document = NotebookDoc::default();
        (document.metadata, document.extra, document.minor) = (metadata, file, minor);
        // Ids of the file come first, so that a made one cannot take the place of one further down.
        let taken: BTreeSet<String> = cells
            .iter()
            .filter_map(|cell| cell.get("id")?.as_str().map(str::to_owned))
            .collect();
        let mut orders = Order::row(cells.len());
        for (at, cell) in cells.into_iter().enumerate() {
            let Value::Object(cell) = cell else {
                return Err(ImportError::Shape(format!(
                    "cell {} is not an object",
                    at + 1
                )));
            };
            let Some(order) = orders.next() else { break };
            let (id, cell) = self.cell(at + 1, cell, order, minor, &taken)?;
            document.put_cell(id, cell);
        }
        if document.source_bytes() > limits::DOCUMENT_BYTES {
            let mib = limits::DOCUMENT_BYTES / 1024 / 1024;
            return Err(ImportError::TooLarge(format!(
                "its cells have {} bytes of text, {mib} MiB are allowed",
                document.source_bytes()
            )));
        }
        Ok(Imported {
            document,
            runs: self.runs,
            notices: self.notes.finish(),
        })
    }

    fn cell(
        &mut self,
        number: usize,
        mut fields: Map,
        order: Order,
        minor: u32,
        taken: &BTreeSet<String>,
    ) -> Result<(CellId, Cell), ImportError> {
        let kind = match fields.get("cell_type").and_then(Value::as_str) {
            Some("code") => CellKind::Code,
            Some("markdown") => CellKind::Markdown,
            Some("raw") => CellKind::Raw,
            _ => {
                self.notes.cell(
                    "cell.unknown_type",
                    "The type of {cells} is unknown; shown as raw text and kept in the file",
                    number,
                );
                CellKind::Raw
            }
        };
        if fields.get("cell_type").and_then(Value::as_str) == Some(kind.as_str()) {
            fields.shift_remove("cell_type");
        }
        let source = match fields.shift_remove("source") {
            // Some programs write `null` where a list or an object of theirs is empty.
            Some(Value::Null) | None => {
                self.notes
                    .cell("source.missing", "{cells} had no source; empty now", number);
                String::new()
            }
            Some(source) => bundle::joined(&source).ok_or_else(|| {
                ImportError::Shape(format!(
                    "the source of cell {number} is neither text nor lines of text"
                ))
            })?,
        };
        let source = if source.contains('\r') {
            self.notes.cell(
                "source.line_ends",
                "Line ends of {cells} were set to LF",
                number,
            );
            source.replace("\r\n", "\n").replace('\r', "\n")
        } else {
            source
        };
        let mut metadata = match fields.shift_remove("metadata") {
            Some(Value::Object(metadata)) => metadata,
            Some(Value::Null) | None => {
                self.notes.cell(
                    "cell.no_metadata",
                    "{cells} had no metadata; empty now",
                    number,
                );
                Map::new()
            }
            Some(_) => {
                return Err(ImportError::Shape(format!(
                    "the metadata of cell {number} is not an object"
                )));
            }
        };
        metadata.shift_remove("trusted");
        let mut attachments = Map::new();
        match fields.shift_remove("attachments") {
            Some(Value::Object(files)) if !files.is_empty() => {
                attachments = files;
                attachments
                    .values_mut()
                    .filter_map(Value::as_object_mut)
                    .for_each(bundle::join);
            }
            // Empty or odd: kept as it is.
            Some(other) => {
                fields.insert("attachments".to_owned(), other);
            }
            None => {}
        }
        let id = self.id(number, &mut fields, &source, minor, taken);
        if kind == CellKind::Code {
            self.run(number, &id, &mut fields)?;
        }
        Ok((
            id,
            Cell {
                kind,
                source,
                order,
                metadata,
                attachments,
                extra: fields,
                deleted: false,
            },
        ))
    }

    fn id(
        &mut self,
        number: usize,
        fields: &mut Map,
        source: &str,
        minor: u32,
        taken: &BTreeSet<String>,
    ) -> CellId {
        let written = fields
            .get("id")
            .and_then(Value::as_str)
            .and_then(CellId::new);
        let present = fields.contains_key("id");
        // Before 4.5 an id is a field nbformat does not name: it stays what it is.
        if minor >= 5 {
            fields.shift_remove("id");
        }
        match written {
            Some(id) if self.seen.insert(id.clone()) => return id,
            Some(_) if minor >= 5 => self.notes.cell(
                "cell_id.duplicate",
                "The id of {cells} was taken already; given a new one",
                number,
            ),
            None if present && minor >= 5 => self.notes.cell(
                "cell_id.invalid",
                "The id of {cells} was not valid; given a new one",
                number,
            ),
            None if minor >= 5 && !self.upgraded => {
                self.notes
                    .cell("cell_id.missing", "{cells} had no id; given one", number)
            }
            _ => {}
        }
        // Made from the text, so that the same file gives the same ids.
        let mut bits = 0xcbf2_9ce4_8422_2325_u64 ^ number as u64;
        for byte in source.bytes().chain([0xff]) {
            bits = (bits ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        loop {
            let id = CellId::from_random(bits ^ (bits >> 32));
            if !taken.contains(id.as_str()) && self.seen.insert(id.clone()) {
                return id;
            }
            bits = bits.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        }
    }

    fn run(&mut self, number: usize, id: &CellId, fields: &mut Map) -> Result<(), ImportError> {
        const COUNT: &str =
            "The execution count of {cells} was not a whole number; set right or emptied";
        let (count, odd) = outputs::count(
            &fields
                .shift_remove("execution_count")
                .unwrap_or(Value::Null),
        );
        if odd {
            self.notes.cell("execution_count.repaired", COUNT, number);
        }
        let mut repaired = 0;
        let outputs: Vec<_> = match fields.shift_remove("outputs") {
            Some(Value::Array(values)) => values
                .into_iter()
                .map(|output| outputs::read(output, &mut repaired))
                .collect(),
            Some(Value::Null) | None => Vec::new(),
            Some(_) => {
                return Err(ImportError::Shape(format!(
                    "the outputs of cell {number} are not a list"
                )));
            }
        };
        if repaired > 0 {
            self.notes.cell("execution_count.repaired", COUNT, number);
        }
        if count.is_some() || !outputs.is_empty() {
            self.runs.cells.insert(
                id.clone(),
                CellRun {
                    count,
                    outputs,
                    ..CellRun::default()
                },
            );
        }
        Ok(())
    }
}
