//! The panel beside the document: its outline, with where people are and how each section fares.

use leptos::prelude::*;
use notebook::runs::RunState;
use notebook::{CellId, CellKind};

use super::cell::DRAGGED;
use super::commands;
use super::desk::use_desk;
use super::headings::headings;
use super::screen::Screen;

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
    let desk = use_desk();
    view! {
        <aside
            class="panel"
            id="panel"
            aria-label="Notebook panel"
            on:keydown=move |event| {
                if event.key() == "Escape" && desk.is_drawn() {
                    event.prevent_default();
                    desk.put_drawer_away();
                    ui::dom::focus("panel-toggle");
                }
            }
        >
            <div class="panel__head">
                <h2>"Outline"</h2>
                <button type="button" class="btn btn--ghost btn--sm btn--icon panel__close" aria-label="Close the outline" title="Close"
                    on:click=move |_| { desk.put_drawer_away(); ui::dom::focus("panel-toggle"); }><ui::Icon name="x" size=14/></button>
            </div>
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
    let desk = use_desk();
    // A cell dropped on a heading goes behind the last cell of its section.
    let over = RwSignal::new(false);
    let end = cells.with_value(|cells| cells.last().cloned());
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
                desk.put_drawer_away();
                commands::go(screen, Some(cell.clone()), false);
            }
            class:is-over=move || over.get()
            on:dragover=move |event: leptos::ev::DragEvent| {
                if DRAGGED.with_borrow(Option::is_some) {
                    event.prevent_default();
                    over.set(true);
                }
            }
            on:dragleave=move |_| over.set(false)
            on:drop=move |event: leptos::ev::DragEvent| {
                over.set(false);
                if let Some(moved) = DRAGGED.take() {
                    event.prevent_default();
                    commands::move_after(screen, moved, end.clone());
                }
            }>
            <span class="trunc">{words}</span>
            <span class="end" class:info=move || state() == Some(RunState::Running) class:danger=move || state() == Some(RunState::Failed)>
                {move || people().into_iter().take(3).map(|(_, name, color)| view! {
                    <span class="toc__here">
                        <span class=format!("av av--16 w{color}") title=name.clone() aria-hidden="true">{ui::initials(&name).chars().take(1).collect::<String>()}</span>
                        <span class="sr">{format!("{name} is here")}</span>
                    </span>
                }).collect_view()}
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
            let headings = cell.source.with(|source| headings(source));
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
