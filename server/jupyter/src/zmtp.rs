//! ZMTP 3.0 as a client: what a Jupyter kernel's ZeroMQ sockets speak, with a hard limit on what a message may weigh.
//!
//! Written here because the limit must hold *while* a message arrives: an oversized one is skipped as it comes in, never
//! held. Only the NULL mechanism and the client's side (DEALER, SUB) are needed.

use std::io;
use std::path::PathBuf;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// The heaviest message that is taken from a kernel.
pub const MESSAGE_LIMIT: u64 = 64 * 1024 * 1024;
/// The most frames one message may have.
pub const FRAME_LIMIT: usize = 1024;

const GREETING: usize = 64;
const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;
/// Commands are short; a longer one is no command.
const COMMAND_LIMIT: u64 = 64 * 1024;
const READ_CHUNK: usize = 64 * 1024;

/// Where a kernel's socket listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Ipc(PathBuf),
    Tcp(std::net::SocketAddr),
}

/// What we are to the kernel's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Dealer,
    Sub,
}

impl Role {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Dealer => b"DEALER",
            Self::Sub => b"SUB",
        }
    }
}

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    Message(Vec<Bytes>),
    /// A message over the limit; its bytes are gone.
    TooLarge {
        bytes: u64,
    },
}

/// Why the other side cannot be understood any further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("the other side does not speak ZMTP")]
    NotZmtp,
    #[error("the other side speaks ZMTP {0}; 3 or later is needed")]
    OldVersion(u8),
    #[error("the other side asks for the security mechanism {0}; only NULL is spoken here")]
    Mechanism(String),
    #[error("a frame carries flags that ZMTP does not know: {0:#04x}")]
    BadFlags(u8),
    #[error("a command is malformed")]
    BadCommand,
}

impl From<WireError> for io::Error {
    fn from(error: WireError) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// Turns bytes into messages. No I/O: feed it and ask it.
#[derive(Debug, Default)]
pub struct Decoder {
    frames: Vec<Bytes>,
    weight: u64,
    /// The rest of a message over the limit is being skipped.
    over: bool,
    skip: u64,
    /// Does the frame being skipped have a successor?
    skip_more: bool,
}

impl Decoder {
    /// The next message in `buffer`, if it is there whole. Commands after the handshake are passed over.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Incoming>, WireError> {
        loop {
            if self.skip > 0 {
                let here = self.skip.min(buffer.len() as u64);
                buffer.advance(usize::try_from(here).unwrap_or(usize::MAX));
                self.skip -= here;
                if self.skip > 0 {
                    return Ok(None);
                }
                if !self.skip_more {
                    return Ok(Some(self.finish_oversized()));
                }
            }
            let Some((flags, length, head)) = frame_head(buffer)? else {
                return Ok(None);
            };
            let more = flags & MORE != 0;
            if flags & COMMAND != 0 {
                if more || length > COMMAND_LIMIT {
                    return Err(WireError::BadCommand);
                }
                if (buffer.len() as u64) < head as u64 + length {
                    return Ok(None);
                }
                buffer.advance(head + length as usize);
                continue;
            }
            if self.over
                || self.weight.saturating_add(length) > MESSAGE_LIMIT
                || self.frames.len() >= FRAME_LIMIT
            {
                buffer.advance(head);
                self.over = true;
                self.frames = Vec::new();
                self.weight = self.weight.saturating_add(length);
                self.skip = length;
                self.skip_more = more;
                if length == 0 && !more {
                    return Ok(Some(self.finish_oversized()));
                }
                continue;
            }
            let whole = head + length as usize;
            if buffer.len() < whole {
                buffer.reserve(whole - buffer.len());
                return Ok(None);
            }
            buffer.advance(head);
            self.weight += length;
            self.frames.push(buffer.split_to(length as usize).freeze());
            if !more {
                self.weight = 0;
                return Ok(Some(Incoming::Message(std::mem::take(&mut self.frames))));
            }
        }
    }

    fn finish_oversized(&mut self) -> Incoming {
        let bytes = std::mem::take(&mut self.weight);
        self.over = false;
        Incoming::TooLarge { bytes }
    }
}

/// Flags, length of the body and of the head; `None` when more bytes are needed.
fn frame_head(buffer: &[u8]) -> Result<Option<(u8, u64, usize)>, WireError> {
    let Some(&flags) = buffer.first() else {
        return Ok(None);
    };
    if flags & !(MORE | LONG | COMMAND) != 0 {
        return Err(WireError::BadFlags(flags));
    }
    if flags & LONG == 0 {
        return Ok(buffer.get(1).map(|&length| (flags, u64::from(length), 2)));
    }
    let Some(mut length) = buffer.get(1..9) else {
        return Ok(None);
    };
    Ok(Some((flags, length.get_u64(), 9)))
}

