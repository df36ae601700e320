//! A Postgres of our own: one cluster per test binary, one database per test, stopped when the tests end, however they end.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(Cluster::start);
static DATABASES: AtomicU64 = AtomicU64::new(0);

struct Cluster {
    binaries: PathBuf,
    folder: PathBuf,
    /// Held open as long as the tests run: its end tells the watcher to stop the cluster.
    _alive: ChildStdin,
}

/// The address of a fresh database; `None` where no Postgres is installed, which is said aloud.
pub fn fresh_database() -> Option<String> {
    let Some(cluster) = CLUSTER.as_ref() else {
        // Past the test harness' capture, so that a skipped half never looks like a passed one.
        writeln!(std::io::stderr(), "skipped: no PostgreSQL").unwrap();
        return None;
    };
    let name = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    run(Command::new(cluster.binaries.join("createdb")).arg("-h").arg(&cluster.folder).args(["-U", "postgres", &name]));
    Some(format!("postgres:///{name}?user=postgres&host={}", cluster.folder.display()))
}

impl Cluster {
    fn start() -> Option<Self> {
        let binaries = installed()?;
        // A short path: a Unix socket's name has room for about a hundred characters.
        let folder = tempfile::Builder::new().prefix("datalayer-pg").tempdir_in("/tmp").unwrap().keep();
        let data = folder.join("data");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        run(as_postgres(&binaries.join("initdb"))
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(&data));
        run(as_postgres(&binaries.join("pg_ctl"))
            .args(["-w", "-s", "-l"])
            .arg(folder.join("log"))
            .arg("-D")
            .arg(&data)
            // What is proven here is not Postgres' own flushing: without it the tests take seconds.
            .arg("-o")
            .arg(format!("-k {} -c listen_addresses= -c fsync=off -c max_connections=300", folder.display()))
            .arg("start"));
        let pid = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap().to_owned();
        let mut watcher = Command::new("sh")
            .arg("-c")
            .arg("cat >/dev/null; kill -INT \"$1\"; while kill -0 \"$1\" 2>/dev/null; do sleep 0.1; done; rm -rf \"$2\"")
            .args(["sh", &pid])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { binaries, folder, _alive: watcher.stdin.take().unwrap() })
    }
}

fn installed() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> =
        versions.flatten().map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists()).collect();
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
    let out = command.current_dir("/tmp").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let out = out.spawn().unwrap().wait_with_output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
}
