//! The rail of spaces, and on phones the bar at the foot.

use datalayer::Space;
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use ui::{Icon, Mark, initials};

use super::people::UserMenu;
use super::use_house;
use crate::hub::hub_address;
use crate::palette::use_commands;

/// Home, your spaces, a new one; at the foot settings and you.
#[component]
pub fn Rail(#[prop(into)] space: Signal<Option<Space>>) -> impl IntoView {
    let house = use_house();
    view! {
        <nav class="rail" aria-label="Spaces">
            <a class="rail__logo" href="/" aria-label="Datalayer home" title="Datalayer"><Mark/></a>
            <RailLink href="/" icon="home" name="Home"/>
            <RailLink href="/spaces" icon="layers" name="All spaces"/>
            <span class="rail__sep"></span>
            <div class="rail__spaces">
                <Transition>
                    {move || {
                        let here = space.get().map(|space| space.id);
                        Suspend::new(async move {
                        let spaces = house.spaces.await.unwrap_or_default();
                        spaces
                            .into_iter()
                            .map(|space| {
                                let current = here.as_ref() == Some(&space.id);
                                let monogram = initials(&space.name);
                                view! {
                                    <a
                                        class="rail__space"
                                        href=format!("/s/{}", space.id)
                                        aria-current=current.then_some("true")
                                        title=space.name.clone()
                                    >
                                        <span aria-hidden="true">{monogram}</span>
                                        <span class="sr">{space.name.clone()}</span>
                                    </a>
                                }
                            })
                            .collect_view()
                        })
                    }}
                </Transition>
            </div>
            <a class="rail__btn" href="/spaces#new" aria-label="New space" title="New space"><Icon name="plus" size=18/></a>
            <div class="rail__end">
                {hub_address().map(|hub| view! {
                    <a class="rail__btn" href=hub target="_blank" rel="noopener" aria-label="JupyterLab" title="JupyterLab, in a tab of its own"><Icon name="terminal" size=18/></a>
                })}
                <RailLink href="/settings" icon="settings" name="Settings"/>
                <UserMenu id="you-rail"/>
            </div>
        </nav>
    }
    .into_any()
}

#[component]
fn RailLink(href: &'static str, icon: &'static str, name: &'static str) -> impl IntoView {
    let path = use_location().pathname;
    view! {
        <a class="rail__btn" href=href aria-current=move || (path.get() == href).then_some("page") aria-label=name title=name>
            <Icon name=icon size=18/>
        </a>
    }
    .into_any()
}

/// The bar at the foot of a phone.
#[component]
pub fn TabBar() -> impl IntoView {
    let commands = use_commands();
    view! {
        <nav class="tabbar" aria-label="Main">
            <TabBarLink href="/" icon="home" name="Home"/>
            <TabBarLink href="/spaces" icon="layers" name="Spaces"/>
            <button type="button" class="tabbar__item needs-script" on:click=move |_| commands.toggle()>
                <Icon name="search" size=20/>
                "Search"
            </button>
            <TabBarLink href="/settings" icon="person" name="You"/>
        </nav>
    }
    .into_any()
}

#[component]
fn TabBarLink(href: &'static str, icon: &'static str, name: &'static str) -> impl IntoView {
    let path = use_location().pathname;
    view! {
        <a class="tabbar__item" href=href aria-current=move || (path.get() == href).then_some("page")>
            <Icon name=icon size=20/>
            {name}
        </a>
    }
    .into_any()
}
