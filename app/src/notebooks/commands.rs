//! What one can do on the notebook screen, and the keys for it (those of JupyterLab).

mod clipboard;
mod keys;
mod merging;
mod moving;

use leptos::prelude::*;
use leptos::task::spawn_local;
use notebook::wire::{KernelState, KernelView, Say};
use notebook::{CellId, CellKind, Delta, Map, NotebookDoc, Operation, Order};
use serde_json::Value;

pub use keys::{command_key, editor_key, meant_for_lost_text};
pub use moving::move_after;

use super::screen::{Mode, Screen};
use super::{desk, link};
use crate::browser;
use crate::call::sentence;
use crate::spaces::calls::{archive_notebook, duplicate_notebook};

/// One thing to do. Each has a name, so that the palette and the help can show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Run,
    RunAndNext,
    RunAndInsert,
    RunAll,
    RunAbove,
    RunBelow,
    Interrupt,
    Restart,
    RestartAndRunAll,
    RestartAndClear,
    ShutDown,
    CancelRuns,
    ClearOutputs,
    ClearAllOutputs,
    InsertAbove,
    InsertBelow,
    InsertTextBelow,
    Delete,
    Cut,
    Copy,
    PasteBelow,
    PasteAbove,
    MoveUp,
    MoveDown,
    MoveToTop,
    MoveToEnd,
    Merge,
    Split,
    ToCode,
    ToText,
    ToRaw,
    Heading(u8),
    Undo,
    Redo,
    Next,
    Previous,
    ExtendNext,
    ExtendPrevious,
    SelectAll,
    First,
    Last,
    Edit,
    Leave,
    ToggleOutputs,
    ToggleSource,
    LineNumbers,
    Save,
    Help,
    Share,
    Panel,
    Rename,
    Duplicate,
    Archive,
    TakeBack,
}

impl Command {
    /// Everything the palette and the help list, in their order: the command, its words, its keys.
    pub const LISTED: &'static [(Command, &'static str, &'static str)] = &[
        (
            Command::RunAndNext,
            "Run and go to the next cell",
            "Shift Enter",
        ),
        (Command::Run, "Run the selected cells", "Ctrl Enter"),
        (
            Command::RunAndInsert,
            "Run and add a cell below",
            "Alt Enter",
        ),
        (Command::RunAll, "Run all cells", ""),
        (Command::RunAbove, "Run the cells above", ""),
        (Command::RunBelow, "Run this cell and those below", ""),
        (
            Command::CancelRuns,
            "Take the selected cells out of the queue",
            "",
        ),
        (Command::Interrupt, "Interrupt the kernel", "I I"),
        (Command::Restart, "Restart the kernel", "0 0"),
        (Command::RestartAndRunAll, "Restart and run all cells", ""),
        (
            Command::RestartAndClear,
            "Restart and clear all outputs",
            "",
        ),
        (Command::ShutDown, "Shut the kernel down", ""),
        (
            Command::ClearOutputs,
            "Clear the outputs of the selected cells",
            "",
        ),
        (
            Command::ClearAllOutputs,
            "Clear the outputs of all cells",
            "",
        ),
        (Command::Edit, "Edit the cell", "Enter"),
        (Command::Leave, "Leave the cell (command mode)", "Esc"),
        (Command::InsertAbove, "Add a code cell above", "A"),
        (Command::InsertBelow, "Add a code cell below", "B"),
        (Command::InsertTextBelow, "Add a text cell below", ""),
        (Command::Delete, "Delete the selected cells", "D D"),
        (Command::Undo, "Undo my last change", "Z or Ctrl Z"),
        (Command::Redo, "Redo", "Shift Z or Ctrl Shift Z"),
        (Command::Cut, "Cut the selected cells", "X"),
        (Command::Copy, "Copy the selected cells", "C"),
        (Command::PasteBelow, "Paste below", "V"),
        (Command::PasteAbove, "Paste above", "Shift V"),
        (Command::Merge, "Merge the selected cells", "Shift M"),
        (
            Command::Split,
            "Split the cell at the caret",
            "Ctrl Shift -",
        ),
        (Command::ToText, "Make it a text cell", "M"),
        (Command::ToCode, "Make it a code cell", "Y"),
        (Command::ToRaw, "Make it a raw cell", "R"),
        (Command::Heading(1), "Make it a heading", "1 to 6"),
        (Command::MoveUp, "Move the cells up", "Ctrl Shift Up"),
        (Command::MoveDown, "Move the cells down", "Ctrl Shift Down"),
        (
            Command::MoveToTop,
            "Move the cells to the top",
            "Ctrl Shift Home",
        ),
        (
            Command::MoveToEnd,
            "Move the cells to the end",
            "Ctrl Shift End",
        ),
        (Command::Previous, "Select the cell above", "Up or K"),
        (Command::Next, "Select the cell below", "Down or J"),
        (Command::First, "Go to the first cell", "Home or Ctrl Home"),
        (Command::Last, "Go to the last cell", "End or Ctrl End"),
        (
            Command::ExtendPrevious,
            "Extend the selection up",
            "Shift Up or Shift K",
        ),
        (
            Command::ExtendNext,
            "Extend the selection down",
            "Shift Down or Shift J",
        ),
        (Command::SelectAll, "Select all cells", "Ctrl A"),
        (Command::ToggleOutputs, "Show or hide the outputs", "O"),
        (Command::ToggleSource, "Show or hide the code", ""),
        (Command::LineNumbers, "Show or hide line numbers", "Shift L"),
        (Command::Save, "Is everything saved?", "Ctrl S"),
        (Command::Panel, "Show or hide the outline", "Ctrl J"),
        (Command::Share, "Share this notebook", ""),
        (Command::Rename, "Rename this notebook", ""),
        (Command::Duplicate, "Duplicate this notebook", ""),
        (Command::Archive, "Archive this notebook", ""),
        (Command::Help, "All shortcuts", "Ctrl / or ?"),
    ];
}

