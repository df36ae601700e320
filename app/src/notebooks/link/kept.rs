//! Work kept across a crash of the tab.

use leptos::prelude::*;
use notebook::wire::Say;
use notebook::{Change, Client, Operation, Saved};

use super::{COMPOSING, Link, with};
use crate::browser;

/// Takes over what tabs that are gone have left for this notebook, now and as soon as one more goes.
pub(super) async fn take_over() {
    let Some((Some(store), place)) = with(|link| (link.store.clone(), link.place_kept.clone()))
    else {
        return;
    };
    let Ok((left, held)) = store.claim_all(&place).await else {
        return;
    };
    with(|link| link.take_up(&place, left));
    for client in held {
        let (store, place) = (store.clone(), place.clone());
        leptos::task::spawn_local(async move {
            if let Ok(Some(json)) = store.outlive(&place, &client).await {
                with(|link| link.take_up(&place, vec![(client, json)]));
            }
        });
    }
}

impl Link {
    /// Work of tabs that are gone waits for its turn.
    fn take_up(&mut self, place: &str, left: Vec<(String, String)>) {
        if left.is_empty() || self.place_kept != place {
            return;
        }
        for (client, json) in left {
            match serde_json::from_str::<Saved>(&json) {
                Ok(saved) => self.inherited.push(saved),
                // Not ours any more (an older layout): nothing can be done with it but keep it from coming back.
                Err(_) => self.forget(&client),
            }
        }
        if self.joined {
            self.flush();
        } else if self.client.unacknowledged() == 0 && !COMPOSING.get() {
            self.inherit();
        }
    }

    /// Writes unacknowledged work to the tab's store now.
    pub fn keep_now(&mut self) {
        if self.client.unacknowledged() == 0 {
            return;
        }
        let Some(store) = self.store.clone() else {
            return;
        };
        let Ok(json) = serde_json::to_string(&self.client.save()) else {
            return;
        };
        let (place, client) = (self.place_kept.clone(), self.client.id().to_string());
        self.kept = true;
        leptos::task::spawn_local(async move {
            if let Err(why) = store.keep(&place, &client, &json).await {
                with(|link| {
                    link.announce(&format!("This browser cannot keep unsaved work: {why}"))
                });
            }
        });
    }

    pub(super) fn forget(&self, client: &str) {
        let Some(store) = self.store.clone() else {
            return;
        };
        let (place, client) = (self.place_kept.clone(), client.to_owned());
        leptos::task::spawn_local(async move {
            let _ = store.forget(&place, &client).await;
        });
    }

    /// Becomes the next tab that left work behind.
    pub(super) fn inherit(&mut self) {
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

    pub(super) fn rejoin_as_heir(&mut self) {
        self.say(Say::Leave);
        self.say(Say::Join {
            client: self.client.id().clone(),
            revision: Some(self.client.revision()),
            runs: Some(self.runs.sequence),
        });
    }

    /// The notebook as it stands in this tab, as a script, for the person to keep: with everything that was never saved.
    pub fn download(&self) {
        let Some(store) = &self.store else {
            return self.announce("This browser cannot offer a download here. Copy what you need.");
        };
        let title = self.screen.title.get_untracked();
        let script = notebook::formats::to_percent(self.client.document());
        store.offer(&format!("{title} (unsaved).py"), &script);
    }

    /// Text that fits nowhere any more is offered to the person.
    pub(super) fn rescue(&self, lost: &[Operation]) {
        let mut text = String::new();
        for operation in lost {
            match operation {
                Operation::EditSource { delta, .. } => {
                    for (_, _, inserted) in browser::editor::splices(delta) {
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
            // One paste may come back in several pieces.
            self.screen
                .rescued
                .update(|rescued| rescued.get_or_insert_default().push_str(&text));
        }
    }
}
