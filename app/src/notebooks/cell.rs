//! One cell: gutter, text, outputs. The same component in every state.

use leptos::prelude::*;
use leptos::{ev, html};
use notebook::runs::RunState;
use notebook::wire::Say;
use notebook::{CellId, CellKind};
use wasm_bindgen::JsCast;

use super::commands::{self, Command};
use super::screen::{CellModel, Mode, Screen, set_if_new};
use super::{link, words};
use crate::highlight::highlight;
use crate::outputs::OutputView;
use crate::{browser, text};

#[component]
pub fn CellView(screen: Screen, id: CellId) -> impl IntoView {
    let Some(cell) = screen.cell(&id) else {
        return ().into_any();
    };
    let name = StoredValue::new(id.clone());
    let label = move || words::cell_label(&screen, &cell, &name.get_value());
    let press = move |event: &ev::MouseEvent| {
        // The editor selects text in its own ways, with Shift too.
        if browser::is_within(event, ".monaco-editor") {
            return;
        }
        let extend = event.shift_key();
        if extend {
            // It would select text between the two cells.
            event.prevent_default();
        }
        if extend || !cell.active.get_untracked() {
            let on_control = browser::is_within(event, CONTROLS);
            commands::press(screen, name.get_value(), extend, on_control);
        }
    };
    // Adding is offered where the pointer is, and where the focus is.
    let pointed = RwSignal::new(false);
    let offers = move || (cell.active.get() || pointed.get()) && screen.may.get().edit;
    // Which edge a dragged cell would come to stand at.
    let edge = RwSignal::new(None::<Edge>);
    // Once live, a cell stays live; a change is shown by a live cell only, because nobody keeps a far one true.
    let state = Memo::new(move |before: Option<&State>| match before {
        Some(live @ (State::Live | State::Changed)) => *live,
        _ => {
            cell.source.track();
            cell.kind.track();
            cell.attachments.track();
            cell.outputs.track();
            cell.run.track();
            match before {
                _ if cell.near.get() => State::Live,
                Some(_) => State::Changed,
                None => State::Still,
            }
        }
    });
    view! {
        <section
            class="cell"
            class:is-still=move || state.get() == State::Still
            class:is-later=move || cell.later.get().is_some()
            style=format!("contain-intrinsic-size:auto {}px", words::guessed_height(&cell))
            class:is-selected=move || cell.selected.get()
            class:is-active=move || cell.active.get()
            class:is-editing=move || cell.editing.get()
            class:is-running=move || cell.run.with(|run| run.state == Some(RunState::Running))
            class:is-queued=move || cell.run.with(|run| run.state == Some(RunState::Queued))
            class:is-error=move || cell.run.with(|run| run.state == Some(RunState::Failed))
            class:is-over-top=move || edge.get() == Some(Edge::Top)
            class:is-over-foot=move || edge.get() == Some(Edge::Foot)
            id=format!("cell-{id}")
            tabindex="-1"
            role="group"
            aria-label=label
            aria-busy=move || cell.run.with(|run| (run.state == Some(RunState::Running)).then_some("true"))
            on:mousedown=move |event| press(&event)
            on:focusin=move |_| commands::follow_focus(screen, name.get_value())
            // The pointer leaves a cell that goes away, too.
            on:pointerenter=move |_| { pointed.try_set(true); }
            on:pointerleave=move |_| { pointed.try_set(false); }
            on:dragover=move |event: ev::DragEvent| {
                if DRAGGED.with(|dragged| dragged.borrow().is_some()) {
                    event.prevent_default();
                    set_if_new(edge, Edge::of(&event));
                }
            }
            on:dragleave=move |event: ev::DragEvent| {
                if leaves(&event) {
                    edge.try_set(None);
                }
            }
            on:drop=move |event: ev::DragEvent| {
                let at = edge.get_untracked();
                edge.set(None);
                if let Some(moved) = DRAGGED.with(|dragged| dragged.borrow_mut().take()) {
                    event.prevent_default();
                    let here = name.get_value();
                    let after = match at {
                        Some(Edge::Top) => commands::before(screen, Some(&here)),
                        _ => Some(here),
                    };
                    commands::move_after(screen, moved, after);
                }
            }
        >
            {move || match state.get() {
                State::Still => view! { <Still screen cell name/> }.into_any(),
                live => view! { <Inside screen cell name drawn=live == State::Live/> }.into_any(),
            }}
            <Show when=offers>
                <div class="addcell addcell--between">
                    <AddButtons screen place=Place::After(name.get_value())/>
                </div>
            </Show>
        </section>
    }
    .into_any()
}

