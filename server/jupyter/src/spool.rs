//! The spool: everything a kernel said, append-only on disk, until the studio has it.
//!
//! Records are length-prefixed and their offset never restarts, though old segments are deleted once released. It need
//! not survive a power cut (the kernel does not either), so it is not flushed to the disk, only written.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::message::Message;

const SEGMENT: u64 = 8 * 1024 * 1024;
const PREFIX: &str = "spool-";
/// No record is longer: a message over the wire's limit is never spooled.
const RECORD_LIMIT: u64 = crate::zmtp::MESSAGE_LIMIT + 1024 * 1024;

/// Which of a kernel's sockets a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    Shell,
    Iopub,
    Stdin,
    Control,
}

impl Channel {
    pub const ALL: [Self; 4] = [Self::Shell, Self::Iopub, Self::Stdin, Self::Control];

    fn code(self) -> u8 {
        match self {
            Self::Shell => 1,
            Self::Iopub => 2,
            Self::Stdin => 3,
            Self::Control => 4,
        }
    }
}

/// One entry of the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Microseconds since 1970.
    pub at: i64,
    pub what: Entry,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// What the supervisor itself has to say: a [`crate::protocol::Note`] in JSON.
    Note(Bytes),
    Message(Channel, Message),
    /// A piece of a long stream message of the run, cut so that no reader needs to hold the whole.
    Text {
        run: String,
        stderr: bool,
        text: Bytes,
    },
}

/// The bytes of a spool make no sense from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the spool is damaged")]
pub struct Damaged;

const NOTE: u8 = 0;
const TEXT: u8 = 5;
const HEAD: usize = 4 + 1 + 8;

impl Record {
    /// Takes the first record off `buffer`, if it is there whole.
    pub fn take(buffer: &mut BytesMut) -> Result<Option<(Self, u64)>, Damaged> {
        let Some(mut length) = buffer.get(..4) else {
            return Ok(None);
        };
        let length = u64::from(length.get_u32());
        if length < (HEAD - 4) as u64 || length > RECORD_LIMIT {
            return Err(Damaged);
        }
        let whole = 4 + length as usize;
        if buffer.len() < whole {
            buffer.reserve(whole - buffer.len());
            return Ok(None);
        }
        let mut record = buffer.split_to(whole).freeze();
        record.advance(4);
        let kind = record.get_u8();
        let at = record.get_i64();
        let what = match kind {
            NOTE => Entry::Note(record),
            TEXT => {
                let (stderr, run) = (take_u8(&mut record)? == 1, take_short(&mut record)?);
                Entry::Text {
                    run: String::from_utf8(run.to_vec()).map_err(|_| Damaged)?,
                    stderr,
                    text: record,
                }
            }
            code => {
                let channel = Channel::ALL
                    .into_iter()
                    .find(|channel| channel.code() == code)
                    .ok_or(Damaged)?;
                Entry::Message(channel, take_message(record)?)
            }
        };
        Ok(Some((Self { at, what }, whole as u64)))
    }
}

fn take_u8(bytes: &mut Bytes) -> Result<u8, Damaged> {
    if bytes.is_empty() {
        Err(Damaged)
    } else {
        Ok(bytes.get_u8())
    }
}

fn take_short(bytes: &mut Bytes) -> Result<Bytes, Damaged> {
    let length = usize::from(take_u8(bytes)?);
    if bytes.len() < length {
        Err(Damaged)
    } else {
        Ok(bytes.split_to(length))
    }
}

fn take_message(mut body: Bytes) -> Result<Message, Damaged> {
    if body.len() < 2 {
        return Err(Damaged);
    }
    let count = usize::from(body.get_u16());
    if count < 4 || body.len() < count * 4 {
        return Err(Damaged);
    }
    let lengths: Vec<usize> = (0..count).map(|_| body.get_u32() as usize).collect();
    let mut parts = Vec::with_capacity(count);
    for length in lengths {
        if body.len() < length {
            return Err(Damaged);
        }
        parts.push(body.split_to(length));
    }
    let buffers = parts.split_off(4);
    let mut parts = parts.into_iter();
    let mut next = || parts.next().ok_or(Damaged);
    Ok(Message {
        header: next()?,
        parent: next()?,
        metadata: next()?,
        content: next()?,
        buffers,
    })
}

struct Segment {
    base: u64,
    length: u64,
    path: PathBuf,
    file: Arc<File>,
}

/// The writing end, held by the supervisor.
pub struct Spool {
    directory: PathBuf,
    segments: VecDeque<Segment>,
}

