//! What building and testing need from outside: npm packages, a Python with a kernel, notebooks, Chromium, PostgreSQL.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{
    steps::{Stamp, find, fingerprint, found, output_of, say},
    toolchain,
    workshop::Workshop,
};

/// The kernel people run, and the reference the notebook format is compared with.
const PYTHON_PACKAGES: &[&str] = &["ipykernel==7.*", "nbformat==5.10.4"];

/// A Hub, what signs people in to it, and what it starts for them.
const HUB_PACKAGES: &[&str] = &[
    "jupyterhub==6.1.1",
    "oauthenticator==17.4.0",
    "jupyterlab==4.6.6",
    "jupyter-collaboration==5.0.4",
    "ipykernel==7.*",
];

/// Source archives that carry real notebooks.
const CORPUS_PACKAGES: &[&str] = &[
    "nbformat==5.10.4",
    "nbconvert==7.16.6",
    "nbclient==0.10.2",
    "papermill==2.6.0",
    "jupytext==1.19.6",
    "seaborn==0.13.2",
    "holoviews==1.23.2",
    "nbval==0.11.0",
];

const CORPUS_SCRIPT: &str = include_str!("../assets/corpus.py");

#[derive(Args)]
pub struct Options {
    /// Also what only the tests need: Chromium, PostgreSQL, the notebook corpus, a JupyterHub.
    #[arg(long)]
    pub tests: bool,
}

/// Fetch everything, build nothing.
pub fn set_up(shop: &mut Workshop, options: &Options) -> Result<ExitCode> {
    toolchain::wasm(shop)?;
    node_modules(shop, "frontend/web")?;
    python(shop)?;
    if options.tests {
        node_modules(shop, "end2end")?;
        corpus(shop)?;
        chromium(shop)?;
        postgres(shop)?;
        hub(shop)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The npm packages of a folder, kept in the cache and linked into the folder.
pub fn node_modules(shop: &mut Workshop, folder: &str) -> Result<PathBuf> {
    need(
        &["node", "npm"],
        "Node.js 20 or newer (Debian: apt-get install nodejs npm)",
    )?;
    let source = shop.at(folder);
    let lock = source.join("package-lock.json");
    let print = fingerprint([&lock])?;
    let kind = folder.replace('/', "-");
    let home = shop
        .cache
        .join("node")
        .join(format!("{kind}-{}", &print[..12]));
    let modules = home.join("node_modules");
    let stamp = Stamp::new(home.join(".complete"), print);
    if !stamp.holds() {
        shop.step(&format!("npm packages of {folder}"), |shop| {
            fs::create_dir_all(&home)?;
            for name in ["package.json", "package-lock.json", ".npmrc"] {
                fs::copy(source.join(name), home.join(name))
                    .with_context(|| format!("{folder}/{name} is missing"))?;
            }
            let mut npm = Command::new("npm");
            npm.current_dir(&home)
                .args([
                    "ci",
                    "--ignore-scripts",
                    "--no-fund",
                    "--no-audit",
                    "--loglevel=error",
                ])
                .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
            shop.quietly(&format!("npm-{kind}"), &mut npm)?;
            stamp.set()
        })?;
    }
    link(&modules, &source.join("node_modules"))?;
    Ok(modules)
}

/// A Python environment with a kernel: `<cache>/python`.
pub fn python(shop: &mut Workshop) -> Result<PathBuf> {
    let home = shop.cache.join("python");
    environment(
        shop,
        &home,
        "Python environment with a kernel",
        PYTHON_PACKAGES,
    )?;
    Ok(home)
}

/// A virtual environment with these packages, and a kernel called `python3` that runs in it.
fn environment(shop: &mut Workshop, home: &Path, what: &str, packages: &[&str]) -> Result<()> {
    let interpreter = home.join("bin/python");
    let stamp = Stamp::new(home.join(".complete"), packages.join(" "));
    if stamp.holds() && interpreter.is_file() {
        return Ok(());
    }
    need(
        &["python3"],
        "Python 3.10 or newer with venv (Debian: apt-get install python3 python3-venv)",
    )?;
    let name = home
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    shop.step(what, |shop| {
        stamp.clear();
        if !interpreter.is_file() || !home.join("bin/pip").is_file() {
            let mut venv = Command::new("python3");
            venv.args(["-m", "venv", "--clear"]).arg(home);
            shop.quietly(&format!("{name}-venv"), &mut venv)
                .context("Python's venv module is needed (Debian: apt-get install python3-venv)")?;
        }
        let mut pip = Command::new(&interpreter);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(packages);
        shop.quietly(&format!("{name}-pip"), &mut pip)?;
        // The kernelspec names this interpreter by its path, so that it works without activation.
        let mut spec = Command::new(&interpreter);
        spec.args([
            "-m",
            "ipykernel",
            "install",
            "--name",
            "python3",
            "--display-name",
            "Python 3",
            "--prefix",
        ])
        .arg(home);
        shop.quietly(&format!("{name}-kernelspec"), &mut spec)?;
        stamp.set()
    })
}

/// Where a Hub's programs are.
pub struct Hub {
    /// The Python environment: `bin/jupyterhub`, `bin/jupyterhub-singleuser`.
    pub python: PathBuf,
    /// configurable-http-proxy, which the Hub starts in front of itself.
    pub proxy: PathBuf,
}

/// A JupyterHub with its proxy: `<cache>/hub-python` and an npm folder.
pub fn hub(shop: &mut Workshop) -> Result<Hub> {
    let modules = node_modules(shop, "xtask/hub")?;
    let home = shop.cache.join("hub-python");
    environment(
        shop,
        &home,
        "Python environment with JupyterHub and JupyterLab",
        HUB_PACKAGES,
    )?;
    Ok(Hub {
        python: home,
        proxy: modules.join(".bin/configurable-http-proxy"),
    })
}

/// Real notebooks, from the source archives of public packages: `<cache>/corpus`.
pub fn corpus(shop: &mut Workshop) -> Result<PathBuf> {
    let home = shop.cache.join("corpus");
    let stamp = Stamp::new(
        home.join(".complete"),
        format!("{} {}", CORPUS_PACKAGES.join(" "), CORPUS_SCRIPT.len()),
    );
    if stamp.holds() {
        return Ok(home);
    }
    let python = python(shop)?.join("bin/python");
    shop.step("notebook corpus", |shop| {
        let archives = shop.cache.join("corpus-archives");
        // Archives of another list would bring notebooks that the tests do not know.
        let _ = fs::remove_dir_all(&home);
        let _ = fs::remove_dir_all(&archives);
        fs::create_dir_all(&archives)?;
        fs::create_dir_all(&home)?;
        let names: Vec<&str> = CORPUS_PACKAGES
            .iter()
            .filter_map(|package| package.split("==").next())
            .collect();
        let mut pip = Command::new(&python);
        pip.args([
            "-m",
            "pip",
            "download",
            "--disable-pip-version-check",
            "--no-deps",
        ])
        // By name: what builds them comes ready-made.
        .args(["--no-binary", &names.join(",")])
        .arg("--dest")
        .arg(&archives)
        .args(CORPUS_PACKAGES);
        shop.quietly("corpus-download", &mut pip)?;
        let mut extract = Command::new(&python);
        extract
            .args(["-c", CORPUS_SCRIPT])
            .arg(&archives)
            .arg(&home);
        shop.quietly("corpus-extract", &mut extract)?;
        stamp.set()
    })?;
    Ok(home)
}

/// A Chromium to test with.
pub fn chromium(shop: &mut Workshop) -> Result<PathBuf> {
    let known = || {
        env::var_os("CHROMIUM").map(PathBuf::from).or_else(|| {
            [
                "chromium",
                "chromium-browser",
                "google-chrome-stable",
                "google-chrome",
            ]
            .iter()
            .find_map(|name| find(name))
        })
    };
    if let Some(path) = known() {
        return Ok(path);
    }
    install(shop, "chromium", "the browser specs need Chromium")?;
    known().context("chromium was installed but is not on the PATH: set CHROMIUM to its path")
}

/// The folder of PostgreSQL's server programs.
pub fn postgres(shop: &mut Workshop) -> Result<PathBuf> {
    if let Some(folder) = postgres_programs() {
        return Ok(folder);
    }
    install(
        shop,
        "postgresql",
        "the tests on both databases need PostgreSQL's server programs",
    )?;
    postgres_programs().context(
        "postgresql was installed but its programs were not found: put the folder of `initdb` on the PATH",
    )
}

fn postgres_programs() -> Option<PathBuf> {
    // On the PATH there may be links to some of them: where they lead, all of them are.
    if let Some(folder) = find("initdb")
        .and_then(|initdb| fs::canonicalize(initdb).ok())
        .and_then(|initdb| initdb.parent().map(Path::to_path_buf))
        && folder.join("createdb").is_file()
    {
        return Some(folder);
    }
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_string_lossy().parse().ok()?;
            let folder = entry.path().join("bin");
            folder.join("initdb").is_file().then_some((version, folder))
        })
        .collect();
    versions.sort();
    versions.pop().map(|(_, folder)| folder)
}

