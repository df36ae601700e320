//! Toasts: the result of something asked for earlier. Six seconds, longer while looked at; errors stay. At most three.

use std::time::Duration;

use leptos::prelude::*;

use crate::{Icon, IconButton, Tone};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    pub tone: Tone,
    pub title: String,
    pub detail: Option<String>,
}

/// Where toasts are put; from [`use_toasts`].
#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<(u32, Toast)>>,
    next: StoredValue<u32>,
}

impl Toasts {
    pub fn say(self, tone: Tone, title: impl Into<String>) {
        self.show(Toast {
            tone,
            title: title.into(),
            detail: None,
        });
    }

    pub fn show(self, toast: Toast) {
        let id = self.next.get_value();
        self.next.set_value(id.wrapping_add(1));
        let stays = toast.tone == Tone::Danger;
        self.shown.update(|shown| {
            shown.push((id, toast));
            let beyond = shown.len().saturating_sub(3);
            shown.drain(..beyond);
        });
        if !stays {
            set_timeout(move || self.expire(id), Duration::from_secs(6));
        }
    }

    fn expire(self, id: u32) {
        // Looked at or focused: ask again later.
        if crate::dom::is_any(&format!("#toast-{id}:hover, #toast-{id}:focus-within")) {
            set_timeout(move || self.expire(id), Duration::from_secs(2));
        } else {
            self.dismiss(id);
        }
    }

    fn dismiss(self, id: u32) {
        let _ = self
            .shown
            .try_update(|shown| shown.retain(|(other, _)| *other != id));
    }
}

/// Makes room for toasts; call it once at the root and draw [`ToastsView`] there.
pub fn provide_toasts() -> Toasts {
    let toasts = Toasts {
        shown: RwSignal::new(Vec::new()),
        next: StoredValue::new(0),
    };
    provide_context(toasts);
    toasts
}

/// The toasts of this page.
pub fn use_toasts() -> Toasts {
    use_context::<Toasts>().unwrap_or_else(provide_toasts)
}

/// The stack of toasts.
#[component]
pub fn ToastsView() -> impl IntoView {
    let toasts = use_toasts();
    view! {
        <div class="toasts" role="region" aria-label="Notices">
            <For each=move || toasts.shown.get() key=|(id, _)| *id let:entry>
                {
                    let (id, toast) = entry;
                    let (icon, class, role) = match toast.tone {
                        Tone::Ok => ("okc", "toast toast--ok", "status"),
                        Tone::Warn => ("alert", "toast toast--warn", "status"),
                        Tone::Danger => ("error", "toast toast--danger", "alert"),
                        _ => ("info", "toast toast--info", "status"),
                    };
                    view! {
                        <div id=format!("toast-{id}") class=class role=role>
                            <Icon name=icon/>
                            <div class="grow">
                                <div class="med">{toast.title}</div>
                                {toast.detail.map(|detail| view! { <div class="t2 fs-12">{detail}</div> })}
                            </div>
                            <IconButton icon="x" name="Dismiss" size=crate::ButtonSize::Small press=move || toasts.dismiss(id)/>
                        </div>
                    }
                }
            </For>
        </div>
    }
}
