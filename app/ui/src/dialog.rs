//! Dialogs: the platform's own `<dialog>`, which traps focus, gives it back and closes with Esc.

use leptos::html;
use leptos::prelude::*;

use crate::{IconButton, dom};

/// A decision to take. Open it by setting `open`; closing by any way sets it back.
#[component]
pub fn Dialog(
    #[prop(into)] title: Signal<String>,
    /// Names it for `aria-labelledby`; unique on the page.
    #[prop(into)]
    id: String,
    open: RwSignal<bool>,
    #[prop(optional)] wide: bool,
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let wanted = open.get();
        if let Some(dialog) = dialog.get() {
            if wanted && !dialog.open() {
                // Fails only when it is not in the document, and then there is nothing to show.
                let _ = dialog.show_modal();
            } else if !wanted && dialog.open() {
                dialog.close();
            }
        }
    });
    // Pressed and let go on the backdrop, once: not the end of a selection begun inside, nor the second half of a double click.
    let pressed = StoredValue::new(false);
    let outside = move |event: &web_sys::MouseEvent| {
        dialog
            .get_untracked()
            .is_some_and(|dialog| dom::is_target(event, &dialog))
    };
    let title_id = format!("{id}-title");
    let labelled = title_id.clone();
    view! {
        <dialog
            node_ref=dialog
            id=id
            class="dialog"
            class:dialog--wide=wide
            aria-labelledby=labelled
            on:close=move |_| open.set(false)
            // The backdrop is the dialog itself; everything inside is a child.
            on:mousedown=move |event| {
                let outside = outside(&event);
                pressed.set_value(outside);
                if outside {
                    // What has the focus inside keeps it.
                    event.prevent_default();
                }
            }
            on:click=move |event| {
                if pressed.get_value() && event.detail() < 2 && outside(&event) {
                    open.set(false);
                }
            }
        >
            <div class="dialog__head">
                <h2 class="dialog__title" id=title_id>{move || title.get()}</h2>
                <IconButton icon="x" name="Close" press=move || open.set(false)/>
            </div>
            <Show when=move || open.get()>{children()}</Show>
        </dialog>
    }
}

/// The row of verbs under a dialog: the safe one first.
#[component]
pub fn DialogFoot(children: Children) -> impl IntoView {
    view! { <div class="dialog__foot">{children()}</div> }
}
