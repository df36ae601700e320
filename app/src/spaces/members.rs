//! Who is in a space, and what they may do.

use datalayer::{Error, Member, Noun, PageRequest, Space, SpaceId, UserId};
use leptos::html;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use ui::{
    AskFirst, Avatar, Button, ButtonKind, ButtonSize, Field, Input, Select, Time, Tone, use_toasts,
};

use super::calls::{RemoveMember, SetMember, list_members};
use super::frame::{Place, SpaceFrame, use_space, use_space_id};
use super::role_verb;
use super::roles::{RoleTable, options};
use crate::call::CallError;
use crate::frame::use_house;
use crate::refusal::{Loaded, RefusedBanner, refused};

#[component]
pub fn MembersPage() -> impl IntoView {
    let add = ServerAction::<SetMember>::new();
    // A second one, so that a refused change of role is not shown at the form for new members.
    let change = ServerAction::<SetMember>::new();
    let remove = ServerAction::<RemoveMember>::new();
    let version = Signal::derive(move || {
        add.version().get() + change.version().get() + remove.version().get()
    });
    let space = use_space(version);
    let id = use_space_id();
    let query = use_query_map();
    let before = Memo::new(move |_| query.read().get("before"));
    let members = Resource::new(
        move || (id.get(), before.get(), version.get()),
        |(id, before, _)| async move { list_members(id?, PageRequest { before, limit: 50 }).await },
    );
    let house = use_house();
    let toasts = use_toasts();
    Effect::new(move |_| {
        if remove.version().get() > 0 {
            house.refresh();
        }
    });
    // Here and not at the form: the form is drawn anew with every change of the members.
    Effect::new(move |_| {
        if let Some(Ok(member)) = add.value().get() {
            toasts.say(
                Tone::Ok,
                format!(
                    "{} is a member now: {}.",
                    member.name,
                    role_verb(member.role)
                ),
            );
        }
    });
    view! {
        <SpaceFrame place=Place::Members space=space let:space>
            {
            let (manage, role, listed) = (space.may.manage, space.role, space.clone());
            view! {
            <div class="page--two space__body">
                <div class="page__main">
                    <RefusedBanner error=Signal::derive(move || refused(change).get().or_else(|| refused(remove).get()))/>
                    <Loaded of=house.me let:me>
                        {
                            let (space, me) = (listed.clone(), me.id);
                            view! {
                                <Loaded of=members let:page>
                                    <Members space=space.clone() me=me.clone() members=page.items change remove/>
                                    <Pages id=space.id.clone() behind=before.get_untracked().is_some() next=page.next/>
                                </Loaded>
                            }
                        }
                    </Loaded>
                    <div class="hd"><h2>"What each role may do"</h2></div>
                    <p class="t2 roles__lead">"Each role includes the ones before it, so running never needs the right to change."</p>
                    <RoleTable/>
                </div>
                <aside class="page__side">
                    {if manage {
                        view! { <AddMember space action=add/> }.into_any()
                    } else {
                        view! {
                            <h2 class="h-sec">"Add a member"</h2>
                            <p class="t2">"Only those who manage this space can. Yours is the role \u{201c}" {role_verb(role)} "\u{201d}."</p>
                        }
                            .into_any()
                    }}
                </aside>
            </div>
            }
            }
        </SpaceFrame>
    }
    .into_any()
}

/// The way to the next members, and back to the first.
#[component]
fn Pages(id: SpaceId, behind: bool, next: Option<String>) -> impl IntoView {
    let first = format!("/s/{id}/members");
    let more = next.map(|next| format!("{first}?before={next}"));
    view! {
        <div class="row g-2 wrap">
            {behind.then(|| view! { <a class="btn page__more" href=first>"First members"</a> })}
            {more.map(|more| view! { <a class="btn page__more" href=more>"More members"</a> })}
        </div>
    }
    .into_any()
}

