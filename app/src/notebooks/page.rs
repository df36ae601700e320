//! The page of one notebook: fetched and readable first, live as soon as the script runs.

use datalayer::{Error, NotebookId, Noun};
use leptos::ev;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use notebook::wire::May;

use super::bars::{Banners, People, SavedMark, TitleField};
use super::calls::{OpenedNotebook, open_notebook};
use super::cell::{AddButtons, CellView, Place, on_key};
use super::commands::{self, Command};
use super::confirm::Confirm;
use super::desk::provide_desk;
use super::help::Help;
use super::panel::Panel;
use super::runtime::RuntimePill;
use super::screen::{Mode, Screen};
use super::share::Share;
use super::toolbar::Toolbar;
use super::{later, link};
use crate::assets::use_assets;
use crate::browser;
use crate::frame::{Crumb, Frame};
use crate::palette;
use crate::refusal::Loaded;
use crate::text;

#[component]
pub fn NotebookPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let asked = move || {
        (
            params.with(|params| params.get("notebook").unwrap_or_default()),
            query.with(|query| query.get("outputs").as_deref() == Some("all")),
        )
    };
    text::provide_text_setter();
    let opened = Resource::new_blocking(asked, |(name, all)| async move {
        // What is no id names no notebook.
        let notebook: NotebookId = name.parse().map_err(|_| Error::not_found(Noun::Notebook))?;
        open_notebook(notebook, all).await
    });
    view! { <Loaded of=opened framed=true let:opened><NotebookScreen opened/></Loaded> }
}

#[component]
fn NotebookScreen(opened: OpenedNotebook) -> impl IntoView {
    let OpenedNotebook {
        view,
        space,
        reader,
    } = opened;
    let screen = Screen::new(&view);
    let desk = provide_desk(view.notebook.archived_at.is_some(), space.may.edit);
    let assets = use_assets();
    let toasts = ui::use_toasts();
    let id = view.notebook.id.to_string();
    let doc_id = format!("doc-{id}");

    // The browser's half begins here; the server runs no effects.
    let view = StoredValue::new(view);
    Effect::new(move |_| {
        link::start(screen, &view.get_value(), &reader, assets.clone());
        // The cells are there by the next frame, however this page was reached.
        request_animation_frame(move || later::watch(screen));
        if browser::remembered("single-keys").as_deref() == Some("off") {
            screen.single_keys.set(false);
        }
        let keys = window_event_listener(ev::keydown, move |event| on_key(screen, &event));
        let lost = browser::keys_first(move |event| {
            if commands::meant_for_lost_text(screen, &event) {
                event.prevent_default();
                event.stop_propagation();
            }
        });
        let lost = StoredValue::new_local(lost);
        let leaving = window_event_listener(ev::pagehide, |_| {
            link::with(link::Link::keep_now);
        });
        let online = window_event_listener(ev::online, |_| {
            link::with(link::Link::network_came);
        });
        let offline = window_event_listener(ev::offline, |_| {
            link::with(link::Link::network_went);
        });
        on_cleanup(move || {
            keys.remove();
            lost.dispose();
            leaving.remove();
            online.remove();
            offline.remove();
            link::stop();
        });
    });
    Effect::new(move |_| {
        if let Some(words) = screen.notice.get() {
            toasts.say(ui::Tone::Info, words);
            screen.notice.set(None);
        }
    });
    // A banner that was answered has been read: the keys that follow are commands again.
    Effect::new(move |was_there: Option<bool>| {
        let is_there = screen.deleted_under_us.with(Option::is_some);
        if was_there == Some(true) && !is_there {
            screen.torn_at.set_value(0.0);
        }
        is_there
    });
    // What is being written may become another kind of cell or move, by a colleague's hand: the editor follows.
    Effect::new(move |_| {
        screen.order.track();
        let cell = screen.active.get().and_then(|id| screen.cell(&id));
        if let Some(cell) = cell {
            cell.kind.track();
            if screen.mode.get() == Mode::Edit {
                commands::follow_cell(screen);
            }
        }
    });
    // What one may do can change while the page is open.
    Effect::new(move |_| add_commands(screen, screen.may.get(), space.may.edit));

    let space_href = format!("/s/{}", space.id);
    let export = move |format: &str| {
        format!(
            "/api/v1/notebooks/{}/export?format={format}",
            screen.notebook_id()
        )
    };
    let end = move || {
        view! {
            <People screen/>
            <RuntimePill screen/>
            <ui::Menu id="notebook-menu" name="Download" class="btn btn--ghost btn--icon nb__download" face=|| view! { <ui::Icon name="download"/> }>
                <DownloadItem href=export("ipynb") words="Download .ipynb"/>
                <DownloadItem href=export("percent") words="Download as a script"/>
                <DownloadItem href=export("markdown") words="Download as Markdown"/>
            </ui::Menu>
            <button class="btn btn--primary nb__share" type="button" on:click=move |_| screen.share.set(true)>"Share"</button>
        }
    };
    let crumbs = move || {
        view! {
            <Crumb href=format!("{space_href}/notebooks")>"Notebooks"</Crumb>
            <TitleField screen/>
            <SavedMark screen/>
        }
    };
    let of_space = Signal::stored(Some(space.clone()));
    view! {
        <Title text=move || format!("{}, {}", screen.title.get(), space.name)/>
        <Frame space=of_space document=true crumbs=crumbs end=end>
            <div class="nb" class:is-alone=move || desk.is_closed() class:is-drawn=move || desk.is_drawn() data-notebook=id>
                <Toolbar screen/>
                // A pointer over the document often means to write: the editor is fetched before it is asked for.
                <div class="nb__doc" on:pointerover=move |_| {
                    if screen.may.get_untracked().edit {
                        link::with(link::Link::load_editor);
                    }
                }>
                    <div class="nb__col" id=doc_id>
                        <Banners screen/>
                        <Show when=move || screen.may.get().edit>
                            <div class="addcell addcell--first"><AddButtons screen place=Place::Top/></div>
                        </Show>
                        <For each=move || screen.order.get() key=|id| id.clone() let:id>
                            <CellView screen id/>
                        </For>
                        <Show when=move || screen.may.get().edit>
                            <div class="addcell addcell--end"><AddButtons screen place=Place::End/></div>
                        </Show>
                    </div>
                </div>
                <button type="button" class="nb__shade" tabindex="-1" aria-label="Close the outline" on:click=move |_| desk.put_drawer_away()></button>
                <Panel screen/>
            </div>
            <div class="sr" role="status" aria-live="polite">{move || screen.said.get()}</div>
            <Help screen/>
            <Share screen/>
            <Confirm screen/>
        </Frame>
    }
}

