//! Which kernels are installed, by Jupyter's own rules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datalayer::{Error, Result};
use serde::Deserialize;

use crate::Config;
use crate::protocol::{Interrupt, Transport};

/// An installed kernel, ready to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernelspec {
    pub name: String,
    pub title: String,
    pub language: String,
    pub argv: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub transport: Transport,
    pub interrupt: Interrupt,
}

#[derive(Clone, Debug, Default)]
pub struct Kernelspecs(Vec<Kernelspec>);

impl Kernelspecs {
    /// Looks into every folder where kernels may be; the first of a name wins.
    pub fn find(config: &Config) -> Self {
        let mut found: Vec<Kernelspec> = Vec::new();
        for (folder, python) in folders(config) {
            let Ok(entries) = std::fs::read_dir(folder.join("kernels")) else {
                continue;
            };
            let mut directories: Vec<PathBuf> =
                entries.flatten().map(|entry| entry.path()).collect();
            directories.sort();
            for directory in directories {
                let Some(name) = name_of(&directory) else {
                    continue;
                };
                if found.iter().any(|spec| spec.name == name) {
                    continue;
                }
                match read(config, &directory, &name, python.as_deref()) {
                    Ok(Some(spec)) => found.push(spec),
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(%error, kernel.folder = %directory.display(), "a kernel cannot be read")
                    }
                }
            }
        }
        Self(found)
    }

    /// Name and title of each.
    pub fn choices(&self) -> Vec<(String, String)> {
        self.0
            .iter()
            .map(|spec| (spec.name.clone(), spec.title.clone()))
            .collect()
    }

    /// The kernel of this name; the default one for an empty name.
    pub fn choose(&self, name: &str) -> Result<&Kernelspec> {
        if self.0.is_empty() {
            return Err(Error::unavailable(
                "kernel.none",
                "no kernel is installed; install one with `pip install ipykernel` and `python -m ipykernel install --user`",
            ));
        }
        if name.is_empty() {
            let default = self
                .0
                .iter()
                .find(|spec| spec.name == "python3")
                .or(self.0.first());
            return default
                .ok_or_else(|| Error::unavailable("kernel.none", "no kernel is installed"));
        }
        self.0.iter().find(|spec| spec.name == name).ok_or_else(|| {
            let known: Vec<String> = self
                .0
                .iter()
                .map(|spec| format!("{} ({})", spec.name, spec.title))
                .collect();
            Error::invalid(
                "kernel",
                "kernel.unknown",
                format!(
                    "there is no kernel named “{name}”; installed are {}",
                    known.join(", ")
                ),
            )
        })
    }
}

impl Kernelspec {
    /// Can its interpreter be started? Says which file is missing.
    pub fn check(&self, path: &str) -> Result<()> {
        let program = self.argv.first().map_or("", String::as_str);
        let found = if program.contains('/') {
            Path::new(program).is_file()
        } else {
            path.split(':')
                .any(|folder| Path::new(folder).join(program).is_file())
        };
        if found && !program.is_empty() {
            return Ok(());
        }
        Err(Error::unavailable(
            "kernel.interpreter_missing",
            format!(
                "the kernel “{}” cannot be started: its interpreter {program} does not exist; install it again or choose another kernel",
                self.title
            ),
        ))
    }
}

/// `kernel.json`
#[derive(Deserialize)]
struct File {
    argv: Vec<String>,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    interrupt_mode: String,
    #[serde(default)]
    metadata: serde_json::Value,
}

fn read(
    config: &Config,
    directory: &Path,
    name: &str,
    python: Option<&Path>,
) -> Result<Option<Kernelspec>, String> {
    let file = directory.join("kernel.json");
    let Ok(text) = std::fs::read(&file) else {
        return Ok(None);
    };
    let File {
        mut argv,
        display_name,
        language,
        env,
        interrupt_mode,
        metadata,
    } = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    // An environment's own kernel says only `python`; it means the environment's.
    if let (Some(python), Some(program)) = (python, argv.first_mut())
        && (program == "python" || program.starts_with("python3"))
    {
        *program = python
            .join("bin")
            .join("python")
            .to_string_lossy()
            .into_owned();
    }
    let resources = directory.to_string_lossy();
    for word in &mut argv {
        *word = word.replace("{resource_dir}", &resources);
    }
    let mut environment: BTreeMap<String, String> = env
        .into_iter()
        .map(|(key, value)| (key, expand(&value, config)))
        .collect();
    if let Some(python) = python {
        let bin = python.join("bin");
        let path = config
            .variable("PATH")
            .unwrap_or("/usr/local/bin:/usr/bin:/bin");
        environment
            .entry("PATH".into())
            .or_insert_with(|| format!("{}:{path}", bin.display()));
        environment
            .entry("VIRTUAL_ENV".into())
            .or_insert_with(|| python.display().to_string());
    }
    Ok(Some(Kernelspec {
        name: name.to_owned(),
        title: if display_name.is_empty() {
            name.to_owned()
        } else {
            display_name
        },
        transport: transport(&argv, &metadata),
        interrupt: if interrupt_mode == "message" {
            Interrupt::Message
        } else {
            Interrupt::Signal
        },
        language,
        argv,
        environment,
    }))
}

/// File sockets are private to us, so they are taken wherever a kernel is known to listen on them.
fn transport(argv: &[String], metadata: &serde_json::Value) -> Transport {
    let knows = argv.iter().any(|word| {
        word.contains("ipykernel")
            || word.contains("xpython")
            || word.contains("xeus")
            || word.contains("evcxr")
    });
    match metadata["datalayer"]["transport"].as_str() {
        Some("ipc") => Transport::Ipc,
        Some("tcp") => Transport::Tcp,
        _ if knows => Transport::Ipc,
        _ => Transport::Tcp,
    }
}

