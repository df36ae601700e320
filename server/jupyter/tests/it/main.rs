//! The gateway against real kernels: supervisor, spool, folding and the run log together.

mod dying;
mod hostile;
mod house;
mod running;
mod surviving;
