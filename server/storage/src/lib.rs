//! server/storage
