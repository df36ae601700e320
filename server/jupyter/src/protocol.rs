//! What a studio and its supervisors say to each other, and what a supervisor writes down about its kernel.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use bytes::{Buf, BytesMut};
use notebook::CellId;
use notebook::runs::RunState;
use notebook::wire::KernelState;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Everything a supervisor needs to know, in one JSON file that only its owner can read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SupervisorArgs {
    /// The supervisor's own id.
    pub id: String,
    pub notebook: String,
    /// Kernelspec: its name, title and language.
    pub kernel: String,
    pub title: String,
    pub language: String,
    /// Where the spool lies.
    pub directory: PathBuf,
    /// Where sockets lie: a short path, or the kernel could not bind there.
    pub sockets: PathBuf,
    /// `{connection_file}` stands for the connection file.
    pub argv: Vec<String>,
    /// The kernel's whole environment.
    pub environment: BTreeMap<String, String>,
    /// Where the kernel works.
    pub workspace: PathBuf,
    pub transport: Transport,
    pub interrupt: Interrupt,
    /// A kernel that did nothing for so long, with nobody looking on, is shut down.
    pub cull_seconds: Option<u64>,
    /// A kernel that does not answer for so long after its start has failed.
    pub start_seconds: u64,
    pub limits: Limits,
}

impl SupervisorArgs {
    /// The socket the studio talks to.
    pub fn socket(&self) -> PathBuf {
        self.sockets.join("s")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    Ipc,
    Tcp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interrupt {
    Signal,
    Message,
}

/// What a kernel may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Resident memory of the kernel and all it started, in bytes. Over it, the kernel is killed.
    pub memory: Option<u64>,
    /// Seconds a cell may run. Over it, it is interrupted.
    pub cell_seconds: Option<u64>,
    /// Text bytes one run may print; the rest is dropped and counted.
    pub output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: None,
            cell_seconds: None,
            output: 1024 * 1024 * 1024,
        }
    }
}

/// A cell to execute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub run: String,
    pub cell: CellId,
    pub source: String,
    #[serde(default)]
    pub asked: Asked,
}

/// What the run log says of a run that was asked for. It goes with the run, so that a studio that died before it had
/// written this down is made up for by the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub at: i64,
    pub by: String,
    pub name: String,
    pub source_hash: String,
}

/// An entry of the spool by the supervisor itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    Started {
        run: String,
        cell: CellId,
        #[serde(default)]
        asked: Asked,
    },
    Ended {
        run: String,
        cell: CellId,
        state: RunState,
        why: Option<String>,
    },
    /// Someone gave the line that was asked for; `echo` is how it looks.
    InputGiven { run: String, echo: String },
    /// The run printed more than is shown inline: so many bytes of it, all in all, are only in its spill file.
    Beyond { run: String, bytes: u64 },
    /// The run printed more than it may; so many bytes are gone.
    Dropped { run: String, bytes: u64 },
    /// A message of the run was larger than any may be; so many bytes are gone.
    TooLarge { run: String, bytes: u64 },
    /// Some of what the run said was lost between the kernel and us.
    Lost { run: String },
    /// The kernel ended by itself.
    Died { why: String },
    /// Somebody cleared what these cells show.
    Cleared {
        by: String,
        name: String,
        cells: Vec<CellId>,
    },
}

/// A question or order of the studio. The answer carries `ask` back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub ask: u64,
    pub what: Command,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Stream the spool. What lies before `mark` is with the studio.
    Attach {
        mark: u64,
    },
    Enqueue {
        tasks: Vec<Task>,
    },
    /// These must not run after all; the one that runs already is interrupted.
    Withdraw {
        runs: Vec<String>,
        why: String,
    },
    /// As [`Command::Withdraw`], but what runs already goes on: the answer says so. Since [`WORDS`] 1.
    Cancel {
        runs: Vec<String>,
        why: String,
    },
    /// While the kernel starts, its start is stopped.
    Interrupt,
    Restart,
    ShutDown,
    Input {
        cell: CellId,
        text: String,
    },
    /// A request on the shell channel; the answer is the reply's content.
    Request {
        kind: String,
        content: Value,
    },
    /// Clear what these cells show, behind all that was said so far. Since [`WORDS`] 1.
    Clear {
        by: String,
        name: String,
        cells: Vec<CellId>,
    },
    /// Everything before is safely with the studio.
    Release {
        offset: u64,
    },
    /// Is someone looking on? Memory is told only then, and such a kernel is not culled.
    Watch {
        on: bool,
    },
    /// A word of a newer studio. Read, never sent.
    #[serde(other)]
    Unknown,
}

