//! Who is signed in and which spaces they have: asked once, used by the frame and by pages.

use datalayer::{Error, Space, User};
use leptos::prelude::*;

use crate::accounts::calls::who_am_i;
use crate::call::CallError;
use crate::spaces::calls::my_spaces;

/// The household of the signed-in person. Read it inside a `Suspense` or `Transition`.
#[derive(Clone, Copy)]
pub struct House {
    pub me: Resource<Result<User, CallError>>,
    pub spaces: Resource<Result<Vec<Space>, CallError>>,
    version: RwSignal<u32>,
}

impl House {
    /// A space was made, renamed, archived or left: ask again.
    pub fn refresh(self) {
        self.version.update(|version| *version += 1);
    }

    /// `false` only when the studio said so: a lost connection signs nobody out.
    pub(crate) async fn signed_in(self) -> bool {
        self.me.await != Err(CallError::Refused(Error::SignInNeeded))
    }
}

pub(super) fn provide_house() {
    let version = RwSignal::new(0);
    provide_context(House {
        me: Resource::new(move || version.get(), |_| who_am_i()),
        spaces: Resource::new(move || version.get(), |_| my_spaces()),
        version,
    });
}

/// The household of this page.
pub fn use_house() -> House {
    expect_context::<House>()
}
