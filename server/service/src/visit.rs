//! A visit: the house, seen by one caller. The verbs are implemented on it, noun by noun.

use datalayer::{Caller, Error, NotebookId, Noun, Result, Role, SessionId, SpaceId, User};
use db::{NotebookFacts, SpaceFacts};
use iam::policy::{Action, Decision, State, may, offers, scope_of};
use notebook::wire::May;

use crate::House;
use crate::tokens::out_of_scope;

pub(crate) struct Visit {
    pub house: House,
    pub caller: Caller,
}

impl Visit {
    /// Whoever signed in; nobody else gets further.
    pub fn me(&self) -> Result<&User> {
        self.caller
            .user()
            .filter(|user| user.disabled_at.is_none())
            .ok_or(Error::SignInNeeded)
    }

    /// Whoever sits at a browser they signed in with: what a person keeps to themselves, no token does for them.
    pub fn signed_in(&self) -> Result<(&User, &SessionId)> {
        let me = self.me()?;
        match &self.caller {
            Caller::Person { session, .. } => Ok((me, session)),
            Caller::Token { .. } => Err(Error::forbidden(
                "token.not_for_this",
                "no token may do this; sign in with your name and password",
            )),
            Caller::Nobody => Err(Error::SignInNeeded),
        }
    }

    /// What a view may offer this caller.
    pub fn offers(&self, role: Option<Role>, state: State) -> May {
        let may = offers(self.caller.user(), role, state);
        self.caller
            .scopes()
            .map_or(may, |scopes| may.and(scopes.most()))
    }

    pub fn administrator(&self) -> Result<&User> {
        self.check(None, Action::AdministerPeople, State::Active, Noun::Page)?;
        self.me()
    }

    /// The space, if this action is allowed there now.
    pub async fn space(&self, space: &SpaceId, action: Action) -> Result<SpaceFacts> {
        let me = self.me()?;
        let facts = self
            .house
            .0
            .db
            .space_for(&me.id, space)
            .await?
            .ok_or(Error::not_found(Noun::Space))?;
        self.check(facts.role, action, state_of(&facts), Noun::Space)?;
        Ok(facts)
    }

    /// The notebook, if this action is allowed on it now.
    pub async fn notebook(&self, notebook: &NotebookId, action: Action) -> Result<NotebookFacts> {
        let me = self.me()?;
        let facts = self
            .house
            .0
            .db
            .notebook_for(&me.id, notebook)
            .await?
            .ok_or(Error::not_found(Noun::Notebook))?;
        self.check(facts.role, action, notebook_state(&facts), Noun::Notebook)?;
        Ok(facts)
    }

    /// Asks the policy, and turns its no into a sentence.
    pub fn check(
        &self,
        role: Option<Role>,
        action: Action,
        state: State,
        noun: Noun,
    ) -> Result<()> {
        match may(self.caller.user(), role, action, state) {
            Decision::Yes => match self.caller.scopes() {
                Some(scopes) if !scopes.has(scope_of(action)) => {
                    Err(out_of_scope(scope_of(action)))
                }
                _ => Ok(()),
            },
            Decision::SignIn => Err(Error::SignInNeeded),
            Decision::Hidden => Err(Error::not_found(noun)),
            Decision::Needs(needed) => {
                let yours = role.map_or("none", Role::as_str);
                Err(Error::forbidden(
                    "role.insufficient",
                    format!(
                        "this needs the role “{needed}” in this space, and yours is “{yours}”; a manager can change it"
                    ),
                ))
            }
            Decision::OnlyAdministrators => Err(Error::forbidden(
                "administrator.needed",
                "only an administrator of the studio may do this",
            )),
            Decision::Archived => Err(Error::conflict(
                "archived",
                format!("this {noun} is archived and only there to be read; restore it first"),
            )),
            Decision::AboveYourOwn => Err(Error::forbidden(
                "role.above_own",
                "nobody gives a role above their own",
            )),
        }
    }
}

pub(crate) fn state_of(space: &SpaceFacts) -> State {
    if space.archived_at.is_some() {
        State::Archived
    } else {
        State::Active
    }
}

/// A notebook of an archived space is archived with it.
pub(crate) fn notebook_state(notebook: &NotebookFacts) -> State {
    if notebook.archived_at.is_some() || notebook.space_archived {
        State::Archived
    } else {
        State::Active
    }
}

/// Splits a page's cursor, `key~id`.
pub(crate) fn cursor(text: &str) -> Result<(&str, &str)> {
    text.rsplit_once('~')
        .filter(|(key, id)| {
            !key.chars().any(char::is_control)
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
        .ok_or_else(bad_page)
}

pub(crate) fn bad_page() -> Error {
    Error::invalid(
        "before",
        "page.before",
        "pass on the `next` of the page before, as it came",
    )
}
