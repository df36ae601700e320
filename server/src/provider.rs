//! The secret that the Hub and the studio share, in the data folder: `hub/client-secret`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use iam::provider::ClientSecret;

/// More is no secret of ours.
const MOST: u64 = 1024;

/// Where it is.
pub fn client_secret_file(data: &Path) -> PathBuf {
    data.join("hub/client-secret")
}

/// Reads the secret, or makes it: 32 random bytes that only whoever runs the studio can read. Whoever comes first makes it, the
/// studio or a command beside it. A file that others on the machine can read is refused, because they could be the Hub with it.
pub fn client_secret(data: &Path) -> Result<ClientSecret> {
    let path = client_secret_file(data);
    match read(&path)? {
        Some(secret) => Ok(secret),
        None => {
            make(&path)
                .with_context(|| format!("hub: the secret {} cannot be written", path.display()))?;
            read(&path)?.ok_or_else(|| anyhow!("hub: {} is gone again", path.display()))
        }
    }
}

fn read(path: &Path) -> Result<Option<ClientSecret>> {
    let cannot = || format!("hub: the secret {} cannot be read", path.display());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(cannot),
    };
    // Of the open file: the name could lead elsewhere a moment later.
    let about = file.metadata().with_context(cannot)?;
    if !about.is_file() || about.permissions().mode() & 0o077 != 0 {
        bail!(
            "hub: others on this machine can read {0}, and could sign in at the studio in the Hub's name; \
             remove it and let the studio make a new one, or if nobody has read it: chmod 600 {0}",
            path.display()
        );
    }
    let mut text = String::new();
    file.take(MOST)
        .read_to_string(&mut text)
        .with_context(cannot)?;
    let secret = ClientSecret::given(&text).map_err(|error| {
        anyhow!(
            "hub: {} holds no secret ({error}); remove it, and the studio makes a new one",
            path.display()
        )
    })?;
    Ok(Some(secret))
}

/// Written whole beside its place and then linked there, so that of two that make one at once both read the same.
fn make(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let half = folder.join(format!("client-secret.{}", std::process::id()));
    let written = write(&half);
    let linked = written.and_then(|()| match fs::hard_link(&half, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    });
    fs::remove_file(&half).ok();
    linked
}

fn write(path: &Path) -> Result<()> {
    fs::remove_file(path).ok();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{}", ClientSecret::new()?.expose())?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let secret = client_secret(folder.path()).unwrap();
        assert_eq!(client_secret(folder.path()).unwrap(), secret);
        let file = client_secret_file(folder.path());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        assert_eq!(mode(file.parent().unwrap()), 0o700);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_secret_that_others_can_read_or_that_is_none_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        client_secret(folder.path()).unwrap();
        let file = client_secret_file(folder.path());
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let words = client_secret(folder.path()).unwrap_err().to_string();
            assert!(words.contains("chmod 600"), "{words}");
        }
        fs::write(&file, "short\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let words = client_secret(folder.path()).unwrap_err().to_string();
        assert!(words.contains("holds no secret"), "{words}");
    }
}
