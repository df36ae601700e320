//! Spaces: the notebooks of a team, its members and their roles.

pub mod calls;
mod cards;
mod frame;
mod list;
mod members;
mod new;
mod notebooks;
mod overview;
mod roles;
mod settings;

pub(crate) use cards::NotebookCards;
pub use list::{NewSpaceForm, SpacesPage};
pub use members::MembersPage;
pub use new::NewMenu;
pub use notebooks::{NotebookList, NotebooksPage};
pub use overview::SpacePage;
pub use roles::{role_verb, role_words};
pub use settings::SpaceSettingsPage;
