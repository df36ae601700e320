//! Outputs as people see them: text, errors, pictures and tables inline; everything active in a sandboxed frame.

pub mod ansi;
mod failure;
mod follow;
mod framed;

use leptos::html::Pre;
use leptos::prelude::*;
use notebook::Map;
use notebook::runs::{Output, StreamName};
use serde_json::Value;

pub use failure::Failure;
use follow::Follow;
use framed::Framed;

use crate::browser;
use crate::clean::clean_output;
use crate::notebooks::words;
use crate::text::{self, TextSetter};

/// What to draw of a mime bundle, richest first.
#[derive(Clone, Debug, PartialEq)]
enum Drawn {
    /// Harmless HTML of our own making.
    Html(String),
    Picture {
        source: String,
        width: Option<u32>,
        alt: String,
    },
    Text(String),
    /// Needs the frame; the text stands in until it is there, and without script.
    Framed {
        bundle: Map,
        text: String,
    },
    /// Too large to come along: fetched when it is asked for.
    Large {
        mime: String,
        address: String,
        bytes: u64,
    },
    Nothing,
}

/// One output. `notebook` is needed to find large values, which are kept apart.
#[component]
pub fn OutputView(
    output: ArcRwSignal<Output>,
    #[prop(into)] notebook: String,
    /// Called with the line (from 1) of the cell that failed.
    #[prop(into)]
    go_to_line: Callback<u32>,
) -> impl IntoView {
    let kind = {
        let output = output.clone();
        Memo::new(move |_| output.with(|output| kind_of(&output.shown())))
    };
    let setter = text::use_text_setter();
    move || {
        let output = output.clone();
        match kind.get() {
            Kind::Stream(name) => {
                let lines = NodeRef::<Pre>::new();
                let follow = Follow::new(lines);
                let html = Memo::new(move |_| {
                    output.with(|output| match &*output.shown() {
                        Output::Stream { text, .. } => ansi::to_html(text),
                        _ => String::new(),
                    })
                });
                let class = if name == StreamName::Stderr {
                    "out-text out-text--stderr"
                } else {
                    "out-text"
                };
                Effect::new(move |_| {
                    html.track();
                    follow.grown();
                });
                view! { <pre class=class node_ref=lines on:scroll=move |_| follow.scrolled() tabindex="0" aria-label=if name == StreamName::Stderr { "Error stream" } else { "Text output" } inner_html=move || html.get()></pre> }.into_any()
            }
            Kind::Error => {
                let (name, value, traceback) = output.with(|output| match &*output.shown() {
                    Output::Error {
                        ename,
                        evalue,
                        traceback,
                    } => (ename.clone(), evalue.clone(), traceback.clone()),
                    _ => Default::default(),
                });
                view! { <Failure name value traceback go_to_line/> }.into_any()
            }
            Kind::Data => {
                let of = notebook.clone();
                let drawn = Memo::new(move |_| {
                    output.with(|output| match &*output.shown() {
                        Output::DisplayData { data, metadata, .. }
                        | Output::ExecuteResult { data, metadata, .. } => {
                            draw(data, metadata, &of, setter)
                        }
                        _ => Drawn::Nothing,
                    })
                });
                let notebook = StoredValue::new(notebook.clone());
                (move || notebook.with_value(|notebook| show(drawn.get(), notebook))).into_any()
            }
            Kind::Unknown => {
                let text = output.with(|output| match output {
                    Output::Unknown(value) => {
                        serde_json::to_string_pretty(value).unwrap_or_default()
                    }
                    _ => String::new(),
                });
                view! {
                    <details class="out-unknown">
                        <summary>"An output of a kind this studio does not draw; it is kept in the file."</summary>
                        <pre class="out-text">{text}</pre>
                    </details>
                }
                .into_any()
            }
        }
    }
}

