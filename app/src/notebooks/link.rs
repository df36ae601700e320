//! The live link of a notebook screen: one socket, the engine's client, and what is told to the screen. Browser only.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use datalayer::NotebookView;
use leptos::prelude::*;
use notebook::presence::{Place, Present, Selection};
use notebook::runs::{RunChange, RunEvent, Runs};
use notebook::wire::{Hear, Joined, RunsState, Say, ToClient, ToServer};
use notebook::{CellId, Change, Client, ClientId, Delta, Operation, Saved, utf16_len};

use super::screen::{Screen, SavedState, set_if_new};
use crate::browser::editor::{Editor, Events};
use crate::browser::socket::{Heard, Socket};
use crate::browser::store::Store;
use crate::browser::{self, Timer};
use crate::highlight::Caret;

thread_local! {
    /// A tab shows one notebook at a time.
    static LINK: RefCell<Option<Rc<RefCell<Link>>>> = const { RefCell::new(None) };
}

/// First pause before connecting again; doubles up to [`LONGEST_PAUSE_MS`], with jitter.
const FIRST_PAUSE_MS: f64 = 500.0;
const LONGEST_PAUSE_MS: f64 = 30_000.0;
/// Unacknowledged work older than this is written to the tab's store.
const KEEP_AFTER_MS: i32 = 250;
/// Presence goes out at most this often.
const PRESENCE_EVERY_MS: i32 = 60;

pub struct Link {
    screen: Screen,
    notebook: String,
    client: Client,
    runs: Runs,
    socket: Option<Socket>,
    joined: bool,
    /// Set when the room let go of us for good.
    closed: bool,
    pause_ms: f64,
    retry: Option<Timer>,
    presence_timer: Option<Timer>,
    place: Option<Place>,
    keep_timer: Option<Timer>,
    /// The tab's store holds work of the present client.
    kept: bool,
    clock_timer: Option<Timer>,
    store: Option<Store>,
    /// Work of tabs that are gone; each becomes the client in turn until it is acknowledged.
    inherited: Vec<Saved>,
    people: BTreeMap<u32, Present>,
    editor: Option<Editor>,
    editor_loading: bool,
    /// The cell the editor shows.
    shown: Option<CellId>,
    next_ask: u32,
    asks: BTreeMap<u32, js_sys::Function>,
    assets: crate::assets::Assets,
}

/// Starts the link of a screen, replacing the one of the screen before.
pub fn start(screen: Screen, view: &NotebookView, assets: crate::assets::Assets) {
    let client = Client::new(new_client(), view.snapshot.clone());
    let link = Link {
        screen,
        notebook: view.notebook.id.to_string(),
        client,
        runs: view.runs.clone(),
        socket: None,
        joined: false,
        closed: false,
        pause_ms: FIRST_PAUSE_MS,
        retry: None,
        presence_timer: None,
        place: None,
        keep_timer: None,
        kept: false,
        clock_timer: None,
        store: None,
        inherited: Vec::new(),
        people: BTreeMap::new(),
        editor: None,
        editor_loading: false,
        shown: None,
        next_ask: 0,
        asks: BTreeMap::new(),
        assets,
    };
    let link = Rc::new(RefCell::new(link));
    LINK.with(|slot| slot.borrow_mut().replace(link));
    leptos::task::spawn_local(async move {
        open_store().await;
        with(Link::connect);
    });
}

/// Ends the link: its socket closes, its editor goes.
pub fn stop() {
    let ended = LINK.with(|slot| slot.borrow_mut().take());
    drop(ended);
}

/// Does something with the link, if there is one and it is not busy already (a callback inside a callback).
pub fn with<T>(work: impl FnOnce(&mut Link) -> T) -> Option<T> {
    let link = LINK.with(|slot| slot.borrow().clone())?;
    let mut link = link.try_borrow_mut().ok()?;
    Some(work(&mut link))
}

fn new_client() -> ClientId {
    let name = format!("{:016x}{:016x}", browser::random_u64(), browser::random_u64());
    // 32 hexadecimal digits always make an id; the loop only satisfies the type.
    ClientId::new(name).unwrap_or_else(new_client)
}

