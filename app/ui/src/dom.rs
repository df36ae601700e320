//! The few words we say to the page itself. On the server they compile and are never called: callers sit in effects and handlers.

use js_sys::{Array, Date, Reflect};
use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement};

/// Below this the sidebar and panels are drawers.
pub const NARROW: &str = "(max-width: 1080px)";

/// Go to another page with a fresh document.
pub fn go(url: &str) {
    let _ = window().location().assign(url);
}

pub fn reload() {
    let _ = window().location().reload();
}

/// Load the page at the present address with a fresh document, in the place of this one in the history.
pub fn load_here() {
    let location = window().location();
    let plain = location.hash().is_ok_and(|hash| hash.is_empty());
    // Replacing an address by itself would only scroll where it names a part of the page.
    let _ = match location.href() {
        Ok(here) if plain => location.replace(&here),
        _ => location.reload(),
    };
}

pub fn is_mac() -> bool {
    window()
        .navigator()
        .platform()
        .unwrap_or_default()
        .starts_with("Mac")
}

/// Does the screen match this media query now?
pub fn matches(query: &str) -> bool {
    window()
        .match_media(query)
        .ok()
        .flatten()
        .is_some_and(|list| list.matches())
}

/// Is the page on top and in sight? A tab in the background is not.
pub fn is_looked_at() -> bool {
    !Reflect::get(document().as_ref(), &"hidden".into()).is_ok_and(|hidden| hidden.is_truthy())
}

/// Did this happen on the element itself, rather than inside it?
pub fn is_target(event: &web_sys::Event, element: &Element) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
        .is_some_and(|target| target.is_same_node(Some(element)))
}

/// Does any element match this selector now?
pub fn is_any(selector: &str) -> bool {
    document().query_selector(selector).ok().flatten().is_some()
}

/// Keeps a choice of the reader for a year, where the server sees it too.
pub fn keep(name: &str, value: &str) {
    let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax");
    let _ = Reflect::set(
        document().as_ref(),
        &JsValue::from_str("cookie"),
        &JsValue::from_str(&cookie),
    );
}

/// `data-{name}` of the document's root; `None` removes it.
pub fn set_root_data(name: &str, value: Option<&str>) {
    if let Some(root) = document().document_element() {
        let name = format!("data-{name}");
        let _ = match value {
            Some(value) => root.set_attribute(&name, value),
            None => root.remove_attribute(&name),
        };
    }
}

pub fn root_data(name: &str) -> Option<String> {
    document()
        .document_element()?
        .get_attribute(&format!("data-{name}"))
}

/// The words inside the element with this id.
pub fn text_of(id: &str) -> Option<String> {
    document().get_element_by_id(id)?.text_content()
}

pub fn focus(id: &str) {
    if let Some(element) = document()
        .get_element_by_id(id)
        .and_then(|element| element.dyn_into::<HtmlElement>().ok())
    {
        let _ = element.focus();
    }
}

/// Gives the page itself the focus, where nothing of it has it: after going to another one.
pub fn focus_page(id: &str) {
    let document = document();
    let held = document.active_element().is_some_and(|element| {
        element.tag_name() != "BODY"
            && document
                .get_element_by_id(id)
                .is_some_and(|page| page.contains(Some(&element)))
    });
    if !held {
        focus(id);
    }
}

/// The title of the document as it is now.
pub fn title() -> String {
    document().title()
}

/// Presses an element, as if the reader had.
pub fn click(id: &str) {
    if let Some(element) = document()
        .get_element_by_id(id)
        .and_then(|element| element.dyn_into::<HtmlElement>().ok())
    {
        element.click();
    }
}

pub fn focus_first(within: &Element) {
    const REACHABLE: &str =
        "[role^=menuitem]:not([disabled]), a[href], button:not([disabled]), input:not([disabled])";
    if let Some(element) = within
        .query_selector(REACHABLE)
        .ok()
        .flatten()
        .and_then(|element| element.dyn_into::<HtmlElement>().ok())
    {
        let _ = element.focus();
    }
}

pub fn scroll_into_view(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        let options = js_sys::Object::new();
        let _ = Reflect::set(&options, &"block".into(), &"nearest".into());
        if let Ok(scroll) = Reflect::get(&element, &"scrollIntoView".into())
            .and_then(|f| f.dyn_into::<js_sys::Function>())
        {
            let _ = scroll.call1(&element, &options);
        }
    }
}

/// Presses what has the focus.
pub fn click_focused() {
    if let Some(element) = document()
        .active_element()
        .and_then(|element| element.dyn_into::<HtmlElement>().ok())
    {
        element.click();
    }
}

