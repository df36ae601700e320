//! Notebooks: begin, import, read, export.

mod covers;
mod search;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use datalayer::{
    Cover, Error, Exported, Format, KernelActivity, NewNotebook, Notebook, NotebookChange,
    NotebookId, NotebookView, Notebooks, Noun, OpenNotebook, Outputs, Page, PageRequest, Reader,
    Result, RunLedger, RunningCell, RunningNotebook, SpaceId, Timestamp, UserId,
};
use db::{BlobFacts, NewNotebookFacts, NotebookFacts};
use iam::policy::Action;
use iam::{clean_line, clean_name};
use notebook::formats::{self, ImportError, Notice};
use notebook::runs::RunState;
use notebook::{Cell, CellId, CellKind, Map, NotebookDoc, Order, Snapshot};
use serde_json::json;

use crate::House;
use crate::accounts::cut;
use crate::blobs::refusal;
use crate::ledger::unwritable;
use crate::visit::{Visit, bad_page, cursor, notebook_state};
use search::Sought;

const TITLE: usize = 200;
/// How many open notebooks are told at most.
const OPEN: i64 = 100;
/// How many with a kernel that is up.
const RUNNING: usize = 20;
/// Largest file an import reads.
const FILE: usize = 100 * 1024 * 1024;
/// Text of runs beyond what their log keeps that a file takes in, all in all. With what else may be in a notebook it can
/// still be imported again.
const WHOLE: u64 = 32 * 1024 * 1024;
const IPYNB: &str = "application/x-ipynb+json";

#[async_trait]
impl Notebooks for Visit {
    async fn list_notebooks(
        &self,
        space: &SpaceId,
        archived: bool,
        page: PageRequest,
    ) -> Result<Page<Notebook>> {
        let me = self.me()?;
        self.space(space, Action::ReadSpace).await?;
        let before = page.before.as_deref().map(cursor).transpose()?;
        let before = match before {
            Some((at, id)) => Some((at.parse::<i64>().map_err(|_| bad_page())?, id)),
            None => None,
        };
        let limit = page.clamped();
        let mut facts = self
            .house
            .0
            .db
            .notebooks_in(&me.id, space, archived, before, limit + 1)
            .await?;
        let next = cut(&mut facts, limit).map(|last| format!("{}~{}", last.edited_at.0, last.id));
        Ok(Page {
            items: facts.into_iter().map(|facts| self.seen(facts)).collect(),
            next,
        })
    }

    async fn recent_notebooks(&self, limit: u32) -> Result<Vec<Notebook>> {
        let me = self.me()?;
        let facts = self
            .house
            .0
            .db
            .recent_notebooks(&me.id, i64::from(limit.clamp(1, 200)))
            .await?;
        Ok(facts.into_iter().map(|facts| self.seen(facts)).collect())
    }

    async fn find_notebooks(&self, words: &str, limit: u32) -> Result<Vec<Notebook>> {
        let me = self.me()?;
        let sought = Sought::new(words);
        let limit = limit.clamp(1, 200);
        // Where a pattern says less than the word, more may be found than is wanted.
        let most = if sought.is_exact { limit } else { 1_000 };
        let facts = self
            .house
            .0
            .db
            .notebooks_like(&me.id, &sought.patterns, i64::from(most))
            .await?;
        let mut found = facts;
        found.retain(|facts| sought.is_in(&facts.title));
        found.truncate(limit as usize);
        Ok(found.into_iter().map(|facts| self.seen(facts)).collect())
    }

