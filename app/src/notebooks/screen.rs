//! The notebook screen's state: what is shown, as signals. The server fills it once; in the browser the link keeps it true.

use std::collections::BTreeMap;

use datalayer::NotebookView;
use leptos::prelude::*;
use notebook::presence::Present;
use notebook::runs::{Asking, CellRun, Output, RunState};
use notebook::wire::{KernelView, May};
use notebook::{Cell, CellId, CellKind, Map, NotebookDoc};

use super::commands::Command;
use crate::browser;
use crate::highlight::{Caret, Language};

/// Where keys go: to the notebook or into a cell's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Command,
    Edit,
}

/// What the indicator says, made only from acknowledgements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SavedState {
    /// Before the first answer of the room.
    Connecting,
    Saved,
    Saving,
    /// Changes that only this tab has.
    Offline(usize),
    /// The room answers, but its log does not take anything now.
    NotSaving(String),
    /// The room let go of us for good; with the reason.
    Closed(String),
}

/// One cell's run, without its outputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunHead {
    pub state: Option<RunState>,
    pub count: Option<u64>,
    pub by: Option<String>,
    pub queued_at: Option<i64>,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub why: Option<String>,
    pub asking: Option<Asking>,
    pub truncated: Option<(u64, Option<String>)>,
}

impl RunHead {
    fn of(run: &CellRun) -> Self {
        Self {
            state: run.state,
            count: run.count,
            by: run.name.clone(),
            queued_at: run.queued_at,
            started_at: run.started_at,
            ended_at: run.ended_at,
            why: run.why.clone(),
            asking: run.asking.clone(),
            truncated: run.truncated.clone(),
        }
    }
}

/// One cell as signals. Cheap to copy.
#[derive(Clone, Copy)]
pub struct CellModel {
    pub source: RwSignal<String>,
    pub kind: RwSignal<CellKind>,
    pub attachments: RwSignal<Map>,
    pub source_hidden: RwSignal<bool>,
    pub outputs_hidden: RwSignal<bool>,
    pub run: RwSignal<RunHead>,
    pub outputs: RwSignal<Vec<ArcRwSignal<Output>>>,
    pub carets: RwSignal<Vec<Caret>>,
    /// Bytes of outputs that did not come with the page and are not here yet.
    pub later: RwSignal<Option<u64>>,
    /// Near enough to what is seen to be live; cells far off stand as the server drew them.
    pub near: RwSignal<bool>,
    pub selected: RwSignal<bool>,
    pub active: RwSignal<bool>,
    pub editing: RwSignal<bool>,
    id: StoredValue<CellId>,
    queue: RwSignal<Queue>,
}

/// The cells that wait for the kernel, with when they were asked for, in the order they will run.
type Queue = Vec<(i64, CellId)>;

impl CellModel {
    fn new(id: &CellId, cell: &Cell, run: Option<&CellRun>, queue: RwSignal<Queue>) -> Self {
        let model = Self {
            source: RwSignal::new(cell.source.clone()),
            kind: RwSignal::new(cell.kind),
            attachments: RwSignal::new(cell.attachments.clone()),
            source_hidden: RwSignal::new(false),
            outputs_hidden: RwSignal::new(false),
            run: RwSignal::new(RunHead::default()),
            outputs: RwSignal::new(Vec::new()),
            carets: RwSignal::new(Vec::new()),
            later: RwSignal::new(None),
            near: RwSignal::new(true),
            selected: RwSignal::new(false),
            active: RwSignal::new(false),
            editing: RwSignal::new(false),
            id: StoredValue::new(id.clone()),
            queue,
        };
        model.set_look(cell);
        model.set_run(run);
        model
    }

    /// Everything but the text.
    pub fn set_look(&self, cell: &Cell) {
        let flag = |path: &[&str]| {
            let mut value = cell.metadata.get(path[0]);
            for key in &path[1..] {
                value = value.and_then(|value| value.get(key));
            }
            value.and_then(serde_json::Value::as_bool).unwrap_or(false)
        };
        set_if_new(self.kind, cell.kind);
        set_if_new(self.attachments, cell.attachments.clone());
        set_if_new(self.source_hidden, flag(&["jupyter", "source_hidden"]));
        set_if_new(
            self.outputs_hidden,
            flag(&["jupyter", "outputs_hidden"]) || flag(&["collapsed"]),
        );
    }

