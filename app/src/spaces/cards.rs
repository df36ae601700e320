//! Notebooks as cards, each with a picture of what is in it.

use datalayer::{Cover, KernelActivity, Notebook, NotebookId, RunningNotebook, SpaceId};
use leptos::prelude::*;
use leptos::task::spawn_local;
use ui::{Avatar, Avatars, Spinner, Time};

use crate::frame::use_open_now;
use crate::home::calls::notebook_cover;
use crate::outputs::picture_of;

#[component]
pub fn NotebookCards(
    notebooks: Vec<Notebook>,
    /// Names of spaces, when the notebooks are of several.
    spaces: Vec<(SpaceId, String)>,
    running: RwSignal<Vec<RunningNotebook>>,
) -> impl IntoView {
    view! {
        <ul class="covers">
            {notebooks
                .into_iter()
                .map(|notebook| {
                    let space = spaces.iter().find(|(id, _)| *id == notebook.space).map(|(_, name)| name.clone());
                    view! { <li><Card notebook space running/></li> }
                })
                .collect_view()}
        </ul>
    }
    .into_any()
}

#[component]
fn Card(
    notebook: Notebook,
    space: Option<String>,
    running: RwSignal<Vec<RunningNotebook>>,
) -> impl IntoView {
    let id = notebook.id.clone();
    let runs = Memo::new(move |_| {
        running.with(|running| {
            let mut busy = running
                .iter()
                .filter(|one| one.kernel == KernelActivity::Busy);
            busy.any(|one| one.notebook.id == id)
        })
    });
    let now = use_open_now();
    let open = notebook.id.clone();
    let people = Signal::derive(move || now.in_notebook(&open));
    let (editor, editor_id) = (notebook.edited_by.clone(), notebook.editor.to_string());
    let first = space.unwrap_or_else(|| notebook.edited_by.clone());
    view! {
        <a class="card card--link cover" href=format!("/n/{}", notebook.id)>
            <Art id=notebook.id.clone()/>
            <span class="cover__words">
                <span class="cover__title">
                    <span class="grow trunc">{notebook.title.clone()}</span>
                    <Show when=move || runs.get()><Spinner/><span class="sr">"A cell runs"</span></Show>
                </span>
                <span class="cover__meta">
                    <span class="grow trunc">{first} ", " <Time at=notebook.edited_at.0/></span>
                    <Show
                        when=move || !people.with(Vec::is_empty)
                        fallback=move || view! { <Avatar name=editor.clone() id=editor_id.clone() size=20 decorative=true/> }
                    >
                        <Avatars people/>
                    </Show>
                </span>
            </span>
        </a>
    }
    .into_any()
}

/// The picture on a card. It comes after the page: nothing waits for it.
#[component]
fn Art(id: NotebookId) -> impl IntoView {
    let cover = RwSignal::new(None::<Cover>);
    let notebook = id.clone();
    Effect::new(move |_| {
        let id = id.clone();
        spawn_local(async move {
            if let Ok(found) = notebook_cover(id).await {
                let _ = cover.try_set(Some(found));
            }
        });
    });
    view! {
        <span class="cover__art" aria-hidden="true">
            {move || {
                cover.get().map(|cover| match cover {
                    Cover::Picture { data } => {
                        view! { <img class="cover__picture" src=picture_of(&data, notebook.as_str()) alt="" decoding="async"/> }.into_any()
                    }
                    Cover::Lines { lines } => view! { <span class="cover__lines">{lines.join("\n")}</span> }.into_any(),
                })
            }}
        </span>
    }
    .into_any()
}
