//! Frames: what goes over a wire, serialised once however many tabs read it.
//!
//! The structs borrow what they send and have the shape of [`notebook::wire::ToClient`]; a test holds them together.

use bytes::Bytes;
use datalayer::{LogEntry, NotebookId};
use notebook::presence::Present;
use notebook::runs::{RunEvent, Runs};
use notebook::wire::{Hear, KernelView, May};
use notebook::{Accepted, ClientId, NotebookDoc, Operation, Refused};
use serde::Serialize;
use serde_json::value::RawValue;

/// Any message; for the rare and the small ones.
pub(crate) fn frame(notebook: &NotebookId, hear: &Hear) -> Bytes {
    #[derive(Serialize)]
    struct Frame<'a> {
        notebook: &'a str,
        #[serde(flatten)]
        hear: &'a Hear,
    }
    bytes(&Frame {
        notebook: notebook.as_str(),
        hear,
    })
}

pub(crate) fn sorry(notebook: &NotebookId, code: &str, message: &str) -> Bytes {
    frame(
        notebook,
        &Hear::Sorry {
            code: code.to_owned(),
            message: message.to_owned(),
        },
    )
}

pub(crate) fn ack(notebook: &NotebookId, sequence: u64, revision: u64) -> Bytes {
    #[derive(Serialize)]
    struct Frame<'a> {
        notebook: &'a str,
        hear: &'static str,
        sequence: u64,
        revision: u64,
    }
    bytes(&Frame {
        notebook: notebook.as_str(),
        hear: "ack",
        sequence,
        revision,
    })
}

pub(crate) fn batch(notebook: &NotebookId, entry: &LogEntry) -> Bytes {
    #[derive(Serialize)]
    struct Frame<'a> {
        notebook: &'a str,
        hear: &'static str,
        revision: u64,
        client: &'a ClientId,
        sequence: u64,
        operations: &'a [Operation],
        author: &'a str,
        at: i64,
    }
    let Accepted {
        revision,
        client,
        sequence,
        operations,
    } = &entry.batch;
    bytes(&Frame {
        notebook: notebook.as_str(),
        hear: "batch",
        revision: *revision,
        client,
        sequence: *sequence,
        operations,
        author: entry.author.as_str(),
        at: entry.at.0,
    })
}

pub(crate) fn run(notebook: &NotebookId, event: &RunEvent) -> Bytes {
    #[derive(Serialize)]
    struct Frame<'a> {
        notebook: &'a str,
        hear: &'static str,
        event: &'a RunEvent,
    }
    bytes(&Frame {
        notebook: notebook.as_str(),
        hear: "run",
        event,
    })
}

/// A document at a revision, serialised already: many who join at once share the work.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct At<'a> {
    pub(crate) revision: u64,
    pub(crate) document: &'a RawValue,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State<'a> {
    Snapshot(At<'a>),
    Since(Vec<Accepted>),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunsSince<'a> {
    Snapshot(&'a RawValue),
    Since(&'a [RunEvent]),
}

#[derive(Serialize)]
pub(crate) struct Joined<'a> {
    pub(crate) notebook: &'a str,
    pub(crate) hear: &'static str,
    pub(crate) seat: u32,
    pub(crate) title: &'a str,
    pub(crate) may: May,
    pub(crate) state: State<'a>,
    pub(crate) received: u64,
    pub(crate) runs: RunsSince<'a>,
    pub(crate) people: &'a [Present],
    pub(crate) kernel: &'a KernelView,
    pub(crate) now: i64,
}

impl Joined<'_> {
    pub(crate) fn frame(&self) -> Bytes {
        bytes(self)
    }
}

pub(crate) fn refused(
    notebook: &NotebookId,
    sequence: u64,
    why: &Refused,
    resync: Option<At<'_>>,
) -> Bytes {
    #[derive(Serialize)]
    struct Frame<'a> {
        notebook: &'a str,
        hear: &'static str,
        sequence: u64,
        why: &'a Refused,
        #[serde(skip_serializing_if = "Option::is_none")]
        resync: Option<At<'a>>,
    }
    bytes(&Frame {
        notebook: notebook.as_str(),
        hear: "refused",
        sequence,
        why,
        resync,
    })
}

