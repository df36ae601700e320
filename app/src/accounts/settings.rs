//! Your settings: look, password, sign-ins.

use datalayer::{SessionInfo, User};
use leptos::prelude::*;
use leptos_meta::Title;
use ui::{
    Avatar, Badge, Button, ButtonKind, ButtonSize, Icon, PasswordInput, Time, Tone, use_toasts,
};

use super::calls::{ChangePassword, EndOtherSessions, EndSession, SignOut, my_sessions};
use super::tokens::Tokens;
use crate::frame::{ChooseLook, Contrast, Frame, Here, Look, Theme, choose, use_house, use_look};
use crate::refusal::{Loaded, RefusedBanner, about, coded, refused, without_codes};

#[component]
pub fn SettingsPage() -> impl IntoView {
    let house = use_house();
    view! {
        <Title text="Settings"/>
        <Frame crumbs=|| view! { <Here>"Settings"</Here> }>
            <div class="settings">
                <h1 class="h-page">"Settings"</h1>
                <Loaded of=house.me let:me><You me/></Loaded>
                <LookForm/>
                <Loaded of=house.me let:me><PasswordForm username=me.username/></Loaded>
                <Sessions/>
                <Loaded of=house.me let:me><Tokens me/></Loaded>
            </div>
        </Frame>
    }
    .into_any()
}

#[component]
fn You(me: User) -> impl IntoView {
    let sign_out = ServerAction::<SignOut>::new();
    Effect::new(move |_| {
        if let Some(Ok(path)) = sign_out.value().get() {
            ui::dom::go(&path);
        }
    });
    view! {
        <section class="settings__you">
            <Avatar name=me.name.clone() id=me.id.to_string() size=40 decorative=true/>
            <div class="grow">
                <div class="semi fs-14 trunc">{me.name.clone()}</div>
                <div class="t3 trunc">{me.username.clone()} {me.administrator.then_some(", administrator")}</div>
            </div>
            {me.administrator.then(|| view! { <a class="btn" href="/people"><Icon name="members"/>"People"</a> })}
            {me.administrator.then(|| view! { <a class="btn" href="/audit"><Icon name="shield"/>"Audit log"</a> })}
            <ActionForm action=sign_out><Button r#type="submit">"Sign out"</Button></ActionForm>
        </section>
    }
    .into_any()
}

#[component]
fn LookForm() -> impl IntoView {
    let look = use_look();
    let action = ServerAction::<ChooseLook>::new();
    view! {
        <section class="settings__part" aria-labelledby="look-title">
            <h2 class="h-sec" id="look-title">"Look"</h2>
            <ActionForm action=action>
                <div class="form">
                    <Choices
                        name="theme"
                        label="Theme"
                        options=Theme::ALL.map(|theme| (theme.as_str(), theme.words())).to_vec()
                        chosen=Signal::derive(move || look.get().theme.as_str())
                        choose=Callback::new(move |value: &'static str| {
                            if let Some(theme) = Theme::ALL.into_iter().find(|theme| theme.as_str() == value) {
                                choose(look, Look { theme, ..look.get_untracked() });
                            }
                        })
                    />
                    <Choices
                        name="contrast"
                        label="Contrast"
                        options=Contrast::ALL.map(|contrast| (contrast.as_str(), contrast.words())).to_vec()
                        chosen=Signal::derive(move || look.get().contrast.as_str())
                        choose=Callback::new(move |value: &'static str| {
                            if let Some(contrast) = Contrast::ALL.into_iter().find(|contrast| contrast.as_str() == value) {
                                choose(look, Look { contrast, ..look.get_untracked() });
                            }
                        })
                    />
                    <div class="without-script"><Button r#type="submit">"Keep this look"</Button></div>
                </div>
            </ActionForm>
        </section>
    }
    .into_any()
}

/// A choice of few that takes effect at once.
#[component]
fn Choices(
    name: &'static str,
    label: &'static str,
    options: Vec<(&'static str, &'static str)>,
    chosen: Signal<&'static str>,
    choose: Callback<&'static str>,
) -> impl IntoView {
    view! {
        <fieldset class="choices">
            <legend class="field__label">{label}</legend>
            <div class="choices__row">
                {options
                    .into_iter()
                    .map(|(value, words)| {
                        view! {
                            <label class="choice">
                                <input
                                    type="radio"
                                    name=name
                                    value=value
                                    checked=chosen.get_untracked() == value
                                    prop:checked=move || chosen.get() == value
                                    on:change=move |_| choose.run(value)
                                />
                                <span>{words}</span>
                            </label>
                        }
                    })
                    .collect_view()}
            </div>
        </fieldset>
    }
    .into_any()
}

