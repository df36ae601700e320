//! The tab's WebSocket.

use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

pub enum Heard {
    Open,
    Frame(Vec<u8>),
    Closed { code: u16, reason: String },
}

/// An open (or opening) socket; dropping it closes it and nothing more is heard.
pub struct Socket {
    socket: WebSocket,
    _open: Closure<dyn FnMut()>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Opens `path` on the page's own host.
    pub fn open(path: &str, hear: impl Fn(Heard) + Clone + 'static) -> Result<Self, String> {
        let location = web_sys::window().ok_or("there is no window")?.location();
        let secure = location
            .protocol()
            .is_ok_and(|protocol| protocol == "https:");
        let host = location.host().map_err(|error| super::words(&error))?;
        let url = format!("{}://{host}{path}", if secure { "wss" } else { "ws" });
        let socket = WebSocket::new(&url).map_err(|error| super::words(&error))?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let open = {
            let hear = hear.clone();
            Closure::wrap(Box::new(move || hear(Heard::Open)) as Box<dyn FnMut()>)
        };
        let message = {
            let hear = hear.clone();
            Closure::wrap(Box::new(move |event: MessageEvent| {
                if let Ok(buffer) = event.data().dyn_into::<js_sys::ArrayBuffer>() {
                    hear(Heard::Frame(js_sys::Uint8Array::new(&buffer).to_vec()));
                }
            }) as Box<dyn FnMut(MessageEvent)>)
        };
        let close = Closure::wrap(Box::new(move |event: CloseEvent| {
            hear(Heard::Closed {
                code: event.code(),
                reason: event.reason(),
            });
        }) as Box<dyn FnMut(CloseEvent)>);
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        Ok(Self {
            socket,
            _open: open,
            _message: message,
            _close: close,
        })
    }

    /// `false`: it is not open now.
    pub fn send(&self, frame: &[u8]) -> bool {
        self.socket.ready_state() == WebSocket::OPEN
            && self.socket.send_with_u8_array(frame).is_ok()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}
