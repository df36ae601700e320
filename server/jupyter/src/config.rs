//! What the gateway needs to be told. Read once, at the studio's door.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::protocol::Limits;

#[derive(Clone, Debug)]
pub struct Config {
    /// The studio's data directory; kernels live in `kernels/` below it.
    pub data: PathBuf,
    /// Kernels of a notebook work in a folder of its own below this one.
    pub workspaces: PathBuf,
    /// What runs a supervisor: it is called with `supervisor_args` and the path of a [`crate::SupervisorArgs`] file.
    pub supervisor: PathBuf,
    pub supervisor_args: Vec<OsString>,
    /// The studio's own environment. Kernels get only what is harmless of it, and what helps to find kernels.
    pub environment: Vec<(String, String)>,
    /// A Python environment whose kernels come before all others.
    pub python: Option<PathBuf>,
    /// Folders with a `kernels/` folder in them, searched before Jupyter's own.
    pub kernel_paths: Vec<PathBuf>,
    /// Where sockets go when the data directory's path is too long for them.
    pub temporary: PathBuf,
    /// A kernel that did nothing for so long, while nobody looked on, is shut down.
    pub cull: Option<Duration>,
    /// A kernel that does not answer for so long after its start has failed.
    pub start: Duration,
    pub limits: Limits,
}

impl Config {
    /// Everything else as most studios want it.
    pub fn new(data: PathBuf, supervisor: PathBuf, supervisor_args: Vec<OsString>) -> Self {
        Self {
            workspaces: data.join("workspaces"),
            data,
            supervisor,
            supervisor_args,
            environment: Vec::new(),
            python: None,
            kernel_paths: Vec::new(),
            temporary: PathBuf::from("/tmp"),
            cull: Some(Duration::from_secs(12 * 3600)),
            start: Duration::from_secs(60),
            limits: Limits::default(),
        }
    }

    /// What the studio was told in its environment.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }
}
