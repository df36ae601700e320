//! What a supervisor writes down: the kernel's words and its own notes.

use std::io;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use notebook::runs::{RunState, StreamName};

use super::Supervisor;
use crate::moment;
use crate::protocol::Note;
use crate::spool::Spool;

impl Supervisor {
    pub(super) async fn end_runs(&mut self, state: RunState, why: &str, behind: &str) {
        let notes = self.queue.clear(state, why, behind);
        self.ended(&notes).await;
    }

    pub(super) async fn ended(&mut self, notes: &[Note]) {
        if notes.is_empty() {
            return;
        }
        self.asking = None;
        self.busy_at = Instant::now();
        if let Some(Note::Ended { run, .. }) = notes.first()
            && self.transcript.is_of(run)
        {
            let run = run.clone();
            if let Some(bytes) = std::mem::take(&mut self.transcript).end() {
                let run = run.clone();
                self.note(&Note::Beyond { run, bytes }).await;
            }
            if self.dropped_output > 0 {
                let bytes = std::mem::take(&mut self.dropped_output);
                self.note(&Note::Dropped { run, bytes }).await;
            }
        }
        self.note_all(notes).await;
    }

    pub(super) async fn note_all(&mut self, notes: &[Note]) {
        for note in notes {
            self.note(note).await;
        }
    }

    pub(super) async fn note(&mut self, note: &Note) {
        let json = serde_json::to_vec(note).unwrap_or_default();
        self.write(|spool| spool.note(moment::now(), &json)).await;
    }

    /// Keeps what the running cell printed; how much of it is shown inline.
    pub(super) async fn keep(&mut self, name: StreamName, text: &str) -> usize {
        loop {
            match self.transcript.add(name, text) {
                Ok(shown) => return shown,
                Err(error) => self.wait_for_room(&error).await,
            }
        }
    }

    /// Nothing the kernel said may be lost: while the disk is full we wait, and so does the kernel.
    pub(super) async fn write(&mut self, mut write: impl FnMut(&mut Spool) -> io::Result<()>) {
        loop {
            let written = {
                let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
                write(&mut spool).map(|()| spool.end())
            };
            match written {
                Ok(end) => {
                    self.grown.send_replace(end);
                    return;
                }
                Err(error) => self.wait_for_room(&error).await,
            }
        }
    }

    async fn wait_for_room(&self, error: &io::Error) {
        tracing::error!(kernel.id = self.args.id, %error, "the spool cannot be written; waiting");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
