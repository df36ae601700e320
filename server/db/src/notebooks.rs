//! Notebooks: where they are and what they are called. Their content is in `ledger.rs`, their runs in `runs.rs`.

use datalayer::{NotebookId, Role, SpaceId, Timestamp, UserId};

use crate::accounts::stored;
use crate::audit::audit;
use crate::{Audit, Db, Result};

/// A notebook, and the asker's role in its space where they have one.
#[derive(Clone, Debug)]
pub struct NotebookFacts {
    pub id: NotebookId,
    pub space: SpaceId,
    pub title: String,
    pub created_at: Timestamp,
    pub edited_at: Timestamp,
    /// As others see whoever edited last.
    pub edited_by: String,
    pub editor: UserId,
    pub archived_at: Option<Timestamp>,
    pub space_archived: bool,
    /// SHA-256 of the imported file.
    pub original: Option<String>,
    pub role: Option<Role>,
}

/// A notebook to begin, with its document and (imported) runs.
#[derive(Clone, Debug)]
pub struct NewNotebookFacts {
    pub id: NotebookId,
    pub space: SpaceId,
    pub title: String,
    pub kernel: String,
    pub at: Timestamp,
    pub by: UserId,
    pub original: Option<String>,
    /// JSON of the document at revision 0.
    pub document: String,
    /// JSON of the folded runs at sequence 0; empty for none.
    pub fold: String,
    pub blobs: Vec<BlobFacts>,
}

/// A blob a notebook refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobFacts {
    pub hash: String,
    /// `output` or `original`.
    pub purpose: &'static str,
    pub media_type: String,
    pub bytes: i64,
}

type NotebookRow = (
    String,
    String,
    String,
    i64,
    i64,
    String,
    String,
    Option<i64>,
    bool,
    Option<String>,
    Option<String>,
);

macro_rules! insert_blob {
    ($tx:ident, $notebook:expr, $blob:expr, $at:expr) => {{
        let blob: &$crate::BlobFacts = $blob;
        sqlx::query(
            "insert into notebook_blobs (notebook_id, hash, purpose, media_type, bytes, added_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (notebook_id, hash, purpose) do update set added_at = excluded.added_at",
        )
        .bind($notebook)
        .bind(&blob.hash)
        .bind(blob.purpose)
        .bind(&blob.media_type)
        .bind(blob.bytes)
        .bind($at)
        .execute(&mut *$tx)
        .await?;
    }};
}

macro_rules! insert_notebook {
    ($tx:ident, $notebook:expr) => {{
        let notebook: &$crate::NewNotebookFacts = $notebook;
        sqlx::query(
            "insert into notebooks (id, space_id, title, kernel, created_at, edited_at, edited_by, archived_at,
                                    revision, run_sequence, original)
             values ($1, $2, $3, $4, $5, $5, $6, null, 0, 0, $7)",
        )
        .bind(notebook.id.as_str())
        .bind(notebook.space.as_str())
        .bind(&notebook.title)
        .bind(&notebook.kernel)
        .bind(notebook.at.0)
        .bind(notebook.by.as_str())
        .bind(notebook.original.as_deref())
        .execute(&mut *$tx)
        .await?;
        sqlx::query("insert into snapshots (notebook_id, revision, document, at) values ($1, 0, $2, $3)")
            .bind(notebook.id.as_str())
            .bind(&notebook.document)
            .bind(notebook.at.0)
            .execute(&mut *$tx)
            .await?;
        if !notebook.fold.is_empty() {
            sqlx::query("insert into run_folds (notebook_id, sequence, fold) values ($1, 0, $2)")
                .bind(notebook.id.as_str())
                .bind(&notebook.fold)
                .execute(&mut *$tx)
                .await?;
        }
        for blob in &notebook.blobs {
            $crate::notebooks::insert_blob!($tx, notebook.id.as_str(), blob, notebook.at.0);
        }
    }};
}
pub(crate) use {insert_blob, insert_notebook};

impl Db {
    pub async fn add_notebook(&self, notebook: &NewNotebookFacts, entry: &Audit) -> Result<()> {
        change!(self, tx => {
            insert_notebook!(tx, notebook);
            audit!(tx, entry);
        });
        Ok(())
    }

