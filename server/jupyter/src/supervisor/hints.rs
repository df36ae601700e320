//! Completion and inspection: questions to the kernel that do not wait for the cell that runs.
//!
//! A kernel's main shell answers between two cells. While one runs, a kernel with subshells is asked in one of those, made
//! for this when it is first needed; every other kernel is not asked, and who wanted to know is told that it is busy.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Phase, Supervisor};
use crate::message::Message;
use crate::protocol::Refusal;
use crate::spool::Channel;

/// As kernels name it among their `supported_features`.
const FEATURE: &str = "kernel subshells";

/// Whoever asked has lost patience long before.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a studio wants to know.
pub struct Question {
    pub studio: u64,
    pub ask: u64,
    pub kind: String,
    pub content: Value,
}

/// What is asked of one life of a kernel.
#[derive(Default)]
pub struct Hints {
    /// Who asked, and as what, by the id of the message that is on its way.
    asked: HashMap<String, Asked>,
    subshell: Subshell,
}

struct Asked {
    studio: u64,
    ask: u64,
    at: Instant,
}

#[derive(Default)]
enum Subshell {
    /// The kernel has none.
    #[default]
    None,
    Possible,
    /// It is being made, since then; these wait for it.
    Coming(Instant, Vec<Question>),
    Open(String),
}

impl Hints {
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty() && !matches!(self.subshell, Subshell::Coming(..))
    }

    /// What was not answered for so long will not be, and must not keep an idle kernel alive.
    pub fn give_up(&mut self, now: Instant) {
        self.asked
            .retain(|_, asked| now.duration_since(asked.at) < PATIENCE);
        if let Subshell::Coming(since, _) = self.subshell
            && now.duration_since(since) >= PATIENCE
        {
            self.subshell = Subshell::Possible;
        }
    }
}

impl Supervisor {
    pub(super) fn question(&mut self, question: Question) {
        if !matches!(self.phase, Phase::Ready) {
            let refusal = Refusal::new("kernel.not_ready", "the kernel is not ready");
            return self.answer(question.studio, question.ask, Err(refusal));
        }
        if self.queue.running().is_none() {
            return self.pose(question, None);
        }
        match &mut self.hints.subshell {
            Subshell::None => self.answer(question.studio, question.ask, Err(busy())),
            Subshell::Coming(_, waiting) => waiting.push(question),
            Subshell::Open(id) => {
                let id = id.clone();
                self.pose(question, Some(&id));
            }
            Subshell::Possible => {
                self.hints.subshell = Subshell::Coming(Instant::now(), vec![question]);
                self.send(
                    Channel::Control,
                    "create_subshell_request",
                    None,
                    &json!({}),
                );
            }
        }
    }

    /// The kernel said what it can do.
    pub(super) fn introduced(&mut self, message: &Message) {
        #[derive(Deserialize)]
        struct Info {
            #[serde(default)]
            supported_features: Vec<String>,
            #[serde(default)]
            implementation: String,
        }
        let Ok(info) = serde_json::from_slice::<Info>(&message.content) else {
            return;
        };
        self.teach_to_wait(&info.implementation);
        let has = info.supported_features.iter().any(|known| known == FEATURE);
        if has && matches!(self.hints.subshell, Subshell::None) {
            self.hints.subshell = Subshell::Possible;
        }
    }

    /// The kernel has made a subshell, or could not.
    pub(super) fn subshell_made(&mut self, message: &Message) {
        let made = message.json().unwrap_or_default();
        let (next, id) = match made["subshell_id"].as_str() {
            Some(id) => (Subshell::Open(id.to_owned()), Some(id)),
            None => (Subshell::None, None),
        };
        let Subshell::Coming(_, waiting) = std::mem::replace(&mut self.hints.subshell, next) else {
            return;
        };
        for question in waiting {
            match id {
                Some(id) => self.pose(question, Some(id)),
                None => self.answer(question.studio, question.ask, Err(busy())),
            }
        }
    }

    /// The kernel answers the question of this id.
    pub(super) fn hinted(&mut self, id: &str, message: &Message) {
        let Some(Asked { studio, ask, .. }) = self.hints.asked.remove(id) else {
            return;
        };
        let content = message.json().unwrap_or_default();
        let lost = content["ename"] == "UnknownSubshellError";
        if lost && matches!(self.hints.subshell, Subshell::Open(_)) {
            // What runs in the kernel may end subshells; the next question gets another.
            self.hints.subshell = Subshell::Possible;
        }
        self.answer(studio, ask, Ok(content));
    }

    /// An answer came and could not be read; whose it was is not known. False where nobody waits for one.
    pub(super) fn refuse_questions(&mut self) -> bool {
        let asked = std::mem::take(&mut self.hints.asked);
        let waited = !asked.is_empty();
        for Asked { studio, ask, .. } in asked.into_values() {
            let refusal = Refusal::new("kernel.too_large", "the kernel's answer was too large");
            self.answer(studio, ask, Err(refusal));
        }
        waited
    }

    /// This kernel answers nothing any more; the next one may have other abilities.
    pub(super) fn forget_questions(&mut self) {
        let Hints { asked, subshell } = std::mem::take(&mut self.hints);
        let waiting = match subshell {
            Subshell::Coming(_, waiting) => waiting,
            _ => Vec::new(),
        };
        let asked = asked.into_values().map(|one| (one.studio, one.ask));
        let waiting = waiting.into_iter().map(|one| (one.studio, one.ask));
        for (studio, ask) in asked.chain(waiting) {
            let refusal = Refusal::new("kernel.gone", "the kernel ended before it answered");
            self.answer(studio, ask, Err(refusal));
        }
    }

    fn pose(&mut self, question: Question, subshell: Option<&str>) {
        let Question {
            studio,
            ask,
            kind,
            content,
        } = question;
        let id = self.send_to(Channel::Shell, &kind, subshell, None, &content);
        let at = Instant::now();
        self.hints.asked.insert(id, Asked { studio, ask, at });
    }
}

fn busy() -> Refusal {
    Refusal::new(
        "kernel.busy",
        "the kernel is busy with a cell; ask again when it has ended",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_answered_is_given_up_and_what_is_new_is_not() {
        let begun = Instant::now();
        let mut hints = Hints::default();
        let asked = |at| Asked {
            studio: 1,
            ask: 1,
            at,
        };
        hints.asked.insert("old".into(), asked(begun));
        hints
            .asked
            .insert("new".into(), asked(begun + PATIENCE / 2));
        hints.subshell = Subshell::Coming(begun, Vec::new());
        hints.give_up(begun + PATIENCE);
        assert_eq!(hints.asked.keys().collect::<Vec<_>>(), ["new"]);
        assert!(matches!(hints.subshell, Subshell::Possible));
        hints.give_up(begun + 2 * PATIENCE);
        assert!(hints.is_empty());
    }
}
