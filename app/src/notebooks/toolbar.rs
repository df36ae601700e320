//! The bar over the document, on phones at its foot: run, stop, restart, undo, add, what kind the cell is, and the rest.

use leptos::prelude::*;
use notebook::CellKind;
use notebook::wire::KernelState;

use super::commands::{self, Command};
use super::desk::use_desk;
use super::screen::{Mode, Screen};

#[component]
pub fn Toolbar(screen: Screen) -> impl IntoView {
    let desk = use_desk();
    let may = move || screen.may.get();
    // What a press would stop now, in words.
    let stops = move || {
        screen.kernel.with(|kernel| match kernel.state {
            KernelState::Busy => {
                Some("Interrupt: the cell stops, and those that wait are not run (I I)")
            }
            KernelState::Starting => {
                Some("Stop the kernel's start; those that wait are not run (I I)")
            }
            KernelState::Restarting if kernel.queued > 0 => {
                Some("Interrupt: those that wait are not run (I I)")
            }
            _ => None,
        })
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
            <button class="btn btn--ghost btn--sm is-main" type="button" disabled=move || !may().run title=move || no_run().unwrap_or("Run the cell and go on (Shift Enter)")
                on:mousedown=keep_focus on:click=move |_| commands::perform(screen, Command::RunAndNext)><ui::Icon name="play" size=14/>"Run"</button>
            <button class="btn btn--ghost btn--sm not-phone" type="button" disabled=move || !may().run title=move || no_run().unwrap_or("Run all cells")
                on:mousedown=keep_focus on:click=move |_| commands::perform(screen, Command::RunAll)><ui::Icon name="playall" size=14/>"Run all"</button>
            <button class="btn btn--ghost btn--sm btn--icon" type="button" aria-label="Interrupt" disabled=move || !may().run || stops().is_none() title=move || no_run().or_else(stops).unwrap_or("Interrupt (I I)")
                on:mousedown=keep_focus on:click=move |_| commands::perform(screen, Command::Interrupt)><ui::Icon name="stop" size=14/><span class="nb__word">"Interrupt"</span></button>
            <button class="btn btn--ghost btn--sm btn--icon not-phone" type="button" aria-label="Restart the kernel" disabled=move || !may().run title=move || no_run().unwrap_or("Restart the kernel (0 0)")
                on:mousedown=keep_focus on:click=move |_| commands::perform(screen, Command::Restart)><ui::Icon name="restart" size=14/></button>
            <span class="sep"></span>
            <button class="btn btn--ghost btn--sm btn--icon not-phone" type="button" aria-label="Undo my last change" disabled=move || !screen.can_undo.get() title=move || no_edit().unwrap_or("Undo my last change (Z)")
                on:mousedown=keep_focus on:click=move |_| commands::perform(screen, Command::Undo)><ui::Icon name="undo" size=14/></button>
            <button class="btn btn--ghost btn--sm" type="button" disabled=move || !may().edit title=move || no_edit().unwrap_or("Add a code cell below (B)")
                on:mousedown=keep_focus on:click=move |_| commands::perform(screen, Command::InsertBelow)><ui::Icon name="plus" size=14/>"Cell"</button>
            <ui::Menu id="cell-kind" name="Kind of the cell" class="btn btn--ghost btn--sm not-phone"
                face=move || view! { <span>{move || kind_name(kind())}</span><ui::Icon name="down" size=12/> }>
                <KindItem screen kind=CellKind::Code/>
                <KindItem screen kind=CellKind::Markdown/>
                <KindItem screen kind=CellKind::Raw/>
            </ui::Menu>
            <span class="grow"></span>
            {move || {
                let may = may();
                let (icon, words, why) = match (may.edit, may.run) {
                    (true, _) => return None,
                    (false, true) => ("play", "Running only", "You may run the cells. Changing them needs the role Editor; a manager of the space can give it."),
                    (false, false) => ("eye", "Reading", "You may read along. Running needs the role Runner, changing the role Editor; a manager of the space can give them."),
                };
                Some(view! { <span class="badge nb__role not-phone" title=why><ui::Icon name=icon size=12/>{words}</span> })
            }}
            <span class="nb__mode fs-12 t3 hide-m not-phone">
                {move || if screen.mode.get() == Mode::Edit { "Edit mode" } else { "Command mode" }}
                " "
                <kbd class="kbd">{move || if screen.mode.get() == Mode::Edit { "Esc" } else { "Enter" }}</kbd>
            </span>
            <button class="btn btn--ghost btn--sm btn--icon" type="button" id="panel-toggle" aria-label="Outline" title="Outline (Ctrl J)"
                aria-expanded=move || desk.shows_panel().to_string() aria-controls="panel"
                on:click=move |_| desk.toggle_panel()><ui::Icon name="outline" size=14/><span class="nb__word">"Outline"</span></button>
            <button class="btn btn--ghost btn--sm btn--icon not-phone" type="button" aria-label="All shortcuts" title="All shortcuts (Ctrl /)"
                on:click=move |_| screen.help.set(true)><ui::Icon name="keyboard" size=14/></button>
            <button class="btn btn--ghost btn--sm only-phone" type="button" on:click=move |_| screen.share.set(true)><ui::Icon name="share" size=14/>"Share"</button>
            <More screen/>
        </div>
    }
}

