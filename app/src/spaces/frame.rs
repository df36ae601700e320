//! What every page of a space has around it: the frame, its name, its tabs.

use datalayer::{Error, Noun, Space, SpaceId};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use ui::{Badge, Icon, TabLink, TabLinks, Tone, initials};

use super::calls::read_space;
use crate::call::CallError;
use crate::frame::{Crumb, Frame, Here};
use crate::refusal::Loaded;

/// The pages of a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Notebooks,
    Members,
    Settings,
}

impl Place {
    fn words(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Notebooks => "Notebooks",
            Self::Members => "Members",
            Self::Settings => "Settings",
        }
    }
}

/// The space of the address. A mistyped id is as good as none.
pub(super) fn use_space_id() -> Memo<Result<SpaceId, CallError>> {
    let params = use_params_map();
    Memo::new(move |_| {
        params
            .read()
            .get("space")
            .and_then(|id| id.parse().ok())
            .ok_or(CallError::Refused(Error::NotFound { noun: Noun::Space }))
    })
}

/// The space of the address, asked for again whenever `version` changes.
pub(super) fn use_space(version: Signal<usize>) -> Resource<Result<Space, CallError>> {
    let id = use_space_id();
    Resource::new(
        move || (id.get(), version.get()),
        |(id, _)| async move { read_space(id?).await },
    )
}

/// A page of a space: its content is drawn once the space is there.
#[component]
pub(super) fn SpaceFrame<F, V>(
    place: Place,
    space: Resource<Result<Space, CallError>>,
    /// Under the words of the space, on its overview.
    #[prop(optional, into)]
    people: ViewFn,
    children: F,
) -> impl IntoView
where
    F: Fn(Space) -> V + Clone + Send + Sync + 'static,
    V: IntoView + 'static,
{
    let current = Signal::derive(move || space.get().and_then(Result::ok));
    let crumbs = move || {
        current.get().map(|space| {
            if place == Place::Overview {
                view! { <Here>{space.name}</Here> }.into_any()
            } else {
                view! {
                    <Crumb href=format!("/s/{}", space.id)>{space.name}</Crumb>
                    <Here>{place.words()}</Here>
                }
                .into_any()
            }
        })
    };
    view! {
        <Frame space=current crumbs=crumbs>
            <Loaded of=space let:space>
                <div class="space">
                    <Head space=space.clone() place people=people.clone()/>
                    {children(space)}
                </div>
            </Loaded>
        </Frame>
    }
    .into_any()
}

#[component]
fn Head(space: Space, place: Place, people: ViewFn) -> impl IntoView {
    let home = format!("/s/{}", space.id);
    let title = if place == Place::Overview {
        space.name.clone()
    } else {
        format!("{}, {}", place.words(), space.name)
    };
    let overview = place == Place::Overview;
    view! {
        <Title text=title/>
        <header class="space__top">
            {overview.then(|| view! { <span class="space__mark" aria-hidden="true">{initials(&space.name)}</span> })}
            <div class="grow">
                <div class="row g-3 wrap">
                    <h1 class="h-page">{if overview { space.name.clone() } else { place.words().to_owned() }}</h1>
                    {space.archived_at.map(|_| view! { <Badge tone=Tone::Warn icon="lock">"Archived"</Badge> })}
                </div>
                {(overview && !space.description.is_empty()).then(|| view! { <p class="space__words">{space.description.clone()}</p> })}
                {overview.then(|| people.run())}
                {(place == Place::Members)
                    .then(|| view! { <p class="space__words">{format!("Who may enter {}, and what they may do.", space.name)}</p> })}
            </div>
            {(overview && space.may.manage)
                .then(|| view! { <a class="btn" href=format!("{home}/members")><Icon name="members"/>"Add a member"</a> })}
        </header>
        <TabLinks label="Space">
            <TabLink href=home.clone() here={place == Place::Overview}>"Overview"</TabLink>
            <TabLink href=format!("{home}/notebooks") here={place == Place::Notebooks} count=space.notebooks>"Notebooks"</TabLink>
            <TabLink href=format!("{home}/members") here={place == Place::Members} count=space.members>"Members"</TabLink>
            {space
                .may
                .manage
                .then(|| view! { <TabLink href=format!("{home}/settings") here={place == Place::Settings}>"Settings"</TabLink> })}
        </TabLinks>
    }
    .into_any()
}
