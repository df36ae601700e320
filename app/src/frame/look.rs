//! Theme and contrast: the system's, or the reader's own choice, kept in a cookie so that the first paint is right.

use leptos::prelude::*;

use crate::call::{self, CallError};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Contrast {
    #[default]
    System,
    More,
    Standard,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::System => "As the system",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    /// `data-theme` of the root; absent follows the system.
    pub fn attribute(self) -> Option<&'static str> {
        (self != Self::System).then(|| self.as_str())
    }

    /// For `<meta name="color-scheme">`: what the browser paints before the styles are there.
    pub fn color_scheme(self) -> &'static str {
        match self {
            Self::System => "light dark",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn read(text: Option<&str>) -> Self {
        Self::ALL
            .into_iter()
            .find(|theme| Some(theme.as_str()) == text)
            .unwrap_or_default()
    }
}

impl Contrast {
    pub const ALL: [Self; 3] = [Self::System, Self::More, Self::Standard];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::More => "more",
            Self::Standard => "standard",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::System => "As the system",
            Self::More => "High",
            Self::Standard => "Standard",
        }
    }

    /// `data-contrast` of the root; absent follows the system.
    pub fn attribute(self) -> Option<&'static str> {
        (self != Self::System).then(|| self.as_str())
    }

    fn read(text: Option<&str>) -> Self {
        Self::ALL
            .into_iter()
            .find(|contrast| Some(contrast.as_str()) == text)
            .unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    pub theme: Theme,
    pub contrast: Contrast,
}

impl Look {
    /// What the reader chose, as the server reads it.
    pub(crate) fn from_cookies() -> Self {
        Self {
            theme: Theme::read(call::cookie("theme").as_deref()),
            contrast: Contrast::read(call::cookie("contrast").as_deref()),
        }
    }

    fn kept() -> Self {
        Self {
            theme: Theme::read(super::kept("theme").as_deref()),
            contrast: Contrast::read(super::kept("contrast").as_deref()),
        }
    }
}

pub(super) fn provide_look() {
    provide_context(RwSignal::new(Look::kept()));
}

/// The reader's choice of theme and contrast.
pub fn use_look() -> RwSignal<Look> {
    expect_context::<RwSignal<Look>>()
}

/// Takes a look at once and keeps it. For handlers: the server uses [`choose_look`].
pub fn choose(signal: RwSignal<Look>, look: Look) {
    ui::dom::keep("theme", look.theme.as_str());
    ui::dom::keep("contrast", look.contrast.as_str());
    ui::dom::set_root_data("theme", look.theme.attribute());
    ui::dom::set_root_data("contrast", look.contrast.attribute());
    signal.set(look);
}

/// Keeps a theme and a contrast, for forms without script.
#[server]
pub async fn choose_look(theme: String, contrast: String) -> Result<(), CallError> {
    call::keep("theme", Theme::read(Some(&theme)).as_str());
    call::keep("contrast", Contrast::read(Some(&contrast)).as_str());
    Ok(())
}