/// Does it. Rights are checked where it matters (the room); here they only keep hopeless tries from the wire.
pub fn perform(screen: Screen, command: Command) {
    let may = screen.may.get_untracked();
    match command {
        Command::Run => {
            run(screen, screen.selection());
            // As JupyterLab does. "Running" a text is reading it.
            if screen.mode.get_untracked() == Mode::Edit {
                leave(screen);
            }
        }
        Command::RunAndNext => {
            run(screen, screen.selection());
            go_after_running(screen);
        }
        Command::RunAndInsert => {
            run(screen, screen.selection());
            if may.edit {
                insert_at(screen, CellKind::Code, screen.selection().pop(), true, true);
            }
        }
        Command::RunAll => run(screen, screen.order.get_untracked()),
        Command::RunAbove => {
            let order = screen.order.get_untracked();
            let active = screen.active.get_untracked();
            run(
                screen,
                order
                    .into_iter()
                    .take_while(|id| Some(id) != active.as_ref())
                    .collect(),
            );
        }
        Command::RunBelow => {
            let order = screen.order.get_untracked();
            let active = screen.active.get_untracked();
            run(
                screen,
                order
                    .into_iter()
                    .skip_while(|id| Some(id) != active.as_ref())
                    .collect(),
            );
        }
        Command::CancelRuns => cancel(screen, &screen.selection()),
        Command::Interrupt => ask(Say::Interrupt),
        Command::Restart | Command::RestartAndRunAll | Command::ShutDown => {
            if may.run && screen.kernel.with_untracked(remembers) {
                screen.doubted.set(Some(command));
                screen.doubting.set(true);
            } else {
                forget(command);
            }
        }
        // Nobody can take this back.
        Command::RestartAndClear | Command::ClearAllOutputs => {
            if may_run(screen) {
                screen.doubted.set(Some(command));
                screen.doubting.set(true);
            }
        }
        Command::ClearOutputs => clear(screen, screen.selection()),
        Command::InsertAbove => insert(screen, CellKind::Code, false, false),
        Command::InsertBelow => insert(screen, CellKind::Code, true, false),
        Command::InsertTextBelow => insert(screen, CellKind::Markdown, true, true),
        Command::Delete => delete(screen),
        Command::Cut => clipboard::cut(screen),
        Command::Copy => clipboard::copy(screen),
        Command::PasteBelow => clipboard::paste(screen, true),
        Command::PasteAbove => clipboard::paste(screen, false),
        Command::MoveUp => moving::shift(screen, true),
        Command::MoveDown => moving::shift(screen, false),
        Command::MoveToTop => moving::to_end(screen, true),
        Command::MoveToEnd => moving::to_end(screen, false),
        Command::Merge => merging::merge(screen),
        Command::Split => merging::split(screen),
        Command::ToCode => set_kind(screen, CellKind::Code),
        Command::ToText => set_kind(screen, CellKind::Markdown),
        Command::ToRaw => set_kind(screen, CellKind::Raw),
        Command::Heading(level) => heading(screen, level),
        Command::Undo => {
            link::with(link::Link::undo);
        }
        Command::Redo => {
            link::with(link::Link::redo);
        }
        Command::Next => go(screen, screen.neighbour(1), false),
        Command::Previous => go(screen, screen.neighbour(-1), false),
        Command::ExtendNext => go(screen, screen.neighbour(1), true),
        Command::ExtendPrevious => go(screen, screen.neighbour(-1), true),
        Command::First => go(
            screen,
            screen.order.with_untracked(|order| order.first().cloned()),
            false,
        ),
        Command::Last => go(
            screen,
            screen.order.with_untracked(|order| order.last().cloned()),
            false,
        ),
        Command::SelectAll => {
            screen.select(screen.order.with_untracked(|order| order.first().cloned()));
            if let Some(last) = screen.order.with_untracked(|order| order.last().cloned()) {
                screen.extend_to(last);
            }
        }
        Command::Edit => edit(screen, None),
        Command::Leave => leave(screen),
        Command::ToggleOutputs => toggle(screen, "outputs_hidden"),
        Command::ToggleSource => toggle(screen, "source_hidden"),
        Command::LineNumbers => {
            let on = !screen.line_numbers.get_untracked();
            screen.line_numbers.set(on);
            link::with(|link| link.number_lines());
            let words = if on { "on" } else { "off" };
            ui::dom::keep("lines", words);
            ui::dom::set_root_data("lines", Some(words));
        }
        Command::Save => {
            link::with(link::Link::save_now);
        }
        Command::Help => screen.help.set(true),
        Command::Share => screen.share.set(true),
        Command::Panel => desk::with(desk::Desk::toggle_panel),
        Command::Rename => desk::with(|desk| desk.renaming.set(may.edit)),
        Command::Duplicate => duplicate(screen),
        Command::Archive => put_away(screen, true),
        Command::TakeBack => put_away(screen, false),
    }
}