/// Is the reader writing: in a field or an editor?
pub fn is_writing() -> bool {
    document().active_element().is_some_and(|element| {
        element.closest("input, textarea, select, [contenteditable=''], [contenteditable=true], .monaco-editor").ok().flatten().is_some()
    })
}

/// Moves the focus among the elements of `selector` as the ARIA practices say: arrows, Home, End, and letters.
/// `true`: the key was ours.
pub fn rove(within: &Element, selector: &str, key: &str) -> bool {
    let Ok(found) = within.query_selector_all(selector) else {
        return false;
    };
    let items: Vec<HtmlElement> = (0..found.length())
        .filter_map(|at| found.get(at)?.dyn_into::<HtmlElement>().ok())
        .collect();
    let Some(last) = items.len().checked_sub(1) else {
        return false;
    };
    let active = document().active_element();
    let here = items.iter().position(|item| {
        active
            .as_ref()
            .is_some_and(|active| item.is_same_node(Some(active)))
    });
    let to = match key {
        "ArrowDown" | "ArrowRight" => {
            here.map_or(0, |here| if here == last { 0 } else { here + 1 })
        }
        "ArrowUp" | "ArrowLeft" => {
            here.map_or(last, |here| if here == 0 { last } else { here - 1 })
        }
        "Home" => 0,
        "End" => last,
        letter if letter.chars().count() == 1 && letter != " " => {
            let letter = letter.to_lowercase();
            let start = here.map_or(0, |here| here + 1);
            let Some(found) = (start..start + items.len())
                .map(|at| at % items.len())
                .find(|at| {
                    items[*at]
                        .text_content()
                        .unwrap_or_default()
                        .trim()
                        .to_lowercase()
                        .starts_with(&letter)
                })
            else {
                return false;
            };
            found
        }
        _ => return false,
    };
    let _ = items[to].focus();
    true
}

/// Puts a popover beside its button: below it, or above where there is no room, always inside the window.
pub fn place_beside(popover: &HtmlElement, button: &HtmlElement) {
    const GAP: f64 = 4.0;
    const EDGE: f64 = 8.0;
    let size = |name: &str| {
        Reflect::get(&window(), &name.into())
            .ok()
            .and_then(|value| value.as_f64())
            .unwrap_or(0.0)
    };
    let (width, height) = (size("innerWidth"), size("innerHeight"));
    // Until the script is there the style sheet places it, in a box of another width.
    for property in ["position-area", "position-try-fallbacks"] {
        let _ = popover.style().set_property(property, "none");
    }
    let at = button.get_bounding_client_rect();
    let of = popover.get_bounding_client_rect();
    let below = at.bottom() + GAP;
    let top = if below + of.height() <= height - EDGE {
        below
    } else {
        at.top() - GAP - of.height()
    };
    let left = if at.left() + of.width() <= width - EDGE {
        at.left()
    } else {
        at.right() - of.width()
    };
    let style = popover.style();
    let _ = style.set_property("top", &format!("{}px", top.max(EDGE)));
    let _ = style.set_property(
        "left",
        &format!(
            "{}px",
            left.clamp(EDGE, (width - EDGE - of.width()).max(EDGE))
        ),
    );
}

/// Now, in microseconds since 1970, by the reader's clock.
pub fn now() -> i64 {
    (Date::now() * 1_000.0) as i64
}

pub(crate) fn local_words(at: i64) -> String {
    let (then, now) = (date(at), Date::new_0());
    let midnight = |date: &Date| {
        Date::new_with_year_month_day(
            date.get_full_year(),
            date.get_month() as i32,
            date.get_date() as i32,
        )
        .get_time()
    };
    let days = ((midnight(&now) - midnight(&then)) / 86_400_000.0).round() as i64;
    crate::time::relative(
        (now.get_time() as i64 - at / 1_000) / 1_000,
        days,
        now.get_full_year() == then.get_full_year(),
        (
            then.get_month() as usize,
            i64::from(then.get_date()),
            i64::from(then.get_full_year()),
            i64::from(then.get_hours()),
            i64::from(then.get_minutes()),
        ),
    )
}

pub(crate) fn local_whole(at: i64) -> String {
    let options = js_sys::Object::new();
    for (name, value) in [("dateStyle", "long"), ("timeStyle", "medium")] {
        let _ = Reflect::set(&options, &name.into(), &value.into());
    }
    let arguments = Array::of2(&JsValue::UNDEFINED, &options);
    Reflect::get(&date(at), &"toLocaleString".into())
        .and_then(|function| function.dyn_into::<js_sys::Function>())
        .and_then(|function| function.apply(&date(at), &arguments))
        .ok()
        .and_then(|words| words.as_string())
        .unwrap_or_default()
}

fn date(at: i64) -> Date {
    Date::new(&JsValue::from_f64(at as f64 / 1_000.0))
}
