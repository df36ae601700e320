//! The live link of a notebook screen: one socket, the engine's client, and what is told to the screen. Browser only.

mod document;
mod editing;
mod held;
mod kept;
mod presence;
mod runs;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use datalayer::{NotebookView, UserId};
use leptos::prelude::*;
use notebook::presence::{Place, Present};
use notebook::runs::Runs;
use notebook::wire::{Hear, Joined, RunsState, Say, ToClient, ToServer};
use notebook::{CellId, Client, ClientId, Refused, Saved};

use super::screen::{SavedState, Screen, set_if_new};
use crate::browser::editor::Editor;
use crate::browser::socket::{Heard, Socket};
use crate::browser::store::Store;
use crate::browser::{self, Timer};

thread_local! {
    /// A tab shows one notebook at a time.
    static LINK: RefCell<Option<Rc<RefCell<Link>>>> = const { RefCell::new(None) };
    /// Our selection, told by the editor while the link was busy with it (drawing carets makes it tell what it held back).
    static MISSED: Cell<Option<(u32, u32)>> = const { Cell::new(None) };
    /// An input method is at work in the editor. Told while the link may be busy, so it stands beside it.
    static COMPOSING: Cell<bool> = const { Cell::new(false) };
}

/// First pause before connecting again; doubles up to [`LONGEST_PAUSE_MS`], with jitter.
const FIRST_PAUSE_MS: f64 = 500.0;
const LONGEST_PAUSE_MS: f64 = 30_000.0;
/// A line that said nothing for this long is asked whether it still stands, and given up when it says nothing for as long again.
/// A network that is gone tells nobody.
const QUIET_MS: f64 = 10_000.0;
const LOOK_MS: i32 = 2_500;
/// Unacknowledged work older than this is written to the tab's store.
const KEEP_AFTER_MS: i32 = 250;
/// Presence goes out at most this often.
const PRESENCE_EVERY_MS: i32 = 60;

pub struct Link {
    screen: Screen,
    notebook: String,
    /// Where the tab's store keeps what is not acknowledged: this person's work in this notebook.
    place_kept: String,
    client: Client,
    runs: Runs,
    /// The last event that changed outputs of cells other than its own.
    updated_at: u64,
    socket: Option<Socket>,
    joined: bool,
    /// Set when the room let go of us for good.
    closed: bool,
    pause_ms: f64,
    retry: Option<Timer>,
    /// When the studio was last heard, milliseconds since 1970, and whether it was asked since to say something.
    heard_at: f64,
    asked_to_speak: bool,
    heartbeat: Option<Timer>,
    /// The batch that was in flight when the studio last closed the line because it did not understand this tab.
    struck: Option<u64>,
    held: held::Held,
    /// What the person wanted done before the room had let this tab in.
    wanted: Vec<Say>,
    presence_timer: Option<Timer>,
    /// When others were last told where we are, milliseconds since 1970.
    told_at: f64,
    place: Option<Place>,
    /// It is to be told once everything typed here is acknowledged.
    place_waits: bool,
    keep_timer: Option<Timer>,
    /// The tab's store holds work of the present client.
    kept: bool,
    clock_timer: Option<Timer>,
    store: Option<Store>,
    /// Work of tabs that are gone; each becomes the client in turn until it is acknowledged.
    inherited: Vec<Saved>,
    /// Who is here; where they are is the client's to say.
    people: BTreeMap<u32, Present>,
    /// Cells in which somebody's caret is drawn.
    with_carets: BTreeSet<CellId>,
    editor: Option<Editor>,
    editor_loading: bool,
    /// Where the caret goes once the editor is there, and what was typed until then.
    wanted_at: Option<u32>,
    ahead: String,
    /// The cell that was typed for: another one may be active by the time the editor comes.
    ahead_in: Option<CellId>,
    /// The cell the editor shows.
    shown: Option<CellId>,
    next_ask: u32,
    asks: BTreeMap<u32, js_sys::Function>,
    assets: crate::assets::Assets,
}

