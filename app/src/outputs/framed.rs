//! An active output in its sandboxed frame; the text form stands there until the frame is drawn, and where scripts are off.

use leptos::html::Div;
use leptos::prelude::*;
use notebook::Map;
use serde_json::Value;

use crate::browser::{self, frame::Frame};

#[component]
pub fn Framed(bundle: Map, text: String) -> impl IntoView {
    let host = NodeRef::<Div>::new();
    let drawn = RwSignal::new(false);
    let failed = RwSignal::new(None::<String>);
    let assets = crate::assets::use_assets();
    Effect::new(move |_| {
        let Some(host) = host.get() else { return };
        let (bundle, assets) = (bundle.clone(), assets.clone());
        // The frame lives as long as this output; it is not `Send`, so it stays in the browser's own storage.
        let kept = StoredValue::new_local(None::<Frame>);
        leptos::task::spawn_local(async move {
            let answer = match whole(bundle).await {
                Ok(json) => Frame::render(&assets.url("host.js"), &host, &json, "Output").await,
                Err(why) => Err(why),
            };
            match answer {
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

/// The bundle as JSON, with the values that are kept apart fetched.
async fn whole(mut bundle: Map) -> Result<String, String> {
    for (mime, value) in &mut bundle {
        if let Some(address) = value.get("address").and_then(|address| address.as_str()) {
            let text = browser::fetch_text(address).await?;
            *value = if mime.ends_with("json") {
                serde_json::from_str(&text).map_err(|_| "its data is not JSON".to_owned())?
            } else {
                text.into()
            };
        }
    }
    let mut bundle = Value::Object(bundle);
    plain_numbers(&mut bundle);
    Ok(serde_json::to_string(&bundle).unwrap_or_default())
}

/// Numbers JSON cannot say (`NaN`, infinities) are kept as `{"$number": …}`; charts read "no value" in their place.
fn plain_numbers(value: &mut Value) {
    match value {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("$number") => {
            *value = Value::Null
        }
        Value::Object(fields) => fields.values_mut().for_each(plain_numbers),
        Value::Array(items) => items.iter_mut().for_each(plain_numbers),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_json_cannot_say_is_no_value_to_a_chart() {
        let mut data = serde_json::json!({"y": [1, {"$number": "NaN"}], "$number": "a key among others", "z": {}});
        plain_numbers(&mut data);
        assert_eq!(
            data,
            serde_json::json!({"y": [1, null], "$number": "a key among others", "z": {}})
        );
    }
}
