//! Measures what the gateway costs: the round trip of `pass` and the flow of long prints, paired with the bare wire.
//!
//! `cargo run --release -p jupyter --example roundtrip -- PYTHON_ENVIRONMENT SUPERVISOR [ROUNDS]`

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use datalayer::{Error, NotebookId, RunLedger, RunRequest, Runner, RuntimeNews, SpoolMark};
use jupyter::wire::{Endpoint, Incoming, Receiver, Role, Sender, Signer, connect};
use jupyter::{Config, Gateway};
use notebook::CellId;
use notebook::runs::{Happening, RunEvent, Runs};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

type Fallible<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Fallible {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [python, supervisor, rest @ ..] = &arguments[..] else {
        return Err("usage: roundtrip PYTHON_ENVIRONMENT SUPERVISOR [ROUNDS]".into());
    };
    let rounds: usize = rest.first().map_or(Ok(5), |text| text.parse())?;
    let folder = std::env::temp_dir().join(format!("roundtrip-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;

    for durable in [false, true] {
        let name = if durable {
            "gateway, log flushed to disk"
        } else {
            "gateway, log in memory"
        };
        let mut bare = Bare::start(Path::new(python), &folder).await?;
        let mut house =
            House::open(Path::new(python), Path::new(supervisor), &folder, durable).await?;
        bare.execute("pass").await?;
        house.execute("pass").await?;
        let (mut direct, mut through) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            for _ in 0..60 {
                direct.push(bare.execute("pass").await?.0);
                through.push(house.execute("pass").await?.0);
            }
        }
        println!("pass, {} pairs", direct.len());
        print_times("direct ZMTP", &mut direct);
        print_times(name, &mut through);
        if !durable {
            house.gateway.shut_down_all().await;
            continue;
        }
        for megabytes in [20_u64, 200] {
            let source = format!(
                "line = 'x' * 999\nfor i in range({}): print(line)",
                megabytes * 1000
            );
            let mut ratios = Vec::new();
            for _ in 0..rounds {
                let (alone, bytes) = bare.execute(&source).await?;
                let before = resident("VmRSS");
                reset_peak();
                let (with, truncated) = house.execute(&source).await?;
                let growth = resident("VmHWM").saturating_sub(before);
                // The next measurement must not share the machine with what is still to be done of this one.
                let kept = house.kept().await?;
                let speed = |took: Duration| megabytes as f64 / took.as_secs_f64();
                ratios.push(alone.as_secs_f64() / with.as_secs_f64());
                println!(
                    "{megabytes} MB of prints: direct {:.1} MB/s ({bytes} bytes), gateway {:.1} MB/s ({truncated} bytes), studio memory +{:.1} MB, whole kept {:.2} s later",
                    speed(alone),
                    speed(with),
                    growth as f64 / 1e6,
                    kept.as_secs_f64()
                );
            }
            ratios.sort_by(f64::total_cmp);
            let middle = ratios[ratios.len() / 2];
            println!(
                "{megabytes} MB: gateway/direct median {middle:.3}, {:.3} to {:.3}",
                ratios[0],
                ratios[ratios.len() - 1]
            );
        }
        house.gateway.shut_down_all().await;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn print_times(name: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!("  {name:32} p50 {:.2} ms  p99 {:.2} ms", at(0.5), at(0.99));
}

/// A kernel and nothing in between.
struct Bare {
    _kernel: tokio::process::Child,
    signer: Signer,
    shell: (Receiver, Sender),
    iopub: Receiver,
    _iopub: Sender,
    count: u64,
}

impl Bare {
    async fn start(python: &Path, folder: &Path) -> Fallible<Self> {
        let base = folder.join(format!("b{}", Instant::now().elapsed().subsec_nanos()));
        let file = folder.join("connection.json");
        let connection = json!({
            "transport": "ipc", "ip": base, "shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4,
            "hb_port": 5, "key": "key", "signature_scheme": "hmac-sha256", "kernel_name": "",
        });
        std::fs::write(&file, connection.to_string())?;
        let kernel = tokio::process::Command::new(python.join("bin/python"))
            .args(["-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let endpoint =
            |number: u8| Endpoint::Ipc(PathBuf::from(format!("{}-{number}", base.display())));
        let (iopub, keep) = patiently(&endpoint(2), Role::Sub).await?;
        let shell = patiently(&endpoint(1), Role::Dealer).await?;
        Ok(Self {
            _kernel: kernel,
            signer: Signer::new(b"key", "bare".into()),
            shell,
            iopub,
            _iopub: keep,
            count: 0,
        })
    }

    /// Time until reply and idle, and bytes of text.
    async fn execute(&mut self, code: &str) -> Fallible<(Duration, u64)> {
        self.count += 1;
        let id = format!("bare-{}", self.count);
        let content =
            json!({ "code": code, "silent": false, "store_history": true, "allow_stdin": false });
        let begun = Instant::now();
        self.shell
            .1
            .send(&self.signer.sign(&id, "execute_request", None, &content))
            .await?;
        let (mut replied, mut idle, mut bytes) = (false, false, 0);
        while !(replied && idle) {
            let incoming = tokio::select! {
                incoming = self.shell.0.receive() => incoming?,
                incoming = self.iopub.receive() => incoming?,
            };
            let Some(Incoming::Message(frames)) = incoming else {
                return Err("the kernel is gone".into());
            };
            let message = self.signer.verify(&frames)?;
            let Some((header, parent)) = message.heads() else {
                continue;
            };
            if parent.msg_id != id {
                continue;
            }
            let content: Value = serde_json::from_slice(&message.content)?;
            match header.msg_type.as_str() {
                "execute_reply" => replied = true,
                "status" => idle = content["execution_state"] == "idle",
                "stream" => bytes += content["text"].as_str().map_or(0, str::len) as u64,
                _ => {}
            }
        }
        Ok((begun.elapsed(), bytes))
    }
}

async fn patiently(endpoint: &Endpoint, role: Role) -> Fallible<(Receiver, Sender)> {
    let begun = Instant::now();
    loop {
        match connect(endpoint, role, b"bare").await {
            Ok(pair) => return Ok(pair),
            Err(error) if begun.elapsed() > Duration::from_secs(30) => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

struct House {
    gateway: Arc<Gateway>,
    notebook: NotebookId,
    heard: mpsc::UnboundedReceiver<RunEvent>,
}

impl House {
    async fn open(
        python: &Path,
        supervisor: &Path,
        folder: &Path,
        durable: bool,
    ) -> Fallible<Self> {
        let data = folder.join(if durable { "durable" } else { "memory" });
        std::fs::create_dir_all(&data)?;
        let mut config = Config::new(data.clone(), supervisor.into(), Vec::new());
        config.python = Some(python.into());
        config.environment = vec![("HOME".into(), folder.display().to_string())];
        let log = if durable {
            Some(std::fs::File::create(data.join("log"))?)
        } else {
            None
        };
        let ledger = Disk {
            log: log.map(Arc::new),
            folder: data,
            marks: Mutex::default(),
        };
        let gateway = Gateway::open(config, Arc::new(ledger)).await?;
        let notebook = NotebookId::from_parts(1, 1);
        let (tell, heard) = mpsc::unbounded_channel();
        let listener = Box::new(move |news| {
            if let RuntimeNews::Run(event) = news {
                let _ = tell.send(event);
            }
        });
        gateway.listen(&notebook, "", listener).await?;
        Ok(Self {
            gateway,
            notebook,
            heard,
        })
    }

    /// Time until its end was heard, and bytes of text: inline, or those of the blob.
    async fn execute(&mut self, code: &str) -> Fallible<(Duration, u64)> {
        let cell = CellId::new("cell").ok_or("cell id")?;
        let begun = Instant::now();
        let cells = vec![(cell, code.to_owned())];
        let by = ("user".to_owned(), "Ada".to_owned());
        self.gateway
            .run(RunRequest {
                notebook: self.notebook.clone(),
                by,
                cells,
                kernel: String::new(),
            })
            .await?;
        let (mut inline, mut beyond) = (0, 0);
        loop {
            match self.heard.recv().await.ok_or("the gateway is gone")?.what {
                Happening::Stream { text, .. } => inline += text.len() as u64,
                Happening::Truncated { bytes, .. } => beyond = bytes,
                Happening::Ended { .. } => return Ok((begun.elapsed(), inline + beyond)),
                _ => {}
            }
        }
    }
}

impl House {
    /// Time until the whole of a long output is to be had.
    async fn kept(&mut self) -> Fallible<Duration> {
        let begun = Instant::now();
        loop {
            let event = self.heard.recv().await.ok_or("the gateway is gone")?;
            if matches!(event.what, Happening::Truncated { blob: Some(_), .. }) {
                return Ok(begun.elapsed());
            }
        }
    }
}

/// A ledger that keeps only what is measured: flushed events, and blobs as files.
struct Disk {
    log: Option<Arc<std::fs::File>>,
    folder: PathBuf,
    marks: Mutex<HashMap<String, SpoolMark>>,
}

#[async_trait]
impl RunLedger for Disk {
    async fn load(&self, _: &NotebookId) -> datalayer::Result<Runs> {
        Ok(Runs::default())
    }

    async fn append(
        &self,
        _: &NotebookId,
        events: Vec<RunEvent>,
        mark: Option<SpoolMark>,
    ) -> datalayer::Result<()> {
        if let Some(mark) = mark {
            self.marks
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(mark.kernel.clone(), mark);
        }
        let Some(log) = self.log.clone() else {
            return Ok(());
        };
        let text = serde_json::to_vec(&events).map_err(broken)?;
        let written = tokio::task::spawn_blocking(move || {
            use std::io::Write;
            (&*log).write_all(&text)?;
            log.sync_data()
        });
        written.await.map_err(broken)?.map_err(broken)
    }

    async fn keep_fold(&self, _: &NotebookId, _: &Runs) -> datalayer::Result<()> {
        Ok(())
    }

    async fn since(
        &self,
        _: &NotebookId,
        _: u64,
        _: u32,
    ) -> datalayer::Result<Option<Vec<RunEvent>>> {
        Ok(None)
    }

    async fn mark(&self, kernel: &str) -> datalayer::Result<Option<SpoolMark>> {
        Ok(self
            .marks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(kernel)
            .cloned())
    }

    async fn keep_blob(&self, _: &NotebookId, _: &str, bytes: Bytes) -> datalayer::Result<String> {
        Ok(hex(&Sha256::digest(&bytes)))
    }

    async fn keep_file(&self, _: &NotebookId, _: &str, file: &Path) -> datalayer::Result<String> {
        let (file, to) = (file.to_owned(), self.folder.join("blob"));
        let kept = tokio::task::spawn_blocking(move || {
            use std::io::{Read, Write};
            let (mut from, mut to) = (std::fs::File::open(file)?, std::fs::File::create(to)?);
            let mut hasher = Sha256::new();
            let mut chunk = vec![0; 256 * 1024];
            loop {
                let count = from.read(&mut chunk)?;
                if count == 0 {
                    return Ok::<_, std::io::Error>(hex(&hasher.finalize()));
                }
                hasher.update(&chunk[..count]);
                to.write_all(&chunk[..count])?;
            }
        });
        kept.await.map_err(broken)?.map_err(broken)
    }
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::unavailable("bench", error.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn resident(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

/// From now on the peak of resident memory is counted anew.
fn reset_peak() {
    // Where the system does not allow it, the peak is that of the whole life: never too low.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
