//! The policy: one pure function over who asks, their role, what they want, and how things stand.

use datalayer::{Role, Scope, User};
use notebook::wire::May;

/// What someone wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Anything an administrator of the studio does with people.
    AdministerPeople,
    CreateSpace,
    ReadSpace,
    /// Name, description, archiving.
    ChangeSpace,
    /// Take an archived space back.
    RestoreSpace,
    /// Give someone this role.
    SetMember(Role),
    RemoveMember,
    LeaveSpace,
    CreateNotebook,
    ReadNotebook,
    /// Title, archiving.
    ChangeNotebook,
    /// Take an archived notebook back.
    RestoreNotebook,
    Comment,
    Suggest,
    Run,
    Edit,
}

/// How the space or notebook stands that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Active,
    /// It is kept to be read.
    Archived,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Yes,
    SignIn,
    /// They may not even know that it exists.
    Hidden,
    /// This role, at least, would be needed.
    Needs(Role),
    OnlyAdministrators,
    /// Nobody may while it is archived.
    Archived,
    /// Nobody gives a role above their own.
    AboveYourOwn,
}

/// May they? `who` is `None` for a visitor who did not sign in; `role` is theirs in the space concerned, `None` for a stranger.
pub fn may(who: Option<&User>, role: Option<Role>, action: Action, state: State) -> Decision {
    let Some(user) = who.filter(|user| user.disabled_at.is_none()) else {
        return Decision::SignIn;
    };
    let needed = match action {
        Action::CreateSpace => return Decision::Yes,
        Action::AdministerPeople if user.administrator => return Decision::Yes,
        Action::AdministerPeople => return Decision::OnlyAdministrators,
        Action::ReadSpace | Action::LeaveSpace | Action::ReadNotebook => Role::Viewer,
        Action::Comment => Role::Commenter,
        Action::Suggest => Role::Suggester,
        Action::Run => Role::Runner,
        Action::Edit
        | Action::CreateNotebook
        | Action::ChangeNotebook
        | Action::RestoreNotebook => Role::Editor,
        Action::ChangeSpace
        | Action::RestoreSpace
        | Action::SetMember(_)
        | Action::RemoveMember => Role::Manager,
    };
    let Some(role) = role else {
        return Decision::Hidden;
    };
    if role < needed {
        return Decision::Needs(needed);
    }
    if let Action::SetMember(given) = action
        && given > role
    {
        return Decision::AboveYourOwn;
    }
    match (state, action) {
        (State::Active, _)
        | (
            State::Archived,
            Action::ReadSpace
            | Action::ReadNotebook
            | Action::LeaveSpace
            | Action::RestoreSpace
            | Action::RestoreNotebook
            // Who sees an archived space can still be narrowed.
            | Action::RemoveMember,
        ) => Decision::Yes,
        (State::Archived, _) => Decision::Archived,
    }
}

/// The scope a token needs for it, beside its person's role.
pub fn scope_of(action: Action) -> Scope {
    match action {
        Action::ReadSpace | Action::ReadNotebook => Scope::Read,
        Action::Run => Scope::Run,
        Action::AdministerPeople => Scope::Admin,
        Action::CreateSpace
        | Action::ChangeSpace
        | Action::RestoreSpace
        | Action::SetMember(_)
        | Action::RemoveMember
        | Action::LeaveSpace
        | Action::CreateNotebook
        | Action::ChangeNotebook
        | Action::RestoreNotebook
        | Action::Comment
        | Action::Suggest
        | Action::Edit => Scope::Write,
    }
}

/// What views may offer: the same policy, asked for each thing. `manage` stays in an archive, so that it can be taken back.
pub fn offers(who: Option<&User>, role: Option<Role>, state: State) -> May {
    let yes = |action| may(who, role, action, state) == Decision::Yes;
    May {
        view: yes(Action::ReadNotebook),
        comment: yes(Action::Comment),
        suggest: yes(Action::Suggest),
        run: yes(Action::Run),
        edit: yes(Action::Edit),
        manage: yes(Action::RestoreSpace),
    }
}

#[cfg(test)]
mod tests {
    use datalayer::{Timestamp, UserId};

    use super::*;

    const ACTIONS: [Action; 21] = [
        Action::AdministerPeople,
        Action::CreateSpace,
        Action::ReadSpace,
        Action::ChangeSpace,
        Action::RestoreSpace,
        Action::SetMember(Role::Viewer),
        Action::SetMember(Role::Commenter),
        Action::SetMember(Role::Suggester),
        Action::SetMember(Role::Runner),
        Action::SetMember(Role::Editor),
        Action::SetMember(Role::Manager),
        Action::RemoveMember,
        Action::LeaveSpace,
        Action::CreateNotebook,
        Action::ReadNotebook,
        Action::ChangeNotebook,
        Action::RestoreNotebook,
        Action::Comment,
        Action::Suggest,
        Action::Run,
        Action::Edit,
    ];

    fn person(administrator: bool, disabled: bool) -> User {
        User {
            id: UserId::from_parts(1, 1),
            username: "ada".into(),
            name: "Ada".into(),
            administrator,
            created_at: Timestamp(1),
            disabled_at: disabled.then_some(Timestamp(2)),
        }
    }

