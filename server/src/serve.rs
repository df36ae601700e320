//! The life of a studio: listen, serve, drain, end.

use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use api::Peer;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::config::Config;
use crate::wiring::Studio;

/// Connections at a time; who comes later waits in the system's queue.
const CONNECTIONS: usize = 8_192;
/// A request's head must be complete this long after its first byte, and a connection must have asked something by then.
const HEAD: Duration = Duration::from_secs(10);
/// From the signal to the end, within five seconds: what the rooms have in hand, then the sockets, then the requests under way.
const LAST_WORDS: Duration = Duration::from_millis(2_800);
const LAST_REQUESTS: Duration = Duration::from_millis(800);
const LAST_QUERIES: Duration = Duration::from_millis(500);

/// Runs a studio until it is told to stop.
pub async fn serve(config: Config) -> Result<()> {
    let mut stop = Stop::listen()?;
    let files = raise_file_limit();
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listen: {} cannot be used", config.listen))?;
    let bound = listener.local_addr()?;

    // A database that does not answer is no reason not to hear that one is told to stop.
    let studio = tokio::select! {
        studio = Studio::open(&config) => studio?,
        name = stop.told() => {
            tracing::info!(signal = name, "closing before it was open");
            return Ok(());
        }
    };
    let app = studio.router();
    let address_file = AddressFile::write(&config.place.data, bound)?;
    announce(&config, bound, &studio).await;

    let connections = CONNECTIONS.min(files.saturating_sub(256)).max(64);
    let graceful = GracefulShutdown::new();
    let accepting = accept(
        &listener,
        &app,
        &graceful,
        Arc::new(Semaphore::new(connections)),
    );
    tokio::select! {
        never = accepting => match never {},
        name = stop.told() => tracing::info!(signal = name, "closing"),
    }
    drop(listener);
    address_file.remove();
    if tokio::time::timeout(LAST_WORDS, studio.close_rooms())
        .await
        .is_err()
    {
        tracing::warn!("some rooms did not finish in time; what was acknowledged is in the log");
    }
    studio.close_sockets();
    if tokio::time::timeout(LAST_REQUESTS, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were cut");
    }
    tokio::time::timeout(LAST_QUERIES, studio.close())
        .await
        .ok();
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    app: &Router,
    graceful: &GracefulShutdown,
    places: Arc<Semaphore>,
) -> Infallible {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(100)
        .max_buf_size(64 * 1024);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .max_header_list_size(64 * 1024)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    let server = Arc::new(server);
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            continue;
        };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // A connection that died in the queue is nothing; a process without file descriptors has to wait for some.
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        stream.set_nodelay(true).ok();
        let (server, app, watcher) = (Arc::clone(&server), app.clone(), graceful.watcher());
        tokio::spawn(async move {
            let asked = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&asked);
            let service = service_fn(move |request: Request<Incoming>| {
                seen.store(true, Ordering::Relaxed);
                answer(app.clone(), request, peer)
            });
            let stream: TokioIo<TcpStream> = TokioIo::new(stream);
            let connection = server
                .serve_connection_with_upgrades(stream, service)
                .into_owned();
            let mut connection = pin!(watcher.watch(connection));
            tokio::select! {
                _ = &mut connection => {}
                // Before the first byte nobody knows which HTTP it will be, and no timer of theirs runs yet.
                () = tokio::time::sleep(HEAD) => {
                    if asked.load(Ordering::Relaxed) {
                        connection.await.ok();
                    }
                }
            }
            drop(place);
        });
    }
}

async fn answer(
    app: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<axum::response::Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Peer(peer));
    app.oneshot(request).await
}

/// What a person at the terminal needs: the address on a line of its own, and the set-up link while there is no administrator.
async fn announce(config: &Config, bound: SocketAddr, studio: &Studio) {
    let address = config.address(bound);
    let listening = if config.public_url.is_some() {
        format!(" (listening on {bound})")
    } else {
        String::new()
    };
    let mut out = std::io::stdout().lock();
    // A closed terminal is no reason not to serve.
    writeln!(out, "Datalayer is at {address}{listening}").ok();
    match studio.setup_token().await {
        Ok(Some(token)) => {
            writeln!(
                out,
                "Open this link once to become its administrator: {address}/set-up?token={token}"
            )
            .ok();
        }
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "no set-up link could be made"),
    }
    out.flush().ok();
    if config.kernels {
        tracing::info!(python = ?config.python, "code runs on this machine");
    } else {
        tracing::info!("code does not run on this machine; start with --kernels on to change that");
    }
}

/// `DIR/address`: where the studio listens, for programs; there only while it does.
struct AddressFile(PathBuf);

impl AddressFile {
    fn write(data: &Path, bound: SocketAddr) -> Result<Self> {
        let file = Self(data.join("address"));
        let half = data.join("address.new");
        std::fs::write(&half, format!("{bound}\n"))
            .and_then(|()| std::fs::rename(&half, &file.0))
            .with_context(|| format!("data: {} cannot be written", file.0.display()))?;
        Ok(file)
    }

    fn remove(&self) {
        std::fs::remove_file(&self.0).ok();
    }
}

struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    fn listen() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn told(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// As many open files as the system lets us have; how many that is.
fn raise_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limit.maximum,
                maximum: limit.maximum,
            },
        )
        .ok();
    }
    getrlimit(Resource::Nofile)
        .current
        .map_or(usize::MAX, |files| {
            usize::try_from(files).unwrap_or(usize::MAX)
        })
}