/// A message as bytes for the wire.
pub fn encode(frames: &[Bytes]) -> BytesMut {
    let mut out = BytesMut::with_capacity(frames.iter().map(|frame| frame.len() + 9).sum());
    for (at, frame) in frames.iter().enumerate() {
        let more = if at + 1 < frames.len() { MORE } else { 0 };
        put_frame(&mut out, more, frame);
    }
    out
}

fn put_frame(out: &mut BytesMut, flags: u8, body: &[u8]) {
    match u8::try_from(body.len()) {
        Ok(short) => {
            out.put_u8(flags);
            out.put_u8(short);
        }
        Err(_) => {
            out.put_u8(flags | LONG);
            out.put_u64(body.len() as u64);
        }
    }
    out.put_slice(body);
}

/// The receiving half of a connection.
pub struct Receiver {
    from: Box<dyn AsyncRead + Send + Unpin>,
    buffer: BytesMut,
    decoder: Decoder,
}

impl Receiver {
    /// The next message; `None` when the other side closed. Cancel-safe.
    pub async fn receive(&mut self) -> io::Result<Option<Incoming>> {
        loop {
            if let Some(incoming) = self.decoder.next(&mut self.buffer)? {
                return Ok(Some(incoming));
            }
            if self.buffer.capacity() - self.buffer.len() < READ_CHUNK / 2 {
                self.buffer.reserve(READ_CHUNK);
            }
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// The sending half of a connection.
pub struct Sender {
    to: Box<dyn AsyncWrite + Send + Unpin>,
}

impl Sender {
    pub async fn send(&mut self, frames: &[Bytes]) -> io::Result<()> {
        self.to.write_all(&encode(frames)).await?;
        self.to.flush().await
    }
}

/// Connects, shakes hands and, as [`Role::Sub`], subscribes to everything.
pub async fn connect(
    endpoint: &Endpoint,
    role: Role,
    identity: &[u8],
) -> io::Result<(Receiver, Sender)> {
    let (mut from, mut to): (
        Box<dyn AsyncRead + Send + Unpin>,
        Box<dyn AsyncWrite + Send + Unpin>,
    ) = match endpoint {
        Endpoint::Ipc(path) => {
            let (read, write) = UnixStream::connect(path).await?.into_split();
            (Box::new(read), Box::new(write))
        }
        Endpoint::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (read, write) = stream.into_split();
            (Box::new(read), Box::new(write))
        }
    };
    let mut hello = BytesMut::with_capacity(256);
    hello.put_slice(&[0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0]);
    hello.put_slice(b"NULL");
    hello.resize(GREETING, 0);
    let mut ready = BytesMut::new();
    ready.put_slice(b"\x05READY");
    put_property(&mut ready, b"Socket-Type", role.name());
    if role != Role::Sub {
        put_property(&mut ready, b"Identity", identity);
    }
    put_frame(&mut hello, COMMAND, &ready);
    to.write_all(&hello).await?;
    to.flush().await?;

    let mut buffer = BytesMut::with_capacity(READ_CHUNK);
    while buffer.len() < GREETING {
        if from.read_buf(&mut buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    check_greeting(&buffer.split_to(GREETING))?;
    loop {
        if let Some((flags, length, head)) = frame_head(&buffer)? {
            if flags & COMMAND == 0 || length > COMMAND_LIMIT {
                return Err(WireError::BadCommand.into());
            }
            if buffer.len() >= head + length as usize {
                buffer.advance(head);
                let command = buffer.split_to(length as usize);
                if !command.starts_with(b"\x05READY") {
                    return Err(WireError::BadCommand.into());
                }
                break;
            }
        }
        if from.read_buf(&mut buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    if role == Role::Sub {
        to.write_all(&[0, 1, 1]).await?;
        to.flush().await?;
    }
    Ok((
        Receiver {
            from,
            buffer,
            decoder: Decoder::default(),
        },
        Sender { to },
    ))
}

fn put_property(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    out.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
    out.put_slice(name);
    out.put_u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
    out.put_slice(value);
}

fn check_greeting(greeting: &[u8]) -> Result<(), WireError> {
    if greeting.len() != GREETING || greeting[0] != 0xff || greeting[9] != 0x7f {
        return Err(WireError::NotZmtp);
    }
    if greeting[10] < 3 {
        return Err(WireError::OldVersion(greeting[10]));
    }
    let mechanism: Vec<u8> = greeting[12..32]
        .iter()
        .copied()
        .take_while(|&byte| byte != 0)
        .collect();
    if mechanism != b"NULL" {
        return Err(WireError::Mechanism(
            String::from_utf8_lossy(&mechanism).into_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode_all(
        decoder: &mut Decoder,
        bytes: &[u8],
        step: usize,
    ) -> Result<Vec<Incoming>, WireError> {
        let mut buffer = BytesMut::new();
        let mut out = Vec::new();
        for chunk in bytes.chunks(step) {
            buffer.put_slice(chunk);
            while let Some(incoming) = decoder.next(&mut buffer)? {
                out.push(incoming);
            }
        }
        Ok(out)
    }

    #[test]
    fn messages_read_back_however_they_are_cut() {
        let first = vec![
            Bytes::from_static(b"a"),
            Bytes::new(),
            Bytes::from(vec![7_u8; 300]),
        ];
        let second = vec![Bytes::from(vec![9_u8; 70_000])];
        let mut wire = encode(&first);
        put_frame(&mut wire, COMMAND, b"\x04PING\0\0");
        wire.put_slice(&encode(&second));
        for step in [1, 2, 3, 64, 1000, 1_000_000] {
            let all = decode_all(&mut Decoder::default(), &wire, step).expect("decodes");
            assert_eq!(
                all,
                vec![
                    Incoming::Message(first.clone()),
                    Incoming::Message(second.clone())
                ]
            );
        }
    }

    #[test]
    fn a_message_over_the_limit_is_skipped_without_being_held_and_the_next_one_arrives() {
        let mut decoder = Decoder::default();
        let mut buffer = BytesMut::new();
        let size = 200 * 1024 * 1024_u64;
        buffer.put_u8(MORE | LONG);
        buffer.put_u64(size);
        let chunk = vec![0_u8; 1024 * 1024];
        for _ in 0..200 {
            assert_eq!(decoder.next(&mut buffer), Ok(None));
            buffer.put_slice(&chunk);
            assert!(buffer.len() <= 2 * chunk.len());
        }
        buffer.put_slice(&[0, 1, b'x']);
        buffer.put_slice(&encode(&[Bytes::from_static(b"next")]));
        assert_eq!(
            decoder.next(&mut buffer),
            Ok(Some(Incoming::TooLarge { bytes: size + 1 }))
        );
        assert_eq!(
            decoder.next(&mut buffer),
            Ok(Some(Incoming::Message(vec![Bytes::from_static(b"next")])))
        );
    }

    #[test]
    fn a_message_of_too_many_frames_is_skipped() {
        let frames = vec![Bytes::from_static(b"f"); FRAME_LIMIT + 5];
        let all = decode_all(&mut Decoder::default(), &encode(&frames), 100).expect("decodes");
        assert!(matches!(all.as_slice(), [Incoming::TooLarge { .. }]));
    }

    #[test]
    fn mutated_bytes_never_panic_and_never_hold_more_than_they_are() {
        let wire = encode(&[
            Bytes::from_static(b"<IDS|MSG>"),
            Bytes::from(vec![1_u8; 400]),
            Bytes::from_static(b"{}"),
        ]);
        for at in 0..wire.len() {
            for flip in [1_u8, 2, 4, 0x40, 0x80, 0xff] {
                let mut bad = wire.to_vec();
                bad[at] ^= flip;
                // Either outcome is right; what must not happen is a panic or a wait for memory nobody has.
                let _ = decode_all(&mut Decoder::default(), &bad, 17);
                let _ = decode_all(&mut Decoder::default(), &bad[..at], 5);
            }
        }
    }

    #[test]
    fn greetings_that_are_not_ours_are_named() {
        let mut greeting = vec![0_u8; GREETING];
        assert_eq!(check_greeting(&greeting), Err(WireError::NotZmtp));
        greeting[0] = 0xff;
        greeting[9] = 0x7f;
        greeting[10] = 1;
        assert_eq!(check_greeting(&greeting), Err(WireError::OldVersion(1)));
        greeting[10] = 3;
        greeting[12..17].copy_from_slice(b"CURVE");
        assert_eq!(
            check_greeting(&greeting),
            Err(WireError::Mechanism("CURVE".into()))
        );
        greeting[12..17].copy_from_slice(b"NULL\0");
        assert_eq!(check_greeting(&greeting), Ok(()));
    }
}
