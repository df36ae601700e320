//! Claims about the wire.