    /// A notebook as this person sees it; `role` is `None` for a stranger.
    pub async fn notebook_for(
        &self,
        user: &UserId,
        notebook: &NotebookId,
    ) -> Result<Option<NotebookFacts>> {
        let row: Option<NotebookRow> = on!(self, pool => {
            sqlx::query_as(
                "select n.id, n.space_id, n.title, n.created_at, n.edited_at, e.name, e.id, n.archived_at,
                        s.archived_at is not null, n.original, m.role
                 from notebooks n
                 join spaces s on s.id = n.space_id
                 join users e on e.id = n.edited_by
                 left join members m on m.space_id = n.space_id and m.user_id = $1
                 where n.id = $2",
            )
            .bind(user.as_str())
            .bind(notebook.as_str())
            .fetch_optional(pool)
            .await?
        });
        row.map(notebook_facts).transpose()
    }

    /// The notebooks of a space, latest edit first, behind `before` (time of edit and id).
    pub async fn notebooks_in(
        &self,
        user: &UserId,
        space: &SpaceId,
        archived: bool,
        before: Option<(i64, &str)>,
        limit: i64,
    ) -> Result<Vec<NotebookFacts>> {
        let (at, id) = before.unwrap_or((i64::MAX, "~"));
        let rows: Vec<NotebookRow> = on!(self, pool => {
            sqlx::query_as(
                "select n.id, n.space_id, n.title, n.created_at, n.edited_at, e.name, e.id, n.archived_at,
                        s.archived_at is not null, n.original, m.role
                 from notebooks n
                 join spaces s on s.id = n.space_id
                 join users e on e.id = n.edited_by
                 join members m on m.space_id = n.space_id and m.user_id = $1
                 where n.space_id = $2 and (n.archived_at is not null) = $3
                   and (n.edited_at < $4 or (n.edited_at = $4 and n.id < $5))
                 order by n.edited_at desc, n.id desc limit $6",
            )
            .bind(user.as_str())
            .bind(space.as_str())
            .bind(archived)
            .bind(at)
            .bind(id)
            .bind(limit)
            .fetch_all(pool)
            .await?
        });
        rows.into_iter().map(notebook_facts).collect()
    }

    /// The notebooks of all of a person's spaces, latest edit first; archived ones and those of archived spaces are left out.
    pub async fn recent_notebooks(&self, user: &UserId, limit: i64) -> Result<Vec<NotebookFacts>> {
        let rows: Vec<NotebookRow> = on!(self, pool => {
            sqlx::query_as(
                "select n.id, n.space_id, n.title, n.created_at, n.edited_at, e.name, e.id, n.archived_at,
                        false, n.original, m.role
                 from members m
                 join spaces s on s.id = m.space_id and s.archived_at is null
                 join notebooks n on n.space_id = s.id and n.archived_at is null
                 join users e on e.id = n.edited_by
                 where m.user_id = $1
                 order by n.edited_at desc, n.id desc limit $2",
            )
            .bind(user.as_str())
            .bind(limit)
            .fetch_all(pool)
            .await?
        });
        rows.into_iter().map(notebook_facts).collect()
    }

    /// As [`Db::recent_notebooks`], only those whose title in small letters is like each of these patterns: `%` is anything, `_` any
    /// letter, `\` makes either itself. Letters beyond ASCII are small on some engines and not on others.
    pub async fn notebooks_like(
        &self,
        user: &UserId,
        patterns: &[String; 4],
        limit: i64,
    ) -> Result<Vec<NotebookFacts>> {
        let rows: Vec<NotebookRow> = on!(self, pool => {
            sqlx::query_as(
                r"select n.id, n.space_id, n.title, n.created_at, n.edited_at, e.name, e.id, n.archived_at,
                        false, n.original, m.role
                 from members m
                 join spaces s on s.id = m.space_id and s.archived_at is null
                 join notebooks n on n.space_id = s.id and n.archived_at is null
                 join users e on e.id = n.edited_by
                 where m.user_id = $1
                   and lower(n.title) like $2 escape '\' and lower(n.title) like $3 escape '\'
                   and lower(n.title) like $4 escape '\' and lower(n.title) like $5 escape '\'
                 order by n.edited_at desc, n.id desc limit $6",
            )
            .bind(user.as_str())
            .bind(&patterns[0])
            .bind(&patterns[1])
            .bind(&patterns[2])
            .bind(&patterns[3])
            .bind(limit)
            .fetch_all(pool)
            .await?
        });
        rows.into_iter().map(notebook_facts).collect()
    }

