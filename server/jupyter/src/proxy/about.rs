//! What whoever mounts the proxy knows about a request that the request itself must not be asked for.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::header::HeaderValue;

/// About one request: facts the Hub is told instead of what the request claims.
#[derive(Debug)]
pub struct About {
    /// Who asks.
    pub client: IpAddr,
    /// How the browser reached the studio.
    pub scheme: Scheme,
    /// The host, with its port where one was named, as the browser wrote it. It goes on as `Host`, because the Hub
    /// compares `Origin` with it.
    pub host: HeaderValue,
    /// The studio's own cookies, by name: they do not reach the Hub, and the Hub cannot set them.
    pub own_cookies: &'static [&'static str],
    /// When this request is over, whatever is still under way.
    pub ends: Ends,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    pub(super) fn port(self) -> &'static str {
        match self {
            Self::Http => "80",
            Self::Https => "443",
        }
    }
}

/// Ends a request and everything of it, a spliced socket too, when its future does: the session is over, the person was
/// disabled, the studio closes.
///
/// What the system has already taken for sending may still arrive.
pub struct Ends(State);

enum State {
    Never,
    When(Pin<Box<dyn Future<Output = ()> + Send>>),
    Over,
}

impl Ends {
    pub fn never() -> Self {
        Self(State::Never)
    }

    pub fn when(event: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(State::When(Box::pin(event)))
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            State::Never => Poll::Pending,
            State::Over => Poll::Ready(()),
            State::When(event) => {
                let polled = event.as_mut().poll(context);
                if polled.is_ready() {
                    self.0 = State::Over;
                }
                polled
            }
        }
    }
}

impl fmt::Debug for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Never => "Ends(never)",
            State::When(_) => "Ends(when told)",
            State::Over => "Ends(over)",
        })
    }
}
