//! What only a browser has: the socket, timers, the editor, the output frame and the tab's own store.
//!
//! All of it compiles natively too and is only ever called from effects and event handlers, which the server does not run.

pub mod editor;
pub mod frame;
pub mod socket;
pub mod store;

use wasm_bindgen::prelude::*;

#[wasm_bindgen(inline_js = r#"
export const load_module = url => import(url);
export const load_wasm_module = (url, wasm) => import(url).then(module => module.default({ module_or_path: wasm }).then(() => module));
let nearby;
export function watch_nearby(selector, root, margin, call) {
    nearby?.disconnect();
    const within = document.querySelector(root);
    const scrolls = within && /auto|scroll/.test(getComputedStyle(within).overflowY);
    nearby = new IntersectionObserver(entries => {
        for (const { target, isIntersecting } of entries) {
            if (!isIntersecting) continue;
            nearby.unobserve(target);
            call(target.id);
        }
    }, { root: scrolls ? within : null, rootMargin: `${margin}px 0px` });
    for (const element of document.querySelectorAll(selector)) nearby.observe(element);
}
export function standing_html(selector) {
    const element = document.querySelector(selector);
    element?.removeAttribute("data-drawn");
    return element?.innerHTML;
}
export function offset_at(element, x, y) {
    let node, offset;
    if (document.caretPositionFromPoint) {
        const position = document.caretPositionFromPoint(x, y);
        if (!position) return -1;
        [node, offset] = [position.offsetNode, position.offset];
    } else if (document.caretRangeFromPoint) {
        const range = document.caretRangeFromPoint(x, y);
        if (!range) return -1;
        [node, offset] = [range.startContainer, range.startOffset];
    } else return -1;
    if (!element.contains(node) || node.nodeType !== Node.TEXT_NODE) return -1;
    let before = 0;
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
        if (text.parentElement.closest(".caret")) continue;
        if (text === node) return before + offset;
        before += text.length;
    }
    return -1;
}
export async function copy_text(text) {
    try {
        if (navigator.clipboard) {
            await navigator.clipboard.writeText(text);
            return true;
        }
    } catch {}
    // A page that did not come over a safe connection has no clipboard, but what is selected in a field can still be copied.
    const field = document.createElement("textarea");
    field.value = text;
    field.readOnly = true;
    field.style.cssText = "position: fixed; top: 0; left: 0; opacity: 0";
    const before = document.activeElement;
    // Everything outside an open dialog is inert.
    ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(field);
    field.focus({ preventScroll: true });
    field.select();
    try {
        return document.execCommand("copy");
    } catch {
        return false;
    } finally {
        field.remove();
        before?.focus?.({ preventScroll: true });
    }
}
"#)]
extern "C" {
    fn load_module(url: &str) -> js_sys::Promise;
    fn load_wasm_module(url: &str, wasm: &str) -> js_sys::Promise;
    fn watch_nearby(selector: &str, root: &str, margin: u32, call: &JsValue);
    fn standing_html(selector: &str) -> Option<String>;
    fn copy_text(text: &str) -> js_sys::Promise;
    #[wasm_bindgen(js_name = offset_at)]
    fn text_offset_at(element: &web_sys::Element, x: f64, y: f64) -> i32;
}

/// Which position of an element's text (UTF-16 units) is drawn at a point of the window. Names on carets do not count.
pub fn offset_at(element: &web_sys::Element, x: f64, y: f64) -> Option<u32> {
    u32::try_from(text_offset_at(element, x, y)).ok()
}

/// Calls back with the id of each element, once, when it comes within `margin` pixels of what is seen of `root`. One watch at a time.
pub fn watch_near(selector: &str, root: &str, margin: u32, call: impl Fn(String) + 'static) {
    let call = Closure::wrap(Box::new(call) as Box<dyn Fn(String)>);
    watch_nearby(selector, root, margin, call.as_ref());
    // The next watch ends this one; its callback may still be under way then.
    call.forget();
}

/// What the server drew here and nobody has read yet, so that it need not be made again. Always nothing on the server.
pub fn standing(cell: &str, class: &str) -> Option<String> {
    if cfg!(not(target_arch = "wasm32")) {
        return None;
    }
    standing_html(&format!("#cell-{cell} .{class}[data-drawn]"))
}

/// Is it the server that draws?
pub fn is_server() -> bool {
    cfg!(not(target_arch = "wasm32"))
}

/// Loads one of our own script modules by its URL in the asset manifest.
pub async fn module(url: &str) -> Result<JsValue, String> {
    wasm_bindgen_futures::JsFuture::from(load_module(url))
        .await
        .map_err(|error| words(&error))
}