/// `${NAME}` stands for a variable of the studio that kernels may see.
fn expand(value: &str, config: &Config) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else {
            break;
        };
        out.push_str(before);
        if crate::environment::is_harmless(name) {
            out.push_str(config.variable(name).unwrap_or(""));
        }
        rest = behind;
    }
    out + rest
}

/// Jupyter's rule for names, folded to lower case.
fn name_of(directory: &Path) -> Option<String> {
    let name = directory.file_name()?.to_str()?.to_ascii_lowercase();
    let valid = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    valid.then_some(name)
}

/// Data folders of Jupyter, the most particular first, with the Python environment they belong to.
fn folders(config: &Config) -> Vec<(PathBuf, Option<PathBuf>)> {
    let mut folders = Vec::new();
    if let Some(python) = &config.python {
        folders.push((python.join("share/jupyter"), Some(python.clone())));
    }
    folders.extend(config.kernel_paths.iter().map(|path| (path.clone(), None)));
    if let Some(paths) = config.variable("JUPYTER_PATH") {
        folders.extend(
            paths
                .split(':')
                .filter(|path| !path.is_empty())
                .map(|path| (PathBuf::from(path), None)),
        );
    }
    if let Some(path) = config.variable("JUPYTER_DATA_DIR") {
        folders.push((path.into(), None));
    } else if let Some(path) = config.variable("XDG_DATA_HOME") {
        folders.push((Path::new(path).join("jupyter"), None));
    } else if let Some(home) = config.variable("HOME") {
        folders.push((Path::new(home).join(".local/share/jupyter"), None));
    }
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        if let Some(prefix) = config.variable(variable) {
            folders.push((Path::new(prefix).join("share/jupyter"), Some(prefix.into())));
        }
    }
    folders
        .extend(["/usr/local/share/jupyter", "/usr/share/jupyter"].map(|path| (path.into(), None)));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(folder: &Path, name: &str, json: &str) {
        let directory = folder.join("kernels").join(name);
        std::fs::create_dir_all(&directory).expect("folder");
        std::fs::write(directory.join("kernel.json"), json).expect("file");
    }

    fn config(folder: &Path) -> Config {
        let mut config = Config::new(folder.join("data"), "supervisor".into(), Vec::new());
        config.environment = vec![
            ("HOME".into(), folder.join("home").display().to_string()),
            (
                "JUPYTER_PATH".into(),
                folder.join("path").display().to_string(),
            ),
            ("DATALAYER_SECRET".into(), "secret".into()),
            ("LANG".into(), "de_AT.UTF-8".into()),
        ];
        config
    }

    #[test]
    fn the_first_kernel_of_a_name_wins_and_damaged_ones_are_passed_over() {
        let folder = tempfile::tempdir().expect("folder");
        let home = folder.path().join("home/.local/share/jupyter");
        install(
            &folder.path().join("path"),
            "R",
            r#"{"argv": ["R"], "display_name": "R here", "language": "R"}"#,
        );
        install(
            &home,
            "r",
            r#"{"argv": ["R"], "display_name": "R at home"}"#,
        );
        install(&home, "broken", "{");
        install(&home, "with space", r#"{"argv": ["x"]}"#);
        let specs = Kernelspecs::find(&config(folder.path()));
        assert!(specs.choices().contains(&("r".into(), "R here".into())));
        assert!(
            !specs
                .choices()
                .iter()
                .any(|(name, _)| name == "broken" || name == "with space")
        );
        assert_eq!(specs.choose("r").expect("known").transport, Transport::Tcp);
    }

    #[test]
    fn an_unknown_kernel_is_refused_with_the_known_ones() {
        let folder = tempfile::tempdir().expect("folder");
        install(
            &folder.path().join("path"),
            "ada",
            r#"{"argv": ["/nowhere/ada"], "display_name": "Ada 95"}"#,
        );
        let specs = Kernelspecs::find(&config(folder.path()));
        let error = specs.choose("cobol").expect_err("unknown");
        assert_eq!(
            (error.code().as_str(), error.status()),
            ("kernel.unknown", 422)
        );
        assert!(
            error.to_string().contains("“cobol”") && error.to_string().contains("ada (Ada 95)"),
            "{error}"
        );
        let missing = specs
            .choose("ada")
            .expect("known")
            .check("/usr/bin")
            .expect_err("missing");
        assert!(missing.to_string().contains("/nowhere/ada"), "{missing}");
    }

    #[test]
    fn an_environments_kernel_uses_its_own_python_and_no_secret_is_expanded() {
        let folder = tempfile::tempdir().expect("folder");
        let mut config = config(folder.path());
        config.python = Some(folder.path().join("env"));
        install(
            &folder.path().join("env/share/jupyter"),
            "python3",
            r#"{"argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "Python 3",
                "language": "python", "env": {"A": "<${LANG}|${DATALAYER_SECRET}|${NONE}>"}}"#,
        );
        let specs = Kernelspecs::find(&config);
        let spec = specs.choose("").expect("default");
        assert_eq!(
            spec.argv[0],
            folder.path().join("env/bin/python").display().to_string()
        );
        assert_eq!(spec.environment["A"], "<de_AT.UTF-8||>");
        assert!(
            spec.environment["PATH"]
                .starts_with(&folder.path().join("env/bin").display().to_string())
        );
        assert_eq!(spec.transport, Transport::Ipc);
    }
}