/// What a press means something to, apart from the cell.
const CONTROLS: &str =
    "a[href], button, input, textarea, select, label, summary, iframe, [tabindex]:not(.cell)";

/// An edge of a cell.
#[derive(Clone, Copy, PartialEq)]
enum Edge {
    Top,
    Foot,
}

impl Edge {
    /// The one nearer to where this happens on a cell.
    fn of(event: &ev::DragEvent) -> Option<Self> {
        let cell = event
            .current_target()?
            .dyn_into::<web_sys::Element>()
            .ok()?;
        let place = cell.get_bounding_client_rect();
        let middle = place.top() + place.height() / 2.0;
        Some(if f64::from(event.client_y()) < middle {
            Self::Top
        } else {
            Self::Foot
        })
    }
}

/// Is what is dragged outside the element now, and not only over another part of it?
fn leaves(event: &ev::DragEvent) -> bool {
    let node = |target: Option<web_sys::EventTarget>| {
        target.and_then(|target| target.dyn_into::<web_sys::Node>().ok())
    };
    let (here, to) = (node(event.current_target()), node(event.related_target()));
    !here.is_some_and(|here| to.is_some() && here.contains(to.as_ref()))
}

/// How a cell is drawn.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// As the server drew it; the browser has made nothing of it.
    Still,
    Live,
    /// Live because it changed while it was far off: what the server drew is out of date.
    Changed,
}

/// `drawn`: what the server drew is as it should be, and need not be made again.
#[component]
fn Inside(
    screen: Screen,
    cell: CellModel,
    name: StoredValue<CellId>,
    drawn: bool,
) -> impl IntoView {
    view! {
        <Gutter screen cell name/>
        <div class="cell__body">
            {move || match cell.kind.get() {
                CellKind::Markdown if !cell.editing.get() => view! { <Text cell screen name drawn/> }.into_any(),
                _ => view! { <Source screen cell name drawn/> }.into_any(),
            }}
            <Show when=move || cell.kind.get() == CellKind::Code>
                <Outputs screen cell name/>
            </Show>
        </div>
    }
}

/// A far cell. The server draws the same as it would otherwise; the browser takes it as it is, with nothing to keep up to date.
#[component]
fn Still(screen: Screen, cell: CellModel, name: StoredValue<CellId>) -> impl IntoView {
    let html = if browser::is_server() {
        view! { <Inside screen cell name drawn=false/> }
            .into_any()
            .to_html()
    } else {
        String::new()
    };
    view! { <div class="cell__still" inner_html=html></div> }
}

thread_local! {
    /// The cell that is being dragged.
    pub(super) static DRAGGED: std::cell::RefCell<Option<CellId>> = const { std::cell::RefCell::new(None) };
}

/// Where a new cell goes.
#[derive(Clone)]
pub enum Place {
    Top,
    After(CellId),
    End,
}

/// `Code` and `Text`: adds a cell at this place.
#[component]
pub fn AddButtons(screen: Screen, place: Place) -> impl IntoView {
    let place = StoredValue::new(place);
    let add = move |kind| {
        let after = match place.get_value() {
            Place::Top => None,
            Place::After(cell) => Some(cell),
            Place::End => screen.order.with_untracked(|order| order.last().cloned()),
        };
        commands::insert_at(screen, kind, after, true, true);
    };
    view! {
        <button class="btn" type="button" on:click=move |_| add(CellKind::Code)><ui::Icon name="plus" size=12/>"Code"</button>
        <button class="btn" type="button" on:click=move |_| add(CellKind::Markdown)><ui::Icon name="plus" size=12/>"Text"</button>
    }
}

