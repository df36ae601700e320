//! Keys of every page: the palette, the sidebar, and `G` followed by the letter of a place.

use datalayer::SpaceId;
use leptos::ev;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use super::SidebarState;
use crate::browser;
use crate::palette::use_commands;

/// What the help lists for every page: words and keys.
pub(crate) const EVERYWHERE: &[(&str, &str)] = &[
    ("Search or run a command", "Ctrl K"),
    ("Show or hide the sidebar", "Ctrl B"),
    ("Go home", "G H"),
    ("Go to the space", "G O"),
    ("Go to the notebooks of the space", "G N"),
    ("Go to the members of the space", "G M"),
    ("Go to all spaces", "G A"),
    ("Go to your settings", "G ,"),
    ("All shortcuts", "Ctrl / or ?"),
];

/// Longest pause between `G` and the letter.
const PAUSE_MS: f64 = 1_500.0;

/// Where `G` and this letter lead, from a page of this space.
pub(crate) fn place(letter: &str, space: Option<&SpaceId>) -> Option<String> {
    let of_space = |rest: &str| space.map(|space| format!("/s/{space}{rest}"));
    match letter {
        "h" => Some("/".to_owned()),
        "a" => Some("/spaces".to_owned()),
        "," => Some("/settings".to_owned()),
        "o" => of_space(""),
        "n" => of_space("/notebooks"),
        "m" => of_space("/members"),
        _ => None,
    }
}

/// The space whose page has this address.
fn space_in(path: &str) -> Option<SpaceId> {
    let rest = path.strip_prefix("/s/")?;
    rest.split('/').next()?.parse().ok()
}

/// Listens as long as the frame is drawn. `help` opens the list of shortcuts, where the page has no longer one of its own.
pub(super) fn listen(
    state: SidebarState,
    space: Signal<Option<SpaceId>>,
    help: Option<RwSignal<bool>>,
) {
    let commands = use_commands();
    let navigate = use_navigate();
    let path = use_location().pathname;
    // Before the editor, which has meanings of its own for them.
    Effect::new(move |_| {
        // Kept by the effect, so that the server, which runs none, has nothing of it.
        StoredValue::new_local(browser::keys_first(move |event| {
            if !(event.ctrl_key() || event.meta_key()) || event.shift_key() || event.alt_key() {
                return;
            }
            match (browser::key(&event).as_str(), help) {
                ("k", _) => commands.toggle(),
                ("b", _) => state.toggle(),
                ("/", Some(help)) => help.set(true),
                _ => return,
            }
            event.prevent_default();
            event.stop_propagation();
        }));
    });
    let pressed_g = StoredValue::new(f64::NEG_INFINITY);
    let listening = window_event_listener(ev::keydown, move |event| {
        let (key, control) = (browser::key(&event), event.ctrl_key() || event.meta_key());
        let busy = event.default_prevented()
            || event.is_composing()
            || control
            || event.alt_key()
            || browser::types_elsewhere(&event)
            // A cell whose editor is still on its way, or lost the focus: the letters belong to its text.
            || ui::dom::is_any(".cell.is-editing");
        if busy || browser::remembered("single-keys").as_deref() == Some("off") {
            return;
        }
        // When they were pressed, not when a busy page came to them.
        let waited = event.time_stamp() - pressed_g.get_value();
        pressed_g.set_value(f64::NEG_INFINITY);
        match (key.as_str(), help) {
            ("?", Some(help)) => help.set(true),
            (letter, _) if waited < PAUSE_MS => {
                // The address knows the space before the page has asked what it is.
                let here = space_in(&path.get_untracked()).or_else(|| space.get_untracked());
                let Some(place) = place(letter, here.as_ref()) else {
                    return;
                };
                navigate(&place, NavigateOptions::default());
            }
            ("g", _) => {
                pressed_g.set_value(event.time_stamp());
                return;
            }
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || listening.remove());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_go_key_of_the_help_leads_somewhere() {
        let space: SpaceId = format!("space_{}", "0".repeat(26))
            .parse()
            .expect("an id of a space");
        let letters = EVERYWHERE
            .iter()
            .filter_map(|(_, keys)| keys.strip_prefix("G "));
        for letter in letters {
            let letter = letter.to_lowercase();
            assert!(place(&letter, Some(&space)).is_some(), "{letter}");
        }
        assert_eq!(place("n", None), None, "no space, no notebooks of it");
    }

    #[test]
    fn the_address_of_a_space_says_which_it_is() {
        let id = format!("space_{}", "0".repeat(26));
        for page in ["", "/", "/notebooks", "/settings"] {
            let space = space_in(&format!("/s/{id}{page}"));
            assert_eq!(
                space.map(|space| space.to_string()),
                Some(id.clone()),
                "{page}"
            );
        }
        for path in ["/", "/s/", "/s/none", "/n/space", "/spaces"] {
            assert_eq!(space_in(path), None, "{path}");
        }
    }
}