/// Loads one of our own WebAssembly modules by the URLs of its script and itself.
pub async fn wasm_module(url: &str, wasm: &str) -> Result<JsValue, String> {
    wasm_bindgen_futures::JsFuture::from(load_wasm_module(url, wasm))
        .await
        .map_err(|error| words(&error))
}

/// What a JavaScript error says.
pub fn words(error: &JsValue) -> String {
    js_sys::Reflect::get(error, &"message".into())
        .ok()
        .and_then(|message| message.as_string())
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "the browser gave no reason".to_owned())
}

/// Milliseconds since 1970 on this machine's clock.
pub fn now_ms() -> f64 {
    js_sys::Date::now()
}

pub fn random_u64() -> u64 {
    let mut bytes = [0_u8; 8];
    let filled = web_sys::window()
        .and_then(|window| window.crypto().ok())
        .and_then(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).ok());
    if filled.is_none() {
        return js_sys::Math::random().to_bits() ^ now_ms().to_bits().rotate_left(17);
    }
    u64::from_le_bytes(bytes)
}

/// A running timer; dropping it stops it.
pub struct Timer {
    id: i32,
    repeats: bool,
    _closure: Closure<dyn FnMut()>,
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(window) = web_sys::window() {
            if self.repeats {
                window.clear_interval_with_handle(self.id);
            } else {
                window.clear_timeout_with_handle(self.id);
            }
        }
    }
}

/// Calls back once. Keep the timer.
pub fn after(milliseconds: i32, call: impl FnMut() + 'static) -> Option<Timer> {
    let closure = Closure::wrap(Box::new(call) as Box<dyn FnMut()>);
    let id = web_sys::window()?
        .set_timeout_with_callback_and_timeout_and_arguments_0(
            closure.as_ref().unchecked_ref(),
            milliseconds,
        )
        .ok()?;
    Some(Timer {
        id,
        repeats: false,
        _closure: closure,
    })
}

/// Calls back again and again. Keep the timer.
pub fn every(milliseconds: i32, call: impl FnMut() + 'static) -> Option<Timer> {
    let closure = Closure::wrap(Box::new(call) as Box<dyn FnMut()>);
    let id = web_sys::window()?
        .set_interval_with_callback_and_timeout_and_arguments_0(
            closure.as_ref().unchecked_ref(),
            milliseconds,
        )
        .ok()?;
    Some(Timer {
        id,
        repeats: true,
        _closure: closure,
    })
}

/// Hears keys before anything of the page does, the editor too. Dropping it ends that.
pub struct KeysFirst {
    hear: Closure<dyn FnMut(web_sys::KeyboardEvent)>,
}

impl Drop for KeysFirst {
    fn drop(&mut self) {
        if let Some(window) = web_sys::window() {
            let _ = window.remove_event_listener_with_callback_and_bool(
                "keydown",
                self.hear.as_ref().unchecked_ref(),
                true,
            );
        }
    }
}

pub fn keys_first(hear: impl FnMut(web_sys::KeyboardEvent) + 'static) -> Option<KeysFirst> {
    let hear = Closure::wrap(Box::new(hear) as Box<dyn FnMut(web_sys::KeyboardEvent)>);
    web_sys::window()?
        .add_event_listener_with_callback_and_bool("keydown", hear.as_ref().unchecked_ref(), true)
        .ok()?;
    Some(KeysFirst { hear })
}

/// An element of the page by id.
pub fn element(id: &str) -> Option<web_sys::HtmlElement> {
    web_sys::window()?
        .document()?
        .get_element_by_id(id)?
        .dyn_into()
        .ok()
}

/// Gives an element the focus and brings it into view without jumping when it is there already.
pub fn focus(id: &str) {
    focus_in_place(id);
    let Some(element) = element(id) else { return };
    let into_view = web_sys::ScrollIntoViewOptions::new();
    into_view.set_block(web_sys::ScrollLogicalPosition::Nearest);
    element.scroll_into_view_with_scroll_into_view_options(&into_view);
}

/// Gives an element the focus and scrolls nothing.
pub fn focus_in_place(id: &str) {
    let Some(element) = element(id) else { return };
    let options = web_sys::FocusOptions::new();
    options.set_prevent_scroll(true);
    let _ = element.focus_with_options(&options);
}

/// Does this very element have the focus?
pub fn has_focus(id: &str) -> bool {
    focused().is_some_and(|element| element.id() == id)
}

/// Has nothing the focus that a person would miss: only the page itself, or a cell as a whole?
pub fn focus_is_free() -> bool {
    focused().is_none_or(|element| {
        element.tag_name() == "BODY" || element.matches("section.cell").unwrap_or(false)
    })
}

