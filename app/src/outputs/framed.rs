//! An active output in its sandboxed frame; the text form stands there until the frame is drawn, and where scripts are off.

use leptos::html::Div;
use leptos::prelude::*;
use notebook::Map;

use crate::browser::frame::Frame;

#[component]
pub fn Framed(bundle: Map, text: String) -> impl IntoView {
    let host = NodeRef::<Div>::new();
    let drawn = RwSignal::new(false);
    let failed = RwSignal::new(None::<String>);
    let assets = crate::assets::use_assets();
    let json = serde_json::to_string(&bundle).unwrap_or_default();
    Effect::new(move |_| {
        let Some(host) = host.get() else { return };
        let (json, assets) = (json.clone(), assets.clone());
        // The frame lives as long as this output; it is not `Send`, so it stays in the browser's own storage.
        let kept = StoredValue::new_local(None::<Frame>);
        leptos::task::spawn_local(async move {
            match Frame::render(&assets.url("host.js"), &host, &json, "Output", &assets.json()).await {
                Ok(frame) => {
                    // Gone in the meantime: the frame is dropped here.
                    if kept.try_set_value(Some(frame)).is_none() {
                        drawn.try_set(true);
                    }
                }
                Err(why) => {
                    failed.try_set(Some(why));
                }
            }
        });
    });
    view! {
        <div class="out-frame">
            <div node_ref=host></div>
            <Show when=move || !drawn.get()>
                <pre class="out-text">{text.clone()}</pre>
            </Show>
            {move || failed.get().map(|why| view! { <p class="fs-12 t3">{format!("This output could not be drawn: {why}")}</p> })}
        </div>
    }
}
