//! The way through to a JupyterHub.

mod front;
mod hub;
mod passing;
mod refusing;
mod reusing;
mod smuggling;
mod sockets;
mod streaming;
