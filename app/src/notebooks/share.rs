//! Share: who is in, with which role, and letting somebody in.

use datalayer::{Member, Page, PageRequest, Role, SpaceId};
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::calls::{ShareWith, StopSharing, list_readers};
use super::screen::Screen;
use crate::browser;
use crate::call::sentence;
use crate::frame::use_house;

/// So many of those with access are shown, and so many when there are more and somebody wants to see them.
const SHOWN: u32 = 50;
const MOST: u32 = 200;

/// A role and what it allows, in words.
const ROLES: [(Role, &str, &str); 6] = [
    (Role::Viewer, "View", "Read everything, see results"),
    (Role::Commenter, "Comment", "View, and discuss any cell"),
    (Role::Suggester, "Suggest", "Propose changes"),
    (Role::Runner, "Run", "Run cells, without changing them"),
    (Role::Editor, "Edit", "Change and run everything"),
    (Role::Manager, "Manage", "Members and settings too"),
];

#[component]
pub fn Share(screen: Screen) -> impl IntoView {
    let share = ServerAction::<ShareWith>::new();
    let remove = ServerAction::<StopSharing>::new();
    let house = use_house();
    let toasts = ui::use_toasts();
    let space = move || screen.space.get_value().parse::<SpaceId>().ok();
    // Asked only once the dialog is open: nothing waits for it when the page is drawn.
    let shown = RwSignal::new(SHOWN);
    let members = LocalResource::new(move || {
        let (open, limit) = (screen.share.get(), shown.get());
        share.version().track();
        remove.version().track();
        async move {
            match (open, space()) {
                (true, Some(space)) => {
                    let me = house.me.await.ok().map(|me| me.id);
                    let page = PageRequest {
                        before: None,
                        limit,
                    };
                    let members = list_readers(space, page).await;
                    members.map(|members| Some((me, members)))
                }
                _ => Ok(None),
            }
        }
    });
    let username = RwSignal::new(String::new());
    let role = RwSignal::new(Role::Editor);
    Effect::new(move |_| {
        if let Some(Ok(member)) = share.value().get() {
            username.set(String::new());
            toasts.say(
                ui::Tone::Ok,
                format!("{} is in: {}.", member.name, word(member.role)),
            );
        }
    });
    let failed = move || {
        let error = share
            .value()
            .get()
            .and_then(Result::err)
            .or_else(|| remove.value().get().and_then(Result::err));
        error.map(|error| sentence(&error))
    };
    let manages = move || screen.may.get().manage;
    let all = move || {
        format!(
            "/s/{}/members",
            space().map(|space| space.to_string()).unwrap_or_default()
        )
    };
    // The address, where this browser did not let us copy it: the person can.
    let by_hand = RwSignal::new(None::<String>);
    let copy_link = move |()| {
        let Ok(address) = window().location().href() else {
            return;
        };
        by_hand.set(None);
        spawn_local(async move {
            if browser::copied(&address).await {
                toasts.say(
                    ui::Tone::Ok,
                    "The link is copied. Members of the space can open it.",
                );
            } else {
                by_hand.try_set(Some(address));
            }
        });
    };
    view! {
        <ui::Dialog title=move || format!("Share \u{201c}{}\u{201d}", screen.title.get()) id="share" open=screen.share>
            <div class="dialog__body share">
                <Show when=manages fallback=|| view! { <p class="t2">"Only managers of the space can let people in."</p> }>
                    <form class="row g-2 share__add" on:submit=move |event| {
                        event.prevent_default();
                        if let Some(space) = space() {
                            share.dispatch(ShareWith { space, username: username.get_untracked(), role: role.get_untracked() });
                        }
                    }>
                        <label class="sr" for="share-name">"Username"</label>
                        <input class="input grow" id="share-name" required autofocus=true autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="64" placeholder="Username" prop:value=move || username.get() on:input=move |event| username.set(event_target_value(&event))/>
                        <RoleSelect id="share-role" label="Role" chosen=Signal::derive(move || role.get()) choose=Callback::new(move |chosen| role.set(chosen))/>
                        <ui::Button kind=ui::ButtonKind::Primary r#type="submit" busy=share.pending()>"Let in"</ui::Button>
                    </form>
                </Show>
                {move || failed().map(|words| view! { <p class="danger fs-12" role="alert">{words}</p> })}
                <h3>"People with access"</h3>
                <ul class="share__list">
                    {move || members.get().map(|answer| match answer {
                        Ok(answer) => {
                            let Some((me, Page { items, next })) = answer else { return ().into_any() };
                            let rows = items.into_iter().map(|member| {
                                let is_me = Some(&member.user) == me.as_ref();
                                view! { <Row screen member is_me share remove/> }
                            }).collect_view();
                            view! {
                                {rows}
                                {next.map(|_| view! { <More shown/> })}
                            }
                            .into_any()
                        }
                        Err(error) => view! { <li class="danger fs-12">{sentence(&error)}</li> }.into_any(),
                    })}
                </ul>
                <h3>"What each role may do"</h3>
                <dl class="share__roles fs-12">
                    {ROLES.iter().map(|(each, word, what)| view! {
                        <div class:is-on=move || manages() && role.get() == *each><dt class="med">{*word}</dt><dd class="t2">{*what}</dd></div>
                    }).collect_view()}
                </dl>
                {move || by_hand.get().map(|address| view! { <ByHand address/> })}
            </div>
            <div class="dialog__foot">
                <span class="grow fs-12">"Open to the whole space"</span>
                <a class="btn btn--ghost" href=all>"Members"</a>
                <ui::Button icon="link" press=copy_link>"Copy link"</ui::Button>
                <ui::Button press=move || screen.share.set(false)>"Done"</ui::Button>
            </div>
        </ui::Dialog>
    }
}

