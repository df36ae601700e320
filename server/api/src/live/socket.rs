//! The upgrade of a request to a WebSocket, and how it is read.
//!
//! By hand over tungstenite rather than through axum's extractor: tungstenite reads and keeps the protocol, while what is
//! written goes past it, straight from [`Outbox`] to the connection. It would copy every frame into a buffer of each
//! connection, and keep the size of the largest one there.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::outbox::Outbox;

/// What a tab may send in one message, and in one frame.
const MESSAGE: usize = 1024 * 1024;
const FRAME: usize = 256 * 1024;
/// Tabs say little at a time, and there are many of them.
const READ_BUFFER: usize = 4 * 1024;

pub type Socket = WebSocketStream<Ears>;

/// The connection as tungstenite has it: it reads, and what the protocol makes it answer goes the way of everything else.
pub struct Ears {
    connection: ReadHalf<TokioIo<Upgraded>>,
    outbox: Arc<Outbox>,
}

impl AsyncRead for Ears {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(context, buffer)
    }
}

impl AsyncWrite for Ears {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        framed: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.outbox.answer(framed).map(|()| framed.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A request that asks for a WebSocket as it should.
pub struct Upgrade {
    on: OnUpgrade,
    accept: HeaderValue,
}

impl Upgrade {
    /// `None`: this is no WebSocket handshake (RFC 6455 section 4.2.1), or not over HTTP/1.1.
    pub fn take(parts: &mut Parts) -> Option<Self> {
        let asks = parts.method == Method::GET
            && parts.version == Version::HTTP_11
            && names(&parts.headers, header::CONNECTION, "upgrade")
            && names(&parts.headers, header::UPGRADE, "websocket")
            && names(&parts.headers, header::SEC_WEBSOCKET_VERSION, "13");
        let key = parts.headers.get(header::SEC_WEBSOCKET_KEY)?;
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()?;
        let on = parts.extensions.remove::<OnUpgrade>()?;
        asks.then_some(Self { on, accept })
    }

    /// Agrees, and serves the socket once it is there.
    pub fn serve<F>(self, serve: impl FnOnce(Socket, Arc<Outbox>) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Self { on, accept } = self;
        tokio::spawn(async move {
            // Where the tab leaves in between, there is nobody to serve.
            let Ok(upgraded) = on.await else { return };
            let config = WebSocketConfig::default()
                .max_message_size(Some(MESSAGE))
                .max_frame_size(Some(FRAME))
                .read_buffer_size(READ_BUFFER)
                // Answers of the protocol only, each as it comes.
                .write_buffer_size(0);
            let (connection, out) = tokio::io::split(TokioIo::new(upgraded));
            let outbox = Outbox::new(Box::new(out));
            let ears = Ears {
                connection,
                outbox: Arc::clone(&outbox),
            };
            let socket = WebSocketStream::from_raw_socket(ears, Role::Server, Some(config)).await;
            serve(socket, outbox).await;
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        response
    }
}

/// Is `word` one of the words of this header?
fn names(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    headers.get_all(name).iter().any(|value| {
        value.to_str().is_ok_and(|list| {
            list.split(',')
                .any(|each| each.trim().eq_ignore_ascii_case(word))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_header_are_read_in_any_case_and_order() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONNECTION,
            HeaderValue::from_static("keep-alive, Upgrade"),
        );
        assert!(names(&headers, header::CONNECTION, "upgrade"));
        assert!(!names(&headers, header::CONNECTION, "grade"));
        assert!(!names(&headers, header::UPGRADE, "websocket"));
    }
}
