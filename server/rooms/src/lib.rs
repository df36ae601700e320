//! server/rooms
