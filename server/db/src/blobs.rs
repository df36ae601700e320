//! Which blobs are referred to, and which no longer are.

use datalayer::{NotebookId, Timestamp};

use crate::accounts::stored;
use crate::{Db, Result};

impl Db {
    /// Notebooks that have outputs in storage added before a moment.
    pub async fn notebooks_with_blobs(&self, before: Timestamp) -> Result<Vec<NotebookId>> {
        let rows: Vec<String> = on!(self, pool => {
            sqlx::query_scalar("select distinct notebook_id from notebook_blobs where purpose = 'output' and added_at < $1")
                .bind(before.0)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter().map(stored).collect()
    }

    /// The outputs of a notebook in storage that were added before a moment, as hashes.
    pub async fn output_blobs(
        &self,
        notebook: &NotebookId,
        before: Timestamp,
    ) -> Result<Vec<String>> {
        Ok(on!(self, pool => {
            sqlx::query_scalar("select hash from notebook_blobs where notebook_id = $1 and purpose = 'output' and added_at < $2")
                .bind(notebook.as_str())
                .bind(before.0)
                .fetch_all(pool)
                .await?
        }))
    }

    /// Everything the log of runs of a notebook says, as it is stored: the fold and every event that is kept.
    pub async fn run_texts(&self, notebook: &NotebookId) -> Result<Vec<String>> {
        // The events first: a fold written in between holds what they said, or they are still there.
        let mut texts: Vec<String> = on!(self, pool => {
            sqlx::query_scalar("select event from run_events where notebook_id = $1")
                .bind(notebook.as_str())
                .fetch_all(pool)
                .await?
        });
        let fold: Option<String> = on!(self, pool => {
            sqlx::query_scalar("select fold from run_folds where notebook_id = $1")
                .bind(notebook.as_str())
                .fetch_optional(pool)
                .await?
        });
        texts.extend(fold);
        Ok(texts)
    }

    /// Forgets that a notebook's outputs refer to a blob, if that was not said again since a moment.
    pub async fn forget_blob(
        &self,
        notebook: &NotebookId,
        hash: &str,
        before: Timestamp,
    ) -> Result<bool> {
        Ok(change!(self, tx => {
            sqlx::query(
                "delete from notebook_blobs where notebook_id = $1 and hash = $2 and purpose = 'output' and added_at < $3",
            )
            .bind(notebook.as_str())
            .bind(hash)
            .bind(before.0)
            .execute(&mut *tx)
            .await?
            .rows_affected()
        }) > 0)
    }

    /// Does anything refer to a blob?
    pub async fn is_referred_to(&self, hash: &str) -> Result<bool> {
        Ok(on!(self, pool => {
            sqlx::query_scalar(
                "select exists (select 1 from notebook_blobs where hash = $1)
                     or exists (select 1 from notebooks where original = $1)",
            )
            .bind(hash)
            .fetch_one(pool)
            .await?
        }))
    }
}