/// What needs no place of its own: the cell's and the notebook's other verbs.
#[component]
fn More(screen: Screen) -> impl IntoView {
    let desk = use_desk();
    let no_edit = Signal::derive(move || {
        (!screen.may.get().edit).then(|| "Your role here does not include editing.".to_owned())
    });
    let no_run = Signal::derive(move || {
        (!screen.may.get().run).then(|| "Your role here does not include running.".to_owned())
    });
    let no_copy = (!desk.may_take_back).then(|| {
        "Starting notebooks here needs the role Editor; a manager of the space can give it."
            .to_owned()
    });
    let verb = move |command: Command| move |_| commands::perform(screen, command);
    let file = format!(
        "/api/v1/notebooks/{}/export?format=ipynb",
        screen.notebook_id()
    );
    view! {
        <ui::Menu
            id="notebook-more"
            name="More"
            class="btn btn--ghost btn--sm btn--icon"
            face=|| view! { <ui::Icon name="dots" size=14/><span class="nb__word" aria-hidden="true">"More"</span> }
        >
            <div class="only-phone menu__part">
                <ui::MenuItem icon="playall" blocked=no_run on:click=verb(Command::RunAll)>"Run all cells"</ui::MenuItem>
                <ui::MenuItem icon="restart" blocked=no_run on:click=verb(Command::Restart)>"Restart the kernel"</ui::MenuItem>
                <ui::MenuItem icon="undo" blocked=no_edit on:click=verb(Command::Undo)>"Undo my last change"</ui::MenuItem>
                <ui::MenuItem icon="up" blocked=no_edit on:click=verb(Command::MoveUp)>"Move the cell up"</ui::MenuItem>
                <ui::MenuItem icon="down" blocked=no_edit on:click=verb(Command::MoveDown)>"Move the cell down"</ui::MenuItem>
                <ui::MenuItem icon="text" blocked=no_edit on:click=verb(Command::ToText)>"Make it a text cell"</ui::MenuItem>
                <ui::MenuItem icon="code" blocked=no_edit on:click=verb(Command::ToCode)>"Make it a code cell"</ui::MenuItem>
                <ui::MenuItem icon="trash" blocked=no_edit on:click=verb(Command::Delete)>"Delete the cell"</ui::MenuItem>
                <ui::MenuSeparator/>
            </div>
            <ui::MenuItem icon="erase" blocked=no_run on:click=verb(Command::ClearOutputs)>"Clear the cell's outputs"</ui::MenuItem>
            <ui::MenuItem icon="erase" blocked=no_run on:click=verb(Command::ClearAllOutputs)>"Clear all outputs"</ui::MenuItem>
            <ui::MenuSeparator/>
            <ui::MenuItem icon="pencil" blocked=no_edit on:click=verb(Command::Rename)>"Rename"</ui::MenuItem>
            <ui::MenuItem icon="copy" blocked=no_copy on:click=verb(Command::Duplicate)>"Duplicate"</ui::MenuItem>
            <Show
                when=move || desk.archived.get()
                fallback=move || view! { <ui::MenuItem icon="folder" blocked=no_edit on:click=verb(Command::Archive)>"Archive"</ui::MenuItem> }
            >
                <ui::MenuItem icon="rollback" on:click=verb(Command::TakeBack)>"Take back from the archive"</ui::MenuItem>
            </Show>
            <ui::MenuSeparator/>
            <a class="menu__item" role="menuitem" tabindex="-1" href=file download="" rel="external"><ui::Icon name="download"/><span class="grow">"Download .ipynb"</span></a>
            <ui::MenuSeparator/>
            <ui::MenuItem icon="keyboard" on:click=verb(Command::Help)>"All shortcuts"</ui::MenuItem>
        </ui::Menu>
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
