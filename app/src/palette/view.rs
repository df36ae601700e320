//! The palette on screen: a text field over a list, as the combobox pattern has it.

use datalayer::Notebook;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::{ev, html};
use leptos_router::hooks::use_navigate;
use ui::{Icon, Keys};

use super::{Command, Group, Run, rank, use_commands};
use crate::frame::{Look, Theme, choose, use_house, use_look};
use crate::home::calls::recent_notebooks;

/// At most this many lines: a palette is for typing on, not for reading through.
const SHOWN: usize = 40;

#[component]
pub fn PaletteView() -> impl IntoView {
    let commands = use_commands();
    let open = commands.opened();
    let dialog = NodeRef::<html::Dialog>::new();
    let typed = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let found = found(typed);
    open.set(false);
    Effect::new(move |_| {
        let wanted = open.get();
        if let Some(dialog) = dialog.get() {
            if wanted && !dialog.open() {
                typed.set(String::new());
                chosen.set(0);
                let _ = dialog.show_modal();
            } else if !wanted && dialog.open() {
                dialog.close();
            }
        }
    });
    let navigate = use_navigate();
    let run = move |command: Command| {
        open.set(false);
        match command.run {
            Run::Go(href) => navigate(&href, leptos_router::NavigateOptions::default()),
            Run::Do(run) => run(),
        }
    };
    let on_key = {
        let run = run.clone();
        move |event: ev::KeyboardEvent| {
            let count = found.with(Vec::len);
            let to = match event.key().as_str() {
                "ArrowDown" if count > 0 => (chosen.get_untracked() + 1) % count,
                "ArrowUp" if count > 0 => (chosen.get_untracked() + count - 1) % count,
                "Enter" => {
                    event.prevent_default();
                    if let Some(command) =
                        found.with_untracked(|found| found.get(chosen.get_untracked()).cloned())
                    {
                        run(command);
                    }
                    return;
                }
                _ => return,
            };
            event.prevent_default();
            chosen.set(to);
            ui::dom::scroll_into_view(&format!("palette-{to}"));
        }
    };
    view! {
        <dialog
            node_ref=dialog
            class="palette"
            aria-label="Commands"
            on:close=move |_| open.set(false)
            on:click=move |event| {
                if dialog.get_untracked().is_some_and(|dialog| ui::dom::is_target(&event, &dialog)) {
                    open.set(false);
                }
            }
        >
            <Show when=move || open.get()>
                {
                    let on_key = on_key.clone();
                    let run = run.clone();
                    view! {
                        <div class="palette__input">
                            <Icon name="search"/>
                            <input
                                type="text"
                                autofocus=true
                                role="combobox"
                                aria-expanded="true"
                                aria-controls="palette-list"
                                aria-label="Search or run a command"
                                aria-activedescendant=move || format!("palette-{}", chosen.get())
                                autocomplete="off"
                                spellcheck="false"
                                placeholder="Search or run a command"
                                prop:value=move || typed.get()
                                on:input=move |event| {
                                    typed.set(event_target_value(&event));
                                    chosen.set(0);
                                }
                                on:keydown=on_key
                            />
                        </div>
                        <div class="palette__list" id="palette-list" role="listbox" aria-label="Commands">
                            <Lines found chosen run=Callback::new(run)/>
                        </div>
                        <div class="palette__foot" aria-hidden="true">
                            <span><Keys chord="↑+↓"/> "Choose"</span>
                            <span><Keys chord="enter"/> "Run"</span>
                            <span><Keys chord="Esc"/> "Close"</span>
                        </div>
                    }
                }
            </Show>
        </dialog>
    }
    .into_any()
}

/// Everything that answers what was typed: best first, the page's own verbs before places.
fn found(typed: RwSignal<String>) -> Memo<Vec<Command>> {
    let commands = use_commands();
    let house = use_house();
    let notebooks = RwSignal::new(Vec::<Notebook>::new());
    let spaces = RwSignal::new(Vec::new());
    let administrator = RwSignal::new(false);
    let look = use_look();
    Effect::new(move |_| {
        if commands.opened().get() {
            spawn_local(async move {
                if let Ok(recent) = recent_notebooks(100).await {
                    let _ = notebooks.try_set(recent);
                }
                let _ = spaces.try_set(house.spaces.await.unwrap_or_default());
                let _ = administrator.try_set(house.me.await.is_ok_and(|me| me.administrator));
            });
        }
    });
    Memo::new_with_compare(
        move |_| {
            let mut all = commands.listed();
            all.extend(notebooks.get().into_iter().map(|notebook| {
                Command::place(format!("/n/{}", notebook.id), notebook.title, "notebook")
                    .hint("Notebook")
            }));
            all.extend(spaces.get().into_iter().map(|space| {
                Command::place(format!("/s/{}", space.id), space.name, "layers").hint("Space")
            }));
            all.push(Command::place("/", "Home", "home"));
            all.push(Command::place("/spaces", "All spaces", "layers"));
            all.push(Command::place("/spaces#new", "New space", "plus"));
            all.push(Command::place("/settings", "Settings", "settings"));
            if administrator.get() {
                all.push(Command::place("/people", "People", "members"));
            }
            all.extend(Theme::ALL.map(|theme| {
                let title = match theme {
                    Theme::System => "Theme: as the system",
                    Theme::Light => "Theme: light",
                    Theme::Dark => "Theme: dark",
                };
                let set = move || {
                    choose(
                        look,
                        Look {
                            theme,
                            ..look.get_untracked()
                        },
                    )
                };
                let command = Command::verb(format!("theme-{}", theme.as_str()), title, "sun", set);
                Command {
                    group: Group::Set,
                    ..command
                }
            }));
            let typed = typed.get();
            let mut ranked: Vec<(Group, usize, Command)> = all
                .into_iter()
                .filter_map(|command| Some((command.group, rank(&command.title, &typed)?, command)))
                .collect();
            // Stable, so that equals keep their order: the page's own first, notebooks by last edit.
            ranked.sort_by_key(|(group, rank, _)| (*group, *rank));
            ranked.truncate(SHOWN);
            ranked.into_iter().map(|(_, _, command)| command).collect()
        },
        |_, _| true,
    )
}

#[component]
fn Lines(
    found: Memo<Vec<Command>>,
    chosen: RwSignal<usize>,
    run: Callback<Command>,
) -> impl IntoView {
    move || {
        let found = found.get();
        if found.is_empty() {
            return view! { <p class="palette__none">"Nothing has that name."</p> }.into_any();
        }
        let mut last = None;
        found
            .into_iter()
            .enumerate()
            .map(|(at, command)| {
                let label = (last != Some(command.group)).then(|| command.group.words());
                last = Some(command.group);
                let chosen_here = move || chosen.get() == at;
                let (title, icon, keys, hint) = (command.title.clone(), command.icon, command.keys.clone(), command.hint.clone());
                view! {
                    {label.map(|label| view! { <div class="palette__label" role="presentation">{label}</div> })}
                    <div
                        class="palette__item"
                        id=format!("palette-{at}")
                        role="option"
                        class:is-hover=chosen_here
                        aria-selected=move || chosen_here().to_string()
                        on:mousemove=move |_| chosen.set(at)
                        on:click=move |_| run.run(command.clone())
                    >
                        <Icon name=icon/>
                        <span class="trunc">{title}</span>
                        <span class="end">
                            {hint} {keys.map(|keys| keys.split(' ').map(|chord| view! { <Keys chord/> }).collect_view())}
                        </span>
                    </div>
                }
            })
            .collect_view()
            .into_any()
    }
}