/// Opens the tab's store and takes over what crashed tabs left.
async fn open_store() {
    let Some((notebook, url)) = with(|link| (link.notebook.clone(), link.assets.url("store.js"))) else { return };
    let Ok(store) = Store::open(&url).await else { return };
    let left = store.claim_all(&notebook).await.unwrap_or_default();
    let mine = with(|link| {
        link.store = Some(store.clone());
        for (client, json) in left {
            match serde_json::from_str::<Saved>(&json) {
                Ok(saved) => link.inherited.push(saved),
                // Not ours any more (an older layout): nothing can be done with it but keep it from coming back.
                Err(_) => link.forget(&client),
            }
        }
        link.inherit();
        link.client.id().to_string()
    });
    if let Some(mine) = mine {
        let _ = store.hold(&notebook, &mine).await;
    }
}

impl Link {
    // ---- connection ----

    fn connect(&mut self) {
        self.retry = None;
        if self.closed {
            return;
        }
        match Socket::open("/live", |heard| {
            with(|link| link.heard(heard));
        }) {
            Ok(socket) => self.socket = Some(socket),
            Err(_) => self.connect_later(),
        }
    }

    fn connect_later(&mut self) {
        let jitter = 0.5 + js_sys::Math::random();
        let pause = (self.pause_ms * jitter) as i32;
        self.pause_ms = (self.pause_ms * 2.0).min(LONGEST_PAUSE_MS);
        self.retry = browser::after(pause, || {
            with(Link::connect);
        });
    }

    fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Open => {
                let say = Say::Join {
                    client: self.client.id().clone(),
                    revision: Some(self.client.revision()),
                    runs: Some(self.runs.sequence),
                };
                self.say(say);
            }
            Heard::Frame(frame) => match serde_json::from_slice::<ToClient>(&frame) {
                Ok(message) if message.notebook == self.notebook => self.hear(message.hear),
                Ok(_) => {}
                Err(error) => leptos::logging::warn!("a message of the studio could not be read: {error}"),
            },
            Heard::Closed { code, reason } => {
                self.socket = None;
                self.joined = false;
                self.people.clear();
                self.draw_people();
                match code {
                    4401 => self.closed_for_good("You were signed out. Sign in again; what you typed is kept in this browser."),
                    4403 | 4404 => self.closed_for_good(if reason.is_empty() { "You may no longer open this notebook." } else { &reason }),
                    _ => {
                        self.draw_saved();
                        self.connect_later();
                    }
                }
            }
        }
    }

    fn closed_for_good(&mut self, why: &str) {
        self.closed = true;
        self.keep_now();
        self.screen.saved.set(SavedState::Closed(why.to_owned()));
    }

    /// `false`: it was not sent.
    fn say(&self, say: Say) -> bool {
        let message = ToServer { notebook: self.notebook.clone(), say };
        let Ok(frame) = serde_json::to_vec(&message) else { return false };
        self.socket.as_ref().is_some_and(|socket| socket.send(&frame))
    }

    /// For commands of the person: tells them when it cannot go out now.
    pub fn ask_for(&mut self, say: Say) {
        if !self.joined || !self.say(say) {
            self.announce("You are offline. This needs the studio; try again when it is back.");
        }
    }

    fn hear(&mut self, hear: Hear) {
        match hear {
            Hear::Joined(joined) => self.hear_joined(*joined),
            Hear::Ack { sequence, revision } => {
                let changes = self.client.acknowledged(sequence, revision);
                self.show(changes, None);
                self.flush();
            }
            Hear::Batch { batch, .. } => match self.client.receive(batch) {
                Ok(changes) => {
                    self.show(changes, None);
                    self.flush();
                }
                Err(_) => self.rejoin(),
            },
            Hear::Refused { sequence, why, resync } => {
                let (changes, lost) = self.client.refused(sequence, resync);
                self.show(changes, None);
                self.rescue(&lost);
                self.announce(&why.to_string());
                self.flush();
            }
            Hear::People { people } => {
                self.people = people.into_iter().map(|person| (person.seat, person)).collect();
                self.draw_people();
            }
            Hear::Moved { seat, place } => {
                if let Some(person) = self.people.get_mut(&seat) {
                    person.place = place;
                    self.draw_people();
                }
            }
            Hear::Run { event } => self.hear_run(&event),
            Hear::Kernel { kernel } => self.hear_kernel(kernel),
            Hear::May { may } => {
                set_if_new(self.screen.may, may);
                self.show_in_editor();
            }
            Hear::Answer { ask, content } => {
                if let Some(resolve) = self.asks.remove(&ask) {
                    let json = serde_json::to_string(&content).unwrap_or_default();
                    let value = js_sys::JSON::parse(&json).unwrap_or(wasm_bindgen::JsValue::NULL);
                    let _ = resolve.call1(&wasm_bindgen::JsValue::NULL, &value);
                }
            }
            Hear::Sorry { code, message } => match code.as_str() {
                "room.not_saving" => self.screen.saved.set(SavedState::NotSaving(message)),
                "room.saving" => self.draw_saved(),
                _ => self.announce(&message),
            },
            Hear::Closed { message, again, .. } => {
                if again {
                    // The socket serves other notebooks too; a fresh one is the simplest way to a fresh seat.
                    self.socket = None;
                    self.joined = false;
                    self.draw_saved();
                    self.connect_later();
                } else {
                    self.closed_for_good(&message);
                }
            }
            Hear::Pong { .. } => {}
        }
    }

    fn hear_joined(&mut self, joined: Joined) {
        self.joined = true;
        self.pause_ms = FIRST_PAUSE_MS;
        let now = (browser::now_ms() * 1000.0) as i64;
        set_if_new(self.screen.skew, joined.now - now);
        set_if_new(self.screen.seat, joined.seat);
        set_if_new(self.screen.title, joined.title);
        set_if_new(self.screen.may, joined.may);
        match self.client.joined(joined.state, joined.received) {
            Ok((changes, lost)) => {
                self.show(changes, None);
                self.rescue(&lost);
            }
            Err(_) => return self.rejoin(),
        }
        match joined.runs {
            RunsState::Snapshot(runs) => {
                self.runs = runs;
                for id in self.screen.order.get_untracked() {
                    if let Some(model) = self.screen.cell(&id) {
                        model.set_run(self.runs.cells.get(&id));
                    }
                }
            }
            RunsState::Since(events) => {
                for event in &events {
                    self.hear_run(event);
                }
            }
        }
        self.people = joined.people.into_iter().map(|person| (person.seat, person)).collect();
        self.draw_people();
        self.hear_kernel(joined.kernel);
        if let Some(again) = self.client.resend(joined.received) {
            self.submit(again);
        }
        self.flush();
        if let Some(place) = self.place.clone() {
            self.say(Say::Presence { place: Some(place) });
        }
    }

    /// Our picture of the log has a hole: take the seat again from the start.
    fn rejoin(&mut self) {
        self.say(Say::Leave);
        self.say(Say::Join { client: self.client.id().clone(), revision: None, runs: Some(self.runs.sequence) });
    }

    // ---- the document ----

    /// Applies operations of ours that no editor has shown yet.
    pub fn edit(&mut self, operations: Vec<Operation>) {
        if operations.is_empty() || !self.screen.may.get_untracked().edit {
            return;
        }
        match self.client.edit(operations, browser::now_ms()) {
            Ok(changes) => self.show(changes, None),
            Err(why) => self.announce(&why.to_string()),
        }
        self.flush();
    }

    /// The editor's own change: it shows it already.
    fn typed(&mut self, delta: Delta) {
        let Some(cell) = self.shown.clone() else { return };
        match self.client.edit(vec![Operation::EditSource { cell: cell.clone(), delta }], browser::now_ms()) {
            Ok(changes) => self.show(changes, Some(&cell)),
            Err(why) => {
                self.announce(&why.to_string());
                // What cannot be in the document must not stand in the editor either.
                self.shown = None;
                self.show_in_editor();
            }
        }
        self.flush();
    }

    pub fn undo(&mut self) {
        if let Some(changes) = self.client.undo() {
            self.show(changes, None);
            self.flush();
        }
    }

    pub fn redo(&mut self) {
        if let Some(changes) = self.client.redo() {
            self.show(changes, None);
            self.flush();
        }
    }

    pub fn document(&self) -> &notebook::NotebookDoc {
        self.client.document()
    }

    /// Draws changes. `typed_in`: the cell whose editor made the change and shows it.
    fn show(&mut self, changes: Vec<Change>, typed_in: Option<&CellId>) {
        let screen = self.screen;
        for change in changes {
            match change {
                Change::Cells => self.read_cells(),
                Change::All => {
                    let runs = &self.runs;
                    screen.read_all(self.client.document(), |id| runs.cells.get(id).cloned());
                    self.shown = None;
                    self.show_in_editor();
                }
                Change::Source { cell, delta } => {
                    if typed_in != Some(&cell) && self.shown.as_ref() == Some(&cell) {
                        if let Some(editor) = &self.editor {
                            editor.apply(&delta);
                        }
                    }
                    self.move_carets(&cell, &delta);
                    if let (Some(model), Some(now)) = (screen.cell(&cell), self.client.document().cell(&cell)) {
                        set_if_new(model.source, now.source.clone());
                    }
                }
                Change::Cell(cell) => {
                    if let (Some(model), Some(now)) = (screen.cell(&cell), self.client.document().cell(&cell)) {
                        model.set_look(now);
                    }
                }
                Change::Metadata => set_if_new(screen.language, super::screen::language_of(self.client.document())),
                Change::DeletedUnderYou { cell } => screen.deleted_under_us.set(Some(cell)),
            }
        }
        set_if_new(screen.can_undo, self.client.can_undo());
        set_if_new(screen.can_redo, self.client.can_redo());
        self.draw_saved();
    }

    fn read_cells(&mut self) {
        let runs = &self.runs;
        self.screen.read_cells(self.client.document(), |id| runs.cells.get(id).cloned());
        let gone = self.shown.as_ref().is_some_and(|id| !self.screen.order.with_untracked(|order| order.contains(id)));
        if gone {
            self.hide_editor();
        }
    }

    /// Sends what waits, if nothing is in flight, and has unacknowledged work kept.
    fn flush(&mut self) {
        if self.joined
            && let Some(submission) = self.client.outgoing()
        {
            self.submit(submission);
        }
        if self.client.unacknowledged() > 0 {
            if self.keep_timer.is_none() {
                self.keep_timer = browser::after(KEEP_AFTER_MS, || {
                    with(|link| {
                        link.keep_timer = None;
                        link.keep_now();
                    });
                });
            }
        } else {
            self.keep_timer = None;
            if std::mem::take(&mut self.kept) {
                // It was written to the store: it must not come back.
                let client = self.client.id().to_string();
                self.forget(&client);
            }
            if !self.inherited.is_empty() {
                self.inherit();
                self.rejoin_as_heir();
            }
        }
        self.draw_saved();
    }

    fn submit(&self, submission: notebook::Submission) {
        self.say(Say::Submit {
            client: submission.client,
            sequence: submission.sequence,
            base: submission.base,
            operations: submission.operations,
        });
    }

    /// Saving is automatic and immediate; asked for, it answers with the truth.
    pub fn save_now(&mut self) {
        self.flush();
        let words = match self.screen.saved.get_untracked() {
            SavedState::Saved => "Everything is saved.",
            SavedState::Saving => "Saving now.",
            _ => "Not saved on the studio yet; this browser keeps it.",
        };
        self.announce(words);
    }

    fn draw_saved(&self) {
        let unsaved = self.client.unacknowledged();
        let state = match (self.joined, unsaved) {
            _ if self.closed => return,
            (true, 0) => SavedState::Saved,
            (true, _) => SavedState::Saving,
            (false, 0) if self.screen.saved.get_untracked() == SavedState::Connecting => SavedState::Connecting,
            (false, unsaved) => SavedState::Offline(unsaved),
        };
        set_if_new(self.screen.saved, state);
    }

    // ---- work kept across a crash of the tab ----

    /// Writes unacknowledged work to the tab's store now.
    pub fn keep_now(&mut self) {
        if self.client.unacknowledged() == 0 {
            return;
        }
        let Some(store) = self.store.clone() else { return };
        let Ok(json) = serde_json::to_string(&self.client.save()) else { return };
        let (notebook, client) = (self.notebook.clone(), self.client.id().to_string());
        self.kept = true;
        leptos::task::spawn_local(async move {
            if let Err(why) = store.keep(&notebook, &client, &json).await {
                with(|link| link.announce(&format!("This browser cannot keep unsaved work: {why}")));
            }
        });
    }

    fn forget(&self, client: &str) {
        let Some(store) = self.store.clone() else { return };
        let (notebook, client) = (self.notebook.clone(), client.to_owned());
        leptos::task::spawn_local(async move {
            let _ = store.forget(&notebook, &client).await;
        });
    }

    /// Becomes the next tab that left work behind.
    fn inherit(&mut self) {
        while let Some(saved) = self.inherited.pop() {
            let client = saved.client.to_string();
            match Client::restore(saved) {
                Ok(heir) => {
                    self.client = heir;
                    self.kept = true;
                    self.show(vec![Change::All], None);
                    self.announce("Unsaved work of an earlier tab was brought back.");
                    return;
                }
                Err(_) => self.forget(&client),
            }
        }
    }

    fn rejoin_as_heir(&mut self) {
        self.say(Say::Leave);
        self.say(Say::Join { client: self.client.id().clone(), revision: Some(self.client.revision()), runs: Some(self.runs.sequence) });
    }

    /// Text that fits nowhere any more is offered to the person.
    fn rescue(&self, lost: &[Operation]) {
        let mut text = String::new();
        for operation in lost {
            match operation {
                Operation::EditSource { delta, .. } => {
                    for (_, _, inserted) in crate::browser::editor::splices(delta) {
                        text.push_str(&inserted);
                    }
                }
                Operation::InsertCell { source, .. } => {
                    text.push_str(source);
                    text.push('\n');
                }
                _ => {}
            }
        }
        if !text.trim().is_empty() {
            self.screen.rescued.set(Some(text));
        }
    }

    // ---- runs ----

    fn hear_run(&mut self, event: &RunEvent) {
        let screen = self.screen;
        for change in self.runs.apply(event) {
            match change {
                RunChange::State(id) => {
                    if let Some(model) = screen.cell(&id) {
                        model.set_run_head(self.runs.cells.get(&id));
                    }
                    self.tick();
                }
                RunChange::Appended(id, index) => {
                    if let (Some(model), Some(output)) = (screen.cell(&id), self.runs.cells.get(&id).and_then(|run| run.outputs.get(index))) {
                        model.set_output(index, output);
                    }
                }
                RunChange::Outputs(id) => {
                    if let Some(model) = screen.cell(&id) {
                        model.set_run(self.runs.cells.get(&id));
                    }
                }
            }
        }
    }

    fn hear_kernel(&mut self, kernel: notebook::wire::KernelView) {
        if !kernel.language.is_empty() {
            set_if_new(self.screen.language, kernel.language.clone());
        }
        set_if_new(self.screen.kernel, kernel);
        self.tick();
    }

    /// Keeps the clock ticking while a run goes on.
    fn tick(&mut self) {
        let running = self.runs.cells.values().any(|run| run.state == Some(notebook::runs::RunState::Running));
        if !running {
            self.clock_timer = None;
            return;
        }
        let screen = self.screen;
        let now = move || screen.clock.set((browser::now_ms() * 1000.0) as i64 + screen.skew.get_untracked());
        if self.clock_timer.is_none() {
            now();
            self.clock_timer = browser::every(500, now);
        }
    }

    /// Asks the kernel; the promise resolves with its reply, or never when the link ends.
    fn ask_kernel(&mut self, say: impl FnOnce(u32) -> Say) -> js_sys::Promise {
        self.next_ask += 1;
        let ask = self.next_ask;
        let mut say = Some(say(ask));
        let asks = &mut self.asks;
        let promise = js_sys::Promise::new(&mut |resolve, _| {
            asks.insert(ask, resolve);
        });
        if let Some(say) = say.take()
            && !self.say(say)
            && let Some(resolve) = self.asks.remove(&ask)
        {
            let _ = resolve.call1(&wasm_bindgen::JsValue::NULL, &wasm_bindgen::JsValue::NULL);
        }
        promise
    }

    // ---- presence ----

    /// Where we are, told at most every [`PRESENCE_EVERY_MS`].
    pub fn be_at(&mut self, cell: Option<CellId>, selection: Option<(u32, u32)>) {
        let place = cell.map(|cell| Place { cell, selection: selection.map(|(anchor, head)| Selection { anchor, head }) });
        if place == self.place {
            return;
        }
        self.place = place;
        if self.presence_timer.is_none() {
            self.presence_timer = browser::after(PRESENCE_EVERY_MS, || {
                with(|link| {
                    link.presence_timer = None;
                    let place = link.place.clone();
                    if link.joined {
                        link.say(Say::Presence { place });
                    }
                });
            });
        }
    }

    /// Others' carets move with a text that changed.
    fn move_carets(&mut self, cell: &CellId, delta: &Delta) {
        let mut moved = false;
        for person in self.people.values_mut() {
            if let Some(place) = &mut person.place
                && place.cell == *cell
                && let Some(selection) = &mut place.selection
            {
                selection.anchor = delta.move_position(selection.anchor, false);
                selection.head = delta.move_position(selection.head, false);
                moved = true;
            }
        }
        if moved {
            self.draw_people();
        }
    }

    fn draw_people(&self) {
        let screen = self.screen;
        let people: Vec<Present> = self.people.values().cloned().collect();
        let mine = screen.seat.get_untracked();
        let mut by_cell: BTreeMap<CellId, Vec<Caret>> = BTreeMap::new();
        let mut in_editor = Vec::new();
        for person in people.iter().filter(|person| person.seat != mine) {
            let Some(place) = &person.place else { continue };
            let Some(Selection { anchor, head }) = place.selection else { continue };
            if self.shown.as_ref() == Some(&place.cell) {
                in_editor.push((person.seat, person.name.clone(), person.color, anchor, head));
            }
            by_cell.entry(place.cell.clone()).or_default().push(Caret { color: person.color, name: person.name.clone(), anchor, head });
        }
        for id in screen.order.get_untracked() {
            if let Some(model) = screen.cell(&id) {
                set_if_new(model.carets, by_cell.remove(&id).unwrap_or_default());
            }
        }
        if let Some(editor) = &self.editor {
            editor.carets(&in_editor);
        }
        set_if_new(screen.people, people);
    }

    // ---- the editor ----

    /// Puts the editor into the active cell (loading it first) and gives it the keys. `at`: where the caret goes.
    pub fn edit_active(&mut self, at: Option<u32>) {
        if self.editor.is_none() {
            if !self.editor_loading {
                self.editor_loading = true;
                let url = self.assets.url("editor.js");
                leptos::task::spawn_local(async move {
                    let editor = Editor::mount(&url, events()).await;
                    with(|link| {
                        link.editor_loading = false;
                        match editor {
                            Ok(editor) => {
                                link.editor = Some(editor);
                                link.edit_active(at);
                            }
                            Err(why) => link.announce(&format!("The editor could not be loaded: {why}")),
                        }
                    });
                });
            }
            return;
        }
        self.show_in_editor();
        if let Some(editor) = &self.editor {
            if let Some(at) = at {
                editor.select(at, at);
            }
            editor.focus();
        }
    }

    /// Shows the active cell in the editor while it is being edited.
    fn show_in_editor(&mut self) {
        let screen = self.screen;
        if screen.mode.get_untracked() != super::screen::Mode::Edit {
            return;
        }
        let Some(id) = screen.active.get_untracked() else { return };
        let (Some(editor), Some(cell)) = (&self.editor, self.client.document().cell(&id)) else { return };
        let Some(slot) = browser::element(&format!("slot-{id}")) else { return };
        let language = match cell.kind {
            notebook::CellKind::Code => screen.language.get_untracked(),
            notebook::CellKind::Markdown => "markdown".to_owned(),
            notebook::CellKind::Raw => "plaintext".to_owned(),
        };
        let read_only = !screen.may.get_untracked().edit;
        editor.show(&slot, id.as_str(), &cell.source, &language, read_only, &format!("Text of cell {}", super::screen_place(screen, &id)));
        self.shown = Some(id);
        self.draw_people();
    }

    pub fn hide_editor(&mut self) {
        if let Some(editor) = &self.editor {
            editor.hide();
        }
        self.shown = None;
    }

    /// Our own caret in the shown text.
    pub fn caret(&self) -> Option<u32> {
        self.place.as_ref()?.selection.map(|selection| selection.head)
    }

    /// Length of a cell's text in UTF-16 units.
    pub fn length_of(&self, id: &CellId) -> u32 {
        self.client.document().cell(id).map_or(0, |cell| utf16_len(&cell.source))
    }


    pub fn announce(&self, words: &str) {
        self.screen.said.set(words.to_owned());
        crate::notebooks::tell(self.screen, words);
    }
}

fn events() -> Events {
    Events {
        change: Box::new(|delta| {
            with(|link| link.typed(delta));
        }),
        selection: Box::new(|anchor, head| {
            with(|link| {
                let cell = link.shown.clone();
                link.be_at(cell, Some((anchor, head)));
            });
        }),
        key: Box::new(|name| {
            let Some(screen) = with(|link| link.screen) else { return false };
            super::commands::editor_key(screen, name)
        }),
        blur: Box::new(|| {}),
        complete: Box::new(|code, cursor| {
            with(|link| link.ask_kernel(|ask| Say::Complete { ask, code, cursor })).unwrap_or_else(nothing)
        }),
        inspect: Box::new(|code, cursor| {
            with(|link| link.ask_kernel(|ask| Say::Inspect { ask, code, cursor })).unwrap_or_else(nothing)
        }),
    }
}

fn nothing() -> js_sys::Promise {
    js_sys::Promise::resolve(&wasm_bindgen::JsValue::NULL)
}