/// Install a Debian package where we may, and say what to do where we may not.
fn install(shop: &mut Workshop, package: &str, why: &str) -> Result<()> {
    let root = output_of(Command::new("id").arg("-u")).is_ok_and(|id| id == "0");
    if !root || !found("apt-get") {
        bail!(
            "{why}. Install it (Debian and Ubuntu: sudo apt-get install {package}) and try again"
        );
    }
    shop.step(&format!("apt-get install {package}"), |shop| {
        let mut update = Command::new("apt-get");
        update.args(["update", "-q"]);
        // An old index is often good enough: let the installation decide.
        if shop.quietly("apt-update", &mut update).is_err() {
            say("  the package index could not be refreshed; trying with the one at hand");
        }
        let mut apt = Command::new("apt-get");
        apt.args(["install", "-y", "-q", "--no-install-recommends", package])
            .env("DEBIAN_FRONTEND", "noninteractive");
        shop.quietly(&format!("apt-{package}"), &mut apt)
            .with_context(|| format!("{why}, and apt-get could not install {package}"))
    })
}

fn need(programs: &[&str], what: &str) -> Result<()> {
    for program in programs {
        if !found(program) {
            bail!("`{program}` is not on the PATH. Install {what} and try again");
        }
    }
    Ok(())
}

/// Make `link` point at `target`; a real folder that stands there is left alone.
fn link(target: &Path, link: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|at| at == target) {
        return Ok(());
    }
    match fs::symlink_metadata(link) {
        Ok(meta) if meta.file_type().is_symlink() => fs::remove_file(link)?,
        Ok(_) => bail!(
            "{} is a folder of its own: remove it, and the one in the cache is linked there",
            link.display()
        ),
        Err(_) => {}
    }
    std::os::unix::fs::symlink(target, link)
        .with_context(|| format!("cannot link {}", link.display()))
}
