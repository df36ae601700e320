//! Asks before a kernel forgets what it holds.

use leptos::prelude::*;
use notebook::wire::KernelState;

use super::commands::{self, Command};
use super::screen::Screen;

#[component]
pub fn Confirm(screen: Screen) -> impl IntoView {
    let open = screen.doubting;
    let busy = move || {
        let state = |state: &KernelState| matches!(state, KernelState::Busy);
        screen.kernel.with(|kernel| state(&kernel.state))
    };
    let verb = move || match screen.doubted.get() {
        Some(Command::ShutDown) => "Shut down",
        Some(Command::RestartAndRunAll) => "Restart and run all",
        _ => "Restart",
    };
    // Enter does what was asked for, Esc leaves all as it is.
    Effect::new(move |_| {
        if open.get() {
            request_animation_frame(|| ui::dom::focus("forget-yes"));
        }
    });
    view! {
        <ui::Dialog title="The kernel forgets its variables" id="forget" open=open>
            <div class="dialog__body">
                <p>
                    <Show when=busy>"The cell that runs now is stopped, and those that wait are not run. "</Show>
                    "Every variable is gone. The text of the notebook and its outputs stay."
                </p>
            </div>
            <ui::DialogFoot>
                <ui::Button press=move || open.set(false)>"Keep"</ui::Button>
                <button class="btn btn--danger" id="forget-yes" type="button" on:click=move |_| {
                    open.set(false);
                    if let Some(command) = screen.doubted.get_untracked() {
                        commands::forget(command);
                    }
                }>{verb}</button>
            </ui::DialogFoot>
        </ui::Dialog>
    }
}
