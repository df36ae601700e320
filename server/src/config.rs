//! The configuration: read once, here and nowhere else. A flag wins over a `DATALAYER_…` variable, that over the file, that over the default.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use iam::provider::ClientSecret;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

mod hub;

pub use hub::HubConfigArgs;

/// Where the studio keeps everything. Every command that touches the data takes these.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PlaceArgs {
    /// Folder that holds the studio's data; it is created where it is missing [default: ~/.local/share/datalayer]
    #[arg(
        long,
        env = "DATALAYER_DATA",
        value_name = "DIR",
        hide_env_values = true
    )]
    pub data: Option<String>,
    /// Database: postgres://… or a SQLite file [default: datalayer.sqlite in the data folder]
    #[arg(
        long,
        env = "DATALAYER_DATABASE",
        value_name = "URL",
        hide_env_values = true
    )]
    pub database: Option<String>,
    /// Configuration file, with the names of these options as keys [default: datalayer.toml in the data folder, if it is there]
    #[arg(
        long,
        env = "DATALAYER_CONFIG",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub config: Option<String>,
}

/// What `datalayer serve` takes.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Address and port to listen on; port 0 takes a free one, which is printed and written to `address` in the data folder [default: 127.0.0.1:3000]
    #[arg(
        long,
        env = "DATALAYER_LISTEN",
        value_name = "ADDR",
        hide_env_values = true
    )]
    listen: Option<String>,
    /// Address under which browsers reach the studio, such as https://studio.example; needed when listening on more than this machine
    #[arg(
        long,
        env = "DATALAYER_PUBLIC_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    public_url: Option<String>,
    /// Folder with the browser's files [default: `site` beside the executable or one folder up]
    #[arg(
        long,
        env = "DATALAYER_SITE",
        value_name = "DIR",
        hide_env_values = true
    )]
    site: Option<String>,
    /// Run code on this machine: auto, on or off; auto is on only while listening on this machine alone [default: auto]
    #[arg(
        long,
        env = "DATALAYER_KERNELS",
        value_name = "WHEN",
        hide_env_values = true
    )]
    kernels: Option<String>,
    /// Python environment with ipykernel (its folder, or its interpreter) [default: ~/.cache/datalayer/python, if it is there]
    #[arg(
        long,
        env = "DATALAYER_PYTHON",
        value_name = "DIR",
        hide_env_values = true
    )]
    python: Option<String>,
    /// Most memory a kernel may hold, with all it started, such as 2 GiB; over it, it is ended and the notebook is told; 0 for no limit [default: 0]
    #[arg(
        long,
        env = "DATALAYER_KERNEL_MEMORY",
        value_name = "SIZE",
        hide_env_values = true
    )]
    kernel_memory: Option<String>,
    /// Minutes after which a kernel is shut down that runs nothing and whose notebook nobody has open; 0 for never [default: 720]
    #[arg(
        long,
        env = "DATALAYER_KERNEL_IDLE",
        value_name = "MINUTES",
        hide_env_values = true
    )]
    kernel_idle: Option<String>,
    /// What is logged: error, warn, info, debug, trace, or a filter such as info,api=debug [default: info]
    #[arg(
        long,
        env = "DATALAYER_LOG",
        value_name = "LEVEL",
        hide_env_values = true
    )]
    log: Option<String>,
    /// Address of the JupyterHub the studio signs people in to, as browsers reach it, with its base path: https://hub.example/jupyter/; on another host than the studio, and with public-url beside it
    #[arg(
        long,
        env = "DATALAYER_HUB",
        value_name = "URL",
        hide_env_values = true
    )]
    hub: Option<String>,
    /// What the Hub shows that it is the Hub; better in the variable than in a command others can list [default: made once and kept in hub/client-secret in the data folder]
    #[arg(
        long,
        env = "DATALAYER_HUB_CLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    hub_client_secret: Option<String>,
    /// How many proxies of yours stand in front and append to X-Forwarded-For [default: 0]
    #[arg(
        long,
        env = "DATALAYER_TRUSTED_PROXIES",
        value_name = "N",
        hide_env_values = true
    )]
    trusted_proxies: Option<String>,
    /// Requests per second that one address may make; 0 for no limit [default: 300]
    #[arg(
        long,
        env = "DATALAYER_REQUESTS_PER_SECOND",
        value_name = "N",
        hide_env_values = true
    )]
    requests_per_second: Option<String>,
    /// Threads that serve [default: 2]
    #[arg(
        long,
        env = "DATALAYER_THREADS",
        value_name = "N",
        hide_env_values = true
    )]
    threads: Option<String>,
    /// Where the studio reaches the proxy of that Hub, over plain http on this machine or a private network [default: http://127.0.0.1:8000]
    #[arg(
        long,
        env = "DATALAYER_HUB_UPSTREAM",
        value_name = "URL",
        hide_env_values = true
    )]
    hub_upstream: Option<String>,
}

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub data: PathBuf,
    /// `None`: SQLite in the data folder.
    pub database: Option<String>,
}

