//! Spill files: the whole text of a run that printed more than its log keeps. The supervisor writes them, the studio keeps
//! them as blobs when the run has ended, and then removes them.

use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = "spill-";

/// Where the whole text of a run lies, if it is long.
pub fn path(directory: &Path, run: &str) -> PathBuf {
    directory.join(format!("{PREFIX}{run}"))
}

/// The runs that have such a file.
pub fn found(directory: &Path) -> io::Result<Vec<String>> {
    let mut runs = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        if let Some(run) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) {
            runs.push(run.to_owned());
        }
    }
    Ok(runs)
}

/// It is kept elsewhere now, or nobody wants it.
pub fn remove(directory: &Path, run: &str) {
    // It goes with the kernel's folder at the latest.
    let _ = std::fs::remove_file(path(directory, run));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spill_files_are_found_and_removed() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(path(folder.path(), "run_a"), "text").expect("written");
        std::fs::write(folder.path().join("spool-1"), "").expect("written");
        assert_eq!(found(folder.path()).expect("read"), vec!["run_a"]);
        remove(folder.path(), "run_a");
        assert!(found(folder.path()).expect("read").is_empty());
    }
}
