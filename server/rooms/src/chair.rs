//! A chair: the door's half of a seat. It slows a hasty tab down, hands on what it says, and leaves when it is dropped.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datalayer::{Error, NotebookId, Result, Seat, Wire};
use notebook::Operation;
use notebook::wire::{Hear, Say};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use crate::frames;
use crate::pace::Pace;
use crate::room::Message;

/// Text that counts as one unit of [`crate::Config::inbox`].
const UNIT_BYTES: usize = 8 * 1024;
const UNIT_OPERATIONS: usize = 64;

pub(crate) struct Chair {
    pub(crate) seat: u32,
    pub(crate) notebook: NotebookId,
    pub(crate) room: mpsc::UnboundedSender<Message>,
    /// Holds [`crate::Config::inbox`] permits; the room gives back what a message took once it has dealt with it.
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) inbox: u32,
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) haste: Mutex<Haste>,
}

pub(crate) struct Haste {
    pub(crate) pace: Pace,
    /// Has the tab been told that it is being slowed down?
    pub(crate) told: bool,
}

#[async_trait]
impl Seat for Chair {
    /// Waits while the tab is too fast or the room has its hands full. Dropping the future takes nothing back and loses
    /// nothing that was accepted: a message is handed over whole, after the last wait.
    async fn hear(&self, say: Say) -> Result<()> {
        match say {
            Say::Ping { at } => {
                // Answered here, so that a busy room does not look like a lost connection.
                if !self
                    .wire
                    .send(frames::frame(&self.notebook, &Hear::Pong { at }))
                {
                    self.wire.close(crate::room::SLOW.0, crate::room::SLOW.1);
                }
                return Ok(());
            }
            Say::Join { .. } => {
                return Err(Error::invalid(
                    "say",
                    "room.malformed",
                    "you have a seat in this room; leave it before you join again",
                ));
            }
            Say::Leave => {
                let _ = self.room.send(Message::Left(self.seat));
                return Ok(());
            }
            Say::Submit { .. } => self.keep_pace().await,
            _ => {}
        }
        let units = units(&say).min(self.inbox);
        // A closed gate or room: the tab has been told so by the room, and what it did not get acknowledged it sends again.
        if let Ok(permit) = self.gate.acquire_many(units).await {
            permit.forget();
            let _ = self.room.send(Message::Said {
                seat: self.seat,
                units,
                say: Box::new(say),
            });
        }
        Ok(())
    }
}

impl Chair {
    async fn keep_pace(&self) {
        let now = Instant::now();
        let (wait, tell) = {
            let mut haste = self.haste.lock().unwrap_or_else(PoisonError::into_inner);
            if haste.pace.is_rested(now) {
                haste.told = false;
            }
            let wait = haste.pace.wait(now);
            haste.pace.count(now);
            let tell = !wait.is_zero() && !haste.told;
            haste.told |= tell;
            (wait, tell)
        };
        if tell {
            self.wire.send(frames::sorry(
                &self.notebook,
                "rate",
                "you are sending more changes than a notebook takes from one tab; they are slowed down, none is lost",
            ));
        }
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
}

impl Drop for Chair {
    fn drop(&mut self) {
        let _ = self.room.send(Message::Left(self.seat));
    }
}

/// What a message costs in the inbox: its memory, roughly, so that a hundred large batches do not fit where a hundred
/// keystrokes do.
fn units(say: &Say) -> u32 {
    let Say::Submit { operations, .. } = say else {
        return 1;
    };
    let bytes: usize = operations.iter().map(bytes_of).sum();
    let units = 1 + operations.len() / UNIT_OPERATIONS + bytes / UNIT_BYTES;
    u32::try_from(units).unwrap_or(u32::MAX)
}

fn bytes_of(operation: &Operation) -> usize {
    match operation {
        Operation::InsertCell {
            source,
            metadata,
            attachments,
            ..
        } => {
            // Attachments carry images: count them properly, the rest by its number.
            let attached: usize = attachments
                .values()
                .map(|value| value.to_string().len())
                .sum();
            source.len() + attached + metadata.len() * 64
        }
        Operation::EditSource { delta, .. } => delta
            .steps()
            .iter()
            .map(|step| {
                if let notebook::Step::Insert(text) = step {
                    text.len()
                } else {
                    4
                }
            })
            .sum(),
        Operation::SetAttachment {
            value: Some(value), ..
        } => value.to_string().len(),
        Operation::SetCellMetadata { value: Some(_), .. }
        | Operation::SetNotebookMetadata { value: Some(_), .. } => 1024,
        _ => 0,
    }
}