/// A whole, checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub place: Place,
    pub listen: SocketAddr,
    pub public_url: Option<PublicUrl>,
    /// `None`: the studio signs nobody in elsewhere.
    pub hub: Option<Hub>,
    pub site: PathBuf,
    pub kernels: bool,
    pub python: Option<PathBuf>,
    /// Bytes a kernel may hold. `None`: as many as there are.
    pub kernel_memory: Option<u64>,
    /// `None`: idle kernels stay.
    pub kernel_idle: Option<Duration>,
    pub log: String,
    pub trusted_proxies: usize,
    pub requests_per_second: u32,
    pub threads: usize,
}

/// The Hub whose people sign in with the studio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    pub url: HubUrl,
    /// `None`: the one in the data folder.
    pub client_secret: Option<ClientSecret>,
    /// Scheme, host and port of its proxy, as the studio reaches it.
    pub upstream: String,
}

/// Where browsers find a Hub. Every address the studio lets a browser go on to is made from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubUrl {
    /// `https://hub.example`
    pub origin: String,
    /// With a slash at both ends.
    pub base: String,
}

/// An origin, as browsers write it: lower case, without a default port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    pub origin: String,
    pub https: bool,
}

impl PlaceArgs {
    /// Where the data is, for commands that work beside a studio.
    pub fn resolve(self) -> Result<Place> {
        Ok(self.open()?.0)
    }

    fn open(self) -> Result<(Place, File)> {
        let named = match given(self.config, None) {
            Some(file) => Some(File::read(Path::new(&file))?),
            None => None,
        };
        let of_file = named.as_ref().and_then(|file| file.data.clone());
        let data = match given(self.data, of_file) {
            Some(data) => PathBuf::from(data),
            None => home()?.join(".local/share/datalayer"),
        };
        let data = std::path::absolute(&data)
            .with_context(|| format!("data: {} is not a folder one can have", data.display()))?;
        let file = match named {
            Some(file) => file,
            None => {
                let beside = data.join("datalayer.toml");
                let file = if beside.exists() {
                    File::read(&beside)?
                } else {
                    File::default()
                };
                if file.data.is_some() {
                    bail!(
                        "data: {} lies in the data folder and cannot say where that is; remove the line",
                        beside.display()
                    );
                }
                file
            }
        };
        let database = given(self.database, file.database.clone());
        Ok((Place { data, database }, file))
    }
}

