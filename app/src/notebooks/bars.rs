//! The notebook's part of the top bar: title, saved state, who is here; and the banners over the document.

use leptos::html;
use leptos::prelude::*;
use notebook::presence::Present;

use super::calls::RenameNotebook;
use super::commands;
use super::desk::use_desk;
use super::link;
use super::screen::{SavedState, Screen};
use crate::browser;

/// The title, which is also where it is changed.
#[component]
pub fn TitleField(screen: Screen) -> impl IntoView {
    let rename = ServerAction::<RenameNotebook>::new();
    let editing = use_desk().renaming;
    let field = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if editing.get() {
            request_animation_frame(move || {
                if let Some(field) = field.get_untracked() {
                    let _ = field.focus();
                    field.select();
                }
            });
        }
    });
    Effect::new(move |_| match rename.value().get() {
        Some(Ok(title)) => screen.title.set(title),
        Some(Err(error)) => super::tell(screen, &crate::call::sentence(&error)),
        None => {}
    });
    let finish = move || {
        if !editing.get_untracked() {
            return;
        }
        editing.set(false);
        let Some(title) = field
            .get_untracked()
            .map(|field| field.value().trim().to_owned())
        else {
            return;
        };
        if let (Ok(notebook), true) = (
            screen.notebook_id().parse(),
            !title.is_empty() && title != screen.title.get_untracked(),
        ) {
            rename.dispatch(RenameNotebook { notebook, title });
        }
    };
    view! {
        <Show
            when=move || editing.get()
            fallback=move || view! {
                <h1 class="crumbs__here trunc nb__title" title=move || screen.may.get().edit.then_some("Rename")
                    on:click=move |_| {
                        if screen.may.get_untracked().edit {
                            editing.set(true);
                        }
                    }>{move || screen.title.get()}</h1>
            }
        >
            <input class="input input--sm nb__rename" node_ref=field aria-label="Title of the notebook" maxlength="200" prop:value=screen.title.get_untracked()
                on:blur=move |_| finish()
                on:keydown=move |event| match event.key().as_str() {
                    "Enter" => finish(),
                    "Escape" => editing.set(false),
                    _ => {}
                }/>
        </Show>
    }
}

/// What a screen reader says when the studio is there again.
const BACK: &str = "Online again. Everything is being saved.";

/// Saved, Saving, Offline: only what acknowledgements prove.
#[component]
pub fn SavedMark(screen: Screen) -> impl IntoView {
    let state = move || screen.saved.get();
    let class = move || match state() {
        SavedState::Saved | SavedState::Saving | SavedState::Connecting => "saved",
        _ => "saved warn",
    };
    let icon = Signal::derive(move || match state() {
        SavedState::Saved => "okc",
        SavedState::Saving | SavedState::Connecting => "history",
        _ => "offline",
    });
    let text = move || match state() {
        SavedState::Connecting => String::new(),
        SavedState::Saved => "Saved".to_owned(),
        SavedState::Saving => "Saving".to_owned(),
        SavedState::Offline(0) => "Offline".to_owned(),
        SavedState::Offline(1) => "Offline, 1 change kept here".to_owned(),
        SavedState::Offline(count) => format!("Offline, {count} changes kept here"),
        SavedState::NotSaving(_) => "Not saved".to_owned(),
        SavedState::Closed(_) => "Closed".to_owned(),
    };
    let title = move || {
        match state() {
        SavedState::Saved => "Everything you typed is written to the studio's disk.".to_owned(),
        SavedState::Saving => "On its way to the studio's disk.".to_owned(),
        SavedState::Offline(_) => "The studio does not answer. You can go on; this browser keeps your changes and sends them when it is back.".to_owned(),
        SavedState::NotSaving(why) | SavedState::Closed(why) => why,
        SavedState::Connecting => String::new(),
    }
    };
    let spoken = Memo::new(move |before: Option<&String>| match state() {
        SavedState::Saved | SavedState::Saving
            if before.is_some_and(|words| !words.is_empty() && words != BACK) =>
        {
            BACK.to_owned()
        }
        SavedState::Saved | SavedState::Saving => before.cloned().unwrap_or_default(),
        SavedState::Connecting => String::new(),
        // Without the number, which changes with every key.
        SavedState::Offline(_) => "Offline. Your changes are kept here.".to_owned(),
        SavedState::NotSaving(_) | SavedState::Closed(_) => text(),
    });
    view! {
        <span class=class title=title data-state=move || match state() { SavedState::Saved => "saved", SavedState::Saving => "saving", SavedState::Connecting => "connecting", SavedState::Offline(_) => "offline", SavedState::NotSaving(_) => "not-saving", SavedState::Closed(_) => "closed" }>
            <Show when=move || state() != SavedState::Connecting><ui::Icon name=icon size=14/></Show>
            <span class="saved__words">{text}</span>
            // Said only where something is wrong, and where it is right again: not with every key.
            <span class="sr" role="status">{move || spoken.get()}</span>
        </span>
    }
}

