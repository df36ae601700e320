//! Both ends of the proxy by hand: a server in front of it as the studio's is set up, and raw sockets on either side.

use std::convert::Infallible;
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use jupyter::proxy::{About, Ends, Limits, Proxy, Scheme, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// Nothing here takes longer, unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);
pub const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A studio's server in front of a proxy.
pub struct Front {
    pub address: SocketAddr,
    pub over: watch::Sender<bool>,
}

impl Front {
    pub async fn start(upstream: SocketAddr, limits: Limits, scheme: Scheme) -> Self {
        let upstream = Upstream::new(&format!("http://{upstream}"), "/jupyter/").unwrap();
        let proxy = Proxy::new(upstream, limits);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (over, told) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                let (stream, peer) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (proxy, told) = (proxy.clone(), told.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request: Request<Incoming>| {
                        let about = about(&request, peer, scheme, told.clone());
                        let proxy = proxy.clone();
                        async move { Ok::<_, Infallible>(proxy.pass(request, about).await) }
                    });
                    let mut server = auto::Builder::new(TokioExecutor::new());
                    server
                        .http1()
                        .timer(TokioTimer::new())
                        .header_read_timeout(Duration::from_secs(10))
                        .max_headers(100)
                        .max_buf_size(64 * 1024);
                    server
                        .http2()
                        .timer(TokioTimer::new())
                        .max_header_list_size(64 * 1024);
                    let stream: TokioIo<TcpStream> = TokioIo::new(stream);
                    server
                        .serve_connection_with_upgrades(stream, service)
                        .await
                        .ok();
                });
            }
        });
        Self { address, over }
    }

    pub async fn browser(&self) -> Raw {
        Raw::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// Asks over a connection of its own, and reads to its end.
    pub async fn ask(&self, request: &str) -> String {
        let mut browser = self.browser().await;
        browser.say(request).await;
        browser.rest().await
    }
}

fn about(
    request: &Request<Incoming>,
    peer: SocketAddr,
    scheme: Scheme,
    mut told: watch::Receiver<bool>,
) -> About {
    let named = request.uri().authority().map(|authority| {
        HeaderValue::from_str(authority.as_str()).expect("an authority is visible")
    });
    About {
        // An address of documentation, so that it is seen where the facts come from.
        client: if scheme == Scheme::Https {
            IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7))
        } else {
            peer.ip()
        },
        scheme,
        host: named
            .or_else(|| request.headers().get(HOST).cloned())
            .unwrap_or(HeaderValue::from_static("studio.example")),
        own_cookies: &["__Host-studio", "studio"],
        ends: Ends::when(async move {
            if told.wait_for(|over| *over).await.is_err() {
                pending::<()>().await;
            }
        }),
    }
}

/// A server that says what the test says.
pub struct Backend(TcpListener);

impl Backend {
    pub async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// With a studio in front of it.
    pub async fn fronted() -> (Self, Front) {
        Self::fronted_with(Limits::default()).await
    }

    pub async fn fronted_with(limits: Limits) -> (Self, Front) {
        let backend = Self::start().await;
        let front = Front::start(backend.address(), limits, Scheme::Https).await;
        (backend, front)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub async fn accept(&self) -> Raw {
        let accepted = timeout(PATIENCE, self.0.accept());
        Raw::new(accepted.await.expect("nobody connects").unwrap().0)
    }

    /// The head and the body of a request without one, on a new connection, answered with this.
    pub async fn answer(&self, answer: &str) -> String {
        let mut hub = self.accept().await;
        let head = hub.head().await;
        hub.say(answer).await;
        head
    }

    pub async fn is_left_alone(&self) {
        let accepted = timeout(Duration::from_millis(50), self.0.accept());
        assert!(accepted.await.is_err(), "somebody connected");
    }
}

/// One end of a connection.
pub struct Raw {
    pub stream: TcpStream,
    held: Vec<u8>,
}

impl Raw {
    pub fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            held: Vec::new(),
        }
    }

    pub async fn say(&mut self, words: impl AsRef<[u8]>) {
        let written = timeout(PATIENCE, self.stream.write_all(words.as_ref()));
        written.await.expect("nobody reads").unwrap();
    }

    /// Up to and with the empty line.
    pub async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    pub async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = find(&self.held, end.as_bytes()) {
                let after = self.held.split_off(at + end.len());
                let before = std::mem::replace(&mut self.held, after);
                return String::from_utf8_lossy(&before).into_owned();
            }
            let read = self.more().await;
            let held = String::from_utf8_lossy(&self.held);
            assert!(read > 0, "closed before {end:?}: {held:?}");
        }
    }

    pub async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.held.len() < count {
            assert!(self.more().await > 0, "closed before {count} bytes");
        }
        let after = self.held.split_off(count);
        std::mem::replace(&mut self.held, after)
    }

    /// Everything until the other side closes; a reset is an end too.
    pub async fn rest(&mut self) -> String {
        while self.more().await > 0 {}
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }

    async fn more(&mut self) -> usize {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.held));
        read.await.expect("nothing comes").unwrap_or(0)
    }
}

fn find(held: &[u8], end: &[u8]) -> Option<usize> {
    held.windows(end.len()).position(|window| window == end)
}

/// The lines of a head by their names, which are in lower case.
pub fn fields<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .collect()
}
