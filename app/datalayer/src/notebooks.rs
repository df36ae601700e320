//! Notebooks: documents of a space; their content is edited live, through a room.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use notebook::formats::Notice;
use notebook::runs::{CellRun, Runs};
use notebook::wire::May;
use notebook::{CellId, Map, Snapshot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::roles::may_schema;
use crate::{NotebookId, Page, PageRequest, Result, SpaceId, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notebook {
    pub id: NotebookId,
    pub space: SpaceId,
    /// 1 to 200 characters.
    pub title: String,
    pub created_at: Timestamp,
    /// Of the last accepted batch.
    pub edited_at: Timestamp,
    /// Who made that edit, as others see them.
    pub edited_by: String,
    /// The same person by their id.
    pub editor: UserId,
    pub archived_at: Option<Timestamp>,
    #[schema(schema_with = may_schema)]
    pub may: May,
}

impl Notebook {
    /// Changes whenever what [`Notebooks::change_notebook`] changes does; edits of the content leave it as it is.
    pub fn version(&self) -> String {
        // FNV-1a: it tells one state from another, it keeps no secret.
        let words = format!("{:?} {:?} {}", self.archived_at, self.space, self.title);
        let sum = words.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("m{sum:016x}")
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNotebook {
    pub title: String,
}

/// `None` leaves a field as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotebookChange {
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub archived: Option<bool>,
}

/// A notebook to read: what the server draws before any script runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotebookView {
    pub notebook: Notebook,
    /// The document and its revision, as in `docs/live.md`.
    #[schema(value_type = Object)]
    pub snapshot: Snapshot,
    /// The latest run of each cell, as in `docs/live.md`.
    #[schema(value_type = Object)]
    pub runs: Runs,
    /// Cells whose outputs are not among `runs`, with the bytes of them: ask for them with `read_outputs`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, u64>)]
    pub later: BTreeMap<CellId, u64>,
}

/// The latest runs of some cells, with all their outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Of the last event in them.
    pub sequence: u64,
    pub cells: BTreeMap<CellId, CellRun>,
}

/// A notebook that people have open now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenNotebook {
    pub notebook: Notebook,
    /// Each once, however many tabs they have; you among them. Who came first stands first.
    pub people: Vec<Reader>,
}

/// Someone who has a notebook open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Reader {
    pub user: UserId,
    /// As others see them.
    pub name: String,
}

/// A notebook whose kernel is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunningNotebook {
    pub notebook: Notebook,
    pub kernel: KernelActivity,
    /// The cell that runs now, where one does.
    pub cell: Option<RunningCell>,
    /// Cells waiting behind it.
    pub queued: u32,
    /// Resident memory of the kernel in bytes; 0 where unknown.
    pub memory: u64,
}

/// What a kernel that is up does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KernelActivity {
    Busy,
    /// Also while it starts anew.
    Starting,
    Idle,
}

/// A cell that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunningCell {
    /// Its place in the notebook, from 1; 0 when it was deleted meanwhile.
    pub place: u32,
    /// How many cells the notebook has.
    pub of: u32,
    pub started_at: Timestamp,
    /// Who asked for the run.
    pub by: Option<Reader>,
}

/// What a notebook shows of itself on a card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Cover {
    /// Its last picture: one MIME type with its value, as in `docs/live.md`.
    Picture {
        #[schema(value_type = Object)]
        data: Map,
    },
    /// Its first lines, where it has no picture; none where it is empty.
    Lines { lines: Vec<String> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Ipynb,
    Percent,
    Markdown,
    /// The bytes as they were imported.
    Original,
}

#[derive(Clone, Debug)]
pub struct Exported {
    pub file_name: String,
    pub media_type: &'static str,
    /// Another content has another version.
    pub version: String,
    pub bytes: Bytes,
}

#[async_trait]
pub trait Notebooks: Send + Sync {
    /// The notebooks of a space, latest edit first.
    async fn list_notebooks(
        &self,
        space: &SpaceId,
        archived: bool,
        page: PageRequest,
    ) -> Result<Page<Notebook>>;
    /// Your notebooks of all spaces, latest edit first.
    async fn recent_notebooks(&self, limit: u32) -> Result<Vec<Notebook>>;
    /// Your notebooks of all spaces whose title has each of these words in it, in capitals or not, latest edit first.
    async fn find_notebooks(&self, words: &str, limit: u32) -> Result<Vec<Notebook>>;
    /// Your notebooks of all spaces that somebody has open now, latest edit first; at most 100.
    async fn open_notebooks(&self) -> Result<Vec<OpenNotebook>>;
    /// Your notebooks of all spaces whose kernel is up: those that run a cell first, the longest run before the others; at most
    /// 20.
    async fn running_notebooks(&self) -> Result<Vec<RunningNotebook>>;
    /// An empty notebook with one code cell. Editors.
    async fn create_notebook(&self, space: &SpaceId, notebook: NewNotebook) -> Result<Notebook>;
    /// From an `.ipynb` file; the bytes are kept as they came. Returns what was repaired.
    async fn import_notebook(
        &self,
        space: &SpaceId,
        file_name: &str,
        bytes: Bytes,
    ) -> Result<(Notebook, Vec<Notice>)>;
    /// A second notebook beside the first, with its cells and latest outputs, titled `Copy of …`. Editors.
    async fn duplicate_notebook(&self, notebook: &NotebookId) -> Result<Notebook>;
    async fn read_notebook(&self, notebook: &NotebookId) -> Result<Notebook>;
    /// The document and its runs as they are now (live, when its room is open).
    async fn view_notebook(&self, notebook: &NotebookId) -> Result<NotebookView>;
    /// As `view_notebook`, with the outputs of the first cells only: at most `outputs` bytes of them, and a quarter of that of one
    /// cell.
    async fn open_notebook(&self, notebook: &NotebookId, outputs: u64) -> Result<NotebookView>;
    /// The outputs of some cells; of a cell that has none, or is none, nothing.
    async fn read_outputs(&self, notebook: &NotebookId, cells: &[CellId]) -> Result<Outputs>;
    /// What a card of the notebook shows.
    async fn notebook_cover(&self, notebook: &NotebookId) -> Result<Cover>;
    async fn change_notebook(
        &self,
        notebook: &NotebookId,
        change: NotebookChange,
    ) -> Result<Notebook>;
    /// The same, but only while its [`Notebook::version`] is one of these; else [`crate::Error::Stale`].
    async fn change_notebook_if(
        &self,
        notebook: &NotebookId,
        change: NotebookChange,
        versions: &[String],
    ) -> Result<Notebook>;
    async fn export_notebook(&self, notebook: &NotebookId, format: Format) -> Result<Exported>;
    /// An output's bytes by content hash, if an output of this notebook refers to it. Returns its media type.
    async fn read_blob(&self, notebook: &NotebookId, hash: &str) -> Result<(String, Bytes)>;
}
