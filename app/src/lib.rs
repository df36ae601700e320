//! The Explorer: pages and components, for the browser and for server rendering.
//!
//! A feature is a file with a folder of the same name: `page`s fetch, components show, `calls` ring the Datalayer.

#![recursion_limit = "512"]

pub mod accounts;
pub mod assets;
pub mod browser;
pub mod call;
mod clean;
pub mod frame;
mod highlight;
mod home;
pub mod hub;
pub mod markdown;
pub mod notebooks;
mod outputs;
pub mod palette;
mod refusal;
mod shell;
pub mod spaces;
mod text;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{SsrMode, path};

pub use assets::Assets;
pub use shell::shell;

/// Everything inside the document's body, as the server draws it. Every page is drawn whole before it is sent, so that it can be
/// read without script.
#[component]
pub fn App() -> impl IntoView {
    around(|| pages(|| view! { <notebooks::NotebookPage/> }.into_any()))
}

/// The browser's half of every page but a notebook's, which has a module of its own: a link to it loads it.
#[component]
pub fn Explorer() -> impl IntoView {
    around(|| pages(|| view! { <Elsewhere/> }.into_any()))
}

/// The browser's half of a notebook's page; links to other pages load them.
#[component]
pub fn Notebook() -> impl IntoView {
    around(|| {
        view! {
            <FlatRoutes fallback=|| view! { <Elsewhere/> }>
                <Route path=path!("/n/:notebook") view=notebooks::NotebookPage/>
            </FlatRoutes>
        }
        .into_any()
    })
}

fn pages(notebook: fn() -> AnyView) -> AnyView {
    view! {
        <FlatRoutes fallback=|| view! { <frame::NotFoundPage/> }>
            <Route path=path!("/") view=home::HomePage ssr=SsrMode::Async/>
            <Route path=path!("/sign-in") view=accounts::SignInPage ssr=SsrMode::Async/>
            <Route path=path!("/set-up") view=accounts::SetUpPage ssr=SsrMode::Async/>
            <Route path=path!("/settings") view=accounts::SettingsPage ssr=SsrMode::Async/>
            <Route path=path!("/people") view=accounts::PeoplePage ssr=SsrMode::Async/>
            <Route path=path!("/audit") view=accounts::AuditPage ssr=SsrMode::Async/>
            <Route path=path!("/spaces") view=spaces::SpacesPage ssr=SsrMode::Async/>
            <Route path=path!("/s/:space") view=spaces::SpacePage ssr=SsrMode::Async/>
            <Route path=path!("/s/:space/notebooks") view=spaces::NotebooksPage ssr=SsrMode::Async/>
            <Route path=path!("/s/:space/members") view=spaces::MembersPage ssr=SsrMode::Async/>
            <Route path=path!("/s/:space/settings") view=spaces::SpaceSettingsPage ssr=SsrMode::Async/>
            <Route path=path!("/n/:notebook") view=notebook ssr=SsrMode::Async/>
        </FlatRoutes>
    }
    .into_any()
}

/// What stands around every page.
fn around(routes: fn() -> AnyView) -> impl IntoView {
    provide_meta_context();
    call::check_address();
    assets::provide_assets();
    ui::provide_toasts();
    frame::provide_frame();
    palette::provide_commands();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Datalayer".to_owned() } else { format!("{title}, Datalayer") }/>
        <Router>{routes()}</Router>
        <ui::ToastsView/>
    }
}

/// A page whose module is not this one: it is loaded.
#[component]
fn Elsewhere() -> impl IntoView {
    // The router writes the new address into the history when this page has been drawn: after that, or Back would need two presses.
    Effect::new(|_| set_timeout(ui::dom::load_here, std::time::Duration::ZERO));
}
