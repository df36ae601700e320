//! What goes to one tab: written at once while its connection takes it, otherwise queued, bounded, so that a tab that does not
//! read costs nobody else anything.
//!
//! Whoever speaks writes: a frame for a hundred tabs is a hundred calls of the kernel and nothing else, no task is woken for it.
//! Only where a connection takes no more does its own task, [`Outbox::keep_writing`], wait for it.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use datalayer::Wire;
use tokio::io::AsyncWrite;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, interval_at, timeout};

use super::frame::Frame;

/// Frames that may wait: more than a room sends at once when a slow disk lets a whole group of batches go.
const FRAMES: usize = 4_096;
/// Bytes that may wait. One frame alone may be larger: a document comes in one piece.
const BYTES: usize = 4 * 1024 * 1024;
const PING: Duration = Duration::from_secs(15);
/// Nothing was taken for so long: nobody reads.
const STUCK: Duration = Duration::from_secs(30);
/// Frames that go out with one call of the kernel.
const TOGETHER: usize = 32;
/// Room for frames that a tab keeps when nothing waits.
const KEPT: usize = 4;

pub type Out = Box<dyn AsyncWrite + Send + Unpin>;

pub struct Outbox {
    queue: Mutex<Queue>,
    /// There is something for the task: what was not taken at once, or the end.
    left: Notify,
    closed: watch::Sender<bool>,
}

struct Queue {
    /// `None` once nothing more is written.
    out: Option<Out>,
    waiting: VecDeque<Frame>,
    bytes: usize,
    /// Bytes of the first frame that are out.
    begun: usize,
    /// All that ever went out, to see whether anything moves.
    moved: u64,
    /// The connection took no more: its task writes from here on, until nothing waits.
    is_full: bool,
    /// Set once: nothing more is taken in, and this is said after what waits.
    closing: Option<(u16, String)>,
}

