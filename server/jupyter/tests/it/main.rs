//! The gateway against real kernels: supervisor, spool, folding and the run log together. And the proxy, against servers
//! that are written by hand and against a real JupyterHub.

mod clearing;
mod dying;
mod hostile;
mod house;
mod older;
#[cfg(test)]
mod proxy;
mod queueing;
mod running;
mod surviving;