#[component]
fn Gutter(screen: Screen, cell: CellModel, name: StoredValue<CellId>) -> impl IntoView {
    let index = move || {
        cell.run.with(|run| match (run.state, run.count) {
            (Some(RunState::Running), _) => "[*]".to_owned(),
            (Some(RunState::Queued), _) => "[*]".to_owned(),
            (_, Some(count)) => format!("[{count}]"),
            _ => "[ ]".to_owned(),
        })
    };
    let time = move || name.with_value(|id| words::run_time(&screen, &cell, id));
    let in_queue = move || name.with_value(|id| words::in_queue(&screen, &cell, id));
    view! {
        <div
            class="cell__gutter"
            draggable=move || screen.may.get().edit.then_some("true")
            title=move || screen.may.get().edit.then_some("Drag to move the cell")
            on:dragstart=move |event: ev::DragEvent| {
                DRAGGED.with(|dragged| dragged.replace(Some(name.get_value())));
                if let Some(transfer) = event.data_transfer() {
                    let _ = transfer.set_data("text/plain", name.get_value().as_str());
                }
            }
            on:dragend=move |_| { DRAGGED.with(|dragged| dragged.replace(None)); }
        >
            <Show when=move || cell.kind.get() == CellKind::Code>
                <span class="cell__ix" class:info=move || cell.run.with(|run| run.state == Some(RunState::Running)) class:danger=move || cell.run.with(|run| run.state == Some(RunState::Failed))>{index}</span>
                <span class="num" title=in_queue>{time}</span>
                <Show when=move || screen.may.get().run && cell.run.with(|run| run.state == Some(RunState::Queued))>
                    <Cancel screen name/>
                </Show>
                {move || cell.run.with(|run| run.by.clone()).map(|by| view! { <span class="cell__by"><ui::Avatar name=by.clone() id=by size=16/></span> })}
            </Show>
        </div>
    }
}

/// Takes a waiting cell out of the queue, and no other.
#[component]
fn Cancel(screen: Screen, name: StoredValue<CellId>) -> impl IntoView {
    let place = move || name.with_value(|id| screen.place(id));
    view! {
        <button
            class="cell__cancel"
            type="button"
            aria-label=move || format!("Take cell {} out of the queue", place())
            title="Take this cell out of the queue. The cell that runs goes on, and so do the others that wait."
            on:click=move |_| {
                let cell = name.get_value();
                commands::cancel(screen, std::slice::from_ref(&cell));
                // This button is about to go, and the focus must not go with it.
                commands::go(screen, Some(cell), false);
            }
        >
            <ui::Icon name="x" size=12/>
        </button>
    }
}

/// A text cell as it reads.
#[component]
fn Text(cell: CellModel, screen: Screen, name: StoredValue<CellId>, drawn: bool) -> impl IntoView {
    let setter = text::use_text_setter();
    let standing = standing(drawn, name, "cell__words");
    let html = Memo::new(move |before: Option<&String>| {
        cell.source.track();
        cell.attachments.track();
        if let Some(html) = standing.try_update_value(Option::take).flatten() {
            return html;
        }
        let set = cell.source.with_untracked(|source| {
            cell.attachments
                .with_untracked(|attachments| text::set(setter, source, attachments))
        });
        // Until what sets text is here, the text before stands.
        set.or_else(|| before.cloned()).unwrap_or_else(|| {
            cell.source
                .with_untracked(|source| text::as_written("pre", source))
        })
    });
    let empty = move || cell.source.with(|source| source.trim().is_empty());
    view! {
        <div
            class="cell__md"
            on:dblclick=move |_| {
                if screen.may.get_untracked().edit {
                    screen.select(Some(name.get_value()));
                    commands::edit(screen, None);
                }
            }
        >
            <div class="cell__words" data-drawn=drawn_here() inner_html=move || html.get()></div>
            <Show when=empty><p class="t3">"Empty text. Press Enter to write."</p></Show>
        </div>
        <Show when=move || cell.active.get()><div class="cell__textbar"><Tools screen cell/></div></Show>
    }
}