/// Does the kernel hold anything that would be gone? It starts with the first run, so one that lives has run something.
pub fn remembers(kernel: &KernelView) -> bool {
    !matches!(kernel.state, KernelState::Off | KernelState::Dead { .. })
}

/// Takes away what the kernel holds, or what the cells show, without asking.
pub fn forget(command: Command) {
    match command {
        Command::ClearAllOutputs => ask(Say::ClearOutputs { cells: None }),
        Command::RestartAndClear => {
            ask(Say::Restart { run_all: false });
            ask(Say::ClearOutputs { cells: None });
        }
        Command::Restart => ask(Say::Restart { run_all: false }),
        Command::RestartAndRunAll => ask(Say::Restart { run_all: true }),
        Command::ShutDown => ask(Say::Shutdown),
        _ => {}
    }
}

/// A second notebook beside this one, and there.
fn duplicate(screen: Screen) {
    let Ok(notebook) = screen.notebook_id().parse() else {
        return;
    };
    spawn_local(async move {
        match duplicate_notebook(notebook).await {
            Ok(path) => ui::dom::go(&path),
            Err(error) => super::tell(screen, &sentence(&error)),
        }
    });
}

/// Into the archive of its space, or out of it. It can be read there, and nothing of it is lost.
fn put_away(screen: Screen, archived: bool) {
    let Ok(notebook) = screen.notebook_id().parse() else {
        return;
    };
    spawn_local(async move {
        let done = archive_notebook(notebook, archived).await;
        if done.is_ok() {
            desk::with(|desk| desk.archived.set(archived));
        }
        let words = match done {
            Ok(_) if archived => {
                "The notebook is archived: it can be read, and taken back at any time.".to_owned()
            }
            Ok(_) => "The notebook is back.".to_owned(),
            Err(error) => sentence(&error),
        };
        super::tell(screen, &words);
    });
}

