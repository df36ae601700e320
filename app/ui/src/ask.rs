//! Asking first: a form whose sending a dialog explains before it happens.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlFormElement;

use crate::{Button, ButtonKind, Dialog, DialogFoot};

/// Holds a form back until the person has read what it does and pressed `verb`. Without script the form is sent as it stands.
#[component]
pub fn AskFirst(
    /// Of the dialog; unique on the page.
    #[prop(into)]
    id: String,
    #[prop(into)] title: String,
    /// What will happen, in whole sentences.
    words: &'static str,
    verb: &'static str,
    /// `false`: nothing is destroyed, the form goes at once.
    #[prop(default = true)]
    asks: bool,
    /// The form.
    children: Children,
) -> impl IntoView {
    let asking = RwSignal::new(false);
    let holder = NodeRef::<html::Div>::new();
    let send = move || {
        let form = holder
            .get_untracked()
            .and_then(|holder| holder.query_selector("form").ok().flatten())
            .and_then(|form| form.dyn_into::<HtmlFormElement>().ok());
        if let Some(form) = form {
            let _ = form.request_submit();
        }
        asking.set(false);
    };
    view! {
        <div
            node_ref=holder
            on:submit:capture=move |event| {
                // Sent only where it is certain that somebody was asked: a list being renewed knows of no question.
                if asks && asking.try_get_untracked() != Some(true) {
                    event.prevent_default();
                    asking.try_set(true);
                }
            }
        >
            {children()}
        </div>
        <Dialog id=id title=title open=asking>
            <div class="dialog__body">
                <p>{words}</p>
            </div>
            <DialogFoot>
                <Button press=move || asking.set(false)>"Keep"</Button>
                <Button kind=ButtonKind::Danger press=send>{verb}</Button>
            </DialogFoot>
        </Dialog>
    }
}