fn show(drawn: Drawn, notebook: &str) -> AnyView {
    match drawn {
        Drawn::Html(html) => view! { <div class="out-html" tabindex="0" inner_html=html></div> }.into_any(),
        Drawn::Picture { source, width, alt } => view! { <img class="out-picture" src=source width=width alt=alt/> }.into_any(),
        Drawn::Text(text) => view! { <pre class="out-text" tabindex="0" aria-label="Result" inner_html=ansi::to_html(&text)></pre> }.into_any(),
        Drawn::Framed { bundle, text } => view! { <Framed bundle text/> }.into_any(),
        Drawn::Large { mime, address, bytes } => view! { <Large mime address bytes notebook=notebook.to_owned()/> }.into_any(),
        Drawn::Nothing => ().into_any(),
    }
}

/// A result that is kept apart: how large it is, and ways to it. Without script it is a download.
#[component]
fn Large(mime: String, address: String, bytes: u64, notebook: String) -> impl IntoView {
    let fetched = RwSignal::new(None::<Result<String, String>>);
    let asking = RwSignal::new(false);
    let href = address.clone();
    let setter = text::use_text_setter();
    let fetch = move |_| {
        asking.set(true);
        let address = address.clone();
        leptos::task::spawn_local(async move {
            fetched.try_set(Some(browser::fetch_text(&address).await));
            asking.try_set(false);
        });
    };
    view! {
        {move || match fetched.get() {
            Some(Ok(text)) => {
                let value = if mime.ends_with("json") { serde_json::from_str(&text).unwrap_or(Value::String(text)) } else { Value::String(text) };
                let data: Map = std::iter::once((mime.clone(), value)).collect();
                show(draw(&data, &Map::new(), &notebook, setter), &notebook)
            }
            Some(Err(why)) => view! { <p class="fs-12 t3">{format!("This result could not be fetched: {why}")}</p> }.into_any(),
            None => ().into_any(),
        }}
        <p class="out-large" hidden=move || matches!(fetched.get(), Some(Ok(_)))>
            {format!("A result of {}. ", words::bytes(bytes))}
            <button type="button" class="link needs-script" disabled=move || asking.get() on:click=fetch>"Show it"</button>
            " "
            <a class="link" href=href download="result.txt" rel="external">"Download"</a>
        </p>
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Stream(StreamName),
    Error,
    Data,
    Unknown,
}

fn kind_of(output: &Output) -> Kind {
    match output {
        Output::Stream { name, .. } => Kind::Stream(*name),
        Output::Error { .. } => Kind::Error,
        Output::DisplayData { .. } | Output::ExecuteResult { .. } => Kind::Data,
        Output::Unknown(_) => Kind::Unknown,
    }
}

/// Charts drawn in the frame, richest first; each in any version: the frame's libraries read the older ones too.
const CHARTS: &[&str] = &[
    "application/vnd.plotly.v",
    "application/vnd.vegalite.v",
    "application/vnd.vega.v",
];

fn chart(data: &Map) -> Option<&str> {
    CHARTS.iter().find_map(|kind| {
        data.keys().map(String::as_str).find(|mime| {
            let version = mime
                .strip_prefix(kind)
                .and_then(|rest| rest.strip_suffix("+json"));
            version.is_some_and(|version| {
                version.starts_with(|first: char| first.is_ascii_digit())
                    && version
                        .bytes()
                        .all(|byte| byte.is_ascii_digit() || byte == b'.')
            })
        })
    })
}

fn draw(data: &Map, metadata: &Map, notebook: &str, setter: Option<TextSetter>) -> Drawn {
    let plain = || data.get("text/plain").and_then(text_of).unwrap_or_default();
    let framed = |mime: &str| {
        let mut bundle = Map::new();
        for (kind, value) in data.iter().filter(|(kind, _)| kind.as_str() == mime) {
            bundle.insert(kind.clone(), with_address(value, notebook));
        }
        Drawn::Framed {
            bundle,
            text: plain(),
        }
    };
    let large = |mime: &str| {
        let value = data.get(mime)?;
        Some(Drawn::Large {
            mime: mime.to_owned(),
            address: blob_address(notebook, blob_of(value)?),
            bytes: value.get("bytes").and_then(Value::as_u64).unwrap_or(0),
        })
    };
    if let Some(mime) = chart(data) {
        return framed(mime);
    }
    if let Some(value) = data.get("text/html") {
        return match text_of(value).as_deref().map(clean_output) {
            Some(Some(clean)) => Drawn::Html(clean),
            _ => framed("text/html"),
        };
    }
    if let Some(text) = data.get("text/markdown").and_then(text_of) {
        return Drawn::Html(text::text(setter, &text, &Map::new()));
    }
    if let Some(large) = large("text/markdown") {
        return large;
    }
    if data.contains_key("image/svg+xml") {
        // As a picture, not as part of the page: a picture cannot run anything.
        if let Some(source) = picture(data, "image/svg+xml", notebook) {
            return Drawn::Picture {
                source,
                width: None,
                alt: plain(),
            };
        }
    }
    for mime in ["image/png", "image/jpeg", "image/webp", "image/gif"] {
        if let Some(source) = picture(data, mime, notebook) {
            let size = metadata
                .get(mime)
                .and_then(|size| size.get("width"))
                .or_else(|| metadata.get("width"));
            let width = size
                .and_then(Value::as_u64)
                .and_then(|width| u32::try_from(width).ok());
            return Drawn::Picture {
                source,
                width,
                alt: plain(),
            };
        }
    }
    if let Some(text) = data.get("text/latex").and_then(text_of) {
        return Drawn::Html(latex(setter, &text));
    }
    if data.contains_key("application/javascript") {
        return framed("application/javascript");
    }
    if let Some(large) = large("application/json").or_else(|| large("text/plain")) {
        return large;
    }
    if let Some(value) = data.get("application/json") {
        return Drawn::Text(serde_json::to_string_pretty(value).unwrap_or_default());
    }
    match plain() {
        text if text.is_empty() => Drawn::Nothing,
        text => Drawn::Text(text),
    }
}

/// A string, or the lines of one; `None` for a value that is kept apart.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => Some(lines.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

fn blob_of(value: &Value) -> Option<&str> {
    let hash = value.get("blob")?.as_str()?;
    (hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit())).then_some(hash)
}

