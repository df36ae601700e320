//! A studio at the supervisor's socket: its orders come in, the spool and the news go out.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{mpsc, watch};

use super::Event;
use crate::protocol::{
    FrameReader, SPOOL_CHUNK, Told, begin_spool_frame, finish_frame, told_frame,
};
use crate::spool::Spool;

/// What goes out to one studio.
pub enum Out {
    /// Begin to stream the spool here.
    Stream { from: u64 },
    /// Say this, once the spool has been sent up to `after`.
    Say { told: Told, after: u64 },
}

/// Accepts studios until the supervisor ends.
pub async fn accept(
    listener: UnixListener,
    spool: Arc<Mutex<Spool>>,
    grown: watch::Receiver<u64>,
    events: mpsc::Sender<Event>,
) {
    let mut number = 0;
    while let Ok((stream, _)) = listener.accept().await {
        number += 1;
        let studio = number;
        let (read, write) = stream.into_split();
        let (out, outbox) = mpsc::unbounded_channel();
        if events.send(Event::Joined { studio, out }).await.is_err() {
            return;
        }
        let writer = tokio::spawn(write_out(write, outbox, Arc::clone(&spool), grown.clone()));
        let events = events.clone();
        tokio::spawn(async move {
            let mut reader = FrameReader::new(read);
            while let Ok(Some(order)) = reader.order().await {
                if events.send(Event::Ordered { studio, order }).await.is_err() {
                    return;
                }
            }
            writer.abort();
            let _ = events.send(Event::Left { studio }).await;
        });
    }
}

async fn write_out(
    mut to: OwnedWriteHalf,
    mut outbox: mpsc::UnboundedReceiver<Out>,
    spool: Arc<Mutex<Spool>>,
    mut grown: watch::Receiver<u64>,
) -> io::Result<()> {
    let mut position: Option<u64> = None;
    let mut waiting: VecDeque<(Told, u64)> = VecDeque::new();
    let mut frames = Vec::with_capacity(SPOOL_CHUNK + 1024);
    loop {
        // One write for all that is ready: each wakes the studio.
        frames.clear();
        while let Some((told, _)) =
            waiting.pop_front_if(|(_, after)| position.is_none_or(|at| at >= *after))
        {
            told_frame(&mut frames, &told)?;
        }
        let slice = position.and_then(|at| {
            spool
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .read(at, SPOOL_CHUNK)
        });
        let idle = slice.is_none() && waiting.is_empty();
        if let Some(slice) = slice {
            let head = begin_spool_frame(&mut frames);
            let from = frames.len();
            slice.read_to(&mut frames)?;
            position = position.map(|at| at + (frames.len() - from) as u64);
            finish_frame(&mut frames[head..]);
            while let Some((told, _)) =
                waiting.pop_front_if(|(_, after)| position.is_none_or(|at| at >= *after))
            {
                told_frame(&mut frames, &told)?;
            }
        }
        if !frames.is_empty() {
            to.write_all(&frames).await?;
        }
        let mut put = |out: Out| match out {
            Out::Stream { from } => position = Some(from),
            Out::Say { told, after } => waiting.push_back((told, after)),
        };
        if idle {
            tokio::select! {
                out = outbox.recv() => match out {
                    Some(out) => put(out),
                    None => return Ok(()),
                },
                changed = grown.changed() => if changed.is_err() { return Ok(()) },
            }
        }
        while let Ok(out) = outbox.try_recv() {
            put(out);
        }
    }
}
