//! server/api
