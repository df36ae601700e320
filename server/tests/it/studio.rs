//! A studio for one test: the binary on a free port over a temporary folder, and people who use it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const PASSWORD: &str = "seven red kites over Avebury";

/// A running studio. Dropping it kills the process.
pub struct Studio {
    process: Child,
    stdout: BufReader<ChildStdout>,
    folder: TempDir,
    pub address: String,
}

impl Studio {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(more: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), more)
    }

    pub fn start_in(folder: TempDir, more: &[&str]) -> Self {
        // Whether a site was built must not matter to a test that does not bring its own.
        let site: &[&str] = if more.contains(&"--site") {
            &[]
        } else {
            &["--site", "/nowhere"]
        };
        // Few tests run code, and those say so.
        let kernels: &[&str] = if more.contains(&"--kernels") {
            &[]
        } else {
            &["--kernels", "off"]
        };
        let mut process = command()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path())
            .args(kernels)
            .args(site)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(if std::env::var_os("SHOW_LOG").is_some() {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(
            line.starts_with("Datalayer is at http"),
            "the first line was {line:?}"
        );
        let address = std::fs::read_to_string(folder.path().join("address"))
            .unwrap()
            .trim()
            .to_owned();
        Self {
            process,
            stdout,
            folder,
            address,
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The secret of the printed set-up link.
    pub fn setup_token(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim()
            .rsplit_once("/set-up?token=")
            .unwrap_or_else(|| panic!("no set-up link in {line:?}"))
            .1
            .to_owned()
    }

    /// Nobody in particular, with an empty cookie jar.
    pub fn stranger(&self) -> Person {
        let client = Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Person {
            client,
            base: format!("http://{}", self.address),
            cookie: String::new(),
        }
    }

    /// The first administrator.
    pub async fn ada(&mut self) -> Person {
        let token = self.setup_token();
        let mut ada = self.stranger();
        let question =
            json!({ "token": token, "username": "ada", "name": "Ada", "password": PASSWORD });
        let answer = ada.post("/api/v1/set-up", &question).await;
        assert_eq!(answer.status(), 201);
        ada.remember(&answer);
        ada
    }

    /// Someone whom an administrator created, signed in.
    pub async fn person(&self, administrator: &Person, username: &str) -> Person {
        let question = json!({ "username": username, "name": username, "password": PASSWORD });
        assert_eq!(
            administrator
                .post("/api/v1/users", &question)
                .await
                .status(),
            201
        );
        self.sign_in(username, PASSWORD).await
    }

    pub async fn sign_in(&self, username: &str, password: &str) -> Person {
        let mut person = self.stranger();
        let answer = person
            .post(
                "/api/v1/session",
                &json!({ "username": username, "password": password }),
            )
            .await;
        assert_eq!(answer.status(), 201);
        person.remember(&answer);
        person
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.process.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for the process to end, at most so long; its exit code.
    pub fn ended_within(&mut self, limit: Duration) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(
                start.elapsed() < limit,
                "the studio still runs after {limit:?}"
            );
            std::thread::yield_now();
        }
    }

    /// Stops it and hands back its folder.
    pub fn stop(mut self) -> TempDir {
        self.signal("TERM");
        self.ended_within(Duration::from_secs(5));
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// Kills it without a word, and starts another one on its folder.
    pub fn kill_and_start_again(&mut self, more: &[&str]) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        *self = Self::start_in(folder, more);
    }

    /// Bytes as no client library would send them; everything that comes back until the studio closes.
    pub fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        read_all(&mut stream)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The binary, without a configuration from the outside.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_datalayer"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DATALAYER_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// A connection that was reset says no more; what came before counts.
pub fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A browser, as far as HTTP goes.
pub struct Person {
    pub client: Client,
    base: String,
    /// `studio=…`, once signed in.
    pub cookie: String,
}

impl Person {
    pub async fn get(&self, path: &str) -> Response {
        self.client
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(Method::POST, path, body).await
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        self.client
            .request(method, format!("{}{path}", self.base))
            .json(body)
            .send()
            .await
            .unwrap()
    }

    /// Without a body, whatever the method.
    pub async fn ask(&self, method: Method, path: &str) -> Response {
        self.client
            .request(method, format!("{}{path}", self.base))
            .send()
            .await
            .unwrap()
    }

    /// A body of any type.
    pub async fn post_bytes(
        &self,
        path: &str,
        media: &str,
        body: impl Into<reqwest::Body>,
    ) -> Response {
        self.client
            .post(format!("{}{path}", self.base))
            .header("content-type", media)
            .body(body)
            .send()
            .await
            .unwrap()
    }

    pub async fn create(&self, path: &str, body: Value) -> Value {
        let answer = self.post(path, &body).await;
        assert_eq!(answer.status(), 201, "{path}");
        answer.json().await.unwrap()
    }

    /// A space with one notebook in it: their ids.
    pub async fn workplace(&self) -> (String, String) {
        let space = self
            .create("/api/v1/spaces", json!({ "name": "Lab" }))
            .await;
        let space = space["id"].as_str().unwrap().to_owned();
        let notebook = self
            .create(
                &format!("/api/v1/spaces/{space}/notebooks"),
                json!({ "title": "First" }),
            )
            .await;
        (space, notebook["id"].as_str().unwrap().to_owned())
    }

    fn remember(&mut self, answer: &Response) {
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        self.cookie = cookie.split(';').next().unwrap().to_owned();
    }
}

/// The answer is a problem with this status and code; its sentence.
pub async fn problem(answer: Response, status: u16, code: &str) -> String {
    assert_eq!(answer.status(), StatusCode::from_u16(status).unwrap());
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let id = answer.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["status"], status);
    assert_eq!(problem["request"], id);
    problem["detail"].as_str().unwrap().to_owned()
}
