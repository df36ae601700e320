//! Markdown out.

use serde_json::Value;

use super::{language, whole};
use crate::runs::{Output, Runs};
use crate::{CellKind, Map, NotebookDoc};

/// Larger images stay behind: a text of megabytes is no text.
const IMAGE_BYTES: usize = 256 * 1024;

/// Text as it is, code fenced with its language, text outputs quoted as blocks.
pub fn to_markdown(document: &NotebookDoc, runs: &Runs) -> String {
    let language = language::name(document).to_ascii_lowercase();
    let mut blocks = Vec::new();
    for (id, cell) in document.cells() {
        match cell.kind {
            CellKind::Markdown if !cell.source.trim().is_empty() => {
                blocks.push(cell.source.trim_end().to_owned())
            }
            CellKind::Code if !cell.source.is_empty() => {
                blocks.push(fenced(&language, &cell.source))
            }
            CellKind::Raw if !cell.source.is_empty() => blocks.push(fenced("", &cell.source)),
            _ => {}
        }
        if cell.kind == CellKind::Code
            && let Some(run) = runs.cells.get(id)
        {
            blocks.extend(
                run.outputs
                    .iter()
                    .filter_map(|output| shown(&output.shown())),
            );
            blocks.extend(whole::missing(run).map(|missing| format!("*({missing})*")));
        }
    }
    let mut text = blocks.join("\n\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// A fence longer than any in the text.
fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{end}{fence}")
}

fn shown(output: &Output) -> Option<String> {
    match output {
        Output::Stream { text, .. } => quoted(text),
        Output::Error {
            ename,
            evalue,
            traceback,
        } => quoted(&if traceback.is_empty() {
            format!("{ename}: {evalue}")
        } else {
            traceback.join("\n")
        }),
        Output::DisplayData { data, .. } | Output::ExecuteResult { data, .. } => bundle(data),
        Output::Unknown(_) => None,
    }
}

fn quoted(text: &str) -> Option<String> {
    let plain = without_ansi(text);
    (!plain.trim().is_empty()).then(|| fenced("text", &plain))
}

fn bundle(data: &Map) -> Option<String> {
    let text = |mime: &str| data.get(mime).and_then(Value::as_str);
    if let Some(text) = text("text/markdown") {
        return Some(text.trim_end().to_owned());
    }
    for mime in ["image/png", "image/jpeg", "image/gif", "image/webp"] {
        if let Some(image) = text(mime) {
            if image.len() > IMAGE_BYTES {
                return Some(format!(
                    "*({mime}, {} KiB, is in the notebook)*",
                    image.len() * 3 / 4 / 1024
                ));
            }
            let base64: String = image.split_ascii_whitespace().collect();
            return Some(format!("![output](data:{mime};base64,{base64})"));
        }
    }
    if let Some(formula) = text("text/latex") {
        return Some(formula.trim_end().to_owned());
    }
    text("text/plain").and_then(quoted)
}

/// Colours and cursor movements of terminals, `ESC [ … letter`, left out.
fn without_ansi(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(code) = rest.strip_prefix('[') {
            rest = code
                .find(|c| ('@'..='~').contains(&c))
                .map_or("", |end| &code[end + 1..]);
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::formats::import;

    #[test]
    fn code_is_fenced_and_outputs_follow_it() {
        let file = json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "ir", "language": "R"}}, "cells": [
            {"id": "a", "cell_type": "markdown", "metadata": {}, "source": "# Title\n"},
            {"id": "b", "cell_type": "code", "metadata": {}, "source": "s <- '```'", "execution_count": 1, "outputs": [
                {"output_type": "stream", "name": "stdout", "text": "\u{1b}[31mred\u{1b}[0m\n"},
                {"output_type": "display_data", "metadata": {}, "data": {"image/png": "AAAA\nBBBB", "text/plain": "fig"}},
                {"output_type": "hologram"}
            ]},
        ]});
        let imported = import(file.to_string().as_bytes()).unwrap();
        let expected = "# Title\n\n````r\ns <- '```'\n````\n\n```text\nred\n```\n\n![output](data:image/png;base64,AAAABBBB)\n";
        assert_eq!(to_markdown(&imported.document, &imported.runs), expected);
    }
}
