//! The session: every verb, bound to one caller.

use std::ops::Deref;
use std::sync::Arc;

use crate::{Accounts, Notebooks, Spaces, Tokens};

/// All verbs of one caller.
pub trait Verbs: Accounts + Tokens + Spaces + Notebooks {}

impl<T: Accounts + Tokens + Spaces + Notebooks> Verbs for T {}

/// What a door asks through: `session.create_space(…)`. Cheap to clone.
#[derive(Clone)]
pub struct Session(Arc<dyn Verbs>);

impl Session {
    pub fn new(verbs: impl Verbs + 'static) -> Self {
        Self(Arc::new(verbs))
    }
}

impl Deref for Session {
    type Target = dyn Verbs;
    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}
