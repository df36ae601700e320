//! A real JupyterHub with its own proxy and a real single-user server, through ours.
//!
//! `HUB_PYTHON` is a Python environment with JupyterHub and JupyterLab, `HUB_PROXY` the program configurable-http-proxy.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use jupyter::proxy::{Limits, Scheme};
use reqwest::cookie::{CookieStore, Jar};
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::front::Front;

/// A Hub starts in seconds, and a server in some more; here others may use the machine too.
const PATIENCE: Duration = Duration::from_secs(120);
const PASSWORD: &str = "eleven grey herons";
const PROTOCOL: &str = "v1.kernel.websocket.jupyter.org";

#[tokio::test]
async fn a_person_works_on_a_real_hub_through_the_proxy() {
    let Some(hub) = Hub::start().await else {
        return;
    };
    let front = Front::start(hub.address, Limits::default(), Scheme::Http).await;
    let ada = Person::arrive(front.address);
    ada.logs_in().await;
    ada.watches_her_server_start().await;
    ada.opens_lab().await;
    ada.is_kept_from_forging().await;
    ada.runs_a_cell().await;
    ada.uses_a_terminal().await;
    ada.finds_her_server_stopped(&hub).await;
}

struct Person {
    client: Client,
    jar: Arc<Jar>,
    base: Url,
}

impl Person {
    fn arrive(address: SocketAddr) -> Self {
        let jar = Arc::new(Jar::default());
        let client = Client::builder()
            .cookie_provider(Arc::clone(&jar))
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let base = Url::parse(&format!("http://{address}/jupyter/")).unwrap();
        // The studio's own cookie, which is nobody's business behind it.
        jar.add_cookie_str("studio=secret; Path=/", &base);
        Self { client, jar, base }
    }

    fn at(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    async fn navigates(&self, path: &str) -> Response {
        let asking = self
            .client
            .get(self.at(path))
            .header("accept", "text/html")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-site", "none")
            .header("sec-fetch-dest", "document");
        asking.send().await.unwrap()
    }

    fn cookie(&self, path: &str, name: &str) -> Option<String> {
        let line = self.jar.cookies(&self.at(path))?;
        let pairs = line.to_str().unwrap().split("; ");
        pairs
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    }

    async fn logs_in(&self) {
        let page = self.navigates("").await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.url().path(), "/jupyter/hub/login");
        let xsrf = self
            .cookie("hub/login", "_xsrf")
            .expect("an XSRF cookie of the Hub");
        let form = |xsrf: &str| {
            format!(
                "username=ada&password={}&_xsrf={xsrf}",
                PASSWORD.replace(' ', "+")
            )
        };
        let post = |body: String| {
            self.client
                .post(self.at("hub/login"))
                .header("content-type", "application/x-www-form-urlencoded")
                .header("origin", self.base.origin().ascii_serialization())
                .header("sec-fetch-mode", "navigate")
                .header("sec-fetch-site", "same-origin")
                .body(body)
                .send()
        };
        let refused = post(form("forged")).await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        let page = post(form(&xsrf.replace('|', "%7C"))).await.unwrap();
        let told = format!("{} {}", page.status(), page.url());
        assert!(page.status().is_success(), "{told}");
        assert!(
            page.url().path().starts_with("/jupyter/hub/spawn"),
            "{told}"
        );
    }

    async fn watches_her_server_start(&self) {
        let asking = self
            .client
            .get(self.at("hub/api/users/ada/server/progress"))
            .header("accept", "text/event-stream")
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-site", "same-origin")
            .header("referer", self.at("hub/spawn-pending/ada").as_str())
            .header("x-xsrftoken", self.cookie("hub/", "_xsrf").unwrap());
        let answer = asking.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut answer = answer;
        let (mut told, mut pieces) = (String::new(), 0);
        while let Some(piece) = timeout(PATIENCE, answer.chunk()).await.unwrap().unwrap() {
            pieces += 1;
            told.push_str(&String::from_utf8_lossy(&piece));
            if told.contains("\"ready\": true") || told.contains("\"failed\": true") {
                break;
            }
        }
        assert!(told.contains("\"ready\": true"), "{told}");
        assert!(pieces > 1, "it came in one piece: {told}");
    }