/// A cell's text as code: coloured and still, or in the editor.
#[component]
fn Source(
    screen: Screen,
    cell: CellModel,
    name: StoredValue<CellId>,
    drawn: bool,
) -> impl IntoView {
    let pre = NodeRef::<html::Pre>::new();
    let slot = format!("slot-{}", name.get_value());
    if !browser::is_server() && cell.kind.get_untracked() == CellKind::Markdown {
        // Whoever writes a text wants to read it next.
        text::fetch();
    }
    let standing = standing(drawn, name, "code");
    let html = Memo::new(move |_| {
        let drawn = standing.try_update_value(Option::take).flatten();
        let language = match cell.kind.get() {
            CellKind::Code => screen.lexer(),
            _ => crate::highlight::Language::Plain,
        };
        cell.source.with(|source| {
            cell.carets.with(|carets| match drawn {
                Some(drawn) if carets.is_empty() => drawn,
                _ => highlight(source, language, carets),
            })
        })
    });
    // Where in the text the button went down: by the time it is let go, leaving another cell may have moved this one.
    let pressed_at = StoredValue::new(None::<u32>);
    let offset = move |event: &ev::MouseEvent| {
        let (x, y) = (f64::from(event.client_x()), f64::from(event.client_y()));
        let pre = pre.get_untracked()?;
        browser::offset_at(&pre, x, y)
    };
    let open = move |event: ev::MouseEvent| {
        let pressed_at = pressed_at.try_update_value(Option::take).flatten();
        if event.shift_key() || event.button() != 0 {
            return;
        }
        // A selection made with the mouse is for copying, not a wish to write.
        let selecting = web_sys::window()
            .and_then(|window| window.get_selection().ok().flatten())
            .is_some_and(|selection| !selection.is_collapsed());
        if selecting {
            return;
        }
        let at = pressed_at.or_else(|| offset(&event));
        screen.select(Some(name.get_value()));
        commands::edit(screen, at);
    };
    let numbers = move || {
        cell.source.with(|source| {
            (1..=crate::highlight::drawn(source).split('\n').count())
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        })
    };
    let hidden = move || cell.source_hidden.get() && !cell.editing.get();
    view! {
        <div class="cell__src">
            <Show when=move || cell.active.get()><Tools screen cell/></Show>
            <Show when=move || cell.run.with(|run| run.state == Some(RunState::Running))>
                <div class="bar bar--info is-indeterminate cell__progress"><i></i></div>
            </Show>
            <Show
                when=hidden
                fallback=move || view! {
                    <div class="cell__slot" id=slot.clone()></div>
                    <Show when=move || screen.line_numbers.get()>
                        <pre class="code__numbers" aria-hidden="true">{numbers}</pre>
                    </Show>
                    <pre
                        class="code"
                        data-drawn=drawn_here()
                        node_ref=pre
                        on:mousedown=move |event: ev::MouseEvent| pressed_at.set_value(offset(&event))
                        on:click=open
                        inner_html=move || html.get()
                    ></pre>
                }
            >
                <button class="cell__hidden" type="button" on:click=move |_| { screen.select(Some(name.get_value())); commands::perform(screen, Command::ToggleSource); }>
                    "Code hidden. Show it."
                </button>
            </Show>
            <Show when=move || cell.kind.get() == CellKind::Raw><span class="cell__lang">"Raw"</span></Show>
            <Show when=move || cell.run.with(|run| run.state == Some(RunState::Running))>
                <Foot screen/>
            </Show>
        </div>
    }
}

