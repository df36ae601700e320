//! What the kernel says: checked, understood as far as the queue needs it, and spooled.

use rustix::process::Signal;
use serde::Deserialize;

use super::queue::Outcome;
use super::{ASK, Asking, Supervisor};
use crate::message::{Header, Message, Rejected};
use crate::moment;
use crate::spool::Channel;
use crate::zmtp::Incoming;

/// Three bad messages in a row: the kernel is not what it should be.
const STRIKES: u32 = 3;
/// Stream messages longer than this are spooled in pieces.
const PIECE: usize = 64 * 1024;

impl Supervisor {
    pub(super) async fn heard(&mut self, channel: Channel, incoming: Incoming) {
        if self.strikes.values().any(|strikes| *strikes >= STRIKES) {
            // It is being stopped, and nothing it says counts any more.
            return;
        }
        let verified = match incoming {
            Incoming::Message(frames) => {
                let Some(kernel) = &mut self.kernel else {
                    return;
                };
                kernel.signer.verify(&frames)
            }
            Incoming::TooLarge { .. } => Err(Rejected::TooLarge),
        };
        let message = match verified {
            Ok(message) => message,
            Err(why) => {
                self.dropped += 1;
                let strikes = self.strikes.entry(channel).or_default();
                *strikes += 1;
                let faulty = *strikes == STRIKES;
                tracing::warn!(kernel.id = self.args.id, ?channel, %why, "a message of the kernel was dropped");
                if faulty {
                    self.cause = Some(format!(
                        "The kernel is faulty and was stopped: {STRIKES} messages in a row could not be trusted; the last one because {why}."
                    ));
                    self.signal(Signal::KILL);
                }
                return;
            }
        };
        self.strikes.remove(&channel);
        let Some((header, parent)) = message.heads() else {
            return;
        };
        if channel == Channel::Iopub {
            self.iopub_seen = true;
        }
        if parent.msg_id.starts_with(ASK) && self.take_answer(channel, &header, &parent, &message) {
            self.check_ready();
            return;
        }
        self.check_ready();
        self.spool_message(channel, &header, &parent, &message)
            .await;
        let notes = match (channel, header.msg_type.as_str()) {
            (Channel::Iopub, "status") if execution_state(&message) == Some("idle") => {
                self.queue.idled(&parent.msg_id)
            }
            (Channel::Iopub, "execute_input") => {
                if self.queue.taken(&parent.msg_id) {
                    self.interrupt_kernel();
                }
                Vec::new()
            }
            (Channel::Shell, "execute_reply") => {
                let content = message.json().unwrap_or_default();
                let outcome = match content["status"].as_str() {
                    Some("ok") => Outcome::Ok,
                    Some("aborted") => Outcome::Aborted,
                    _ => Outcome::Error,
                };
                self.queue.replied(&parent.msg_id, outcome)
            }
            (Channel::Stdin, "input_request") => {
                self.input_requested(&message, parent);
                Vec::new()
            }
            _ => Vec::new(),
        };
        if !notes.is_empty() {
            self.ended(&notes).await;
        }
    }

    /// Was this the answer to (or the noise around) a question of ours?
    pub(super) fn take_answer(
        &mut self,
        channel: Channel,
        header: &Header,
        parent: &Header,
        message: &Message,
    ) -> bool {
        match (channel, header.msg_type.as_str()) {
            (Channel::Shell, "kernel_info_reply") => {
                self.info_seen = true;
                true
            }
            (Channel::Shell, _) => {
                if let Some((studio, ask)) = self.requests.remove(&parent.msg_id) {
                    self.answer(studio, ask, Ok(message.json().unwrap_or_default()));
                }
                true
            }
            (Channel::Control, _) | (Channel::Iopub, "status") => true,
            _ => false,
        }
    }

    pub(super) fn input_requested(&mut self, message: &Message, parent: Header) {
        let Some(running) = self
            .queue
            .running()
            .filter(|running| running.run == parent.msg_id)
        else {
            return;
        };
        let content = message.json().unwrap_or_default();
        self.asking = Some(Asking {
            run: parent.msg_id,
            cell: running.cell.clone(),
            parent: message.header.clone(),
            prompt: content["prompt"].as_str().unwrap_or_default().to_owned(),
            password: content["password"].as_bool().unwrap_or(false),
        });
    }

    pub(super) async fn spool_message(
        &mut self,
        channel: Channel,
        header: &Header,
        parent: &Header,
        message: &Message,
    ) {
        let at = moment::now();
        if channel == Channel::Iopub && header.msg_type == "stream" {
            let length = message.content.len() as u64;
            self.printed += length;
            if self.printed > self.args.limits.output {
                self.dropped_output += length;
                return;
            }
            if message.content.len() > PIECE
                && let Ok(stream) = serde_json::from_slice::<Stream>(&message.content)
            {
                for piece in pieces(&stream.text, PIECE) {
                    self.write(|spool| {
                        spool.text(at, &parent.msg_id, stream.name == "stderr", piece)
                    })
                    .await;
                }
                return;
            }
        }
        self.write(|spool| spool.message(at, channel, message))
            .await;
    }
}

#[derive(Deserialize)]
struct Stream {
    name: String,
    text: String,
}

fn execution_state(message: &Message) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct State<'a> {
        #[serde(borrow)]
        execution_state: std::borrow::Cow<'a, str>,
    }
    let state: State<'_> = serde_json::from_slice(&message.content).ok()?;
    (state.execution_state == "idle").then_some("idle")
}

/// A text in pieces of at most `size` bytes, cut between characters.
fn pieces(text: &str, size: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at(rest.floor_char_boundary(size.min(rest.len())));
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters_and_nothing_is_lost() {
        let text = "aé€😀".repeat(1000);
        for size in [4, 5, 7, 64, 100_000] {
            let cut: Vec<&str> = pieces(&text, size).collect();
            assert_eq!(cut.concat(), text);
            assert!(cut.iter().all(|piece| piece.len() <= size));
        }
    }
}