    async fn open_notebooks(&self) -> Result<Vec<OpenNotebook>> {
        let me = self.me()?;
        let Some(live) = self.house.live() else {
            return Ok(Vec::new());
        };
        let rooms = live.open();
        if rooms.is_empty() {
            return Ok(Vec::new());
        }
        let facts = self
            .house
            .0
            .db
            .notebooks_among(&me.id, &rooms, OPEN)
            .await?;
        let mut open = Vec::with_capacity(facts.len());
        for facts in facts {
            let mut people: Vec<Reader> = Vec::new();
            for seat in live.present(&facts.id).await {
                if let Ok(user) = seat.user.parse::<UserId>()
                    && people.iter().all(|reader| reader.user != user)
                {
                    people.push(Reader {
                        user,
                        name: seat.name,
                    });
                }
            }
            if !people.is_empty() {
                open.push(OpenNotebook {
                    notebook: self.seen(facts),
                    people,
                });
            }
        }
        Ok(open)
    }

    async fn running_notebooks(&self) -> Result<Vec<RunningNotebook>> {
        let me = self.me()?;
        let kernels = self.house.live().map(|live| live.kernels());
        let mut kernels = kernels.unwrap_or_default();
        if kernels.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<NotebookId> = kernels.iter().map(|up| up.notebook.clone()).collect();
        let visible = self.house.0.db.notebooks_among(&me.id, &ids, OPEN).await?;
        let mut visible: BTreeMap<NotebookId, NotebookFacts> = visible
            .into_iter()
            .map(|facts| (facts.id.clone(), facts))
            .collect();
        kernels.retain(|up| visible.contains_key(&up.notebook));
        kernels.sort_by_key(|up| up.activity);
        kernels.truncate(RUNNING);
        let mut running = Vec::with_capacity(kernels.len());
        for up in kernels {
            let Some(facts) = visible.remove(&up.notebook) else {
                continue;
            };
            let cell = match up.activity {
                KernelActivity::Busy => self.house.cell_that_runs(&up.notebook).await?,
                KernelActivity::Starting | KernelActivity::Idle => None,
            };
            running.push(RunningNotebook {
                notebook: self.seen(facts),
                kernel: up.activity,
                cell,
                queued: up.queued,
                memory: up.memory,
            });
        }
        running.sort_by_key(|now| {
            let since = now.cell.as_ref().map_or(i64::MAX, |cell| cell.started_at.0);
            (now.kernel, since)
        });
        Ok(running)
    }

    async fn create_notebook(&self, space: &SpaceId, notebook: NewNotebook) -> Result<Notebook> {
        let me = self.me()?;
        self.space(space, Action::CreateNotebook).await?;
        let title = clean_name(&notebook.title, "title", "a notebook's title", TITLE)?;
        let document = document(&self.house, &[(CellKind::Code, "")])?;
        let facts = self.house.new_notebook(space, &me.id, title, &document)?;
        let entry = self.house.audit(
            me.id.as_str(),
            "notebook.created",
            facts.id.as_str(),
            &*facts.title,
        )?;
        self.house.0.db.add_notebook(&facts, &entry).await?;
        self.read_notebook(&facts.id).await
    }

    async fn import_notebook(
        &self,
        space: &SpaceId,
        file_name: &str,
        bytes: Bytes,
    ) -> Result<(Notebook, Vec<Notice>)> {
        self.begin_from(space, title_of(file_name), bytes, "notebook.imported")
            .await
    }

    async fn duplicate_notebook(&self, notebook: &NotebookId) -> Result<Notebook> {
        let facts = self.notebook(notebook, Action::ReadNotebook).await?;
        self.space(&facts.space, Action::CreateNotebook).await?;
        // Text that a run log left in storage stays there: inline, every reader of the copy would have to load it.
        let (_, bytes) = self.ipynb(notebook, 0).await?;
        let title: String = format!("Copy of {}", facts.title)
            .chars()
            .take(TITLE)
            .collect();
        let (copy, _) = self
            .begin_from(
                &facts.space,
                title.trim_end().to_owned(),
                bytes,
                "notebook.duplicated",
            )
            .await?;
        Ok(copy)
    }

    async fn read_notebook(&self, notebook: &NotebookId) -> Result<Notebook> {
        Ok(self.seen(self.notebook(notebook, Action::ReadNotebook).await?))
    }

