//! A ledger on a disk of its own: it stores text, checks revisions, and can hold, fail, or die as disks do.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use datalayer::{Error, Ledger, LogEntry, NotebookId, Noun, Opening, Result, UserId};
use notebook::wire::May;
use notebook::{ClientId, NotebookDoc, Snapshot};
use tokio::sync::watch;

/// What survives a crash.
#[derive(Default)]
pub struct Disk {
    notebooks: Mutex<HashMap<NotebookId, Stored>>,
    rights: Mutex<HashMap<UserId, May>>,
}

struct Stored {
    kernel: String,
    snapshots: Vec<String>,
    log: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Works,
    /// Appends wait.
    Holds,
    /// Nothing is stored, and that is said.
    Fails,
    /// What comes is stored, and said to have failed.
    LosesAnswers,
    /// The process died: nothing is stored any more and nothing is answered.
    Dead,
}

/// One process's way to the disk.
pub struct DiskLedger {
    disk: Arc<Disk>,
    pub mood: watch::Sender<Mood>,
    pub appends: AtomicUsize,
    pub opens: AtomicUsize,
}

impl Disk {
    pub fn put(&self, notebook: &NotebookId, document: NotebookDoc) {
        let snapshot = Snapshot {
            revision: 0,
            document,
        };
        let snapshots = vec![serde_json::to_string(&snapshot).unwrap()];
        let stored = Stored {
            kernel: String::new(),
            snapshots,
            log: Vec::new(),
        };
        self.notebooks
            .lock()
            .unwrap()
            .insert(notebook.clone(), stored);
    }

    pub fn grant(&self, user: &UserId, may: May) {
        self.rights.lock().unwrap().insert(user.clone(), may);
    }

    pub fn log(&self, notebook: &NotebookId) -> Vec<LogEntry> {
        let notebooks = self.notebooks.lock().unwrap();
        notebooks[notebook]
            .log
            .iter()
            .map(|text| serde_json::from_str(text).unwrap())
            .collect()
    }

    /// Revisions of the snapshots that are kept, oldest first.
    pub fn snapshots(&self, notebook: &NotebookId) -> Vec<u64> {
        let notebooks = self.notebooks.lock().unwrap();
        let read = |text: &String| serde_json::from_str::<Snapshot>(text).unwrap().revision;
        notebooks[notebook].snapshots.iter().map(read).collect()
    }

    pub fn kernel(&self, notebook: &NotebookId) -> String {
        self.notebooks.lock().unwrap()[notebook].kernel.clone()
    }
}

impl DiskLedger {
    pub fn new(disk: Arc<Disk>) -> Arc<Self> {
        let mood = watch::Sender::new(Mood::Works);
        Arc::new(Self {
            disk,
            mood,
            appends: AtomicUsize::new(0),
            opens: AtomicUsize::new(0),
        })
    }

    fn store(&self, notebook: &NotebookId, entries: Vec<LogEntry>) -> Result<()> {
        let mut notebooks = self.disk.notebooks.lock().unwrap();
        let stored = notebooks
            .get_mut(notebook)
            .ok_or(Error::not_found(Noun::Notebook))?;
        for (next, entry) in (stored.log.len() as u64 + 1..).zip(&entries) {
            if entry.batch.revision != next {
                return Err(Error::conflict("room.not_owner", "this revision is taken"));
            }
        }
        stored.log.extend(
            entries
                .iter()
                .map(|entry| serde_json::to_string(entry).unwrap()),
        );
        Ok(())
    }
}

#[async_trait]
impl Ledger for DiskLedger {
    async fn open(&self, notebook: &NotebookId) -> Result<Opening> {
        self.opens.fetch_add(1, Ordering::Relaxed);
        let notebooks = self.disk.notebooks.lock().unwrap();
        let stored = notebooks
            .get(notebook)
            .ok_or(Error::not_found(Noun::Notebook))?;
        let snapshot: Snapshot = serde_json::from_str(stored.snapshots.last().unwrap()).unwrap();
        let log: Vec<LogEntry> = stored
            .log
            .iter()
            .map(|text| serde_json::from_str(text).unwrap())
            .collect();
        let mut received: HashMap<ClientId, (u64, UserId)> = HashMap::new();
        for entry in &log {
            received.insert(
                entry.batch.client.clone(),
                (entry.batch.sequence, entry.author.clone()),
            );
        }
        Ok(Opening {
            title: "Notes".into(),
            kernel: stored.kernel.clone(),
            log: log
                .into_iter()
                .filter(|entry| entry.batch.revision > snapshot.revision)
                .collect(),
            snapshot,
            received: received
                .into_iter()
                .map(|(client, (sequence, user))| (client, sequence, user))
                .collect(),
        })
    }

    async fn append(&self, notebook: &NotebookId, entries: Vec<LogEntry>) -> Result<()> {
        self.appends.fetch_add(1, Ordering::Relaxed);
        let mut mood = self.mood.subscribe();
        let mood = *mood
            .wait_for(|mood| !matches!(mood, Mood::Holds | Mood::Dead))
            .await
            .unwrap();
        if mood == Mood::Fails {
            return Err(Error::unavailable("ledger.full", "the disk is full"));
        }
        self.store(notebook, entries)?;
        if mood == Mood::LosesAnswers {
            return Err(Error::unavailable("ledger.lost", "the connection was lost"));
        }
        Ok(())
    }

    async fn keep_snapshot(&self, notebook: &NotebookId, snapshot: &Snapshot) -> Result<()> {
        if *self.mood.borrow() == Mood::Dead {
            std::future::pending::<()>().await;
        }
        let mut notebooks = self.disk.notebooks.lock().unwrap();
        let stored = notebooks
            .get_mut(notebook)
            .ok_or(Error::not_found(Noun::Notebook))?;
        assert!(
            snapshot.revision <= stored.log.len() as u64,
            "a snapshot is never ahead of the log"
        );
        stored
            .snapshots
            .push(serde_json::to_string(snapshot).unwrap());
        let spare = stored.snapshots.len().saturating_sub(2);
        stored.snapshots.drain(..spare);
        Ok(())
    }

    async fn rights(&self, _notebook: &NotebookId, user: &UserId) -> Result<May> {
        Ok(self
            .disk
            .rights
            .lock()
            .unwrap()
            .get(user)
            .copied()
            .unwrap_or_default())
    }

    async fn choose_kernel(&self, notebook: &NotebookId, kernel: &str) -> Result<()> {
        let mut notebooks = self.disk.notebooks.lock().unwrap();
        notebooks
            .get_mut(notebook)
            .ok_or(Error::not_found(Noun::Notebook))?
            .kernel = kernel.to_owned();
        Ok(())
    }
}