impl Spool {
    /// A new spool in an empty directory.
    pub fn create(directory: &Path) -> io::Result<Self> {
        let mut spool = Self {
            directory: directory.to_owned(),
            segments: VecDeque::new(),
        };
        spool.begin_segment(0)?;
        Ok(spool)
    }

    /// Where the next record begins.
    pub fn end(&self) -> u64 {
        self.segments
            .back()
            .map_or(0, |segment| segment.base + segment.length)
    }

    /// Where the oldest kept record begins.
    pub fn start(&self) -> u64 {
        self.segments.front().map_or(0, |segment| segment.base)
    }

    pub fn note(&mut self, at: i64, json: &[u8]) -> io::Result<()> {
        self.append(NOTE, at, &[json])
    }

    pub fn message(&mut self, at: i64, channel: Channel, message: &Message) -> io::Result<()> {
        let Message {
            header,
            parent,
            metadata,
            content,
            buffers,
        } = message;
        let parts: Vec<&[u8]> = [header, parent, metadata, content]
            .into_iter()
            .chain(buffers)
            .map(|part| part.as_ref())
            .collect();
        let mut lengths = BytesMut::with_capacity(2 + 4 * parts.len());
        lengths.put_u16(u16::try_from(parts.len()).map_err(io::Error::other)?);
        for part in &parts {
            lengths.put_u32(u32::try_from(part.len()).map_err(io::Error::other)?);
        }
        let mut body: Vec<&[u8]> = Vec::with_capacity(parts.len() + 1);
        body.push(&lengths);
        body.extend(parts);
        self.append(channel.code(), at, &body)
    }

    pub fn text(&mut self, at: i64, run: &str, stderr: bool, text: &str) -> io::Result<()> {
        let length = u8::try_from(run.len()).map_err(io::Error::other)?;
        self.append(
            TEXT,
            at,
            &[&[u8::from(stderr), length], run.as_bytes(), text.as_bytes()],
        )
    }

    /// Reads what is there from `offset`, as far as one segment has it, into the free room of `into` (at most `limit`).
    pub fn read(&self, offset: u64, limit: usize) -> Option<SpoolSlice> {
        let segment = self
            .segments
            .iter()
            .rev()
            .find(|segment| segment.base <= offset)?;
        let left = (segment.base + segment.length).checked_sub(offset)?;
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(limit);
        (length > 0).then(|| SpoolSlice {
            file: Arc::clone(&segment.file),
            at: offset - segment.base,
            length,
        })
    }

    /// Everything before `offset` is with the studio: whole segments before it are deleted.
    pub fn release(&mut self, offset: u64) {
        while self.segments.len() > 1
            && let Some(first) = self.segments.front()
            && first.base + first.length <= offset
        {
            // A file that cannot be deleted costs room, nothing else.
            let _ = std::fs::remove_file(&first.path);
            self.segments.pop_front();
        }
    }

    fn append(&mut self, kind: u8, at: i64, body: &[&[u8]]) -> io::Result<()> {
        let length: usize = body.iter().map(|part| part.len()).sum::<usize>() + HEAD - 4;
        let mut head = [0_u8; HEAD];
        head[..4].copy_from_slice(
            &u32::try_from(length)
                .map_err(io::Error::other)?
                .to_be_bytes(),
        );
        head[4] = kind;
        head[5..].copy_from_slice(&at.to_be_bytes());
        if self
            .segments
            .back()
            .is_none_or(|segment| segment.length >= SEGMENT)
        {
            self.begin_segment(self.end())?;
        }
        let Some(segment) = self.segments.back_mut() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut slices: Vec<IoSlice<'_>> = Vec::with_capacity(body.len() + 1);
        slices.push(IoSlice::new(&head));
        slices.extend(body.iter().map(|part| IoSlice::new(part)));
        if let Err(error) = write_all(&segment.file, &mut slices) {
            // Half a record must not stay before the next one.
            let _ = segment.file.set_len(segment.length);
            return Err(error);
        }
        segment.length += (length + 4) as u64;
        Ok(())
    }

    fn begin_segment(&mut self, base: u64) -> io::Result<()> {
        let path = self.directory.join(format!("{PREFIX}{base:020}"));
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .read(true)
            .mode(0o600)
            .open(&path)?;
        self.segments.push_back(Segment {
            base,
            length: 0,
            path,
            file: Arc::new(file),
        });
        Ok(())
    }
}

