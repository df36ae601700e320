//! The ledger of runs, as runtimes see it.

use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use datalayer::{Error, NotebookId, Noun, Result, RunLedger, SpoolMark};
use db::{BlobFacts, Since};
use notebook::runs::{RunEvent, Runs};

use crate::House;
use crate::blobs::{clean_media_type, refusal};
use crate::ledger::unwritable;

#[async_trait]
impl RunLedger for House {
    async fn load(&self, notebook: &NotebookId) -> Result<Runs> {
        let facts = self
            .0
            .db
            .runs(notebook)
            .await?
            .ok_or(Error::not_found(Noun::Notebook))?;
        let mut runs: Runs = if facts.fold.is_empty() {
            Runs::default()
        } else {
            serde_json::from_str(&facts.fold).map_err(|error| {
                db::Error::Broken(format!(
                    "the folded runs of {notebook} cannot be read: {error}"
                ))
            })?
        };
        for event in &facts.events {
            runs.apply(event);
        }
        Ok(runs)
    }

    async fn append(
        &self,
        notebook: &NotebookId,
        events: Vec<RunEvent>,
        mark: Option<SpoolMark>,
    ) -> Result<()> {
        self.0
            .db
            .append_runs(notebook, events, mark)
            .await
            .map_err(|error| match error {
                db::Error::NotOwner => Error::conflict(
                    "run.not_owner",
                    "this notebook's runs are driven from another place of the studio",
                ),
                other => other.into(),
            })
    }

    async fn keep_fold(&self, notebook: &NotebookId, runs: &Runs) -> Result<()> {
        let fold = serde_json::to_string(runs).map_err(unwritable)?;
        Ok(self.0.db.keep_fold(notebook, runs.sequence, &fold).await?)
    }

    async fn since(
        &self,
        notebook: &NotebookId,
        sequence: u64,
        limit: u32,
    ) -> Result<Option<Vec<RunEvent>>> {
        match self.0.db.runs_since(notebook, sequence, limit).await? {
            Since::Events(events) => Ok(Some(events)),
            Since::TooMany => Ok(None),
            Since::NoSuchNotebook => Err(Error::not_found(Noun::Notebook)),
        }
    }

    async fn mark(&self, kernel: &str) -> Result<Option<SpoolMark>> {
        Ok(self.0.db.spool_mark(kernel).await?)
    }

    async fn keep_blob(
        &self,
        notebook: &NotebookId,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<String> {
        let length = bytes.len() as u64;
        let hash = self.0.blobs.keep(bytes).await.map_err(refusal)?;
        self.refer(notebook, media_type, hash, length).await
    }

    async fn keep_file(
        &self,
        notebook: &NotebookId,
        media_type: &str,
        file: &Path,
    ) -> Result<String> {
        let (hash, length) = self
            .0
            .blobs
            .keep_file(file.to_path_buf())
            .await
            .map_err(refusal)?;
        self.refer(notebook, media_type, hash, length).await
    }
}

impl House {
    /// Remembers that an output of the notebook refers to these bytes; their hash.
    async fn refer(
        &self,
        notebook: &NotebookId,
        media_type: &str,
        hash: String,
        length: u64,
    ) -> Result<String> {
        let blob = BlobFacts {
            hash,
            purpose: "output",
            media_type: clean_media_type(media_type),
            bytes: i64::try_from(length).unwrap_or(i64::MAX),
        };
        self.0.db.add_blob(notebook, &blob, self.now()).await?;
        Ok(blob.hash)
    }
}