impl ServeArgs {
    pub fn resolve(self) -> Result<Config> {
        let (place, mut file) = self.place.open()?;
        let listen = address(given(self.listen, file.listen.take()))?;
        let public_url = given(self.public_url, file.public_url.take())
            .map(|url| url.parse::<PublicUrl>())
            .transpose()?;
        let loopback = listen.ip().to_canonical().is_loopback();
        if !loopback && public_url.is_none() {
            bail!(
                "public-url: needed when listening on {listen}, because sign-ins must not travel in the clear: give the https:// address of the proxy in front, \
                 or http://localhost:{} where only this machine can reach the port (a container's, for instance)",
                listen.port()
            );
        }
        let hub = hub(
            given(self.hub, file.hub),
            given(self.hub_client_secret, file.hub_client_secret),
            given(self.hub_upstream, file.hub_upstream),
            public_url.as_ref(),
        )?;
        let kernels = match given(self.kernels, file.kernels).as_deref() {
            None | Some("auto") => loopback,
            Some("on") => true,
            Some("off") => false,
            Some(other) => bail!("kernels: `{other}` is none of auto, on and off"),
        };
        let log = given(self.log, file.log).unwrap_or_else(|| "info".to_owned());
        tracing_subscriber::EnvFilter::try_new(&log)
            .map_err(|error| anyhow!("log: `{log}` is no level and no filter: {error}"))?;
        Ok(Config {
            site: given(self.site, file.site)
                .map_or_else(default_site, |site| Ok(PathBuf::from(site)))?,
            python: python(given(self.python, file.python))?,
            kernel_memory: memory(given(self.kernel_memory, file.kernel_memory))?,
            kernel_idle: match number(
                "kernel-idle",
                given(self.kernel_idle, file.kernel_idle),
                720,
                0..=525_600,
            )? {
                0 => None,
                minutes => Some(Duration::from_secs(minutes * 60)),
            },
            trusted_proxies: number(
                "trusted-proxies",
                given(self.trusted_proxies, file.trusted_proxies),
                0,
                0..=16,
            )?,
            requests_per_second: number(
                "requests-per-second",
                given(self.requests_per_second, file.requests_per_second),
                300,
                0..=1_000_000,
            )?,
            threads: number("threads", given(self.threads, file.threads), 2, 1..=256)?,
            place,
            listen,
            public_url,
            hub,
            kernels,
            log,
        })
    }
}

impl Config {
    /// The address to print and to open, once the port is known.
    pub fn address(&self, bound: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.origin.clone(),
            None => format!("http://{bound}"),
        }
    }

    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.https)
    }
}

impl FromStr for PublicUrl {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            anyhow!(
                "public-url: `{text}` is not the address of a studio; write it as https://studio.example, without a path"
            )
        };
        let (origin, path) = split("public-url", text, wrong)?;
        if !path.trim_end_matches('/').is_empty() {
            return Err(wrong());
        }
        let https = origin.starts_with("https:");
        Ok(Self { origin, https })
    }
}

impl HubUrl {
    /// The address of the Hub, with its base path.
    pub fn address(&self) -> String {
        format!("{}{}", self.origin, self.base)
    }

    /// Host and port, as a browser says them in `Host`.
    pub fn authority(&self) -> &str {
        self.origin
            .split_once("//")
            .map_or("", |(_, authority)| authority)
    }

    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https:")
    }

    /// The one address to which the studio sends a code (`oauth_callback_url` in the Hub's configuration).
    pub fn redirect_uri(&self) -> String {
        format!("{}hub/oauth_callback", self.address())
    }

    /// The one address to which a browser goes after it signed out.
    pub fn signed_out_uri(&self) -> String {
        self.address()
    }
}

impl FromStr for HubUrl {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            anyhow!(
                "hub: `{text}` is not the address of a Hub; write it with its base path, as https://hub.example/jupyter/"
            )
        };
        let (origin, path) = split("hub", text, wrong)?;
        let base = format!("{}/", path.trim_end_matches('/'));
        // What could be written in two ways would be two addresses to whoever compares them as strings.
        let plain = |part: &str| {
            !part.is_empty()
                && !part.bytes().all(|byte| byte == b'.')
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        let parts = base.trim_matches('/');
        if !parts.is_empty() && !parts.split('/').all(plain) {
            return Err(wrong());
        }
        Ok(Self { origin, base })
    }
}