    pub fn set_run(&self, run: Option<&CellRun>) {
        self.set_run_head(run);
        // Whatever is shown now is all there is of this run.
        set_if_new(self.later, None);
        let outputs = run
            .map(|run| run.outputs.iter().cloned().map(ArcRwSignal::new).collect())
            .unwrap_or_default();
        self.outputs.set(outputs);
    }

    pub fn set_run_head(&self, run: Option<&CellRun>) {
        let head = run.map(RunHead::of).unwrap_or_default();
        let waits = |head: &RunHead| {
            let asked_at = head.queued_at.unwrap_or_default();
            (head.state == Some(RunState::Queued)).then_some(asked_at)
        };
        let (before, now) = (self.run.with_untracked(waits), waits(&head));
        if before != now {
            let id = self.id.get_value();
            self.queue.update(|queue| requeue(queue, id, now));
        }
        set_if_new(self.run, head);
    }

    /// One output grew or changed in place.
    pub fn set_output(&self, index: usize, output: &Output) {
        let signal = self
            .outputs
            .with_untracked(|outputs| outputs.get(index).cloned());
        match signal {
            Some(signal) => signal.set(output.clone()),
            None => self
                .outputs
                .update(|outputs| outputs.push(ArcRwSignal::new(output.clone()))),
        }
    }
}

/// Puts a cell where it stands in the queue, or takes it out. What was asked for at one moment runs in the order it came.
fn requeue(queue: &mut Queue, cell: CellId, asked_at: Option<i64>) {
    queue.retain(|(_, other)| *other != cell);
    if let Some(asked_at) = asked_at {
        let place = queue.partition_point(|(other, _)| *other <= asked_at);
        queue.insert(place, (asked_at, cell));
    }
}

/// The whole screen. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Screen {
    pub id: StoredValue<String>,
    pub space: StoredValue<String>,
    pub title: RwSignal<String>,
    pub order: RwSignal<Vec<CellId>>,
    cells: StoredValue<BTreeMap<CellId, CellModel>>,
    owner: StoredValue<Owner>,
    /// Where each cell stands, from 1.
    places: Memo<BTreeMap<CellId, usize>>,
    queue: RwSignal<Queue>,
    /// Which place each waiting cell has in the queue, from 1.
    queued: Memo<BTreeMap<CellId, usize>>,
    /// Cells whose outputs are to be asked for, the latest wish last; and whether somebody is asking.
    pub wanted: StoredValue<Vec<CellId>>,
    pub asking: StoredValue<bool>,
    /// The active cell, and where a selection of several began.
    pub active: RwSignal<Option<CellId>>,
    pub anchor: RwSignal<Option<CellId>>,
    pub mode: RwSignal<Mode>,
    /// Moves of the focus that were begun and wait for the page to be drawn.
    pub focus_moves: StoredValue<u32>,
    /// When a cell last went away from under the writing, milliseconds since 1970: the keys that come then were meant for it.
    pub torn_at: StoredValue<f64>,
    pub may: RwSignal<May>,
    pub saved: RwSignal<SavedState>,
    pub people: RwSignal<Vec<Present>>,
    /// Our own seat among `people`.
    pub seat: RwSignal<u32>,
    pub kernel: RwSignal<KernelView>,
    pub language: RwSignal<String>,
    pub can_undo: RwSignal<bool>,
    pub can_redo: RwSignal<bool>,
    /// The server's clock minus ours, microseconds.
    pub skew: RwSignal<i64>,
    /// Ticks once a second while something runs, in microseconds of the server's clock; 0 before scripts run.
    pub clock: RwSignal<i64>,
    /// A choice this browser remembers.
    pub line_numbers: RwSignal<bool>,
    /// One line for screen readers about what just happened.
    pub said: RwSignal<String>,
    /// A cell somebody deleted while we were typing in it.
    pub deleted_under_us: RwSignal<Option<CellId>>,
    /// Text that could not be put back into the document, to be copied.
    pub rescued: RwSignal<Option<String>>,
    /// The room is closed to this tab, which holds work that was never saved.
    pub unsent: RwSignal<bool>,
    /// Something to tell that has no place of its own; shown as a toast.
    pub notice: RwSignal<Option<String>>,
    /// Are single keys commands in command mode? A choice this browser remembers.
    pub single_keys: RwSignal<bool>,
    pub help: RwSignal<bool>,
    pub share: RwSignal<bool>,
    /// What would take away what the kernel holds or the cells show, once the person has confirmed it; and whether they are
    /// being asked.
    pub doubted: RwSignal<Option<Command>>,
    pub doubting: RwSignal<bool>,
}

/// So many cells are live from the start; the first screen holds fewer.
const LIVE: usize = 24;

