//! server/db