fn blob_address(notebook: &str, hash: &str) -> String {
    format!("/api/v1/notebooks/{notebook}/blobs/{hash}")
}

/// The value, or where the frame's host finds it.
fn with_address(value: &Value, notebook: &str) -> Value {
    match blob_of(value) {
        Some(hash) => serde_json::json!({ "address": blob_address(notebook, hash) }),
        None => value.clone(),
    }
}

/// Where a picture's bytes are, given its one MIME type with its value.
pub(crate) fn picture_of(data: &Map, notebook: &str) -> Option<String> {
    picture(data, data.keys().next()?, notebook)
}

fn picture(data: &Map, mime: &str, notebook: &str) -> Option<String> {
    let value = data.get(mime)?;
    if let Some(hash) = blob_of(value) {
        return Some(blob_address(notebook, hash));
    }
    let text = text_of(value)?;
    if mime == "image/svg+xml" {
        let mut source = String::from("data:image/svg+xml;charset=utf-8,");
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~ /:;=,()".contains(&byte) {
                source.push(byte as char);
            } else {
                source.push_str(&format!("%{byte:02X}"));
            }
        }
        return Some(source);
    }
    Some(format!(
        "data:{mime};base64,{}",
        text.replace(['\n', '\r', ' '], "")
    ))
}

