//! Frames to a tab, as RFC 6455 section 5.2 writes them: a head, and the payload as it is, shared between tabs.

use bytes::Bytes;

/// No message to a tab is in more than one frame, and what a server sends is not masked.
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;

/// One frame that waits to be written.
pub struct Frame {
    head: [u8; 10],
    /// How much of `head` is the head.
    head_bytes: u8,
    body: Bytes,
}

impl Frame {
    pub fn binary(body: Bytes) -> Self {
        Self::new(BINARY, body)
    }

    pub fn ping() -> Self {
        Self::new(PING, Bytes::new())
    }

    /// `reason`: at most 123 bytes.
    pub fn close(code: u16, reason: &str) -> Self {
        let mut body = code.to_be_bytes().to_vec();
        body.extend_from_slice(reason.as_bytes());
        Self::new(CLOSE, body.into())
    }

    /// What has its head already.
    pub fn framed(frame: Bytes) -> Self {
        Self {
            head: [0; 10],
            head_bytes: 0,
            body: frame,
        }
    }

    fn new(first: u8, body: Bytes) -> Self {
        let mut head = [0; 10];
        head[0] = first;
        let head_bytes = match body.len() {
            short @ 0..=125 => {
                head[1] = short as u8;
                2
            }
            middle @ 126..=0xffff => {
                head[1] = 126;
                head[2..4].copy_from_slice(&(middle as u16).to_be_bytes());
                4
            }
            long => {
                head[1] = 127;
                head[2..10].copy_from_slice(&(long as u64).to_be_bytes());
                10
            }
        };
        Self {
            head,
            head_bytes,
            body,
        }
    }

    /// Bytes on the wire.
    pub fn len(&self) -> usize {
        usize::from(self.head_bytes) + self.body.len()
    }

    /// What is left of the head and of the payload behind so many bytes of the frame.
    pub fn after(&self, bytes: usize) -> (&[u8], &[u8]) {
        let head = &self.head[..usize::from(self.head_bytes)];
        let of_head = bytes.min(head.len());
        (&head[of_head..], &self.body[bytes - of_head..])
    }
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
    use tokio_tungstenite::tungstenite::protocol::frame::{self, FrameHeader};

    use super::*;

    fn written(frame: &Frame) -> Vec<u8> {
        let (head, body) = frame.after(0);
        [head, body].concat()
    }

    fn as_the_library_writes(opcode: OpCode, payload: &[u8]) -> Vec<u8> {
        let header = FrameHeader {
            opcode,
            ..FrameHeader::default()
        };
        let frame = frame::Frame::from_payload(header, payload.to_vec().into());
        let mut bytes = Vec::new();
        frame.format(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn frames_of_every_length_are_what_the_library_writes() {
        for length in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, 100_000] {
            let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let frame = Frame::binary(payload.clone().into());
            let expected = as_the_library_writes(OpCode::Data(Data::Binary), &payload);
            assert!(written(&frame) == expected, "{length}");
            assert_eq!(frame.len(), expected.len());
        }
        let ping = as_the_library_writes(OpCode::Control(Control::Ping), b"");
        assert_eq!(written(&Frame::ping()), ping);
        let close = as_the_library_writes(OpCode::Control(Control::Close), b"\x11\x33no");
        assert_eq!(written(&Frame::close(0x1133, "no")), close);
    }

    #[test]
    fn what_is_left_is_the_rest_wherever_it_was_cut() {
        for frame in [
            Frame::binary(vec![9; 200].into()),
            Frame::framed(vec![8; 6].into()),
        ] {
            let whole = written(&frame);
            for cut in 0..=whole.len() {
                let (head, body) = frame.after(cut);
                assert_eq!([head, body].concat(), whole[cut..]);
            }
        }
    }
}