/// The origin of an address as browsers write it, and its path. Beyond this machine it must be https.
fn split(field: &str, text: &str, wrong: impl Fn() -> anyhow::Error) -> Result<(String, String)> {
    let uri: axum::http::Uri = text.parse().map_err(|_| wrong())?;
    let https = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(wrong()),
    };
    let authority = uri.authority().ok_or_else(&wrong)?;
    if authority.as_str().contains('@') || uri.query().is_some() {
        return Err(wrong());
    }
    let host = authority.host().to_ascii_lowercase();
    let here = host == "localhost"
        || host.ends_with(".localhost")
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if !https && !here {
        bail!(
            "{field}: {text} is not encrypted, and whoever is between would read passwords; put a proxy with https in front and give its address"
        );
    }
    let port = match authority.port_u16() {
        Some(443) if https => None,
        Some(80) if !https => None,
        port => port,
    };
    let scheme = if https { "https" } else { "http" };
    let origin = port.map_or_else(
        || format!("{scheme}://{host}"),
        |port| format!("{scheme}://{host}:{port}"),
    );
    Ok((origin, uri.path().to_owned()))
}

fn hub(
    url: Option<String>,
    secret: Option<String>,
    upstream: Option<String>,
    public_url: Option<&PublicUrl>,
) -> Result<Option<Hub>> {
    let client_secret = secret
        .map(|text| ClientSecret::given(&text))
        .transpose()
        .map_err(|error| anyhow!("hub-client-secret: {error}"))?;
    let Some(url) = url else {
        if upstream.is_some() {
            bail!("hub-upstream: says where a Hub is that nobody could reach; give --hub too");
        }
        return Ok(None);
    };
    let url: HubUrl = url.parse()?;
    let Some(public_url) = public_url else {
        bail!(
            "hub: needs public-url beside it, because the Hub sends people to one address of the studio; on this machine give http://localhost:3000, and http://hub.localhost:3000/jupyter/ or the like for the Hub"
        );
    };
    // Cookies know hosts and no ports.
    if host(&url.origin) == host(&public_url.origin) {
        bail!(
            "hub: {} is on the studio's own host, and code that runs there could act in the studio as whoever looks at it; give the Hub a host of its own, such as hub.localhost on this machine",
            url.address()
        );
    }
    if public_url.https && !url.is_https() {
        bail!(
            "hub: {} is not encrypted while the studio is; give an https:// address",
            url.address()
        );
    }
    let upstream = upstream.map_or_else(
        || "http://127.0.0.1:8000".to_owned(),
        |upstream| upstream.trim_end_matches('/').to_owned(),
    );
    Ok(Some(Hub {
        url,
        client_secret,
        upstream,
    }))
}

fn host(origin: &str) -> &str {
    let host = origin.split_once("//").map_or(origin, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    }
}

/// The file: the same names as the flags.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    data: Option<Word>,
    database: Option<Word>,
    listen: Option<Word>,
    public_url: Option<Word>,
    site: Option<Word>,
    kernels: Option<Word>,
    python: Option<Word>,
    kernel_memory: Option<Word>,
    kernel_idle: Option<Word>,
    log: Option<Word>,
    hub: Option<Word>,
    hub_client_secret: Option<Word>,
    trusted_proxies: Option<Word>,
    requests_per_second: Option<Word>,
    threads: Option<Word>,
    hub_upstream: Option<Word>,
}

impl File {
    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| anyhow!("config: {} cannot be read: {error}", path.display()))?;
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| {
                text[..span.start.min(text.len())].matches('\n').count() + 1
            });
            anyhow!(
                "config: {} line {line}: {}",
                path.display(),
                error.message()
            )
        })
    }
}

