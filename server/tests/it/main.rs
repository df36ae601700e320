//! The studio as a program and its users meet it: the real binary, over real sockets, on a folder of its own.

mod accounts;
mod architecture;
mod bad_input;
mod census;
mod lifecycle;
mod notebooks;
mod sockets;
mod studio;
