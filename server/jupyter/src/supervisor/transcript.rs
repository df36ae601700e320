//! What the running cell prints: the beginning goes inline, and the whole into a file once it is long.
//!
//! What is not shown inline never leaves the supervisor but in that file, so a cell that prints gigabytes costs the studio
//! nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use notebook::runs::StreamName;

use crate::fold::TEXT_LIMIT;
use crate::screen::Screen;
use crate::spill;

/// So much more is beyond the limit before it is said again.
const SAY_EVERY: u64 = 16 * 1024 * 1024;

#[derive(Default)]
pub struct Transcript {
    run: String,
    path: PathBuf,
    /// All of it, while it is short.
    whole: Vec<u8>,
    file: Option<File>,
    /// Of the file.
    length: u64,
    /// What is inline since the outputs were last cleared.
    screen: Screen,
    beyond: u64,
    said: u64,
}

impl Transcript {
    pub fn begin(directory: &Path, run: &str) -> Self {
        Self {
            run: run.to_owned(),
            path: spill::path(directory, run),
            ..Self::default()
        }
    }

    pub fn is_of(&self, run: &str) -> bool {
        self.run == run
    }

    /// The outputs are cleared, so there is room inline again.
    pub fn clear(&mut self) {
        self.screen = Screen::default();
    }

    /// An output that is not text comes between.
    pub fn set_apart(&mut self) {
        self.screen.set_apart();
    }

    /// Keeps a piece; says how much of it is to be shown inline. Where it fails nothing of the piece is kept.
    pub fn add(&mut self, name: StreamName, text: &str) -> io::Result<usize> {
        if self.file.is_none() && self.whole.len() + text.len() > TEXT_LIMIT {
            self.begin_file()?;
        }
        match &mut self.file {
            None => self.whole.extend_from_slice(text.as_bytes()),
            Some(file) => {
                if let Err(error) = file.write_all(text.as_bytes()) {
                    // Half a piece must not stay before its second try.
                    let _ = file.set_len(self.length);
                    return Err(error);
                }
                self.length += text.len() as u64;
            }
        }
        let inline = self.screen.write(name, text, TEXT_LIMIT);
        self.beyond += (text.len() - inline) as u64;
        Ok(inline)
    }

    /// The bytes that are not inline, when it is time to say so.
    pub fn news(&mut self) -> Option<u64> {
        let due = self.beyond > 0 && (self.said == 0 || self.beyond - self.said >= SAY_EVERY);
        due.then(|| self.said())
    }

    /// The run is over: the bytes that are not inline, if they were not said before. Where all is inline the file goes.
    pub fn end(&mut self) -> Option<u64> {
        self.whole = Vec::new();
        if self.file.take().is_some() && self.beyond == 0 {
            // It goes with the kernel's folder at the latest.
            let _ = std::fs::remove_file(&self.path);
        }
        let new = self.beyond > self.said;
        new.then(|| self.said())
    }

    fn said(&mut self) -> u64 {
        self.said = self.beyond;
        self.beyond
    }

    fn begin_file(&mut self) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.path)?;
        // Of an attempt that failed.
        file.set_len(0)?;
        file.write_all(&self.whole)?;
        self.length = self.whole.len() as u64;
        self.whole = Vec::new();
        self.file = Some(file);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: StreamName = StreamName::Stdout;

    #[test]
    fn the_beginning_is_inline_and_the_whole_in_the_file() {
        let folder = tempfile::tempdir().expect("folder");
        let mut transcript = Transcript::begin(folder.path(), "run_a");
        let line = "é".repeat(500) + "\n";
        let mut inline = String::new();
        for _ in 0..2000 {
            inline.push_str(&line[..transcript.add(OUT, &line).expect("kept")]);
        }
        let whole = line.repeat(2000);
        assert!(inline.len() > TEXT_LIMIT - 4 && inline.len() <= TEXT_LIMIT);
        assert!(whole.starts_with(&inline));
        let beyond = (whole.len() - inline.len()) as u64;
        assert!(transcript.news().expect("said once") <= beyond);
        assert_eq!(transcript.news(), None);
        transcript.add(OUT, "last").expect("kept");
        assert_eq!(transcript.end(), Some(beyond + 4));
        let file = std::fs::read(spill::path(folder.path(), "run_a")).expect("file");
        assert!(file == (whole + "last").into_bytes());
    }

    #[test]
    fn nothing_is_shown_after_a_gap() {
        let folder = tempfile::tempdir().expect("folder");
        let mut transcript = Transcript::begin(folder.path(), "run_a");
        assert_eq!(
            transcript
                .add(OUT, &"x".repeat(TEXT_LIMIT - 1))
                .expect("kept"),
            TEXT_LIMIT - 1
        );
        assert_eq!(transcript.add(OUT, "é").expect("kept"), 0);
        assert_eq!(transcript.add(OUT, "x").expect("kept"), 0);
        assert_eq!(transcript.news(), Some(3));
    }

    #[test]
    fn what_is_cleared_again_and_again_is_shown_and_leaves_no_file() {
        let folder = tempfile::tempdir().expect("folder");
        let mut transcript = Transcript::begin(folder.path(), "run_a");
        let text = "x".repeat(300_000);
        for _ in 0..10 {
            transcript.clear();
            assert_eq!(transcript.add(OUT, &text).expect("kept"), text.len());
        }
        assert!(spill::path(folder.path(), "run_a").exists());
        assert_eq!(transcript.end(), None);
        assert!(!spill::path(folder.path(), "run_a").exists());
    }

    #[test]
    fn a_short_text_has_no_file() {
        let folder = tempfile::tempdir().expect("folder");
        let mut transcript = Transcript::begin(folder.path(), "run_a");
        assert_eq!(transcript.add(OUT, "short").expect("kept"), 5);
        assert_eq!((transcript.news(), transcript.end()), (None, None));
        assert_eq!(std::fs::read_dir(folder.path()).expect("read").count(), 0);
    }

    #[test]
    fn what_cannot_be_written_is_said_and_can_be_tried_again() {
        let folder = tempfile::tempdir().expect("folder");
        let missing = folder.path().join("missing");
        let mut transcript = Transcript::begin(&missing, "run_a");
        let text = "x".repeat(TEXT_LIMIT + 1);
        assert!(transcript.add(OUT, &text).is_err());
        std::fs::create_dir(&missing).expect("made");
        assert_eq!(transcript.add(OUT, &text).expect("kept"), TEXT_LIMIT);
        assert_eq!(transcript.end(), Some(1));
    }

    #[test]
    fn a_progress_bar_is_inline_to_its_end() {
        let folder = tempfile::tempdir().expect("folder");
        let mut transcript = Transcript::begin(folder.path(), "run_a");
        for step in 0..100_000 {
            let bar = format!("\r{step:6} of 100000");
            assert_eq!(transcript.add(OUT, &bar).expect("kept"), bar.len());
        }
        assert_eq!(transcript.add(OUT, "\ndone").expect("kept"), 5);
        assert_eq!(transcript.end(), None);
    }
}
