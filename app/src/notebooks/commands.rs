//! What one can do on the notebook screen, and the keys for it (those of JupyterLab).

mod clipboard;
mod moving;

use leptos::prelude::*;
use leptos::task::spawn_local;
use notebook::wire::Say;
use notebook::{CellId, CellKind, Delta, Map, Operation};
use serde_json::Value;

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
    ShutDown,
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
        (Command::Interrupt, "Interrupt the kernel", "I I"),
        (Command::Restart, "Restart the kernel", "0 0"),
        (Command::RestartAndRunAll, "Restart and run all cells", ""),
        (Command::ShutDown, "Shut the kernel down", ""),
        (Command::Edit, "Edit the cell", "Enter"),
        (Command::Leave, "Leave the cell (command mode)", "Esc"),
        (Command::InsertAbove, "Add a code cell above", "A"),
        (Command::InsertBelow, "Add a code cell below", "B"),
        (Command::InsertTextBelow, "Add a text cell below", ""),
        (Command::Delete, "Delete the selected cells", "D D"),
        (Command::Undo, "Undo my last change", "Z"),
        (Command::Redo, "Redo", "Shift Z"),
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

thread_local! {
    /// The first key of a double press, and when.
    static FIRST_KEY: std::cell::Cell<Option<(char, f64)>> = const { std::cell::Cell::new(None) };
}

/// Longest pause between the two presses of `D D`, `I I`, `0 0`.
const DOUBLE_MS: f64 = 800.0;

/// A key pressed in command mode. `true`: it was one of ours.
pub fn command_key(screen: Screen, event: &web_sys::KeyboardEvent) -> bool {
    let control = event.ctrl_key() || event.meta_key();
    let (shift, alt) = (event.shift_key(), event.alt_key());
    let key = event.key();
    let command = match (control, alt, shift, key.as_str()) {
        (false, false, true, "Enter") => Command::RunAndNext,
        (true, false, false, "Enter") => Command::Run,
        (false, true, false, "Enter") => Command::RunAndInsert,
        (false, false, false, "Enter") => Command::Edit,
        (false, false, false, "Escape") => Command::Leave,
        (false, false, false, "ArrowUp" | "k") => Command::Previous,
        (false, false, false, "ArrowDown" | "j") => Command::Next,
        (false, false, true, "ArrowUp" | "K") => Command::ExtendPrevious,
        (false, false, true, "ArrowDown" | "J") => Command::ExtendNext,
        (true, false, true, "ArrowUp") => Command::MoveUp,
        (true, false, true, "ArrowDown") => Command::MoveDown,
        (true, false, true, "Home") => Command::MoveToTop,
        (true, false, true, "End") => Command::MoveToEnd,
        (false, false, _, "?") => Command::Help,
        (false, false, false, "Home") | (true, false, false, "Home" | "ArrowUp") => Command::First,
        (false, false, false, "End") | (true, false, false, "End" | "ArrowDown") => Command::Last,
        (true, false, false, "a") => Command::SelectAll,
        (true, false, false, "s") => Command::Save,
        (true, false, false, "z") => Command::Undo,
        (true, false, true, "Z" | "z") | (true, false, false, "y") => Command::Redo,
        (true, false, _, "/" | "?") => Command::Help,
        (false, false, false, "a") => Command::InsertAbove,
        (false, false, false, "b") => Command::InsertBelow,
        (false, false, false, "c") => Command::Copy,
        (false, false, false, "x") => Command::Cut,
        (false, false, false, "v") => Command::PasteBelow,
        (false, false, true, "V") => Command::PasteAbove,
        (false, false, false, "z") => Command::Undo,
        (false, false, true, "Z") => Command::Redo,
        (false, false, false, "m") => Command::ToText,
        (false, false, true, "M") => Command::Merge,
        (false, false, false, "y") => Command::ToCode,
        (false, false, false, "r") => Command::ToRaw,
        (false, false, false, "o") => Command::ToggleOutputs,
        (false, false, true, "L") => Command::LineNumbers,
        (false, false, false, "1" | "2" | "3" | "4" | "5" | "6") => {
            Command::Heading(key.as_bytes()[0] - b'0')
        }
        (false, false, false, "d") => return double('d', Command::Delete, screen),
        (false, false, false, "i") => return double('i', Command::Interrupt, screen),
        (false, false, false, "0") => return double('0', Command::Restart, screen),
        _ => return false,
    };
    FIRST_KEY.set(None);
    perform(screen, command);
    true
}

