//! Spill files: the whole text of a run that printed more than its log keeps.
//!
//! Beside each lies an index, so that after a crash the file can be cut back to exactly what the run log knows of.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;

use crate::fold::Spilled;

const ENTRY: usize = 32;
const PREFIX: &str = "spill-";

/// The spill files of one kernel.
pub struct Spills {
    directory: PathBuf,
}

/// A spill file as it was when the log was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    pub run: String,
    pub lost: u64,
    pub shown: usize,
}

impl Spills {
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    pub fn path(&self, run: &str) -> PathBuf {
        self.directory.join(format!("{PREFIX}{run}"))
    }

    fn index(&self, run: &str) -> PathBuf {
        self.directory.join(format!("{PREFIX}{run}.index"))
    }

    /// Adds text; `offset` is how far the spool is folded in once this batch is.
    pub async fn append(&self, run: &str, spilled: &Spilled, offset: u64) -> io::Result<()> {
        let mut file = open(&self.path(run)).await?;
        file.write_all(&spilled.bytes).await?;
        file.flush().await?;
        let length = file.metadata().await?.len();
        let mut entry = Vec::with_capacity(ENTRY);
        for number in [offset, length, spilled.lost, spilled.shown as u64] {
            entry.extend_from_slice(&number.to_be_bytes());
        }
        let mut index = open(&self.index(run)).await?;
        index.write_all(&entry).await?;
        index.flush().await
    }

    pub fn remove(&self, run: &str) {
        // Both go with the kernel's folder at the latest.
        let _ = std::fs::remove_file(self.path(run));
        let _ = std::fs::remove_file(self.index(run));
    }

    /// Cuts every file back to what is folded in up to `mark`.
    pub fn recover(&self, mark: u64) -> io::Result<Vec<Recovered>> {
        let mut recovered = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let Some(run) = name
                .to_str()
                .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(".index"))
            else {
                continue;
            };
            let index = std::fs::read(self.index(run))?;
            let entries = index.chunks_exact(ENTRY).map(|entry| {
                let number = |at: usize| {
                    let mut bytes = [0_u8; 8];
                    bytes.copy_from_slice(&entry[8 * at..8 * at + 8]);
                    u64::from_be_bytes(bytes)
                };
                [number(0), number(1), number(2), number(3)]
            });
            let known: Vec<[u64; 4]> = entries.take_while(|[offset, ..]| *offset <= mark).collect();
            let Some([_, length, lost, shown]) = known.last().copied() else {
                self.remove(run);
                continue;
            };
            std::fs::OpenOptions::new()
                .write(true)
                .open(self.path(run))?
                .set_len(length)?;
            std::fs::OpenOptions::new()
                .write(true)
                .open(self.index(run))?
                .set_len((known.len() * ENTRY) as u64)?;
            recovered.push(Recovered {
                run: run.to_owned(),
                lost,
                shown: usize::try_from(shown).unwrap_or(usize::MAX),
            });
        }
        Ok(recovered)
    }
}

async fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn after_a_crash_a_file_is_cut_back_to_what_the_log_knows() {
        let directory = tempfile::tempdir().expect("directory");
        let spills = Spills::new(directory.path());
        for (at, text) in ["one ", "two ", "three"].into_iter().enumerate() {
            let at = at as u64;
            let spilled = Spilled {
                bytes: text.into(),
                lost: at * 10,
                shown: 5,
                discard: false,
            };
            spills
                .append("run_a", &spilled, 100 * (at + 1))
                .await
                .expect("written");
        }
        spills
            .append(
                "run_b",
                &Spilled {
                    bytes: b"b".to_vec(),
                    ..Spilled::default()
                },
                300,
            )
            .await
            .expect("written");
        let recovered = spills.recover(250).expect("recovered");
        assert_eq!(
            recovered,
            vec![Recovered {
                run: "run_a".into(),
                lost: 10,
                shown: 5
            }]
        );
        assert_eq!(
            std::fs::read(spills.path("run_a")).expect("file"),
            b"one two "
        );
        assert!(!spills.path("run_b").exists());
        spills
            .append(
                "run_a",
                &Spilled {
                    bytes: b"four".to_vec(),
                    ..Spilled::default()
                },
                260,
            )
            .await
            .expect("written");
        assert_eq!(
            std::fs::read(spills.path("run_a")).expect("file"),
            b"one two four"
        );
    }
}
