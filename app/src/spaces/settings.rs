//! The settings of a space: its name, its words, and putting it away.

use datalayer::Space;
use leptos::prelude::*;
use ui::{Banner, Button, ButtonKind, Input, TextArea, Tone, use_toasts};

use super::calls::{ArchiveSpace, DescribeSpace};
use super::frame::{Place, SpaceFrame, use_space};
use crate::frame::use_house;
use crate::refusal::{RefusedBanner, about, refused};

#[component]
pub fn SpaceSettingsPage() -> impl IntoView {
    let describe = ServerAction::<DescribeSpace>::new();
    let archive = ServerAction::<ArchiveSpace>::new();
    let version = Signal::derive(move || describe.version().get() + archive.version().get());
    let space = use_space(version);
    let house = use_house();
    Effect::new(move |before: Option<usize>| {
        let version = version.get();
        if before.is_some_and(|before| before != version) {
            house.refresh();
        }
        version
    });
    view! {
        <SpaceFrame place=Place::Settings space=space let:space>
            <div class="space__body space__body--narrow">
                {if space.may.manage {
                    view! {
                        <Describe space=space.clone() action=describe/>
                        <PutAway space=space.clone() action=archive/>
                    }
                        .into_any()
                } else {
                    view! { <Banner tone=Tone::Info>"Only those who manage this space can change it."</Banner> }.into_any()
                }}
            </div>
        </SpaceFrame>
    }
    .into_any()
}

#[component]
fn Describe(space: Space, action: ServerAction<DescribeSpace>) -> impl IntoView {
    let error = refused(action);
    let toasts = use_toasts();
    Effect::new(move |_| {
        if action.value().with(|value| matches!(value, Some(Ok(_)))) {
            toasts.say(Tone::Ok, "The space is changed.");
            action.clear();
        }
    });
    view! {
        <section class="settings__part" aria-labelledby="about-title">
            <h2 class="h-sec" id="about-title">"Name and description"</h2>
            <ActionForm action=action>
                <div class="form">
                    <RefusedBanner error=error fields=&["name", "description"]/>
                    <input type="hidden" name="space" value=space.id.to_string()/>
                    <Input name="name" label="Name" required=true maxlength=100 value=space.name.clone() error=about(error, "name")/>
                    <TextArea
                        name="description"
                        label="Description"
                        hint="What it is for, in a sentence or two."
                        value=space.description.clone()
                        maxlength=500
                        error=about(error, "description")
                    />
                    <div><Button r#type="submit" kind=ButtonKind::Primary busy=action.pending()>"Keep the changes"</Button></div>
                </div>
            </ActionForm>
        </section>
    }
    .into_any()
}

#[component]
fn PutAway(space: Space, action: ServerAction<ArchiveSpace>) -> impl IntoView {
    let archived = space.archived_at.is_some();
    let (title, words, verb) = if archived {
        (
            "Take it back",
            "The space is archived: it can be read, and nothing in it changes.",
            "Take the space back",
        )
    } else {
        (
            "Put it away",
            "An archived space leaves every list. Its notebooks stay as they are and can be read; nothing is deleted.",
            "Archive the space",
        )
    };
    view! {
        <section class="settings__part" aria-labelledby="away-title">
            <h2 class="h-sec" id="away-title">{title}</h2>
            <p class="t2">{words}</p>
            <RefusedBanner error=refused(action)/>
            <ActionForm action=action>
                <input type="hidden" name="space" value=space.id.to_string()/>
                <input type="hidden" name="archived" value=(!archived).to_string()/>
                <Button r#type="submit" kind=if archived { ButtonKind::Plain } else { ButtonKind::DangerQuiet } busy=action.pending()>
                    {verb}
                </Button>
            </ActionForm>
        </section>
    }
    .into_any()
}
