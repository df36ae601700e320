//! Garbage: outputs in storage that no run shows any more.
//!
//! A blob is deleted when no row refers to it and nobody kept it for a day. Somebody may begin to refer to it at any moment, so each
//! order of things must be harmless: keeping bytes that are there marks them as kept now, before the row is written; saying again
//! that a run refers to them makes the row young; and a blob is first set aside, looked up once more, and only then deleted. A studio
//! killed in between puts it back when it starts.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use datalayer::{NotebookId, Result};

use crate::House;
use crate::blobs::refusal;

/// What is younger is left alone: a run may be about to refer to it, and a backup may be reading it.
pub(crate) const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// What one round took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    pub files: u64,
    pub bytes: u64,
}

impl House {
    /// Deletes the outputs nobody shows any more and has not kept within `grace`. Only for the studio that has the folder.
    pub async fn collect_garbage(&self, grace: Duration) -> Result<Collected> {
        let seconds = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
        let before = self.now().plus_seconds(-seconds);
        let db = &self.0.db;
        for notebook in db.notebooks_with_blobs(before).await? {
            let blobs = db.output_blobs(&notebook, before).await?;
            let shown = self.shown(&notebook, &blobs).await?;
            for hash in blobs.iter().filter(|hash| !shown.contains(*hash)) {
                db.forget_blob(&notebook, hash, before).await?;
            }
        }
        let moment = SystemTime::now()
            .checked_sub(grace)
            .unwrap_or(SystemTime::UNIX_EPOCH);
        let blobs = &self.0.blobs;
        let mut collected = Collected::default();
        for hash in blobs.kept_before(moment).await.map_err(refusal)? {
            if db.is_referred_to(&hash).await? {
                continue;
            }
            let Some(bytes) = blobs.set_aside(&hash, moment).await.map_err(refusal)? else {
                continue;
            };
            // Whatever happens now, it is either gone with nobody to miss it, or back.
            match db.is_referred_to(&hash).await {
                Ok(false) => {
                    blobs.delete_aside(&hash).await.map_err(refusal)?;
                    collected.files += 1;
                    collected.bytes += bytes;
                }
                referred => {
                    blobs.put_back(&hash).await.map_err(refusal)?;
                    referred?;
                }
            }
        }
        if collected.files > 0 {
            tracing::info!(
                files = collected.files,
                bytes = collected.bytes,
                "outputs nobody shows any more are deleted"
            );
        }
        Ok(collected)
    }

    /// Which of these the runs of a notebook name. A hash is found wherever it stands: too much is kept rather than too little.
    async fn shown(&self, notebook: &NotebookId, blobs: &[String]) -> Result<HashSet<String>> {
        let texts = self.0.db.run_texts(notebook).await?;
        let named = |hash: &&String| texts.iter().any(|text| text.contains(hash.as_str()));
        Ok(blobs.iter().filter(named).cloned().collect())
    }
}
