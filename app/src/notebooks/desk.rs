//! What stands around the document: the panel, and whether the title is being written.

use leptos::prelude::*;

use crate::browser;
use crate::frame::kept;

/// Below this the panel lies over the document, on demand.
const NARROW: &str = "(max-width: 1439px)";

thread_local! {
    /// A tab shows one notebook at a time. Commands come from keys, which know no context.
    static DESK: std::cell::Cell<Option<Desk>> = const { std::cell::Cell::new(None) };
}

#[derive(Clone, Copy)]
pub struct Desk {
    /// On wide screens: the reader put the panel away.
    closed: RwSignal<bool>,
    /// On narrow ones: the reader pulled it out.
    drawn: RwSignal<bool>,
    narrow: RwSignal<bool>,
    pub renaming: RwSignal<bool>,
    pub archived: RwSignal<bool>,
    /// May this person take it out of the archive?
    pub may_take_back: bool,
}

/// Lays the desk of a screen.
pub fn provide_desk(archived: bool, may_take_back: bool) -> Desk {
    let desk = Desk {
        closed: RwSignal::new(kept("panel").as_deref() == Some("closed")),
        drawn: RwSignal::new(false),
        narrow: RwSignal::new(false),
        renaming: RwSignal::new(false),
        archived: RwSignal::new(archived),
        may_take_back,
    };
    provide_context(desk);
    Effect::new(move |_| {
        desk.narrow.set(ui::dom::matches(NARROW));
        DESK.set(Some(desk));
        // Kept by the effect, so that the server, which runs none, has nothing of it.
        StoredValue::new_local(browser::keys_first(move |event| {
            let control = event.ctrl_key() || event.meta_key();
            if control && !event.shift_key() && !event.alt_key() && browser::key(&event) == "j" {
                desk.toggle_panel();
                event.prevent_default();
                event.stop_propagation();
            }
        }));
    });
    desk
}

pub fn use_desk() -> Desk {
    expect_context::<Desk>()
}

/// Does something with the desk of the screen that is open.
pub fn with(work: impl FnOnce(Desk)) {
    if let Some(desk) = DESK.get() {
        work(desk);
    }
}

impl Desk {
    pub fn is_closed(self) -> bool {
        self.closed.get()
    }

    pub fn is_drawn(self) -> bool {
        self.drawn.get()
    }

    /// Is the panel to be seen now?
    pub fn shows_panel(self) -> bool {
        if self.narrow.get() {
            self.drawn.get()
        } else {
            !self.closed.get()
        }
    }

    pub fn toggle_panel(self) {
        let narrow = ui::dom::matches(NARROW);
        self.narrow.set(narrow);
        if narrow {
            self.drawn.update(|drawn| *drawn = !*drawn);
            return;
        }
        self.closed.update(|closed| *closed = !*closed);
        let words = if self.closed.get_untracked() {
            "closed"
        } else {
            "open"
        };
        ui::dom::keep("panel", words);
        ui::dom::set_root_data("panel", Some(words));
    }

    /// Puts a panel that lies over the document away; one beside it stays.
    pub fn put_drawer_away(self) {
        self.drawn.set(false);
    }
}