/// A string or a number of the file, as the flag would be written.
#[derive(Clone, Debug)]
struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = Word;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Word, E> {
                Ok(Word(text.to_owned()))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Word, E> {
                Ok(Word(number.to_string()))
            }
        }
        deserializer.deserialize_any(Words)
    }
}

/// The flag or variable, else the file. An empty variable is none.
fn given(flag: Option<String>, file: Option<Word>) -> Option<String> {
    flag.filter(|text| !text.is_empty())
        .or(file.map(|Word(text)| text))
}

fn address(text: Option<String>) -> Result<SocketAddr> {
    let Some(text) = text else {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000));
    };
    let numbers = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.clone(),
    };
    numbers.parse().map_err(|_| {
        anyhow!("listen: `{text}` is not an address with a port; write it as 127.0.0.1:3000")
    })
}

fn number<N>(
    field: &str,
    text: Option<String>,
    default: N,
    range: std::ops::RangeInclusive<N>,
) -> Result<N>
where
    N: FromStr + PartialOrd + fmt::Display + Copy,
{
    let Some(text) = text else { return Ok(default) };
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => bail!(
            "{field}: `{text}` is not a whole number from {} to {}",
            range.start(),
            range.end()
        ),
    }
}

/// Least that a kernel can be given: Python with its usual libraries does not start in less.
const LEAST_MEMORY: u64 = 128 * 1024 * 1024;

/// A size in bytes, as people write it: `2 GiB`, `512M`, `4000000000`. Units are powers of 1024.
fn memory(text: Option<String>) -> Result<Option<u64>> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || {
        anyhow!(
            "kernel-memory: `{text}` is not a size; write it as 2 GiB, 512 MiB, or 0 for no limit"
        )
    };
    let digits = text
        .trim_start()
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count();
    let (number, unit) = text.trim_start().split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let scale = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    match number.checked_mul(scale).ok_or_else(wrong)? {
        0 => Ok(None),
        bytes if bytes < LEAST_MEMORY => bail!(
            "kernel-memory: {text} is less than a kernel needs to start; give 128 MiB or more, or 0 for no limit"
        ),
        bytes => Ok(Some(bytes)),
    }
}

/// `site` beside the executable, or one folder up (where a build leaves it).
fn default_site() -> Result<PathBuf> {
    let executable = std::env::current_exe()
        .context("site: the executable's own folder is unknown; name the folder with --site")?;
    let folder = executable.parent().unwrap_or(Path::new("."));
    let beside = folder.join("site");
    Ok(match folder.parent().map(|above| above.join("site")) {
        Some(above) if !beside.exists() && above.exists() => above,
        _ => beside,
    })
}

fn python(given: Option<String>) -> Result<Option<PathBuf>> {
    let Some(given) = given else {
        let usual = home().ok().map(|home| home.join(".cache/datalayer/python"));
        return Ok(usual.filter(|folder| folder.join("bin/python").exists()));
    };
    let path = PathBuf::from(&given);
    let folder = if path.is_file() {
        path.parent().and_then(Path::parent).map(Path::to_path_buf)
    } else {
        Some(path)
    };
    match folder {
        Some(folder) if folder.join("bin/python").exists() => Ok(Some(folder)),
        _ => bail!("python: {given} is not a Python environment (it has no bin/python)"),
    }
}

fn home() -> Result<PathBuf> {
    std::env::home_dir()
        .filter(|home| home.is_absolute())
        .context("data: there is no home folder; name the data folder with --data")
}

