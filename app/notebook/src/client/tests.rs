//! Claims about the client.
