//! The first page after the sign-in.

use datalayer::{Notebook, Space};
use leptos::prelude::*;
use leptos_meta::Title;
use ui::{Empty, Icon, Time, initials};

use super::calls::recent_notebooks;
use crate::frame::{Frame, Here, use_house};
use crate::refusal::Loaded;
use crate::spaces::{NewSpaceForm, NotebookList};

#[component]
pub fn HomePage() -> impl IntoView {
    let house = use_house();
    let recent = Resource::new(|| (), |()| recent_notebooks(24));
    view! {
        <Title text="Home"/>
        <Frame crumbs=|| view! { <Here>"Home"</Here> }>
            <div class="home">
                <div class="home__main">
                    <Loaded of=house.me let:me>
                        <h1 class="h-page">{format!("Hello, {}", first_name(&me.name))}</h1>
                    </Loaded>
                    <Loaded of=recent let:notebooks><Recent notebooks/></Loaded>
                </div>
                <aside class="home__side">
                    <Loaded of=house.spaces let:spaces><Spaces spaces/></Loaded>
                </aside>
            </div>
        </Frame>
    }
    .into_any()
}

fn first_name(name: &str) -> String {
    name.split_whitespace().next().unwrap_or(name).to_owned()
}

#[component]
fn Recent(notebooks: Vec<Notebook>) -> impl IntoView {
    let house = use_house();
    let Some(last) = notebooks.first().cloned() else {
        return view! {
            <Empty
                icon="notebook"
                title="Your notebooks will stand here, the last edited first."
                hint="Open a space, then start a notebook or import an .ipynb file."
            />
        }
        .into_any();
    };
    view! {
        <a class="resume" href=format!("/n/{}", last.id)>
            <span class="resume__icon"><Icon name="notebook" size=20/></span>
            <span class="grow">
                <span class="resume__title trunc">{last.title.clone()}</span>
                <span class="t2">{format!("Last edited by {}, ", last.edited_by)} <Time at=last.edited_at.0/></span>
            </span>
            <span class="btn btn--sm">"Open"</span>
        </a>
        <div class="hd"><h2>"Recent notebooks"</h2></div>
        <Transition>
            {
                let notebooks = notebooks.clone();
                move || {
                    let notebooks = notebooks.clone();
                    Suspend::new(async move {
                        let spaces = house.spaces.await.unwrap_or_default();
                        let spaces = spaces.into_iter().map(|space| (space.id, space.name)).collect();
                        view! { <NotebookList notebooks spaces/> }
                    })
                }
            }
        </Transition>
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
    let many = |count: u32, one: &str, more: &str| {
        format!("{count} {}", if count == 1 { one } else { more })
    };
    format!(
        "{}, {}",
        many(space.notebooks, "notebook", "notebooks"),
        many(space.members, "member", "members")
    )
}
