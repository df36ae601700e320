//! The studio: configuration, wiring, router and lifecycle.

#![recursion_limit = "512"]

mod admin;
pub mod cli;
pub mod config;
mod hub;
mod no_kernels;
pub mod pages;
pub mod provider;
mod serve;
mod site;
mod terminal;
mod wiring;

pub use serve::serve;
