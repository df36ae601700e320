//! The sidebar of a space: its places, and what was edited in it lately.

use datalayer::{Notebook, PageRequest, Space, SpaceId};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_location;
use ui::Icon;

use super::open_now::{OpenNotebooks, use_open_now};
use crate::spaces::calls::list_notebooks;

#[component]
pub fn Sidebar(space: Signal<Option<Space>>) -> impl IntoView {
    view! {
        <aside class="sidebar" aria-label="Space">
            <Transition fallback=|| {
                view! { <div class="sidebar__body"><ui::Skeleton lines=4/></div> }
            }>{move || space.get().map(|space| view! { <Places space/> })}</Transition>
        </aside>
    }
    .into_any()
}

#[component]
fn Places(space: Space) -> impl IntoView {
    let home = format!("/s/{}", space.id);
    view! {
        <div class="sidebar__head">
            <a class="sidebar__title trunc" href=home.clone()>{space.name.clone()}</a>
        </div>
        <div class="sidebar__body">
            <nav class="nav" aria-label="In this space">
                <Place href=home.clone() icon="home" name="Overview"/>
                <Place href=format!("{home}/notebooks") icon="notebook" name="Notebooks" count=space.notebooks/>
                <Place href=format!("{home}/members") icon="members" name="Members" count=space.members/>
                {space.may.manage.then(|| view! { <Place href=format!("{home}/settings") icon="settings" name="Settings"/> })}
            </nav>
            <OpenHere id=space.id.clone()/>
            <Lately space/>
        </div>
    }
    .into_any()
}

#[component]
fn Place(
    href: String,
    icon: &'static str,
    name: &'static str,
    #[prop(optional, into)] count: Option<u32>,
) -> impl IntoView {
    let path = use_location().pathname;
    let here = href.clone();
    view! {
        <a class="nav__item" href=href aria-current=move || (path.get() == here).then_some("page")>
            <Icon name=icon/>
            {name}
            {count.map(|count| view! { <span class="nav__count">{count}</span> })}
        </a>
    }
    .into_any()
}

/// The notebooks people are in now, you among them.
#[component]
fn OpenHere(id: SpaceId) -> impl IntoView {
    let now = use_open_now();
    let open = Signal::derive(move || now.of(Some(&id)));
    view! {
        <Show when=move || !open.with(Vec::is_empty)>
            <div class="nav__head">"Open now"</div>
            <nav class="nav" aria-label="Open now"><OpenNotebooks open/></nav>
        </Show>
    }
    .into_any()
}

/// The last edited notebooks that nobody has open. They come after the page: nothing waits for them.
#[component]
fn Lately(space: Space) -> impl IntoView {
    let notebooks = RwSignal::new(Vec::<Notebook>::new());
    let now = use_open_now();
    let space_id = space.id.clone();
    let closed = Signal::derive(move || {
        let open = now.of(Some(&space_id));
        let mut notebooks = notebooks.get();
        notebooks.retain(|notebook| open.iter().all(|open| open.notebook.id != notebook.id));
        notebooks
    });
    let path = use_location().pathname;
    Effect::new(move |_| {
        let id = space.id.clone();
        spawn_local(async move {
            if let Ok(page) = list_notebooks(
                id,
                false,
                PageRequest {
                    before: None,
                    limit: 8,
                },
            )
            .await
            {
                let _ = notebooks.try_set(page.items);
            }
        });
    });
    view! {
        <Show when=move || !closed.with(Vec::is_empty)>
            <div class="nav__head">"Edited lately"</div>
            <nav class="nav" aria-label="Edited lately">
                <For each=move || closed.get() key=|notebook| (notebook.id.clone(), notebook.title.clone()) let:notebook>
                    {
                        let href = format!("/n/{}", notebook.id);
                        let here = href.clone();
                        view! {
                            <a
                                class="nav__item nav__item--sub"
                                href=href
                                aria-current=move || (path.get() == here).then_some("page")
                            >
                                <span class="trunc">{notebook.title}</span>
                            </a>
                        }
                    }
                </For>
            </nav>
        </Show>
    }
    .into_any()
}
