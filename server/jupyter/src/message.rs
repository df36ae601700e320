//! Jupyter messages: signed frames in and out. Nothing unsigned gets past this file.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::moment;

const DELIMITER: &[u8] = b"<IDS|MSG>";
/// Signatures remembered to refuse a replay.
const REMEMBERED: usize = 4096;

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("it has no delimiter")]
    NoDelimiter,
    #[error("it has too few frames")]
    TooFewFrames,
    #[error("its signature is wrong")]
    BadSignature,
    #[error("it was sent before")]
    Replayed,
    #[error("its header is not a header")]
    BadHeader,
}

/// A message whose signature was right, its parts still as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub header: Bytes,
    pub parent: Bytes,
    pub metadata: Bytes,
    pub content: Bytes,
    pub buffers: Vec<Bytes>,
}

/// What is read of a header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Header {
    #[serde(default)]
    pub msg_id: String,
    #[serde(default)]
    pub msg_type: String,
}

impl Message {
    /// The header and the parent's header; the latter is empty for a message that answers nothing.
    pub fn heads(&self) -> Option<(Header, Header)> {
        let header: Header = serde_json::from_slice(&self.header).ok()?;
        let parent: Header = serde_json::from_slice(&self.parent).ok()?;
        Some((header, parent))
    }

    /// The content. Kernels write what JSON does not know (`NaN`, halves of surrogate pairs, bytes that are no UTF-8); that
    /// is read, too.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.content).ok().or_else(|| {
            let text = String::from_utf8_lossy(&self.content);
            let read = notebook::formats::json::read(&text).ok()?;
            Some(read.value)
        })
    }
}

/// The key a kernel and its supervisor share, and the identity of one session with it.
pub struct Signer {
    mac: Hmac<Sha256>,
    session: String,
    seen: HashSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

impl Signer {
    pub fn new(key: &[u8], session: String) -> Self {
        // HMAC takes a key of any length, so the fallback is never reached; it keeps this function total.
        let mac =
            Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()));
        Self {
            mac,
            session,
            seen: HashSet::new(),
            order: VecDeque::new(),
        }
    }

    /// Frames of a new message of ours.
    pub fn sign(
        &self,
        id: &str,
        kind: &str,
        parent: Option<&Bytes>,
        content: &Value,
    ) -> Vec<Bytes> {
        self.sign_for(id, kind, None, parent, content)
    }

    /// Frames of a new message of ours, for one of the kernel's subshells.
    pub fn sign_for(
        &self,
        id: &str,
        kind: &str,
        subshell: Option<&str>,
        parent: Option<&Bytes>,
        content: &Value,
    ) -> Vec<Bytes> {
        let mut header = json!({
            "msg_id": id,
            "msg_type": kind,
            "session": self.session,
            "username": "datalayer",
            "date": moment::iso(moment::now()),
            "version": "5.5",
        });
        if let Some(subshell) = subshell {
            header["subshell_id"] = json!(subshell);
        }
        let parts = [
            Bytes::from(header.to_string()),
            parent.cloned().unwrap_or_else(|| Bytes::from_static(b"{}")),
            Bytes::from_static(b"{}"),
            Bytes::from(content.to_string()),
        ];
        let mut mac = self.mac.clone();
        for part in &parts {
            mac.update(part);
        }
        let signature = to_hex(&mac.finalize().into_bytes());
        let mut frames = vec![Bytes::from_static(DELIMITER), Bytes::from(signature)];
        frames.extend(parts);
        frames
    }

    /// The message in these frames, if it is one, is signed with our key and is new.
    pub fn verify(&mut self, frames: &[Bytes]) -> Result<Message, Rejected> {
        let delimiter = frames
            .iter()
            .position(|frame| frame.as_ref() == DELIMITER)
            .ok_or(Rejected::NoDelimiter)?;
        let [signature, header, parent, metadata, content, buffers @ ..] = &frames[delimiter + 1..]
        else {
            return Err(Rejected::TooFewFrames);
        };
        let signature = from_hex(signature).ok_or(Rejected::BadSignature)?;
        let mut mac = self.mac.clone();
        for part in [header, parent, metadata, content] {
            mac.update(part);
        }
        // `verify_slice` compares in constant time.
        mac.verify_slice(&signature)
            .map_err(|_| Rejected::BadSignature)?;
        if !self.seen.insert(signature) {
            return Err(Rejected::Replayed);
        }
        self.order.push_back(signature);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        let message = Message {
            header: header.clone(),
            parent: parent.clone(),
            metadata: metadata.clone(),
            content: content.clone(),
            buffers: buffers.to_vec(),
        };
        match message.heads() {
            Some((header, _)) if !header.msg_type.is_empty() => Ok(message),
            _ => Err(Rejected::BadHeader),
        }
    }
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

