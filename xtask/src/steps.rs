//! Steps that say what they do and how long it took, and are skipped while their inputs stay the same.

use std::{
    fs::{self, File},
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};

use crate::workshop::Workshop;

/// Remembers every step's duration.
pub struct Clock {
    began: Instant,
    steps: Vec<(String, Duration)>,
}

impl Clock {
    pub fn start() -> Self {
        Self {
            began: Instant::now(),
            steps: Vec::new(),
        }
    }

    pub fn note(&mut self, name: &str, took: Duration) {
        self.steps.push((name.to_owned(), took));
    }

    /// Print the steps that took longer than a blink, longest first.
    pub fn say_where_the_time_went(&self) {
        let mut steps: Vec<_> = self
            .steps
            .iter()
            .filter(|(_, took)| took.as_millis() >= 500)
            .collect();
        steps.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
        if steps.is_empty() {
            return;
        }
        println!(
            "\nwhere the time went ({} in all)",
            spell(self.began.elapsed())
        );
        for (name, took) in steps {
            println!("  {:>9}  {name}", spell(*took));
        }
    }
}

impl Workshop {
    /// Do something with a heading, and note how long it took.
    pub fn step<T>(&mut self, name: &str, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        say(&format!("▸ {name}"));
        let began = Instant::now();
        let result = work(self);
        let took = began.elapsed();
        self.clock.note(name, took);
        match &result {
            Ok(_) => say(&format!("✓ {name} ({})", spell(took))),
            Err(_) => say(&format!("✗ {name} ({})", spell(took))),
        }
        result
    }

    /// Run a command with its output shown as it comes.
    pub fn show(&self, command: &mut Command) -> Result<()> {
        let status = command.status().map_err(|e| not_started(command, &e))?;
        must(command, status)
    }

    /// Run a command whose chatter is kept in a log; only its last lines are shown, and only if it fails.
    pub fn quietly(&self, name: &str, command: &mut Command) -> Result<()> {
        let folder = self.cache.join("logs");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let log = folder.join(format!("{name}.log"));
        let out = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let status = patiently(
            command
                .stdout(out.try_clone()?)
                .stderr(out)
                .stdin(Stdio::null()),
        )?;
        if status.success() {
            return Ok(());
        }
        let text = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        for line in &lines[lines.len().saturating_sub(25)..] {
            eprintln!("  │ {line}");
        }
        must(command, status).with_context(|| format!("all of it is in {}", log.display()))
    }
}

/// A folder or file that is made from inputs, with a stamp beside it that names them.
pub struct Stamp {
    file: PathBuf,
    fingerprint: String,
}

impl Stamp {
    pub fn new(file: impl Into<PathBuf>, fingerprint: String) -> Self {
        Self {
            file: file.into(),
            fingerprint,
        }
    }

    /// Is what was made still made of the same inputs?
    pub fn holds(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|kept| kept == self.fingerprint)
    }

    /// Call this when the work is complete, never before.
    pub fn set(&self) -> Result<()> {
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&self.file, &self.fingerprint)
            .with_context(|| format!("cannot write {}", self.file.display()))
    }

    /// What is about to be changed is not complete any more.
    pub fn clear(&self) {
        let _ = fs::remove_file(&self.file);
    }
}

/// A hash of files and folders (names and contents), in a fixed order.
pub fn fingerprint<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<String> {
    let mut hash = Sha256::new();
    for path in paths {
        let mut files = Vec::new();
        gather(path.as_ref(), &mut files)?;
        files.sort();
        // Where the clone stands says nothing about what is in it.
        let above = path.as_ref().parent().unwrap_or(path.as_ref());
        for file in files {
            let place = file.strip_prefix(above).unwrap_or(&file);
            hash.update(place.to_string_lossy().as_bytes());
            hash.update([0]);
            hash.update(
                fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?,
            );
            hash.update([0]);
        }
    }
    Ok(hex(&hash.finalize()))
}

/// A short hash of bytes, as it stands in file names.
pub fn short_hash(bytes: &[u8]) -> String {
    let mut text = hex(&Sha256::digest(bytes));
    text.truncate(16);
    text
}

/// Every file below a folder, without hidden ones and `node_modules`.
pub fn gather(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    if !path.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || name == "node_modules" || name == "target" {
            continue;
        }
        gather(&entry.path(), files)?;
    }
    Ok(())
}

/// Say something on its own line, at once.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// A duration as people say it.
pub fn spell(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:02} s", took.as_secs() / 60, took.as_secs() % 60)
    }
}

/// Is a program on the PATH?
pub fn found(program: &str) -> bool {
    find(program).is_some()
}

/// Where a program stands on the PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// A command's standard output, trimmed.
pub fn output_of(command: &mut Command) -> Result<String> {
    let out = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| not_started(command, &e))?;
    must(command, out.status)?;
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

fn must(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    bail!("`{}` failed ({status})", words(command))
}

fn not_started(command: &Command, error: &std::io::Error) -> anyhow::Error {
    anyhow!(
        "cannot start `{}`: {error}",
        command.get_program().to_string_lossy()
    )
}

fn words(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    let mut line = words.join(" ");
    if line.chars().count() > 160 {
        line = line.chars().take(160).chain(['…']).collect();
    }
    line
}

/// Wait for a silent command, and show every ten seconds that it is still at work.
fn patiently(command: &mut Command) -> Result<ExitStatus> {
    let mut child = command.spawn().map_err(|e| not_started(command, &e))?;
    let (tell, hear) = mpsc::channel();
    let waiting = thread::spawn(move || {
        let _ = tell.send(child.wait());
    });
    let began = Instant::now();
    let terminal = std::io::stdout().is_terminal();
    let status = loop {
        match hear.recv_timeout(Duration::from_secs(if terminal { 1 } else { 10 })) {
            Ok(status) => break status?,
            Err(mpsc::RecvTimeoutError::Timeout) if terminal => {
                print!("\r  … {}", spell(began.elapsed()));
                let _ = std::io::stdout().flush();
            }
            Err(mpsc::RecvTimeoutError::Timeout) => say(&format!("  … {}", spell(began.elapsed()))),
            Err(mpsc::RecvTimeoutError::Disconnected) => bail!("lost the command"),
        }
    };
    if terminal {
        print!("\r\x1b[K");
    }
    let _ = waiting.join();
    Ok(status)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
