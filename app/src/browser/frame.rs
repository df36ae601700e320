//! The sandboxed frame in which active outputs are drawn.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    type HostModule;
    #[wasm_bindgen(method, catch)]
    fn render(
        this: &HostModule,
        host: &web_sys::HtmlElement,
        bundle: &str,
        options: &JsValue,
    ) -> Result<FrameHandle, JsValue>;

    type FrameHandle;
    #[wasm_bindgen(method, catch)]
    fn update(this: &FrameHandle, bundle: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn dispose(this: &FrameHandle) -> Result<(), JsValue>;
}

/// A frame in the page; dropping it removes it.
pub struct Frame(FrameHandle);

impl Frame {
    /// Draws a mime bundle (JSON of `{mime: value}`) in a new frame inside `host`. Its script module is at `url`.
    pub async fn render(
        url: &str,
        host: &web_sys::HtmlElement,
        bundle: &str,
        label: &str,
    ) -> Result<Self, String> {
        let module = super::module(url).await?;
        let options = js_sys::Object::new();
        let _ = js_sys::Reflect::set(&options, &"label".into(), &label.into());
        module
            .unchecked_ref::<HostModule>()
            .render(host, bundle, &options)
            .map(Self)
            .map_err(|error| super::words(&error))
    }

    pub fn update(&self, bundle: &str) {
        let _ = self.0.update(bundle);
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let _ = self.0.dispose();
    }
}