/// Who is here, in the colours of their carets. A press goes to where they are.
#[component]
pub fn People(screen: Screen) -> impl IntoView {
    let others = move || {
        let mine = screen.seat.get();
        screen.people.with(|people| {
            people
                .iter()
                .filter(|person| person.seat != mine)
                .cloned()
                .collect::<Vec<_>>()
        })
    };
    // The same person in another tab is somebody else to the room, but not to them.
    let myself = move || {
        let mine = screen.seat.get();
        screen.people.with(|people| {
            let me = people.iter().find(|person| person.seat == mine);
            me.map(|me| me.user.clone())
        })
    };
    let name_of = move |person: &Present| {
        if Some(&person.user) == myself().as_ref() {
            "You, in another tab".to_owned()
        } else {
            person.name.clone()
        }
    };
    let label = move || {
        let names: Vec<String> = others().iter().map(name_of).collect();
        if names.is_empty() {
            "Nobody else is here".to_owned()
        } else {
            format!("Here now: {}", names.join(", "))
        }
    };
    view! {
        <div class="avs avs--live" role="group" aria-label=label>
            {move || others().into_iter().take(5).map(|person| {
                let title = if Some(&person.user) == myself().as_ref() {
                    "You are here in another tab. Go to that place.".to_owned()
                } else {
                    format!("{} is here. Go to where they are.", person.name)
                };
                let place = person.place.clone();
                view! {
                    <button type="button" class=format!("av av--24 w{}", person.color) title=title.clone() aria-label=title
                        on:click=move |_| commands::go(screen, place.as_ref().map(|place| place.cell.clone()), false)><span aria-hidden="true">{ui::initials(&person.name)}</span></button>
                }
            }).collect_view()}
            {move || {
                let more = others().len().saturating_sub(5);
                (more > 0).then(|| view! { <span class="av av--24">{format!("+{more}")}</span> })
            }}
        </div>
    }
}

/// What needs a person, where the document is: lost rights, text that could not be put back, a cell deleted meanwhile.
#[component]
pub fn Banners(screen: Screen) -> impl IntoView {
    let desk = use_desk();
    view! {
        {move || desk.archived.get().then(|| view! {
            <ui::Banner tone=ui::Tone::Warn>
                <span class="grow">"This notebook is archived: it can be read, and nothing in it changes."</span>
                {desk.may_take_back.then(|| view! {
                    <button class="btn btn--sm needs-script" type="button" on:click=move |_| commands::perform(screen, commands::Command::TakeBack)>"Take it back"</button>
                })}
            </ui::Banner>
        })}
        {move || match screen.saved.get() {
            SavedState::Closed(why) => view! { <ui::Banner tone=ui::Tone::Danger><span class="grow">{why}</span>
                    {move || screen.unsent.get().then(|| view! {
                        <button class="btn btn--sm" type="button" on:click=move |_| { link::with(|link| link.download()); }>"Download what is not saved"</button>
                    })}
                    <button class="btn btn--sm" type="button" on:click=move |_| reload()>"Reload"</button></ui::Banner> }.into_any(),
            SavedState::NotSaving(why) => view! { <ui::Banner tone=ui::Tone::Warn><span class="grow">{format!("The studio cannot save now: {why} What you type is kept in this tab.")}</span></ui::Banner> }.into_any(),
            _ => ().into_any(),
        }}
        {move || screen.rescued.get().map(|text| {
            let copied = text.clone();
            view! {
                <ui::Banner tone=ui::Tone::Warn>
                    <div class="grow">
                        <div class="semi">"This could not be put back into the notebook. It is yours to keep."</div>
                        <pre class="code nb__rescued" tabindex="0">{text}</pre>
                    </div>
                    <button class="btn btn--sm" type="button" on:click=move |_| copy(&copied)>"Copy"</button>
                    <button class="btn btn--sm btn--ghost" type="button" on:click=move |_| screen.rescued.set(None)>"Dismiss"</button>
                </ui::Banner>
            }
        })}
        {move || screen.deleted_under_us.get().map(|cell| view! {
            <ui::Banner tone=ui::Tone::Info>
                <span class="grow">"Somebody deleted the cell you were typing in. Nothing of it is lost."</span>
                <button class="btn btn--sm" type="button" on:click=move |_| {
                    let cell = cell.clone();
                    screen.deleted_under_us.set(None);
                    link::with(|link| link.edit(vec![notebook::Operation::RestoreCell { cell: cell.clone() }]));
                    commands::go(screen, Some(cell), false);
                }>"Restore it"</button>
                <button class="btn btn--sm btn--ghost" type="button" on:click=move |_| screen.deleted_under_us.set(None)>"Leave it"</button>
            </ui::Banner>
        })}
    }
}

fn reload() {
    if let Some(window) = web_sys::window() {
        let _ = window.location().reload();
    }
}

fn copy(text: &str) {
    browser::copy(text);
}

#[cfg(test)]
mod tests {
    use notebook::presence::color_of;

    #[test]
    fn a_person_has_one_colour_in_lists_and_in_rooms() {
        for n in 0..64 {
            let id = format!("user_{n:026}");
            assert_eq!(ui::tint(&id), format!("w{}", color_of(&id)));
        }
    }
}
