//! The tab's own store: unacknowledged work in IndexedDB, so that a crashed tab loses nothing.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    type StoreModule;
    #[wasm_bindgen(method, catch)]
    fn keep(
        this: &StoreModule,
        notebook: &str,
        client: &str,
        json: &str,
    ) -> Result<js_sys::Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn forget(this: &StoreModule, notebook: &str, client: &str)
    -> Result<js_sys::Promise, JsValue>;
    #[wasm_bindgen(method)]
    fn offer(this: &StoreModule, name: &str, text: &str);
    #[wasm_bindgen(method, catch)]
    fn all(this: &StoreModule, notebook: &str) -> Result<js_sys::Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn claim(this: &StoreModule, notebook: &str, client: &str) -> Result<js_sys::Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn outlive(
        this: &StoreModule,
        notebook: &str,
        client: &str,
    ) -> Result<js_sys::Promise, JsValue>;
}

/// A client's name and its work as JSON.
pub type Work = (String, String);

/// Where kept work lives.
#[derive(Clone)]
pub struct Store(JsValue);

impl Store {
    pub async fn open(url: &str) -> Result<Self, String> {
        super::module(url).await.map(Self)
    }

    fn module(&self) -> &StoreModule {
        self.0.unchecked_ref()
    }

    /// Offers a text as a file to be downloaded.
    pub fn offer(&self, name: &str, text: &str) {
        self.module().offer(name, text);
    }

    /// Keeps a client's unacknowledged work under the notebook.
    pub async fn keep(&self, notebook: &str, client: &str, json: &str) -> Result<(), String> {
        wait(self.module().keep(notebook, client, json))
            .await
            .map(drop)
    }

    pub async fn forget(&self, notebook: &str, client: &str) -> Result<(), String> {
        wait(self.module().forget(notebook, client)).await.map(drop)
    }

    /// Takes every work that a tab left behind and no living tab holds: `(client, json)`, oldest first.
    /// Then the clients whose tabs live.
    pub async fn claim_all(&self, notebook: &str) -> Result<(Vec<Work>, Vec<String>), String> {
        let listed = wait(self.module().all(notebook)).await?;
        let (mut claimed, mut held) = (Vec::new(), Vec::new());
        for entry in js_sys::Array::from(&listed).iter() {
            let field = |name: &str| {
                js_sys::Reflect::get(&entry, &name.into())
                    .ok()
                    .and_then(|value| value.as_string())
            };
            let (Some(client), Some(json)) = (field("client"), field("json")) else {
                continue;
            };
            if wait(self.module().claim(notebook, &client))
                .await?
                .is_truthy()
            {
                claimed.push((client, json));
            } else {
                held.push(client);
            }
        }
        Ok((claimed, held))
    }

    /// Waits until the tab that holds this client is gone and takes what it left. `None`: it left nothing, or it is
    /// this tab or waited for already.
    pub async fn outlive(&self, notebook: &str, client: &str) -> Result<Option<String>, String> {
        wait(self.module().outlive(notebook, client))
            .await
            .map(|json| json.as_string())
    }

    /// Holds a client id for this tab, so that no other tab takes its work while this one lives.
    pub async fn hold(&self, notebook: &str, client: &str) -> Result<(), String> {
        wait(self.module().claim(notebook, client)).await.map(drop)
    }
}

async fn wait(promise: Result<js_sys::Promise, JsValue>) -> Result<JsValue, String> {
    let promise = promise.map_err(|error| super::words(&error))?;
    wasm_bindgen_futures::JsFuture::from(promise)
        .await
        .map_err(|error| super::words(&error))
}
