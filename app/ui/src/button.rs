//! Buttons: a verb, and at most one primary per view.

use leptos::prelude::*;

use crate::{Icon, Spinner};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonKind {
    #[default]
    Plain,
    Primary,
    Ghost,
    /// Destroys something, after a dialog said so.
    Danger,
    /// Leads to a destructive step.
    DangerQuiet,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonSize {
    Small,
    #[default]
    Medium,
    Large,
}

/// The classes of a button, for links that look like one.
pub(crate) fn classes(kind: ButtonKind, size: ButtonSize, block: bool) -> String {
    let mut class = String::from("btn");
    class.push_str(match kind {
        ButtonKind::Plain => "",
        ButtonKind::Primary => " btn--primary",
        ButtonKind::Ghost => " btn--ghost",
        ButtonKind::Danger => " btn--danger",
        ButtonKind::DangerQuiet => " btn--danger-quiet",
    });
    class.push_str(match size {
        ButtonSize::Small => " btn--sm",
        ButtonSize::Medium => "",
        ButtonSize::Large => " btn--lg",
    });
    if block {
        class.push_str(" btn--block");
    }
    class
}

/// A button, or with `href` a link that looks like one. Busy keeps its words and its width.
#[component]
pub fn Button(
    #[prop(optional)] kind: ButtonKind,
    #[prop(optional)] size: ButtonSize,
    #[prop(optional)] icon: Option<&'static str>,
    /// `submit` inside a form.
    #[prop(default = "button")]
    r#type: &'static str,
    /// As wide as its column.
    #[prop(optional)]
    block: bool,
    /// Something asked for through it is under way: it does not take a second press.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Why it cannot be used now; `None` when it can.
    #[prop(optional, into)]
    blocked: MaybeProp<String>,
    /// What a press does. A property and not `on:click` on the component: listeners spread onto one are not renewed with it.
    #[prop(optional, into)]
    press: Option<Callback<()>>,
    children: Children,
) -> impl IntoView {
    let class = classes(kind, size, block);
    view! {
        <button
            type=r#type
            on:click=move |_| run(press)
            class=class
            class:is-loading=move || busy.get()
            aria-busy=move || busy.get().then_some("true")
            disabled=move || blocked.get().is_some()
            title=move || blocked.get()
        >
            {move || match icon {
                _ if busy.get() => Some(view! { <Spinner/> }.into_any()),
                Some(name) => Some(view! { <Icon name=name/> }.into_any()),
                None => None,
            }}
            {children()}
        </button>
    }
}

/// A button that is only a picture: it needs a name, which is its tooltip too.
#[component]
pub fn IconButton(
    icon: &'static str,
    /// What it does, said by screen readers and the tooltip.
    #[prop(into)]
    name: Signal<String>,
    #[prop(default = ButtonKind::Ghost)] kind: ButtonKind,
    #[prop(optional)] size: ButtonSize,
    #[prop(default = "button")] r#type: &'static str,
    /// As for [`Button`].
    #[prop(optional, into)]
    press: Option<Callback<()>>,
) -> impl IntoView {
    let class = format!("{} btn--icon", classes(kind, size, false));
    view! {
        <button
            type=r#type
            class=class
            aria-label=move || name.get()
            title=move || name.get()
            on:click=move |_| run(press)
        >
            <Icon name=icon/>
        </button>
    }
}

/// Runs what a press does; nothing where its view is being renewed.
pub(crate) fn run(press: Option<Callback<()>>) {
    if let Some(press) = press {
        press.try_run(());
    }
}
