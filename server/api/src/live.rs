//! The WebSocket `/live`: one a tab, many notebooks. It authenticates, counts, parses and carries; rooms decide what a message means.

mod frame;
mod outbox;
mod socket;
mod sockets;
mod upgrade;

pub use sockets::Sockets;
pub use upgrade::AuthedSocket;
use upgrade::Shown;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use datalayer::{Caller, Error, NotebookId, Seat, User, Wire};
use futures_util::StreamExt;
use notebook::wire::{self, Hear, Say, ToClient, ToServer, WireError};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::{self, protocol::Message};

use crate::doors::Doors;
use outbox::Outbox;
use socket::Socket;

/// Notebooks one tab may have open.
const SEATS: usize = 32;
/// A tab that says nothing for this long, not even to our pings, is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// How often it is asked whether this sign-in still holds, beside being told when it ends.
const DOUBT: Duration = Duration::from_secs(60);
/// A tab gets this long to answer our closing.
const FAREWELL: Duration = Duration::from_secs(2);

/// `GET /live`
pub async fn enter(State(doors): State<Arc<Doors>>, socket: AuthedSocket) -> Response {
    let AuthedSocket {
        upgrade,
        user,
        caller,
        shown,
        ticket,
    } = socket;
    upgrade.serve(move |socket, outbox| async move {
        let writing = tokio::spawn(Arc::clone(&outbox).keep_writing());
        match ticket {
            Some(ticket) => {
                let _place = doors.sockets.enter(ticket, &outbox);
                Tab {
                    doors: &doors,
                    user,
                    caller,
                    shown,
                    outbox: Arc::clone(&outbox),
                    seats: HashMap::new(),
                }
                .serve(socket)
                .await;
            }
            None => {
                outbox.close(
                    4429,
                    "room.too_many_clients: this person has too many tabs open",
                );
                farewell(socket).await;
            }
        }
        outbox.hang_up();
        writing.await.ok();
    })
}

struct Tab<'a> {
    doors: &'a Doors,
    user: User,
    caller: Caller,
    shown: Shown,
    outbox: Arc<Outbox>,
    seats: HashMap<NotebookId, Box<dyn Seat>>,
}

/// Why a socket ends: the code and words of its closing.
struct Ending(u16, String);