impl Screen {
    pub fn new(view: &NotebookView) -> Self {
        let cells = view.snapshot.document.cells();
        // Without the server's drawing (we came here from another notebook) every cell has to draw itself.
        let drawn = browser::is_server()
            || browser::element(&format!("doc-{}", view.notebook.id)).is_some();
        let queue = RwSignal::new(Queue::new());
        let models = cells
            .iter()
            .enumerate()
            .map(|(place, (id, cell))| {
                let model = CellModel::new(id, cell, view.runs.cells.get(*id), queue);
                model.later.set(view.later.get(*id).copied());
                model.near.set(place < LIVE || !drawn);
                ((*id).clone(), model)
            })
            .collect();
        let order: Vec<CellId> = cells.iter().map(|(id, _)| (*id).clone()).collect();
        let first = order.first().cloned();
        let order = RwSignal::new(order);
        let places =
            Memo::new(move |_| order.with(|order| order.iter().cloned().zip(1..).collect()));
        let queued = Memo::new(move |_| {
            let places = |queue: &Queue| queue.iter().map(|(_, id)| id.clone()).zip(1..).collect();
            queue.with(places)
        });
        let screen = Self {
            id: StoredValue::new(view.notebook.id.to_string()),
            space: StoredValue::new(view.notebook.space.to_string()),
            title: RwSignal::new(view.notebook.title.clone()),
            order,
            places,
            queue,
            queued,
            wanted: StoredValue::new(Vec::new()),
            asking: StoredValue::new(false),
            cells: StoredValue::new(models),
            owner: StoredValue::new(Owner::current().unwrap_or_default()),
            active: RwSignal::new(None),
            anchor: RwSignal::new(None),
            mode: RwSignal::new(Mode::Command),
            focus_moves: StoredValue::new(0),
            torn_at: StoredValue::new(0.0),
            may: RwSignal::new(view.notebook.may),
            saved: RwSignal::new(SavedState::Connecting),
            people: RwSignal::new(Vec::new()),
            seat: RwSignal::new(0),
            kernel: RwSignal::new(KernelView::default()),
            language: RwSignal::new(language_of(&view.snapshot.document)),
            can_undo: RwSignal::new(false),
            can_redo: RwSignal::new(false),
            skew: RwSignal::new(0),
            clock: RwSignal::new(0),
            line_numbers: RwSignal::new(crate::frame::kept("lines").as_deref() == Some("on")),
            said: RwSignal::new(String::new()),
            deleted_under_us: RwSignal::new(None),
            rescued: RwSignal::new(None),
            unsent: RwSignal::new(false),
            notice: RwSignal::new(None),
            single_keys: RwSignal::new(true),
            help: RwSignal::new(false),
            share: RwSignal::new(false),
            doubted: RwSignal::new(None),
            doubting: RwSignal::new(false),
        };
        screen.select(first);
        screen
    }

    pub fn set_single_keys(&self, on: bool) {
        self.single_keys.set(on);
        browser::remember("single-keys", if on { "on" } else { "off" });
    }

    pub fn notebook_id(&self) -> String {
        self.id.get_value()
    }

    pub fn cell(&self, id: &CellId) -> Option<CellModel> {
        self.cells.with_value(|cells| cells.get(id).copied())
    }

    /// The cell's place in the document, from 1; followed.
    pub fn place(&self, id: &CellId) -> usize {
        self.places
            .with(|places| places.get(id).copied().unwrap_or_default())
    }

    /// Which place a waiting cell has in the queue, from 1; followed.
    pub fn place_in_queue(&self, id: &CellId) -> Option<usize> {
        self.queued.with(|queued| queued.get(id).copied())
    }

    pub fn lexer(&self) -> Language {
        Language::named(&self.language.get())
    }

    /// Makes a cell the only selected one.
    pub fn select(&self, id: Option<CellId>) {
        self.anchor.set(id.clone());
        self.active.set(id);
        self.mark();
    }

    /// Selects from the anchor to a cell.
    pub fn extend_to(&self, id: CellId) {
        if self.anchor.with_untracked(Option::is_none) {
            self.anchor.set(self.active.get_untracked());
        }
        self.active.set(Some(id));
        self.mark();
    }

