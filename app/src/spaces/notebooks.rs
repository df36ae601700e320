//! The notebooks of a space: a list, a new one, and the way in for files.

use datalayer::{Notebook, NotebookId, PageRequest, Space, SpaceId};
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use ui::{Button, ButtonKind, ButtonSize, Empty, Icon, Time, Tone, use_toasts};

use super::calls::{ArchiveNotebook, CreateNotebook, list_notebooks};
use super::frame::{Place, SpaceFrame, use_space, use_space_id};
use crate::refusal::{Loaded, RefusedBanner, refused};

#[component]
pub fn NotebooksPage() -> impl IntoView {
    let create = ServerAction::<CreateNotebook>::new();
    let archive = ServerAction::<ArchiveNotebook>::new();
    go_when_made(create);
    let space = use_space(Signal::derive(move || archive.version().get()));
    let id = use_space_id();
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        (
            query.read().get("before"),
            query.read().get("show").as_deref() == Some("archived"),
        )
    });
    let notebooks = Resource::new(
        move || (id.get(), asked.get(), archive.version().get()),
        |(id, (before, archived), _)| async move {
            list_notebooks(id?, archived, PageRequest { before, limit: 50 }).await
        },
    );
    view! {
        <SpaceFrame place=Place::Notebooks space=space let:space>
            {
                let (id, may) = (space.id.clone(), space.may);
                view! {
                    <div class="space__body">
                        <StartNotebook space=space.clone() action=create/>
                        <RefusedBanner error=refused(archive)/>
                        <ShowArchived id=id.clone() archived=Signal::derive(move || asked.get().1)/>
                        <Loaded of=notebooks let:page>
                            {if page.items.is_empty() {
                                let title = if asked.get_untracked().1 { "Nothing is archived here." } else { "There is no notebook here yet." };
                                view! { <Empty icon="notebook" title=title/> }.into_any()
                            } else {
                                view! { <NotebookTable notebooks=page.items.clone() may_manage=may.edit archive/> }.into_any()
                            }}
                            <Pages id=id.clone() behind=asked.get_untracked().0.is_some() archived=asked.get_untracked().1 next=page.next.clone()/>
                        </Loaded>
                    </div>
                }
            }
        </SpaceFrame>
    }
    .into_any()
}

/// The ways to older notebooks, and back to the newest.
#[component]
fn Pages(id: SpaceId, behind: bool, archived: bool, next: Option<String>) -> impl IntoView {
    let newest = format!(
        "/s/{id}/notebooks{}",
        if archived { "?show=archived" } else { "" }
    );
    let show = if archived { "&show=archived" } else { "" };
    view! {
        <div class="row g-2 wrap">
            {behind.then(|| view! { <a class="btn page__more" href=newest>"Newest notebooks"</a> })}
            {next
                .map(|next| {
                    view! { <a class="btn page__more" href=format!("/s/{id}/notebooks?before={next}{show}")>"Older notebooks"</a> }
                })}
        </div>
    }
    .into_any()
}

#[component]
fn ShowArchived(id: SpaceId, archived: Signal<bool>) -> impl IntoView {
    let here = format!("/s/{id}/notebooks");
    let there = format!("{here}?show=archived");
    view! {
        <div class="hd">
            <nav class="seg" aria-label="Which notebooks">
                <a href=here aria-current=move || (!archived.get()).then_some("page")>"In use"</a>
                <a href=there aria-current=move || archived.get().then_some("page")>"Archived"</a>
            </nav>
        </div>
    }
    .into_any()
}

/// Goes to a notebook as soon as it is made.
pub(super) fn go_when_made(action: ServerAction<CreateNotebook>) {
    let navigate = use_navigate();
    Effect::new(move |_| {
        if let Some(Ok(path)) = action.value().get() {
            navigate(&path, NavigateOptions::default());
        }
    });
}

