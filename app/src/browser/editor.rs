//! The code editor (Monaco), loaded when first needed. Offsets are UTF-16 units, as everywhere.

use notebook::{Delta, Step};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    type EditorModule;
    #[wasm_bindgen(method, catch)]
    fn mount(
        this: &EditorModule,
        host: &web_sys::HtmlElement,
        options: &JsValue,
        events: &JsValue,
    ) -> Result<EditorHandle, JsValue>;

    type EditorHandle;
    #[wasm_bindgen(method)]
    fn show(
        this: &EditorHandle,
        key: &str,
        text: &str,
        language: &str,
        read_only: bool,
        label: &str,
    );
    #[wasm_bindgen(method)]
    fn apply(this: &EditorHandle, flat: &js_sys::Array);
    #[wasm_bindgen(method)]
    fn text(this: &EditorHandle) -> String;
    #[wasm_bindgen(method)]
    fn select(this: &EditorHandle, anchor: u32, head: u32);
    #[wasm_bindgen(method)]
    fn carets(this: &EditorHandle, carets: &JsValue);
    #[wasm_bindgen(method)]
    fn focus(this: &EditorHandle);
    #[wasm_bindgen(method, js_name = hasFocus)]
    fn has_focus(this: &EditorHandle) -> bool;
    #[wasm_bindgen(method)]
    fn layout(this: &EditorHandle);
    #[wasm_bindgen(method, js_name = endComposition)]
    fn end_composition(this: &EditorHandle);
    #[wasm_bindgen(method, js_name = lineNumbers)]
    fn line_numbers(this: &EditorHandle, on: bool);
    #[wasm_bindgen(method)]
    fn dispose(this: &EditorHandle);
}

/// What the editor tells. Each is called from the browser's event loop.
pub struct Events {
    /// The person typed: their change as one delta of the text before it.
    pub change: Box<dyn Fn(Delta)>,
    pub selection: Box<dyn Fn(u32, u32)>,
    /// A key of the notebook (`run-next`, `escape`, …): `true` when it was used.
    pub key: Box<dyn Fn(&str) -> bool>,
    pub blur: Box<dyn Fn()>,
    /// An input method has begun (`true`) or is done: in between the text must not be changed from outside.
    pub composing: Box<dyn Fn(bool)>,
    /// Completion and inspection: resolves with the kernel's reply content.
    pub complete: Box<dyn Fn(String, u32) -> js_sys::Promise>,
    pub inspect: Box<dyn Fn(String, u32) -> js_sys::Promise>,
}

/// One mounted editor. It can be moved from cell to cell.
pub struct Editor {
    handle: EditorHandle,
    host: web_sys::HtmlElement,
    _closures: Vec<Box<dyn std::any::Any>>,
}

impl Editor {
    /// Loads the module and mounts an editor in a host element that is not in the page yet.
    pub async fn mount(url: &str, numbers: bool, events: Events) -> Result<Self, String> {
        let module = super::module(url).await?;
        let document = web_sys::window()
            .and_then(|window| window.document())
            .ok_or("there is no document")?;
        let host: web_sys::HtmlElement = document
            .create_element("div")
            .map_err(|error| super::words(&error))?
            .unchecked_into();
        host.set_class_name("cell__monaco");
        let options = js_sys::Object::new();
        let set = |name: &str, value: JsValue| {
            let _ = js_sys::Reflect::set(&options, &name.into(), &value);
        };
        set("text", "".into());
        set("language", "python".into());
        set("readOnly", false.into());
        set("label", "Cell".into());
        set("lineNumbers", numbers.into());

        let change =
            Closure::wrap(
                Box::new(move |flat: js_sys::Array| (events.change)(from_flat(&flat)))
                    as Box<dyn Fn(js_sys::Array)>,
            );
        let selection =
            Closure::wrap(
                Box::new(move |anchor: u32, head: u32| (events.selection)(anchor, head))
                    as Box<dyn Fn(u32, u32)>,
            );
        let key = Closure::wrap(
            Box::new(move |name: String| (events.key)(&name)) as Box<dyn Fn(String) -> bool>
        );
        let blur = Closure::wrap(Box::new(move || (events.blur)()) as Box<dyn Fn()>);
        let composing =
            Closure::wrap(Box::new(move |on: bool| (events.composing)(on)) as Box<dyn Fn(bool)>);
        let complete =
            Closure::wrap(
                Box::new(move |code: String, cursor: u32| (events.complete)(code, cursor))
                    as Box<dyn Fn(String, u32) -> js_sys::Promise>,
            );
        let inspect =
            Closure::wrap(
                Box::new(move |code: String, cursor: u32| (events.inspect)(code, cursor))
                    as Box<dyn Fn(String, u32) -> js_sys::Promise>,
            );
        let nothing = Closure::wrap(Box::new(|| {}) as Box<dyn Fn()>);
        let told = js_sys::Object::new();
        for (name, function) in [
            ("change", change.as_ref()),
            ("selection", selection.as_ref()),
            ("key", key.as_ref()),
            ("blur", blur.as_ref()),
            ("composing", composing.as_ref()),
            ("focus", nothing.as_ref()),
            ("height", nothing.as_ref()),
            ("complete", complete.as_ref()),
            ("inspect", inspect.as_ref()),
        ] {
            let _ = js_sys::Reflect::set(&told, &name.into(), function);
        }
        let handle = module
            .unchecked_ref::<EditorModule>()
            .mount(&host, &options, &told)
            .map_err(|error| super::words(&error))?;
        let closures: Vec<Box<dyn std::any::Any>> = vec![
            Box::new(change),
            Box::new(selection),
            Box::new(key),
            Box::new(blur),
            Box::new(composing),
            Box::new(complete),
            Box::new(inspect),
            Box::new(nothing),
        ];
        Ok(Self {
            handle,
            host,
            _closures: closures,
        })
    }