    /// Through the Hub's own sign-in for servers, which sends the browser forth and back.
    async fn opens_lab(&self) {
        let page = self.navigates("user/ada/lab").await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.url().path(), "/jupyter/user/ada/lab");
        let page = page.text().await.unwrap();
        assert!(
            page.contains("\"baseUrl\": \"/jupyter/user/ada/\""),
            "{page}"
        );
        assert!(!page.contains("secret"), "the studio's cookie got there");
        let script = page
            .split('"')
            .find(|word| word.contains("/static/lab/") && word.contains(".js"))
            .expect("a script of JupyterLab");
        let bundle = self.client.get(self.at(script)).send().await.unwrap();
        assert_eq!(bundle.status(), StatusCode::OK);
        let length = bundle.content_length();
        let bytes = bundle.bytes().await.unwrap();
        assert!(bytes.len() > 1_000);
        assert!(length.is_none_or(|length| length == bytes.len() as u64));
    }

    fn asks_her_server(&self, path: &str, xsrf: &str) -> reqwest::RequestBuilder {
        self.client
            .post(self.at(&format!("user/ada/{path}")))
            .header("origin", self.base.origin().ascii_serialization())
            .header("referer", self.at("user/ada/lab").as_str())
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-site", "same-origin")
            .header("x-xsrftoken", xsrf)
    }

    fn xsrf(&self) -> String {
        self.cookie("user/ada/", "_xsrf")
            .expect("an XSRF cookie of the server")
    }

    async fn is_kept_from_forging(&self) {
        assert_ne!(Some(self.xsrf()), self.cookie("hub/", "_xsrf"));
        let forged = self
            .asks_her_server("api/kernels", "forged")
            .json(&json!({"name": "python3"}));
        assert_eq!(forged.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    }

    async fn socket(&self, path: &str, protocol: Option<&str>) -> Socket {
        let url = self.at(&format!("user/ada/{path}"));
        let mut request = url
            .as_str()
            .replacen("http", "ws", 1)
            .into_client_request()
            .unwrap();
        let headers = request.headers_mut();
        let origin = self.base.origin().ascii_serialization();
        headers.insert("origin", origin.parse().unwrap());
        headers.insert("cookie", self.jar.cookies(&url).unwrap());
        if let Some(protocol) = protocol {
            headers.insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        let (socket, answer) = tokio_tungstenite::connect_async(request).await.unwrap();
        let chosen = answer.headers().get("sec-websocket-protocol");
        assert_eq!(chosen.map(|chosen| chosen.to_str().unwrap()), protocol);
        Socket(socket)
    }

    async fn runs_a_cell(&self) {
        let kernel = self
            .asks_her_server("api/kernels", &self.xsrf())
            .json(&json!({"name": "python3"}))
            .send()
            .await
            .unwrap();
        assert_eq!(kernel.status(), StatusCode::CREATED);
        let kernel: Value = kernel.json().await.unwrap();
        let id = kernel["id"].as_str().unwrap();
        let path = format!("api/kernels/{id}/channels?session_id=ada");
        let mut socket = self.socket(&path, Some(PROTOCOL)).await;
        let header = json!({"msg_id": "1", "msg_type": "execute_request", "session": "ada", "username": "ada",
            "version": "5.3", "date": "2026-01-01T00:00:00Z"});
        let content = json!({"code": "print(6 * 7)", "silent": false, "store_history": true,
            "user_expressions": {}, "allow_stdin": false, "stop_on_error": true});
        let parts = [
            "shell".to_owned(),
            header.to_string(),
            "{}".into(),
            "{}".into(),
            content.to_string(),
        ];
        socket
            .0
            .send(Message::Binary(framed(&parts).into()))
            .await
            .unwrap();
        socket
            .until(|message| matches!(message, Message::Binary(frame) if has(frame, b"\"stream\"") && has(frame, b"42\\n")))
            .await;
        // More in one message than any buffer on the way holds.
        let long = json!({"code": "import sys\nprint('x' * 900_000 + 'end')", "silent": false});
        let header = header.to_string().replace("\"1\"", "\"2\"");
        let parts = [
            "shell".to_owned(),
            header,
            "{}".into(),
            "{}".into(),
            long.to_string(),
        ];
        socket
            .0
            .send(Message::Binary(framed(&parts).into()))
            .await
            .unwrap();
        socket
            .until(|message| matches!(message, Message::Binary(frame) if frame.len() > 900_000 && has(frame, b"xend")))
            .await;
    }

    async fn uses_a_terminal(&self) {
        let terminal = self
            .asks_her_server("api/terminals", &self.xsrf())
            .send()
            .await
            .unwrap();
        assert_eq!(terminal.status(), StatusCode::OK);
        let terminal: Value = terminal.json().await.unwrap();
        let path = format!("terminals/websocket/{}", terminal["name"].as_str().unwrap());
        let mut socket = self.socket(&path, None).await;
        let typed = json!(["stdin", "echo $((6*7))th\r"]).to_string();
        socket.0.send(Message::Text(typed.into())).await.unwrap();
        socket
            .until(|message| matches!(message, Message::Text(text) if text.contains("42th")))
            .await;
    }

    /// The Hub's proxy may say it, or the Hub already: either way there is a link that starts it.
    async fn finds_her_server_stopped(&self, hub: &Hub) {
        hub.kills_the_server_of("ada").await;
        let page = self.navigates("user/ada/lab/tree/a%20b").await;
        let (status, page) = (page.status(), page.text().await.unwrap());
        assert!(matches!(status.as_u16(), 503 | 424), "{status}: {page}");
        assert!(page.contains("/jupyter/hub/spawn/ada"), "{page}");
        let asked = self
            .client
            .get(self.at("user/ada/api/status"))
            .send()
            .await
            .unwrap();
        assert!(
            matches!(asked.status().as_u16(), 503 | 424),
            "{}",
            asked.status()
        );
    }
}

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn until(&mut self, wanted: impl Fn(&Message) -> bool) {
        let looking = async {
            while let Some(message) = self.0.next().await {
                if wanted(&message.unwrap()) {
                    return true;
                }
            }
            false
        };
        assert!(
            timeout(PATIENCE, looking).await.expect("it never came"),
            "closed"
        );
    }
}

