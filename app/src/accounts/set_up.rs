//! The first administrator, through the one-time link.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use ui::{Banner, Button, ButtonKind, ButtonSize, Input, PasswordInput, Tone};

use super::calls::{SetUp, needs_setup};
use super::sign_in::Door;
use crate::refusal::{RefusedBanner, about, refused};

#[component]
pub fn SetUpPage() -> impl IntoView {
    let waits = Resource::new(|| (), |()| needs_setup());
    view! {
        <Title text="Set up"/>
        <Door>
            <Suspense>
                {move || Suspend::new(async move {
                    if waits.await == Ok(false) { view! { <Done/> }.into_any() } else { view! { <SetUpForm/> }.into_any() }
                })}
            </Suspense>
        </Door>
    }
    .into_any()
}

#[component]
fn SetUpForm() -> impl IntoView {
    const FIELDS: &[&str] = &["username", "name", "password"];
    let action = ServerAction::<SetUp>::new();
    let error = refused(action);
    let token = use_query_map()
        .read_untracked()
        .get("token")
        .unwrap_or_default();
    Effect::new(move |_| {
        if let Some(Ok(path)) = action.value().get() {
            ui::dom::go(&path);
        }
    });
    let busy = Signal::derive(move || {
        action.pending().get() || action.value().with(|value| matches!(value, Some(Ok(_))))
    });
    let has_token = !token.is_empty();
    view! {
        <h1>"Set up your studio"</h1>
        <p class="door__lead">"You become its first administrator: you can add people, and make spaces for them."</p>
        {(!has_token)
            .then(|| {
                view! {
                    <Banner tone=Tone::Warn>
                        <p>"This address has no set-up token. Open the whole link that the studio printed in its terminal."</p>
                    </Banner>
                }
            })}
        <ActionForm action=action>
            <div class="form">
                <RefusedBanner error=error fields=FIELDS/>
                <input type="hidden" name="token" value=token/>
                <Input
                    name="username"
                    label="Username"
                    hint="Small letters, digits, and - _ . between them."
                    autocomplete="username"
                    required=true
                    autofocus=true
                    large=true
                    verbatim=true
                    maxlength=64
                    error=about(error, "username")
                />
                <Input
                    name="name"
                    label="Your name"
                    hint="As others see it beside your work."
                    autocomplete="name"
                    large=true
                    maxlength=128
                    error=about(error, "name")
                />
                <PasswordInput
                    name="password"
                    label="Password"
                    hint="At least 8 characters. A sentence is easier to remember than a riddle."
                    autocomplete="new-password"
                    large=true
                    error=about(error, "password")
                />
                <Button kind=ButtonKind::Primary size=ButtonSize::Large block=true r#type="submit" busy=busy>
                    "Become the administrator"
                </Button>
            </div>
        </ActionForm>
    }
    .into_any()
}

/// The link was used already.
#[component]
fn Done() -> impl IntoView {
    view! {
        <h1>"This studio is set up"</h1>
        <p class="door__lead">"Its first administrator is there already. The set-up link works only once."</p>
        <a class="btn btn--primary btn--lg btn--block" href="/sign-in">"Sign in"</a>
    }
    .into_any()
}
