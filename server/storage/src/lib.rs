//! Bytes by content hash: a blob's name is the SHA-256 of what it holds, so it can be kept twice but never changed.
//!
//! A blob is written beside its place, flushed, and moved there in one step; a cut write leaves a stray temporary file and
//! never half a blob. The folder is `DIR/ab/cdef…`, two digits of the hash and then the rest.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// The blobs of a studio in a local folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    root: Arc<Path>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such blob")]
    NotFound,
    /// It was cut or changed after it was written; restoring it from a backup is the only cure.
    #[error("the blob {hash} is damaged: its bytes are not the ones that were kept")]
    Damaged { hash: String },
    #[error("the disk is full: nothing can be saved until space is free; reading still works")]
    Full,
    #[error("the folder of files does not answer: {0}")]
    Disk(#[source] io::Error),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// SHA-256 in lower-case hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

impl Blobs {
    /// Uses a folder, creating it where it is missing.
    pub async fn open(root: PathBuf) -> Result<Self> {
        blocking(move || {
            std::fs::create_dir_all(&root)?;
            Ok(Self { root: root.into() })
        })
        .await
    }

    /// Clears what cut writes left behind, and puts back what was aside when the studio was cut. Only for who has the folder alone: another writer's half blob looks the same.
    pub async fn clear_cut_writes(&self) -> Result<()> {
        let root = Arc::clone(&self.root);
        blocking(move || {
            for entry in std::fs::read_dir(&root)? {
                let entry = entry?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.starts_with(TEMPORARY) {
                    std::fs::remove_file(entry.path())?;
                } else if let Some(hash) = name.strip_prefix(ASIDE).filter(|hash| is_hash(hash)) {
                    back(&root, hash)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Durable when it returns; its hash. Keeping the same bytes again costs one look.
    pub async fn keep(&self, bytes: Bytes) -> Result<String> {
        let root = Arc::clone(&self.root);
        blocking(move || {
            let hash = hash(&bytes);
            let path = place(&root, &hash);
            // The same length under the same hash: it is there. Another length is damage, and is mended here.
            if std::fs::metadata(&path).is_ok_and(|there| there.len() == bytes.len() as u64)
                && is_kept_again(&path)?
            {
                return Ok(hash);
            }
            let folder = root.join(&hash[..2]);
            if !folder.exists() {
                std::fs::create_dir_all(&folder)?;
                sync_folder(&root)?;
            }
            let temporary = root.join(temporary_name()?);
            let written =
                write_flushed(&temporary, &bytes).and_then(|()| std::fs::rename(&temporary, &path));
            if let Err(error) = written {
                let _ = std::fs::remove_file(&temporary);
                return Err(error);
            }
            sync_folder(&folder)?;
            Ok(hash)
        })
        .await
    }

    /// Keeps a whole file, a piece at a time; its hash and length. The file itself stays.
    pub async fn keep_file(&self, file: PathBuf) -> Result<(String, u64)> {
        let root = Arc::clone(&self.root);
        blocking(move || {
            let mut from = std::fs::File::open(file)?;
            let temporary = root.join(temporary_name()?);
            let copied = copy_flushed(&mut from, &temporary).and_then(|(hash, length)| {
                let path = place(&root, &hash);
                let folder = root.join(&hash[..2]);
                if !folder.exists() {
                    std::fs::create_dir_all(&folder)?;
                    sync_folder(&root)?;
                }
                std::fs::rename(&temporary, &path)?;
                sync_folder(&folder)?;
                Ok((hash, length))
            });
            if copied.is_err() {
                let _ = std::fs::remove_file(&temporary);
            }
            copied
        })
        .await
    }

    /// The bytes under a hash, checked against it.
    pub async fn read(&self, hash: &str) -> Result<Bytes> {
        if !is_hash(hash) {
            return Err(Error::NotFound);
        }
        let path = place(&self.root, hash);
        let wanted = hash.to_owned();
        let (bytes, found) = blocking(move || {
            let bytes = std::fs::read(path)?;
            let found = self::hash(&bytes);
            Ok((Bytes::from(bytes), found))
        })
        .await?;
        if found == wanted {
            Ok(bytes)
        } else {
            Err(Error::Damaged { hash: wanted })
        }
    }

    /// The blobs that nobody kept, or kept again, since a moment.
    pub async fn kept_before(&self, moment: SystemTime) -> Result<Vec<String>> {
        let root = Arc::clone(&self.root);
        blocking(move || {
            let mut old = Vec::new();
            for folder in std::fs::read_dir(&root)? {
                let folder = folder?;
                let start = folder.file_name().to_string_lossy().into_owned();
                if start.len() != 2 || !folder.file_type()?.is_dir() {
                    continue;
                }
                for file in std::fs::read_dir(folder.path())? {
                    let file = file?;
                    let hash = format!("{start}{}", file.file_name().to_string_lossy());
                    if is_hash(&hash) && file.metadata()?.modified()? < moment {
                        old.push(hash);
                    }
                }
            }
            Ok(old)
        })
        .await
    }

    /// The first step of deleting a blob nobody refers to: it is no longer where blobs are, and not gone yet. Its length;
    /// `None` where somebody kept it again since the moment, so that it stays. Now look once more whether anybody refers to it,
    /// then [`Blobs::delete_aside`] or [`Blobs::put_back`]. Whoever keeps the same bytes meanwhile writes them anew.
    pub async fn set_aside(&self, hash: &str, moment: SystemTime) -> Result<Option<u64>> {
        let (root, hash) = (Arc::clone(&self.root), hash.to_owned());
        blocking(move || {
            if !is_hash(&hash) {
                return Ok(None);
            }
            let away = root.join(format!("{ASIDE}{hash}"));
            std::fs::rename(place(&root, &hash), &away)?;
            let facts = std::fs::metadata(&away)?;
            if facts.modified()? < moment {
                return Ok(Some(facts.len()));
            }
            back(&root, &hash)?;
            Ok(None)
        })
        .await
    }

    pub async fn put_back(&self, hash: &str) -> Result<()> {
        let (root, hash) = (Arc::clone(&self.root), hash.to_owned());
        blocking(move || back(&root, &hash)).await
    }

    pub async fn delete_aside(&self, hash: &str) -> Result<()> {
        let away = self.root.join(format!("{ASIDE}{hash}"));
        blocking(move || std::fs::remove_file(away)).await
    }

    pub async fn contains(&self, hash: &str) -> Result<bool> {
        if !is_hash(hash) {
            return Ok(false);
        }
        let path = place(&self.root, hash);
        blocking(move || path.try_exists()).await
    }
}

const TEMPORARY: &str = ".writing-";
const ASIDE: &str = ".aside-";

/// Marks a blob that is there as kept now. `false`: it went away at the same moment.
fn is_kept_again(path: &Path) -> io::Result<bool> {
    let file = match std::fs::OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    file.set_modified(SystemTime::now())?;
    // Set aside before the mark was on it, it may be deleted; after, it is not.
    path.try_exists()
}

fn back(root: &Path, hash: &str) -> io::Result<()> {
    let (away, path) = (root.join(format!("{ASIDE}{hash}")), place(root, hash));
    // The same bytes may have been kept anew meanwhile; one is as good as the other.
    std::fs::rename(away, &path)?;
    sync_folder(&root.join(&hash[..2]))
}

fn is_hash(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn place(root: &Path, hash: &str) -> PathBuf {
    root.join(&hash[..2]).join(&hash[2..])
}

fn temporary_name() -> io::Result<String> {
    let bits = getrandom::u64().map_err(io::Error::other)?;
    Ok(format!("{TEMPORARY}{bits:016x}"))
}

fn write_flushed(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Hash and length of what was copied.
fn copy_flushed(from: &mut std::fs::File, to: &Path) -> io::Result<(String, u64)> {
    let mut to = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(to)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0_u8; 256 * 1024];
    let mut length = 0;
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hasher.update(&piece[..read]);
        to.write_all(&piece[..read])?;
        length += read as u64;
    }
    to.sync_all()?;
    Ok((hexadecimal(&hasher.finalize()), length))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// A rename is durable only when its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::NotFound,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full,
            _ => Error::Disk(error),
        }),
        Err(error) => Err(Error::Disk(io::Error::other(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn blobs() -> (tempfile::TempDir, Blobs) {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("blobs")).await.unwrap();
        (folder, blobs)
    }

    #[tokio::test]
    async fn bytes_come_back_under_their_sha256() {
        let (_folder, blobs) = blobs().await;
        let name = blobs.keep(Bytes::from_static(b"abc")).await.unwrap();
        assert_eq!(
            name,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(blobs.read(&name).await.unwrap(), Bytes::from_static(b"abc"));
        assert_eq!(blobs.keep(Bytes::from_static(b"abc")).await.unwrap(), name);
        assert!(blobs.contains(&name).await.unwrap());
    }

    #[tokio::test]
    async fn what_was_never_kept_is_not_found_and_no_name_leads_out_of_the_folder() {
        let (_folder, blobs) = blobs().await;
        for name in [
            "00".repeat(32).as_str(),
            "",
            "../../etc/passwd",
            "a",
            &"..".repeat(32),
            &"AB".repeat(32),
        ] {
            assert!(
                matches!(blobs.read(name).await, Err(Error::NotFound)),
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn a_file_is_kept_under_the_same_hash_as_its_bytes() {
        let (folder, blobs) = blobs().await;
        let bytes: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
        let file = folder.path().join("whole");
        std::fs::write(&file, &bytes).unwrap();
        let (name, length) = blobs.keep_file(file).await.unwrap();
        assert_eq!((name.as_str(), length), (hash(&bytes).as_str(), 700_000));
        assert_eq!(blobs.read(&name).await.unwrap(), bytes);
        assert!(matches!(
            blobs.keep_file(folder.path().join("missing")).await,
            Err(Error::NotFound)
        ));
        assert_eq!(
            std::fs::read_dir(folder.path().join("blobs"))
                .unwrap()
                .count(),
            1,
            "no temporary file is left"
        );
    }

    #[tokio::test]
    async fn a_damaged_blob_is_named_and_mended_by_keeping_it_again() {
        let (folder, blobs) = blobs().await;
        let name = blobs.keep(Bytes::from_static(b"precious")).await.unwrap();
        let file = folder
            .path()
            .join("blobs")
            .join(&name[..2])
            .join(&name[2..]);
        std::fs::write(&file, b"prec").unwrap();
        assert!(matches!(
            blobs.read(&name).await,
            Err(Error::Damaged { .. })
        ));
        blobs.keep(Bytes::from_static(b"precious")).await.unwrap();
        assert_eq!(
            blobs.read(&name).await.unwrap(),
            Bytes::from_static(b"precious")
        );
    }

    #[tokio::test]
    async fn what_a_cut_write_left_is_cleared_at_the_next_start() {
        let (folder, blobs) = blobs().await;
        let kept = blobs.keep(Bytes::from_static(b"kept")).await.unwrap();
        let stray = folder
            .path()
            .join("blobs")
            .join(".writing-0123456789abcdef");
        std::fs::write(&stray, b"half").unwrap();
        let again = Blobs::open(folder.path().join("blobs")).await.unwrap();
        again.clear_cut_writes().await.unwrap();
        assert!(!stray.exists());
        assert_eq!(
            again.read(&kept).await.unwrap(),
            Bytes::from_static(b"kept")
        );
    }

    #[tokio::test]
    async fn a_blob_is_deleted_in_two_steps_and_comes_back_from_between_them() {
        let (folder, blobs) = blobs().await;
        let name = blobs.keep(Bytes::from_static(b"old")).await.unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(1);
        assert_eq!(
            blobs.kept_before(later).await.unwrap(),
            std::slice::from_ref(&name)
        );
        assert!(
            blobs
                .kept_before(SystemTime::UNIX_EPOCH)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(blobs.set_aside(&name, later).await.unwrap(), Some(3));
        assert!(!blobs.contains(&name).await.unwrap());
        // The studio is cut here: the next one puts it back.
        let again = Blobs::open(folder.path().join("blobs")).await.unwrap();
        again.clear_cut_writes().await.unwrap();
        assert!(again.contains(&name).await.unwrap());
        again.set_aside(&name, later).await.unwrap();
        again.put_back(&name).await.unwrap();
        again.set_aside(&name, later).await.unwrap();
        again.delete_aside(&name).await.unwrap();
        assert!(matches!(again.read(&name).await, Err(Error::NotFound)));
        again.clear_cut_writes().await.unwrap();
        assert!(matches!(again.read(&name).await, Err(Error::NotFound)));
    }

    #[tokio::test]
    async fn what_is_kept_again_is_not_old() {
        let (_folder, blobs) = blobs().await;
        let name = blobs.keep(Bytes::from_static(b"old")).await.unwrap();
        let file = place(&blobs.root, &name);
        let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let moment = SystemTime::now() - std::time::Duration::from_secs(60);
        assert_eq!(
            blobs.kept_before(moment).await.unwrap(),
            std::slice::from_ref(&name)
        );
        blobs.keep(Bytes::from_static(b"old")).await.unwrap();
        assert!(blobs.kept_before(moment).await.unwrap().is_empty());
        assert_eq!(blobs.set_aside(&name, moment).await.unwrap(), None);
        assert!(blobs.contains(&name).await.unwrap());
    }
}