/// Which orders a supervisor knows; it says so when a studio attaches. Supervisors outlive an upgrade of the studio, and those that
/// say nothing (0) let go of a studio whose order they cannot read: [`Command::Cancel`] and [`Command::Clear`] are never sent to them.
pub const WORDS: u32 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Told {
    Attached(Attached),
    Answer {
        ask: u64,
        result: Result<Value, Refusal>,
    },
    Kernel(Status),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attached {
    pub ask: u64,
    /// Where the stream begins: at or before the mark.
    pub start: u64,
    /// The end of the spool at this moment.
    pub end: u64,
    /// Runs that are running or queued.
    pub open: Vec<(String, CellId)>,
    pub status: Status,
    /// [`WORDS`] of the supervisor.
    #[serde(default)]
    pub words: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    #[serde(flatten)]
    pub state: KernelState,
    pub queued: u32,
    pub memory: u64,
    /// Messages of the kernel that were dropped because they were not signed as agreed, malformed or too large.
    pub dropped: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: String,
    pub reason: String,
}

impl Refusal {
    pub fn new(code: &str, reason: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            reason: reason.into(),
        }
    }
}

/// A frame of the supervisor.
#[derive(Debug)]
pub enum Frame {
    Spool(BytesMut),
    Told(Box<Told>),
}

const SPOOL: u8 = 0;
const TOLD: u8 = 1;
/// The most bytes of the spool in one frame.
pub const SPOOL_CHUNK: usize = 64 * 1024;
const FRAME_LIMIT: usize = 128 * 1024 * 1024;

/// Begins a spool frame at the end of `out`, to be filled; where it begins.
pub fn begin_spool_frame(out: &mut Vec<u8>) -> usize {
    let head = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, SPOOL]);
    head
}

/// Writes the length into the head of a frame.
pub fn finish_frame(frame: &mut [u8]) {
    let length = u32::try_from(frame.len() - 4).unwrap_or(u32::MAX);
    frame[..4].copy_from_slice(&length.to_be_bytes());
}

/// Appends a whole frame to `out`.
pub fn told_frame(out: &mut Vec<u8>, told: &Told) -> io::Result<()> {
    let head = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, TOLD]);
    serde_json::to_writer(&mut *out, told)?;
    finish_frame(&mut out[head..]);
    Ok(())
}

/// Reads frames off a connection.
pub struct FrameReader<R> {
    from: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub fn new(from: R) -> Self {
        Self {
            from,
            buffer: BytesMut::with_capacity(2 * SPOOL_CHUNK),
        }
    }

    /// The next frame; `None` when the other side is gone. Cancel-safe.
    pub async fn next(&mut self) -> io::Result<Option<Frame>> {
        let Some(mut body) = self.body().await? else {
            return Ok(None);
        };
        if body.is_empty() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        match body.get_u8() {
            SPOOL => Ok(Some(Frame::Spool(body))),
            TOLD => Ok(Some(Frame::Told(Box::new(serde_json::from_slice(&body)?)))),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// The next order; `None` when the studio is gone.
    pub async fn order(&mut self) -> io::Result<Option<Order>> {
        let Some(body) = self.body().await? else {
            return Ok(None);
        };
        Ok(Some(serde_json::from_slice(&body)?))
    }

    async fn body(&mut self) -> io::Result<Option<BytesMut>> {
        loop {
            if let Some(mut length) = self.buffer.get(..4) {
                let length = length.get_u32() as usize;
                if length > FRAME_LIMIT {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                if self.buffer.len() >= 4 + length {
                    self.buffer.advance(4);
                    return Ok(Some(self.buffer.split_to(length)));
                }
                self.buffer.reserve(4 + length - self.buffer.len());
            } else {
                self.buffer.reserve(SPOOL_CHUNK);
            }
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// Sends an order.
pub async fn send_order<W: AsyncWrite + Unpin>(to: &mut W, order: &Order) -> io::Result<()> {
    let mut out = vec![0, 0, 0, 0];
    serde_json::to_writer(&mut out, order)?;
    finish_frame(&mut out);
    to.write_all(&out).await?;
    to.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_of_a_newer_studio_is_read_as_one_that_is_not_known() {
        let order: Order =
            serde_json::from_str(r#"{"ask":7,"what":{"do":"dance","steps":[1,2]}}"#).expect("read");
        assert!(order.ask == 7 && matches!(order.what, Command::Unknown));
    }

    #[test]
    fn a_supervisor_that_says_nothing_of_its_words_is_an_older_one() {
        let told = r#"{"ask":0,"start":0,"end":0,"open":[],"status":{"state":"idle","queued":0,"memory":0,"dropped":0}}"#;
        let attached: Attached = serde_json::from_str(told).expect("read");
        assert_eq!(attached.words, 0);
    }
}
