//! The studio as a process that can be killed, and people signed in to it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

const PASSWORD: &str = "eleven quiet otters row upstream";

pub struct Process {
    folder: TempDir,
    child: Child,
    /// Held, so that the studio can go on writing to it.
    _stdout: BufReader<ChildStdout>,
    address: String,
}

#[derive(Clone)]
pub struct Person {
    pub username: String,
    pub cookie: String,
    /// `127.0.0.1:port`
    pub address: String,
    client: Client,
}

impl Process {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (child, stdout) = serve(&folder, "127.0.0.1:0");
        let address = std::fs::read_to_string(folder.path().join("address"))
            .unwrap()
            .trim()
            .to_owned();
        Self {
            folder,
            child,
            _stdout: stdout,
            address,
        }
    }

    /// SIGKILL: no goodbye, nothing flushed.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// On the same port, over the same folder.
    pub fn restart(&mut self) {
        (self.child, self._stdout) = serve(&self.folder, &self.address);
    }

    /// User and system time so far.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // Behind the name, which stands in brackets, the 12th and 13th; in ticks of 10 ms.
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .collect();
        let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
        Duration::from_millis(10 * (ticks(11) + ticks(12)))
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 1024
    }

    /// Creates people on the command line and signs them in.
    pub async fn people(&self, count: usize) -> Vec<Person> {
        let mut people = Vec::new();
        for number in 0..count {
            let username = format!("person{number}");
            let mut command = command();
            command
                .args([
                    "admin",
                    "create-user",
                    &username,
                    "--password-stdin",
                    "--data",
                ])
                .arg(self.folder.path());
            let mut creating = command
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            creating
                .stdin
                .take()
                .unwrap()
                .write_all(format!("{PASSWORD}\n").as_bytes())
                .unwrap();
            assert!(
                creating.wait().unwrap().success(),
                "`datalayer admin create-user {username}` failed"
            );
            let client = Client::builder()
                .timeout(Duration::from_secs(30))
                .build()
                .unwrap();
            let mut person = Person {
                username,
                cookie: String::new(),
                address: self.address.clone(),
                client,
            };
            let question = json!({ "username": person.username, "password": PASSWORD });
            let answer = person
                .request(Method::POST, "/api/v1/session")
                .json(&question)
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 201, "{} signs in", person.username);
            let cookie = answer.headers()["set-cookie"].to_str().unwrap();
            person.cookie = cookie.split(';').next().unwrap().to_owned();
            people.push(person);
        }
        people
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Person {
    pub async fn get(&self, path: &str) -> String {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "GET {path}");
        answer.text().await.unwrap()
    }

    pub async fn create(&self, path: &str, body: &Value) -> Value {
        let answer = self
            .request(Method::POST, path)
            .json(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201, "POST {path}");
        answer.json().await.unwrap()
    }

    pub async fn put(&self, path: &str, body: &Value) {
        let answer = self
            .request(Method::PUT, path)
            .json(body)
            .send()
            .await
            .unwrap();
        assert!(
            answer.status().is_success(),
            "PUT {path}: {}",
            answer.status()
        );
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let address = &self.address;
        let request = self
            .client
            .request(method, format!("http://{address}{path}"));
        request
            .header("origin", format!("http://{address}"))
            .header("cookie", &self.cookie)
    }
}

/// Returns once the studio listens.
fn serve(folder: &TempDir, listen: &str) -> (Child, BufReader<ChildStdout>) {
    // The log is kept beside the data, for whoever looks into a failure.
    let log = std::fs::File::options()
        .append(true)
        .create(true)
        .open(folder.path().join("studio.log"))
        .unwrap();
    let mut command = command();
    command
        .args(["serve", "--kernels", "off", "--listen", listen, "--data"])
        .arg(folder.path());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let told = || std::fs::read_to_string(folder.path().join("studio.log")).unwrap_or_default();
    assert!(
        line.starts_with("Datalayer is at http"),
        "the studio said {line:?} and {}",
        told()
    );
    (child, stdout)
}

/// The binary, without a configuration from the outside.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_datalayer"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DATALAYER_") {
            command.env_remove(name);
        }
    }
    command
}
