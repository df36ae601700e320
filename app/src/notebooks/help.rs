//! Every shortcut in one overlay, and the choice to be without them.

use leptos::prelude::*;

use super::commands::Command;
use super::screen::Screen;
use crate::frame::keys::EVERYWHERE;
use crate::frame::shortcuts::ShortcutRows;

#[component]
pub fn Help(screen: Screen) -> impl IntoView {
    let here = || {
        let listed = Command::LISTED
            .iter()
            .filter(|(_, _, keys)| !keys.is_empty());
        listed.map(|(_, words, keys)| (*words, *keys)).collect()
    };
    view! {
        <ui::Dialog title="Shortcuts" id="shortcuts" open=screen.help wide=true>
            <p class="t2 fs-12">"Esc leaves a cell for command mode, where single keys are commands; Enter goes back to typing. On a Mac, Ctrl is Cmd."</p>
            <label class="row g-2 shortcuts__off">
                <input type="checkbox" prop:checked=move || !screen.single_keys.get() on:change=move |event| screen.set_single_keys(!event_target_checked(&event))/>
                "Turn single-key shortcuts off (Shift, Ctrl and Alt with Enter go on working)"
            </label>
            <div class="shortcuts">
                <h3>"In the notebook"</h3>
                <ShortcutRows rows=here()/>
                <h3>"Everywhere"</h3>
                <ShortcutRows rows=EVERYWHERE.iter().filter(|(words, _)| *words != "All shortcuts").copied().collect()/>
            </div>
        </ui::Dialog>
    }
}
