//! The frame around every signed-in page: rail, space sidebar, top bar, and on phones a bar at the foot.

mod house;
mod look;
mod people;
mod rail;
mod sidebar;

use datalayer::Space;
use leptos::ev;
use leptos::prelude::*;
use leptos_meta::Title;
use ui::{Icon, IconButton, Keys};

pub use house::{House, use_house};
pub use look::{ChooseLook, Contrast, Look, Theme, choose, use_look};

use crate::call;
use crate::palette::{PaletteView, use_commands};
use crate::refusal::SignInFirst;
use people::UserMenu;
use rail::{Rail, TabBar};
use sidebar::Sidebar;

/// What the frame remembers between pages. Call it once at the root.
pub(crate) fn provide_frame() {
    look::provide_look();
    house::provide_house();
    provide_context(SidebarState {
        closed: RwSignal::new(kept("sidebar").as_deref() == Some("closed")),
        drawer: RwSignal::new(false),
    });
}

#[derive(Clone, Copy)]
struct SidebarState {
    /// On wide screens: the reader put it away.
    closed: RwSignal<bool>,
    /// On narrow ones: the reader pulled it out.
    drawer: RwSignal<bool>,
}

impl SidebarState {
    fn toggle(self) {
        if ui::dom::matches(ui::dom::NARROW) {
            self.drawer.update(|open| *open = !*open);
        } else {
            self.closed.update(|closed| *closed = !*closed);
            let words = if self.closed.get_untracked() {
                "closed"
            } else {
                "open"
            };
            ui::dom::keep("sidebar", words);
            ui::dom::set_root_data("sidebar", Some(words));
        }
    }
}

/// A choice the reader's browser keeps: the server reads the cookie, the browser the root element the server wrote it on.
pub(crate) fn kept(name: &str) -> Option<String> {
    if cfg!(target_arch = "wasm32") {
        ui::dom::root_data(name)
    } else {
        call::cookie(name)
    }
}

/// The frame. A page draws its own content inside; visitors who are not signed in are led to the sign-in and back.
///
/// ```text
/// <Frame
///     space=Signal::derive(move || space.get().and_then(Result::ok))   // read inside a Transition: a Resource is fine
///     document=true
///     crumbs=move || view! { <Crumb href="/s/…">"Grid demand"</Crumb> <Here>{title}</Here> <SavedMark/> }
///     end=move || view! { <RuntimePill/> <Button kind=ButtonKind::Primary>"Share"</Button> }
/// >
///     <div class="nb">…</div>
/// </Frame>
/// ```
#[component]
pub fn Frame(
    /// The space whose sidebar stands beside the page. Without it there is no sidebar.
    #[prop(optional, into)]
    space: Option<Signal<Option<Space>>>,
    /// Where this page is: [`Crumb`]s and a [`Here`].
    #[prop(into)]
    crumbs: ViewFn,
    /// The right end of the top bar: presence, runtime, the primary action.
    #[prop(optional, into)]
    end: ViewFn,
    /// A document: search gives way first, and the page scrolls inside itself.
    #[prop(optional)]
    document: bool,
    children: Children,
) -> impl IntoView {
    let state = expect_context::<SidebarState>();
    let commands = use_commands();
    let listening = window_event_listener(ev::keydown, move |event| {
        if (event.ctrl_key() || event.meta_key()) && !event.shift_key() && !event.alt_key() {
            match event.key().as_str() {
                "k" | "K" => {
                    event.prevent_default();
                    commands.toggle();
                }
                "b" | "B" => {
                    event.prevent_default();
                    state.toggle();
                }
                _ => {}
            }
        }
    });
    on_cleanup(move || listening.remove());
    // Another page: what was pulled out for the last one goes back in.
    state.drawer.set(false);
    let has_sidebar = space.is_some();
    let current = Signal::derive(move || space.and_then(|space| space.get()));
    let search_words = if document {
        "Search"
    } else {
        "Search or run a command"
    };
    view! {
        <a class="skip" href="#main">"Skip to content"</a>
        <div
            class="app"
            class:app--nosidebar=!has_sidebar
            class:is-closed=move || state.closed.get()
            class:is-drawn=move || state.drawer.get()
        >
            <Rail space=current/>
            {has_sidebar.then(|| view! { <Sidebar space=current/> })}
            <button
                type="button"
                class="app__shade"
                tabindex="-1"
                aria-label="Close the sidebar"
                on:click=move |_| state.drawer.set(false)
            ></button>
            <header class="topbar" class:topbar--doc=document>
                <div class="topbar__start">
                    {has_sidebar
                        .then(|| {
                            view! {
                                <span class="topbar__toggle needs-script">
                                    <IconButton
                                        icon="sidebar"
                                        name="Show or hide the sidebar"
                                        on:click=move |_| state.toggle()
                                    />
                                </span>
                            }
                        })}
                    <nav class="crumbs" aria-label="Breadcrumb">
                        <Transition>{move || crumbs.run()}</Transition>
                    </nav>
                </div>
                <button type="button" class="search needs-script" title="Search or run a command" on:click=move |_| commands.toggle()>
                    <Icon name="search" size=14/>
                    <span class="trunc">{search_words}</span>
                    <Keys chord="mod+K"/>
                </button>
                <div class="topbar__end">
                    <Transition>{move || end.run()}</Transition>
                    <span class="topbar__you"><UserMenu id="you-top"/></span>
                </div>
            </header>
            <main class="main" class:main--document=document id="main" tabindex="-1">
                <Guard/>
                {children()}
            </main>
            <TabBar/>
        </div>
        <PaletteView/>
    }
    .into_any()
}

/// A place above this one.
#[component]
pub fn Crumb(#[prop(into)] href: String, children: Children) -> impl IntoView {
    view! {
        <a class="trunc" href=href>{children()}</a>
        <Icon name="right" size=12/>
    }
    .into_any()
}

/// The place you are.
#[component]
pub fn Here(children: Children) -> impl IntoView {
    view! { <span class="crumbs__here trunc" aria-current="page">{children()}</span> }
}

/// Leads visitors who are not signed in to the sign-in.
#[component]
fn Guard() -> impl IntoView {
    let house = use_house();
    view! {
        <Suspense>
            {move || Suspend::new(async move { (!house.signed_in().await).then(|| view! { <SignInFirst/> }) })}
        </Suspense>
    }
    .into_any()
}

/// There is no such page.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    call::page_status(404);
    view! {
        <Title text="Not found"/>
        <main class="lost" id="main">
            <a class="lost__mark" href="/" aria-label="Datalayer home"><ui::Mark size=32/></a>
            <h1 class="h-page">"There is no such page"</h1>
            <p class="t2">"The address may be mistyped, or what was here has moved."</p>
            <a class="btn btn--primary" href="/">"Go home"</a>
        </main>
    }
    .into_any()
}
