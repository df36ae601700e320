//! Which notebooks people are in now: asked when a page opens, and again and again while it is looked at.

use std::time::Duration;

use datalayer::{Error, NotebookId, OpenNotebook, SpaceId, UserId};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_location;
use ui::{Avatars, Icon};

use super::use_house;
use crate::call::CallError;
use crate::home::calls::open_notebooks;

const EVERY: Duration = Duration::from_secs(15);
/// The page itself comes first.
const AT_FIRST: Duration = Duration::from_millis(800);

/// What was last heard; from [`use_open_now`].
#[derive(Clone, Copy)]
pub(crate) struct OpenNow {
    list: RwSignal<Vec<OpenNotebook>>,
    me: RwSignal<Option<UserId>>,
    /// Signed out meanwhile: nothing more is told.
    over: StoredValue<bool>,
}

impl OpenNow {
    /// The open notebooks of one space, or of all.
    pub(crate) fn of(self, space: Option<&SpaceId>) -> Vec<OpenNotebook> {
        self.list.with(|list| {
            let here = list
                .iter()
                .filter(|open| space.is_none_or(|space| open.notebook.space == *space));
            here.cloned().collect()
        })
    }

    /// Those that somebody else has open.
    pub(crate) fn with_others(self) -> Vec<OpenNotebook> {
        let mut open = self.of(None);
        open.retain(|open| !self.others(open).is_empty());
        open
    }

    /// Id and name of everyone else in a notebook; of nobody where it was not heard of.
    pub(crate) fn in_notebook(self, notebook: &NotebookId) -> Vec<(String, String)> {
        let open = self.list.with(|list| {
            let mut here = list.iter().filter(|open| open.notebook.id == *notebook);
            here.next().cloned()
        });
        open.map(|open| self.others(&open)).unwrap_or_default()
    }

    /// Id and name of everyone else in it.
    fn others(self, open: &OpenNotebook) -> Vec<(String, String)> {
        let me = self.me.get();
        let others = open
            .people
            .iter()
            .filter(|reader| Some(&reader.user) != me.as_ref());
        others
            .map(|reader| (reader.user.to_string(), reader.name.clone()))
            .collect()
    }
}

pub(super) fn provide_open_now() {
    provide_context(OpenNow {
        list: RwSignal::new(Vec::new()),
        me: RwSignal::new(None),
        over: StoredValue::new(false),
    });
}

/// Who is where, as far as it was heard. Reading it follows the news.
pub(crate) fn use_open_now() -> OpenNow {
    expect_context::<OpenNow>()
}

/// Asks as long as the frame is drawn.
pub(super) fn keep_asking() {
    let now = use_open_now();
    let house = use_house();
    Effect::new(move |_| {
        spawn_local(async move {
            let me = house.me.await.ok().map(|me| me.id);
            let _ = now.me.try_set(me);
        });
        if let Ok(first) = set_timeout_with_handle(move || ask(now), AT_FIRST) {
            on_cleanup(move || first.clear());
        }
        let again = move || {
            if ui::dom::is_looked_at() {
                ask(now);
            }
        };
        if let Ok(timer) = set_interval_with_handle(again, EVERY) {
            on_cleanup(move || timer.clear());
        }
    });
}

fn ask(now: OpenNow) {
    if now.over.get_value() {
        return;
    }
    spawn_local(async move {
        match open_notebooks().await {
            Ok(open) => {
                if now.list.try_with_untracked(|old| *old != open) == Some(true) {
                    let _ = now.list.try_set(open);
                }
            }
            Err(CallError::Refused(Error::SignInNeeded)) => now.over.set_value(true),
            // What was heard last stays while the studio does not answer.
            Err(_) => {}
        }
    });
}

/// A list of open notebooks, each with the faces of who else is in it.
#[component]
pub(crate) fn OpenNotebooks(
    #[prop(into)] open: Signal<Vec<OpenNotebook>>,
    /// As rows of a page rather than of the sidebar.
    #[prop(optional)]
    rows: bool,
) -> impl IntoView {
    let now = use_open_now();
    let path = use_location().pathname;
    let class = if rows { "" } else { "nav__item nav__item--sub" };
    view! {
        <For each=move || open.get() key=|open| (open.notebook.id.clone(), open.notebook.title.clone(), open.people.clone()) let:open>
            {
                let href = format!("/n/{}", open.notebook.id);
                let here = href.clone();
                let title = open.notebook.title.clone();
                let others = Signal::derive(move || now.others(&open));
                view! {
                    <a class=class href=href aria-current=move || (path.get() == here).then_some("page")>
                        {rows.then(|| view! { <Icon name="notebook"/> })}
                        <span class="grow trunc">{title}</span>
                        <Show when=move || !others.with(Vec::is_empty)><Avatars people=others size=20/></Show>
                    </a>
                }
            }
        </For>
    }
    .into_any()
}
