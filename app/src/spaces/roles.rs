//! Roles in words.

use datalayer::Role;
use leptos::prelude::*;
use ui::Icon;

/// The verb a role is shown as.
pub fn role_verb(role: Role) -> &'static str {
    match role {
        Role::Viewer => "View",
        Role::Commenter => "Comment",
        Role::Suggester => "Suggest",
        Role::Runner => "Run",
        Role::Editor => "Edit",
        Role::Manager => "Manage",
    }
}

/// What a role may do, each including the ones before it.
pub fn role_words(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Read, see results",
        Role::Commenter => "Comment",
        Role::Suggester => "Suggest a change",
        Role::Runner => "Run cells",
        Role::Editor => "Change cells, start notebooks",
        Role::Manager => "Members, settings of the space",
    }
}

/// The choices of a role list, up to what the chooser may give.
pub(super) fn options(up_to: Role) -> Vec<(String, String)> {
    Role::ALL
        .into_iter()
        .filter(|role| *role <= up_to)
        .map(|role| (role.as_str().to_owned(), role_verb(role).to_owned()))
        .collect()
}

/// What each role may do: a step each.
#[component]
pub fn RoleTable() -> impl IntoView {
    view! {
        <div class="card table-card">
            <table class="table roles">
                <thead>
                    <tr>
                        <th scope="col"><span class="sr">"What"</span></th>
                        {Role::ALL.map(|role| view! { <th scope="col">{role_verb(role)}</th> }).collect_view()}
                    </tr>
                </thead>
                <tbody>
                    {Role::ALL
                        .map(|row| {
                            view! {
                                <tr>
                                    <th scope="row">{role_words(row)}</th>
                                    {Role::ALL
                                        .map(|column| {
                                            if column >= row {
                                                view! { <td><Icon name="check"/><span class="sr">"yes"</span></td> }.into_any()
                                            } else {
                                                view! { <td class="no"><span aria-hidden="true">"·"</span><span class="sr">"no"</span></td> }
                                                    .into_any()
                                            }
                                        })
                                        .collect_view()}
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </div>
    }
    .into_any()
}
