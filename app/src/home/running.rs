//! What runs now: drawn with the page, and asked for again and again while it is looked at.

use std::time::Duration;

use datalayer::{KernelActivity, RunningNotebook, SpaceId};
use leptos::prelude::*;
use leptos::task::spawn_local;
use ui::{Spinner, Time};

use super::calls::running_notebooks;
use crate::call::CallError;
use crate::notebooks::words::bytes;
use crate::refusal::Loaded;

const EVERY: Duration = Duration::from_secs(10);

/// What runs as the page is drawn; ask where the page asks for the rest.
pub(crate) type Running = Resource<Result<Vec<RunningNotebook>, CallError>>;

pub(crate) fn use_running() -> Running {
    Resource::new(|| (), |()| running_notebooks())
}

/// The kernels of your notebooks, and the cells they run.
#[component]
pub(crate) fn RunningNow(
    first: Running,
    /// Only those of this space.
    #[prop(optional, into)]
    space: Option<SpaceId>,
    /// Told what was heard, for others on the page.
    heard: RwSignal<Vec<RunningNotebook>>,
) -> impl IntoView {
    let space = StoredValue::new(space);
    view! {
        <div class="hd"><h2>"Running now"</h2></div>
        <Loaded of=first let:first>
            <Kernels first space=space.get_value() heard/>
        </Loaded>
    }
    .into_any()
}

#[component]
fn Kernels(
    first: Vec<RunningNotebook>,
    space: Option<SpaceId>,
    heard: RwSignal<Vec<RunningNotebook>>,
) -> impl IntoView {
    let all = RwSignal::new(first);
    Effect::new(move |_| heard.set(all.get()));
    Effect::new(move |_| {
        let ask = move || {
            if !ui::dom::is_looked_at() {
                return;
            }
            spawn_local(async move {
                // What was heard last stays while the studio does not answer.
                if let Ok(now) = running_notebooks().await {
                    let _ = all.try_set(now);
                }
            });
        };
        if let Ok(timer) = set_interval_with_handle(ask, EVERY) {
            on_cleanup(move || timer.clear());
        }
    });
    let here = Memo::new(move |_| {
        let mut here = all.get();
        here.retain(|one| {
            space
                .as_ref()
                .is_none_or(|space| one.notebook.space == *space)
        });
        here
    });
    view! {
        <Show
            when=move || !here.with(Vec::is_empty)
            fallback=|| view! { <p class="t3 running__none">"No kernel is up. Running a cell starts one."</p> }
        >
            <div class="card list running">
                <For each=move || here.get() key=|one| one.notebook.id.clone() let:one>
                    <Kernel one here/>
                </For>
            </div>
        </Show>
    }
    .into_any()
}

#[component]
fn Kernel(one: RunningNotebook, here: Memo<Vec<RunningNotebook>>) -> impl IntoView {
    let href = format!("/n/{}", one.notebook.id);
    let id = one.notebook.id.clone();
    // The line stays while what it says changes: whoever stands on it is not thrown off.
    let now = Memo::new(move |_| {
        here.with(|here| here.iter().find(|other| other.notebook.id == id).cloned())
            .unwrap_or_else(|| one.clone())
    });
    let busy = move || now.with(|now| now.kernel != KernelActivity::Idle);
    let cell = move || {
        now.with(|now| match &now.cell {
            Some(cell) if cell.place > 0 => format!("Cell {} of {}", cell.place, cell.of),
            _ => match now.kernel {
                KernelActivity::Busy => "Busy".to_owned(),
                KernelActivity::Starting => "Starting".to_owned(),
                KernelActivity::Idle => "Idle".to_owned(),
            },
        })
    };
    let who = move || now.with(|now| now.cell.as_ref()?.by.as_ref().map(|by| by.name.clone()));
    let since = move || now.with(|now| now.cell.as_ref().map(|cell| cell.started_at.0));
    let rest = move || {
        now.with(|now| {
            let queued = (now.queued > 0).then(|| format!("{} waiting", now.queued));
            let memory = (now.memory > 0).then(|| bytes(now.memory));
            let words: Vec<String> = queued.into_iter().chain(memory).collect();
            words.join(", ")
        })
    };
    view! {
        <a class="running__row" href=href class:is-busy=busy>
            <span class="running__top">
                <Show when=busy fallback=|| view! { <span class="dot" aria-hidden="true"></span> }><Spinner/></Show>
                <span class="med grow trunc">{move || now.with(|now| now.notebook.title.clone())}</span>
                <span class="running__cell">{cell}</span>
            </span>
            <span class="running__foot">
                <span class="grow trunc">
                    {who}
                    {move || since().map(|at| view! { {who().map(|_| ", ")} <Time at/> })}
                </span>
                <span>{rest}</span>
            </span>
        </a>
    }
    .into_any()
}
