//! A part of the runs: what a page needs first, without the outputs that are asked for later.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{CellRun, Output, RunState, Runs};
use crate::{CellId, Map};

impl Runs {
    /// These runs with the outputs of the first cells of `order` only: together at most `all` bytes, and no more than `each` of one
    /// cell. Of every other cell the outputs stay behind, and the second value says how many bytes. A run that is not over keeps
    /// its outputs, because what it says next is appended to them.
    pub fn part<'a>(
        &self,
        order: impl IntoIterator<Item = &'a CellId>,
        all: u64,
        each: u64,
    ) -> (Self, BTreeMap<CellId, u64>) {
        let mut left = all;
        let mut later = BTreeMap::new();
        let mut whole: BTreeMap<&CellId, bool> = BTreeMap::new();
        for id in order {
            let Some(run) = self.cells.get(id) else {
                continue;
            };
            let bytes = run.weight();
            let fits = bytes <= each.min(left);
            if fits {
                left -= bytes;
            }
            whole.insert(id, fits || !run.is_settled());
        }
        let cells = self
            .cells
            .iter()
            .map(|(id, run)| {
                if whole.get(id).copied().unwrap_or(!run.is_settled()) {
                    return (id.clone(), run.clone());
                }
                if !run.outputs.is_empty() {
                    later.insert(id.clone(), run.weight());
                }
                (id.clone(), run.without_outputs())
            })
            .collect();
        let part = Self {
            sequence: self.sequence,
            cells,
        };
        (part, later)
    }
}

impl CellRun {
    /// About how many bytes the outputs are.
    pub fn weight(&self) -> u64 {
        self.outputs.iter().map(weight).sum()
    }

    fn is_settled(&self) -> bool {
        self.state.is_none_or(RunState::is_over) && self.waiting.is_empty()
    }

    fn without_outputs(&self) -> Self {
        Self {
            run: self.run.clone(),
            state: self.state,
            by: self.by.clone(),
            name: self.name.clone(),
            queued_at: self.queued_at,
            started_at: self.started_at,
            ended_at: self.ended_at,
            count: self.count,
            why: self.why.clone(),
            asking: self.asking.clone(),
            outputs: Vec::new(),
            truncated: self.truncated.clone(),
            clear_next: self.clear_next,
            source_hash: self.source_hash.clone(),
            cursor_back: self.cursor_back,
            shown: self.shown.clone(),
            waiting: self.waiting.clone(),
        }
    }
}

fn weight(output: &Output) -> u64 {
    let bytes = |text: &String| text.len() as u64;
    match output {
        Output::Stream { text, .. } => bytes(text),
        Output::DisplayData { data, .. } | Output::ExecuteResult { data, .. } => weight_of(data),
        Output::Error {
            ename,
            evalue,
            traceback,
        } => bytes(ename) + bytes(evalue) + traceback.iter().map(bytes).sum::<u64>(),
        Output::Unknown(value) => weight_of_value(value),
    }
}

fn weight_of(map: &Map) -> u64 {
    map.iter()
        .map(|(key, value)| key.len() as u64 + weight_of_value(value))
        .sum()
}

fn weight_of_value(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Array(items) => items.iter().map(weight_of_value).sum(),
        Value::Object(map) => weight_of(map),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::StreamName;

    fn runs(texts: &[(&str, usize, Option<RunState>)]) -> (Vec<CellId>, Runs) {
        let mut runs = Runs {
            sequence: 7,
            cells: BTreeMap::new(),
        };
        let mut order = Vec::new();
        for (id, bytes, state) in texts {
            let id: CellId = serde_json::from_value((*id).into()).unwrap();
            let output = Output::Stream {
                name: StreamName::Stdout,
                text: "x".repeat(*bytes),
            };
            let run = CellRun {
                state: *state,
                count: Some(3),
                outputs: if *bytes == 0 { vec![] } else { vec![output] },
                ..CellRun::default()
            };
            runs.cells.insert(id.clone(), run);
            order.push(id);
        }
        (order, runs)
    }

    #[test]
    fn the_first_outputs_come_along_and_the_rest_is_named_with_its_weight() {
        let (order, whole) = runs(&[
            ("z", 40, Some(RunState::Done)),
            ("large", 90, Some(RunState::Failed)),
            ("a", 50, None),
            ("last", 20, None),
            ("empty", 0, None),
        ]);
        let (part, later) = whole.part(&order, 100, 60);
        assert_eq!(part.sequence, 7);
        let kept = |id: &CellId| part.cells[id].weight();
        assert_eq!(
            order.iter().map(kept).collect::<Vec<_>>(),
            [40, 0, 50, 0, 0]
        );
        assert_eq!(
            later,
            BTreeMap::from([(order[1].clone(), 90), (order[3].clone(), 20)])
        );
        assert!(part.cells.values().all(|run| run.count == Some(3)));
    }

    #[test]
    fn what_a_running_cell_has_said_stays_because_more_is_appended_to_it() {
        let (order, whole) = runs(&[
            ("a", 500, Some(RunState::Running)),
            ("b", 500, Some(RunState::Queued)),
        ]);
        let (part, later) = whole.part(&order, 0, 0);
        assert_eq!(part, whole);
        assert!(later.is_empty());
    }

    #[test]
    fn a_run_whose_cell_is_not_in_the_document_keeps_its_head_only() {
        let (_, whole) = runs(&[("gone", 10, Some(RunState::Done))]);
        let (part, later) = whole.part(&[], 100, 100);
        assert_eq!(part.cells.values().next().unwrap().weight(), 0);
        assert_eq!(later.into_values().collect::<Vec<_>>(), [10]);
    }
}
