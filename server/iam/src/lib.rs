//! server/iam
