//! The upgrade of a request to a WebSocket, and frames that are written in pieces.
//!
//! By hand over tungstenite rather than through axum's extractor, because of what a large message costs there: tungstenite
//! copies every frame into a buffer that it then moves down after each write and never gives back. A notebook of 50 MB
//! in one frame would move gigabytes and leave its size behind in every reader's connection. A message in pieces is what
//! RFC 6455 section 5.4 is for, and no reader sees a difference.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::SplitSink;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

/// What a tab may send in one message, and in one frame.
const MESSAGE: usize = 1024 * 1024;
const FRAME: usize = 256 * 1024;
/// Tabs say little at a time, and there are many of them.
const READ_BUFFER: usize = 4 * 1024;
/// Frames are collected up to this size and written with one call.
const WRITE_BUFFER: usize = 8 * 1024;
/// A message longer than this goes in pieces of this size.
const PIECE: usize = 64 * 1024;

pub type Socket = WebSocketStream<TokioIo<Upgraded>>;
pub type Sink = SplitSink<Socket, Message>;

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
    pub fn serve<F>(self, serve: impl FnOnce(Socket) -> F + Send + 'static) -> Response
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
                .write_buffer_size(WRITE_BUFFER)
                .max_write_buffer_size(2 * (PIECE + WRITE_BUFFER));
            let io = TokioIo::new(upgraded);
            serve(WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await).await;
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

/// The frames of a binary message: itself, or where it is long its pieces.
pub fn pieces(message: Bytes) -> impl Iterator<Item = Message> {
    let whole = message.len() <= PIECE;
    (0..message.len().max(1)).step_by(PIECE).map(move |start| {
        if whole {
            return Message::Binary(message.clone());
        }
        let end = message.len().min(start + PIECE);
        let opcode = if start == 0 {
            Data::Binary
        } else {
            Data::Continue
        };
        let last = end == message.len();
        Message::Frame(Frame::message(
            message.slice(start..end),
            OpCode::Data(opcode),
            last,
        ))
    })
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
    fn a_long_message_is_the_sum_of_its_pieces() {
        for length in [PIECE + 1, 2 * PIECE, 2 * PIECE + 1, 5 * PIECE - 1] {
            let message: Bytes = (0..length).map(|n| n as u8).collect::<Vec<u8>>().into();
            let frames: Vec<Frame> = pieces(message.clone())
                .map(|piece| match piece {
                    Message::Frame(frame) => frame,
                    other => panic!("not a piece: {other:?}"),
                })
                .collect();
            let joined: Vec<u8> = frames
                .iter()
                .flat_map(|frame| frame.payload().to_vec())
                .collect();
            assert_eq!(joined, message);
            assert_eq!(frames[0].header().opcode, OpCode::Data(Data::Binary));
            assert!(
                frames[1..]
                    .iter()
                    .all(|frame| frame.header().opcode == OpCode::Data(Data::Continue))
            );
            let finals: Vec<bool> = frames.iter().map(|frame| frame.header().is_final).collect();
            assert_eq!(finals.iter().position(|last| *last), Some(frames.len() - 1));
        }
    }

    #[test]
    fn a_short_message_is_one_frame() {
        for length in [0, 1, PIECE] {
            let message = Bytes::from(vec![7; length]);
            let all: Vec<Message> = pieces(message.clone()).collect();
            assert_eq!(all, [Message::Binary(message)]);
        }
    }

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