    async fn view_notebook(&self, notebook: &NotebookId) -> Result<NotebookView> {
        let facts = self.notebook(notebook, Action::ReadNotebook).await?;
        let snapshot = self.house.snapshot_now(notebook).await?;
        let runs = RunLedger::load(&self.house, notebook).await?;
        Ok(NotebookView {
            notebook: self.seen(facts),
            snapshot,
            runs,
            later: BTreeMap::new(),
        })
    }

    async fn open_notebook(&self, notebook: &NotebookId, outputs: u64) -> Result<NotebookView> {
        let facts = self.notebook(notebook, Action::ReadNotebook).await?;
        let snapshot = self.house.snapshot_now(notebook).await?;
        let runs = self.house.runs_now(notebook).await?;
        let cells = snapshot.document.cells();
        let (runs, later) = runs.part(cells.iter().map(|(id, _)| *id), outputs, outputs / 4);
        Ok(NotebookView {
            notebook: self.seen(facts),
            snapshot,
            runs,
            later,
        })
    }

    async fn read_outputs(&self, notebook: &NotebookId, cells: &[CellId]) -> Result<Outputs> {
        self.notebook(notebook, Action::ReadNotebook).await?;
        let runs = self.house.runs_now(notebook).await?;
        let found = |id: &CellId| Some((id.clone(), runs.cells.get(id)?.clone()));
        Ok(Outputs {
            sequence: runs.sequence,
            cells: cells.iter().filter_map(found).collect(),
        })
    }

    async fn notebook_cover(&self, notebook: &NotebookId) -> Result<Cover> {
        self.notebook(notebook, Action::ReadNotebook).await?;
        let snapshot = self.house.snapshot_now(notebook).await?;
        let runs = self.house.runs_now(notebook).await?;
        Ok(covers::cover(&snapshot.document, &runs))
    }

    async fn change_notebook(
        &self,
        notebook: &NotebookId,
        change: NotebookChange,
    ) -> Result<Notebook> {
        self.change(notebook, change, None).await
    }

    async fn change_notebook_if(
        &self,
        notebook: &NotebookId,
        change: NotebookChange,
        versions: &[String],
    ) -> Result<Notebook> {
        self.change(notebook, change, Some(versions)).await
    }

    async fn export_notebook(&self, notebook: &NotebookId, format: Format) -> Result<Exported> {
        let facts = self.notebook(notebook, Action::ReadNotebook).await?;
        let (extension, media_type, version, bytes) = match format {
            Format::Original => {
                let original = facts
                    .original
                    .as_deref()
                    .ok_or(Error::not_found(Noun::Blob))?;
                let bytes = self.house.0.blobs.read(original).await.map_err(refusal)?;
                ("ipynb", IPYNB, original.to_owned(), bytes)
            }
            Format::Ipynb => {
                let (version, bytes) = self.ipynb(notebook, WHOLE).await?;
                ("ipynb", IPYNB, version, bytes)
            }
            Format::Percent => {
                let (revision, text) = self.written(notebook, formats::to_percent).await?;
                let media_type = "text/x-python; charset=utf-8";
                ("py", media_type, format!("r{revision}.py"), text.into())
            }
            Format::Markdown => {
                let mut runs = RunLedger::load(&self.house, notebook).await?;
                let sequence = runs.sequence;
                self.house.move_in(&mut runs).await?;
                let (revision, text) = self
                    .written(notebook, move |document| {
                        formats::to_markdown(document, &runs)
                    })
                    .await?;
                let media_type = "text/markdown; charset=utf-8";
                (
                    "md",
                    media_type,
                    format!("r{revision}.{sequence}.md"),
                    text.into(),
                )
            }
        };
        Ok(Exported {
            file_name: format!("{}.{extension}", file_stem(&facts.title)),
            media_type,
            version,
            bytes,
        })
    }

