//! Runs read a moment ago. A large notebook's outputs are asked for a few cells at a time; reading the log again for each would be
//! a second every time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use datalayer::{NotebookId, Result, RunLedger};
use db::Since;
use notebook::runs::Runs;

use crate::House;

/// Notebooks held at once; together with [`LONG`] that bounds the memory.
const NOTEBOOKS: usize = 4;
/// A log shorter than this is read again as quickly.
const LONG: u64 = 256 * 1024;
/// Nobody asks for outputs any more.
const KEPT: Duration = Duration::from_secs(60);
/// Events that are folded into what is held; behind more of them it is read anew.
const EVENTS: u32 = 1_000;

#[derive(Default)]
pub struct Recent(Mutex<Held>);

#[derive(Default)]
struct Held {
    runs: Vec<(NotebookId, Arc<Runs>)>,
    /// Grows with every use, so that a timer sees whether there was one since.
    used: u64,
}

impl Recent {
    fn of(&self, notebook: &NotebookId) -> Option<Arc<Runs>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.used += 1;
        let found = held.runs.iter().find(|(id, _)| id == notebook)?;
        Some(Arc::clone(&found.1))
    }

    /// Holds these; what the timer that lets go has to see unchanged.
    fn hold(&self, notebook: &NotebookId, runs: Arc<Runs>) -> u64 {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.used += 1;
        held.runs.retain(|(id, _)| id != notebook);
        held.runs.insert(0, (notebook.clone(), runs));
        held.runs.truncate(NOTEBOOKS);
        held.used
    }

    /// Lets go of everything unless it was used since; the use it has to wait for otherwise.
    fn let_go(&self, since: u64) -> Option<u64> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.used == since || held.runs.is_empty() {
            held.runs = Vec::new();
            return None;
        }
        Some(held.used)
    }
}

impl House {
    /// The runs as they are now.
    pub(crate) async fn runs_now(&self, notebook: &NotebookId) -> Result<Arc<Runs>> {
        if let Some(held) = self.0.recent.of(notebook) {
            match self
                .0
                .db
                .runs_since(notebook, held.sequence, EVENTS)
                .await?
            {
                Since::Events(events) if events.is_empty() => return Ok(held),
                Since::Events(events) => {
                    let mut runs = Runs::clone(&held);
                    for event in &events {
                        runs.apply(event);
                    }
                    let runs = Arc::new(runs);
                    self.0.recent.hold(notebook, Arc::clone(&runs));
                    return Ok(runs);
                }
                Since::TooMany | Since::NoSuchNotebook => {}
            }
        }
        let runs = Arc::new(RunLedger::load(self, notebook).await?);
        if runs.cells.values().map(|run| run.weight()).sum::<u64>() > LONG {
            let mut used = self.0.recent.hold(notebook, Arc::clone(&runs));
            // Whoever holds the house decides how long it lives, not this timer.
            let inside = Arc::downgrade(&self.0);
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(KEPT).await;
                    let Some(inside) = inside.upgrade() else {
                        break;
                    };
                    match inside.recent.let_go(used) {
                        Some(newer) => used = newer,
                        None => break,
                    }
                }
            });
        }
        Ok(runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let recent = Recent::default();
        let id = NotebookId::from_parts(1, 1);
        let used = recent.hold(&id, Arc::new(Runs::default()));
        assert!(recent.of(&id).is_some());
        let used = recent.let_go(used).expect("it was used since");
        assert!(recent.let_go(used).is_none());
        assert!(recent.of(&id).is_none());
    }

    #[test]
    fn only_the_latest_notebooks_are_held() {
        let recent = Recent::default();
        let ids: Vec<_> = (0..6).map(|n| NotebookId::from_parts(1, n)).collect();
        for id in &ids {
            recent.hold(id, Arc::new(Runs::default()));
        }
        let held: Vec<bool> = ids.iter().map(|id| recent.of(id).is_some()).collect();
        assert_eq!(held, [false, false, true, true, true, true]);
    }
}