#[component]
fn PasswordForm(username: String) -> impl IntoView {
    // The rules for passwords speak of the `password`; the only one here is the new one.
    const FIELDS: &[&str] = &["new", "password"];
    const WRONG: &str = "password.wrong";
    let action = ServerAction::<ChangePassword>::new();
    let error = refused(action);
    let toasts = use_toasts();
    let form = NodeRef::<leptos::html::Form>::new();
    Effect::new(move |_| {
        if action.value().with(|value| matches!(value, Some(Ok(())))) {
            toasts.say(
                Tone::Ok,
                "Your password is changed, and your other sign-ins are over.",
            );
            if let Some(form) = form.get_untracked() {
                form.reset();
            }
        }
    });
    view! {
        <section class="settings__part" aria-labelledby="password-title">
            <h2 class="h-sec" id="password-title">"Password"</h2>
            <p class="t2">"A new password ends every other sign-in and every token of yours."</p>
            <ActionForm action=action node_ref=form>
                <div class="form form--narrow">
                    <RefusedBanner error=without_codes(error, &[WRONG]) fields=FIELDS/>
                    // For password managers; it is not sent.
                    <input class="sr" type="text" autocomplete="username" value=username readonly tabindex="-1" aria-hidden="true"/>
                    <PasswordInput name="current" label="Current password" autocomplete="current-password" error=coded(error, WRONG)/>
                    <PasswordInput
                        name="new"
                        label="New password"
                        hint="At least 8 characters."
                        autocomplete="new-password"
                        error=Signal::derive(move || about(error, "password").get().or_else(|| about(error, "new").get()))
                    />
                    <div><Button r#type="submit" busy=action.pending()>"Change the password"</Button></div>
                </div>
            </ActionForm>
        </section>
    }
    .into_any()
}

#[component]
fn Sessions() -> impl IntoView {
    let end = ServerAction::<EndSession>::new();
    let end_others = ServerAction::<EndOtherSessions>::new();
    let sessions = Resource::new(
        move || (end.version().get(), end_others.version().get()),
        |_| my_sessions(),
    );
    let error = Signal::derive(move || refused(end).get().or_else(|| refused(end_others).get()));
    view! {
        <section class="settings__part" aria-labelledby="sessions-title">
            <h2 class="h-sec" id="sessions-title">"Where you are signed in"</h2>
            <RefusedBanner error=error/>
            <Loaded of=sessions let:sessions>
                {
                    let others = sessions.len() > 1;
                    view! {
                        <div class="card list">
                            {sessions.into_iter().map(|session| view! { <SessionRow session end/> }).collect_view()}
                        </div>
                        {others
                            .then(|| {
                                view! {
                                    <ActionForm action=end_others>
                                        <Button r#type="submit" kind=ButtonKind::DangerQuiet>"End all others"</Button>
                                    </ActionForm>
                                }
                            })}
                    }
                }
            </Loaded>
        </section>
    }
    .into_any()
}

#[component]
fn SessionRow(session: SessionInfo, end: ServerAction<EndSession>) -> impl IntoView {
    view! {
        <div>
            <Icon name="globe"/>
            <div class="grow">
                <div class="row g-2 wrap">
                    <span class="med trunc" title=session.agent.clone()>{browser(&session.agent)}</span>
                    {session.current.then(|| view! { <Badge tone=Tone::Accent>"This one"</Badge> })}
                </div>
                <div class="t3 fs-12">
                    "Signed in " <Time at=session.created_at.0/> ", last seen " <Time at=session.seen_at.0/>
                </div>
            </div>
            {(!session.current)
                .then(|| {
                    view! {
                        <ActionForm action=end>
                            <input type="hidden" name="session" value=session.id.to_string()/>
                            <Button r#type="submit" size=ButtonSize::Small>"End"</Button>
                        </ActionForm>
                    }
                })}
        </div>
    }
    .into_any()
}

/// A browser and a system, as far as its own words say.
fn browser(agent: &str) -> String {
    let program = [
        ("Edg/", "Edge"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]
    .into_iter()
    .find_map(|(mark, name)| agent.contains(mark).then_some(name));
    let system = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]
    .into_iter()
    .find_map(|(mark, name)| agent.contains(mark).then_some(name));
    match (program, system) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(program), None) => program.to_owned(),
        _ if agent.is_empty() => "Unknown browser".to_owned(),
        _ => agent.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn a_sign_in_is_named_after_its_browser() {
        let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";
        assert_eq!(browser(agent), "Chrome on Linux");
        assert_eq!(browser(""), "Unknown browser");
        assert_eq!(browser("datalayer-cli/1"), "datalayer-cli/1");
    }
}
