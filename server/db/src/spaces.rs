//! Spaces and their members.

use datalayer::{Member, Role, SpaceId, Timestamp, UserId};

use crate::accounts::stored;
use crate::audit::audit;
use crate::{Audit, Db, Result};

/// A space, and the asker's role in it where they have one.
#[derive(Clone, Debug)]
pub struct SpaceFacts {
    pub id: SpaceId,
    pub name: String,
    /// The name as lists sort it.
    pub name_key: String,
    pub description: String,
    pub created_at: Timestamp,
    pub archived_at: Option<Timestamp>,
    pub notebooks: u32,
    pub members: u32,
    pub role: Option<Role>,
}

/// What became of a change of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberChange {
    Done,
    /// Someone must stay manager.
    LastManager,
    NotAMember,
}

type SpaceRow = (
    String,
    String,
    String,
    String,
    i64,
    Option<i64>,
    i64,
    i64,
    Option<String>,
);

type MemberRow = (String, String, String, String, i64);

macro_rules! insert_space {
    ($tx:ident, $space:expr, $manager:expr) => {{
        let space: &$crate::SpaceFacts = $space;
        sqlx::query(
            "insert into spaces (id, name, name_key, description, created_at, changed_at, archived_at)
             values ($1, $2, $3, $4, $5, $5, null)",
        )
        .bind(space.id.as_str())
        .bind(&space.name)
        .bind(&space.name_key)
        .bind(&space.description)
        .bind(space.created_at.0)
        .execute(&mut *$tx)
        .await?;
        sqlx::query("insert into members (space_id, user_id, role, added_at) values ($1, $2, 'manager', $3)")
            .bind(space.id.as_str())
            .bind($manager)
            .bind(space.created_at.0)
            .execute(&mut *$tx)
            .await?;
    }};
}
pub(crate) use insert_space;

/// Makes changes of one space's members wait for each other on Postgres too.
macro_rules! lock_space {
    ($tx:ident, $space:expr, $at:expr) => {
        sqlx::query("update spaces set changed_at = $1 where id = $2")
            .bind($at)
            .bind($space)
            .execute(&mut *$tx)
            .await?
    };
}

/// Is there a manager who can still sign in?
macro_rules! has_manager {
    ($tx:ident, $space:expr) => {
        sqlx::query_scalar::<_, bool>(
            "select exists (select 1 from members m join users u on u.id = m.user_id
             where m.space_id = $1 and m.role = 'manager' and u.disabled_at is null)",
        )
        .bind($space)
        .fetch_one(&mut *$tx)
        .await?
    };
}

impl Db {
    pub async fn add_space(
        &self,
        space: &SpaceFacts,
        manager: &UserId,
        entry: &Audit,
    ) -> Result<()> {
        change!(self, tx => {
            insert_space!(tx, space, manager.as_str());
            audit!(tx, entry);
        });
        Ok(())
    }

    /// A space as this person sees it; `role` is `None` for a stranger.
    pub async fn space_for(&self, user: &UserId, space: &SpaceId) -> Result<Option<SpaceFacts>> {
        let row: Option<SpaceRow> = on!(self, pool => {
            sqlx::query_as(
                "select s.id, s.name, s.name_key, s.description, s.created_at, s.archived_at,
                        (select count(*) from notebooks n where n.space_id = s.id and n.archived_at is null),
                        (select count(*) from members a where a.space_id = s.id),
                        m.role
                 from spaces s left join members m on m.space_id = s.id and m.user_id = $1
                 where s.id = $2",
            )
            .bind(user.as_str())
            .bind(space.as_str())
            .fetch_optional(pool)
            .await?
        });
        row.map(space_facts).transpose()
    }

    /// The spaces of a person by name, behind `after` (name key and id).
    pub async fn spaces_of(
        &self,
        user: &UserId,
        archived: bool,
        after: Option<(&str, &str)>,
        limit: i64,
    ) -> Result<Vec<SpaceFacts>> {
        let (key, id) = after.unwrap_or(("", ""));
        let rows: Vec<SpaceRow> = on!(self, pool => {
            sqlx::query_as(
                "select s.id, s.name, s.name_key, s.description, s.created_at, s.archived_at,
                        (select count(*) from notebooks n where n.space_id = s.id and n.archived_at is null),
                        (select count(*) from members a where a.space_id = s.id),
                        m.role
                 from members m join spaces s on s.id = m.space_id
                 where m.user_id = $1 and (s.archived_at is not null) = $2
                   and (s.name_key > $3 or (s.name_key = $3 and s.id > $4))
                 order by s.name_key, s.id limit $5",
            )
            .bind(user.as_str())
            .bind(archived)
            .bind(key)
            .bind(id)
            .bind(limit)
            .fetch_all(pool)
            .await?
        });
        rows.into_iter().map(space_facts).collect()
    }

