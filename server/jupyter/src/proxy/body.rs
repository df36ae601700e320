//! An answer's body on its way to the browser.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::about::Ends;
use super::headers;
use super::pool::Pool;
use super::wire::{Apart, Wire};

/// A streaming body. Dropping it gives up whatever of the request is still under way.
pub struct Body(Kind);

enum Kind {
    /// Nothing, or nothing more.
    Empty,
    Full(Bytes),
    Passing(Box<Passing>),
}

/// Why a body broke off.
#[derive(Debug)]
pub enum Broken {
    /// The session it belonged to is over.
    Ended,
    /// The Hub's side broke off.
    Hub(hyper::Error),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended => "the session this request belonged to is over",
            Self::Hub(_) => "the Hub broke off in the middle of an answer",
        })
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Ended => None,
            Self::Hub(error) => Some(error),
        }
    }
}

/// A body that still comes.
pub struct Passing {
    pub incoming: Incoming,
    /// What came together with the head.
    pub first: Option<Result<Frame<Bytes>, Broken>>,
    pub carrier: Carrier,
    pub pool: Arc<Pool>,
    pub ends: Ends,
    /// Its place among those that may be under way.
    pub place: OwnedSemaphorePermit,
}

/// Who drives the connection that a body comes through.
pub enum Carrier {
    /// Whoever reads the body.
    Reader(Box<Wire>),
    /// A task.
    Task(Apart),
}

impl Body {
    pub fn empty() -> Self {
        Self(Kind::Empty)
    }

    pub fn full(content: Bytes) -> Self {
        if content.is_empty() {
            Self::empty()
        } else {
            Self(Kind::Full(content))
        }
    }

    pub fn passing(passing: Passing) -> Self {
        Self(Kind::Passing(Box::new(passing)))
    }
}

impl Passing {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.ends.poll(context).is_ready() {
            return Poll::Ready(Some(Err(Broken::Ended)));
        }
        let frame = match self.first.take() {
            Some(first) => Some(first),
            None => ready!(self.next(context)).map(|frame| frame.map_err(Broken::Hub)),
        };
        Poll::Ready(frame.map(|frame| {
            let mut frame = frame?;
            if let Some(trailers) = frame.trailers_mut() {
                headers::of_trailers(trailers);
            }
            Ok(frame)
        }))
    }

    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let wire = match &mut self.carrier {
            Carrier::Task(_) => return Pin::new(&mut self.incoming).poll_frame(context),
            Carrier::Reader(wire) => wire,
        };
        // Whatever comes, comes by our own driving: nobody else has to wake us.
        let mut nobody = Context::from_waker(Waker::noop());
        let frame = Pin::new(&mut self.incoming).poll_frame(&mut nobody);
        if frame.is_ready() {
            return frame;
        }
        let _ = wire.poll_drive(context);
        Pin::new(&mut self.incoming).poll_frame(&mut nobody)
    }

    fn is_whole(&self) -> bool {
        self.first.is_none() && self.incoming.is_end_stream()
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(content) => {
                let content = std::mem::take(content);
                self.0 = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(content))))
            }
            Kind::Passing(passing) => {
                let frame = ready!(passing.poll(context));
                let whole = match &frame {
                    None => true,
                    Some(Ok(_)) => passing.is_whole(),
                    Some(Err(error)) => {
                        tracing::debug!(error = %error, cause = ?error.source(), "an answer was cut");
                        self.0 = Kind::Empty;
                        return Poll::Ready(frame);
                    }
                };
                if whole && let Kind::Passing(passing) = std::mem::replace(&mut self.0, Kind::Empty)
                {
                    match passing.carrier {
                        Carrier::Reader(wire) => passing.pool.bring(wire),
                        Carrier::Task(apart) => apart.finish(passing.ends, passing.place),
                    }
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Kind::Empty)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(content) => SizeHint::with_exact(content.len() as u64),
            Kind::Passing(passing) => match &passing.first {
                None => passing.incoming.size_hint(),
                Some(_) => SizeHint::default(),
            },
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Empty => "Body(empty)",
            Kind::Full(_) => "Body(full)",
            Kind::Passing(_) => "Body(passing)",
        })
    }
}
