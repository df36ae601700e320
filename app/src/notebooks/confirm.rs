//! Asks before a kernel forgets what it holds, and before every output goes.

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
        Some(Command::RestartAndClear) => "Restart and clear all outputs",
        _ => "Restart",
    };
    let clears = move || screen.doubted.get() == Some(Command::RestartAndClear);
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
                    <Show when=clears fallback=|| "Every variable is gone. The text of the notebook and its outputs stay.">
                        "Every variable is gone, and so is what the cells show, for everyone. The text of the notebook stays."
                    </Show>
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
        <Clearing screen/>
    }
}

#[component]
fn Clearing(screen: Screen) -> impl IntoView {
    let open = screen.clearing;
    let verb = move || match screen.doubted.get() {
        Some(Command::RestartAndClear) => "Restart and clear all outputs",
        _ => "Clear all outputs",
    };
    Effect::new(move |_| {
        if open.get() {
            request_animation_frame(|| ui::dom::focus("clear-yes"));
        }
    });
    view! {
        <ui::Dialog title="The outputs of all cells go" id="clear-all" open=open>
            <div class="dialog__body">
                <p>"Nobody sees them any more, and they cannot be brought back; running the cells makes them anew. The text of the notebook stays."</p>
            </div>
            <ui::DialogFoot>
                <ui::Button press=move || open.set(false)>"Keep"</ui::Button>
                <button class="btn btn--danger" id="clear-yes" type="button" on:click=move |_| {
                    open.set(false);
                    if let Some(command) = screen.doubted.get_untracked() {
                        commands::forget(command);
                    }
                }>{verb}</button>
            </ui::DialogFoot>
        </ui::Dialog>
    }
}