/// Goes into a cell's text. `at`: where the caret goes.
pub fn edit(screen: Screen, at: Option<u32>) {
    if screen.active.get_untracked().is_none() {
        return;
    }
    let active = screen.active.get_untracked();
    screen.select(active);
    screen.mode.set(Mode::Edit);
    screen.mark();
    after_drawing(screen, move || {
        link::with(|link| link.edit_active(at));
    });
}

/// Leaves the text for the notebook's own keys.
pub fn leave(screen: Screen) {
    if !leave_text(screen) {
        // Only the active cell stays selected.
        screen.select(screen.active.get_untracked());
    }
    focus_active(screen);
}

/// Takes the editor away. `false`: nobody was writing.
fn leave_text(screen: Screen) -> bool {
    if screen.mode.get_untracked() != Mode::Edit {
        return false;
    }
    screen.mode.set(Mode::Command);
    screen.mark();
    link::with(link::Link::hide_editor);
    true
}

/// Makes a cell active, gives it the focus and brings it into view.
pub fn go(screen: Screen, cell: Option<CellId>, extend: bool) {
    let Some(cell) = cell else { return };
    leave_text(screen);
    if extend {
        screen.extend_to(cell);
    } else {
        screen.select(Some(cell));
    }
    focus_active(screen);
}

/// A pointer came down on a cell: it is active, or the selection reaches to it. Nothing scrolls, as what is under the pointer has
/// to be there still when it is let go, and a control that was hit keeps the focus for itself.
pub fn press(screen: Screen, cell: CellId, extend: bool, on_control: bool) {
    leave_text(screen);
    if extend {
        screen.extend_to(cell.clone());
    } else {
        screen.select(Some(cell.clone()));
    }
    link::with(|link| link.be_at(Some(cell), None));
    if extend || !on_control {
        after_drawing(screen, move || {
            if let Some(id) = active_element(screen) {
                browser::focus_in_place(&id);
            }
        });
    }
}

/// The focus came to a cell by itself, with Tab or by a screen reader: commands go to that cell from now on.
pub fn follow_focus(screen: Screen, cell: CellId) {
    let selected = screen
        .cell(&cell)
        .is_some_and(|cell| cell.selected.get_untracked());
    // A closing dialog gives the focus back to where it was, also when what was chosen there leads elsewhere.
    if !selected && screen.focus_moves.get_value() == 0 {
        press(screen, cell, false, true);
    }
}

/// The active cell is drawn anew or stands elsewhere. Whoever writes in it goes on writing; else the cell has the focus.
fn stay(screen: Screen) {
    if screen.mode.get_untracked() == Mode::Edit {
        after_drawing(screen, || {
            link::with(|link| link.go_on_writing(true));
        });
    } else {
        focus_active(screen);
    }
}

/// As [`stay`], for what others did: the editor follows its cell, and gets the keys where nothing else has them.
pub fn follow_cell(screen: Screen) {
    after_drawing(screen, || {
        link::with(|link| link.go_on_writing(false));
    });
}

fn focus_active(screen: Screen) {
    let Some(cell) = screen.active.get_untracked() else {
        return;
    };
    link::with(|link| link.be_at(Some(cell), None));
    after_drawing(screen, move || {
        if let Some(id) = active_element(screen) {
            browser::focus(&id);
        }
    });
}

/// The id of the active cell's element, by the time the page is drawn: another cell may have become active meanwhile.
fn active_element(screen: Screen) -> Option<String> {
    let active = screen.active.try_get_untracked()??;
    Some(format!("cell-{active}"))
}

/// Lets the page be drawn first: a new cell has no element before that.
fn after_drawing(screen: Screen, work: impl FnOnce() + 'static) {
    screen.focus_moves.update_value(|moves| *moves += 1);
    request_animation_frame(move || {
        work();
        screen
            .focus_moves
            .try_update_value(|moves| *moves = moves.saturating_sub(1));
    });
}

