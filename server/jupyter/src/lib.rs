//! Kernels: the embedded gateway, its supervisors, the run queue and the wire protocol.
//!
//! The studio holds a [`Gateway`]; every kernel has a supervisor process ([`supervise`]) that holds the kernel's ZeroMQ
//! sockets, runs its queue and spools all it says, so that runs outlive the studio. The gateway folds the spool into the
//! run log and remembers how far it came.

mod message;
mod moment;
mod protocol;
mod spool;
mod supervisor;
mod zmtp;

pub use protocol::{Limits, SupervisorArgs};
pub use supervisor::{SupervisorError, supervise};