    /// The selected cells, in order.
    pub fn selection(&self) -> Vec<CellId> {
        let (active, anchor) = (self.active.get_untracked(), self.anchor.get_untracked());
        self.order.with_untracked(|order| {
            let place = |id: &Option<CellId>| {
                id.as_ref()
                    .and_then(|id| order.iter().position(|other| other == id))
            };
            match (place(&active), place(&anchor)) {
                (Some(a), Some(b)) => order[a.min(b)..=a.max(b)].to_vec(),
                (Some(a), None) => vec![order[a].clone()],
                _ => Vec::new(),
            }
        })
    }

    /// The cell `steps` after (or before) the active one, kept inside the notebook.
    pub fn neighbour(&self, steps: isize) -> Option<CellId> {
        let active = self.active.get_untracked();
        self.order.with_untracked(|order| {
            let place = active
                .and_then(|id| order.iter().position(|other| *other == id))
                .unwrap_or(0);
            let target = place
                .saturating_add_signed(steps)
                .min(order.len().saturating_sub(1));
            order.get(target).cloned()
        })
    }

    /// Draws the selection and the mode onto the cells.
    pub fn mark(&self) {
        let selected = self.selection();
        let active = self.active.get_untracked();
        let editing = self.mode.get_untracked() == Mode::Edit;
        self.cells.with_value(|cells| {
            for (id, cell) in cells {
                let is_active = active.as_ref() == Some(id);
                set_if_new(cell.selected, selected.contains(id));
                set_if_new(cell.active, is_active);
                if is_active {
                    set_if_new(cell.near, true);
                }
                set_if_new(cell.editing, is_active && editing);
            }
        });
    }

    /// The document was changed structurally: cells came, went or moved.
    pub fn read_cells(&self, document: &NotebookDoc, run_of: impl Fn(&CellId) -> Option<CellRun>) {
        let cells = document.cells();
        let (owner, queue) = (self.owner.get_value(), self.queue);
        self.cells.update_value(|models| {
            for (id, cell) in &cells {
                if !models.contains_key(*id) {
                    let run = run_of(id);
                    let model = owner.with(|| CellModel::new(id, cell, run.as_ref(), queue));
                    models.insert((*id).clone(), model);
                }
            }
        });
        let order: Vec<CellId> = cells.iter().map(|(id, _)| (*id).clone()).collect();
        let before = self.order.get_untracked();
        if before == order {
            return;
        }
        // Where the active cell went away, the one that took its place becomes active.
        let keep = |id: Option<CellId>| {
            let id = id?;
            if order.contains(&id) {
                return Some(id);
            }
            let place = before.iter().position(|other| *other == id).unwrap_or(0);
            order.get(place.min(order.len().saturating_sub(1))).cloned()
        };
        let (active, anchor) = (
            keep(self.active.get_untracked()),
            keep(self.anchor.get_untracked()),
        );
        let lost = active != self.active.get_untracked();
        self.order.set(order);
        self.active.set(active);
        self.anchor.set(anchor);
        if lost && self.mode.get_untracked() == Mode::Edit {
            self.mode.set(Mode::Command);
            self.torn_at.set_value(browser::now_ms());
        }
        self.mark();
    }

    /// Reads everything of the document again.
    pub fn read_all(&self, document: &NotebookDoc, run_of: impl Fn(&CellId) -> Option<CellRun>) {
        self.read_cells(document, run_of);
        for (id, cell) in document.cells() {
            if let Some(model) = self.cell(id) {
                set_if_new(model.source, cell.source.clone());
                model.set_look(cell);
            }
        }
        set_if_new(self.language, language_of(document));
    }
}

/// Sets a signal only when that changes it: what is shown is not drawn again for nothing.
pub fn set_if_new<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}

/// The language code cells are written in, as the file says.
pub fn language_of(document: &NotebookDoc) -> String {
    let word = |first: &str, second: &str| {
        document
            .metadata
            .get(first)?
            .get(second)?
            .as_str()
            .map(str::to_owned)
    };
    word("language_info", "name")
        .or_else(|| word("kernelspec", "language"))
        .unwrap_or_else(|| "python".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_wait_in_the_order_they_were_asked_for() {
        let cell = |name: &str| CellId::new(name).expect("an id of a cell");
        let mut queue = Queue::new();
        for (name, at) in [("b", 5), ("c", 5), ("a", 5), ("early", 1), ("late", 9)] {
            requeue(&mut queue, cell(name), Some(at));
        }
        let names = |queue: &Queue| -> String {
            let names = queue.iter().map(|(_, id)| id.as_str().to_owned());
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(&queue), "early b c a late");
        requeue(&mut queue, cell("early"), None);
        requeue(&mut queue, cell("b"), Some(9));
        assert_eq!(names(&queue), "c a late b");
    }
}