fn double(key: char, command: Command, screen: Screen) -> bool {
    let now = browser::now_ms();
    match FIRST_KEY.replace(Some((key, now))) {
        Some((first, at)) if first == key && now - at < DOUBLE_MS => {
            FIRST_KEY.set(None);
            perform(screen, command);
        }
        _ => {}
    }
    true
}

/// A key that the editor hands to the notebook. `true`: it was used.
pub fn editor_key(screen: Screen, name: &str) -> bool {
    let command = match name {
        "escape" => Command::Leave,
        "run-next" => Command::RunAndNext,
        "run" => Command::Run,
        "run-below" => Command::RunAndInsert,
        "save" => Command::Save,
        "undo" => Command::Undo,
        "redo" => Command::Redo,
        "split" => Command::Split,
        "up" | "down" => return leave_through(screen, name == "up"),
        _ => return false,
    };
    perform(screen, command);
    true
}

/// An arrow at the edge of a text goes on in the next cell, as in one long document.
fn leave_through(screen: Screen, up: bool) -> bool {
    let Some(next) = screen.neighbour(if up { -1 } else { 1 }) else {
        return false;
    };
    if Some(&next) == screen.active.get_untracked().as_ref() {
        return false;
    }
    screen.select(Some(next.clone()));
    after_drawing(move || {
        link::with(|link| {
            let at = if up { link.length_of(&next) } else { 0 };
            link.edit_active(Some(at));
        });
    });
    true
}