/// Starts the link of a screen, replacing the one of the screen before.
pub fn start(screen: Screen, view: &NotebookView, reader: &UserId, assets: crate::assets::Assets) {
    let client = Client::new(new_client(), view.snapshot.clone());
    let link = Link {
        screen,
        notebook: view.notebook.id.to_string(),
        place_kept: format!("{reader}/{}", view.notebook.id),
        client,
        runs: view.runs.clone(),
        updated_at: 0,
        socket: None,
        joined: false,
        closed: false,
        pause_ms: FIRST_PAUSE_MS,
        retry: None,
        heard_at: 0.0,
        asked_to_speak: false,
        heartbeat: None,
        struck: None,
        held: held::Held::default(),
        wanted: Vec::new(),
        presence_timer: None,
        told_at: 0.0,
        place: None,
        place_waits: false,
        keep_timer: None,
        kept: false,
        clock_timer: None,
        store: None,
        inherited: Vec::new(),
        people: BTreeMap::new(),
        with_carets: BTreeSet::new(),
        editor: None,
        editor_loading: false,
        wanted_at: None,
        ahead: String::new(),
        ahead_in: None,
        shown: None,
        next_ask: 0,
        asks: BTreeMap::new(),
        assets,
    };
    let link = Rc::new(RefCell::new(link));
    LINK.with(|slot| slot.borrow_mut().replace(link));
    // An editor that is gone tells of no end.
    COMPOSING.set(false);
    leptos::task::spawn_local(async move {
        open_store().await;
        with(Link::connect);
    });
}

/// Ends the link: its socket closes, its editor goes.
pub fn stop() {
    let ended = LINK.with(|slot| slot.borrow_mut().take());
    drop(ended);
    COMPOSING.set(false);
}

/// Does something with the link, if there is one and it is not busy already (a callback inside a callback).
pub fn with<T>(work: impl FnOnce(&mut Link) -> T) -> Option<T> {
    let link = LINK.with(|slot| slot.borrow().clone())?;
    let mut link = link.try_borrow_mut().ok()?;
    let done = work(&mut link);
    link.catch_up();
    if link.let_in() {
        link.catch_up();
    }
    Some(done)
}

fn new_client() -> ClientId {
    let name = format!(
        "{:016x}{:016x}",
        browser::random_u64(),
        browser::random_u64()
    );
    // 32 hexadecimal digits always make an id; the loop only satisfies the type.
    ClientId::new(name).unwrap_or_else(new_client)
}

/// Opens the tab's store and takes over what crashed tabs left.
async fn open_store() {
    let Some(url) = with(|link| link.assets.url("store.js")) else {
        return;
    };
    let Ok(store) = Store::open(&url).await else {
        return;
    };
    with(|link| link.store = Some(store.clone()));
    kept::take_over().await;
    if let Some((place, mine)) =
        with(|link| (link.place_kept.clone(), link.client.id().to_string()))
    {
        let _ = store.hold(&place, &mine).await;
    }
}

