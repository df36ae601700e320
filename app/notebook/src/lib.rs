//! The document engine: a notebook as server-ordered operations, pure and without I/O.
//!
//! The same code sequences on the server ([`Sequencer`]) and edits in the browser ([`Client`]). Texts are counted in
//! UTF-16 code units, as editors count. Outputs are not part of the document: they belong to [`runs`].

mod cell;
mod changes;
mod client;
mod delta;
mod document;
pub mod formats;
mod operation;
mod order;
pub mod presence;
pub mod runs;
mod sequencer;
pub mod wire;

pub use cell::{Cell, CellId, CellKind};
pub use client::{Change, Client, ClientId, Saved};
pub use delta::{Delta, Step, utf16_len};
pub use document::{NotebookDoc, Snapshot};
pub use operation::{Operation, Refused, line_feeds, transform};
pub use order::Order;
pub use sequencer::{Accepted, Rights, Sequencer, Submission};

/// JSON object, in the order it was written.
pub type Map = serde_json::Map<String, serde_json::Value>;

/// Limits every document keeps; a batch that would break one is refused whole.
pub mod limits {
    /// Source text of a document, UTF-8 bytes.
    pub const DOCUMENT_BYTES: usize = 20 * 1024 * 1024;
    /// An imported file, bytes.
    pub const FILE_BYTES: usize = 128 * 1024 * 1024;
    /// Operations in one batch.
    pub const BATCH_OPERATIONS: usize = 10_000;
    /// Serialized size of one batch in bytes.
    pub const BATCH_BYTES: usize = 1024 * 1024;
    /// About how large a batch of a [`super::Client`] becomes; more goes out in several, one after another.
    pub const PIECE_BYTES: usize = 128 * 1024;
    /// What a [`super::Client`] sends in one operation beside text, which it cuts: browsers may send a message as one frame.
    pub const VALUE_BYTES: usize = 192 * 1024;
    /// Nesting of metadata.
    pub const METADATA_DEPTH: usize = 32;
    /// Serialized size of one metadata value in bytes.
    pub const METADATA_BYTES: usize = 64 * 1024;
    /// Length of an order key in bytes.
    pub const ORDER_BYTES: usize = 256;
    /// Cells in a document, deleted ones included.
    pub const CELLS: usize = 50_000;
}