fn write_all(mut file: &File, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A readable part of one segment.
pub struct SpoolSlice {
    file: Arc<File>,
    at: u64,
    length: usize,
}

impl SpoolSlice {
    pub fn read_to(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let start = out.len();
        out.resize(start + self.length, 0);
        self.file.read_exact_at(&mut out[start..], self.at)
    }
}

/// The spool of a supervisor that is gone, read from its directory.
pub struct Leftover {
    segments: Vec<(u64, PathBuf)>,
}

impl Leftover {
    pub fn open(directory: &Path) -> io::Result<Self> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            if let Some(base) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.strip_prefix(PREFIX)?.parse().ok())
            {
                segments.push((base, entry.path()));
            }
        }
        segments.sort();
        Ok(Self { segments })
    }

    /// Where the oldest kept record begins.
    pub fn start(&self) -> u64 {
        self.segments.first().map_or(0, |(base, _)| *base)
    }

    /// Up to `limit` bytes from `offset`; empty at the end.
    pub fn read(&self, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
        let Some((base, path)) = self.segments.iter().rev().find(|(base, _)| *base <= offset)
        else {
            return Ok(Vec::new());
        };
        let mut bytes = vec![0_u8; limit];
        let count = File::open(path)?.read_at(&mut bytes, offset - base)?;
        bytes.truncate(count);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(size: usize) -> Message {
        Message {
            header: Bytes::from_static(b"{\"msg_type\":\"stream\"}"),
            parent: Bytes::from_static(b"{}"),
            metadata: Bytes::from_static(b"{}"),
            content: Bytes::from(vec![b'x'; size]),
            buffers: vec![Bytes::from_static(b"\0\x01")],
        }
    }

    fn drain(spool: &Spool, mut offset: u64, step: usize) -> Vec<Record> {
        let mut buffer = BytesMut::new();
        let mut records = Vec::new();
        while offset < spool.end() {
            let mut bytes = Vec::new();
            spool
                .read(offset, step)
                .expect("there")
                .read_to(&mut bytes)
                .expect("read");
            offset += bytes.len() as u64;
            buffer.extend_from_slice(&bytes);
            while let Some((record, _)) = Record::take(&mut buffer).expect("sound") {
                records.push(record);
            }
        }
        assert!(buffer.is_empty());
        records
    }

    #[test]
    fn records_read_back_in_order_across_segments_and_however_they_are_cut() {
        let directory = tempfile::tempdir().expect("directory");
        let mut spool = Spool::create(directory.path()).expect("spool");
        let mut offsets = Vec::new();
        for at in 0..20 {
            offsets.push(spool.end());
            spool
                .message(at, Channel::Iopub, &message(1_000_000))
                .expect("written");
            spool.note(at, b"{}").expect("written");
            spool.text(at, "run_1", true, "text").expect("written");
        }
        assert!(spool.segments.len() > 2);
        for step in [1000, 65_536, 10_000_000] {
            assert_eq!(drain(&spool, 0, step).len(), 60);
            assert_eq!(drain(&spool, offsets[7], step).len(), 39);
        }
        let first = drain(&spool, 0, 65_536);
        assert_eq!(
            first[0].what,
            Entry::Message(Channel::Iopub, message(1_000_000))
        );
        assert_eq!(
            first[2].what,
            Entry::Text {
                run: "run_1".into(),
                stderr: true,
                text: Bytes::from_static(b"text")
            }
        );

        spool.release(offsets[15]);
        assert!(spool.start() > 0 && spool.start() <= offsets[15]);
        assert_eq!(drain(&spool, offsets[15], 65_536).len(), 15);

        let leftover = Leftover::open(directory.path()).expect("leftover");
        assert_eq!(leftover.start(), spool.start());
        let mut offset = offsets[15];
        let mut total = 0;
        loop {
            let bytes = leftover.read(offset, 65_536).expect("read");
            if bytes.is_empty() {
                break;
            }
            offset += bytes.len() as u64;
            total += bytes.len();
        }
        assert_eq!(
            (offset, total as u64),
            (spool.end(), spool.end() - offsets[15])
        );
    }

    #[test]
    fn mutated_records_are_damage_and_never_a_panic() {
        let directory = tempfile::tempdir().expect("directory");
        let mut spool = Spool::create(directory.path()).expect("spool");
        spool
            .message(5, Channel::Shell, &message(40))
            .expect("written");
        spool.text(6, "run_1", false, "abc").expect("written");
        let mut bytes = Vec::new();
        spool
            .read(0, 10_000)
            .expect("there")
            .read_to(&mut bytes)
            .expect("read");
        for at in 0..bytes.len() {
            for flip in [1_u8, 0x10, 0x80, 0xff] {
                let mut bad = bytes.clone();
                bad[at] ^= flip;
                let mut buffer = BytesMut::from(&bad[..]);
                while let Ok(Some(_)) = Record::take(&mut buffer) {}
            }
        }
    }
}