fn has(frame: &[u8], part: &[u8]) -> bool {
    frame.windows(part.len()).any(|window| window == part)
}

/// As jupyter_server frames messages: how many offsets, the offsets, and what lies between them.
fn framed(parts: &[String]) -> Vec<u8> {
    let count = parts.len() + 1;
    let mut frame = u64::to_le_bytes(count as u64).to_vec();
    let mut offset = 8 * (count + 1);
    frame.extend(u64::to_le_bytes(offset as u64));
    for part in parts {
        offset += part.len();
        frame.extend(u64::to_le_bytes(offset as u64));
    }
    frame.extend(parts.iter().flat_map(|part| part.bytes()));
    frame
}

/// Ended with the pipe to it, however the tests end.
struct Hub {
    address: SocketAddr,
    child: Child,
    folder: tempfile::TempDir,
}

impl Hub {
    /// None where there is none, which is said aloud.
    async fn start() -> Option<Self> {
        let (Some(python), Some(proxy)) = (place("HUB_PYTHON"), place("HUB_PROXY")) else {
            let words = b"skipped: no JupyterHub (HUB_PYTHON and HUB_PROXY say where it is)\n";
            std::io::stderr().write_all(words).unwrap();
            return None;
        };
        let mut ports = Vec::new();
        for _ in 0..3 {
            ports.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        let [public, inner, api] =
            [0, 1, 2].map(|at: usize| ports[at].local_addr().unwrap().port());
        drop(ports);
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        std::fs::create_dir_all(home.join("ada")).unwrap();
        let text = |path: PathBuf| format!("{:?}", path.to_str().unwrap());
        let config = format!(
            "import os, signal, sys, threading\n\
             def watch():\n    sys.stdin.read()\n    os.kill(os.getpid(), signal.SIGTERM)\n\
             threading.Thread(target=watch, daemon=True).start()\n\
             c.JupyterHub.bind_url = 'http://127.0.0.1:{public}/jupyter/'\n\
             c.JupyterHub.hub_bind_url = 'http://127.0.0.1:{inner}'\n\
             c.ConfigurableHTTPProxy.api_url = 'http://127.0.0.1:{api}'\n\
             c.ConfigurableHTTPProxy.command = [{proxy}]\n\
             c.JupyterHub.spawner_class = 'simple'\n\
             c.JupyterHub.authenticator_class = 'dummy'\n\
             c.DummyAuthenticator.password = '{PASSWORD}'\n\
             c.Authenticator.allow_all = True\n\
             c.JupyterHub.allow_named_servers = True\n\
             c.Spawner.cmd = [{server}]\n\
             c.Spawner.args = ['--allow-root']\n\
             c.Spawner.poll_interval = 1\n\
             c.SimpleLocalProcessSpawner.home_dir_template = {home}\n",
            proxy = text(proxy),
            server = text(python.join("bin/jupyterhub-singleuser")),
            home = text(home.join("{username}")),
        );
        std::fs::write(folder.path().join("config.py"), config).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut path = OsString::from(python.join("bin"));
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let child = Command::new(python.join("bin/jupyterhub"))
            .args(["-f", "config.py"])
            .current_dir(folder.path())
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let hub = Self {
            address: SocketAddr::from(([127, 0, 0, 1], public)),
            child,
            folder,
        };
        let began = Instant::now();
        let ready = format!("http://{}/jupyter/hub/api/", hub.address);
        while !reqwest::get(&ready)
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            assert!(began.elapsed() < PATIENCE, "{}", hub.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Some(hub)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    async fn kills_the_server_of(&self, person: &str) {
        let home = self.folder.path().join("home").join(person);
        let mut killed = false;
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let process = entry.path();
            let there = std::fs::read_link(process.join("cwd")).is_ok_and(|place| place == home);
            let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
            if there && has(&command, b"jupyterhub-singleuser") {
                let id = entry.file_name().to_str().unwrap().parse().unwrap();
                let id = rustix::process::Pid::from_raw(id).unwrap();
                rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
                killed = true;
            }
        }
        assert!(killed, "no server runs in {}", home.display());
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

fn place(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|place| !place.is_empty())
        .map(PathBuf::from)
}
