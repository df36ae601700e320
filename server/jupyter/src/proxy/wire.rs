//! One connection to the Hub's proxy.
//!
//! Whoever uses it drives it: there is no task of its own behind it, so that an answer costs no change of tasks, and
//! dropping the request is dropping the connection.

use std::future::{Future as _, poll_fn};
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustix::net::sockopt;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use super::about::Ends;
use super::headers;
use super::limits::Limits;
use super::refusal::Refusal;
use super::upload::Upload;
use super::upstream::Upstream;

type Driver = Connection<TokioIo<TcpStream>, Upload>;

/// A peer that is gone without a word is noticed a minute after the last one.
const QUIET: Duration = Duration::from_secs(30);
const PROBE: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;
/// What is on its way when the other side closes a connection that nobody uses.
const MARGIN: Duration = Duration::from_secs(1);

pub struct Wire {
    sender: SendRequest<Upload>,
    /// None when it is over and nobody wants what is left of it.
    driver: Option<Driver>,
    over: bool,
    reused: bool,
    kept_until: Instant,
}

/// What came of sending.
pub enum Sent {
    Answer(Response<Incoming>),
    /// The connection was over before anything was sent.
    Unsent(Request<Upload>),
    Broken(hyper::Error),
}

impl Wire {
    pub async fn open(upstream: &Upstream, limits: &Limits) -> Result<Box<Self>, Refusal> {
        let place = (upstream.host(), upstream.port());
        let connecting = tokio::time::timeout(limits.connect, TcpStream::connect(place));
        let unreachable = |error: &dyn std::fmt::Display| {
            tracing::warn!(hub.host = place.0, hub.port = place.1, %error, "the Hub's proxy cannot be reached");
            Refusal::Unreachable
        };
        let stream = connecting
            .await
            .map_err(|late| unreachable(&late))?
            .map_err(|error| unreachable(&error))?;
        stream.set_nodelay(true).ok();
        notice_the_dead(&stream);
        let (sender, connection) = Builder::new()
            .max_buf_size(limits.head.max(8 * 1024))
            .max_header_size(limits.head)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unreachable(&error))?;
        Ok(Box::new(Self {
            sender,
            driver: Some(connection),
            over: false,
            reused: false,
            kept_until: Instant::now(),
        }))
    }

    /// It has carried an answer before, so the other side may be closing it just now.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Ready when it is over. Errors go to who waits for the answer.
    pub fn poll_drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.over
            && let Some(driver) = &mut self.driver
            && Pin::new(driver).poll(context).is_pending()
        {
            return Poll::Pending;
        }
        self.over = true;
        Poll::Ready(())
    }

    /// Can it take another request? Looks whether the other side has closed it.
    pub fn is_free(&mut self) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        self.poll_drive(&mut nobody).is_pending() && self.sender.is_ready()
    }

    /// It carried an answer: how long it may be kept. `kept_for` is what the other side said of itself, in seconds.
    pub fn carried(&mut self, kept_for: Option<u64>, limits: &Limits) {
        self.reused = true;
        let kept_for = kept_for.map_or(limits.idle, |seconds| {
            Duration::from_secs(seconds)
                .saturating_sub(MARGIN)
                .min(limits.idle)
        });
        self.kept_until = Instant::now() + kept_for;
    }

    pub fn is_stale(&self, now: Instant) -> bool {
        self.kept_until <= now
    }

    /// Send a request and drive it to its answer's head.
    pub async fn send(&mut self, request: Request<Upload>) -> Sent {
        let mut answer = pin!(self.sender.try_send_request(request));
        let answered = poll_fn(|context| {
            let over = self.poll_drive(context).is_ready();
            let answered = answer.as_mut().poll(context);
            if over && answered.is_pending() {
                // It holds the request that it will never send.
                self.driver = None;
                return answer.as_mut().poll(context);
            }
            answered
        });
        match answered.await {
            Ok(answer) => Sent::Answer(answer),
            Err(mut failed) => match failed.take_message() {
                Some(request) => Sent::Unsent(request),
                None => Sent::Broken(failed.into_error()),
            },
        }
    }

    /// The bare connection, once the other side has said that it switches, and what it said behind that.
    pub async fn switched(mut self: Box<Self>) -> Option<(TcpStream, Bytes)> {
        let mut driver = self.driver.take()?;
        if !self.over {
            let switching = poll_fn(|context| driver.poll_without_shutdown(context));
            switching.await.ok()?;
        }
        let parts = driver.into_parts();
        Some((parts.io.into_inner(), parts.read_buf))
    }

    /// Go on in a task of its own, because there is still a body to send while the answer comes.
    pub fn apart(mut self: Box<Self>) -> Apart {
        Apart(tokio::spawn(poll_fn(move |context| {
            self.poll_drive(context)
        })))
    }
}

/// Ends the task of a connection when dropped.
pub struct Apart(JoinHandle<()>);

impl Apart {
    /// The answer was there before the whole request: let that go on to its end.
    pub fn finish(mut self, mut ends: Ends, place: OwnedSemaphorePermit) {
        tokio::spawn(async move {
            poll_fn(|context| {
                if ends.poll(context).is_ready() {
                    return Poll::Ready(());
                }
                Pin::new(&mut self.0).poll(context).map(drop)
            })
            .await;
            drop(place);
        });
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Have the system ask a silent peer now and then whether it is still there.
pub fn notice_the_dead(socket: &impl AsFd) {
    let set = || {
        sockopt::set_socket_keepalive(socket, true)?;
        sockopt::set_tcp_keepidle(socket, QUIET)?;
        sockopt::set_tcp_keepintvl(socket, PROBE)?;
        sockopt::set_tcp_keepcnt(socket, PROBES)
    };
    if let Err(error) = set() {
        tracing::debug!(%error, "a socket takes no keepalive");
    }
}

/// How long the other side keeps the connection of this answer, in seconds, where it says so.
pub fn kept_for(answer: &Response<Incoming>) -> Option<u64> {
    headers::kept_for(answer.headers())
}
