//! Menus: a button that opens a popover of verbs. Opens without script too; arrows, Home, End and letters move in it.

use leptos::prelude::*;
use leptos::{ev, html};

use crate::button::run;
use crate::{Icon, dom};

/// A menu behind a button. The button's look is yours: `face` is drawn inside it.
#[component]
pub fn Menu(
    /// Unique on the page.
    #[prop(into)]
    id: String,
    /// What the button opens, for screen readers and the tooltip.
    #[prop(into)]
    name: String,
    /// The button's classes.
    #[prop(default = "btn btn--ghost btn--icon")]
    class: &'static str,
    #[prop(into)] face: ViewFn,
    children: Children,
) -> impl IntoView {
    let button = NodeRef::<html::Button>::new();
    let list = NodeRef::<html::Div>::new();
    let open = RwSignal::new(false);
    let labelled = format!("{id}-button");
    let place = move || {
        if let (Some(button), Some(list)) = (button.get_untracked(), list.get_untracked()) {
            dom::place_beside(&list, &button);
            dom::focus_first(&list);
        }
    };
    view! {
        <button
            type="button"
            node_ref=button
            id=labelled.clone()
            class=class
            popovertarget=id.clone()
            aria-haspopup="menu"
            aria-expanded=move || open.get().to_string()
            title=name.clone()
        >
            {face.run()}
            // Beside the face and not instead of it: who speaks to the page says the words they see.
            <span class="sr">{name.clone()}</span>
        </button>
        <div
            node_ref=list
            id=id
            class="menu"
            popover="auto"
            role="menu"
            aria-labelledby=labelled
            on:toggle=move |_| {
                let shown = list.get_untracked().is_some_and(|list| list.matches(":popover-open").unwrap_or(false));
                open.set(shown);
                if shown {
                    place();
                }
            }
            on:keydown=move |event: ev::KeyboardEvent| {
                if let Some(list) = list.get_untracked()
                    && dom::rove(&list, "[role^=menuitem]:not([disabled])", &event.key())
                {
                    event.prevent_default();
                }
            }
            on:click=move |_| {
                // A chosen item closes its menu, after its own handler ran.
                if let Some(list) = list.get_untracked() {
                    let _ = list.hide_popover();
                }
            }
        >
            {children()}
        </div>
    }
}

/// A verb in a menu. Pressed, it does its work; inside a form, `submit` sends it.
#[component]
pub fn MenuItem(
    #[prop(optional)] icon: Option<&'static str>,
    #[prop(default = "button")] r#type: &'static str,
    #[prop(optional)] danger: bool,
    /// For items that are a choice: is it the chosen one?
    #[prop(optional, into)]
    checked: MaybeProp<bool>,
    #[prop(optional, into)] blocked: MaybeProp<String>,
    /// As for [`crate::Button`].
    #[prop(optional, into)]
    press: Option<Callback<()>>,
    children: Children,
) -> impl IntoView {
    view! {
        <button
            type=r#type
            class="menu__item"
            on:click=move |_| run(press)
            class:is-danger=danger
            role=move || if checked.get().is_some() { "menuitemradio" } else { "menuitem" }
            aria-checked=move || checked.get().map(|on| on.to_string())
            disabled=move || blocked.get().is_some()
            title=move || blocked.get()
            tabindex="-1"
        >
            {icon.map(|name| view! { <Icon name=name/> })}
            <span class="grow">{children()}</span>
            <Show when=move || checked.get() == Some(true)><Icon name="check" size=14/></Show>
        </button>
    }
}

/// A place in a menu.
#[component]
pub fn MenuLink(
    #[prop(into)] href: String,
    #[prop(optional)] icon: Option<&'static str>,
    children: Children,
) -> impl IntoView {
    view! {
        <a href=href class="menu__item" role="menuitem" tabindex="-1">
            {icon.map(|name| view! { <Icon name=name/> })}
            <span class="grow">{children()}</span>
        </a>
    }
}

#[component]
pub fn MenuSeparator() -> impl IntoView {
    view! { <div class="menu__sep" role="separator"></div> }
}
