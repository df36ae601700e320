//! Work kept across a crash of the tab.

use leptos::prelude::*;
use notebook::wire::Say;
use notebook::{Change, Client, Operation};

use super::{Link, with};
use crate::browser;

impl Link {
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
        let (notebook, client) = (self.notebook.clone(), self.client.id().to_string());
        self.kept = true;
        leptos::task::spawn_local(async move {
            if let Err(why) = store.keep(&notebook, &client, &json).await {
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
        let (notebook, client) = (self.notebook.clone(), client.to_owned());
        leptos::task::spawn_local(async move {
            let _ = store.forget(&notebook, &client).await;
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
            self.screen.rescued.set(Some(text));
        }
    }
}
