//! What the kernel says: checked, understood as far as the queue needs it, and spooled.

use std::borrow::Cow;

use notebook::runs::StreamName;
use rustix::process::Signal;
use serde::Deserialize;

use super::queue::Outcome;
use super::{ASK, Asking, Supervisor};
use crate::message::{Header, Message};
use crate::moment;
use crate::protocol::Note;
use crate::spool::Channel;
use crate::text::{PIECE, Stream};
use crate::zmtp::Incoming;

/// Three bad messages in a row: the kernel is not what it should be.
const STRIKES: u32 = 3;

impl Supervisor {
    pub(super) async fn heard(&mut self, channel: Channel, incoming: Incoming) {
        if self.strikes.values().any(|strikes| *strikes >= STRIKES) {
            // It is being stopped, and nothing it says counts any more.
            return;
        }
        let frames = match incoming {
            Incoming::Message(frames) => frames,
            Incoming::TooLarge { bytes } => return self.too_large(channel, bytes).await,
        };
        let Some(kernel) = &mut self.kernel else {
            return;
        };
        let message = match kernel.signer.verify(&frames) {
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
            if (channel, header.msg_type.as_str()) == (Channel::Iopub, "status")
                && execution_state(&message).as_deref() == Some("idle")
            {
                self.probed(&parent.msg_id).await;
            }
            self.check_ready();
            return;
        }
        self.check_ready();
        self.spool_message(channel, &header, &parent, &message)
            .await;
        let notes = match (channel, header.msg_type.as_str()) {
            (Channel::Iopub, "status") => match execution_state(&message).as_deref() {
                Some("idle") => {
                    let notes = self.queue.idled(&parent.msg_id);
                    self.end_later();
                    notes
                }
                Some("busy") => {
                    self.queue.busied(&parent.msg_id);
                    self.interrupt_later();
                    Vec::new()
                }
                _ => Vec::new(),
            },
            (Channel::Iopub, _) => {
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
                let notes = self.queue.replied(&parent.msg_id, outcome);
                self.expect_idle();
                notes
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

    /// A message over the limit is gone before anything of it could be read. A person may make one, so the kernel is not at
    /// fault; it is taken for one of the running cell, which is told.
    async fn too_large(&mut self, channel: Channel, bytes: u64) {
        self.dropped += 1;
        tracing::warn!(
            kernel.id = self.args.id,
            ?channel,
            bytes,
            "a message of the kernel was too large"
        );
        let waits_for_answers = channel == Channel::Shell && self.refuse_questions();
        let Some(running) = self.queue.running() else {
            return;
        };
        let run = running.run.clone();
        if channel == Channel::Iopub {
            self.note(&Note::TooLarge { run, bytes }).await;
        } else if channel == Channel::Shell && !waits_for_answers {
            // Its reply, which will not come again. What it said is not known, so what waits must not rely on it.
            self.note(&Note::TooLarge {
                run: run.clone(),
                bytes,
            })
            .await;
            let notes = self.queue.replied(&run, Outcome::Error);
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
                self.introduced(message);
                true
            }
            (Channel::Shell, _) => {
                self.hinted(&parent.msg_id, message);
                true
            }
            (Channel::Control, "create_subshell_reply") => {
                self.subshell_made(message);
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

    async fn spool_message(
        &mut self,
        channel: Channel,
        header: &Header,
        parent: &Header,
        message: &Message,
    ) {
        let at = moment::now();
        let kind = header.msg_type.as_str();
        let of_running = self.transcript.is_of(&parent.msg_id);
        if channel == Channel::Iopub && kind == "stream" {
            let length = message.content.len() as u64;
            self.printed += length;
            if self.printed > self.args.limits.output {
                // The first is told at once, so that nobody takes what is shown for all there is.
                if of_running && self.printed - length <= self.args.limits.output {
                    let run = parent.msg_id.clone();
                    self.note(&Note::Dropped { run, bytes: length }).await;
                } else {
                    self.dropped_output += length;
                }
                return;
            }
            if let Some(stream) = Stream::of(&message.content)
                && (of_running || message.content.len() > PIECE)
            {
                return self.print(at, &parent.msg_id, stream).await;
            }
        }
        if channel == Channel::Iopub && of_running {
            match kind {
                "clear_output" => self.transcript.clear(),
                "display_data" | "execute_result" | "error" => self.transcript.set_apart(),
                _ => {}
            }
        }
        // Whether a kernel is busy is known from the queue.
        if (channel, kind) != (Channel::Iopub, "status") {
            self.write(|spool| spool.message(at, channel, message))
                .await;
        }
    }

    /// Spools what a run printed: of the running cell as much as is shown, of earlier ones (their threads go on) all.
    async fn print(&mut self, at: i64, run: &str, mut stream: Stream<'_>) {
        let name = stream.name;
        let stderr = name == StreamName::Stderr;
        let mut piece = String::new();
        while stream.read(&mut piece) {
            let shown = if self.transcript.is_of(run) {
                self.keep(name, &piece).await
            } else {
                piece.len()
            };
            if shown > 0 {
                self.write(|spool| spool.text(at, run, stderr, &piece[..shown]))
                    .await;
            }
        }
        if self.transcript.is_of(run)
            && let Some(bytes) = self.transcript.news()
        {
            let run = run.to_owned();
            self.note(&Note::Beyond { run, bytes }).await;
        }
    }
}

fn execution_state(message: &Message) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct State<'a> {
        #[serde(borrow)]
        execution_state: Cow<'a, str>,
    }
    let state: State<'_> = serde_json::from_slice(&message.content).ok()?;
    Some(state.execution_state)
}
