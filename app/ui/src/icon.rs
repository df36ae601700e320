//! Icons: symbols of one sprite file, drawn in the colour of the words beside them.

use leptos::prelude::*;

/// Where the sprite is served. Provide it once at the root; icons find it in the context.
#[derive(Clone, Debug, Default)]
pub struct Icons(pub String);

/// One symbol of the sprite, hidden from screen readers: name the control, not the picture.
#[component]
pub fn Icon(
    /// The symbol's name without its `i-`.
    #[prop(into)]
    name: Signal<&'static str>,
    /// 12, 14, 16, 18 or 20.
    #[prop(default = 16)]
    size: u8,
) -> impl IntoView {
    let sprite = use_context::<Icons>().unwrap_or_default().0;
    let class = match size {
        12 => "i i-12",
        14 => "i i-14",
        18 => "i i-18",
        20 => "i i-20",
        _ => "i",
    };
    view! {
        <svg class=class aria-hidden="true">
            <use_ href=move || format!("{sprite}#i-{}", name.get())/>
        </svg>
    }
}

/// The product's mark: three layers.
#[component]
pub fn Mark(#[prop(default = 26)] size: u8) -> impl IntoView {
    view! {
        <svg class="mark" width=size.to_string() height=size.to_string() viewBox="0 0 26 26" aria-hidden="true">
            <rect x="7" y="4" width="15" height="4.6" rx="2.3" fill="currentColor"/>
            <rect x="4" y="10.7" width="15" height="4.6" rx="2.3" fill="currentColor" opacity=".72"/>
            <rect x="7" y="17.4" width="15" height="4.6" rx="2.3" fill="currentColor" opacity=".42"/>
        </svg>
    }
}
