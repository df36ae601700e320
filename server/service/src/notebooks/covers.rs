//! What a card of a notebook shows: its last picture, or else its first lines.

use datalayer::Cover;
use notebook::runs::{Output, Runs};
use notebook::{Map, NotebookDoc};

/// Drawn as pictures, richest first; nothing in them runs there.
const PICTURES: [&str; 5] = [
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/gif",
];
const LINES: usize = 9;
/// Longest line, in characters.
const LINE: usize = 60;

pub(super) fn cover(document: &NotebookDoc, runs: &Runs) -> Cover {
    let cells = document.cells();
    let outputs = cells
        .iter()
        .rev()
        .filter_map(|(id, _)| runs.cells.get(*id))
        .flat_map(|run| run.outputs.iter().rev());
    for output in outputs {
        if let Output::DisplayData { data, .. } | Output::ExecuteResult { data, .. } =
            &*output.shown()
            && let Some(data) = picture(data)
        {
            return Cover::Picture { data };
        }
    }
    let lines = cells
        .iter()
        .flat_map(|(_, cell)| cell.source.lines())
        .filter(|line| !line.trim().is_empty())
        .take(LINES)
        .map(|line| line.chars().take(LINE).collect());
    Cover::Lines {
        lines: lines.collect(),
    }
}

fn picture(data: &Map) -> Option<Map> {
    let (mime, value) = PICTURES.iter().find_map(|mime| data.get_key_value(*mime))?;
    Some(std::iter::once((mime.clone(), value.clone())).collect())
}
