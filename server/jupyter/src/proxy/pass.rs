//! One request, from the browser to the Hub and back.

use std::error::Error;
use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming};
use hyper::header::{HeaderValue, LOCATION};
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use super::about::{About, Ends};
use super::body::{Body, Broken, Carrier, Passing};
use super::headers::{self, Asks};
use super::limits::Limits;
use super::pool::Pool;
use super::refusal::{Reader, Refusal};
use super::splice::splice;
use super::stopped::{self, Server};
use super::target::{self, Target};
use super::upload::{Progress, Upload};
use super::upstream::Upstream;
use super::wire::{Sent, Wire, kept_for};

/// The way through to a JupyterHub. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Proxy(Arc<House>);

struct House {
    upstream: Upstream,
    limits: Limits,
    pool: Arc<Pool>,
    places: Arc<Semaphore>,
    /// How we name ourselves to those behind us, and recognise ourselves when a request comes round again.
    via: HeaderValue,
}

impl Proxy {
    pub fn new(upstream: Upstream, limits: Limits) -> Self {
        let mut name = [0; 8];
        // Without randomness only a request that goes round through two studios would be taken for our own.
        getrandom::fill(&mut name).ok();
        let via = format!("1.1 datalayer-{:016x}", u64::from_ne_bytes(name));
        Self(Arc::new(House {
            upstream,
            limits,
            pool: Pool::new(limits.kept),
            places: Arc::new(Semaphore::new(limits.open.min(Semaphore::MAX_PERMITS))),
            via: HeaderValue::try_from(via).unwrap_or(HeaderValue::from_static("1.1 datalayer")),
        }))
    }

    pub fn upstream(&self) -> &Upstream {
        &self.0.upstream
    }

    /// Pass a request on, and give its answer.
    ///
    /// The request's path and query must be those the browser sent, base path and all, and its extensions those that
    /// hyper's server gave it: a WebSocket is switched through them, in a task that outlives this future.
    ///
    /// Whatever goes wrong is an answer too: a page for people, `application/problem+json` for programs. Its codes are
    /// `hub.target`, `request.malformed` and `body.broken` (400), `session.over` (401), `hub.elsewhere` (404),
    /// `method.not_allowed` (405), `hub.broken` (502), `hub.busy`, `hub.unreachable` and `hub.stopped` (503),
    /// `hub.silent` (504) and `hub.loop` (508).
    pub async fn pass<B>(&self, request: Request<B>, about: About) -> Response<Body>
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let reader = Reader::of(request.method(), request.headers());
        match self.0.pass(request, about, reader).await {
            Ok(answer) => answer,
            Err(refusal) => {
                tracing::debug!(code = refusal.code(), "a request to the Hub was refused");
                refusal.answer(reader)
            }
        }
    }
}

impl House {
    async fn pass<B>(
        &self,
        mut request: Request<B>,
        mut about: About,
        reader: Reader,
    ) -> Result<Response<Body>, Refusal>
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let base = self.upstream.base();
        let target = target::check(base, request.method(), request.uri(), request.version())?;
        let Target::Below(target) = target else {
            return Ok(to_base(base, request.uri()));
        };
        let browser = hyper::upgrade::on(&mut request);
        let (mut parts, body) = request.into_parts();
        let (upload, progress) = if body.is_end_stream() {
            (Upload::none(), None)
        } else {
            let (upload, progress) = Upload::of(body);
            (upload, Some(progress))
        };
        let asks = headers::for_hub(&mut parts, &about, &self.via, progress.is_some())?;
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Refusal::Busy)?;

        let outgoing = outgoing(parts.method, target.clone(), parts.headers, upload);
        let mut flight = Flight {
            upstream: &self.upstream,
            limits: &self.limits,
            ends: &mut about.ends,
            progress: progress.as_deref(),
        };
        let (mut wire, mut answer) = match asks {
            Asks::Answer => flight.answered(outgoing, &self.pool).await?,
            Asks::WebSocket => flight.answered_anew(outgoing).await?,
        };
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            if asks != Asks::WebSocket || !headers::names_websocket(answer.headers()) {
                return Err(Refusal::Answer);
            }
            let hub = wire.switched().await.ok_or(Refusal::Answer)?;
            headers::for_browser(answer.headers_mut(), about.own_cookies)?;
            headers::switch(answer.headers_mut());
            tokio::spawn(splice(
                browser,
                hub,
                about.ends,
                self.limits.half_closed,
                place,
            ));
            return Ok(answer.map(|_| Body::empty()));
        }
        if reader == Reader::Person
            && stopped::is_the_proxys(&answer)
            && let Some(server) = Server::of(base, &target)
        {
            return Ok(stopped::answer(base, &server, &target));
        }
        wire.carried(kept_for(&answer), &self.limits);
        headers::for_browser(answer.headers_mut(), about.own_cookies)?;
        let still_sending = progress.is_some_and(|progress| !progress.is_over());
        let (mut head, incoming) = answer.into_parts();
        // Each hop speaks its own.
        head.version = Version::HTTP_11;
        let body = self
            .body(incoming, wire, still_sending, about.ends, place)
            .await;
        Ok(Response::from_parts(head, body))
    }

    async fn body(
        &self,
        mut incoming: Incoming,
        mut wire: Box<Wire>,
        still_sending: bool,
        ends: Ends,
        place: OwnedSemaphorePermit,
    ) -> Body {
        let mut first = None;
        let carrier = if still_sending {
            Carrier::Task(wire.apart())
        } else {
            if !incoming.is_end_stream() {
                first = at_hand(&mut incoming, &mut wire).await;
            }
            match first {
                // Its length was said, so this is all of it.
                Some(Ok(frame)) if incoming.is_end_stream() => {
                    self.pool.bring(wire);
                    return frame.into_data().map_or_else(|_| Body::empty(), Body::full);
                }
                None if incoming.is_end_stream() => {
                    self.pool.bring(wire);
                    return Body::empty();
                }
                _ => {}
            }
            Carrier::Reader(wire)
        };
        Body::passing(Passing {
            incoming,
            first,
            carrier,
            pool: Arc::clone(&self.pool),
            ends,
            place,
        })
    }
}

