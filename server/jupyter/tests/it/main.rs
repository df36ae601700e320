//! The gateway against real kernels: supervisor, spool, folding and the run log together.

mod clearing;
mod dying;
mod hostile;
mod house;
mod older;
mod queueing;
mod running;
mod surviving;
