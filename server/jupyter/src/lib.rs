//! server/jupyter