/// Marks what the server drew, for [`browser::standing`].
fn drawn_here() -> Option<&'static str> {
    browser::is_server().then_some("")
}

/// The server's drawing of a part of the cell, to be used once.
fn standing(drawn: bool, name: StoredValue<CellId>, class: &str) -> StoredValue<Option<String>> {
    let html = if drawn {
        name.with_value(|id| browser::standing(id.as_str(), class))
    } else {
        None
    };
    StoredValue::new(html)
}

/// The bar of a running cell: it says that leaving is safe, and stops it.
#[component]
fn Foot(screen: Screen) -> impl IntoView {
    view! {
        <div class="cell__foot">
            <span class="row g-15 info"><ui::Spinner/><span class="med">"Running"</span></span>
            <span class="grow"></span>
            <span class="cell__stays">"Keeps running if you close this tab"</span>
            <Show when=move || screen.may.get().run>
                <button class="btn btn--sm" type="button" title="The cell stops, and those that wait are not run"
                    on:click=move |_| commands::perform(screen, Command::Interrupt)><ui::Icon name="stop" size=14/>"Stop"</button>
            </Show>
        </div>
    }
}

/// What one does with the active cell.
#[component]
fn Tools(screen: Screen, cell: CellModel) -> impl IntoView {
    let tool = move |icon: &'static str, name: &'static str, command: Command| {
        view! {
            <button type="button" aria-label=name title=name
                // The press must not take the focus from the text being written.
                on:mousedown=|event| event.prevent_default()
                on:click=move |_| commands::perform(screen, command)><ui::Icon name=icon size=14/></button>
        }
    };
    view! {
        <div class="cell__tools" role="toolbar" aria-label="Cell actions">
            <Show when=move || screen.may.get().run>{tool("play", "Run the cell (Ctrl Enter)", Command::Run)}</Show>
            <Show when=move || screen.may.get().run && cell.kind.get() == CellKind::Code>
                {tool("erase", "Clear the outputs", Command::ClearOutputs)}
            </Show>
            <Show when=move || screen.may.get().edit>
                {tool("up", "Move up", Command::MoveUp)}
                {tool("down", "Move down", Command::MoveDown)}
                {tool("copy", "Copy the cell", Command::Copy)}
                {tool("trash", "Delete the cell", Command::Delete)}
            </Show>
        </div>
    }
}

#[component]
fn Outputs(screen: Screen, cell: CellModel, name: StoredValue<CellId>) -> impl IntoView {
    let notebook = screen.notebook_id();
    let go_to_line = Callback::new(move |line: u32| {
        let start = cell.source.with_untracked(|source| {
            let lines = source.split('\n').take(line.saturating_sub(1) as usize);
            lines.map(|line| notebook::utf16_len(line) + 1).sum()
        });
        screen.select(Some(name.get_value()));
        commands::edit(screen, Some(start));
    });
    let any = move || {
        cell.outputs.with(|outputs| !outputs.is_empty())
            || cell.later.get().is_some()
            || cell
                .run
                .with(|run| run.asking.is_some() || run.truncated.is_some() || run.why.is_some())
    };
    view! {
        <Show when=any>
            <div class="cell__out" class:is-hidden=move || cell.outputs_hidden.get()>
                <Show when=move || cell.outputs_hidden.get()>
                    <button class="cell__hidden" type="button" on:click=move |_| { screen.select(Some(name.get_value())); commands::perform(screen, Command::ToggleOutputs); }>
                        "Outputs hidden. Show them."
                    </button>
                </Show>
                <div class="cell__outputs">
                    {
                        // By identity: one more output draws none of those before it anew, and a chart keeps its frame.
                        let notebook = notebook.clone();
                        view! {
                            <For each=move || cell.outputs.get() key=|output| output.clone() let:output>
                                <OutputView output notebook=notebook.clone() go_to_line/>
                            </For>
                        }
                    }
                    {move || cell.later.get().map(|bytes| view! { <Later bytes name/> })}
                    <Truncated screen cell/>
                    <Asking screen cell name/>
                    {move || cell.run.with(|run| run.why.clone()).map(|why| view! { <p class="cell__why">{why}</p> })}
                </div>
            </div>
        </Show>
    }
}