impl Link {
    fn connect(&mut self) {
        self.retry = None;
        if self.closed {
            return;
        }
        self.heard_at = browser::now_ms();
        self.asked_to_speak = false;
        if self.heartbeat.is_none() {
            self.heartbeat = browser::every(LOOK_MS, || {
                with(Link::feel_pulse);
            });
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

    /// Is the line still there? A laptop that slept, or a network that went, leaves a socket that looks open.
    fn feel_pulse(&mut self) {
        if self.socket.is_none() {
            return;
        }
        let quiet = browser::now_ms() - self.heard_at;
        if quiet > 2.0 * QUIET_MS && self.asked_to_speak {
            self.lost();
            self.connect_later();
        } else if quiet > QUIET_MS && !self.asked_to_speak {
            // It may have slept as long as that: it is given the time to answer from now on.
            self.heard_at = browser::now_ms() - QUIET_MS;
            self.asked_to_speak = true;
            self.say(Say::Ping { at: self.heard_at });
        }
    }

    /// The browser says that there is a network again: no use waiting any longer.
    pub fn network_came(&mut self) {
        if self.socket.is_none() && !self.closed {
            self.pause_ms = FIRST_PAUSE_MS;
            self.connect();
        } else {
            self.asked_to_speak = false;
            self.heard_at = 0.0;
            self.feel_pulse();
        }
    }

    /// The browser says that there is no network.
    pub fn network_went(&mut self) {
        if self.socket.is_some() {
            self.lost();
            self.connect_later();
        }
    }

    /// Our selection, where the editor told it while the link was busy.
    fn catch_up(&mut self) {
        if let Some(selection) = MISSED.take() {
            let cell = self.shown.clone();
            self.be_at(cell, Some(selection));
        }
    }

    /// There is no line to the studio any more.
    fn lost(&mut self) {
        // The next join brings it again.
        self.held = held::Held::default();
        self.socket = None;
        self.joined = false;
        self.people.clear();
        self.draw_people();
        // Nobody will answer what was asked on the old line.
        for (_, resolve) in std::mem::take(&mut self.asks) {
            let _ = resolve.call1(&wasm_bindgen::JsValue::NULL, &wasm_bindgen::JsValue::NULL);
        }
        self.draw_saved();
    }

    fn heard(&mut self, heard: Heard) {
        self.heard_at = browser::now_ms();
        self.asked_to_speak = false;
        match heard {
            Heard::Open => {
                let say = Say::Join {
                    client: self.client.id().clone(),
                    revision: Some(self.client.revision()),
                    runs: Some(self.runs.sequence),
                };
                self.say(say);
            }
            // Read as text, as everything else here is: one reader in the module instead of two.
            Heard::Frame(frame) => {
                let bytes = frame.len();
                match String::from_utf8(frame)
                    .map_err(|error| error.to_string())
                    .and_then(|frame| {
                        serde_json::from_str::<ToClient>(&frame).map_err(|error| error.to_string())
                    }) {
                    Ok(message) if message.notebook == self.notebook => {
                        self.hear_or_hold(message.hear, bytes)
                    }
                    Ok(_) => {}
                    Err(error) => {
                        leptos::logging::warn!("a message of the studio could not be read: {error}")
                    }
                }
            }
            Heard::Closed { code, reason } => {
                self.lost();
                match code {
                    4401 => self.closed_for_good("You were signed out. Sign in again; what you typed is kept in this browser."),
                    4403 | 4404 => self.closed_for_good(if reason.is_empty() { "You may no longer open this notebook." } else { &reason }),
                    4400 | 1009 => {
                        self.not_understood();
                        self.connect_later();
                    }
                    _ => self.connect_later(),
                }
            }
        }
    }

    /// What this tab says is too large or makes no sense to the studio. Twice with the same batch in flight, it is that batch:
    /// sending it for ever would keep everything behind it from being saved.
    fn not_understood(&mut self) {
        let in_flight = self.client.in_flight();
        if COMPOSING.get() {
            // It is sent again first.
            return;
        }
        if in_flight.is_none() || self.struck != in_flight {
            self.struck = in_flight;
            return;
        }
        self.struck = None;
        let lost = self.client.give_up();
        self.rescue(&lost);
        self.announce(
            "The studio could not take your last change. What you wrote is shown for you to keep.",
        );
        self.show(vec![notebook::Change::All], None);
        self.keep_now();
    }

    fn closed_for_good(&mut self, why: &str) {
        self.closed = true;
        self.keep_now();
        self.screen.unsent.set(self.client.unacknowledged() > 0);
        self.screen.saved.set(SavedState::Closed(why.to_owned()));
    }

    /// `false`: it was not sent.
    fn say(&self, say: Say) -> bool {
        let message = ToServer {
            notebook: self.notebook.clone(),
            say,
        };
        let Ok(frame) = serde_json::to_vec(&message) else {
            return false;
        };
        self.socket
            .as_ref()
            .is_some_and(|socket| socket.send(&frame))
    }

    /// For commands of the person: tells them when it cannot go out now.
    pub fn ask_for(&mut self, say: Say) {
        if !self.joined && self.screen.saved.get_untracked() == SavedState::Connecting {
            // The page was quicker than the room: it is done as soon as it can be.
            self.wanted.push(say);
        } else if !self.joined || !self.say(say) {
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
                // What we have is whole, it only ends too early: the rest of it is exact, and small.
                Err(Refused::Gap) => self.rejoin(Some(self.client.revision())),
                Err(_) => self.rejoin(None),
            },
            Hear::Refused {
                sequence,
                why,
                resync,
            } => {
                let (changes, lost) = self.client.refused(sequence, resync);
                self.show(changes, None);
                self.rescue(&lost);
                self.announce(&why.to_string());
                self.flush();
            }
            Hear::People { people, revision } => self.hear_people(people, revision),
            Hear::Moved {
                seat,
                place,
                revision,
            } => {
                self.client.moved(seat, place, revision);
                self.draw_people();
            }
            Hear::Renamed { title } => set_if_new(self.screen.title, title),
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
                    self.lost();
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
        // Another tab may have gone while neither could send.
        leptos::task::spawn_local(kept::take_over());
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
            Err(_) => return self.rejoin(None),
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
        let revision = self.client.revision();
        self.hear_people(joined.people, revision);
        self.hear_kernel(joined.kernel);
        if let Some(again) = self.client.resend(joined.received) {
            self.submit(again);
        }
        self.flush();
        if self.place.is_some() {
            self.tell_place();
        }
        for say in std::mem::take(&mut self.wanted) {
            self.ask_for(say);
        }
    }

    fn hear_people(&mut self, people: Vec<Present>, revision: u64) {
        self.client.seated(&people, revision);
        self.people = people
            .into_iter()
            .map(|person| (person.seat, person))
            .collect();
        self.draw_people();
    }

    /// Takes the seat again, with what came since a revision, or with the whole notebook.
    fn rejoin(&mut self, revision: Option<u64>) {
        self.say(Say::Leave);
        self.say(Say::Join {
            client: self.client.id().clone(),
            revision,
            runs: Some(self.runs.sequence),
        });
    }
}
