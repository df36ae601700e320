//! The list of keys: those of every page, and how a row of it is drawn.

use leptos::prelude::*;

use super::keys::EVERYWHERE;

/// The shortcuts of a page that has none of its own.
#[component]
pub(super) fn ShortcutsDialog(open: RwSignal<bool>) -> impl IntoView {
    view! {
        <ui::Dialog title="Shortcuts" id="keys" open=open>
            <p class="t2 fs-12">"On a Mac, Ctrl is Cmd. G and the letter are pressed one after the other."</p>
            <div class="shortcuts"><ShortcutRows rows=EVERYWHERE.to_vec()/></div>
        </ui::Dialog>
    }
}

/// Words on one side, keys on the other.
#[component]
pub(crate) fn ShortcutRows(rows: Vec<(&'static str, &'static str)>) -> impl IntoView {
    view! {
        <dl>
            {rows
                .into_iter()
                .map(|(words, keys)| {
                    view! {
                        <div class="shortcuts__row">
                            <dt>{words}</dt>
                            <dd class="kbds"><KeyWords keys/></dd>
                        </div>
                    }
                })
                .collect_view()}
        </dl>
    }
}

/// `Shift K or Up`: each key in its cap, the words between them plain.
#[component]
pub(crate) fn KeyWords(#[prop(into)] keys: String) -> impl IntoView {
    keys.split(' ')
        .map(|key| match key {
            "or" | "to" => view! { <span class="t3">{key.to_owned()}</span> }.into_any(),
            key => view! { <kbd class="kbd">{key.to_owned()}</kbd> }.into_any(),
        })
        .collect_view()
}
