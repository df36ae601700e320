//! A Postgres of our own: one cluster per test binary, one database per test, stopped when the tests end, however they end.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(Cluster::start);
static DATABASES: AtomicU64 = AtomicU64::new(0);

pub struct Cluster {
    binaries: PathBuf,
    folder: PathBuf,
    /// We hold the other end of its pipe as long as the tests run; when that closes, it stops the cluster.
    _watcher: Child,
}

/// The address of a fresh database; `None` where no Postgres is installed, which is said aloud.
pub fn fresh_database() -> Option<String> {
    let Some(cluster) = CLUSTER.as_ref() else {
        say_skipped();
        return None;
    };
    Some(cluster.fresh_database())
}

/// Past the test harness' capture, so that a skipped half never looks like a passed one.
pub fn say_skipped() {
    std::io::stderr()
        .write_all(b"skipped: no PostgreSQL\n")
        .unwrap();
}

impl Cluster {
    /// `None`: no Postgres is installed.
    pub fn start() -> Option<Self> {
        let binaries = installed()?;
        // A short path: a Unix socket's name has room for about a hundred characters.
        let folder = tempfile::Builder::new()
            .prefix("datalayer-pg")
            .tempdir_in("/tmp")
            .unwrap()
            .keep();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        run(as_postgres(&binaries.join("initdb"))
            .args([
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "-D",
            ])
            .arg(folder.join("data")));
        let watcher = Command::new("sh")
            .arg("-c")
            .arg(WATCH)
            .arg("sh")
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let cluster = Self {
            binaries,
            folder,
            _watcher: watcher,
        };
        cluster.go();
        Some(cluster)
    }

    pub fn fresh_database(&self) -> String {
        let name = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        run(Command::new(self.binaries.join("createdb"))
            .arg("-h")
            .arg(&self.folder)
            .args(["-U", "postgres", &name]));
        format!(
            "postgres:///{name}?user=postgres&host={}",
            self.folder.display()
        )
    }

    /// Starts the server; returns when it answers.
    pub fn go(&self) {
        let settings = format!(
            "-k {} -c listen_addresses= -c fsync=off -c max_connections=300",
            self.folder.display()
        );
        // What is proven here is not Postgres' own flushing: without it the tests take seconds.
        self.control(&["-w", "-s", "-o", &settings, "-l"])
            .arg(self.folder.join("log"))
            .arg("start")
            .done();
    }

    /// Ends the server as a crash would.
    pub fn crash(&self) {
        self.control(&["-w", "-s", "-m", "immediate"])
            .arg("stop")
            .done();
    }

    fn control(&self, arguments: &[&str]) -> Command {
        let mut command = as_postgres(&self.binaries.join("pg_ctl"));
        command
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(arguments);
        command
    }
}

/// Ends the server by its process id once nobody holds our end of the pipe, and clears the folder.
const WATCH: &str = r#"
cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid") && kill -INT "$pid"
while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
rm -rf "$1"
"#;

trait Done {
    fn done(&mut self);
}

impl Done for Command {
    fn done(&mut self) {
        run(self);
    }
}

fn installed() -> Option<PathBuf> {
    // `cargo xtask test` says where it is; without it, where Debian puts it.
    if let Some(told) = std::env::var_os("POSTGRES_BIN") {
        let bin = PathBuf::from(told);
        assert!(
            bin.join("initdb").exists(),
            "POSTGRES_BIN: {} has no initdb",
            bin.display()
        );
        return Some(bin);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Postgres refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) {
    let out = command
        .current_dir("/tmp")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let out = out.spawn().unwrap().wait_with_output().unwrap();
    assert!(
        out.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
}
