//! A space at a glance: start or import a notebook, the last edited ones, who is in it.

use datalayer::{Page, PageRequest, Space};
use leptos::prelude::*;
use ui::{Avatar, Empty, Icon};

use super::calls::{CreateNotebook, list_members, list_notebooks};
use super::frame::{Place, SpaceFrame, use_space, use_space_id};
use super::notebooks::{NotebookList, StartNotebook, go_when_made};
use super::role_verb;
use crate::refusal::Loaded;

/// How many notebooks the overview shows.
const LATELY: u32 = 12;
/// How many members it shows.
const FACES: usize = 8;

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
        |id| async move { list_members(id?).await },
    );
    view! {
        <SpaceFrame place=Place::Overview space=space let:space>
            {
                let (id, may) = (space.id.clone(), space.may);
                view! {
                    <div class="page--two space__body">
                        <div class="page__main">
                            <StartNotebook space=space.clone() action=create/>
                            <Loaded of=notebooks let:page>
                                <Lately page id=id.to_string() may_edit=may.edit/>
                            </Loaded>
                        </div>
                        <aside class="page__side"><Faces space=space.clone() members/></aside>
                    </div>
                }
            }
        </SpaceFrame>
    }
    .into_any()
}

#[component]
fn Lately(page: Page<datalayer::Notebook>, id: String, may_edit: bool) -> impl IntoView {
    if page.items.is_empty() {
        let hint = if may_edit {
            "Start one, or drop an .ipynb file on this page."
        } else {
            "Those who may edit here can start one."
        };
        return view! { <Empty icon="notebook" title="The notebooks of this space will stand here." hint=hint/> }.into_any();
    }
    let more = page.next.is_some();
    view! {
        <div class="hd">
            <h2>"Notebooks"</h2>
            {more.then(|| view! { <a class="end t3 fs-12" href=format!("/s/{id}/notebooks")>"All"</a> })}
        </div>
        <NotebookList notebooks=page.items spaces=Vec::new()/>
    }
    .into_any()
}

#[component]
fn Faces(
    space: Space,
    members: Resource<Result<Vec<datalayer::Member>, crate::call::CallError>>,
) -> impl IntoView {
    let href = format!("/s/{}/members", space.id);
    let manage = space.may.manage;
    let all = href.clone();
    view! {
        <div class="hd">
            <h2>"Members"</h2>
            <a class="end t3 fs-12" href=all>"All"</a>
        </div>
        <Loaded of=members let:members>
            <ul class="faces">
                {members
                    .into_iter()
                    .take(FACES)
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
        {manage.then(|| view! { <a class="btn btn--sm" href=href.clone()><Icon name="members" size=14/>"Add a member"</a> })}
    }
    .into_any()
}
