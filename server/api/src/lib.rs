//! The doors of the studio: REST, plain forms, uploads and the WebSocket, all thin adapters over the verbs.
//!
//! Every route stands in one table ([`routes::table`]) with who may knock and what it reads; the layers in [`layers`] hold for
//! every answer of the studio, the pages' included. No rule lives here: `service` says no, and a [`problem::Problem`] carries it out.

mod accounts;
mod address;
mod audit;
mod bearer;
mod body;
mod cookie;
mod doors;
mod forms;
mod json;
mod layers;
mod limits;
mod live;
mod notebooks;
mod openapi;
mod problem;
mod provider;
mod reports;
mod routes;
mod sessions;
mod spaces;
mod tokens;
mod usercontent;
mod versions;
mod visitor;

pub use address::{Peer, client};
pub use body::bounded;
pub use cookie::CookieMode;
pub use doors::{Doors, House, Settings};
pub use layers::{RequestId, around_everything, page_policy};
pub use openapi::described;
pub use problem::Problem;
pub use routes::{Auth, Entry, Reads, router, table};
pub use sessions::visiting;
pub use visitor::Me;
