//! The studio as a program and its users meet it: the real binary, over real sockets, on a folder of its own.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod census;
#[cfg(test)]
mod hub;
#[cfg(test)]
mod kernels;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod notebooks;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod studio;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod versions;