/// The way to those who are not in the list.
#[component]
fn More(shown: RwSignal<u32>) -> impl IntoView {
    view! {
        <li class="row g-3 share__row">
            <Show when=move || shown.get() < MOST fallback=|| view! { <span class="t2 fs-12">"Everyone else is under Members."</span> }>
                <button class="btn btn--sm" type="button" on:click=move |_| shown.set(MOST)>"Show more"</button>
            </Show>
        </li>
    }
}

/// The address of the notebook, selected for the person to copy.
#[component]
fn ByHand(address: String) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            // Once its value is in it.
            request_animation_frame(move || {
                let _ = field.focus();
                field.select();
            });
        }
    });
    view! {
        <div class="share__link" role="status">
            <label class="fs-12 t2" for="share-link">"This browser does not let the page copy. Here is the link, for you to copy:"</label>
            <input class="input" id="share-link" node_ref=field readonly prop:value=address/>
        </div>
    }
}

#[component]
fn Row(
    screen: Screen,
    member: Member,
    is_me: bool,
    share: ServerAction<ShareWith>,
    remove: ServerAction<StopSharing>,
) -> impl IntoView {
    let space = move || screen.space.get_value().parse::<SpaceId>().ok();
    let manages = screen.may.get_untracked().manage;
    let (user, username, name) = (
        member.user.clone(),
        member.username.clone(),
        member.name.clone(),
    );
    let here = {
        let user = member.user.to_string();
        move || {
            screen
                .people
                .with(|people| people.iter().any(|person| person.user == user))
        }
    };
    // The first press asks, the second one does it.
    let asked = RwSignal::new(false);
    view! {
        <li class="row g-3 share__row">
            <ui::Avatar name=member.name.clone() id=member.user.to_string() size=28 decorative=true/>
            <span class="who">
                <span class="med trunc">{member.name.clone()} {is_me.then_some(" (you)")}</span>
                <span class="t3 fs-12 trunc">{member.username.clone()} {move || here().then_some(", here now")}</span>
            </span>
            {if manages && !is_me {
                view! {
                    <RoleSelect id="" label=format!("Role of {name}") chosen=Signal::stored(member.role) choose=Callback::new(move |role| {
                        if let Some(space) = space() { share.dispatch(ShareWith { space, username: username.clone(), role }); }
                    })/>
                    <button
                        class="btn btn--ghost btn--sm"
                        class:btn--icon=move || !asked.get()
                        class:danger=move || asked.get()
                        type="button"
                        aria-label=move || if asked.get() { format!("Yes, remove {name} from the space") } else { format!("Remove {name}") }
                        title="Remove from the space"
                        on:blur=move |_| asked.set(false)
                        on:click=move |_| {
                            if !asked.get_untracked() {
                                asked.set(true);
                            } else if let Some(space) = space() {
                                remove.dispatch(StopSharing { space, user: user.clone() });
                            }
                        }
                    >
                        {move || if asked.get() { "Remove".into_any() } else { view! { <ui::Icon name="x" size=14/> }.into_any() }}
                    </button>
                }.into_any()
            } else {
                view! { <span class="badge">{word(member.role)}</span> }.into_any()
            }}
        </li>
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
        <span class="select-wrap select-wrap--sm">
            <select class="select select--sm" id=(!id.is_empty()).then_some(id) aria-label=label on:change=move |event| {
                if let Ok(role) = event_target_value(&event).parse() { choose.run(role); }
            }>
                {ROLES.iter().map(|(role, word, _)| {
                    let role = *role;
                    view! { <option value=role.as_str() selected=move || chosen.get() == role>{*word}</option> }
                }).collect_view()}
            </select>
            <ui::Icon name="down" size=14/>
        </span>
    }
}

fn word(role: Role) -> &'static str {
    ROLES
        .iter()
        .find(|(other, _, _)| *other == role)
        .map_or("", |(_, word, _)| word)
}