pub(crate) fn document(document: &NotebookDoc) -> Box<RawValue> {
    raw(document)
}

pub(crate) fn runs(runs: &Runs) -> Box<RawValue> {
    raw(runs)
}

fn raw<T: Serialize>(value: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_else(|error| {
        tracing::error!(%error, "a value could not be serialised");
        RawValue::NULL.to_owned()
    })
}

/// Our own types have text keys and finite numbers: they cannot fail to serialise. Should one, its frame is empty, which
/// a tab refuses, and the log says so.
fn bytes<T: Serialize>(value: &T) -> Bytes {
    match serde_json::to_vec(value) {
        Ok(frame) => Bytes::from(frame),
        Err(error) => {
            tracing::error!(%error, "a frame could not be serialised");
            Bytes::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use datalayer::{Timestamp, UserId};
    use notebook::wire::{self, JoinedState, RunsState, ToClient};
    use notebook::{CellId, Snapshot};

    use super::*;

    fn notebook() -> NotebookId {
        NotebookId::from_parts(1, 1)
    }

    fn read(frame: &Bytes) -> ToClient {
        serde_json::from_slice(frame).unwrap()
    }

    #[test]
    fn every_frame_written_by_hand_reads_as_the_message_it_stands_for() {
        let id = notebook().to_string();
        let client = ClientId::new("c").unwrap();
        let operations = vec![Operation::DeleteCell {
            cell: CellId::new("a").unwrap(),
        }];
        let accepted = Accepted {
            revision: 7,
            client,
            sequence: 3,
            operations,
        };
        let author = UserId::from_parts(1, 2);
        let entry = LogEntry {
            batch: accepted.clone(),
            author: author.clone(),
            author_name: "Ada".into(),
            at: Timestamp(5),
        };
        let said = |hear| ToClient {
            notebook: id.clone(),
            hear,
        };
        assert_eq!(
            read(&ack(&notebook(), 3, 7)),
            said(Hear::Ack {
                sequence: 3,
                revision: 7
            })
        );
        assert_eq!(
            read(&batch(&notebook(), &entry)),
            said(Hear::Batch {
                batch: accepted.clone(),
                author: author.to_string(),
                at: 5
            })
        );
        let doc = document(&NotebookDoc::default());
        let at = At {
            revision: 7,
            document: &doc,
        };
        let snapshot = Snapshot {
            revision: 7,
            document: NotebookDoc::default(),
        };
        assert_eq!(
            read(&refused(&notebook(), 3, &Refused::Gap, Some(at))),
            said(Hear::Refused {
                sequence: 3,
                why: Refused::Gap,
                resync: Some(snapshot.clone())
            })
        );
        let folded = runs(&Runs::default());
        let joined = |state, runs| {
            Joined {
                notebook: &id,
                hear: "joined",
                seat: 1,
                title: "T",
                may: May::default(),
                state,
                received: 2,
                runs,
                people: &[],
                kernel: &KernelView::default(),
                now: 9,
            }
            .frame()
        };
        let expected = |state, runs| {
            said(Hear::Joined(Box::new(wire::Joined {
                seat: 1,
                title: "T".into(),
                may: May::default(),
                state,
                received: 2,
                runs,
                people: Vec::new(),
                kernel: KernelView::default(),
                now: 9,
            })))
        };
        assert_eq!(
            read(&joined(State::Snapshot(at), RunsSince::Snapshot(&folded))),
            expected(
                JoinedState::Snapshot(snapshot),
                RunsState::Snapshot(Runs::default())
            )
        );
        assert_eq!(
            read(&joined(
                State::Since(vec![accepted.clone()]),
                RunsSince::Since(&[])
            )),
            expected(
                JoinedState::Since(vec![accepted]),
                RunsState::Since(Vec::new())
            )
        );
    }
}
