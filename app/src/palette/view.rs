//! The palette on screen: a text field over a list, as the combobox pattern has it.

use std::time::Duration;

use datalayer::{Notebook, Space};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::{ev, html};
use leptos_router::hooks::use_navigate;
use ui::{Icon, Keys};

use super::{Command, Group, Run, pieces, rank, use_commands};
use crate::accounts::calls::sign_out;
use crate::frame::shortcuts::KeyWords;
use crate::frame::{Look, Theme, choose, use_house, use_look};
use crate::home::calls::{find_notebooks, recent_notebooks};
use crate::hub::hub_address;
use crate::spaces::calls::create_notebook;

/// At most this many lines: a palette is for typing on, not for reading through.
const SHOWN: usize = 40;
/// Notebooks it knows without asking, and at most so many more.
const RECENT: u32 = 50;
/// How long after the last letter the studio is asked.
const PAUSE: Duration = Duration::from_millis(200);
/// At most this many of a group before anything is typed, so that each group is seen.
const SHOWN_AT_FIRST: usize = 7;

#[component]
pub fn PaletteView(
    /// The space of the page.
    space: Signal<Option<Space>>,
) -> impl IntoView {
    let commands = use_commands();
    let open = commands.opened();
    let dialog = NodeRef::<html::Dialog>::new();
    let typed = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let found = found(typed, space);
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
            if event.is_composing() {
                return;
            }
            let count = found.with(Vec::len);
            let to = match event.key().as_str() {
                "ArrowDown" if count > 0 => (chosen.get_untracked() + 1) % count,
                "ArrowUp" if count > 0 => (chosen.get_untracked() + count - 1) % count,
                "PageDown" if count > 0 => (chosen.get_untracked() + 8).min(count - 1),
                "PageUp" if count > 0 => chosen.get_untracked().saturating_sub(8),
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
    // What screen readers hear after each letter.
    let answer = move || match found.with(Vec::len) {
        0 => "Nothing found".to_owned(),
        1 => "1 line".to_owned(),
        count => format!("{count} lines"),
    };
    view! {
        <dialog
            node_ref=dialog
            class="palette"
            aria-label="Commands"
            on:close=move |_| open.set(false)
            on:click=move |event| {
                if event.detail() < 2 && dialog.get_untracked().is_some_and(|dialog| ui::dom::is_target(&event, &dialog)) {
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
                                aria-autocomplete="list"
                                aria-controls="palette-list"
                                aria-label="Search or run a command"
                                aria-activedescendant=move || {
                                    (!found.with(Vec::is_empty)).then(|| format!("palette-{}", chosen.get()))
                                }
                                autocomplete="off"
                                spellcheck="false"
                                enterkeyhint="go"
                                maxlength="200"
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
                            <Lines found typed chosen run=Callback::new(run)/>
                        </div>
                        <div class="sr" role="status">{answer}</div>
                        <div class="palette__foot" aria-hidden="true">
                            <span><Keys chord="↑+↓"/> "Choose"</span>
                            <span><Keys chord="enter"/> "Run"</span>
                            <span><Keys chord="Esc"/> "Close"</span>
                            <span><Keys chord=">"/> "Commands only"</span>
                        </div>
                    }
                }
            </Show>
        </dialog>
    }
    .into_any()
}

/// Everything that answers what was typed: best first, the page's own verbs before places.
fn found(typed: RwSignal<String>, space: Signal<Option<Space>>) -> Memo<Vec<Command>> {
    let commands = use_commands();
    let house = use_house();
    let notebooks = RwSignal::new(Vec::<Notebook>::new());
    let spaces = RwSignal::new(Vec::<Space>::new());
    let here = RwSignal::new(None::<Space>);
    let administrator = RwSignal::new(false);
    let look = use_look();
    Effect::new(move |_| {
        if commands.opened().get() {
            here.set(space.get_untracked());
            spawn_local(async move {
                if let Ok(recent) = recent_notebooks(RECENT).await {
                    let _ = notebooks.try_set(recent);
                }
                let _ = spaces.try_set(house.spaces.await.unwrap_or_default());
                let _ = administrator.try_set(house.me.await.is_ok_and(|me| me.administrator));
            });
        }
    });
    let found = search(typed, notebooks);
    Memo::new_with_compare(
        move |_| {
            let mut all = commands.listed();
            all.extend(
                spaces
                    .get()
                    .iter()
                    .filter(|space| space.may.edit)
                    .map(begin),
            );
            all.extend(here.get().iter().flat_map(of_space));
            let space_of = |notebook: &Notebook| {
                spaces.with(|spaces| {
                    let mut of = spaces.iter().filter(|space| space.id == notebook.space);
                    of.next()
                        .map_or_else(|| "Notebook".to_owned(), |space| space.name.clone())
                })
            };
            all.extend(found.get().into_iter().map(|notebook| {
                let space = space_of(&notebook);
                Command::place(format!("/n/{}", notebook.id), notebook.title, "notebook")
                    .hint(space)
            }));
            all.extend(spaces.get().into_iter().map(|space| {
                Command::place(format!("/s/{}", space.id), space.name, "layers").hint("Space")
            }));
            all.push(Command::place("/", "Home", "home").keys("G H"));
            all.push(Command::place("/spaces", "All spaces", "layers").keys("G A"));
            all.push(Command::place("/spaces#new", "New space", "plus"));
            all.push(Command::place("/settings", "Settings", "settings").keys("G ,"));
            all.extend(hub_address().map(|hub| Command::place(hub, "JupyterLab", "terminal")));
            if administrator.get() {
                all.push(Command::place("/people", "People", "members"));
            }
            all.extend(Theme::ALL.map(|theme| set_theme(look, theme)));
            all.push(leave());
            let typed = typed.get();
            best(all, &typed)
        },
        |_, _| true,
    )
}

/// The notebooks edited last and, once something is typed, those the studio finds beyond them.
fn search(typed: RwSignal<String>, recent: RwSignal<Vec<Notebook>>) -> Signal<Vec<Notebook>> {
    let more = RwSignal::new(Vec::<Notebook>::new());
    Effect::new(move |_| {
        let words = typed.get().trim().to_owned();
        // Where the latest are all there are, there is nothing to ask for.
        let all_here = recent.with(|recent| recent.len() < RECENT as usize);
        if all_here || words.chars().count() < 2 || words.starts_with('>') {
            return;
        }
        let ask = move || {
            spawn_local(async move {
                if let Ok(found) = find_notebooks(words, RECENT).await {
                    let _ = more.try_set(found);
                }
            });
        };
        if let Ok(timer) = set_timeout_with_handle(ask, PAUSE) {
            on_cleanup(move || timer.clear());
        }
    });
    Signal::derive(move || {
        let mut all = recent.get();
        more.with(|more| {
            for notebook in more {
                if all.iter().all(|known| known.id != notebook.id) {
                    all.push(notebook.clone());
                }
            }
        });
        all
    })
}

/// The answers in their order: the group with the best answer first, in each group the best first.
fn best(all: Vec<Command>, typed: &str) -> Vec<Command> {
    let (typed, verbs_only) = match typed.trim_start().strip_prefix('>') {
        Some(rest) => (rest.trim(), true),
        None => (typed.trim(), false),
    };
    let mut ranked: Vec<(Group, usize, Command)> = all
        .into_iter()
        .filter(|command| !verbs_only || command.group != Group::GoTo)
        .filter_map(|command| Some((command.group, rank(&command.title, typed)?, command)))
        .collect();
    let best_of = |group: Group| {
        let ranks = ranked.iter().filter(|(other, ..)| *other == group);
        ranks.map(|(_, rank, _)| *rank).min().unwrap_or(usize::MAX)
    };
    let order = [Group::Do, Group::GoTo, Group::Set].map(|group| (group, best_of(group)));
    let place = |group: Group| {
        let best = order.iter().find(|(other, _)| *other == group);
        best.map_or(usize::MAX, |(_, rank)| *rank)
    };
    // Stable, so that equals keep their order: the page's own first, notebooks by last edit.
    ranked.sort_by_key(|(group, rank, _)| (place(*group), *group, *rank));
    if typed.is_empty() && !verbs_only {
        let mut shown = [0_usize; 3];
        ranked.retain(|(group, ..)| {
            shown[*group as usize] += 1;
            shown[*group as usize] <= SHOWN_AT_FIRST
        });
    }
    ranked.truncate(SHOWN);
    ranked.into_iter().map(|(_, _, command)| command).collect()
}

/// Starts a notebook in a space.
fn begin(space: &Space) -> Command {
    let id = space.id.clone();
    let start = move || {
        let id = id.clone();
        spawn_local(async move {
            if let Ok(path) = create_notebook(id, String::new()).await {
                ui::dom::go(&path);
            }
        });
    };
    Command::verb(
        format!("begin-{}", space.id),
        format!("New notebook in {}", space.name),
        "plus",
        start,
    )
}

/// The places of the page's space.
fn of_space(space: &Space) -> Vec<Command> {
    let home = format!("/s/{}", space.id);
    let place = |rest: &str, words: &str, icon| {
        Command::place(format!("{home}{rest}"), words, icon).hint(space.name.clone())
    };
    let mut places = vec![
        place("/notebooks", "Notebooks of this space", "notebook").keys("G N"),
        place("/members", "Members of this space", "members").keys("G M"),
    ];
    if space.may.manage {
        places.push(place("/settings", "Settings of this space", "settings"));
    }
    places
}

fn set_theme(look: RwSignal<Look>, theme: Theme) -> Command {
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
}

fn leave() -> Command {
    let out = || {
        spawn_local(async {
            if let Ok(path) = sign_out().await {
                ui::dom::go(&path);
            }
        });
    };
    Command {
        group: Group::Set,
        ..Command::verb("sign-out", "Sign out", "arrow", out)
    }
}

#[component]
fn Lines(
    found: Memo<Vec<Command>>,
    typed: RwSignal<String>,
    chosen: RwSignal<usize>,
    run: Callback<Command>,
) -> impl IntoView {
    move || {
        let found = found.get();
        if found.is_empty() {
            return view! { <p class="palette__none">"Nothing has that name."</p> }.into_any();
        }
        let typed = typed.get_untracked();
        let typed = typed.trim_start().trim_start_matches('>').to_owned();
        let mut lines: Vec<(Group, Vec<(usize, Command)>)> = Vec::new();
        for (at, command) in found.into_iter().enumerate() {
            match lines.last_mut() {
                Some((group, of_group)) if *group == command.group => of_group.push((at, command)),
                _ => lines.push((command.group, vec![(at, command)])),
            }
        }
        lines
            .into_iter()
            .map(|(group, commands)| {
                let typed = typed.clone();
                view! {
                    <div role="group" aria-label=group.words()>
                        <div class="palette__label" aria-hidden="true">{group.words()}</div>
                        {commands
                            .into_iter()
                            .map(|(at, command)| view! { <Line at command typed=typed.clone() chosen run/> })
                            .collect_view()}
                    </div>
                }
            })
            .collect_view()
            .into_any()
    }
}

#[component]
fn Line(
    at: usize,
    command: Command,
    typed: String,
    chosen: RwSignal<usize>,
    run: Callback<Command>,
) -> impl IntoView {
    let is_chosen = move || chosen.get() == at;
    let title = pieces(&command.title, &typed);
    let (icon, keys, hint) = (command.icon, command.keys.clone(), command.hint.clone());
    view! {
        <div
            class="palette__item"
            id=format!("palette-{at}")
            role="option"
            class:is-hover=is_chosen
            aria-selected=move || is_chosen().to_string()
            on:mousemove=move |_| chosen.set(at)
            on:click=move |_| run.run(command.clone())
        >
            <Icon name=icon/>
            <span class="trunc">
                {title
                    .into_iter()
                    .map(|(mark, piece)| if mark { view! { <mark>{piece}</mark> }.into_any() } else { piece.into_any() })
                    .collect_view()}
            </span>
            <span class="end">{hint} {keys.map(|keys| view! { <span class="kbds"><KeyWords keys/></span> })}</span>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(typed: &str) -> Vec<String> {
        let mut all: Vec<Command> = (1..=20)
            .map(|n| Command::verb(format!("v{n}"), format!("Wind up cell {n}"), "play", || {}))
            .collect();
        all.push(Command::place("/n/1", "Winter peak forecast", "notebook"));
        all.push(Command::place("/n/2", "Tariffs", "notebook"));
        best(all, typed)
            .into_iter()
            .map(|command| command.title)
            .collect()
    }

    #[test]
    fn the_group_with_the_best_answer_comes_first() {
        assert_eq!(titles("winter")[0], "Winter peak forecast");
        assert_eq!(titles("wind up cell 3")[0], "Wind up cell 3");
        assert_eq!(titles("wpf"), ["Winter peak forecast"]);
    }

    #[test]
    fn before_anything_is_typed_every_group_is_seen() {
        let titles = titles("");
        assert_eq!(titles.len(), SHOWN_AT_FIRST + 2);
        assert!(titles.contains(&"Tariffs".to_owned()));
    }

    #[test]
    fn a_bracket_leaves_only_verbs() {
        assert_eq!(titles(">").len(), 20);
        assert!(titles("> winter").is_empty());
    }
}
