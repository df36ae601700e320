//! `cargo xtask run --hub`: a real JupyterHub on this machine, wired to the studio.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{studio, studio::RunOptions, supplies::Hub, workshop::Workshop};

/// Where the Hub's proxy listens; the studio is in front of it.
pub const UPSTREAM: &str = "http://127.0.0.1:8000";

/// Ends the Hub with the process that started it, also when that is killed. Elsewhere than on Linux only a terminal does that.
const BOUND: &str = "\
import ctypes, os, sys
try: ctypes.CDLL(None).prctl(1, 15)
except (AttributeError, OSError): pass
os.execv(sys.argv[1], sys.argv[1:])";

/// What the studio and `datalayer hub config` are told of the Hub: the same words, so that both mean the same one.
pub fn words(options: &RunOptions) -> Result<Vec<String>> {
    let Some((_, port)) = options.listen.rsplit_once(':') else {
        bail!("listen: `{}` has no port", options.listen);
    };
    if port == "0" {
        bail!(
            "listen: with --hub the port must be known beforehand; give one, such as 127.0.0.1:3000"
        );
    }
    Ok([
        "--public-url",
        &format!("http://localhost:{port}"),
        "--hub",
        &format!("http://hub.localhost:{port}/jupyter/"),
        "--hub-upstream",
        UPSTREAM,
    ]
    .map(str::to_owned)
    .to_vec())
}

/// Writes the Hub's configuration and starts it. What it says is in `hub/hub.log` of the data folder.
pub fn start(shop: &Workshop, hub: &Hub, options: &RunOptions, profile: &str) -> Result<Child> {
    let folder = std::path::absolute(shop.root.join(&options.data).join("hub"))?;
    fs::create_dir_all(&folder)?;
    let config = folder.join("jupyterhub_config.py");
    configure(shop, options, profile, &config)?;
    let log = File::create(folder.join("hub.log"))
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    let mut command = Command::new(hub.python.join("bin/python"));
    command
        .current_dir(&folder)
        .args(["-c", BOUND])
        .arg(hub.python.join("bin/jupyterhub"))
        .arg("-f")
        .arg(shop.at("xtask/hub/local.py"))
        .env("HUB_CONFIG", &config)
        .env("HUB_FOLDER", &folder)
        .env("HUB_PROXY", &hub.proxy)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    studio::before_path(&mut command, &hub.python.join("bin"));
    command.spawn().context("cannot start JupyterHub")
}

fn configure(shop: &Workshop, options: &RunOptions, profile: &str, to: &Path) -> Result<()> {
    let printed = Command::new(shop.binary(profile))
        .current_dir(&shop.root)
        .args(["hub", "config", "--data"])
        .arg(&options.data)
        .args(words(options)?)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start datalayer hub config")?;
    if !printed.status.success() {
        bail!("the Hub's configuration could not be made");
    }
    fs::write(to, printed.stdout).with_context(|| format!("cannot write {}", to.display()))
}
