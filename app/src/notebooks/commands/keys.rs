//! Which key does what, in command mode and in the editor.

use leptos::prelude::*;

use super::super::link;
use super::super::screen::{Mode, Screen};
use super::{Command, after_drawing, perform};
use crate::browser;

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
    let key = browser::key(event);
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
        (true, false, true, "Z") | (true, false, false, "y") => Command::Redo,
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
        // Some keyboards have their digits on Shift.
        (false, false, _, "1" | "2" | "3" | "4" | "5" | "6") => {
            Command::Heading(key.as_bytes()[0] - b'0')
        }
        (false, false, false, "d") => return double(screen, event, 'd', Command::Delete),
        (false, false, false, "i") => return double(screen, event, 'i', Command::Interrupt),
        (false, false, _, "0") => return double(screen, event, '0', Command::Restart),
        _ => return false,
    };
    FIRST_KEY.set(None);
    perform(screen, command);
    true
}

fn double(screen: Screen, event: &web_sys::KeyboardEvent, key: char, command: Command) -> bool {
    // A key that is held down was pressed once.
    if event.repeat() {
        return true;
    }
    // When it was pressed, not when a busy page came to it.
    let now = event.time_stamp();
    match FIRST_KEY.replace(Some((key, now))) {
        Some((first, at)) if first == key && now - at < DOUBLE_MS => {
            FIRST_KEY.set(None);
            perform(screen, command);
        }
        _ => {}
    }
    true
}

/// So long after a cell went away from under the writing, keys are taken for letters of its text, in milliseconds; each of them
/// starts the time anew.
const TORN_MS: f64 = 2_000.0;

/// Is this key, pressed in command mode, one that was meant for a text which somebody else has just deleted? Such a key must not
/// be a command: nobody who writes looks up between two letters.
pub fn meant_for_lost_text(screen: Screen, event: &web_sys::KeyboardEvent) -> bool {
    let now = browser::now_ms();
    let torn =
        screen.mode.get_untracked() == Mode::Command && now - screen.torn_at.get_value() < TORN_MS;
    if !torn || browser::types_elsewhere(event) || browser::is_within(event, "button, a[href]") {
        return false;
    }
    let control = event.ctrl_key() || event.meta_key() || event.alt_key();
    let key = event.key();
    let letter = !control && key.chars().count() == 1;
    let meant = letter || matches!(key.as_str(), "Enter" | "Backspace");
    if meant {
        screen.torn_at.set_value(now);
    }
    meant
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
    after_drawing(screen, move || {
        link::with(|link| {
            let at = if up { link.length_of(&next) } else { 0 };
            link.edit_active(Some(at));
        });
    });
    true
}