#[component]
fn AddMember(space: Space, action: ServerAction<SetMember>) -> impl IntoView {
    let error = refused(action);
    // "No such person" is about what was typed.
    let unknown = move || {
        matches!(
            error.get(),
            Some(CallError::Refused(Error::NotFound { noun: Noun::User }))
        )
    };
    let username_error = Signal::derive(move || {
        if unknown() {
            Some("Nobody of this studio has this username. An administrator can add them under People.".to_owned())
        } else {
            error.get().and_then(|error| error.about("username"))
        }
    });
    let rest = Signal::derive(move || error.get().filter(|_| !unknown()));
    view! {
        <h2 class="h-sec">"Add a member"</h2>
        <ActionForm action=action>
            <div class="form">
                <RefusedBanner error=rest fields=&["username"]/>
                <input type="hidden" name="space" value=space.id.to_string()/>
                <Input
                    name="username"
                    label="Username"
                    hint="They need an account of this studio."
                    autocomplete="off"
                    required=true
                    verbatim=true
                    error=username_error
                />
                <Field label="Role" for_id="new-role">
                    <Select name="role" id="new-role" label="Role" options=options(space.role) chosen="editor"/>
                </Field>
                <div><Button r#type="submit" kind=ButtonKind::Primary icon="plus" busy=action.pending()>"Add"</Button></div>
            </div>
        </ActionForm>
    }
    .into_any()
}

#[component]
fn Members(
    space: Space,
    me: UserId,
    members: Vec<Member>,
    change: ServerAction<SetMember>,
    remove: ServerAction<RemoveMember>,
) -> impl IntoView {
    view! {
        <div class="card table-card">
            <table class="table table--stack">
                <thead>
                    <tr>
                        <th scope="col">"Member"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col">"Since"</th>
                        <th scope="col"><span class="sr">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>
                    {members
                        .into_iter()
                        .map(|member| {
                            let is_me = member.user == me;
                            view! { <MemberRow space=space.clone() member is_me change remove/> }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </div>
    }
    .into_any()
}

#[component]
fn MemberRow(
    space: Space,
    member: Member,
    is_me: bool,
    change: ServerAction<SetMember>,
    remove: ServerAction<RemoveMember>,
) -> impl IntoView {
    let manage = space.may.manage;
    let form = NodeRef::<html::Form>::new();
    let verb = if is_me { "Leave" } else { "Remove" };
    let (space_id, space_role) = (space.id.to_string(), space.role);
    let (name, username, role) = (member.name.clone(), member.username.clone(), member.role);
    let (user, since) = (member.user.to_string(), member.added_at.0);
    let shown = (name.clone(), username.clone());
    let removal = StoredValue::new((space, member));
    view! {
        <tr>
            <td>
                <div class="row g-3">
                    <Avatar name=name.clone() id=user size=28 decorative=true/>
                    <div class="who">
                        <div class="med trunc">{shown.0} {is_me.then_some(" (you)")}</div>
                        <div class="t3 fs-12 trunc">{shown.1}</div>
                    </div>
                </div>
            </td>
            <td>
                {if manage {
                    view! {
                        <ActionForm action=change node_ref=form attr:class="row g-2">
                            <input type="hidden" name="space" value=space_id/>
                            <input type="hidden" name="username" value=username/>
                            <Select
                                name="role"
                                label=format!("Role of {name}")
                                options=options(space_role)
                                chosen=role.as_str()
                                small=true
                                choose=move |_: String| {
                                    if let Some(form) = form.get_untracked() {
                                        let _ = form.request_submit();
                                    }
                                }
                            />
                            <span class="without-script"><Button r#type="submit" size=ButtonSize::Small>"Keep"</Button></span>
                        </ActionForm>
                    }
                        .into_any()
                } else {
                    view! { <span>{role_verb(role)}</span> }.into_any()
                }}
            </td>
            <td class="t2"><Time at=since/></td>
            <td class="r">
                <Show when=move || manage || is_me>
                    {
                        let (space, member) = removal.get_value();
                        view! { <Removal space member verb remove/> }
                    }
                </Show>
            </td>
        </tr>
    }
    .into_any()
}

/// With script a dialog asks first; without, the button itself says what it does.
#[component]
fn Removal(
    space: Space,
    member: Member,
    verb: &'static str,
    remove: ServerAction<RemoveMember>,
) -> impl IntoView {
    const WORDS: &str = "They lose the space and its notebooks at once, also in tabs they have open. What they wrote stays.";
    let title = format!("Remove {} from {}?", member.name, space.name);
    let (space, user) = (space.id.to_string(), member.user.to_string());
    view! {
        <AskFirst id=format!("remove-{user}") title=title words=WORDS verb=verb>
            <ActionForm action=remove>
                <input type="hidden" name="space" value=space/>
                <input type="hidden" name="user" value=user/>
                <Button r#type="submit" size=ButtonSize::Small kind=ButtonKind::Ghost>{verb}</Button>
            </ActionForm>
        </AskFirst>
    }
    .into_any()
}
