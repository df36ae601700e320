//! What can be begun from anywhere: a notebook, one from a file, a space.

use datalayer::Space;
use leptos::html;
use leptos::prelude::*;
use ui::{
    Button, ButtonKind, Dialog, Field, Icon, Input, Menu, MenuItem, MenuLink, MenuSeparator, Select,
};

use super::calls::CreateNotebook;
use super::notebooks::go_when_made;
use crate::frame::use_house;
use crate::refusal::{RefusedBanner, about, refused};

/// `New`: a notebook, an import, a space.
#[component]
pub fn NewMenu() -> impl IntoView {
    let (notebook, import) = (RwSignal::new(false), RwSignal::new(false));
    let house = use_house();
    // A notebook needs a space one may write in.
    let places = move || {
        let spaces = house.spaces.get().and_then(Result::ok).unwrap_or_default();
        let usable = spaces
            .into_iter()
            .filter(|space| space.may.edit && space.archived_at.is_none());
        usable.collect::<Vec<_>>()
    };
    let blocked = Signal::derive(move || {
        places()
            .is_empty()
            .then(|| "You may write in no space yet. Make one first.".to_owned())
    });
    let places = Signal::derive(places);
    view! {
        <Menu
            id="new"
            name="New"
            class="btn btn--primary new-menu"
            face=|| view! { <Icon name="plus"/><span aria-hidden="true">"New"</span> }
        >
            <span class="needs-script new-menu__verbs">
                <MenuItem icon="notebook" blocked=blocked press=move || notebook.set(true)>"Notebook"</MenuItem>
                <MenuItem icon="upload" blocked=blocked press=move || import.set(true)>"Import .ipynb"</MenuItem>
                <MenuSeparator/>
            </span>
            <MenuLink href="/spaces#new" icon="layers">"Space"</MenuLink>
        </Menu>
        <NewNotebookDialog open=notebook places/>
        <ImportDialog open=import places/>
    }
    .into_any()
}

#[component]
fn NewNotebookDialog(open: RwSignal<bool>, places: Signal<Vec<Space>>) -> impl IntoView {
    let action = ServerAction::<CreateNotebook>::new();
    let error = refused(action);
    go_when_made(action);
    view! {
        <Dialog title="New notebook" id="new-notebook" open=open>
            <ActionForm action=action>
                <div class="dialog__body form">
                    <RefusedBanner error=error fields=&["title"]/>
                    <Input
                        name="title"
                        id="new-notebook-name"
                        label="Title"
                        hint="It can be changed at any time."
                        autocomplete="off"
                        autofocus=true
                        maxlength=200
                        error=about(error, "title")
                    />
                    <Field label="Space" for_id="new-notebook-space">
                        <Select
                            name="space"
                            id="new-notebook-space"
                            label="Space"
                            options=options(&places.get_untracked())
                            chosen=""
                        />
                    </Field>
                </div>
                <div class="dialog__foot">
                    <Button press=move || open.set(false)>"Cancel"</Button>
                    <Button r#type="submit" kind=ButtonKind::Primary busy=action.pending()>"Start the notebook"</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

#[component]
fn ImportDialog(open: RwSignal<bool>, places: Signal<Vec<Space>>) -> impl IntoView {
    let chosen = RwSignal::new(String::new());
    let sending = RwSignal::new(false);
    let file = NodeRef::<html::Input>::new();
    let place = move || {
        let chosen = chosen.get();
        let first = || places.with(|places| places.first().map(|space| space.id.to_string()));
        if chosen.is_empty() {
            first().unwrap_or_default()
        } else {
            chosen
        }
    };
    view! {
        <Dialog title="Import .ipynb" id="import-notebook" open=open>
            <form
                method="post"
                action=move || format!("/import/{}", place())
                enctype="multipart/form-data"
                on:submit=move |_| sending.set(true)
            >
                <div class="dialog__body form">
                    <Field label="File" for_id="import-file" hint="Its cells, outputs and metadata are kept, and its bytes as they came.">
                        <input
                            node_ref=file
                            class="input input--file"
                            id="import-file"
                            type="file"
                            name="file"
                            accept=".ipynb,application/x-ipynb+json,application/json"
                            aria-describedby="import-file-note"
                            required=true
                        />
                    </Field>
                    <Field label="Space" for_id="import-space">
                        <Select
                            name="space"
                            id="import-space"
                            label="Space"
                            options=options(&places.get_untracked())
                            chosen=""
                            choose=move |value: String| chosen.set(value)
                        />
                    </Field>
                </div>
                <div class="dialog__foot">
                    <Button press=move || open.set(false)>"Cancel"</Button>
                    <Button r#type="submit" kind=ButtonKind::Primary icon="upload" busy=sending>"Import"</Button>
                </div>
            </form>
        </Dialog>
    }
    .into_any()
}

fn options(places: &[Space]) -> Vec<(String, String)> {
    places
        .iter()
        .map(|space| (space.id.to_string(), space.name.clone()))
        .collect()
}
