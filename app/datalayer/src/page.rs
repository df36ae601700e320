//! Lists come in pages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which part of a list: items older than `before`, at most `limit` (1 to 200).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageRequest {
    #[serde(default)]
    pub before: Option<String>,
    #[serde(default = "fifty")]
    pub limit: u32,
}

fn fifty() -> u32 {
    50
}

impl PageRequest {
    pub fn first() -> Self {
        Self {
            before: None,
            limit: fifty(),
        }
    }

    pub fn clamped(&self) -> i64 {
        i64::from(self.limit.clamp(1, 200))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Pass it as `before` for the next page; `None` at the end.
    pub next: Option<String>,
}
