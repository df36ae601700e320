//! Building the whole studio and starting it.

use std::{
    env, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    hub,
    packing::Squeeze,
    site::{self, Kind},
    steps::{gather, say},
    supplies,
    workshop::Workshop,
};

#[derive(Args, Default)]
pub struct BuildOptions {
    /// Optimised, with the smallest downloads: what is shipped.
    #[arg(long)]
    pub release: bool,
    /// The quickest build: a large, unoptimised app for the browser.
    #[arg(long, conflicts_with = "release")]
    pub dev: bool,
    /// Only the site, not the server.
    #[arg(long)]
    pub site_only: bool,
    /// Copy the binary and the site into this folder: all that an installation needs.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Args)]
pub struct AdminOptions {
    /// With the optimised build.
    #[arg(long)]
    pub release: bool,
    /// What `datalayer admin` takes: `create-user ada --name "Ada"`, `list-users`, …
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub words: Vec<String>,
}

#[derive(Args)]
pub struct RunOptions {
    /// Where the studio keeps its data.
    #[arg(long, env = "DATALAYER_DATA", default_value = "data")]
    pub data: PathBuf,
    /// Where it listens.
    #[arg(long, env = "DATALAYER_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: String,
    /// Run the optimised build.
    #[arg(long)]
    pub release: bool,
    /// Start a JupyterHub beside it, signed in to through the studio; JupyterLab is then at http://hub.localhost:3000/jupyter/
    #[arg(long)]
    pub hub: bool,
    /// More for `datalayer serve`.
    #[arg(last = true)]
    pub more: Vec<String>,
}

/// Build, and print where the results are.
pub fn build_and_say(shop: &mut Workshop, options: &BuildOptions) -> Result<ExitCode> {
    let profile = if options.release { "release" } else { "dev" };
    site::build(shop, kind(options))?;
    if !options.site_only {
        server(shop, profile)?;
        say(&format!("server: {}", shop.binary(profile).display()));
    }
    say(&format!("site:   {}", shop.site().display()));
    if let Some(out) = &options.out {
        gather_into(shop, out, profile, options.site_only)?;
        say(&format!("copied: {}", out.display()));
    }
    shop.clock.say_where_the_time_went();
    Ok(ExitCode::SUCCESS)
}

/// Build and start the studio; it is ours until it ends.
pub fn run(shop: &mut Workshop, options: &RunOptions) -> Result<ExitCode> {
    let python = supplies::python(shop)?;
    let programs = options.hub.then(|| supplies::hub(shop)).transpose()?;
    let build = BuildOptions {
        release: options.release,
        ..BuildOptions::default()
    };
    site::build(shop, kind(&build))?;
    let profile = if options.release { "release" } else { "dev" };
    server(shop, profile)?;
    shop.clock.say_where_the_time_went();
    say(&format!(
        "people and tokens from the command line: cargo xtask admin --help (data in {})",
        options.data.display()
    ));
    let mut studio = serve(shop, options, profile, &python);
    if let Some(programs) = programs {
        let _hub = hub::start(shop, &programs, options, profile)?;
        studio.args(hub::words(options)?);
        say(&format!(
            "JupyterHub starts beside it; what it says is in {}",
            options.data.join("hub/hub.log").display()
        ));
    }
    // It takes our place: what ends us ends it (and a Hub beside it), and there is one process to look at.
    let error = studio.exec();
    Err(error).context("cannot start the studio")
}

/// `datalayer admin …` on the data folder that `run` uses.
pub fn admin(shop: &mut Workshop, options: &AdminOptions) -> Result<ExitCode> {
    let profile = if options.release { "release" } else { "dev" };
    if !shop.binary(profile).exists() {
        server(shop, profile)?;
    }
    let mut admin = Command::new(shop.binary(profile));
    admin
        .current_dir(&shop.root)
        .arg("admin")
        .args(&options.words);
    if env::var_os("DATALAYER_DATA").is_none() {
        admin.env("DATALAYER_DATA", "data");
    }
    let error = admin.exec();
    Err(error).context("cannot start datalayer admin")
}

/// The command that starts the studio.
pub fn serve(shop: &Workshop, options: &RunOptions, profile: &str, python: &Path) -> Command {
    let mut studio = Command::new(shop.binary(profile));
    studio
        .current_dir(&shop.root)
        .arg("serve")
        .arg("--data")
        .arg(&options.data)
        .args(["--listen", &options.listen])
        .arg("--site")
        .arg(shop.site())
        .args(&options.more);
    equip(&mut studio, python);
    studio
}

/// Let a process find the kernel of our Python environment.
pub fn equip(command: &mut Command, python: &Path) {
    let kernels = python.join("share/jupyter");
    let mut jupyter: Vec<PathBuf> = vec![kernels];
    jupyter.extend(
        env::var_os("JUPYTER_PATH")
            .iter()
            .flat_map(env::split_paths),
    );
    if let Ok(path) = env::join_paths(jupyter) {
        command.env("JUPYTER_PATH", path);
    }
    before_path(command, &python.join("bin"));
    command.env("DATALAYER_PYTHON", python.join("bin/python"));
}

/// Let a process find the programs of a folder before all others.
pub fn before_path(command: &mut Command, folder: &Path) {
    let mut programs = vec![folder.to_path_buf()];
    programs.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    if let Ok(path) = env::join_paths(programs) {
        command.env("PATH", path);
    }
}

/// Compile the server.
pub fn server(shop: &mut Workshop, profile: &str) -> Result<()> {
    shop.step(&format!("server (profile {profile})"), |shop| {
        // The selection decides the features of shared dependencies: the tests' own, so that nothing is compiled twice.
        let mut cargo = shop.cargo([
            "build",
            "--workspace",
            "--exclude",
            "frontend",
            "--exclude",
            "xtask",
            "--bin",
            "datalayer",
            "--profile",
            profile,
        ]);
        shop.show(&mut cargo)
    })
}

/// The binary and the site beside each other, as the server looks for them.
fn gather_into(shop: &Workshop, out: &Path, profile: &str, site_only: bool) -> Result<()> {
    let site = shop.site();
    let mut files = Vec::new();
    gather(&site, &mut files)?;
    for file in files {
        let to = out.join("site").join(file.strip_prefix(&site)?);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(&file, &to).with_context(|| format!("cannot write {}", to.display()))?;
    }
    if !site_only {
        let to = out.join("datalayer");
        fs::copy(shop.binary(profile), &to)
            .with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

/// The kind of site that goes with a build.
pub fn kind(options: &BuildOptions) -> Kind {
    Kind {
        small: !options.dev,
        squeeze: if options.release {
            Squeeze::Hard
        } else {
            Squeeze::Quick
        },
    }
}
