//! A request's body on its way to the Hub.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::headers;

type Cause = Box<dyn Error + Send + Sync>;
type Source = Pin<Box<dyn Body<Data = Bytes, Error = Cause> + Send>>;

/// Most requests have no body, and cost nothing then.
pub struct Upload(Option<(Source, Watched)>);

/// How far a body has come.
#[derive(Debug, Default)]
pub struct Progress {
    frames: AtomicU64,
    over: AtomicBool,
    broken: AtomicBool,
}

impl Progress {
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Sent to its end, or given up.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// It was the browser's side that broke.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}

/// Says that its body is over when nobody holds that any more.
struct Watched(Arc<Progress>);

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

impl Upload {
    pub fn none() -> Self {
        Self(None)
    }

    pub fn of<B>(body: B) -> (Self, Arc<Progress>)
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Cause>,
    {
        let progress = Arc::new(Progress::default());
        let watched = Watched(Arc::clone(&progress));
        let source: Source = Box::pin(Renamed(Box::pin(body)));
        (Self(Some((source, watched))), progress)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        let Some((source, Watched(progress))) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let mut frame = ready!(source.as_mut().poll_frame(context));
        progress.frames.fetch_add(1, Ordering::Relaxed);
        match &mut frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    headers::of_trailers(trailers);
                }
            }
            Some(Err(_)) => progress.broken.store(true, Ordering::Relaxed),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|(source, _)| source.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Some((source, _)) => source.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

/// Whatever a body calls its errors.
struct Renamed<B>(Pin<Box<B>>);

impl<B> Body for Renamed<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Cause>,
{
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        self.0
            .as_mut()
            .poll_frame(context)
            .map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
