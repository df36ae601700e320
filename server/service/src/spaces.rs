//! Spaces and their members.

use async_trait::async_trait;
use datalayer::{
    Error, Member, NewSpace, Noun, Page, PageRequest, Result, Role, Space, SpaceChange, SpaceId,
    Spaces, User, UserId,
};
use db::{MemberChange, SpaceFacts};
use iam::policy::{Action, State};
use iam::{check_username, clean_name, clean_text};

use crate::House;
use crate::accounts::cut;
use crate::visit::{Visit, bad_page, cursor, state_of};

#[async_trait]
impl Spaces for Visit {
    async fn list_spaces(&self, archived: bool, page: PageRequest) -> Result<Page<Space>> {
        let me = self.me()?;
        let after = page.before.as_deref().map(cursor).transpose()?;
        let limit = page.clamped();
        let mut facts = self
            .house
            .0
            .db
            .spaces_of(&me.id, archived, after, limit + 1)
            .await?;
        let next = cut(&mut facts, limit).map(|last| format!("{}~{}", last.name_key, last.id));
        let items = facts
            .into_iter()
            .map(|facts| self.seen_space(facts))
            .collect::<Result<_>>()?;
        Ok(Page { items, next })
    }

    async fn read_space(&self, space: &SpaceId) -> Result<Space> {
        let facts = self.space(space, Action::ReadSpace).await?;
        self.seen_space(facts)
    }

    async fn create_space(&self, space: NewSpace) -> Result<Space> {
        let me = self.me()?;
        self.check(None, Action::CreateSpace, State::Active, Noun::Space)?;
        let facts = self.house.new_space(&space.name, &space.description)?;
        let entry = self.house.audit(
            me.id.as_str(),
            "space.created",
            facts.id.as_str(),
            &*facts.name,
        )?;
        self.house.0.db.add_space(&facts, &me.id, &entry).await?;
        self.read_space(&facts.id).await
    }

    async fn change_space(&self, space: &SpaceId, change: SpaceChange) -> Result<Space> {
        let me = self.me()?;
        // Taking a space back out of the archive is its own permission: everything else waits until it is back.
        let action = if change.archived == Some(false) {
            Action::RestoreSpace
        } else {
            Action::ChangeSpace
        };
        let mut facts = self.space(space, action).await?;
        if let Some(name) = change.name {
            facts.name = clean_name(&name, "name", "a space's name", 100)?;
            facts.name_key = name_key(&facts.name);
        }
        if let Some(description) = change.description {
            facts.description =
                clean_text(&description, "description", "a space's description", 500)?;
        }
        let was_archived = facts.archived_at.is_some();
        if let Some(archived) = change.archived
            && archived != was_archived
        {
            facts.archived_at = archived.then(|| self.house.now());
        }
        let entry = self.house.audit(
            me.id.as_str(),
            "space.changed",
            space.as_str(),
            &*facts.name,
        )?;
        self.house
            .0
            .db
            .change_space(&facts, self.house.now(), &entry)
            .await?;
        if was_archived != facts.archived_at.is_some() {
            self.house.announce_rights_in(space).await?;
        }
        self.seen_space(facts)
    }

    async fn members(&self, space: &SpaceId, page: PageRequest) -> Result<Page<Member>> {
        self.space(space, Action::ReadSpace).await?;
        let after = page.before.as_deref().map(cursor).transpose()?;
        let after = match after {
            Some((username, place)) => Some((place.parse().map_err(|_| bad_page())?, username)),
            None => None,
        };
        let limit = page.clamped();
        let mut items = self.house.0.db.members_in(space, after, limit + 1).await?;
        let place = |role: Role| Role::Manager as i64 - role as i64;
        let next =
            cut(&mut items, limit).map(|last| format!("{}~{}", last.username, place(last.role)));
        Ok(Page { items, next })
    }

    async fn set_member(&self, space: &SpaceId, username: &str, role: Role) -> Result<Member> {
        let me = self.me()?;
        self.space(space, Action::SetMember(role)).await?;
        let person = self.person(username).await?;
        let now = self.house.now();
        let entry = self.house.audit(
            me.id.as_str(),
            "member.set",
            space.as_str(),
            format!("{} {role}", person.username),
        )?;
        match self
            .house
            .0
            .db
            .set_member(space, &person.id, role, now, &entry)
            .await?
        {
            MemberChange::Done => {}
            MemberChange::LastManager => return Err(last_manager()),
            MemberChange::NotAMember => return Err(Error::not_found(Noun::Member)),
        }
        self.house.announce_rights(&person.id).await;
        let member = self.house.0.db.member(space, &person.id).await?;
        member.ok_or(Error::not_found(Noun::Member))
    }

    async fn remove_member(&self, space: &SpaceId, user: &UserId) -> Result<()> {
        let me = self.me()?;
        let action = if me.id == *user {
            Action::LeaveSpace
        } else {
            Action::RemoveMember
        };
        self.space(space, action).await?;
        let entry = self.house.audit(
            me.id.as_str(),
            "member.removed",
            space.as_str(),
            user.as_str(),
        )?;
        match self
            .house
            .0
            .db
            .remove_member(space, user, self.house.now(), &entry)
            .await?
        {
            MemberChange::Done => {}
            MemberChange::LastManager => return Err(last_manager()),
            MemberChange::NotAMember => return Err(Error::not_found(Noun::Member)),
        }
        self.house.announce_rights(user).await;
        Ok(())
    }
}

impl Visit {
    fn seen_space(&self, facts: SpaceFacts) -> Result<Space> {
        let role = facts.role.ok_or(Error::not_found(Noun::Space))?;
        Ok(Space {
            may: self.offers(facts.role, state_of(&facts)),
            id: facts.id,
            name: facts.name,
            description: facts.description,
            created_at: facts.created_at,
            archived_at: facts.archived_at,
            notebooks: facts.notebooks,
            members: facts.members,
            role,
        })
    }

    /// Someone who can sign in, by username.
    async fn person(&self, username: &str) -> Result<User> {
        let username = username.trim().trim_start_matches('@').to_ascii_lowercase();
        // What cannot be a username is nobody's.
        check_username(&username).map_err(|_| Error::not_found(Noun::User))?;
        let found = self.house.0.db.user_by_username(&username).await?;
        let person = found
            .map(|known| known.user)
            .filter(|user| user.disabled_at.is_none());
        person.ok_or(Error::not_found(Noun::User))
    }
}

impl House {
    /// A space that is not kept yet.
    pub(crate) fn new_space(&self, name: &str, description: &str) -> Result<SpaceFacts> {
        let name = clean_name(name, "name", "a space's name", 100)?;
        let description = clean_text(description, "description", "a space's description", 500)?;
        let (milliseconds, bits) = self.id_parts()?;
        Ok(SpaceFacts {
            id: SpaceId::from_parts(milliseconds, bits),
            name_key: name_key(&name),
            name,
            description,
            created_at: self.now(),
            archived_at: None,
            notebooks: 0,
            members: 1,
            role: Some(Role::Manager),
        })
    }

    /// After something changed what every member may do.
    pub(crate) async fn announce_rights_in(&self, space: &SpaceId) -> Result<()> {
        for user in self.0.db.member_ids(space).await? {
            self.announce_rights(&user).await;
        }
        Ok(())
    }
}

fn name_key(name: &str) -> String {
    name.to_lowercase()
}

fn last_manager() -> Error {
    Error::conflict(
        "member.last_manager",
        "a space keeps at least one manager; make someone else manager first",
    )
}
