//! The way through to a JupyterHub: HTTP and WebSockets below one base path, passed to the Hub's own proxy.
//!
//! Paths, bodies and the bytes of a WebSocket go on as they came, both ways, without waiting for the rest of them. What
//! belongs to one hop stays on it (RFC 9110, 7.6.1), who asks is said by whoever mounts this ([`About`]) and never by the
//! request, and the studio's own cookies do not pass in either direction. Everything else is the Hub's and the browser's
//! affair: `Authorization`, `Sec-Fetch-*`, the Hub's cookies and its XSRF tokens, `Origin` and `Host`.
//!
//! It knows hyper's types and no framework. Answers are never compressed here, and nobody should do it behind.

mod about;
mod body;
mod cookies;
mod headers;
mod limits;
mod pass;
mod pool;
mod refusal;
mod splice;
mod stopped;
mod target;
mod upload;
mod upstream;
mod wire;

pub use about::{About, Ends, Scheme};
pub use body::{Body, Broken};
pub use limits::Limits;
pub use pass::Proxy;
pub use upstream::{Upstream, UpstreamError};
