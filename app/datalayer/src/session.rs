//! The session: every verb, bound to one caller.

use std::ops::Deref;
use std::sync::Arc;

use crate::{Accounts, Audits, Browser, Notebooks, Spaces, Tokens};

/// All verbs of one caller.
pub trait Verbs: Accounts + Audits + Tokens + Spaces + Notebooks {}

impl<T: Accounts + Audits + Tokens + Spaces + Notebooks> Verbs for T {}

/// What a door asks through: `session.create_space(…)`. Cheap to clone.
#[derive(Clone)]
pub struct Session(Arc<dyn Verbs>);

impl Session {
    pub fn new(verbs: impl Verbs + 'static) -> Self {
        Self(Arc::new(verbs))
    }
}

/// The browser of one visitor, as a door hands it on. Cheap to clone.
#[derive(Clone)]
pub struct ThisBrowser(Arc<dyn Browser>);

impl ThisBrowser {
    pub fn new(browser: impl Browser + 'static) -> Self {
        Self(Arc::new(browser))
    }
}

impl Deref for ThisBrowser {
    type Target = dyn Browser;
    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Deref for Session {
    type Target = dyn Verbs;
    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}