/// Does it. Rights are checked where it matters (the room); here they only keep hopeless tries from the wire.
pub fn perform(screen: Screen, command: Command) {
    let may = screen.may.get_untracked();
    match command {
        Command::Run => {
            run(screen, screen.selection());
            // "Running" a text is reading it.
            if active_kind(screen) == Some(CellKind::Markdown) {
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
                insert(screen, CellKind::Code, true, true);
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
        Command::Interrupt => ask(Say::Interrupt),
        Command::Restart => ask(Say::Restart { run_all: false }),
        Command::RestartAndRunAll => ask(Say::Restart { run_all: true }),
        Command::ShutDown => ask(Say::Shutdown),
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
        Command::Merge => merge(screen),
        Command::Split => split(screen),
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
        Command::LineNumbers => screen.line_numbers.update(|on| *on = !*on),
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
    after_drawing(move || {
        link::with(|link| link.edit_active(at));
    });
}

/// Leaves the text for the notebook's own keys.
pub fn leave(screen: Screen) {
    if screen.mode.get_untracked() == Mode::Edit {
        screen.mode.set(Mode::Command);
        screen.mark();
        link::with(link::Link::hide_editor);
    } else {
        // Only the active cell stays selected.
        screen.select(screen.active.get_untracked());
    }
    focus_active(screen);
}

/// Makes a cell active and gives it the focus.
pub fn go(screen: Screen, cell: Option<CellId>, extend: bool) {
    let Some(cell) = cell else { return };
    if screen.mode.get_untracked() == Mode::Edit {
        screen.mode.set(Mode::Command);
        link::with(link::Link::hide_editor);
    }
    if extend {
        screen.extend_to(cell);
    } else {
        screen.select(Some(cell));
    }
    focus_active(screen);
}

fn focus_active(screen: Screen) {
    let Some(cell) = screen.active.get_untracked() else {
        return;
    };
    link::with(|link| link.be_at(Some(cell.clone()), None));
    after_drawing(move || browser::focus(&format!("cell-{cell}")));
}

/// Lets the page be drawn first: a new cell has no element before that.
fn after_drawing(work: impl FnOnce() + 'static) {
    request_animation_frame(work);
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
    if code.is_empty() {
        return;
    }
    if !screen.may.get_untracked().run {
        link::with(|link| {
            link.announce(
                "Your role here does not include running. Ask a manager for the role Runner.",
            )
        });
        return;
    }
    ask(Say::Run { cells: code });
}

fn active_kind(screen: Screen) -> Option<CellKind> {
    let active = screen.active.get_untracked()?;
    Some(screen.cell(&active)?.kind.get_untracked())
}

fn go_after_running(screen: Screen) {
    let active = screen.active.get_untracked();
    let last = screen.order.with_untracked(|order| order.last().cloned());
    if active == last && screen.may.get_untracked().edit {
        insert(screen, CellKind::Code, true, true);
    } else {
        go(screen, screen.neighbour(1), false);
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

/// The cell before another one.
fn before(screen: Screen, cell: Option<&CellId>) -> Option<CellId> {
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
    // A notebook always has a place to type.
    if screen.order.with_untracked(Vec::is_empty) {
        insert_at(screen, CellKind::Code, None, true, false);
    }
    focus_active(screen);
}

fn merge(screen: Screen) {
    let mut selected = screen.selection();
    if selected.len() == 1 {
        let place = screen
            .order
            .with_untracked(|order| order.iter().position(|id| Some(id) == selected.first()));
        let next = place.and_then(|place| {
            screen
                .order
                .with_untracked(|order| order.get(place + 1).cloned())
        });
        selected.extend(next);
    }
    let Some((first, others)) = selected.split_first() else {
        return;
    };
    if others.is_empty() {
        return;
    }
    link::with(|link| {
        let document = link.document();
        let end = link.length_of(first);
        let mut tail = String::new();
        for id in others {
            if let Some(cell) = document.cell(id) {
                // Text cells are paragraphs of one text; code is lines of one text.
                tail.push_str(if cell.kind == CellKind::Markdown {
                    "\n\n"
                } else {
                    "\n"
                });
                tail.push_str(&cell.source);
            }
        }
        let mut operations = vec![Operation::EditSource {
            cell: first.clone(),
            delta: Delta::splice(end, 0, &tail),
        }];
        operations.extend(
            others
                .iter()
                .map(|cell| Operation::DeleteCell { cell: cell.clone() }),
        );
        link.edit(operations);
    });
    go(screen, Some(first.clone()), false);
}

fn split(screen: Screen) {
    let Some(cell) = screen.active.get_untracked() else {
        return;
    };
    let new = new_cell();
    let done = link::with(|link| {
        let Some(at) = link.caret() else { return false };
        let Some(whole) = link.document().cell(&cell) else {
            return false;
        };
        let units: Vec<u16> = whole.source.encode_utf16().collect();
        let at = (at as usize).min(units.len());
        // A line break at the cut belongs to neither half.
        let (mut from, mut to) = (at, at);
        if units.get(to) == Some(&10) {
            to += 1;
        } else if from > 0 && units.get(from - 1) == Some(&10) {
            from -= 1;
        }
        let (Ok(tail), kind) = (String::from_utf16(&units[to..]), whole.kind) else {
            return false;
        };
        let order = link.document().order_after(Some(&cell));
        link.edit(vec![
            Operation::EditSource {
                cell: cell.clone(),
                delta: Delta::splice(from as u32, (units.len() - from) as u32, ""),
            },
            Operation::InsertCell {
                cell: new.clone(),
                kind,
                order,
                source: tail,
                metadata: Map::new(),
                attachments: Map::new(),
            },
        ]);
        true
    });
    if done == Some(true) {
        screen.select(Some(new));
        edit(screen, Some(0));
    }
}

fn set_kind(screen: Screen, kind: CellKind) {
    let operations = screen
        .selection()
        .into_iter()
        .map(|cell| Operation::SetKind { cell, kind })
        .collect();
    link::with(|link| link.edit(operations));
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