fn ask(say: Say) {
    link::with(|link| link.ask_for(say));
}

fn run(screen: Screen, cells: Vec<CellId>) {
    let code: Vec<CellId> = cells
        .into_iter()
        .filter(|id| {
            screen.cell(id).is_some_and(|cell| {
                cell.kind.get_untracked() == CellKind::Code
                    && !cell
                        .source
                        .with_untracked(|source| source.trim().is_empty())
            })
        })
        .collect();
    if !code.is_empty() && may_run(screen) {
        ask(Say::Run { cells: code });
    }
}

/// Tells who may not, and why.
fn may_run(screen: Screen) -> bool {
    let may = screen.may.get_untracked().run;
    if !may {
        link::with(|link| {
            link.announce(
                "Your role here does not include running. Ask a manager for the role Runner.",
            )
        });
    }
    may
}

/// Cells or runs that one message names: a frame has a size.
const NAMED: usize = 2_000;

fn clear(screen: Screen, cells: Vec<CellId>) {
    let is_code = |id: &CellId| {
        let cell = screen.cell(id);
        cell.is_some_and(|cell| cell.kind.get_untracked() == CellKind::Code)
    };
    let code: Vec<CellId> = cells.into_iter().filter(is_code).collect();
    if code.is_empty() || !may_run(screen) {
        return;
    }
    for cells in code.chunks(NAMED) {
        let cells = Some(cells.to_vec());
        ask(Say::ClearOutputs { cells });
    }
}

/// Takes these cells out of the queue, as far as they wait in it.
pub fn cancel(screen: Screen, cells: &[CellId]) {
    if !may_run(screen) {
        return;
    }
    let runs = link::with(|link| link.waiting_runs(cells)).unwrap_or_default();
    if runs.is_empty() {
        super::tell(screen, "None of the selected cells waits in the queue.");
    }
    for runs in runs.chunks(NAMED) {
        let runs = runs.to_vec();
        ask(Say::Cancel { runs });
    }
}

/// The cell below the last selected one; where there is none, a new one to write in.
fn go_after_running(screen: Screen) {
    let last = screen.selection().pop();
    let next = screen.order.with_untracked(|order| {
        let place = order.iter().position(|id| Some(id) == last.as_ref())?;
        order.get(place + 1).cloned()
    });
    if next.is_some() {
        go(screen, next, false);
    } else if screen.may.get_untracked().edit {
        insert_at(screen, CellKind::Code, last, true, true);
    } else {
        go(screen, last, false);
    }
}

fn new_cell() -> CellId {
    CellId::from_random(browser::random_u64())
}

fn insert(screen: Screen, kind: CellKind, below: bool, then_edit: bool) {
    let place = screen.active.get_untracked();
    insert_at(screen, kind, place, below, then_edit);
}

/// Adds an empty cell beside another one (or at the top) and goes there.
pub fn insert_at(
    screen: Screen,
    kind: CellKind,
    beside: Option<CellId>,
    below: bool,
    then_edit: bool,
) {
    if !screen.may.get_untracked().edit {
        return;
    }
    let cell = new_cell();
    let done = link::with(|link| {
        let after = if below {
            beside
        } else {
            before(screen, beside.as_ref())
        };
        let order = link.document().order_after(after.as_ref());
        link.edit(vec![Operation::InsertCell {
            cell: cell.clone(),
            kind,
            order,
            source: String::new(),
            metadata: Map::new(),
            attachments: Map::new(),
        }]);
    });
    if done.is_some() {
        go(screen, Some(cell), false);
        if then_edit {
            edit(screen, None);
        }
    }
}

/// Keys for `count` cells in a row behind another one (`None`: at the top).
fn orders_after(document: &NotebookDoc, after: Option<&CellId>, count: usize) -> Vec<Order> {
    let before = after
        .and_then(|id| document.cell(id))
        .map(|cell| &cell.order);
    let orders = document.every_cell().map(|(_, cell)| &cell.order);
    let next = orders
        .filter(|order| before.is_none_or(|before| *order > before))
        .min();
    row(before, next, count)
}

