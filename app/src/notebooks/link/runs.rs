//! Runs and the kernel, as the screen shows them.

use datalayer::Outputs;
use leptos::prelude::*;
use notebook::CellId;
use notebook::runs::{Happening, RunChange, RunEvent, RunId, RunState};
use notebook::wire::{KernelView, Say};

use super::super::screen::set_if_new;
use super::Link;
use crate::browser;

impl Link {
    pub(super) fn hear_run(&mut self, event: &RunEvent) {
        let screen = self.screen;
        if matches!(event.what, Happening::Update { .. }) {
            self.updated_at = event.sequence;
        }
        for change in self.runs.apply(event) {
            match change {
                RunChange::State(id) => {
                    if let Some(model) = screen.cell(&id) {
                        model.set_run_head(self.runs.cells.get(&id));
                    }
                    self.tick();
                }
                RunChange::Appended(id, index) => {
                    if let (Some(model), Some(output)) = (
                        screen.cell(&id),
                        self.runs
                            .cells
                            .get(&id)
                            .and_then(|run| run.outputs.get(index)),
                    ) {
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

    /// Outputs that did not come with the page are here. Returns the cells to ask for again: something changed them meanwhile.
    pub fn hear_outputs(&mut self, outputs: Outputs) -> Vec<CellId> {
        let mut again = Vec::new();
        for (id, came) in outputs.cells {
            let Some(model) = self.screen.cell(&id) else {
                continue;
            };
            // A run since then brings its own outputs, and they are all there is.
            if model.later.get_untracked().is_none() {
                continue;
            }
            if self.updated_at > outputs.sequence {
                again.push(id);
                continue;
            }
            if let Some(mine) = self.runs.cells.get_mut(&id)
                && (&mine.run, &mine.shown) == (&came.run, &came.shown)
            {
                mine.outputs = came.outputs;
                model.set_run(Some(mine));
            }
        }
        again
    }

    /// What of these cells waits in the queue, also behind a run of the same cell.
    pub fn waiting_runs(&self, cells: &[CellId]) -> Vec<RunId> {
        let mut waiting = Vec::new();
        for run in cells.iter().filter_map(|id| self.runs.cells.get(id)) {
            if run.state == Some(RunState::Queued) {
                waiting.extend(run.run.clone());
            }
            waiting.extend(run.waiting.iter().map(|next| next.run.clone()));
        }
        waiting
    }

    pub(super) fn hear_kernel(&mut self, kernel: KernelView) {
        if !kernel.language.is_empty() {
            set_if_new(self.screen.language, kernel.language.clone());
        }
        set_if_new(self.screen.kernel, kernel);
        self.tick();
    }

    /// Keeps the clock ticking while a run goes on.
    pub(super) fn tick(&mut self) {
        let running = self
            .runs
            .cells
            .values()
            .any(|run| run.state == Some(RunState::Running));
        if !running {
            self.clock_timer = None;
            return;
        }
        let screen = self.screen;
        let now = move || {
            screen
                .clock
                .set((browser::now_ms() * 1000.0) as i64 + screen.skew.get_untracked())
        };
        if self.clock_timer.is_none() {
            now();
            self.clock_timer = browser::every(500, now);
        }
    }

    /// Asks the kernel; the promise resolves with its reply, or never when the link ends.
    pub(super) fn ask_kernel(&mut self, say: impl FnOnce(u32) -> Say) -> js_sys::Promise {
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
}