impl Tab<'_> {
    async fn serve(mut self, mut stream: Socket) {
        let mut heard = Instant::now();
        let mut doubted = Instant::now();
        let ending = loop {
            let message = tokio::select! {
                () = self.outbox.closed() => break None,
                message = timeout_at(heard + SILENCE, stream.next()) => message,
            };
            heard = Instant::now();
            if doubted.elapsed() > DOUBT {
                doubted = heard;
                if let Err(ending) = self.still_welcome().await {
                    break Some(ending);
                }
            }
            let frame = match message {
                Err(_) => {
                    break Some(Ending(
                        1001,
                        "nothing was heard of this tab for 30 seconds".to_owned(),
                    ));
                }
                Ok(None) => return,
                Ok(Some(Err(error))) => break Some(unreadable(error)),
                Ok(Some(Ok(Message::Close(_)))) => return,
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => continue,
                Ok(Some(Ok(Message::Text(_)))) => {
                    break Some(Ending(
                        1003,
                        "text frames are not understood here; send binary ones".to_owned(),
                    ));
                }
                Ok(Some(Ok(Message::Binary(frame)))) => frame,
            };
            if let Err(ending) = self.hear(&frame).await {
                break Some(ending);
            }
        };
        // The seats go first: no room speaks to a tab that is leaving.
        self.seats.clear();
        if let Some(Ending(code, reason)) = ending {
            self.outbox.close(code, &reason);
        }
        farewell(stream).await;
    }

    async fn hear(&mut self, frame: &Bytes) -> Result<(), Ending> {
        let ToServer { notebook, say } = wire::decode(frame).map_err(malformed)?;
        let Ok(id) = notebook.parse::<NotebookId>() else {
            self.refuse(
                notebook,
                4404,
                &Error::not_found(datalayer::Noun::Notebook),
                false,
            );
            return Ok(());
        };
        if matches!(say, Say::Run { .. } | Say::Restart { run_all: true })
            && let Err(error) = self.doors.limits.run(&self.user.id)
        {
            self.sorry(notebook, &error);
            return Ok(());
        }
        match say {
            Say::Join { .. } => {
                self.join(id, say).await;
                Ok(())
            }
            Say::Leave => {
                self.seats.remove(&id);
                Ok(())
            }
            say => match self.seats.get(&id) {
                Some(seat) => seat
                    .hear(say)
                    .await
                    .map_err(|error| Ending(close_code(&error), words(&error))),
                None => {
                    self.refuse(
                        notebook,
                        4404,
                        &Error::not_found(datalayer::Noun::Notebook),
                        true,
                    );
                    Ok(())
                }
            },
        }
    }

    async fn join(&mut self, id: NotebookId, say: Say) {
        // Joining again is leaving first: a tab has one seat a notebook.
        self.seats.remove(&id);
        if self.seats.len() >= SEATS {
            let error = Error::conflict(
                "room.too_many_notebooks",
                format!("a tab may have {SEATS} notebooks open"),
            );
            return self.refuse(id.to_string(), 4429, &error, false);
        }
        if !self.doors.limits.may_join(&self.user.id) {
            return self.refuse(
                id.to_string(),
                4429,
                &Error::TooMany { retry_after: 10 },
                true,
            );
        }
        let may = match self.doors.ledger.rights(&id, &self.user.id).await {
            Ok(may) if may.view => match self.caller.scopes() {
                Some(scopes) => may.and(scopes.most()),
                None => may,
            },
            Ok(_) => {
                return self.refuse(
                    id.to_string(),
                    4404,
                    &Error::not_found(datalayer::Noun::Notebook),
                    false,
                );
            }
            Err(error) => return self.refuse_for(id, &error),
        };
        let wire = Arc::clone(&self.outbox);
        match self
            .doors
            .live
            .join(self.caller.clone(), may, &id, say, wire)
            .await
        {
            Ok(seat) => {
                self.seats.insert(id, seat);
            }
            Err(error) => self.refuse_for(id, &error),
        }
    }

    /// A cookie or a token that no longer lets anybody in closes the socket it opened.
    async fn still_welcome(&self) -> Result<(), Ending> {
        let caller = match &self.shown {
            Shown::Cookie(secret) => self.doors.house.caller_of(secret.expose()).await,
            Shown::Token(token) => self.doors.house.caller_with(token.expose()).await,
        };
        match caller {
            Ok(Caller::Nobody) => Err(Ending(
                4401,
                "sign_in.ended: this sign-in is over".to_owned(),
            )),
            Err(error @ Error::NotAccepted { .. }) => Err(Ending(4401, words(&error))),
            // A database that does not answer now says nothing about anybody.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn sorry(&self, notebook: String, error: &Error) {
        let hear = Hear::Sorry {
            code: error.code(),
            message: error.to_string(),
        };
        if let Ok(frame) = serde_json::to_vec(&ToClient { notebook, hear }) {
            Wire::send(&*self.outbox, frame.into());
        }
    }

    fn refuse_for(&self, id: NotebookId, error: &Error) {
        let again = matches!(
            error,
            Error::Unavailable { .. } | Error::TooMany { .. } | Error::Broken { .. }
        );
        self.refuse(id.to_string(), close_code(error), error, again);
    }

    fn refuse(&self, notebook: String, code: u16, error: &Error, again: bool) {
        let closed = ToClient {
            notebook,
            hear: Hear::Closed {
                code,
                message: error.to_string(),
                again,
            },
        };
        if let Ok(frame) = serde_json::to_vec(&closed) {
            Wire::send(&*self.outbox, frame.into());
        }
    }
}

/// After our closing frame, the tab's own: without waiting for it, what we said last could be lost on the way.
async fn farewell(mut stream: Socket) {
    let deadline = Instant::now() + FAREWELL;
    while let Ok(Some(Ok(message))) = timeout_at(deadline, stream.next()).await {
        if matches!(message, Message::Close(_)) {
            break;
        }
    }
}

fn malformed(error: WireError) -> Ending {
    Ending(4400, format!("{}: {error}", error.code()))
}

fn unreadable(error: tungstenite::Error) -> Ending {
    match error {
        tungstenite::Error::Capacity(_) => Ending(
            1009,
            "message too large (limit 1 MiB, frames 256 KiB)".to_owned(),
        ),
        _ => Ending(
            1002,
            "the connection was cut or did not speak WebSocket".to_owned(),
        ),
    }
}

fn close_code(error: &Error) -> u16 {
    match error {
        Error::Invalid { .. } => 4400,
        Error::SignInNeeded | Error::NotAccepted { .. } => 4401,
        Error::Forbidden { .. } => 4403,
        Error::NotFound { .. } => 4404,
        Error::Conflict { .. } => 4409,
        Error::Gone { .. } => 4410,
        Error::Stale { .. } => 4412,
        Error::TooLarge { .. } => 4413,
        Error::TooMany { .. } => 4429,
        Error::Unavailable { .. } => 4503,
        Error::Broken { .. } => 1011,
    }
}

fn words(error: &Error) -> String {
    format!("{}: {error}", error.code())
}