    async fn read_blob(&self, notebook: &NotebookId, hash: &str) -> Result<(String, Bytes)> {
        self.notebook(notebook, Action::ReadNotebook).await?;
        // Nothing but a hash goes to the database.
        if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Error::not_found(Noun::Blob));
        }
        let (media_type, _) = self
            .house
            .0
            .db
            .output_blob(notebook, hash)
            .await?
            .ok_or(Error::not_found(Noun::Blob))?;
        Ok((
            media_type,
            self.house.0.blobs.read(hash).await.map_err(refusal)?,
        ))
    }
}

impl Visit {
    async fn change(
        &self,
        notebook: &NotebookId,
        change: NotebookChange,
        versions: Option<&[String]>,
    ) -> Result<Notebook> {
        let me = self.me()?;
        let restoring = change.archived == Some(false);
        let action = if restoring {
            Action::RestoreNotebook
        } else {
            Action::ChangeNotebook
        };
        let mut facts = self.notebook(notebook, action).await?;
        if let Some(versions) = versions {
            let now = self.seen(facts.clone()).version();
            if !versions.contains(&now) {
                return Err(stale(&now));
            }
        }
        let (was_called, was_archived_at) = (facts.title.clone(), facts.archived_at);
        if restoring && facts.space_archived {
            return Err(Error::conflict(
                "archived",
                "the space of this notebook is archived; restore the space first",
            ));
        }
        let renamed = change.title.is_some();
        if let Some(title) = change.title {
            facts.title = clean_name(&title, "title", "a notebook's title", TITLE)?;
        }
        let was_archived = facts.archived_at.is_some();
        if let Some(archived) = change.archived
            && archived != was_archived
        {
            facts.archived_at = archived.then(|| self.house.now());
        }
        let entry = self.house.audit(
            me.id.as_str(),
            "notebook.changed",
            notebook.as_str(),
            &*facts.title,
        )?;
        let was = (was_called.as_str(), was_archived_at);
        let new = (facts.title.as_str(), facts.archived_at);
        let db = &self.house.0.db;
        if !db.change_notebook(notebook, was, new, &entry).await? {
            // Somebody else changed it between our look and our change: nothing of theirs is written over.
            return Err(stale(&self.read_notebook(notebook).await?.version()));
        }
        if renamed && let Some(live) = self.house.live() {
            live.renamed(notebook, &facts.title).await;
        }
        if was_archived != facts.archived_at.is_some() {
            self.house.announce_rights_in(&facts.space).await?;
        }
        Ok(self.seen(facts))
    }

    fn seen(&self, facts: NotebookFacts) -> Notebook {
        Notebook {
            may: self.offers(facts.role, notebook_state(&facts)),
            id: facts.id,
            space: facts.space,
            title: facts.title,
            created_at: facts.created_at,
            edited_at: facts.edited_at,
            edited_by: facts.edited_by,
            editor: facts.editor,
            archived_at: facts.archived_at,
        }
    }

    /// A notebook from a file's bytes, which are kept as they came.
    async fn begin_from(
        &self,
        space: &SpaceId,
        title: String,
        bytes: Bytes,
        action: &'static str,
    ) -> Result<(Notebook, Vec<Notice>)> {
        let me = self.me()?;
        self.space(space, Action::CreateNotebook).await?;
        if bytes.len() > FILE {
            return Err(Error::too_large(
                "notebook.too_large",
                format!(
                    "the file has {} MiB; at most {} MiB can be imported",
                    bytes.len() >> 20,
                    FILE >> 20
                ),
            ));
        }
        let read = bytes.clone();
        let imported = tokio::task::spawn_blocking(move || formats::import(&read))
            .await
            .map_err(|error| db::Error::Broken(format!("an import: {error}")))?;
        let mut imported = imported.map_err(not_a_notebook)?;
        // The log of runs begins behind what the file brought.
        imported.runs.sequence = 0;
        let mut blobs = self.house.move_out(&mut imported.runs).await?;
        let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let original = self.house.0.blobs.keep(bytes).await.map_err(refusal)?;
        blobs.push(BlobFacts {
            hash: original.clone(),
            purpose: "original",
            media_type: IPYNB.into(),
            bytes: length,
        });
        let fresh = self
            .house
            .new_notebook(space, &me.id, title, &imported.document)?;
        let facts = NewNotebookFacts {
            kernel: kernel_of(&imported.document),
            original: Some(original),
            fold: serde_json::to_string(&imported.runs).map_err(unwritable)?,
            blobs,
            ..fresh
        };
        let entry = self
            .house
            .audit(me.id.as_str(), action, facts.id.as_str(), &*facts.title)?;
        self.house.0.db.add_notebook(&facts, &entry).await?;
        Ok((self.read_notebook(&facts.id).await?, imported.notices))
    }