    /// Columns: viewer, commenter, suggester, runner, editor, manager. `y` yes, `r` another role is needed, `a` archived.
    const TABLE: &[(Action, &str, &str)] = &[
        //                                 active    archived
        (Action::ReadSpace, "yyyyyy", "yyyyyy"),
        (Action::LeaveSpace, "yyyyyy", "yyyyyy"),
        (Action::ReadNotebook, "yyyyyy", "yyyyyy"),
        (Action::Comment, "ryyyyy", "raaaaa"),
        (Action::Suggest, "rryyyy", "rraaaa"),
        (Action::Run, "rrryyy", "rrraaa"),
        (Action::Edit, "rrrryy", "rrrraa"),
        (Action::CreateNotebook, "rrrryy", "rrrraa"),
        (Action::ChangeNotebook, "rrrryy", "rrrraa"),
        (Action::RestoreNotebook, "rrrryy", "rrrryy"),
        (Action::ChangeSpace, "rrrrry", "rrrrra"),
        (Action::RestoreSpace, "rrrrry", "rrrrry"),
        (Action::RemoveMember, "rrrrry", "rrrrry"),
        (Action::SetMember(Role::Viewer), "rrrrry", "rrrrra"),
        (Action::SetMember(Role::Commenter), "rrrrry", "rrrrra"),
        (Action::SetMember(Role::Suggester), "rrrrry", "rrrrra"),
        (Action::SetMember(Role::Runner), "rrrrry", "rrrrra"),
        (Action::SetMember(Role::Editor), "rrrrry", "rrrrra"),
        (Action::SetMember(Role::Manager), "rrrrry", "rrrrra"),
    ];

    fn letter(decision: Decision) -> char {
        match decision {
            Decision::Yes => 'y',
            Decision::Needs(_) => 'r',
            Decision::Archived => 'a',
            Decision::SignIn => 's',
            Decision::Hidden => 'h',
            Decision::OnlyAdministrators => 'o',
            Decision::AboveYourOwn => 'b',
        }
    }

    #[test]
    fn the_table_of_roles_and_actions_holds_for_everyone() {
        let covered: Vec<_> = TABLE.iter().map(|(action, ..)| *action).collect();
        for action in ACTIONS {
            let needs_no_role = matches!(action, Action::AdministerPeople | Action::CreateSpace);
            assert_eq!(covered.contains(&action), !needs_no_role, "{action:?}");
        }
        for administrator in [false, true] {
            let caller = person(administrator, false);
            for (action, active, archived) in TABLE {
                for (state, row) in [(State::Active, active), (State::Archived, archived)] {
                    let found: String = Role::ALL
                        .iter()
                        .map(|role| letter(may(Some(&caller), Some(*role), *action, state)))
                        .collect();
                    assert_eq!(
                        &found, row,
                        "{action:?} while {state:?}, administrator: {administrator}"
                    );
                    // An administrator of the studio is a stranger in a space like anyone else.
                    assert_eq!(
                        may(Some(&caller), None, *action, state),
                        Decision::Hidden,
                        "{action:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn nobody_and_the_disabled_may_do_nothing_at_all() {
        for caller in [None, Some(&person(true, true))] {
            for action in ACTIONS {
                for role in Role::ALL.into_iter().map(Some).chain([None]) {
                    assert_eq!(
                        may(caller, role, action, State::Active),
                        Decision::SignIn,
                        "{action:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn only_administrators_administer_people_and_everyone_may_begin_a_space() {
        for role in Role::ALL.into_iter().map(Some).chain([None]) {
            assert_eq!(
                may(
                    Some(&person(false, false)),
                    role,
                    Action::AdministerPeople,
                    State::Active
                ),
                Decision::OnlyAdministrators
            );
            assert_eq!(
                may(
                    Some(&person(true, false)),
                    role,
                    Action::AdministerPeople,
                    State::Active
                ),
                Decision::Yes
            );
            assert_eq!(
                may(
                    Some(&person(false, false)),
                    role,
                    Action::CreateSpace,
                    State::Active
                ),
                Decision::Yes
            );
        }
    }

    #[test]
    fn a_higher_role_never_may_less() {
        let caller = person(false, false);
        for state in [State::Active, State::Archived] {
            for action in ACTIONS {
                let yes: Vec<bool> = Role::ALL
                    .iter()
                    .map(|role| may(Some(&caller), Some(*role), action, state) == Decision::Yes)
                    .collect();
                assert!(yes.is_sorted(), "{action:?} {yes:?}");
            }
        }
    }

    #[test]
    fn what_views_offer_is_what_the_role_says_and_an_archive_offers_reading() {
        let caller = person(false, false);
        for role in Role::ALL {
            assert_eq!(offers(Some(&caller), Some(role), State::Active), role.may());
            let archived = offers(Some(&caller), Some(role), State::Archived);
            assert_eq!(
                archived,
                May {
                    view: true,
                    manage: role == Role::Manager,
                    ..May::default()
                }
            );
        }
        assert_eq!(offers(Some(&caller), None, State::Active), May::default());
        assert_eq!(
            offers(None, Some(Role::Manager), State::Active),
            May::default()
        );
    }
}
