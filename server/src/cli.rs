//! The command line: which command, and how it ends.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use datalayer::{NewToken, Scopes};
use service::{Clock, House};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing_subscriber::EnvFilter;

use crate::config::{HubConfigArgs, PlaceArgs, ServeArgs};
use crate::{admin, terminal};

/// The studio in which data teams write and run notebooks together.
#[derive(Parser)]
#[command(name = "datalayer", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the studio
    Serve(Box<ServeArgs>),
    /// Work on the studio's people without signing in; a running studio need not be stopped
    Admin(AdminArgs),
    /// What a JupyterHub beside the studio needs
    Hub(HubCommand),
    /// Ask the studio of a data folder whether it is alive; for containers
    Healthcheck {
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Hold one kernel; started by the studio itself
    #[command(hide = true)]
    KernelSupervisor { arguments: Vec<OsString> },
}

#[derive(Args)]
struct HubCommand {
    #[command(subcommand)]
    what: Hub,
}

#[derive(Subcommand)]
enum Hub {
    /// Print the jupyterhub_config.py of a Hub that people sign in to through this studio
    Config(Box<HubConfigArgs>),
}

#[derive(Args)]
struct AdminArgs {
    #[command(subcommand)]
    what: Admin,
}

#[derive(Subcommand)]
enum Admin {
    /// Create a person
    CreateUser {
        /// What they sign in with: 1 to 64 of a-z 0-9 - _ . and a letter or digit first
        username: String,
        /// As others see them [default: the username]
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        #[arg(long)]
        administrator: bool,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Give a person a new password; ends all their sessions and tokens
    ResetPassword {
        username: String,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Create a token for a person's programs; it is printed alone on standard output, this once
    CreateToken {
        username: String,
        /// What it is called in their list of tokens
        #[arg(long, default_value = "command line")]
        name: String,
        /// What it is for, separated by commas: read, write, run, admin; never more than its person may do
        #[arg(long, default_value = "read")]
        scopes: Scopes,
        /// How many days it lasts, 1 to 366
        #[arg(long, default_value_t = NewToken::usual_days())]
        days: u32,
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Show the last entries of the audit log, or check that it is whole
    Audit {
        /// Check every entry against the one before it
        #[arg(long)]
        verify: bool,
        /// How many entries to show
        #[arg(long, default_value_t = 50)]
        last: i64,
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Sign what the Hub is told with a new key; the one before stays published until what it signed has expired
    RotateSigningKey {
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// List everyone, the newest first
    ListUsers {
        #[command(flatten)]
        place: PlaceArgs,
    },
}

#[derive(Args)]
struct PasswordArgs {
    /// Read the password from standard input, asking for it at a terminal [default: make one up and show it once]
    #[arg(long)]
    password_stdin: bool,
}

/// Runs the command of this process. What went wrong is one sentence on standard error.
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => serve(*args),
        Command::Admin(args) => on_one_thread(administer(args.what)).and_then(|answer| answer),
        Command::Hub(HubCommand {
            what: Hub::Config(args),
        }) => args.resolve().and_then(|(place, studio, hub)| {
            let text = crate::hub::config_text(&place, &studio, &hub)?;
            write!(std::io::stdout(), "{text}").context("the configuration cannot be printed")
        }),
        Command::Healthcheck { place } => {
            on_one_thread(healthcheck(place)).and_then(|answer| answer)
        }
        Command::KernelSupervisor { arguments } => supervise(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "datalayer: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

fn serve(args: ServeArgs) -> Result<()> {
    let config = args.resolve()?;
    log_to_stderr(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.threads)
        .max_blocking_threads(32)
        .thread_keep_alive(Duration::from_secs(5))
        .enable_all()
        .build()
        .context("the studio's threads cannot be started")?;
    let served = runtime.block_on(crate::serve(config));
    // Whatever still runs had its time.
    runtime.shutdown_timeout(Duration::from_millis(200));
    served
}

async fn administer(what: Admin) -> Result<()> {
    let lines = match what {
        Admin::CreateUser {
            username,
            name,
            administrator,
            password,
            place,
        } => {
            let password = password.read()?;
            admin::create_user(
                &beside(place).await?,
                &username,
                &name,
                administrator,
                password,
            )
            .await?
        }
        Admin::ResetPassword {
            username,
            password,
            place,
        } => {
            let password = password.read()?;
            admin::reset_password(&beside(place).await?, &username, password).await?
        }
        Admin::CreateToken {
            username,
            name,
            scopes,
            days,
            place,
        } => {
            let token = NewToken { name, scopes, days };
            let created = beside(place).await?.add_token(&username, token).await?;
            writeln!(
                std::io::stderr(),
                "a token of {username}, shown once; {} for {days} days",
                created.token.scopes
            )
            .ok();
            created.secret
        }
        Admin::Audit {
            verify: true,
            place,
            ..
        } => admin::verify_audit(&beside(place).await?).await?,
        Admin::Audit { last, place, .. } => admin::audit(&beside(place).await?, last).await?,
        Admin::RotateSigningKey { place } => {
            admin::rotate_signing_key(&beside(place).await?).await?
        }
        Admin::ListUsers { place } => admin::list_users(&beside(place).await?).await?,
    };
    // `datalayer admin list-users | head -1` is no failure.
    writeln!(std::io::stdout(), "{lines}").ok();
    Ok(())
}

impl PasswordArgs {
    fn read(&self) -> Result<Option<String>> {
        if self.password_stdin {
            terminal::password().map(Some)
        } else {
            Ok(None)
        }
    }
}

async fn beside(place: PlaceArgs) -> Result<House> {
    let place = place.resolve()?;
    Ok(House::open_beside(service::Config {
        data: place.data,
        database: place.database,
        clock: Clock::system(),
    })
    .await?)
}

async fn healthcheck(place: PlaceArgs) -> Result<()> {
    let place = place.resolve()?;
    let file = place.data.join("address");
    let address = std::fs::read_to_string(&file)
        .with_context(|| format!("no studio runs on {}", place.data.display()))?;
    let address = address.trim();
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream
            .write_all(
                format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
                    .as_bytes(),
            )
            .await?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = match tokio::time::timeout(Duration::from_secs(3), ask).await {
        Ok(answer) => answer.with_context(|| format!("the studio at {address} does not answer"))?,
        Err(_) => bail!("the studio at {address} does not answer within 3 seconds"),
    };
    if !answer.starts_with(b"HTTP/1.1 200") {
        bail!("the studio at {address} is not well");
    }
    Ok(())
}

fn supervise(arguments: &[OsString]) -> Result<()> {
    let [file] = arguments else {
        bail!("the supervisor takes the path of its file")
    };
    let arguments = jupyter::SupervisorArgs::read(Path::new(file))?;
    on_one_thread(jupyter::supervise(arguments))??;
    Ok(())
}

fn on_one_thread<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no thread can be started")?;
    Ok(runtime.block_on(work))
}

fn log_to_stderr(filter: &str) {
    // The session layer names every request and complains of every old cookie; what matters of it is said by ourselves.
    let filter = format!("tower_sessions=error,tower_sessions_core=off,{filter}");
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .init();
}

/// The path of this very program, for the supervisors it starts.
pub fn own_path() -> Result<PathBuf> {
    std::env::current_exe().context("the executable's own path is unknown")
}