fn focused() -> Option<web_sys::Element> {
    web_sys::window()?.document()?.active_element()
}

/// Did this happen on something that the selector matches, or inside it?
pub fn is_within(event: &web_sys::Event, selector: &str) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .is_some_and(|target| target.closest(selector).ok().flatten().is_some())
}

/// Does the person type into a field of the page (not into a notebook's command mode)?
pub fn types_elsewhere(event: &web_sys::Event) -> bool {
    is_within(
        event,
        "input, textarea, select, [contenteditable='true'], .monaco-editor, dialog[open], [role='menu'], .palette",
    )
}

/// The key that was pressed, by the letter or digit on it: the same with Caps Lock on, and on keyboards whose letters are not
/// Latin or whose digits need Shift.
pub fn key(event: &web_sys::KeyboardEvent) -> String {
    plain_key(&event.key(), &event.code(), event.shift_key())
}

/// `key` and `code` as a keyboard event has them.
fn plain_key(key: &str, code: &str, shift: bool) -> String {
    let mut letters = key.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else {
        return key.to_owned();
    };
    let by_place = if letter.is_ascii_alphanumeric() {
        Some(letter)
    } else if !letter.is_ascii()
        && let Some(place) = code.strip_prefix("Key")
    {
        place.chars().next()
    } else if !shift && let Some(place) = code.strip_prefix("Digit") {
        place.chars().next()
    } else {
        None
    };
    let letter = by_place.unwrap_or(letter);
    let letter = if shift {
        letter.to_ascii_uppercase()
    } else {
        letter.to_ascii_lowercase()
    };
    letter.to_string()
}

/// Puts a text onto the person's clipboard. For callers that have nothing to say about it; others ask [`copied`].
pub fn copy(text: &str) {
    let text = text.to_owned();
    leptos::task::spawn_local(async move {
        copied(&text).await;
    });
}

/// Puts a text onto the person's clipboard; whether it is there. Some browsers refuse, and without a safe connection there is
/// only an older way, which some have given up.
pub async fn copied(text: &str) -> bool {
    wasm_bindgen_futures::JsFuture::from(copy_text(text))
        .await
        .is_ok_and(|done| done.is_truthy())
}

/// Something small this browser remembers for the person, across visits.
pub fn remembered(name: &str) -> Option<String> {
    web_sys::window()?
        .local_storage()
        .ok()??
        .get_item(name)
        .ok()?
}

pub fn remember(name: &str, value: &str) {
    if let Some(storage) =
        web_sys::window().and_then(|window| window.local_storage().ok().flatten())
    {
        let _ = storage.set_item(name, value);
    }
}

/// The text at one of our own addresses.
pub async fn fetch_text(url: &str) -> Result<String, String> {
    let window = web_sys::window().ok_or("there is no window")?;
    let answer = wasm_bindgen_futures::JsFuture::from(window.fetch_with_str(url))
        .await
        .map_err(|error| words(&error))?;
    let response: web_sys::Response = answer
        .dyn_into()
        .map_err(|_| "the browser gave no answer".to_owned())?;
    if !response.ok() {
        return Err(format!("the studio answered {}", response.status()));
    }
    let text =
        wasm_bindgen_futures::JsFuture::from(response.text().map_err(|error| words(&error))?).await;
    text.map_err(|error| words(&error))?
        .as_string()
        .ok_or_else(|| "the answer is no text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_on_every_keyboard() {
        let cases = [
            // What is written on it, where it is, with Shift; what it is to us.
            ("a", "KeyA", false, "a"),
            ("A", "KeyA", true, "A"),
            // Caps Lock.
            ("A", "KeyA", false, "a"),
            ("a", "KeyA", true, "A"),
            // Cyrillic, Greek.
            ("ф", "KeyA", false, "a"),
            ("М", "KeyV", true, "V"),
            ("β", "KeyB", false, "b"),
            // Dvorak: the letter counts, not the place.
            ("j", "KeyC", false, "j"),
            ("'", "KeyQ", false, "'"),
            // AZERTY: digits are on Shift, and its letters count.
            ("&", "Digit1", false, "1"),
            ("é", "Digit2", false, "2"),
            ("1", "Digit1", true, "1"),
            ("?", "KeyM", true, "?"),
            ("a", "KeyQ", false, "a"),
            // What means something by itself stays.
            ("!", "Digit1", true, "!"),
            ("/", "Slash", false, "/"),
            ("Enter", "Enter", true, "Enter"),
            ("Dead", "KeyE", false, "Dead"),
        ];
        for (key, code, shift, wanted) in cases {
            assert_eq!(plain_key(key, code, shift), wanted, "{key} at {code}");
        }
    }
}
