//! What waits to be written to one tab: bounded, so that a tab that does not read costs nobody else anything.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use datalayer::Wire;
use futures_util::SinkExt;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use super::socket::{Sink, pieces};

/// Frames that may wait: more than a room sends at once when a slow disk lets a whole group of batches go.
const FRAMES: usize = 4_096;
/// Bytes that may wait. One frame alone may be larger: a document comes in one piece.
const BYTES: usize = 4 * 1024 * 1024;
const PING: Duration = Duration::from_secs(15);
/// A single write that takes longer than this means that nobody reads.
const STUCK: Duration = Duration::from_secs(30);

pub struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
    closed: watch::Sender<bool>,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// Set once: nothing more is taken in, and this is said after what waits.
    closing: Option<(u16, String)>,
    /// The reader is gone.
    over: bool,
}

impl Outbox {
    /// An outbox, and the task that empties it.
    pub fn open(sink: Sink) -> (Arc<Self>, impl Future<Output = ()>) {
        let outbox = Arc::new(Self {
            queue: Mutex::default(),
            filled: Notify::new(),
            closed: watch::Sender::new(false),
        });
        let writer = Arc::clone(&outbox).write(sink);
        (outbox, writer)
    }

    /// Resolves once the outbox takes no more.
    pub async fn closed(&self) {
        self.closed
            .subscribe()
            .wait_for(|closed| *closed)
            .await
            .ok();
    }

    pub fn close(&self, code: u16, reason: &str) {
        let mut queue = self.queue();
        if queue.closing.is_some() || queue.over {
            return;
        }
        // Whoever is too slow to read gets the reason, not the backlog.
        if code == 1013 {
            queue.frames.clear();
            queue.bytes = 0;
        }
        queue.closing = Some((code, clipped(reason)));
        drop(queue);
        self.closed.send_replace(true);
        self.filled.notify_one();
    }

    /// The reader left: whatever waits has no reader.
    pub fn hang_up(&self) {
        let mut queue = self.queue();
        queue.over = true;
        if queue.closing.is_none() {
            queue.frames.clear();
            queue.bytes = 0;
        }
        drop(queue);
        self.closed.send_replace(true);
        self.filled.notify_one();
    }

    async fn write(self: Arc<Self>, mut sink: Sink) {
        let mut ping = interval_at(Instant::now() + PING, PING);
        loop {
            tokio::select! {
                () = self.filled.notified() => {}
                _ = ping.tick() => {
                    if !put(&mut sink, Message::Ping(Bytes::new())).await {
                        break;
                    }
                }
            }
            // All that waits goes out with as few writes as it takes.
            loop {
                let next = self.queue().next();
                let sent = match next {
                    Next::Frame(frame) => write_out(&mut sink, frame).await,
                    Next::Nothing if in_time(sink.flush()).await => break,
                    Next::Nothing => false,
                    Next::Close(code, reason) => {
                        let close = CloseFrame {
                            code: code.into(),
                            reason: reason.into(),
                        };
                        put(&mut sink, Message::Close(Some(close))).await;
                        false
                    }
                    Next::Over => return,
                };
                if !sent {
                    return self.give_up();
                }
            }
        }
        self.give_up();
    }

    fn give_up(&self) {
        let mut queue = self.queue();
        queue.over = true;
        queue.frames = VecDeque::new();
        drop(queue);
        self.closed.send_replace(true);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire for Outbox {
    fn send(&self, frame: Bytes) -> bool {
        let mut queue = self.queue();
        if queue.over || queue.closing.is_some() {
            return false;
        }
        let full = queue.frames.len() >= FRAMES
            || (queue.bytes + frame.len() > BYTES && !queue.frames.is_empty());
        if full {
            return false;
        }
        queue.bytes += frame.len();
        queue.frames.push_back(frame);
        drop(queue);
        self.filled.notify_one();
        true
    }

    fn close(&self, code: u16, reason: &str) {
        Self::close(self, code, reason);
    }
}

enum Next {
    Frame(Bytes),
    Nothing,
    Close(u16, String),
    Over,
}

impl Queue {
    fn next(&mut self) -> Next {
        if let Some(frame) = self.frames.pop_front() {
            self.bytes -= frame.len();
            if self.frames.is_empty() {
                // An idle tab keeps no memory of its busiest moment.
                self.frames = VecDeque::new();
            }
            return Next::Frame(frame);
        }
        match self.closing.take() {
            Some((code, reason)) => {
                self.over = true;
                Next::Close(code, reason)
            }
            None if self.over => Next::Over,
            None => Next::Nothing,
        }
    }
}

/// A whole document may take its reader longer than [`STUCK`]; no piece of it may.
async fn write_out(sink: &mut Sink, frame: Bytes) -> bool {
    for piece in pieces(frame) {
        if !in_time(sink.feed(piece)).await {
            return false;
        }
    }
    true
}

async fn put(sink: &mut Sink, message: Message) -> bool {
    in_time(sink.send(message)).await
}

async fn in_time<E>(writing: impl Future<Output = Result<(), E>>) -> bool {
    matches!(timeout(STUCK, writing).await, Ok(Ok(())))
}

/// A close frame holds 123 bytes of reason.
fn clipped(reason: &str) -> String {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox() -> Outbox {
        Outbox {
            queue: Mutex::default(),
            filled: Notify::new(),
            closed: watch::Sender::new(false),
        }
    }

    #[test]
    fn a_full_queue_takes_no_more() {
        let outbox = outbox();
        for _ in 0..FRAMES {
            assert!(outbox.send(Bytes::from_static(b"x")));
        }
        assert!(!outbox.send(Bytes::from_static(b"x")));
    }

    #[test]
    fn bytes_are_counted_but_one_large_frame_alone_passes() {
        let outbox = outbox();
        assert!(outbox.send(Bytes::from(vec![0; BYTES * 2])));
        assert!(!outbox.send(Bytes::from_static(b"x")));
    }

    #[test]
    fn what_was_queued_is_said_before_the_closing() {
        let outbox = outbox();
        assert!(outbox.send(Bytes::from_static(b"last words")));
        outbox.close(4403, "no");
        assert!(!outbox.send(Bytes::from_static(b"too late")));
        assert!(matches!(outbox.queue().next(), Next::Frame(_)));
        assert!(matches!(outbox.queue().next(), Next::Close(4403, _)));
        assert!(matches!(outbox.queue().next(), Next::Over));
    }

    #[test]
    fn a_slow_tab_gets_the_reason_and_not_the_backlog() {
        let outbox = outbox();
        assert!(outbox.send(Bytes::from_static(b"old")));
        outbox.close(1013, "too slow");
        assert!(matches!(outbox.queue().next(), Next::Close(1013, _)));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert!(clipped(&"ü".repeat(100)).len() <= 123);
    }
}
