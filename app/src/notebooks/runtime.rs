//! The runtime pill: which kernel, what it does, how much memory it holds; opens what one can do with it.

use leptos::prelude::*;
use notebook::wire::{KernelState, KernelView, Say};

use super::commands::{self, Command};
use super::screen::{SavedState, Screen};
use super::{link, words};

#[component]
pub fn RuntimePill(screen: Screen) -> impl IntoView {
    let kernel = screen.kernel;
    let state = move || kernel.with(|kernel| kernel.state.clone());
    let away = move || {
        matches!(
            screen.saved.get(),
            SavedState::Offline(_) | SavedState::Closed(_)
        )
    };
    let title = move || {
        kernel.with(|kernel| {
            if kernel.title.is_empty() {
                "No kernel".to_owned()
            } else {
                kernel.title.clone()
            }
        })
    };
    let face = move || {
        view! {
            {move || away().then(|| view! { <span class="row g-15 t2"><ui::Icon name="offline" size=14/><b>"Disconnected"</b></span> })}
            <span hidden=away class=move || match state() {
                KernelState::Busy | KernelState::Starting | KernelState::Restarting => "row g-15 info",
                KernelState::Dead { .. } => "row g-15 danger",
                _ => "row g-15",
            }>
                {move || match state() {
                    KernelState::Busy | KernelState::Starting | KernelState::Restarting => view! { <ui::Spinner/> }.into_any(),
                    KernelState::Dead { .. } => view! { <ui::Icon name="error" size=14/> }.into_any(),
                    KernelState::Idle => view! { <span class="dot dot--ok"></span> }.into_any(),
                    KernelState::Off => view! { <span class="dot"></span> }.into_any(),
                }}
                <b>{move || state_word(&state())}</b>
                {move || kernel.with(|kernel| kernel.queued).gt(&0).then(|| view! { <span class="t2">{format!("{} queued", kernel.with(|kernel| kernel.queued))}</span> })}
            </span>
            <span class="hide-s">{title}</span>
            {move || kernel.with(|kernel| kernel.memory).gt(&0).then(|| view! { <span class="hide-s num">{words::bytes(kernel.with(|kernel| kernel.memory))}</span> })}
        }
    };
    let now = move || kernel.with(in_words);
    let blocked = Signal::derive(move || {
        (!screen.may.get().run).then(|| "Your role here does not include running.".to_owned())
    });
    view! {
        <ui::Menu id="runtime" name="Runtime" class="runtime" face=face>
            // On narrow screens the pill has no room for all of it.
            <div class="menu__note runtime__head">
                <b>{title}</b>
                <span>{now}</span>
            </div>
            {move || match state() {
                KernelState::Dead { why } => view! { <p class="menu__note danger">{why}</p> }.into_any(),
                _ => ().into_any(),
            }}
            <ui::MenuItem icon="stop" blocked=blocked on:click=move |_| commands::perform(screen, Command::Interrupt)>
                {move || if state() == KernelState::Starting { "Stop its start" } else { "Interrupt" }}
            </ui::MenuItem>
            <ui::MenuItem icon="restart" blocked=blocked on:click=move |_| commands::perform(screen, Command::Restart)>"Restart"</ui::MenuItem>
            <ui::MenuItem icon="playall" blocked=blocked on:click=move |_| commands::perform(screen, Command::RestartAndRunAll)>"Restart and run all"</ui::MenuItem>
            <ui::MenuItem icon="erase" blocked=blocked on:click=move |_| commands::perform(screen, Command::RestartAndClear)>"Restart and clear all outputs"</ui::MenuItem>
            <ui::MenuItem icon="x" blocked=blocked on:click=move |_| commands::perform(screen, Command::ShutDown)>"Shut down"</ui::MenuItem>
            <ui::MenuSeparator/>
            {move || kernel.with(|kernel| kernel.choices.clone()).into_iter().map(|(name, title)| {
                let chosen = { let name = name.clone(); Signal::derive(move || kernel.with(|kernel| kernel.name == name)) };
                view! {
                    <ui::MenuItem checked=chosen blocked=blocked on:click=move |_| {
                        let kernel = name.clone();
                        link::with(|link| link.ask_for(Say::ChooseKernel { kernel }));
                    }>{title}</ui::MenuItem>
                }
            }).collect_view()}
        </ui::Menu>
    }
}

/// `Busy, 2 queued, 310 MB of memory`.
fn in_words(kernel: &KernelView) -> String {
    let mut said = state_word(&kernel.state).to_owned();
    if kernel.queued > 0 {
        said.push_str(&format!(", {} queued", kernel.queued));
    }
    if kernel.memory > 0 {
        said.push_str(&format!(", {} of memory", words::bytes(kernel.memory)));
    }
    said
}

fn state_word(state: &KernelState) -> &'static str {
    match state {
        KernelState::Off => "Off",
        KernelState::Starting => "Starting",
        KernelState::Idle => "Idle",
        KernelState::Busy => "Busy",
        KernelState::Restarting => "Restarting",
        KernelState::Dead { .. } => "Stopped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_told_in_one_line() {
        let mut kernel = KernelView::default();
        assert_eq!(in_words(&kernel), "Off");
        kernel.state = KernelState::Busy;
        kernel.queued = 2;
        kernel.memory = 310_000_000;
        assert_eq!(in_words(&kernel), "Busy, 2 queued, 310 MB of memory");
    }
}
