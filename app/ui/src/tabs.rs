//! Tabs change content. Tabs with an address are links in a `nav`; tabs within a page are an ARIA tab list.

use leptos::prelude::*;
use leptos::{ev, html};

use crate::dom;

/// One tab of [`Tabs`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    pub id: &'static str,
    pub words: String,
    /// How many are inside; shown small.
    pub count: Option<u32>,
}

/// Tabs within a page. The panel of tab `x` needs the id `{id}-panel-x`, `role="tabpanel"` and `aria-labelledby="{id}-x"`.
#[component]
pub fn Tabs(
    id: &'static str,
    #[prop(into)] label: String,
    #[prop(into)] tabs: Signal<Vec<Tab>>,
    chosen: RwSignal<&'static str>,
) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();
    view! {
        <div
            node_ref=list
            class="tabs"
            role="tablist"
            aria-label=label
            on:keydown=move |event: ev::KeyboardEvent| {
                if let Some(list) = list.get_untracked() && dom::rove(&list, "[role=tab]", &event.key()) {
                    event.prevent_default();
                    dom::click_focused();
                }
            }
        >
            <For each=move || tabs.get() key=|tab| (tab.id, tab.count) let:tab>
                <button
                    type="button"
                    role="tab"
                    id=format!("{id}-{}", tab.id)
                    aria-controls=format!("{id}-panel-{}", tab.id)
                    aria-selected=move || (chosen.get() == tab.id).to_string()
                    tabindex=move || if chosen.get() == tab.id { "0" } else { "-1" }
                    on:click=move |_| chosen.set(tab.id)
                >
                    {tab.words.clone()}
                    {tab.count.map(|count| view! { <span class="n">{count}</span> })}
                </button>
            </For>
        </div>
    }
}

/// Tabs that are places: each has its own address.
#[component]
pub fn TabLinks(#[prop(into)] label: String, children: Children) -> impl IntoView {
    view! { <nav class="tabs" aria-label=label>{children()}</nav> }
}

/// One place of [`TabLinks`].
#[component]
pub fn TabLink(
    #[prop(into)] href: String,
    #[prop(optional)] here: bool,
    #[prop(optional, into)] count: Option<u32>,
    children: Children,
) -> impl IntoView {
    view! {
        <a href=href aria-current=here.then_some("page")>
            {children()} {count.map(|count| view! { <span class="n">{count}</span> })}
        </a>
    }
}