/// The environment as it was at the start, for the gateway, which passes on to kernels only what is harmless of it.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Args;

    use super::*;

    fn origin(text: &str) -> Result<String> {
        text.parse::<PublicUrl>().map(|url| url.origin)
    }

    #[test]
    fn a_public_url_becomes_the_origin_browsers_send() {
        assert_eq!(
            origin("https://Studio.Example/").unwrap(),
            "https://studio.example"
        );
        assert_eq!(
            origin("https://studio.example:443").unwrap(),
            "https://studio.example"
        );
        assert_eq!(
            origin("https://studio.example:8443").unwrap(),
            "https://studio.example:8443"
        );
        assert_eq!(
            origin("http://localhost:3000").unwrap(),
            "http://localhost:3000"
        );
    }

    #[test]
    fn a_public_url_in_the_clear_is_refused_beyond_this_machine() {
        for bad in [
            "http://studio.example",
            "ftp://x",
            "studio.example",
            "https://",
            "https://a/path",
            "https://user@a",
            "https://a?x",
        ] {
            let words = origin(bad).unwrap_err().to_string();
            assert!(words.starts_with("public-url: "), "{bad}: {words}");
        }
    }

    #[test]
    fn every_address_of_a_hub_follows_from_its_own() {
        let hub = |text: &str| text.parse::<HubUrl>();
        let url = hub("https://Hub.Example:443/jupyter").unwrap();
        assert_eq!(url.origin, "https://hub.example");
        assert_eq!(
            url.redirect_uri(),
            "https://hub.example/jupyter/hub/oauth_callback"
        );
        assert_eq!(url.signed_out_uri(), "https://hub.example/jupyter/");
        let here = hub("http://hub.localhost:3000/").unwrap();
        assert_eq!(
            here.redirect_uri(),
            "http://hub.localhost:3000/hub/oauth_callback"
        );
        for bad in [
            "http://hub.example/",
            "hub.example/jupyter/",
            "https://hub.example/a/../b/",
            "https://hub.example/a//b/",
            "https://hub.example/%61/",
            "https://hub.example/a;b/",
            "https://user@hub.example/",
            "https://hub.example/?x",
        ] {
            let words = hub(bad).unwrap_err().to_string();
            assert!(words.starts_with("hub: "), "{bad}: {words}");
        }
    }

    #[test]
    fn a_hub_has_a_host_of_its_own_and_the_studio_one_address() {
        let with = |public: Option<&str>, hub: &str, secret: Option<&str>| {
            ServeArgs {
                public_url: public.map(str::to_owned),
                hub: Some(hub.into()),
                hub_client_secret: secret.map(str::to_owned),
                ..here()
            }
            .resolve()
        };
        let refused = |public, hub| with(public, hub, None).unwrap_err().to_string();
        assert!(refused(None, "http://hub.localhost:3000/").contains("needs public-url"));
        for (public, hub) in [
            ("https://studio.example", "https://studio.example/jupyter/"),
            ("https://studio.example", "https://studio.example:8443/"),
            ("http://[::1]:3000", "http://[::1]:8000/"),
        ] {
            let words = refused(Some(public), hub);
            assert!(words.contains("the studio's own host"), "{words}");
        }
        let local = Some("http://localhost:3000");
        let config = with(local, "http://hub.localhost:3000/jupyter/", None).unwrap();
        assert_eq!(config.hub.unwrap().url.base, "/jupyter/");
        let secret = "s".repeat(40);
        let config = with(local, "http://hub.localhost:3000/", Some(&secret)).unwrap();
        assert!(!format!("{config:?}").contains(&secret));
        let words = with(local, "http://hub.localhost:3000/", Some("short")).unwrap_err();
        assert!(
            words.to_string().starts_with("hub-client-secret: "),
            "{words}"
        );
    }

    #[test]
    fn a_field_that_cannot_be_is_named_in_one_sentence() {
        let cases: [(ServeArgs, &str); 4] = [
            (
                ServeArgs {
                    listen: Some("3000".into()),
                    ..here()
                },
                "listen: ",
            ),
            (
                ServeArgs {
                    kernels: Some("yes".into()),
                    ..here()
                },
                "kernels: ",
            ),
            (
                ServeArgs {
                    threads: Some("0".into()),
                    ..here()
                },
                "threads: ",
            ),
            (
                ServeArgs {
                    listen: Some("0.0.0.0:3000".into()),
                    ..here()
                },
                "public-url: ",
            ),
        ];
        for (args, start) in cases {
            let words = args.resolve().unwrap_err().to_string();
            assert!(words.starts_with(start), "{words}");
            assert!(!words.contains('\n'), "{words}");
        }
    }

    #[test]
    fn a_size_is_read_as_people_write_it() {
        let size = |text: &str| memory(Some(text.to_owned()));
        for (text, bytes) in [
            ("2 GiB", 2 << 30),
            ("2g", 2 << 30),
            ("512MB", 512 << 20),
            (" 300000000 ", 300_000_000),
        ] {
            assert_eq!(size(text).unwrap(), Some(bytes), "{text}");
        }
        assert_eq!(size("0").unwrap(), None);
        for bad in [
            "",
            "much",
            "2 GiBs",
            "-1",
            "1.5 GiB",
            "2 MiB",
            "99999999999 TiB",
        ] {
            let words = size(bad).unwrap_err().to_string();
            assert!(words.starts_with("kernel-memory: "), "{bad}: {words}");
        }
    }

    #[test]
    fn kernels_are_off_beyond_this_machine_until_asked_for() {
        let wide = || ServeArgs {
            listen: Some("0.0.0.0:0".into()),
            public_url: Some("https://studio.example".into()),
            ..here()
        };
        assert!(here().resolve().unwrap().kernels);
        assert!(!wide().resolve().unwrap().kernels);
        assert!(
            ServeArgs {
                kernels: Some("on".into()),
                ..wide()
            }
            .resolve()
            .unwrap()
            .kernels
        );
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("datalayer.toml"),
            "listen = \"127.0.0.1:4000\"\nthreads = 3\n",
        )
        .unwrap();
        let args = |listen: Option<&str>| ServeArgs {
            place: PlaceArgs {
                data: Some(folder.path().to_str().unwrap().into()),
                ..PlaceArgs::default()
            },
            listen: listen.map(str::to_owned),
            ..ServeArgs::default()
        };
        let of_file = args(None).resolve().unwrap();
        assert_eq!((of_file.listen.port(), of_file.threads), (4000, 3));
        assert_eq!(
            args(Some("127.0.0.1:5000"))
                .resolve()
                .unwrap()
                .listen
                .port(),
            5000
        );
    }

    #[test]
    fn every_setting_is_a_flag_a_variable_and_a_line_of_the_file() {
        let command = ServeArgs::augment_args(clap::Command::new("serve"));
        let mut settings = 0;
        for argument in command.get_arguments() {
            let flag = argument.get_long().expect("a long flag");
            let variable = format!("DATALAYER_{}", flag.to_uppercase().replace('-', "_"));
            assert_eq!(
                argument.get_env().and_then(|name| name.to_str()),
                Some(variable.as_str()),
                "--{flag}"
            );
            assert!(argument.get_help().is_some(), "--{flag} explains nothing");
            // Where the file is cannot stand in it.
            if flag != "config" {
                let read: Result<File, _> = toml::from_str(&format!("{flag} = \"1\""));
                assert!(read.is_ok(), "the file does not know {flag}");
                settings += 1;
            }
        }
        assert!(settings > 10, "{settings}");
    }

    #[test]
    fn an_unknown_key_of_the_file_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.toml");
        std::fs::write(&path, "threads = 2\nlissten = \"127.0.0.1:1\"\n").unwrap();
        let args = ServeArgs {
            place: PlaceArgs {
                config: Some(path.to_str().unwrap().into()),
                ..PlaceArgs::default()
            },
            ..ServeArgs::default()
        };
        let words = args.resolve().unwrap_err().to_string();
        assert!(
            words.contains("line 2") && words.contains("lissten"),
            "{words}"
        );
    }

    fn here() -> ServeArgs {
        ServeArgs {
            place: PlaceArgs {
                data: Some("/nowhere/at/all".into()),
                ..PlaceArgs::default()
            },
            ..ServeArgs::default()
        }
    }
}
