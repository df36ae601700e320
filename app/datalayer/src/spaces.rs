//! Spaces: where a team keeps its notebooks, with members and roles.

use async_trait::async_trait;
use notebook::wire::May;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::roles::may_schema;
use crate::{Page, PageRequest, Result, Role, SpaceId, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Space {
    pub id: SpaceId,
    /// 1 to 100 characters.
    pub name: String,
    /// At most 500 characters.
    pub description: String,
    pub created_at: Timestamp,
    pub archived_at: Option<Timestamp>,
    pub notebooks: u32,
    pub members: u32,
    /// What you may do here.
    #[schema(schema_with = may_schema)]
    pub may: May,
    pub role: Role,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSpace {
    pub name: String,
    #[serde(default)]
    pub description: String,
}

/// `None` leaves a field as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceChange {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub archived: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    pub user: UserId,
    pub username: String,
    pub name: String,
    pub role: Role,
    pub added_at: Timestamp,
}

#[async_trait]
pub trait Spaces: Send + Sync {
    /// The spaces you are a member of, by name. Archived ones only when asked for.
    async fn list_spaces(&self, archived: bool, page: PageRequest) -> Result<Page<Space>>;
    async fn read_space(&self, space: &SpaceId) -> Result<Space>;
    /// You become its manager.
    async fn create_space(&self, space: NewSpace) -> Result<Space>;
    /// Managers only.
    async fn change_space(&self, space: &SpaceId, change: SpaceChange) -> Result<Space>;
    /// The members, managers first and by username.
    async fn members(&self, space: &SpaceId, page: PageRequest) -> Result<Page<Member>>;
    /// Adds a person by username, or changes their role. Managers only; never above your own role; the last manager stays one.
    async fn set_member(&self, space: &SpaceId, username: &str, role: Role) -> Result<Member>;
    /// Managers only, or yourself; not the last manager.
    async fn remove_member(&self, space: &SpaceId, user: &UserId) -> Result<()>;
}