/// A request under way, until the head of its answer.
struct Flight<'a> {
    upstream: &'a Upstream,
    limits: &'a Limits,
    ends: &'a mut Ends,
    progress: Option<&'a Progress>,
}

type Answered = (Box<Wire>, Response<Incoming>);

impl Flight<'_> {
    /// Over a connection that stands, where there is one. If that turns out to be closed, once more over a new one: when
    /// nothing was sent, or when the request may be sent twice.
    async fn answered(
        &mut self,
        mut request: Request<Upload>,
        pool: &Pool,
    ) -> Result<Answered, Refusal> {
        if let Some(mut wire) = pool.take() {
            let again = self.progress.is_none().then(|| copy(&request)).flatten();
            match self.send(&mut wire, request).await? {
                Sent::Answer(answer) => return Ok((wire, answer)),
                Sent::Unsent(unsent) => request = unsent,
                Sent::Broken(error) => match again {
                    Some(again) if is_closing(&error) => request = again,
                    _ => return Err(self.broken(&error)),
                },
            }
        }
        self.answered_anew(request).await
    }

    async fn answered_anew(&mut self, request: Request<Upload>) -> Result<Answered, Refusal> {
        let mut wire = {
            let mut opening = pin!(Wire::open(self.upstream, self.limits));
            poll_fn(|context| {
                if self.ends.poll(context).is_ready() {
                    return Poll::Ready(Err(Refusal::Ended));
                }
                opening.as_mut().poll(context)
            })
            .await?
        };
        match self.send(&mut wire, request).await? {
            Sent::Answer(answer) => Ok((wire, answer)),
            Sent::Unsent(_) => Err(Refusal::Answer),
            Sent::Broken(error) => Err(self.broken(&error)),
        }
    }

    async fn send(&mut self, wire: &mut Wire, request: Request<Upload>) -> Result<Sent, Refusal> {
        let patience = self.limits.silence;
        let frames = || self.progress.map_or(0, Progress::frames);
        let mut seen = frames();
        let mut silence = pin!(sleep(patience));
        let mut sending = pin!(wire.send(request));
        let ends = &mut *self.ends;
        poll_fn(|context| {
            if ends.poll(context).is_ready() {
                return Poll::Ready(Err(Refusal::Ended));
            }
            if let Poll::Ready(sent) = sending.as_mut().poll(context) {
                return Poll::Ready(Ok(sent));
            }
            while silence.as_mut().poll(context).is_ready() {
                if frames() == seen {
                    return Poll::Ready(Err(Refusal::Silent));
                }
                seen = frames();
                silence.as_mut().reset(Instant::now() + patience);
            }
            Poll::Pending
        })
        .await
    }

    fn broken(&self, error: &hyper::Error) -> Refusal {
        if self.progress.is_some_and(Progress::is_broken) {
            return Refusal::Upload;
        }
        tracing::warn!(%error, cause = ?error.source(), "the Hub's proxy gave no answer");
        Refusal::Answer
    }
}

fn outgoing(
    method: Method,
    target: PathAndQuery,
    headers: HeaderMap,
    upload: Upload,
) -> Request<Upload> {
    let mut request = Request::new(upload);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from(target);
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = headers;
    request
}

/// The same once more, if asking twice is as good as asking once.
fn copy(request: &Request<Upload>) -> Option<Request<Upload>> {
    if !request.method().is_idempotent() {
        return None;
    }
    let mut copy = Request::new(Upload::none());
    request.method().clone_into(copy.method_mut());
    request.uri().clone_into(copy.uri_mut());
    *copy.version_mut() = request.version();
    request.headers().clone_into(copy.headers_mut());
    Some(copy)
}

/// As a connection breaks that the other side closed while we were about to use it.
fn is_closing(error: &hyper::Error) -> bool {
    let broke = error
        .source()
        .and_then(|cause| cause.downcast_ref::<std::io::Error>())
        .is_some_and(|error| {
            use std::io::ErrorKind::{
                BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected,
            };
            matches!(
                error.kind(),
                BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected
            )
        });
    broke || error.is_incomplete_message() || error.is_canceled() || error.is_closed()
}

/// What came of a body together with its head, without waiting.
async fn at_hand(incoming: &mut Incoming, wire: &mut Wire) -> Option<Result<Frame<Bytes>, Broken>> {
    let mut poll = |context: &mut Context<'_>| {
        // Whoever reads on polls it again.
        let mut nobody = Context::from_waker(Waker::noop());
        let mut look = || Pin::new(&mut *incoming).poll_frame(&mut nobody);
        let mut frame = look();
        if frame.is_pending() {
            let _ = wire.poll_drive(context);
            frame = look();
        }
        match frame {
            Poll::Ready(Some(frame)) => Some(frame.map_err(Broken::Hub)),
            Poll::Ready(None) | Poll::Pending => None,
        }
    };
    poll_fn(|context| Poll::Ready(poll(context))).await
}

fn to_base(base: &str, uri: &Uri) -> Response<Body> {
    let place = match uri.query() {
        Some(query) => format!("{base}?{query}"),
        None => base.to_owned(),
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    if let Ok(place) = HeaderValue::try_from(place) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}
