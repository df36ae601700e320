//! Asks before a kernel forgets what it holds, and before every output goes.

use leptos::prelude::*;
use notebook::wire::KernelState;

use super::commands::{self, Command};
use super::screen::Screen;

#[component]
pub fn Confirm(screen: Screen) -> impl IntoView {
    let open = screen.doubting;
    let doubted = move || screen.doubted.get();
    let clears = move || {
        let command = doubted();
        matches!(
            command,
            Some(Command::RestartAndClear | Command::ClearAllOutputs)
        )
    };
    // Without a kernel that holds something, a restart takes away no more than the outputs.
    let forgets = move || match doubted() {
        Some(Command::ClearAllOutputs) => false,
        Some(Command::RestartAndClear) => screen.kernel.with(commands::remembers),
        _ => true,
    };
    let busy = move || {
        let state = |state: &KernelState| matches!(state, KernelState::Busy);
        forgets() && screen.kernel.with(|kernel| state(&kernel.state))
    };
    let title = move || {
        let title = if forgets() {
            "The kernel forgets its variables"
        } else {
            "The outputs of all cells go"
        };
        title.to_owned()
    };
    let words = move || match (forgets(), clears()) {
        (true, false) => "Every variable is gone. The text of the notebook and its outputs stay.",
        (true, true) => {
            "Every variable is gone, and so is what the cells show, for everyone. The text of the notebook stays."
        }
        (false, _) => {
            "Nobody sees them any more, and they cannot be brought back; running the cells makes them anew. The text of the notebook \
             stays."
        }
    };
    let verb = move || match doubted() {
        Some(Command::ShutDown) => "Shut down",
        Some(Command::RestartAndRunAll) => "Restart and run all",
        Some(Command::RestartAndClear) => "Restart and clear all outputs",
        Some(Command::ClearAllOutputs) => "Clear all outputs",
        _ => "Restart",
    };
    // Enter does what was asked for, Esc leaves all as it is.
    Effect::new(move |_| {
        if open.get() {
            request_animation_frame(|| ui::dom::focus("forget-yes"));
        }
    });
    view! {
        <ui::Dialog title=Signal::derive(title) id="forget" open=open>
            <div class="dialog__body">
                <p>
                    <Show when=busy>"The cell that runs now is stopped, and those that wait are not run. "</Show>
                    {words}
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