/// Stands for outputs that are on their way; without script, the link brings all of them.
#[component]
fn Later(bytes: u64, name: StoredValue<CellId>) -> impl IntoView {
    let href = format!("?outputs=all#cell-{}", name.get_value());
    view! { <p class="cell__later"><a class="link" rel="external" href=href>{format!("Show the output ({})", words::bytes(bytes))}</a></p> }
}

/// What was not kept here, and where the whole is.
#[component]
fn Truncated(screen: Screen, cell: CellModel) -> impl IntoView {
    move || {
        cell.run.with(|run| run.truncated.clone()).map(|(bytes, blob)| {
            let size = words::bytes(bytes);
            view! {
                <p class="cell__truncated">
                    {format!("{size} more of output is not shown here. ")}
                    {blob.map(|hash| view! { <a class="link" href=format!("/api/v1/notebooks/{}/blobs/{hash}", screen.notebook_id()) download="output.txt">"Download all of it"</a> })}
                </p>
            }
        })
    }
}

/// The line a running cell waits for.
#[component]
fn Asking(screen: Screen, cell: CellModel, name: StoredValue<CellId>) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    move || {
        cell.run.with(|run| run.asking.clone()).map(|asking| {
            let may = screen.may.get().run;
            // Who waits at the cell for its answer can write it at once. Nobody is torn out of another place.
            Effect::new(move |_| {
                let cell = name.get_value();
                request_animation_frame(move || {
                    if browser::has_focus(&format!("cell-{cell}")) {
                        browser::focus(&format!("ask-{cell}"));
                    }
                });
            });
            view! {
                <form class="cell__asking" on:submit=move |event| {
                    event.prevent_default();
                    if let Some(field) = field.get_untracked() {
                        let text = field.value();
                        link::with(|link| link.ask_for(Say::Input { cell: name.get_value(), text }));
                    }
                }>
                    <label class="fs-12 t2" for=format!("ask-{}", name.get_value())>{if asking.prompt.is_empty() { "The cell waits for a line of text:".to_owned() } else { asking.prompt }}</label>
                    <input class="input input--sm" node_ref=field id=format!("ask-{}", name.get_value()) type=if asking.password { "password" } else { "text" } autocomplete="off" disabled=!may/>
                    <button class="btn btn--sm btn--primary" type="submit" disabled=!may>"Send"</button>
                </form>
            }
        })
    }
}

/// Keys of the whole screen: those of command mode, unless the person types elsewhere.
pub fn on_key(screen: Screen, event: &web_sys::KeyboardEvent) {
    if event.default_prevented() || event.is_composing() || browser::types_elsewhere(event) {
        return;
    }
    // A control with the focus keeps its own keys.
    let on_control = browser::is_within(event, "button, a[href], summary, [role='tab']");
    if on_control && matches!(event.key().as_str(), "Enter" | " ") {
        return;
    }
    let control = event.ctrl_key() || event.meta_key();
    let single = !control && !event.alt_key() && event.key().chars().count() == 1;
    let editing = screen.mode.get_untracked() == Mode::Edit;
    if single && !editing && !screen.single_keys.get_untracked() {
        return;
    }
    if editing {
        if link::with(|link| link.type_ahead(event)) == Some(true) {
            event.prevent_default();
        } else if matches!(event.key().as_str(), "Enter" | "Escape")
            || (control && matches!(browser::key(event).as_str(), "s" | "z" | "Z" | "y"))
        {
            // Leaving, running or undoing before the editor came: what was typed goes into the cell first.
            link::with(|link| link.take_ahead(None));
            if commands::command_key(screen, event) {
                event.prevent_default();
            }
        }
    } else if commands::command_key(screen, event) {
        event.prevent_default();
    }
}
