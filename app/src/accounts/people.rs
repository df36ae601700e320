//! The people of the studio, for administrators.

use datalayer::{PageRequest, User, UserId};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use ui::{
    AskFirst, Avatar, Badge, Button, ButtonKind, ButtonSize, Input, PasswordInput, Time, Tone,
    use_toasts,
};

use super::calls::{CreateUser, SetDisabled, list_users};
use crate::frame::{Frame, Here, use_house};
use crate::refusal::{Loaded, RefusedBanner, about, coded, refused, without_codes};

#[component]
pub fn PeoplePage() -> impl IntoView {
    let house = use_house();
    let create = ServerAction::<CreateUser>::new();
    let disable = ServerAction::<SetDisabled>::new();
    let query = use_query_map();
    let before = Memo::new(move |_| query.read().get("before"));
    let people = Resource::new(
        move || {
            (
                before.get(),
                create.version().get(),
                disable.version().get(),
            )
        },
        |(before, ..)| list_users(PageRequest { before, limit: 50 }),
    );
    view! {
        <Title text="People"/>
        <Frame crumbs=|| view! { <Here>"People"</Here> }>
            <div class="page page--two">
                <div class="page__main">
                    <header class="page__head">
                        <h1 class="h-page">"People"</h1>
                        <p class="t2">"Everyone with an account of this studio. What they may do in a space is up to its managers."</p>
                    </header>
                    <RefusedBanner error=refused(disable)/>
                    <Loaded of=house.me let:me>
                        <Loaded of=people let:page>
                            <People people=page.items me=me.id.clone() disable/>
                            <div class="row g-2 wrap">
                                {before
                                    .get_untracked()
                                    .map(|_| view! { <a class="btn page__more" href="/people">"Newest accounts"</a> })}
                                {page
                                    .next
                                    .map(|next| view! { <a class="btn page__more" href=format!("/people?before={next}")>"Older accounts"</a> })}
                            </div>
                        </Loaded>
                    </Loaded>
                </div>
                <aside class="page__side"><NewPerson action=create/></aside>
            </div>
        </Frame>
    }
    .into_any()
}

#[component]
fn People(people: Vec<User>, me: UserId, disable: ServerAction<SetDisabled>) -> impl IntoView {
    view! {
        <div class="card table-card">
            <table class="table table--stack">
                <thead>
                    <tr>
                        <th scope="col">"Person"</th>
                        <th scope="col">"Account"</th>
                        <th scope="col">"Since"</th>
                        <th scope="col"><span class="sr">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>
                    {people
                        .into_iter()
                        .map(|person| {
                            let is_me = person.id == me;
                            view! { <Person person is_me disable/> }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </div>
    }
    .into_any()
}

#[component]
fn Person(person: User, is_me: bool, disable: ServerAction<SetDisabled>) -> impl IntoView {
    let disabled = person.disabled_at.is_some();
    let id = StoredValue::new(person.id.to_string());
    view! {
        <tr>
            <td>
                <div class="row g-3">
                    <Avatar name=person.name.clone() id=id.get_value() size=28 decorative=true/>
                    <div class="who">
                        <div class="med trunc">{person.name.clone()} {is_me.then_some(" (you)")}</div>
                        <div class="t3 fs-12 trunc">{person.username.clone()}</div>
                    </div>
                </div>
            </td>
            <td>
                {match (disabled, person.administrator) {
                    (true, _) => view! { <Badge tone=Tone::Warn icon="lock">"Disabled"</Badge> }.into_any(),
                    (false, true) => view! { <Badge tone=Tone::Accent icon="shield">"Administrator"</Badge> }.into_any(),
                    (false, false) => view! { <span class="t2">"Member"</span> }.into_any(),
                }}
            </td>
            <td class="t2"><Time at=person.created_at.0/></td>
            <td class="r">
                {(!is_me).then(|| view! { <Door id=id.get_value() name=person.name.clone() disabled disable/> })}
            </td>
        </tr>
    }
    .into_any()
}

/// Lets somebody in no more, or in again. With script a dialog says first what it does; without, the button itself.
#[component]
fn Door(
    id: String,
    name: String,
    disabled: bool,
    disable: ServerAction<SetDisabled>,
) -> impl IntoView {
    const WORDS: &str = "They are signed out everywhere at once and cannot sign in again. What they wrote stays, and so do their roles: you can let them in again at any time.";
    let dialog = format!("disable-{id}");
    view! {
        <AskFirst id=dialog title=format!("Disable {name}?") words=WORDS verb="Disable" asks=!disabled>
            <ActionForm action=disable>
                <input type="hidden" name="user" value=id/>
                <input type="hidden" name="disabled" value=(!disabled).to_string()/>
                <Button r#type="submit" size=ButtonSize::Small kind=if disabled { ButtonKind::Plain } else { ButtonKind::DangerQuiet }>
                    {if disabled { "Let in again" } else { "Disable" }}
                </Button>
            </ActionForm>
        </AskFirst>
    }
    .into_any()
}

#[component]
fn NewPerson(action: ServerAction<CreateUser>) -> impl IntoView {
    const FIELDS: &[&str] = &["username", "name", "password"];
    const TAKEN: &str = "username.taken";
    let error = refused(action);
    let toasts = use_toasts();
    let form = NodeRef::<leptos::html::Form>::new();
    Effect::new(move |_| {
        if let Some(Ok(person)) = action.value().get() {
            toasts.say(Tone::Ok, format!("{} can sign in now.", person.name));
            if let Some(form) = form.get_untracked() {
                form.reset();
            }
        }
    });
    view! {
        <h2 class="h-sec">"Add a person"</h2>
        <ActionForm action=action node_ref=form>
            <div class="form">
                <RefusedBanner error=without_codes(error, &[TAKEN]) fields=FIELDS/>
                <Input
                    name="username"
                    label="Username"
                    hint="Small letters, digits, and - _ . between them."
                    autocomplete="off"
                    required=true
                    verbatim=true
                    maxlength=64
                    error=Signal::derive(move || about(error, "username").get().or_else(|| coded(error, TAKEN).get()))
                />
                <Input name="name" label="Name" autocomplete="off" maxlength=128 error=about(error, "name")/>
                <PasswordInput
                    name="password"
                    label="First password"
                    hint="At least 8 characters. They can change it in their settings."
                    autocomplete="new-password"
                    error=about(error, "password")
                />
                <label class="check-line">
                    <input type="checkbox" name="administrator" value="true"/>
                    <span>"Administrator: may add and disable people"</span>
                </label>
                <div><Button r#type="submit" kind=ButtonKind::Primary busy=action.pending()>"Add the person"</Button></div>
            </div>
        </ActionForm>
    }
    .into_any()
}
