//! What the kernel says: checked, understood as far as the queue needs it, and spooled.

use notebook::runs::StreamName;
use rustix::process::Signal;
use serde::Deserialize;

use super::queue::Outcome;
use super::{ASK, Asking, Supervisor};
use crate::message::{Header, Message, Rejected};
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
                self.dropped_output += length;
                return;
            }
            if let Some(stream) = Stream::of(&message.content)
                && (of_running || message.content.len() > PIECE)
            {
                return self.print(at, &parent.msg_id, stream).await;
            }
        }
        if channel == Channel::Iopub && kind == "clear_output" && of_running {
            self.transcript.clear();
        }
        // Whether a kernel is busy is known from the queue.
        if (channel, kind) != (Channel::Iopub, "status") {
            self.write(|spool| spool.message(at, channel, message))
                .await;
        }
    }

    /// Spools what a run printed: of the running cell as much as is shown, of earlier ones (their threads go on) all.
    async fn print(&mut self, at: i64, run: &str, mut stream: Stream<'_>) {
        let stderr = stream.name == StreamName::Stderr;
        let mut piece = String::new();
        while stream.read(&mut piece) {
            let shown = if self.transcript.is_of(run) {
                self.keep(&piece).await
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

fn execution_state(message: &Message) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct State<'a> {
        #[serde(borrow)]
        execution_state: std::borrow::Cow<'a, str>,
    }
    let state: State<'_> = serde_json::from_slice(&message.content).ok()?;
    (state.execution_state == "idle").then_some("idle")
}