fn latex(setter: Option<TextSetter>, text: &str) -> String {
    let trimmed = text.trim();
    let inner = [("$$", "$$"), ("\\[", "\\]"), ("$", "$"), ("\\(", "\\)")]
        .iter()
        .find_map(|(open, close)| {
            trimmed
                .strip_prefix(open)?
                .strip_suffix(close)
                .map(|inner| (inner, *open != "$" && *open != "\\("))
        });
    match inner {
        Some((inner, display)) => text::maths(
            setter,
            inner.trim().trim_start_matches("\\displaystyle").trim(),
            display,
        ),
        None => text::maths(setter, trimmed, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(json: &str) -> Drawn {
        draw(
            &serde_json::from_str(json).unwrap(),
            &Map::new(),
            "nb_1",
            None,
        )
    }

    #[test]
    fn the_richest_harmless_form_is_drawn() {
        assert_eq!(
            drawn(r#"{"text/plain": "1", "text/html": "<b>1</b>"}"#),
            Drawn::Html("<b>1</b>".into())
        );
        assert_eq!(
            drawn(r#"{"text/plain": ["a\n", "b"]}"#),
            Drawn::Text("a\nb".into())
        );
        assert!(
            matches!(drawn(r#"{"text/plain": "x", "image/png": "AA=="}"#), Drawn::Picture { source, .. } if source == "data:image/png;base64,AA==")
        );
    }

    #[test]
    fn what_can_run_goes_to_the_frame_with_its_text_beside_it() {
        assert!(
            matches!(drawn(r#"{"text/html": "<script>1</script>", "text/plain": "x"}"#), Drawn::Framed { text, .. } if text == "x")
        );
        assert!(
            matches!(drawn(r#"{"application/vnd.plotly.v1+json": {}, "text/html": "<b>"}"#), Drawn::Framed { bundle, .. } if bundle.len() == 1)
        );
    }

    #[test]
    fn a_picture_kept_apart_is_loaded_from_its_address() {
        let hash = "a".repeat(64);
        let source = match drawn(&format!(
            r#"{{"image/png": {{"blob": "{hash}", "bytes": 9}}}}"#
        )) {
            Drawn::Picture { source, .. } => source,
            other => panic!("{other:?}"),
        };
        assert_eq!(source, format!("/api/v1/notebooks/nb_1/blobs/{hash}"));
    }

    #[test]
    fn a_large_result_says_how_large_it_is_and_where_to_find_it() {
        let hash = "b".repeat(64);
        let apart = format!(r#"{{"blob": "{hash}", "bytes": 70000}}"#);
        for mime in ["text/plain", "text/markdown", "application/json"] {
            assert_eq!(
                drawn(&format!(r#"{{"{mime}": {apart}}}"#)),
                Drawn::Large {
                    mime: mime.into(),
                    address: format!("/api/v1/notebooks/nb_1/blobs/{hash}"),
                    bytes: 70_000
                }
            );
        }
        assert!(matches!(
            drawn(&format!(
                r#"{{"text/plain": {apart}, "image/png": "AA=="}}"#
            )),
            Drawn::Picture { .. }
        ));
    }

    #[test]
    fn charts_of_any_version_go_to_the_frame() {
        for mime in ["vegalite.v6", "vegalite.v5.20", "vega.v6", "plotly.v1"] {
            let json = format!(r#"{{"application/vnd.{mime}+json": {{}}, "text/plain": "x"}}"#);
            assert!(matches!(drawn(&json), Drawn::Framed { .. }), "{mime}");
        }
        for mime in ["vegalite.vx", "vega.v", "vega.v6;x"] {
            let json = format!(r#"{{"application/vnd.{mime}+json": {{}}, "text/plain": "x"}}"#);
            assert_eq!(drawn(&json), Drawn::Text("x".into()), "{mime}");
        }
    }

    #[test]
    fn an_svg_is_a_picture_and_no_part_of_the_page() {
        let picture = drawn("{\"image/svg+xml\": \"<svg onload='x'>\\\"#\"}");
        assert!(
            matches!(picture, Drawn::Picture { source, .. } if !source.contains('<') && !source.contains('"') && !source.contains('#'))
        );
    }
}
