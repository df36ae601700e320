//! The folders every command works in, and how it calls cargo.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::steps::Clock;

/// The repository, the target directory, the cache, and the clock that remembers where the time went.
pub struct Workshop {
    pub root: PathBuf,
    pub target: PathBuf,
    pub cache: PathBuf,
    pub clock: Clock,
}

impl Workshop {
    /// Find the folders. Nothing is created yet.
    pub fn open(cache: Option<PathBuf>) -> Result<Self> {
        // Cargo tells where the package stands now: clones that share a target directory share this program.
        let package = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package
            .parent()
            .context("xtask stands in a folder of the repository")?
            .to_path_buf();
        let cache = match cache {
            Some(cache) => cache,
            None => env::home_dir()
                .context("HOME is not set: pass --cache DIR")?
                .join(".cache/datalayer"),
        };
        let target = target_dir(&root)?;
        Ok(Self {
            root,
            target,
            cache,
            clock: Clock::start(),
        })
    }

    /// A path below the repository.
    pub fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// The folder the server serves: `manifest.json`, `frame.html` and `pkg/`.
    pub fn site(&self) -> PathBuf {
        self.target.join("site")
    }

    /// The studio's binary in a cargo profile.
    pub fn binary(&self, profile: &str) -> PathBuf {
        let folder = if profile == "dev" { "debug" } else { profile };
        self.target.join(folder).join("datalayer")
    }

    /// `cargo …` in the repository, with our target directory.
    pub fn cargo<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .args(arguments);
        // What cargo tells the process it runs (us) must not leak into the builds we start.
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
                command.env_remove(&*name);
            }
        }
        command
    }
}

/// The target directory this very program was built into, so that `CARGO_TARGET_DIR`, a configured
/// `build.target-dir` and plain `./target` are all honoured, and nothing is built twice.
fn target_dir(root: &Path) -> Result<PathBuf> {
    let me = env::current_exe().context("cannot tell where this program is")?;
    if let Some(dir) = me.parent().and_then(Path::parent)
        && dir.join("CACHEDIR.TAG").is_file()
    {
        return Ok(dir.to_path_buf());
    }
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => Ok(root.join(dir)),
        None if root.join("Cargo.toml").is_file() => Ok(root.join("target")),
        None => bail!(
            "the repository is no longer at {}: build xtask again",
            root.display()
        ),
    }
}
