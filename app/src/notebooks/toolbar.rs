//! The bar over the document: run, stop, restart, undo, add, and what kind the cell is.

use leptos::prelude::*;
use notebook::CellKind;
use notebook::wire::KernelState;

use super::commands::{self, Command};
use super::screen::{Mode, Screen};

#[component]
pub fn Toolbar(screen: Screen) -> impl IntoView {
    let may = move || screen.may.get();
    let busy = move || {
        screen
            .kernel
            .with(|kernel| matches!(kernel.state, KernelState::Busy))
    };
    let no_run = move || {
        (!may().run).then_some(
            "Your role here does not include running. A manager can give you the role Runner.",
        )
    };
    let no_edit = move || {
        (!may().edit).then_some(
            "Your role here does not include editing. A manager can give you the role Editor.",
        )
    };
    let keep_focus = |event: leptos::ev::MouseEvent| event.prevent_default();
    let kind = move || {
        let active = screen.active.get();
        active
            .and_then(|id| screen.cell(&id))
            .map(|cell| cell.kind.get())
    };
    view! {
        <div class="nb__bar" role="toolbar" aria-label="Notebook">
            <button class="btn btn--ghost btn--sm" type="button" disabled=move || !may().run title=move || no_run().unwrap_or("Run the cell and go on (Shift Enter)")
                on:mousedown=keep_focus on:click=move |_| commands::perform(screen, Command::RunAndNext)><ui::Icon name="play" size=14/>"Run"</button>
            <button class="btn btn--ghost btn--sm" type="button" disabled=move || !may().run title=move || no_run().unwrap_or("Run all cells")
                on:mousedown=keep_focus on:click=move |_| commands::perform(screen, Command::RunAll)><ui::Icon name="playall" size=14/>"Run all"</button>
            <button class="btn btn--ghost btn--sm btn--icon" type="button" aria-label="Interrupt" disabled=move || !may().run || !busy() title=move || no_run().unwrap_or("Interrupt (I I)")
                on:mousedown=keep_focus on:click=move |_| commands::perform(screen, Command::Interrupt)><ui::Icon name="stop" size=14/></button>
            <button class="btn btn--ghost btn--sm btn--icon" type="button" aria-label="Restart the kernel" disabled=move || !may().run title=move || no_run().unwrap_or("Restart the kernel (0 0)")
                on:mousedown=keep_focus on:click=move |_| commands::perform(screen, Command::Restart)><ui::Icon name="restart" size=14/></button>
            <span class="sep"></span>
            <button class="btn btn--ghost btn--sm btn--icon" type="button" aria-label="Undo my last change" disabled=move || !screen.can_undo.get() title=move || no_edit().unwrap_or("Undo my last change (Z)")
                on:mousedown=keep_focus on:click=move |_| commands::perform(screen, Command::Undo)><ui::Icon name="undo" size=14/></button>
            <button class="btn btn--ghost btn--sm" type="button" disabled=move || !may().edit title=move || no_edit().unwrap_or("Add a code cell below (B)")
                on:mousedown=keep_focus on:click=move |_| commands::perform(screen, Command::InsertBelow)><ui::Icon name="plus" size=14/>"Cell"</button>
            <ui::Menu id="cell-kind" name="Kind of the cell" class="btn btn--ghost btn--sm"
                face=move || view! { <span>{move || kind_name(kind())}</span><ui::Icon name="down" size=12/> }>
                <KindItem screen kind=CellKind::Code/>
                <KindItem screen kind=CellKind::Markdown/>
                <KindItem screen kind=CellKind::Raw/>
            </ui::Menu>
            <span class="grow"></span>
            <span class="nb__mode fs-12 t3 hide-m">
                {move || if screen.mode.get() == Mode::Edit { "Edit mode" } else { "Command mode" }}
                " "
                <kbd class="kbd">{move || if screen.mode.get() == Mode::Edit { "Esc" } else { "Enter" }}</kbd>
            </span>
            <button class="btn btn--ghost btn--sm btn--icon" type="button" aria-label="All shortcuts" title="All shortcuts (Ctrl /)"
                on:click=move |_| screen.help.set(true)><ui::Icon name="keyboard" size=14/></button>
        </div>
    }
}

#[component]
fn KindItem(screen: Screen, kind: CellKind) -> impl IntoView {
    let command = match kind {
        CellKind::Code => Command::ToCode,
        CellKind::Markdown => Command::ToText,
        CellKind::Raw => Command::ToRaw,
    };
    let blocked = Signal::derive(move || {
        (!screen.may.get().edit).then(|| "Your role here does not include editing.".to_owned())
    });
    view! { <ui::MenuItem blocked=blocked on:click=move |_| commands::perform(screen, command)>{kind_name(Some(kind))}</ui::MenuItem> }
}

fn kind_name(kind: Option<CellKind>) -> &'static str {
    match kind {
        Some(CellKind::Markdown) => "Text",
        Some(CellKind::Raw) => "Raw",
        _ => "Code",
    }
}
