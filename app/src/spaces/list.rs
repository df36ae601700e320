//! All your spaces, and a new one.

use datalayer::{PageRequest, Space};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use ui::{Badge, Button, ButtonKind, Empty, Input, TextArea, Tone, initials};

use super::calls::{CreateSpace, list_spaces};
use super::role_verb;
use crate::frame::{Frame, Here, use_house};
use crate::home::counts;
use crate::refusal::{Loaded, RefusedBanner, about, refused};

#[component]
pub fn SpacesPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        (
            query.read().get("before"),
            query.read().get("show").as_deref() == Some("archived"),
        )
    });
    let spaces = Resource::new(
        move || asked.get(),
        |(before, archived)| list_spaces(archived, PageRequest { before, limit: 50 }),
    );
    view! {
        <Title text="Spaces"/>
        <Frame crumbs=|| view! { <Here>"Spaces"</Here> }>
            <div class="page page--two">
                <div class="page__main">
                    <header class="page__head row">
                        <div class="grow">
                            <h1 class="h-page">"Spaces"</h1>
                            <p class="t2">"A space holds a team's notebooks and says who may do what in them."</p>
                        </div>
                        <nav class="seg" aria-label="Which spaces">
                            <a href="/spaces" aria-current=move || (!asked.get().1).then_some("page")>"In use"</a>
                            <a href="/spaces?show=archived" aria-current=move || asked.get().1.then_some("page")>"With archived"</a>
                        </nav>
                    </header>
                    <Loaded of=spaces let:page>
                        {if page.items.is_empty() {
                            view! {
                                <Empty
                                    icon="layers"
                                    title="Your spaces will stand here."
                                    hint="Make the first one, or ask someone to add you to theirs."
                                />
                            }
                                .into_any()
                        } else {
                            view! {
                                <div class="cards">
                                    {page.items.iter().cloned().map(|space| view! { <SpaceCard space/> }).collect_view()}
                                </div>
                            }
                                .into_any()
                        }}
                        {page
                            .next
                            .clone()
                            .map(|next| {
                                let show = if asked.get_untracked().1 { "&show=archived" } else { "" };
                                view! { <a class="btn page__more" href=format!("/spaces?before={next}{show}")>"More spaces"</a> }
                            })}
                    </Loaded>
                </div>
                <aside class="page__side" id="new">
                    <h2 class="h-sec">"New space"</h2>
                    <NewSpaceForm/>
                </aside>
            </div>
        </Frame>
    }
    .into_any()
}

#[component]
fn SpaceCard(space: Space) -> impl IntoView {
    view! {
        <a class="card card--link space-card" href=format!("/s/{}", space.id)>
            <span class="row g-3">
                <span class="mono-mark" aria-hidden="true">{initials(&space.name)}</span>
                <span class="grow semi trunc">{space.name.clone()}</span>
                {space.archived_at.map(|_| view! { <Badge tone=Tone::Warn>"Archived"</Badge> })}
            </span>
            <span class="space-card__words">{space.description.clone()}</span>
            <span class="row t3 fs-12"><span class="grow">{counts(&space)}</span>{role_verb(space.role)}</span>
        </a>
    }
    .into_any()
}

/// Makes a space and goes there.
#[component]
pub fn NewSpaceForm() -> impl IntoView {
    let action = ServerAction::<CreateSpace>::new();
    let error = refused(action);
    let house = use_house();
    let navigate = leptos_router::hooks::use_navigate();
    Effect::new(move |_| {
        if let Some(Ok(path)) = action.value().get() {
            house.refresh();
            navigate(&path, leptos_router::NavigateOptions::default());
        }
    });
    view! {
        <ActionForm action=action>
            <div class="form">
                <RefusedBanner error=error fields=&["name", "description"]/>
                <Input
                    name="name"
                    id="space-name"
                    label="Name"
                    required=true
                    maxlength=100
                    autocomplete="off"
                    error=about(error, "name")
                />
                <TextArea
                    name="description"
                    id="space-description"
                    label="What it is for"
                    maxlength=500
                    error=about(error, "description")
                />
                <div><Button r#type="submit" kind=ButtonKind::Primary icon="plus" busy=action.pending()>"Make the space"</Button></div>
            </div>
        </ActionForm>
    }
    .into_any()
}
