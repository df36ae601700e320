//! Every shortcut in one overlay, and the choice to be without them.

use leptos::prelude::*;

use super::commands::Command;
use super::screen::Screen;

#[component]
pub fn Help(screen: Screen) -> impl IntoView {
    view! {
        <ui::Dialog title="Shortcuts" id="shortcuts" open=screen.help wide=true>
            <p class="t2 fs-12">"Esc leaves a cell for command mode, where single keys are commands; Enter goes back to typing. On a Mac, Ctrl is Cmd."</p>
            <label class="row g-2 shortcuts__off">
                <input type="checkbox" prop:checked=move || !screen.single_keys.get() on:change=move |event| screen.set_single_keys(!event_target_checked(&event))/>
                "Turn single-key shortcuts off (Shift, Ctrl and Alt with Enter go on working)"
            </label>
            <dl class="shortcuts">
                {Command::LISTED.iter().filter(|(_, _, keys)| !keys.is_empty()).map(|(_, words, keys)| view! {
                    <div class="shortcuts__row">
                        <dt>{*words}</dt>
                        <dd class="kbds">{keys.split(' ').map(|key| if key == "or" || key == "to" { view! { <span class="t3">{key}</span> }.into_any() } else { view! { <kbd class="kbd">{key}</kbd> }.into_any() }).collect_view()}</dd>
                    </div>
                }).collect_view()}
            </dl>
        </ui::Dialog>
    }
}
