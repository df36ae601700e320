//! The frame around every signed-in page: rail, space sidebar, top bar, and on phones a bar at the foot.

mod house;
pub(crate) mod keys;
mod look;
mod open_now;
mod people;
mod rail;
pub(crate) mod shortcuts;
mod sidebar;

use datalayer::Space;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use ui::{Badge, Icon, IconButton, Keys, Tone};

pub use house::{House, use_house};
pub use look::{ChooseLook, Contrast, Look, Theme, choose, use_look};
pub(crate) use open_now::{OpenNotebooks, use_open_now};

use crate::call;
use crate::palette::{PaletteView, use_commands};
use crate::refusal::SignInFirst;
use people::UserMenu;
use rail::{Rail, TabBar};
use shortcuts::ShortcutsDialog;
use sidebar::Sidebar;

/// What the frame remembers between pages. Call it once at the root.
pub(crate) fn provide_frame() {
    look::provide_look();
    house::provide_house();
    provide_context(SidebarState {
        closed: RwSignal::new(kept("sidebar").as_deref() == Some("closed")),
        drawer: RwSignal::new(false),
    });
    provide_context(Arrivals(StoredValue::new(0)));
    open_now::provide_open_now();
}

/// How many pages this document has shown.
#[derive(Clone, Copy)]
struct Arrivals(StoredValue<u32>);

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
    let help = RwSignal::new(false);
    // Another page: what was pulled out for the last one goes back in.
    state.drawer.set(false);
    let has_sidebar = space.is_some();
    let current = Signal::derive(move || space.and_then(|space| space.get()));
    keys::listen(
        state,
        Signal::derive(move || current.get().map(|space| space.id)),
        (!document).then_some(help),
    );
    let said = arrive();
    open_now::keep_asking();
    let archived = move || current.get().and_then(|space| space.archived_at).is_some();
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
            class:app--document=document
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
                                        press=move || state.toggle()
                                    />
                                </span>
                            }
                        })}
                    {document.then(|| view! {
                        <Transition>
                            {move || current.get().map(|space| view! {
                                <a class="topbar__back" href=format!("/s/{}/notebooks", space.id) aria-label="Back to the notebooks"><Icon name="left" size=20/></a>
                            })}
                        </Transition>
                    })}
                    <nav class="crumbs" aria-label="Breadcrumb">
                        <Transition>
                            {move || crumbs.run()}
                            {move || (document && archived()).then(|| view! { <Badge tone=Tone::Warn icon="lock">"Archived"</Badge> })}
                        </Transition>
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
        <div class="sr" role="status">{move || said.get()}</div>
        <PaletteView space=current/>
        {(!document).then(|| view! { <ShortcutsDialog open=help/> })}
    }
    .into_any()
}

/// After going to another page: the focus stands at its content, and screen readers hear its title.
fn arrive() -> RwSignal<String> {
    /// How long the title may take to be known.
    const SETTLED: std::time::Duration = std::time::Duration::from_millis(600);
    let arrivals = expect_context::<Arrivals>().0;
    let said = RwSignal::new(String::new());
    let path = use_location().pathname;
    Effect::new(move |_| {
        path.track();
        let before = arrivals.get_value();
        arrivals.set_value(before.saturating_add(1));
        if before > 0 {
            request_animation_frame(|| ui::dom::focus_page("main"));
            set_timeout(
                move || {
                    let _ = said.try_set(ui::dom::title());
                },
                SETTLED,
            );
        }
    });
    said
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
