//! A space at a glance: start or import a notebook, the last edited ones, who is in it.

use std::collections::BTreeSet;

use datalayer::{Member, Notebook, Page, PageRequest, RunningNotebook, Space};
use leptos::prelude::*;
use ui::{Avatar, Avatars, Empty};

use super::NotebookCards;
use super::calls::{CreateNotebook, list_members, list_notebooks};
use super::frame::{Place, SpaceFrame, use_space, use_space_id};
use super::notebooks::{NotebookList, StartNotebook, go_when_made};
use super::role_verb;
use crate::call::CallError;
use crate::frame::use_open_now;
use crate::home::{RunningNow, use_running};
use crate::refusal::Loaded;

/// How many notebooks the overview shows.
const LATELY: u32 = 12;
/// How many of them as cards.
const CARDS: usize = 3;
/// How many members it shows.
const FACES: u32 = 8;

#[component]
pub fn SpacePage() -> impl IntoView {
    let create = ServerAction::<CreateNotebook>::new();
    go_when_made(create);
    let space = use_space(Signal::stored(0));
    let id = use_space_id();
    let notebooks = Resource::new(
        move || id.get(),
        |id| async move {
            list_notebooks(
                id?,
                false,
                PageRequest {
                    before: None,
                    limit: LATELY,
                },
            )
            .await
        },
    );
    let members = Resource::new(
        move || id.get(),
        |id| async move {
            list_members(
                id?,
                PageRequest {
                    before: None,
                    limit: FACES,
                },
            )
            .await
        },
    );
    let (first, running) = (use_running(), RwSignal::new(Vec::new()));
    let people = move || {
        view! {
            <Transition>
                {move || Suspend::new(async move {
                    let (space, page) = (space.await.ok()?, members.await.ok()?);
                    Some(view! { <Crowd space members=page.items/> })
                })}
            </Transition>
        }
    };
    view! {
        <SpaceFrame place=Place::Overview space=space people=people let:space>
            {
                let (id, may) = (space.id.clone(), space.may);
                view! {
                    <div class="page--two space__body">
                        <div class="page__main">
                            <StartNotebook space=space.clone() action=create/>
                            <Loaded of=notebooks let:page>
                                <Lately page id=id.to_string() may_edit=may.edit running/>
                            </Loaded>
                        </div>
                        <aside class="page__side">
                            <RunningNow first space=space.id.clone() heard=running/>
                            <Faces space=space.clone() members/>
                        </aside>
                    </div>
                }
            }
        </SpaceFrame>
    }
    .into_any()
}

/// The first faces, how many members there are, and how many of them are in a notebook now.
#[component]
fn Crowd(space: Space, members: Vec<Member>) -> impl IntoView {
    let now = use_open_now();
    let faces: Vec<_> = members
        .into_iter()
        .take(5)
        .map(|member| (member.user.to_string(), member.name))
        .collect();
    let count = match space.members {
        1 => "1 member".to_owned(),
        count => format!("{count} members"),
    };
    let here = move || {
        let open = now.of(Some(&space.id));
        let people = open.iter().flat_map(|open| &open.people);
        people
            .map(|reader| &reader.user)
            .collect::<BTreeSet<_>>()
            .len()
    };
    view! {
        <div class="space__people">
            <Avatars people=Signal::stored(faces) size=24/>
            <span>{count} {move || match here() { 0 => String::new(), here => format!(", {here} here now") }}</span>
        </div>
    }
    .into_any()
}

#[component]
fn Lately(
    page: Page<Notebook>,
    id: String,
    may_edit: bool,
    running: RwSignal<Vec<RunningNotebook>>,
) -> impl IntoView {
    if page.items.is_empty() {
        let hint = if may_edit {
            "Start one, or drop an .ipynb file on this page."
        } else {
            "Those who may edit here can start one."
        };
        return view! { <Empty icon="notebook" title="The notebooks of this space will stand here." hint=hint/> }.into_any();
    }
    let more = page.next.is_some();
    let mut cards = page.items;
    let rest = cards.split_off(cards.len().min(CARDS));
    view! {
        <div class="hd">
            <h2>"Notebooks"</h2>
            {more.then(|| view! { <a class="end t3 fs-12" href=format!("/s/{id}/notebooks")>"All"</a> })}
        </div>
        <NotebookCards notebooks=cards spaces=Vec::new() running/>
        {(!rest.is_empty()).then(|| view! { <div class="home__rest"><NotebookList notebooks=rest spaces=Vec::new()/></div> })}
    }
    .into_any()
}

#[component]
fn Faces(space: Space, members: Resource<Result<Page<Member>, CallError>>) -> impl IntoView {
    let all = format!("/s/{}/members", space.id);
    view! {
        <div class="hd">
            <h2>"Members"</h2>
            <a class="end t3 fs-12" href=all>"All"</a>
        </div>
        <Loaded of=members let:page>
            <ul class="faces">
                {page
                    .items
                    .into_iter()
                    .map(|member| {
                        view! {
                            <li>
                                <Avatar name=member.name.clone() id=member.user.to_string() decorative=true/>
                                <span class="grow trunc">{member.name.clone()}</span>
                                <span class="t3 fs-12">{role_verb(member.role)}</span>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        </Loaded>
    }
    .into_any()
}
