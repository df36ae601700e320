//! Share: who is in, with which role, and letting somebody in.

use datalayer::{Role, SpaceId};
use leptos::prelude::*;

use super::calls::{ShareWith, StopSharing, list_readers};
use super::screen::Screen;
use crate::call::sentence;

/// A role and what it allows, in words.
const ROLES: [(Role, &str, &str); 6] = [
    (Role::Viewer, "View", "Reads everything"),
    (Role::Commenter, "Comment", "and comments"),
    (Role::Suggester, "Suggest", "and proposes changes"),
    (Role::Runner, "Run", "and runs cells, without changing them"),
    (Role::Editor, "Edit", "and changes cells"),
    (Role::Manager, "Manage", "and lets people in"),
];

#[component]
pub fn Share(screen: Screen) -> impl IntoView {
    let share = ServerAction::<ShareWith>::new();
    let remove = ServerAction::<StopSharing>::new();
    let space = move || screen.space.get_value().parse::<SpaceId>().ok();
    // Asked only once the dialog is open: nothing waits for it when the page is drawn.
    let members = LocalResource::new(move || {
        let wanted = (
            screen.share.get(),
            share.version().get(),
            remove.version().get(),
        );
        async move {
            match (wanted.0, space()) {
                (true, Some(space)) => list_readers(space).await.map(Some),
                _ => Ok(None),
            }
        }
    });
    let username = RwSignal::new(String::new());
    let role = RwSignal::new(Role::Editor);
    let failed = move || {
        let error = share
            .value()
            .get()
            .and_then(Result::err)
            .or_else(|| remove.value().get().and_then(Result::err));
        error.map(|error| sentence(&error))
    };
    let manages = move || screen.may.get().manage;
    view! {
        <ui::Dialog title="Share this notebook" id="share" open=screen.share wide=true>
            <p class="t2 fs-12">"Everyone in the space sees its notebooks. A role includes the ones before it; running never needs the right to change."</p>
            <Show when=manages fallback=|| view! { <p class="t3 fs-12">"Only managers of the space can let people in."</p> }>
                <form class="row g-2 share__add" on:submit=move |event| {
                    event.prevent_default();
                    if let Some(space) = space() {
                        share.dispatch(ShareWith { space, username: username.get_untracked(), role: role.get_untracked() });
                        username.set(String::new());
                    }
                }>
                    <label class="sr" for="share-name">"Username"</label>
                    <input class="input grow" id="share-name" required autocomplete="off" autocapitalize="none" spellcheck="false" placeholder="Username" prop:value=move || username.get() on:input=move |event| username.set(event_target_value(&event))/>
                    <RoleSelect id="share-role" label="Role" chosen=Signal::derive(move || role.get()) choose=Callback::new(move |chosen| role.set(chosen))/>
                    <button class="btn btn--primary" type="submit">"Let in"</button>
                </form>
            </Show>
            {move || failed().map(|words| view! { <p class="danger fs-12" role="alert">{words}</p> })}
            <ul class="share__list">
                {move || members.get().map(|answer| match answer {
                    Ok(members) => members.unwrap_or_default().into_iter().map(|member| {
                        let (user, name) = (member.user.clone(), member.username.clone());
                        view! {
                            <li class="row g-3 share__row">
                                <ui::Avatar name=member.name.clone() id=member.user.to_string() size=28 decorative=true/>
                                <span class="grow"><span class="med">{member.name}</span>" "<span class="t3 fs-12">{member.username}</span></span>
                                {if manages() {
                                    view! {
                                        <RoleSelect id="" label=format!("Role of {name}") chosen=Signal::derive(move || member.role) choose=Callback::new(move |role| {
                                            if let Some(space) = space() { share.dispatch(ShareWith { space, username: name.clone(), role }); }
                                        })/>
                                        <button class="btn btn--ghost btn--sm btn--icon" type="button" aria-label="Remove" title="Remove from the space" on:click=move |_| {
                                            if let Some(space) = space() { remove.dispatch(StopSharing { space, user: user.clone() }); }
                                        }><ui::Icon name="x" size=14/></button>
                                    }.into_any()
                                } else {
                                    view! { <span class="badge">{word(member.role)}</span> }.into_any()
                                }}
                            </li>
                        }
                    }).collect_view().into_any(),
                    Err(error) => view! { <p class="danger fs-12">{sentence(&error)}</p> }.into_any(),
                })}
            </ul>
            <dl class="share__roles fs-12">
                {ROLES.iter().map(|(_, word, what)| view! { <div><dt class="med">{*word}</dt><dd class="t2">{*what}</dd></div> }).collect_view()}
            </dl>
        </ui::Dialog>
    }
}

#[component]
fn RoleSelect(
    #[prop(into)] id: String,
    #[prop(into)] label: String,
    chosen: Signal<Role>,
    choose: Callback<Role>,
) -> impl IntoView {
    view! {
        <select class="select" id=(!id.is_empty()).then_some(id) aria-label=label on:change=move |event| {
            if let Ok(role) = event_target_value(&event).parse() { choose.run(role); }
        }>
            {ROLES.iter().map(|(role, word, _)| {
                let role = *role;
                view! { <option value=role.as_str() selected=move || chosen.get() == role>{*word}</option> }
            }).collect_view()}
        </select>
    }
}

fn word(role: Role) -> &'static str {
    ROLES
        .iter()
        .find(|(other, _, _)| *other == role)
        .map_or("", |(_, word, _)| word)
}
