//! Words and shapes that say how something stands: badge, banner, progress, skeleton, empty, keys.

use leptos::prelude::*;

use crate::Icon;

/// What a colour means; an icon or a word always repeats it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Neutral,
    Ok,
    Warn,
    Danger,
    Info,
    Suggest,
    Accent,
}

impl Tone {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Danger => "danger",
            Self::Info => "info",
            Self::Suggest => "suggest",
            Self::Accent => "accent",
        }
    }

    fn icon(self) -> &'static str {
        match self {
            Self::Ok => "okc",
            Self::Warn => "alert",
            Self::Danger => "error",
            Self::Suggest => "suggest",
            Self::Neutral | Self::Info | Self::Accent => "info",
        }
    }
}

/// A state in a word or two.
#[component]
pub fn Badge(
    #[prop(optional)] tone: Tone,
    #[prop(optional)] icon: Option<&'static str>,
    children: Children,
) -> impl IntoView {
    let class = if tone == Tone::Neutral {
        "badge".to_owned()
    } else {
        format!("badge badge--{}", tone.as_str())
    };
    view! { <span class=class>{icon.map(|name| view! { <Icon name=name size=12/> })} {children()}</span> }
}

/// Sits where the problem is: says what happened, what was kept, and the next step.
#[component]
pub fn Banner(#[prop(default = Tone::Info)] tone: Tone, children: Children) -> impl IntoView {
    let class = if tone == Tone::Neutral {
        "banner".to_owned()
    } else {
        format!("banner banner--{}", tone.as_str())
    };
    let role = if tone == Tone::Danger {
        "alert"
    } else {
        "status"
    };
    view! {
        <div class=class role=role>
            <Icon name=tone.icon()/>
            <div class="banner__body">{children()}</div>
        </div>
    }
}

/// A bar with a number, or without one while the end is not known.
#[component]
pub fn Progress(
    #[prop(into)] label: String,
    /// 0 to 100; `None` while unknown.
    #[prop(into)]
    percent: Signal<Option<u8>>,
) -> impl IntoView {
    view! {
        <div
            class="bar"
            class:is-indeterminate=move || percent.get().is_none()
            role="progressbar"
            aria-label=label
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=move || percent.get().map(|value| value.to_string())
        >
            <i style=move || percent.get().map(|value| format!("--v:{value}%"))></i>
        </div>
    }
}

/// Goes round; with reduced motion it stands still, so a word or a number stands beside it.
#[component]
pub fn Spinner() -> impl IntoView {
    view! { <span class="spin" aria-hidden="true"></span> }
}

/// Lines where words will be.
#[component]
pub fn Skeleton(#[prop(default = 3)] lines: usize) -> impl IntoView {
    view! {
        <div class="skeleton" role="status" aria-label="Loading">
            {(0..lines)
                .map(|line| view! { <div class="sk" style=format!("width:{}%", [88, 64, 76, 52][line % 4])></div> })
                .collect_view()}
        </div>
    }
}

/// One line of what belongs here, one of how to start, and at most two buttons.
#[component]
pub fn Empty(
    icon: &'static str,
    #[prop(into)] title: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <span class="empty__art"><Icon name=icon size=20/></span>
            <p class="empty__title">{title}</p>
            {hint.map(|hint| view! { <p>{hint}</p> })}
            {children.map(|children| view! { <div class="row g-2">{children()}</div> })}
        </div>
    }
}

/// One key.
#[component]
pub fn Kbd(#[prop(into)] key: String) -> impl IntoView {
    view! { <kbd class="kbd">{key}</kbd> }
}

/// A chord such as `mod+K`; `mod` is ⌘ on a Mac and Ctrl elsewhere, known after mount.
#[component]
pub fn Keys(#[prop(into)] chord: String) -> impl IntoView {
    let mac = RwSignal::new(false);
    Effect::new(move |_| mac.set(crate::dom::is_mac()));
    view! {
        <span class="kbds">
            {chord
                .split('+')
                .map(|key| {
                    let key = key.to_owned();
                    view! { <kbd class="kbd">{move || key_name(&key, mac.get())}</kbd> }
                })
                .collect_view()}
        </span>
    }
}

fn key_name(key: &str, mac: bool) -> String {
    match (key, mac) {
        ("mod", true) => "⌘".to_owned(),
        ("mod", false) => "Ctrl".to_owned(),
        ("shift", true) => "⇧".to_owned(),
        ("shift", false) => "Shift".to_owned(),
        ("alt", true) => "⌥".to_owned(),
        ("alt", false) => "Alt".to_owned(),
        ("enter", true) => "↩".to_owned(),
        ("enter", false) => "Enter".to_owned(),
        (other, _) => other.to_owned(),
    }
}