#[component]
fn DownloadItem(href: String, words: &'static str) -> impl IntoView {
    view! { <a class="menu__item" role="menuitem" tabindex="-1" href=href download="" rel="external"><ui::Icon name="download"/><span class="grow">{words}</span></a> }
}

/// Everything one can do here, in the palette too.
fn add_commands(screen: Screen, may: May, space_edit: bool) {
    let usable = |command: Command| match command {
        Command::Run
        | Command::RunAndNext
        | Command::RunAll
        | Command::RunAbove
        | Command::RunBelow
        | Command::Interrupt
        | Command::Restart
        | Command::RestartAndRunAll
        | Command::RestartAndClear
        | Command::ShutDown
        | Command::CancelRuns
        | Command::ClearOutputs
        | Command::ClearAllOutputs => may.run,
        Command::Archive => may.edit,
        Command::TakeBack => false,
        Command::Duplicate => space_edit,
        Command::Share
        | Command::Panel
        | Command::Help
        | Command::Save
        | Command::Next
        | Command::Previous
        | Command::First
        | Command::Last
        | Command::LineNumbers
        | Command::Copy
        | Command::SelectAll => true,
        _ => may.edit,
    };
    let listed = Command::LISTED
        .iter()
        .filter(|(command, _, _)| usable(*command))
        .map(|(command, words, keys)| {
            let command = *command;
            let verb = palette::Command::verb(
                format!("notebook.{command:?}"),
                *words,
                icon(command),
                move || commands::perform(screen, command),
            );
            if keys.is_empty() {
                verb
            } else {
                verb.keys(*keys)
            }
        });
    palette::use_commands().add(listed.collect());
}

fn icon(command: Command) -> &'static str {
    match command {
        Command::Run | Command::RunAndNext | Command::RunAndInsert => "play",
        Command::RunAll | Command::RunAbove | Command::RunBelow => "playall",
        Command::Interrupt => "stop",
        Command::Restart | Command::RestartAndRunAll | Command::RestartAndClear => "restart",
        Command::CancelRuns => "x",
        Command::ClearOutputs | Command::ClearAllOutputs => "erase",
        Command::Undo => "undo",
        Command::InsertAbove | Command::InsertBelow | Command::InsertTextBelow => "plus",
        Command::Delete | Command::Cut => "trash",
        Command::MoveUp | Command::Previous => "up",
        Command::MoveDown | Command::Next => "down",
        Command::Share => "members",
        Command::Edit | Command::Rename => "pencil",
        Command::Leave => "x",
        Command::Redo => "restart",
        Command::Copy | Command::Duplicate => "copy",
        Command::PasteAbove | Command::PasteBelow => "file",
        Command::Merge | Command::Split => "updown",
        Command::ToCode => "code",
        Command::ToText | Command::Heading(_) => "text",
        Command::ToRaw => "note",
        Command::MoveToTop | Command::First => "up",
        Command::MoveToEnd | Command::Last => "down",
        Command::ExtendNext | Command::ExtendPrevious | Command::SelectAll => "list",
        Command::ToggleOutputs | Command::ToggleSource => "eye",
        Command::LineNumbers => "list",
        Command::Save => "okc",
        Command::Help => "keyboard",
        Command::Panel => "outline",
        Command::ShutDown => "stop",
        Command::Archive => "folder",
        _ => "notebook",
    }
}