    /// Writes the fields that can change.
    pub async fn change_space(
        &self,
        space: &SpaceFacts,
        at: Timestamp,
        entry: &Audit,
    ) -> Result<()> {
        change!(self, tx => {
            sqlx::query(
                "update spaces set name = $1, name_key = $2, description = $3, archived_at = $4, changed_at = $5 where id = $6",
            )
            .bind(&space.name)
            .bind(&space.name_key)
            .bind(&space.description)
            .bind(space.archived_at.map(|at| at.0))
            .bind(at.0)
            .bind(space.id.as_str())
            .execute(&mut *tx)
            .await?;
            audit!(tx, entry);
        });
        Ok(())
    }

    /// The members of a space, the highest role first and by username, behind `after` (the place of the role, username).
    pub async fn members_in(
        &self,
        space: &SpaceId,
        after: Option<(i64, &str)>,
        limit: i64,
    ) -> Result<Vec<Member>> {
        let (place, username) = after.unwrap_or((-1, ""));
        let rows: Vec<MemberRow> = on!(self, pool => {
            sqlx::query_as(
                "select u.id, u.username, u.name, m.role, m.added_at
                 from (select user_id, role, added_at,
                              case role when 'manager' then 0 when 'editor' then 1 when 'runner' then 2
                                        when 'suggester' then 3 when 'commenter' then 4 else 5 end as place
                       from members where space_id = $1) m
                 join users u on u.id = m.user_id
                 where m.place > $2 or (m.place = $2 and u.username > $3)
                 order by m.place, u.username limit $4",
            )
            .bind(space.as_str())
            .bind(place)
            .bind(username)
            .bind(limit)
            .fetch_all(pool)
            .await?
        });
        rows.into_iter().map(member).collect()
    }

    pub async fn member(&self, space: &SpaceId, user: &UserId) -> Result<Option<Member>> {
        let row: Option<MemberRow> = on!(self, pool => {
            sqlx::query_as(
                "select u.id, u.username, u.name, m.role, m.added_at
                 from members m join users u on u.id = m.user_id where m.space_id = $1 and m.user_id = $2",
            )
            .bind(space.as_str())
            .bind(user.as_str())
            .fetch_optional(pool)
            .await?
        });
        row.map(member).transpose()
    }

    /// Ids of the members, to tell them that something changed.
    pub async fn member_ids(&self, space: &SpaceId) -> Result<Vec<UserId>> {
        let rows: Vec<String> = on!(self, pool => {
            sqlx::query_scalar("select user_id from members where space_id = $1").bind(space.as_str()).fetch_all(pool).await?
        });
        rows.into_iter().map(stored).collect()
    }

    pub async fn set_member(
        &self,
        space: &SpaceId,
        user: &UserId,
        role: Role,
        at: Timestamp,
        entry: &Audit,
    ) -> Result<MemberChange> {
        change!(self, tx => {
            lock_space!(tx, space.as_str(), at.0);
            sqlx::query(
                "insert into members (space_id, user_id, role, added_at) values ($1, $2, $3, $4)
                 on conflict (space_id, user_id) do update set role = excluded.role",
            )
            .bind(space.as_str())
            .bind(user.as_str())
            .bind(role.as_str())
            .bind(at.0)
            .execute(&mut *tx)
            .await?;
            if !has_manager!(tx, space.as_str()) {
                return Ok(MemberChange::LastManager);
            }
            audit!(tx, entry);
        });
        Ok(MemberChange::Done)
    }

    pub async fn remove_member(
        &self,
        space: &SpaceId,
        user: &UserId,
        at: Timestamp,
        entry: &Audit,
    ) -> Result<MemberChange> {
        change!(self, tx => {
            lock_space!(tx, space.as_str(), at.0);
            let done = sqlx::query("delete from members where space_id = $1 and user_id = $2")
                .bind(space.as_str())
                .bind(user.as_str())
                .execute(&mut *tx)
                .await?;
            if done.rows_affected() == 0 {
                return Ok(MemberChange::NotAMember);
            }
            if !has_manager!(tx, space.as_str()) {
                return Ok(MemberChange::LastManager);
            }
            audit!(tx, entry);
        });
        Ok(MemberChange::Done)
    }
}

fn space_facts(
    (id, name, name_key, description, created_at, archived_at, notebooks, members, role): SpaceRow,
) -> Result<SpaceFacts> {
    Ok(SpaceFacts {
        id: stored(id)?,
        name,
        name_key,
        description,
        created_at: Timestamp(created_at),
        archived_at: archived_at.map(Timestamp),
        notebooks: u32::try_from(notebooks).unwrap_or(u32::MAX),
        members: u32::try_from(members).unwrap_or(u32::MAX),
        role: role.map(stored).transpose()?,
    })
}

fn member((user, username, name, role, added_at): MemberRow) -> Result<Member> {
    Ok(Member {
        user: stored(user)?,
        username,
        name,
        role: stored(role)?,
        added_at: Timestamp(added_at),
    })
}
