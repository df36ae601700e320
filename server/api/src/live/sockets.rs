//! Every open socket, so that they are counted per person and end with their sign-in or token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use datalayer::{Key, UserId};
use tokio::sync::broadcast::{self, error::RecvError};

use super::outbox::Outbox;

/// Sockets one person may have open: tabs, and programs of theirs with a client each.
const PER_PERSON: usize = 256;

pub struct Sockets {
    registry: Mutex<Registry>,
}

#[derive(Default)]
struct Registry {
    per_person: HashMap<UserId, usize>,
    open: HashMap<u64, (Key, Weak<Outbox>)>,
    last: u64,
    /// The studio goes down: whoever comes now is told so at once.
    closing: Option<(u16, &'static str)>,
}

/// The right to open one socket. Dropping it gives the place back.
pub struct Ticket {
    sockets: Arc<Sockets>,
    user: UserId,
    key: Key,
}

/// A socket's place in the registry. Dropping it leaves.
pub struct Place {
    ticket: Ticket,
    number: u64,
}

impl Sockets {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            registry: Mutex::default(),
        })
    }

    /// `None`: this person has too many sockets already.
    pub fn ticket(self: &Arc<Self>, user: &UserId, key: &Key) -> Option<Ticket> {
        let mut registry = self.registry();
        let count = registry.per_person.entry(user.clone()).or_default();
        if *count >= PER_PERSON {
            return None;
        }
        *count += 1;
        Some(Ticket {
            sockets: Arc::clone(self),
            user: user.clone(),
            key: key.clone(),
        })
    }

    pub fn enter(&self, ticket: Ticket, outbox: &Arc<Outbox>) -> Place {
        let mut registry = self.registry();
        registry.last += 1;
        let number = registry.last;
        registry
            .open
            .insert(number, (ticket.key.clone(), Arc::downgrade(outbox)));
        if let Some((code, reason)) = registry.closing {
            outbox.close(code, reason);
        }
        Place { ticket, number }
    }

    /// Closes the sockets of sign-ins as they end.
    pub async fn follow(self: Arc<Self>, mut ended: broadcast::Receiver<Key>) {
        loop {
            match ended.recv().await {
                Ok(key) => {
                    let why = match &key {
                        Key::Session(_) => "sign_in.ended: this sign-in is over",
                        Key::Token(_) => "token.revoked: this token was ended",
                    };
                    self.close_where(4401, why, |of| *of == key)
                }
                // We missed whose sign-in ended; everybody knocks again and shows their cookie.
                Err(RecvError::Lagged(_)) => {
                    self.close_where(1012, "please connect again", |_| true)
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    pub fn close_all(&self, code: u16, reason: &'static str) {
        self.registry().closing = Some((code, reason));
        self.close_where(code, reason, |_| true);
    }

    pub fn count(&self) -> usize {
        self.registry().open.len()
    }

    fn close_where(&self, code: u16, reason: &str, chosen: impl Fn(&Key) -> bool) {
        let outboxes: Vec<_> = self
            .registry()
            .open
            .values()
            .filter(|(key, _)| chosen(key))
            .filter_map(|(_, outbox)| outbox.upgrade())
            .collect();
        for outbox in outboxes {
            outbox.close(code, reason);
        }
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut registry = self.sockets.registry();
        if let Some(count) = registry.per_person.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                registry.per_person.remove(&self.user);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.ticket.sockets.registry().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_when_its_socket_ends() {
        let sockets = Sockets::new();
        let user = UserId::from_parts(1, 1);
        let key = Key::Session(datalayer::SessionId::from_parts(1, 1));
        let mut tickets: Vec<_> = (0..PER_PERSON)
            .map(|_| sockets.ticket(&user, &key).unwrap())
            .collect();
        assert!(sockets.ticket(&user, &key).is_none());
        assert!(sockets.ticket(&UserId::from_parts(2, 2), &key).is_some());
        tickets.pop();
        assert!(sockets.ticket(&user, &key).is_some());
    }
}