    /// The notebook as a file, and its version. Of text that a run log left in storage, at most so many bytes are in it.
    async fn ipynb(&self, notebook: &NotebookId, whole: u64) -> Result<(String, Bytes)> {
        let mut runs = RunLedger::load(&self.house, notebook).await?;
        let sequence = runs.sequence;
        self.house.move_in(&mut runs).await?;
        self.house.put_back(notebook, &mut runs, whole).await?;
        let (revision, text) = self
            .written(notebook, move |document| formats::export(document, &runs))
            .await?;
        Ok((format!("r{revision}.{sequence}"), text.into()))
    }

    /// The document as it is now, written in a format, and its revision; off the async threads: it can be large.
    async fn written(
        &self,
        notebook: &NotebookId,
        write: impl FnOnce(&NotebookDoc) -> String + Send + 'static,
    ) -> Result<(u64, String)> {
        let snapshot = self.house.snapshot_now(notebook).await?;
        let written = move || (snapshot.revision, write(&snapshot.document));
        let text = tokio::task::spawn_blocking(written).await;
        text.map_err(|error| db::Error::Broken(format!("an export of {notebook}: {error}")).into())
    }
}

impl House {
    /// The cell that runs now, by the log of runs; `None` between two cells.
    async fn cell_that_runs(&self, notebook: &NotebookId) -> Result<Option<RunningCell>> {
        let runs = self.runs_now(notebook).await?;
        let running = runs
            .cells
            .iter()
            .find(|(_, run)| run.state == Some(RunState::Running));
        let Some((id, run)) = running else {
            return Ok(None);
        };
        let snapshot = self.snapshot_now(notebook).await?;
        let cells = snapshot.document.cells();
        let place = cells.iter().position(|(cell, _)| *cell == id);
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let user = run.by.as_deref().and_then(|by| by.parse().ok());
        Ok(Some(RunningCell {
            place: place.map_or(0, |place| count(place + 1)),
            of: count(cells.len()),
            started_at: Timestamp(run.started_at.unwrap_or_default()),
            by: user.map(|user| Reader {
                user,
                name: run.name.clone().unwrap_or_default(),
            }),
        }))
    }

    /// The document as people in its room see it, or as the log has it.
    async fn snapshot_now(&self, notebook: &NotebookId) -> Result<Snapshot> {
        if let Some(live) = self.live()
            && let Some(snapshot) = live.snapshot(notebook).await
        {
            return Ok(snapshot);
        }
        self.replay(notebook).await
    }

    /// A notebook that is not kept yet.
    pub(crate) fn new_notebook(
        &self,
        space: &SpaceId,
        by: &UserId,
        title: String,
        document: &NotebookDoc,
    ) -> Result<NewNotebookFacts> {
        let (milliseconds, bits) = self.id_parts()?;
        let at: Timestamp = self.now();
        Ok(NewNotebookFacts {
            id: NotebookId::from_parts(milliseconds, bits),
            space: space.clone(),
            title,
            kernel: String::new(),
            at,
            by: by.clone(),
            original: None,
            document: serde_json::to_string(document).map_err(unwritable)?,
            fold: String::new(),
            blobs: Vec::new(),
        })
    }
}

fn stale(now: &str) -> Error {
    Error::stale(
        "notebook.changed",
        format!(
            "this notebook was changed since you read it; read it again, then send your change with If-Match: \"{now}\""
        ),
    )
}