/// A new notebook, or one from a file: chosen, or dropped anywhere on the card. Works without script.
#[component]
pub fn StartNotebook(space: Space, action: ServerAction<CreateNotebook>) -> impl IntoView {
    let form = NodeRef::<html::Form>::new();
    let input = NodeRef::<html::Input>::new();
    let over = RwSignal::new(false);
    let sending = RwSignal::new(false);
    let toasts = use_toasts();
    if !space.may.edit || space.archived_at.is_some() {
        return ().into_any();
    }
    let id = space.id.to_string();
    let import = format!("/import/{id}");
    let send = move || {
        let Some(form) = form.get_untracked() else {
            return;
        };
        sending.set(true);
        // Unlike `submit()`, this asks the form's own rules first.
        let _ = form.request_submit();
    };
    view! {
        <RefusedBanner error=refused(action)/>
        <div
            class="start"
            class:is-over=move || over.get()
            on:dragover=move |event| {
                event.prevent_default();
                over.set(true);
            }
            on:dragleave=move |_| over.set(false)
            on:drop=move |event| {
                event.prevent_default();
                over.set(false);
                let files = event.data_transfer().and_then(|data| data.files());
                match files {
                    Some(files) if files.length() == 1 => {
                        if let Some(input) = input.get_untracked() {
                            input.set_files(Some(&files));
                            send();
                        }
                    }
                    Some(files) if files.length() > 1 => toasts.say(Tone::Warn, "One file at a time, please."),
                    _ => {}
                }
            }
        >
            <ActionForm action=action attr:class="start__new">
                <input type="hidden" name="space" value=id/>
                <label class="sr" for="new-title">"Title of the new notebook"</label>
                <input class="input" id="new-title" name="title" type="text" maxlength="200" placeholder="Untitled" autocomplete="off"/>
                <Button r#type="submit" kind=ButtonKind::Primary icon="plus" busy=action.pending()>"New notebook"</Button>
            </ActionForm>
            <form
                node_ref=form
                class="start__import"
                method="post"
                action=import
                enctype="multipart/form-data"
            >
                <label class="btn" class:is-loading=move || sending.get()>
                    <Icon name="upload"/>
                    {move || if sending.get() { "Importing" } else { "Import .ipynb" }}
                    <input
                        node_ref=input
                        class="sr"
                        type="file"
                        name="file"
                        accept=".ipynb,application/x-ipynb+json,application/json"
                        required=true
                        on:change=move |_| send()
                    />
                </label>
                <span class="without-script"><Button r#type="submit">"Send the file"</Button></span>
                <span class="start__hint t3 fs-12 needs-script">"or drop a file here"</span>
            </form>
        </div>
    }
    .into_any()
}

/// Notebooks as rows, each a link: title, who edited it last, and when.
#[component]
pub fn NotebookList(
    notebooks: Vec<Notebook>,
    /// Names of spaces, when the notebooks are of several.
    spaces: Vec<(SpaceId, String)>,
) -> impl IntoView {
    view! {
        <ul class="rows">
            {notebooks
                .into_iter()
                .map(|notebook| {
                    let space = spaces.iter().find(|(id, _)| *id == notebook.space).map(|(_, name)| name.clone());
                    view! {
                        <li>
                            <a class="rows__row" href=format!("/n/{}", notebook.id)>
                                <Icon name="notebook"/>
                                <span class="rows__title trunc">{notebook.title.clone()}</span>
                                {space.map(|space| view! { <span class="rows__where trunc">{space}</span> })}
                                <span class="rows__who trunc">{notebook.edited_by.clone()}</span>
                                <span class="rows__when"><Time at=notebook.edited_at.0/></span>
                            </a>
                        </li>
                    }
                })
                .collect_view()}
        </ul>
    }
    .into_any()
}

#[component]
fn NotebookTable(
    notebooks: Vec<Notebook>,
    may_manage: bool,
    archive: ServerAction<ArchiveNotebook>,
) -> impl IntoView {
    view! {
        <div class="card table-card">
            <table class="table table--stack">
                <thead>
                    <tr>
                        <th scope="col">"Notebook"</th>
                        <th scope="col">"Last edited by"</th>
                        <th scope="col">"Edited"</th>
                        <th scope="col"><span class="sr">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>
                    {notebooks
                        .into_iter()
                        .map(|notebook| {
                            let archived = notebook.archived_at.is_some();
                            view! {
                                <tr>
                                    <td>
                                        <a class="cell-link" href=format!("/n/{}", notebook.id)>
                                            <Icon name="notebook"/>
                                            <span class="med trunc">{notebook.title.clone()}</span>
                                        </a>
                                    </td>
                                    <td class="t2">{notebook.edited_by.clone()}</td>
                                    <td class="t2"><Time at=notebook.edited_at.0/></td>
                                    <td class="r">
                                        {may_manage.then(|| view! { <Archive id=notebook.id.clone() archived archive/> })}
                                    </td>
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </div>
    }
    .into_any()
}

#[component]
fn Archive(
    id: NotebookId,
    archived: bool,
    archive: ServerAction<ArchiveNotebook>,
) -> impl IntoView {
    view! {
        <ActionForm action=archive>
            <input type="hidden" name="notebook" value=id.to_string()/>
            <input type="hidden" name="archived" value=(!archived).to_string()/>
            <Button r#type="submit" size=ButtonSize::Small kind=ButtonKind::Ghost>
                {if archived { "Take back" } else { "Archive" }}
            </Button>
        </ActionForm>
    }
    .into_any()
}