impl Outbox {
    pub fn new(out: Out) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::new(Queue {
                out: Some(out),
                waiting: VecDeque::new(),
                bytes: 0,
                begun: 0,
                moved: 0,
                is_full: false,
                closing: None,
            }),
            left: Notify::new(),
            closed: watch::Sender::new(false),
        })
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
        let mut queue = self.lock();
        if queue.closing.is_some() || queue.out.is_none() {
            return;
        }
        // Whoever is too slow to read gets the reason, not the backlog.
        if code == 1013 {
            queue.drop_what_waits();
        }
        queue.closing = Some((code, clipped(reason)));
        drop(queue);
        self.closed.send_replace(true);
        self.left.notify_one();
    }

    /// The reader left: whatever waits has no reader.
    pub fn hang_up(&self) {
        let mut queue = self.lock();
        if queue.closing.is_none() {
            queue.end();
        }
        drop(queue);
        self.closed.send_replace(true);
        self.left.notify_one();
    }

    /// What the protocol answers by itself (a pong, a closing), framed already.
    pub fn answer(&self, framed: &[u8]) -> io::Result<()> {
        if !self.put(Frame::framed(Bytes::copy_from_slice(framed))) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.flush();
        Ok(())
    }

    /// Writes what was not taken at once, pings, and says the last words.
    pub async fn keep_writing(self: Arc<Self>) {
        let mut ping = interval_at(Instant::now() + PING, PING);
        loop {
            tokio::select! {
                () = self.left.notified() => {}
                _ = ping.tick() => { self.put(Frame::ping()); }
            }
            if !self.write_all().await {
                break;
            }
            if self.lock().say_last() {
                self.write_all().await;
                break;
            }
        }
        self.lock().end();
        self.closed.send_replace(true);
    }

    /// `false`: the connection is gone, or took nothing for too long.
    async fn write_all(&self) -> bool {
        loop {
            let moved = self.lock().moved;
            let write = std::future::poll_fn(|context| {
                let mut queue = self.lock();
                let written = queue.write(context);
                queue.is_full = written.is_pending();
                written
            });
            match timeout(STUCK, write).await {
                Ok(written) => return written.is_ok(),
                Err(_) if self.lock().moved == moved => return false,
                Err(_) => {}
            }
        }
    }

    fn put(&self, frame: Frame) -> bool {
        let mut queue = self.lock();
        queue.has_room(frame.len()) && queue.closing.is_none() && {
            queue.add(frame);
            true
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire for Outbox {
    fn queue(&self, frame: Bytes) -> bool {
        self.put(Frame::binary(frame))
    }

    fn flush(&self) {
        let mut queue = self.lock();
        if queue.is_full || queue.waiting.is_empty() {
            return;
        }
        // Nobody is woken by this attempt: where it does not succeed, the task makes the next one.
        let written = queue.write(&mut Context::from_waker(Waker::noop()));
        if !matches!(written, Poll::Ready(Ok(()))) {
            queue.is_full = true;
            drop(queue);
            self.left.notify_one();
        }
    }

    fn close(&self, code: u16, reason: &str) {
        Self::close(self, code, reason);
    }
}

impl Queue {
    fn has_room(&self, bytes: usize) -> bool {
        self.out.is_some()
            && self.waiting.len() < FRAMES
            && (self.bytes + bytes <= BYTES || self.waiting.is_empty())
    }

    fn add(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.waiting.push_back(frame);
    }

    /// Ready when nothing waits any more.
    fn write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(out) = &mut self.out else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        while !self.waiting.is_empty() {
            let mut slices = [io::IoSlice::new(&[]); 2 * TOGETHER];
            let mut begun = self.begun;
            for (frame, pair) in self.waiting.iter().zip(slices.chunks_exact_mut(2)) {
                let (head, body) = frame.after(std::mem::take(&mut begun));
                pair[0] = io::IoSlice::new(head);
                pair[1] = io::IoSlice::new(body);
            }
            let count = 2 * self.waiting.len().min(TOGETHER);
            let slices = &slices[..count];
            let taken = match Pin::new(&mut *out).poll_write_vectored(context, slices) {
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                Poll::Ready(Ok(taken)) => taken,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            };
            self.moved += taken as u64;
            self.begun += taken;
            while let Some(first) = self.waiting.front()
                && self.begun >= first.len()
            {
                self.begun -= first.len();
                self.bytes -= first.len();
                self.waiting.pop_front();
            }
        }
        // An idle tab keeps no memory of its busiest moment.
        if self.waiting.capacity() > KEPT {
            self.waiting = VecDeque::new();
        }
        Pin::new(out).poll_flush(context)
    }

    /// All but what has begun: half a frame would leave the reader with nonsense.
    fn drop_what_waits(&mut self) {
        self.waiting.truncate(usize::from(self.begun > 0));
        self.bytes = self.waiting.iter().map(Frame::len).sum();
    }

    /// Adds the closing, if it is time for it. `true`: this is the end.
    fn say_last(&mut self) -> bool {
        let Some((code, reason)) = &self.closing else {
            return self.out.is_none();
        };
        let last = Frame::close(*code, reason);
        self.add(last);
        true
    }

    fn end(&mut self) {
        self.out = None;
        self.waiting = VecDeque::new();
        self.bytes = 0;
        self.begun = 0;
    }
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

    /// A connection that takes what it is allowed to, a few bytes at a time.
    #[derive(Clone, Default)]
    struct Pipe(Arc<Mutex<Pipes>>);

    #[derive(Default)]
    struct Pipes {
        taken: Vec<u8>,
        calls: usize,
        allowed: usize,
        most: usize,
        waits: Option<Waker>,
    }

    impl Pipe {
        fn allowing(bytes: usize, most: usize) -> Self {
            let pipe = Self::default();
            {
                let mut pipes = pipe.0.lock().unwrap();
                (pipes.allowed, pipes.most) = (bytes, most);
            }
            pipe
        }

        fn allow(&self, bytes: usize) {
            let waits = {
                let mut pipes = self.0.lock().unwrap();
                pipes.allowed += bytes;
                pipes.waits.take()
            };
            if let Some(waits) = waits {
                waits.wake();
            }
        }

        /// The frames that came whole: opcode and payload.
        fn heard(&self) -> Vec<(u8, Vec<u8>)> {
            let taken = self.0.lock().unwrap().taken.clone();
            let mut rest = &taken[..];
            let mut heard = Vec::new();
            while rest.len() >= 2 {
                let opcode = rest[0] & 0x0f;
                let (length, head) = match rest[1] {
                    126 => (usize::from(u16::from_be_bytes([rest[2], rest[3]])), 4),
                    127 => (
                        u64::from_be_bytes(rest[2..10].try_into().unwrap()) as usize,
                        10,
                    ),
                    short => (usize::from(short), 2),
                };
                if rest.len() < head + length {
                    break;
                }
                heard.push((opcode, rest[head..head + length].to_vec()));
                rest = &rest[head + length..];
            }
            heard
        }

        fn calls(&self) -> usize {
            self.0.lock().unwrap().calls
        }
    }

    impl AsyncWrite for Pipe {
        fn poll_write(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(context, &[io::IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
            slices: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let mut pipes = self.0.lock().unwrap();
            pipes.calls += 1;
            let most = pipes.most.min(pipes.allowed);
            if most == 0 {
                pipes.waits = Some(context.waker().clone());
                return Poll::Pending;
            }
            // No more than is taken is looked at: a byte at a time, all the rest each time would take minutes.
            let mut taken = 0;
            for slice in slices {
                let some = &slice[..slice.len().min(most - taken)];
                pipes.taken.extend_from_slice(some);
                taken += some.len();
            }
            pipes.allowed -= taken;
            Poll::Ready(Ok(taken))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn outbox(pipe: &Pipe) -> Arc<Outbox> {
        Outbox::new(Box::new(pipe.clone()))
    }

    #[test]
    fn what_is_said_is_written_at_once_and_together() {
        let pipe = Pipe::allowing(usize::MAX, usize::MAX);
        let outbox = outbox(&pipe);
        for word in [b"one", b"two", b"six"] {
            assert!(Wire::queue(&*outbox, Bytes::from_static(word)));
        }
        assert_eq!(pipe.calls(), 0);
        outbox.flush();
        assert_eq!(pipe.calls(), 1);
        let words: Vec<_> = pipe.heard().into_iter().map(|(_, word)| word).collect();
        assert_eq!(words, [b"one", b"two", b"six"]);
        outbox.flush();
        assert_eq!(pipe.calls(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_taken_at_once_follows_in_order_however_little_is_taken() {
        for most in [1, 2, 3, 7, 64, 1_000] {
            let pipe = Pipe::allowing(5, most);
            let outbox = outbox(&pipe);
            let writing = tokio::spawn(Arc::clone(&outbox).keep_writing());
            let long = vec![7_u8; 70_000];
            let mut all = vec![(2, b"first".to_vec()), (2, long.clone()), (2, vec![])];
            for (_, frame) in &all {
                assert!(outbox.send(frame.clone().into()));
            }
            for _ in 0..200 {
                tokio::task::yield_now().await;
                pipe.allow(500);
                // Whoever speaks in between does not overtake.
                outbox.flush();
            }
            assert!(outbox.send(Bytes::from_static(b"last")));
            all.push((2, b"last".to_vec()));
            tokio::task::yield_now().await;
            assert_eq!(pipe.heard(), all, "{most} at once");
            outbox.hang_up();
            writing.await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_tab_that_takes_nothing_is_given_up_and_one_that_takes_little_is_not() {
        let pipe = Pipe::allowing(0, 100);
        let outbox = outbox(&pipe);
        let writing = tokio::spawn(Arc::clone(&outbox).keep_writing());
        assert!(outbox.send(vec![1; 1_000].into()));
        for _ in 0..8 {
            tokio::time::sleep(STUCK - Duration::from_secs(1)).await;
            pipe.allow(10);
        }
        assert!(!writing.is_finished());
        tokio::time::sleep(2 * STUCK).await;
        outbox.closed().await;
        assert!(!outbox.send(Bytes::from_static(b"x")));
        writing.await.unwrap();
    }

    #[test]
    fn a_full_queue_takes_no_more() {
        let outbox = outbox(&Pipe::default());
        for _ in 0..FRAMES {
            assert!(outbox.send(Bytes::from_static(b"x")));
        }
        assert!(!outbox.send(Bytes::from_static(b"x")));
    }

    #[test]
    fn bytes_are_counted_but_one_large_frame_alone_passes() {
        let outbox = outbox(&Pipe::default());
        assert!(outbox.send(Bytes::from(vec![0; BYTES * 2])));
        assert!(!outbox.send(Bytes::from_static(b"x")));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_queued_is_said_before_the_closing() {
        let pipe = Pipe::default();
        let outbox = outbox(&pipe);
        let writing = tokio::spawn(Arc::clone(&outbox).keep_writing());
        assert!(outbox.send(Bytes::from_static(b"last words")));
        outbox.close(4403, "no");
        assert!(!outbox.send(Bytes::from_static(b"too late")));
        tokio::task::yield_now().await;
        pipe.0.lock().unwrap().most = usize::MAX;
        pipe.allow(1_000);
        writing.await.unwrap();
        let mut close = 4403_u16.to_be_bytes().to_vec();
        close.extend(b"no");
        assert_eq!(pipe.heard(), [(2, b"last words".to_vec()), (8, close)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_tab_gets_the_reason_and_not_the_backlog_but_no_half_frame() {
        let pipe = Pipe::allowing(6, 100);
        let outbox = outbox(&pipe);
        let writing = tokio::spawn(Arc::clone(&outbox).keep_writing());
        for _ in 0..10 {
            assert!(outbox.send(Bytes::from_static(b"backlog")));
        }
        outbox.close(1013, "too slow");
        pipe.allow(1_000);
        writing.await.unwrap();
        let heard = pipe.heard();
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert_eq!(heard[0], (2, b"backlog".to_vec()));
        assert_eq!(heard[1].0, 8);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert!(clipped(&"ü".repeat(100)).len() <= 123);
    }
}