/// A Python notebook of these cells.
pub(crate) fn document(house: &House, cells: &[(CellKind, &str)]) -> Result<NotebookDoc> {
    let mut document = NotebookDoc::default();
    document.metadata.insert(
        "kernelspec".into(),
        json!({ "display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3" }),
    );
    document
        .metadata
        .insert("language_info".into(), json!({ "name": "python" }));
    let mut last: Option<Order> = None;
    for (kind, source) in cells {
        let order = Order::between(last.as_ref(), None);
        let (_, bits) = house.id_parts()?;
        let id =
            CellId::from_random(u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default());
        let cell = Cell {
            kind: *kind,
            source: (*source).to_owned(),
            order: order.clone(),
            metadata: Map::new(),
            attachments: Map::new(),
            extra: Map::new(),
            deleted: false,
        };
        document.put_cell(id, cell);
        last = Some(order);
    }
    Ok(document)
}

/// The kernelspec an imported file names, if it can be one.
fn kernel_of(document: &NotebookDoc) -> String {
    let name = document
        .metadata
        .get("kernelspec")
        .and_then(|spec| spec.get("name"))
        .and_then(|name| name.as_str());
    name.filter(|name| name.len() <= 200 && clean_line(name) == *name)
        .unwrap_or("")
        .to_owned()
}

/// A title from a file's name, whatever that is.
fn title_of(file_name: &str) -> String {
    let name: String = file_name.chars().take(4 * TITLE).collect();
    let name = name.rsplit(['/', '\\']).next().unwrap_or("");
    let stem = match name
        .len()
        .checked_sub(".ipynb".len())
        .and_then(|at| name.split_at_checked(at))
    {
        Some((stem, extension)) if extension.eq_ignore_ascii_case(".ipynb") => stem,
        _ => name,
    };
    let title: String = clean_line(stem).chars().take(TITLE).collect();
    let title = title.trim_end();
    if title.is_empty() {
        "Untitled".to_owned()
    } else {
        title.to_owned()
    }
}

/// A file's name from a title: nothing a file system or a header would stumble over.
fn file_stem(title: &str) -> String {
    let stem: String = title
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|') {
                '_'
            } else {
                c
            }
        })
        .take(120)
        .collect();
    let stem = stem.trim_matches(|c: char| c == '.' || c.is_whitespace());
    if stem.is_empty() {
        "notebook".to_owned()
    } else {
        stem.to_owned()
    }
}

fn not_a_notebook(error: ImportError) -> Error {
    let reason = error.to_string();
    match error {
        ImportError::NotJson(_) => Error::invalid("file", "notebook.not_json", reason),
        ImportError::Version(_) => Error::invalid("file", "notebook.version", reason),
        ImportError::Shape(_) => Error::invalid("file", "notebook.shape", reason),
        ImportError::TooLarge(_) => Error::too_large("notebook.too_large", reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_files_name_without_its_folders_and_ending() {
        for (file, title) in [
            ("Sales 2026.ipynb", "Sales 2026"),
            ("/home/ada/x.IPYNB", "x"),
            ("C:\\work\\plan.ipynb", "plan"),
            ("..", ".."),
            (".ipynb", "Untitled"),
            ("", "Untitled"),
            ("\u{202e}evil\0.ipynb", "evil"),
            ("caf\u{e9}", "caf\u{e9}"),
        ] {
            assert_eq!(title_of(file), title, "{file:?}");
        }
        assert_eq!(title_of(&"x".repeat(5000)).chars().count(), TITLE);
    }

    #[test]
    fn a_file_name_has_nothing_a_file_system_or_header_stumbles_over() {
        assert_eq!(file_stem("a/b\\c: \"d\""), "a_b_c_ _d_");
        assert_eq!(file_stem(".."), "notebook");
        assert_eq!(file_stem(" .hidden. "), "hidden");
    }
}
