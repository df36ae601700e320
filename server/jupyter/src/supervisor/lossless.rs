//! What a kernel says on IOPub has to arrive. A ZeroMQ publisher throws away what its reader has not taken in time, a thousand
//! messages at most, and says nothing of it: the kernel is asked to wait instead, and a run whose end was thrown away still ends.

use std::time::Duration;

use serde_json::json;

use super::{Event, Supervisor};
use crate::protocol::Note;
use crate::spool::Channel;

/// How long the idle after a reply may be on its way. Asked after that, the kernel says so in the order in which it says all else.
const ON_ITS_WAY: Duration = Duration::from_secs(2);

/// Makes ipykernel's publisher wait for its reader (`ZMQ_XPUB_NODROP`). Silent, and with names of its own, so that nothing of it
/// is in the person's namespace or history; the option is set in the thread that has the socket.
const WAIT_FOR_READER: &str = r#"exec("""
try:
    from zmq import XPUB_NODROP
    publisher = get_ipython().kernel.iopub_thread
    def wait_for_reader():
        try:
            publisher.socket.setsockopt(XPUB_NODROP, 1)
        except Exception:
            pass
    publisher.schedule(wait_for_reader)
except Exception:
    pass
""", {"get_ipython": get_ipython})"#;

/// What is asked to learn whether the end of a run was thrown away.
pub(super) struct Probe {
    pub id: String,
    pub run: String,
}

impl Supervisor {
    /// The kernel has introduced itself: before it executes anything, it learns to wait.
    pub(super) fn teach_to_wait(&mut self, implementation: &str) {
        if implementation != "ipython" || self.taught == self.epoch {
            return;
        }
        self.taught = self.epoch;
        let content = json!({
            "code": WAIT_FOR_READER,
            "silent": true,
            "store_history": false,
            "user_expressions": {},
            "allow_stdin": false,
            "stop_on_error": false,
        });
        self.send(Channel::Shell, "execute_request", None, &content);
    }

    /// The kernel has replied. Where it is not idle yet, that should come at once.
    pub(super) fn expect_idle(&self) {
        if let Some(run) = self.queue.replied_and_not_idle() {
            let run = run.to_owned();
            self.later(self.epoch, ON_ITS_WAY, move |epoch| Event::IdleOverdue {
                epoch,
                run: run.clone(),
            });
        }
    }

    /// It did not. What the kernel says to another question comes behind everything it has said of the run.
    pub(super) fn probe(&mut self, run: &str) {
        if self.queue.replied_and_not_idle() == Some(run) {
            let id = self.send(Channel::Shell, "kernel_info_request", None, &json!({}));
            self.probe = Some(Probe {
                id,
                run: run.to_owned(),
            });
        }
    }

    /// The kernel was idle after this question of ours: the idle of the run it was asked for will not come any more.
    pub(super) async fn probed(&mut self, id: &str) {
        let Some(Probe { run, .. }) = self.probe.take_if(|probe| probe.id == id) else {
            return;
        };
        if self.queue.replied_and_not_idle() != Some(run.as_str()) {
            return;
        }
        tracing::warn!(
            kernel.id = self.args.id,
            run.id = run,
            "messages of the kernel were lost on their way"
        );
        self.note(&Note::Lost { run: run.clone() }).await;
        let notes = self.queue.idled(&run);
        self.ended(&notes).await;
    }
}
