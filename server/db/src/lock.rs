//! One studio per data directory.
//!
//! The lock is a `flock` on a file of the directory: the system lets go of it when the process ends, however it ends, so
//! it is never stale. Only the studio takes it. Administrator's commands take none: they write through SQLite's own lock
//! (or Postgres) and may run beside a studio.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::{Error, Result};

/// Held as long as it lives.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock of a directory, or says which process has it.
    pub fn take(directory: &Path) -> Result<Self> {
        let path = directory.join("datalayer.lock");
        let cannot = |cause: &dyn std::fmt::Display| {
            Error::unavailable(
                "data.unwritable",
                format!(
                    "the data directory {} cannot be used: {cause}",
                    directory.display()
                ),
            )
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| cannot(&error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another process".to_owned(),
                    id => format!("process {id}"),
                };
                return Err(Error::unavailable(
                    "data.in_use",
                    format!(
                        "the data directory is in use by {holder}; stop that studio first, or choose another directory ({})",
                        directory.display()
                    ),
                ));
            }
            Err(error) => return Err(cannot(&error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .and_then(|()| file.flush())
            .map_err(|error| cannot(&error))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_studio_on_one_directory_is_told_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = DirectoryLock::take(folder.path()).unwrap();
        let refused = DirectoryLock::take(folder.path()).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("in use by process {}", std::process::id())),
            "{refused}"
        );
        drop(first);
        DirectoryLock::take(folder.path()).unwrap();
    }
}