    /// Puts the editor into `slot` and shows a text in it. `key` names the text, so that its scroll and folds come back.
    pub fn show(
        &self,
        slot: &web_sys::Element,
        key: &str,
        text: &str,
        language: &str,
        read_only: bool,
        label: &str,
    ) {
        if self.host.parent_element().as_ref() != Some(slot) {
            let _ = slot.append_child(&self.host);
        }
        self.handle.show(key, text, language, read_only, label);
        self.handle.layout();
    }

    /// Takes the editor out of the page; it keeps its texts.
    pub fn hide(&self) {
        self.host.remove();
    }

    /// Somebody else's (or an undo's) change: no `change` event follows.
    pub fn apply(&self, delta: &Delta) {
        self.handle.apply(&to_flat(delta));
    }

    pub fn text(&self) -> String {
        self.handle.text()
    }

    pub fn select(&self, anchor: u32, head: u32) {
        self.handle.select(anchor, head);
    }

    /// Others' carets in the shown text: (seat, name, colour, anchor, head).
    pub fn carets(&self, carets: &[(u32, String, u8, u32, u32)]) {
        let list = js_sys::Array::new();
        for (seat, name, color, anchor, head) in carets {
            let one = js_sys::Object::new();
            let set = |key: &str, value: JsValue| {
                let _ = js_sys::Reflect::set(&one, &key.into(), &value);
            };
            set("seat", (*seat).into());
            set("name", name.as_str().into());
            set("color", (*color).into());
            set("anchor", (*anchor).into());
            set("head", (*head).into());
            list.push(&one);
        }
        self.handle.carets(&list);
    }

    pub fn focus(&self) {
        self.handle.focus();
    }

    pub fn has_focus(&self) -> bool {
        self.handle.has_focus()
    }

    /// Lets what an input method has in hand stand as it is. `composing(false)` follows, but not before this returns.
    pub fn end_composition(&self) {
        self.handle.end_composition();
    }

    pub fn layout(&self) {
        self.handle.layout();
    }

    /// Shows or hides the numbers of the lines.
    pub fn line_numbers(&self, on: bool) {
        self.handle.line_numbers(on);
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        self.handle.dispose();
        self.host.remove();
    }
}

/// `[offset, deleted, inserted, …]`, offsets of the text before, as the editor module wants them.
fn to_flat(delta: &Delta) -> js_sys::Array {
    let flat = js_sys::Array::new();
    for (offset, deleted, inserted) in splices(delta) {
        flat.push(&offset.into());
        flat.push(&deleted.into());
        flat.push(&inserted.into());
    }
    flat
}

/// A delta as splices of the text before it, in order.
pub fn splices(delta: &Delta) -> Vec<(u32, u32, String)> {
    let mut found: Vec<(u32, u32, String)> = Vec::new();
    let mut position = 0;
    let mut open = false;
    for step in delta.steps() {
        match step {
            Step::Retain(length) => {
                position += length;
                open = false;
            }
            Step::Insert(text) => match found.last_mut() {
                Some(last) if open => last.2.push_str(text),
                _ => {
                    found.push((position, 0, text.clone()));
                    open = true;
                }
            },
            Step::Delete(length) => {
                match found.last_mut() {
                    Some(last) if open => last.1 += length,
                    _ => {
                        found.push((position, *length, String::new()));
                        open = true;
                    }
                }
                position += length;
            }
        }
    }
    found
}

/// One delta of the splices of one change event, which come from the end of the text to its start.
fn from_flat(flat: &js_sys::Array) -> Delta {
    let mut found: Vec<(u32, u32, String)> = Vec::new();
    let number = |index: u32| flat.get(index).as_f64().unwrap_or(0.0) as u32;
    for index in (0..flat.length()).step_by(3) {
        let text = flat.get(index + 2).as_string().unwrap_or_default();
        found.push((number(index), number(index + 1), text));
    }
    found.sort_by_key(|splice| splice.0);
    join(&found)
}

/// One delta of splices in the order of their offsets.
fn join(splices: &[(u32, u32, String)]) -> Delta {
    let mut steps = Vec::new();
    let mut position = 0;
    for (offset, deleted, inserted) in splices {
        if *offset > position {
            steps.push(Step::Retain(offset - position));
        }
        if !inserted.is_empty() {
            steps.push(Step::Insert(inserted.clone()));
        }
        if *deleted > 0 {
            steps.push(Step::Delete(*deleted));
        }
        position = offset + deleted;
    }
    Delta::new(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splices_and_deltas_are_two_words_for_one_change() {
        let wanted = vec![
            (1, 2, "ab".to_owned()),
            (5, 0, "c".to_owned()),
            (9, 1, String::new()),
        ];
        let delta = join(&wanted);
        assert_eq!(splices(&delta), wanted);
        assert_eq!(delta.apply("0123456789").as_deref(), Some("0ab34c5678"));
    }
}
