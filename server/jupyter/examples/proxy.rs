//! The programs of `end2end/bench/proxy.bench.mjs`: the proxy behind a server as the studio's, what stands behind it, and
//! who speaks through it.
//!
//! `proxy serve LISTEN UPSTREAM` is the proxy, mounted as the studio mounts it. `proxy backend LISTEN` answers every
//! request with a little JSON, and echoes over WebSockets. `proxy echo ADDRESS BYTES COUNT` sends that many messages one
//! after the other and prints the round trips as JSON, in microseconds. `proxy hold ADDRESS COUNT` opens that many
//! WebSockets, says so, and keeps them until its standard input ends.

use std::convert::Infallible;
use std::error::Error;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue, UPGRADE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use jupyter::proxy::{About, Ends, Limits, Proxy, Scheme, Upstream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Fallible<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// A small answer, as a Hub gives many.
const ANSWER: &[u8] = br#"{"id":"5e2c6f2a","name":"python3","last_activity":"2026-01-01T00:00:00.000000Z","execution_state":"idle","connections":1}"#;
const HEAD: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Fallible {
    raise_file_limit();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", listen, upstream] => serve(listen.parse()?, upstream).await,
        ["backend", listen] => backend(listen.parse()?).await,
        ["echo", address, bytes, count] => echo(address, bytes.parse()?, count.parse()?).await,
        ["hold", address, count] => hold(address, count.parse()?).await,
        _ => Err("usage: proxy serve LISTEN UPSTREAM | backend LISTEN | echo ADDRESS BYTES COUNT | hold ADDRESS COUNT".into()),
    }
}

async fn serve(listen: SocketAddr, upstream: &str) -> Fallible {
    let proxy = Proxy::new(Upstream::new(upstream, "/jupyter/")?, Limits::default());
    // As a session is watched: nobody ends it here.
    let (_over, told) = watch::channel(false);
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
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (server, proxy, told) = (Arc::clone(&server), proxy.clone(), told.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let about = about(&request, peer, told.clone());
                let proxy = proxy.clone();
                async move { Ok::<_, Infallible>(proxy.pass(request, about).await) }
            });
            let stream: TokioIo<TcpStream> = TokioIo::new(stream);
            let serving = server.serve_connection_with_upgrades(stream, service);
            serving.await.ok();
        });
    }
}

fn about(request: &Request<Incoming>, peer: SocketAddr, mut told: watch::Receiver<bool>) -> About {
    let host = request.headers().get(HOST).cloned();
    About {
        client: peer.ip(),
        scheme: Scheme::Http,
        host: host.unwrap_or(HeaderValue::from_static("localhost")),
        own_cookies: &["studio"],
        ends: Ends::when(async move {
            if told.wait_for(|over| *over).await.is_err() {
                pending::<()>().await;
            }
        }),
    }
}

async fn backend(listen: SocketAddr) -> Fallible {
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = service_fn(async |request| Ok::<_, Infallible>(answer(request)));
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
                .await
                .ok();
        });
    }
}

fn answer(mut request: Request<Incoming>) -> Response<Full> {
    let Some(key) = request.headers().get("sec-websocket-key") else {
        let mut response = Response::new(Full(Some(Bytes::from_static(ANSWER))));
        let media = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, media);
        return response;
    };
    let accept = derive_accept_key(key.as_bytes());
    let switching = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(socket) = switching.await else { return };
        let mut socket =
            WebSocketStream::from_raw_socket(TokioIo::new(socket), Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_binary() && socket.send(message).await.is_err() {
                break;
            }
        }
    });
    let mut response = Response::new(Full(None));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::try_from(accept) {
        headers.insert("sec-websocket-accept", accept);
    }
    response
}

struct Full(Option<Bytes>);

impl Body for Full {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(address: &str) -> Fallible<Socket> {
    let (socket, _) = connect_async(format!("ws://{address}")).await?;
    if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
        stream.set_nodelay(true)?;
    }
    Ok(socket)
}

async fn echo(address: &str, bytes: usize, count: usize) -> Fallible {
    let mut socket = connect(address).await?;
    let message = Bytes::from(vec![7; bytes]);
    let mut times = Vec::with_capacity(count);
    for at in 0..count + count / 10 {
        let began = Instant::now();
        socket.send(Message::Binary(message.clone())).await?;
        let back = socket.next().await.ok_or("closed")??;
        if back.into_data() != message {
            return Err("what came back is something else".into());
        }
        // The first ones warm up.
        if at >= count / 10 {
            times.push(began.elapsed().as_secs_f64() * 1e6);
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{{\"p50\":{:.2},\"p99\":{:.2}}}", at(0.5), at(0.99));
    Ok(())
}

async fn hold(address: &str, count: usize) -> Fallible {
    let mut held = Vec::with_capacity(count);
    for _ in 0..count {
        let mut socket = connect(address).await?;
        // One message each way, so that every socket has worked.
        let message = Bytes::from_static(&[7; 200]);
        socket.send(Message::Binary(message)).await?;
        socket.next().await.ok_or("closed")??;
        held.push(socket);
    }
    println!("{}", held.len());
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}

fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, most).ok();
}
