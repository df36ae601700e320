//! Your tokens: how programs act for you.

use datalayer::{CreatedToken, TokenInfo, User};
use leptos::prelude::*;
use leptos::task::spawn_local;
use ui::{Badge, Button, ButtonKind, ButtonSize, Field, Icon, Input, Select, Time, Tone};

use super::calls::{CreateToken, EndToken, my_tokens};
use crate::browser;
use crate::refusal::{Loaded, RefusedBanner, about, refused};

#[component]
pub fn Tokens(me: User) -> impl IntoView {
    let create = ServerAction::<CreateToken>::new();
    let end = ServerAction::<EndToken>::new();
    let tokens = Resource::new(
        move || (create.version().get(), end.version().get()),
        |_| my_tokens(),
    );
    view! {
        <section class="settings__part" aria-labelledby="tokens-title">
            <h2 class="h-sec" id="tokens-title">"Tokens"</h2>
            <p class="t2">
                "A token lets a program act for you, never with more than your own rights. A new password ends all of them."
            </p>
            <RefusedBanner error=refused(end)/>
            <Loaded of=tokens let:tokens>
                {(!tokens.is_empty())
                    .then(|| {
                        view! {
                            <div class="card list">
                                {tokens.into_iter().map(|token| view! { <TokenRow token end/> }).collect_view()}
                            </div>
                        }
                    })}
            </Loaded>
            <div role="status">
                {move || create.value().get().and_then(Result::ok).map(|created| view! { <Shown created/> })}
            </div>
            <NewTokenForm action=create administrator=me.administrator/>
        </section>
    }
    .into_any()
}

/// The secret, this once.
#[component]
fn Shown(created: CreatedToken) -> impl IntoView {
    let secret = StoredValue::new(created.secret.clone());
    let copied = RwSignal::new(None::<bool>);
    let copy = move |_| {
        let secret = secret.get_value();
        spawn_local(async move {
            let done = browser::copied(&secret).await;
            copied.try_set(Some(done));
        });
    };
    let words = move || match copied.get() {
        None => "Copy",
        Some(true) => "Copied",
        Some(false) => "Select it and copy it yourself",
    };
    view! {
        <div class="card settings__secret">
            <p class="med">"Copy “" {created.token.name} "” now: it is not shown again."</p>
            <div class="row g-2 wrap">
                <code class="mono">{created.secret}</code>
                <button class="btn btn--sm" type="button" on:click=copy>{words}</button>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn TokenRow(token: TokenInfo, end: ServerAction<EndToken>) -> impl IntoView {
    let id = token.id.to_string();
    let name = token.name.clone();
    view! {
        <div>
            <Icon name="key"/>
            <div class="grow">
                <div class="row g-2 wrap">
                    <span class="med trunc">{token.name}</span>
                    <code class="mono t3 fs-12">{token.hint} "…"</code>
                    {token
                        .scopes
                        .list()
                        .into_iter()
                        .map(|scope| view! { <Badge tone=Tone::Neutral>{scope.as_str()}</Badge> })
                        .collect_view()}
                </div>
                <div class="t3 fs-12">
                    "Created " <Time at=token.created_at.0/> ", "
                    {match token.used_at {
                        Some(at) => view! { "last used " <Time at=at.0/> }.into_any(),
                        None => view! { "never used" }.into_any(),
                    }}
                    ", ends " <Time at=token.expires_at.0/>
                </div>
            </div>
            <ActionForm action=end>
                <input type="hidden" name="token" value=id/>
                <button type="submit" class="btn btn--sm" aria-label=format!("End the token {name}")>"End"</button>
            </ActionForm>
        </div>
    }
    .into_any()
}

#[component]
fn NewTokenForm(action: ServerAction<CreateToken>, administrator: bool) -> impl IntoView {
    const FIELDS: &[&str] = &["name", "days"];
    let error = refused(action);
    let form = NodeRef::<leptos::html::Form>::new();
    Effect::new(move |_| {
        if action.value().with(|value| matches!(value, Some(Ok(_))))
            && let Some(form) = form.get_untracked()
        {
            form.reset();
        }
    });
    let lasts = [
        (7, "7 days"),
        (30, "30 days"),
        (90, "90 days"),
        (365, "A year"),
    ];
    let lasts: Vec<(String, String)> = lasts
        .into_iter()
        .map(|(days, words)| (days.to_string(), words.to_owned()))
        .collect();
    view! {
        // A page without script is drawn again after the form, and could not show the secret.
        <p class="without-script t2">"Creating a token needs JavaScript here; "<code>"datalayer admin create-token"</code>" does it on the server."</p>
        <ActionForm action=action node_ref=form attr:class="needs-script">
            <div class="form form--narrow">
                <RefusedBanner error=error fields=FIELDS/>
                <Input
                    name="name"
                    id="token-name"
                    label="What is it for?"
                    hint="A name you will know it by."
                    autocomplete="off"
                    required=true
                    maxlength=100
                    error=about(error, "name")
                />
                <fieldset class="choices">
                    <legend class="field__label">"It may read, and"</legend>
                    <label class="check-line"><input type="checkbox" name="write" value="true"/><span>"Write: change spaces, members and notebooks"</span></label>
                    <label class="check-line"><input type="checkbox" name="run" value="true"/><span>"Run code"</span></label>
                    {administrator
                        .then(|| {
                            view! {
                                <label class="check-line">
                                    <input type="checkbox" name="admin" value="true"/>
                                    <span>"Administer people"</span>
                                </label>
                            }
                        })}
                </fieldset>
                <Field label="Lasts" for_id="token-days" error=about(error, "days")>
                    <Select name="days" id="token-days" label="How long it lasts" options=lasts.clone() chosen="90"/>
                </Field>
                <div><Button r#type="submit" kind=ButtonKind::Plain size=ButtonSize::Medium busy=action.pending()>"Create a token"</Button></div>
            </div>
        </ActionForm>
    }
    .into_any()
}