/// Keys between two others, from the middle outwards, so that those of a long row stay short.
fn row(before: Option<&Order>, next: Option<&Order>, count: usize) -> Vec<Order> {
    if count == 0 {
        return Vec::new();
    }
    let middle = Order::between(before, next);
    // Where nothing comes behind, keys are short in turn.
    let left = if next.is_none() { 0 } else { (count - 1) / 2 };
    let mut keys = row(before, Some(&middle), left);
    let rest = row(Some(&middle), next, count - 1 - left);
    keys.push(middle);
    keys.extend(rest);
    keys
}

/// The cell before another one.
pub fn before(screen: Screen, cell: Option<&CellId>) -> Option<CellId> {
    let cell = cell?;
    screen.order.with_untracked(|order| {
        let place = order.iter().position(|other| other == cell)?;
        place.checked_sub(1).map(|place| order[place].clone())
    })
}

fn delete(screen: Screen) {
    let operations = screen
        .selection()
        .into_iter()
        .map(|cell| Operation::DeleteCell { cell })
        .collect();
    link::with(|link| link.edit(operations));
    // Who deletes the cell they write in means to: their next key is a command.
    screen.torn_at.set_value(0.0);
    // A notebook always has a place to type.
    if screen.order.with_untracked(Vec::is_empty) {
        insert_at(screen, CellKind::Code, None, true, false);
    }
    focus_active(screen);
}

fn set_kind(screen: Screen, kind: CellKind) {
    let operations = screen
        .selection()
        .into_iter()
        .map(|cell| Operation::SetKind { cell, kind })
        .collect();
    link::with(|link| link.edit(operations));
    stay(screen);
}

fn heading(screen: Screen, level: u8) {
    let selected = screen.selection();
    link::with(|link| {
        let mut operations = Vec::new();
        for cell in selected {
            let Some(now) = link.document().cell(&cell) else {
                continue;
            };
            let marks = now.source.len() - now.source.trim_start_matches('#').len();
            let old = marks + usize::from(now.source[marks..].starts_with(' ') && marks > 0);
            let new = format!("{} ", "#".repeat(level.into()));
            operations.push(Operation::EditSource {
                cell: cell.clone(),
                delta: Delta::splice(0, old as u32, &new),
            });
            if now.kind != CellKind::Markdown {
                operations.push(Operation::SetKind {
                    cell,
                    kind: CellKind::Markdown,
                });
            }
        }
        link.edit(operations);
    });
}

/// Flips one of JupyterLab's flags of the selected cells.
fn toggle(screen: Screen, flag: &str) {
    let selected = screen.selection();
    link::with(|link| {
        let mut operations = Vec::new();
        for cell in selected {
            let Some(now) = link.document().cell(&cell) else {
                continue;
            };
            let mut flags = now
                .metadata
                .get("jupyter")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default();
            if flags.remove(flag).and_then(|value| value.as_bool()) != Some(true) {
                flags.insert(flag.to_owned(), Value::Bool(true));
            }
            let value = (!flags.is_empty()).then_some(Value::Object(flags));
            operations.push(Operation::SetCellMetadata {
                cell: cell.clone(),
                key: "jupyter".into(),
                value,
            });
            if flag == "outputs_hidden" && now.metadata.contains_key("collapsed") {
                operations.push(Operation::SetCellMetadata {
                    cell,
                    key: "collapsed".into(),
                    value: None,
                });
            }
        }
        link.edit(operations);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_long_row_rise_and_stay_short() {
        let first = Order::between(None, None);
        let second = Order::between(Some(&first), None);
        for (before, next) in [
            (None, None),
            (Some(&first), None),
            (None, Some(&first)),
            (Some(&first), Some(&second)),
        ] {
            let keys = row(before, next, 3_000);
            assert_eq!(keys.len(), 3_000);
            assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(before.is_none_or(|before| *before < keys[0]));
            assert!(next.is_none_or(|next| keys[2_999] < *next));
            let longest = keys.iter().map(|key| key.as_str().len()).max();
            assert!(longest <= Some(12), "{longest:?}");
        }
    }
}
