//! The first page after the sign-in.

use datalayer::{Notebook, RunningNotebook, Space, SpaceId, UserId};
use leptos::prelude::*;
use leptos_meta::Title;
use ui::{Avatar, Empty, Time, initials};

use super::calls::recent_notebooks;
use super::{RunningNow, use_running};
use crate::frame::{Frame, Here, OpenNotebooks, use_house, use_open_now};
use crate::refusal::Loaded;
use crate::spaces::{NewMenu, NewSpaceForm, NotebookCards, NotebookList};

/// Notebooks shown as cards, and changes of others.
const CARDS: usize = 6;
const CHANGES: usize = 4;

#[component]
pub fn HomePage() -> impl IntoView {
    let house = use_house();
    let recent = Resource::new(|| (), |()| recent_notebooks(24));
    let (first, running) = (use_running(), RwSignal::new(Vec::new()));
    view! {
        <Title text="Home"/>
        <Frame crumbs=|| view! { <Here>"Home"</Here> } end=|| view! { <NewMenu/> }>
            <div class="home">
                <div class="home__main">
                    <Loaded of=house.me let:me>
                        <h1 class="h-page">{format!("Hello, {}", first_name(&me.name))}</h1>
                    </Loaded>
                    <Loaded of=house.spaces let:spaces><p class="home__lead">{lead(&spaces)}</p></Loaded>
                    <Loaded of=house.me let:me>
                        {
                            let me = me.id;
                            view! { <Loaded of=recent let:notebooks><Recent notebooks me=me.clone() running/></Loaded> }
                        }
                    </Loaded>
                </div>
                <aside class="home__side">
                    <RunningNow first heard=running/>
                    <HereNow/>
                    <Loaded of=house.spaces let:spaces><Spaces spaces/></Loaded>
                </aside>
            </div>
        </Frame>
    }
    .into_any()
}

/// One line of how things stand.
fn lead(spaces: &[Space]) -> String {
    let notebooks: u32 = spaces.iter().map(|space| space.notebooks).sum();
    match (spaces.len(), notebooks) {
        (0, _) => "Make your first space, or ask someone to add you to theirs.".to_owned(),
        (_, 0) => "Nothing is written yet. Start a notebook, or import one.".to_owned(),
        (spaces, notebooks) => format!(
            "{} in {}.",
            many(notebooks, "notebook", "notebooks"),
            many(u32::try_from(spaces).unwrap_or(u32::MAX), "space", "spaces")
        ),
    }
}

/// Where others are writing now. Nothing where nobody is.
#[component]
fn HereNow() -> impl IntoView {
    let now = use_open_now();
    let open = Signal::derive(move || now.with_others());
    view! {
        <Show when=move || !open.with(Vec::is_empty)>
            <div class="hd"><h2>"Open now"</h2></div>
            <nav class="here" aria-label="Open now"><OpenNotebooks open rows=true/></nav>
        </Show>
    }
    .into_any()
}

fn first_name(name: &str) -> String {
    name.split_whitespace().next().unwrap_or(name).to_owned()
}

/// Your notebooks: what others changed in them, the last edited ones as cards, and the rest as a list.
#[component]
fn Recent(
    notebooks: Vec<Notebook>,
    me: UserId,
    running: RwSignal<Vec<RunningNotebook>>,
) -> impl IntoView {
    let house = use_house();
    if notebooks.is_empty() {
        return view! {
            <Empty
                icon="notebook"
                title="Your notebooks will stand here, the last edited first."
                hint="Start one with New, or bring an .ipynb file."
            />
        }
        .into_any();
    }
    let changed: Vec<Notebook> = notebooks
        .iter()
        .filter(|notebook| notebook.editor != me)
        .take(CHANGES)
        .cloned()
        .collect();
    let (cards, rest) = notebooks.split_at(notebooks.len().min(CARDS));
    let (cards, rest) = (cards.to_vec(), rest.to_vec());
    view! {
        <Transition>
            {move || {
                let (changed, cards, rest) = (changed.clone(), cards.clone(), rest.clone());
                Suspend::new(async move {
                    let spaces = house.spaces.await.unwrap_or_default();
                    let spaces: Vec<_> = spaces.into_iter().map(|space| (space.id, space.name)).collect();
                    view! {
                        {(!changed.is_empty()).then(|| view! { <Changed notebooks=changed spaces=spaces.clone()/> })}
                        <div class="hd"><h2>"Recent notebooks"</h2></div>
                        <NotebookCards notebooks=cards spaces=spaces.clone() running/>
                        {(!rest.is_empty()).then(|| view! { <div class="home__rest"><NotebookList notebooks=rest spaces/></div> })}
                    }
                })
            }}
        </Transition>
    }
    .into_any()
}

/// What others did last in your notebooks.
#[component]
fn Changed(notebooks: Vec<Notebook>, spaces: Vec<(SpaceId, String)>) -> impl IntoView {
    view! {
        <div class="hd"><h2>"What others changed"</h2></div>
        <ul class="rows">
            {notebooks
                .into_iter()
                .map(|notebook| {
                    let space = spaces.iter().find(|(id, _)| *id == notebook.space).map(|(_, name)| name.clone());
                    let did = if notebook.edited_at == notebook.created_at { " started " } else { " changed " };
                    view! {
                        <li>
                            <a class="change" href=format!("/n/{}", notebook.id)>
                                <Avatar name=notebook.edited_by.clone() id=notebook.editor.to_string() size=28 decorative=true/>
                                <span class="change__words">
                                    <span class="semi">{notebook.edited_by.clone()}</span>
                                    {did}
                                    <span class="semi">{notebook.title.clone()}</span>
                                    {space.map(|space| view! { <span class="change__where">{space}</span> })}
                                </span>
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
fn Spaces(spaces: Vec<Space>) -> impl IntoView {
    let none = spaces.is_empty();
    view! {
        <div class="hd">
            <h2>"Your spaces"</h2>
            <a class="end t3 fs-12" href="/spaces">"All"</a>
        </div>
        {if none {
            view! {
                <p class="t2 home__none">"A space holds a team's notebooks and says who may do what in them. You are in none yet."</p>
                <NewSpaceForm/>
            }
            .into_any()
        } else {
            view! {
                <div class="card list">
                    {spaces
                        .into_iter()
                        .map(|space| {
                            view! {
                                <a href=format!("/s/{}", space.id)>
                                    <span class="mono-mark" aria-hidden="true">{initials(&space.name)}</span>
                                    <span class="grow">
                                        <span class="med trunc">{space.name.clone()}</span>
                                        <span class="t3 fs-12">{counts(&space)}</span>
                                    </span>
                                </a>
                            }
                        })
                        .collect_view()}
                </div>
            }
            .into_any()
        }}
    }
    .into_any()
}

/// "3 notebooks, 2 members".
pub(crate) fn counts(space: &Space) -> String {
    format!(
        "{}, {}",
        many(space.notebooks, "notebook", "notebooks"),
        many(space.members, "member", "members")
    )
}

fn many(count: u32, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