fn from_hex(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    let mut bytes = [0_u8; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = (digit(text[2 * at])? << 4) | digit(text[2 * at + 1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new(b"key", "session".into())
    }

    fn message() -> Vec<Bytes> {
        signer().sign(
            "m1",
            "stream",
            None,
            &json!({"name": "stdout", "text": "hello"}),
        )
    }

    #[test]
    fn a_signed_message_is_taken_once_with_or_without_a_topic_before_it() {
        let mut verifier = signer();
        let mut frames = message();
        frames.insert(0, Bytes::from_static(b"kernel.stream"));
        frames.push(Bytes::from_static(b"buffer"));
        let taken = verifier.verify(&frames).expect("taken");
        assert_eq!(taken.json().expect("content")["text"], "hello");
        assert_eq!(taken.buffers, vec![Bytes::from_static(b"buffer")]);
        assert_eq!(taken.heads().expect("heads").0.msg_id, "m1");
        assert_eq!(verifier.verify(&frames), Err(Rejected::Replayed));
    }

    #[test]
    fn every_flipped_bit_of_a_signed_part_is_noticed() {
        let frames = message();
        for part in 1..frames.len() {
            for at in 0..frames[part].len() {
                let mut bad = frames.clone();
                let mut bytes = bad[part].to_vec();
                bytes[at] ^= 1;
                bad[part] = Bytes::from(bytes);
                assert_eq!(
                    signer().verify(&bad),
                    Err(Rejected::BadSignature),
                    "frame {part}, byte {at}"
                );
            }
        }
    }

    #[test]
    fn missing_frames_wrong_order_and_foreign_keys_are_refused() {
        let frames = message();
        for keep in 0..frames.len() {
            assert!(signer().verify(&frames[..keep]).is_err(), "{keep} frames");
        }
        assert_eq!(signer().verify(&frames[..3]), Err(Rejected::TooFewFrames));
        assert_eq!(signer().verify(&frames[1..]), Err(Rejected::NoDelimiter));
        let mut swapped = frames.clone();
        swapped.swap(2, 5);
        assert_eq!(signer().verify(&swapped), Err(Rejected::BadSignature));
        assert_eq!(
            Signer::new(b"other", "session".into()).verify(&frames),
            Err(Rejected::BadSignature)
        );
    }

    #[test]
    fn a_signed_header_that_is_not_json_is_refused() {
        for header in [
            &b"not json"[..],
            b"[]",
            b"3",
            b"{}",
            b"\xff\xfe",
            b"{\"msg_type\": 5}",
        ] {
            let parts = [header, b"{}", b"{}", b"{}"];
            let mut mac = signer().mac.clone();
            for part in parts {
                mac.update(part);
            }
            let mut frames = vec![
                Bytes::from_static(DELIMITER),
                Bytes::from(to_hex(&mac.finalize().into_bytes())),
            ];
            frames.extend(parts.map(Bytes::from_static));
            assert_eq!(signer().verify(&frames), Err(Rejected::BadHeader));
        }
    }
}
