//! Kernels: the embedded gateway, its supervisors, the run queue and the wire protocol.
//!
//! The studio holds a [`Gateway`]; every kernel has a supervisor process ([`supervise`]) that holds the kernel's ZeroMQ
//! sockets, runs its queue and spools all it says, so that runs outlive the studio. The gateway folds the spool into the
//! run log and remembers how far it came.
//!
//! Where people have a JupyterHub, [`proxy`] is the way through to it.

mod blobs;
mod config;
mod environment;
mod fold;
mod follow;
mod gateway;
mod kernelspecs;
mod link;
mod message;
mod moment;
mod protocol;
pub mod proxy;
mod runtime;
mod screen;
mod spill;
mod spool;
mod supervisor;
mod text;
mod zmtp;

/// The wire protocol by itself: for measurements against a kernel without anything in between.
pub mod wire {
    pub use crate::message::{Header, Message, Rejected, Signer};
    pub use crate::zmtp::{Endpoint, Incoming, Receiver, Role, Sender, connect};
}

pub use config::Config;
pub use gateway::Gateway;
pub use protocol::{Limits, SupervisorArgs};
pub use supervisor::{SupervisorError, supervise};
