//! The design system: one component per row of the design language. Knows Leptos and the page, nothing of the domain.
//!
//! The looks live in `style/ui/`, one partial per component with the same class names.
//! Everything draws the same on the server and in the browser: what only a browser knows is filled in after mount.

mod ask;
mod avatar;
mod button;
mod dialog;
pub mod dom;
mod feedback;
mod field;
mod icon;
mod menu;
mod tabs;
mod time;
mod toast;

pub use ask::AskFirst;
pub use avatar::{Avatar, Avatars, initials, tint};
pub use button::{Button, ButtonKind, ButtonSize, IconButton};
pub use dialog::{Dialog, DialogFoot};
pub use feedback::{Badge, Banner, Empty, Kbd, Keys, Progress, Skeleton, Spinner, Tone};
pub use field::{Field, Input, PasswordInput, Select, TextArea};
pub use icon::{Icon, Icons, Mark};
pub use menu::{Menu, MenuItem, MenuLink, MenuSeparator};
pub use tabs::{Tab, TabLink, TabLinks, Tabs};
pub use time::{Time, absolute};
pub use toast::{Toast, Toasts, ToastsView, provide_toasts, use_toasts};
