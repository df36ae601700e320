//! The panel beside the document: its outline, with where people are and how each section fares.

use leptos::prelude::*;
use notebook::runs::RunState;
use notebook::{CellId, CellKind};

use super::commands;
use super::screen::Screen;
use crate::markdown;

/// A heading of the document and the cells under it.
#[derive(Clone, PartialEq)]
struct Section {
    cell: CellId,
    level: u8,
    words: String,
    cells: Vec<CellId>,
}

#[component]
pub fn Panel(screen: Screen) -> impl IntoView {
    let sections = Memo::new(move |_| sections(&screen));
    view! {
        <aside class="panel" aria-label="Notebook panel">
            <h2 class="panel__title">"Outline"</h2>
            <div class="panel__body">
                <nav class="toc" aria-label="Outline">
                    {move || {
                        let sections = sections.get();
                        if sections.is_empty() {
                            view! { <p class="fs-12 t3 panel__hint">"Headings of text cells appear here: a line that starts with #."</p> }.into_any()
                        } else {
                            sections.into_iter().map(|section| view! { <Entry screen section/> }).collect_view().into_any()
                        }
                    }}
                </nav>
            </div>
        </aside>
    }
}

#[component]
fn Entry(screen: Screen, section: Section) -> impl IntoView {
    let Section {
        cell,
        level,
        words,
        cells,
    } = section;
    let cells = StoredValue::new(cells);
    let here = {
        let cell = cell.clone();
        move || {
            screen.active.get().is_some_and(|active| {
                active == cell || cells.with_value(|cells| cells.contains(&active))
            })
        }
    };
    let state = move || {
        let mut worst = None;
        cells.with_value(|cells| {
            for id in cells {
                let Some(model) = screen.cell(id) else {
                    continue;
                };
                match model.run.with(|run| run.state) {
                    Some(RunState::Running) => return worst = Some(RunState::Running),
                    Some(RunState::Failed) => worst = Some(RunState::Failed),
                    Some(RunState::Queued) if worst.is_none() => worst = Some(RunState::Queued),
                    _ => {}
                }
            }
        });
        worst
    };
    let people = move || {
        let mine = screen.seat.get();
        screen.people.with(|people| {
            let here = people.iter().filter(|person| {
                person.seat != mine
                    && person
                        .place
                        .as_ref()
                        .is_some_and(|place| cells.with_value(|cells| cells.contains(&place.cell)))
            });
            here.map(|person| (person.user.clone(), person.name.clone(), person.color))
                .collect::<Vec<_>>()
        })
    };
    let href = format!("#cell-{cell}");
    let class = if level <= 1 {
        "med t1"
    } else if level == 2 {
        "l2"
    } else {
        "l2 l3"
    };
    view! {
        <a href=href class=class aria-current=move || here().then_some("true")
            on:click=move |event| {
                event.prevent_default();
                commands::go(screen, Some(cell.clone()), false);
            }>
            <span class="trunc">{words}</span>
            <span class="end" class:info=move || state() == Some(RunState::Running) class:danger=move || state() == Some(RunState::Failed)>
                {move || people().into_iter().take(3).map(|(_, name, color)| view! { <span class=format!("av av--16 w{color}") title=name.clone()>{ui::initials(&name).chars().take(1).collect::<String>()}</span> }).collect_view()}
                {move || match state() {
                    Some(RunState::Running) => view! { <ui::Spinner/><span class="sr">"running"</span> }.into_any(),
                    Some(RunState::Failed) => view! { <ui::Icon name="error" size=14/><span class="sr">"failed"</span> }.into_any(),
                    Some(RunState::Queued) => view! { <span>"queued"</span> }.into_any(),
                    _ => ().into_any(),
                }}
            </span>
        </a>
    }
}

fn sections(screen: &Screen) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    for id in screen.order.get() {
        let Some(cell) = screen.cell(&id) else {
            continue;
        };
        if cell.kind.get() == CellKind::Markdown {
            let headings = cell.source.with(|source| markdown::headings(source));
            for (level, words) in headings {
                found.push(Section {
                    cell: id.clone(),
                    level,
                    words,
                    cells: vec![],
                });
            }
        }
        if let Some(section) = found.last_mut() {
            section.cells.push(id);
        }
    }
    found
}
