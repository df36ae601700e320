//! After a switch of protocols: bytes both ways, whatever they mean.
//!
//! A socket nobody speaks through holds no buffer. One is borrowed from the stack for each turn; only what the other
//! side does not take at once is kept.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use super::about::Ends;
use super::wire::notice_the_dead;

/// Bytes in one turn.
const TURN: usize = 16 * 1024;

/// Wait until the browser's side has switched too, and pass bytes until either side or the session is over.
pub async fn splice(
    browser: OnUpgrade,
    hub: (TcpStream, Bytes),
    mut ends: Ends,
    half_closed: Duration,
    place: OwnedSemaphorePermit,
) {
    let mut browser = browser;
    let switched = poll_fn(|context| {
        if ends.poll(context).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut browser).poll(context).map(Result::ok)
    });
    let Some(switched) = switched.await else {
        return;
    };
    drop(browser);
    let (hub, said) = hub;
    let passed = match downcast::<TokioIo<TcpStream>>(switched) {
        Ok(browser) => {
            let stream = browser.io.into_inner();
            notice_the_dead(&stream);
            between(stream, browser.read_buf, hub, said, ends, half_closed).await
        }
        // A server that listens on something else.
        Err(browser) => {
            let browser = TokioIo::new(browser);
            between(browser, Bytes::new(), hub, said, ends, half_closed).await
        }
    };
    if let Err(error) = passed {
        tracing::debug!(%error, "a socket to the Hub broke");
    }
    drop(place);
}

async fn between<A, B>(
    mut browser: A,
    asked: Bytes,
    mut hub: B,
    said: Bytes,
    mut ends: Ends,
    half_closed: Duration,
) -> io::Result<()>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let mut up = Way::new(asked);
    let mut down = Way::new(said);
    let mut patience: Option<Pin<Box<Sleep>>> = None;
    poll_fn(move |context| {
        if ends.poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let upwards = up.poll(context, &mut browser, &mut hub)?;
        let downwards = down.poll(context, &mut hub, &mut browser)?;
        if upwards.is_ready() && downwards.is_ready() {
            return Poll::Ready(Ok(()));
        }
        if upwards.is_pending() && downwards.is_pending() {
            return Poll::Pending;
        }
        let moved = std::mem::take(&mut up.moved) | std::mem::take(&mut down.moved);
        let patience = patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(half_closed)));
        if moved {
            patience.as_mut().reset(Instant::now() + half_closed);
        }
        patience.as_mut().poll(context).map(Ok)
    })
    .await
}

/// One of the two ways.
struct Way {
    /// What was read and not yet taken.
    left: Bytes,
    moved: bool,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Open,
    /// Nothing more will be read.
    Closing,
    Closed,
}

impl Way {
    /// A buffer without anything in it is let go: it would lie there as long as the socket.
    fn new(left: Bytes) -> Self {
        Self {
            left: if left.is_empty() { Bytes::new() } else { left },
            moved: false,
            state: State::Open,
        }
    }

    /// Ready when nothing more comes and the other side was told.
    fn poll<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            while !self.left.is_empty() {
                let taken = ready!(Pin::new(&mut *writer).poll_write(context, &self.left))?;
                if taken == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.left.advance(taken);
                self.moved = true;
                if self.left.is_empty() {
                    self.left = Bytes::new();
                }
            }
            match self.state {
                State::Closed => return Poll::Ready(Ok(())),
                State::Closing => {
                    ready!(Pin::new(&mut *writer).poll_shutdown(context))?;
                    self.state = State::Closed;
                }
                State::Open => ready!(self.turn(context, reader, writer))?,
            }
        }
    }

    fn turn<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut space = [const { MaybeUninit::<u8>::uninit() }; TURN];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(reader).poll_read(context, &mut buffer))?;
        let mut read = buffer.filled();
        if read.is_empty() {
            self.state = State::Closing;
            return Poll::Ready(Ok(()));
        }
        while !read.is_empty() {
            match Pin::new(&mut *writer).poll_write(context, read)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(taken) => {
                    read = &read[taken..];
                    self.moved = true;
                }
                Poll::Pending => {
                    self.left = Bytes::copy_from_slice(read);
                    return Poll::Ready(Ok(()));
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