    /// Those of these notebooks that a person may see, latest edit first; archived ones and those of archived spaces are left out.
    pub async fn notebooks_among(
        &self,
        user: &UserId,
        notebooks: &[NotebookId],
        limit: i64,
    ) -> Result<Vec<NotebookFacts>> {
        let ids: Vec<&str> = notebooks.iter().map(NotebookId::as_str).collect();
        // One text for both engines, which have no list type in common. Ids are of one length and one alphabet.
        let ids = ids.join(" ");
        let rows: Vec<NotebookRow> = on!(self, pool => {
            sqlx::query_as(
                "select n.id, n.space_id, n.title, n.created_at, n.edited_at, e.name, e.id, n.archived_at,
                        false, n.original, m.role
                 from members m
                 join spaces s on s.id = m.space_id and s.archived_at is null
                 join notebooks n on n.space_id = s.id and n.archived_at is null
                 join users e on e.id = n.edited_by
                 where m.user_id = $1 and $2 like '%' || n.id || '%'
                 order by n.edited_at desc, n.id desc limit $3",
            )
            .bind(user.as_str())
            .bind(&ids)
            .bind(limit)
            .fetch_all(pool)
            .await?
        });
        rows.into_iter().map(notebook_facts).collect()
    }

    /// Title and archiving, from what they were. `false`: they are something else by now, and nothing was changed.
    pub async fn change_notebook(
        &self,
        notebook: &NotebookId,
        was: (&str, Option<Timestamp>),
        new: (&str, Option<Timestamp>),
        entry: &Audit,
    ) -> Result<bool> {
        change!(self, tx => {
            let done = sqlx::query(
                "update notebooks set title = $1, archived_at = $2
                 where id = $3 and title = $4 and coalesce(archived_at, 0) = $5",
            )
            .bind(new.0)
            .bind(new.1.map(|at| at.0))
            .bind(notebook.as_str())
            .bind(was.0)
            .bind(was.1.map_or(0, |at| at.0))
            .execute(&mut *tx)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(false);
            }
            audit!(tx, entry);
        });
        Ok(true)
    }

    /// `false`: there is no such notebook.
    pub async fn choose_kernel(&self, notebook: &NotebookId, kernel: &str) -> Result<bool> {
        Ok(change!(self, tx => {
            sqlx::query("update notebooks set kernel = $1 where id = $2")
                .bind(kernel)
                .bind(notebook.as_str())
                .execute(&mut *tx)
                .await?
                .rows_affected()
        }) > 0)
    }

    /// Remembers that an output of this notebook refers to a blob.
    pub async fn add_blob(
        &self,
        notebook: &NotebookId,
        blob: &BlobFacts,
        at: Timestamp,
    ) -> Result<()> {
        change!(self, tx => {
            insert_blob!(tx, notebook.as_str(), blob, at.0);
        });
        Ok(())
    }

    /// Media type and size of an output's blob, if an output of this notebook refers to it.
    pub async fn output_blob(
        &self,
        notebook: &NotebookId,
        hash: &str,
    ) -> Result<Option<(String, i64)>> {
        Ok(on!(self, pool => {
            sqlx::query_as(
                "select media_type, bytes from notebook_blobs where notebook_id = $1 and hash = $2 and purpose = 'output'",
            )
            .bind(notebook.as_str())
            .bind(hash)
            .fetch_optional(pool)
            .await?
        }))
    }
}

fn notebook_facts(
    (
        id,
        space,
        title,
        created_at,
        edited_at,
        edited_by,
        editor,
        archived_at,
        space_archived,
        original,
        role,
    ): NotebookRow,
) -> Result<NotebookFacts> {
    Ok(NotebookFacts {
        id: stored(id)?,
        space: stored(space)?,
        title,
        created_at: Timestamp(created_at),
        edited_at: Timestamp(edited_at),
        edited_by,
        editor: stored(editor)?,
        archived_at: archived_at.map(Timestamp),
        space_archived,
        original,
        role: role.map(stored).transpose()?,
    })
}
