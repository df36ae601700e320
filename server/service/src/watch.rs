//! The watch: sessions and tokens that someone else ended on the same database, and those old enough to be forgotten.
//!
//! An operator's `reset-password` beside a running server, or another server on one Postgres, changes rows this process
//! did not write. Its sockets must close all the same, so the server looks every two seconds.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use datalayer::{Key, Result, Timestamp};

use crate::House;
use crate::garbage::GRACE;
use crate::house::Inner;

const EVERY: Duration = Duration::from_secs(2);
/// How far back each look goes: two processes' clocks and a slow commit may be this far apart.
const OVERLAP_SECONDS: i64 = 120;
/// Looks between two times of forgetting (an hour).
const FORGET_EVERY: u64 = 1800;
/// Sessions that are over are listed for 90 days in the database, for whoever looks into an incident.
const KEPT_SECONDS: i64 = 90 * 24 * 60 * 60;

/// Ends by itself when the house is gone.
pub(crate) fn start(house: &House) {
    let weak: Weak<Inner> = Arc::downgrade(&house.0);
    tokio::spawn(async move {
        let mut announced = HashSet::new();
        let mut looks = 0_u64;
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(inner) = weak.upgrade() else { return };
            let house = House(inner);
            if let Err(error) = look(&house, &mut announced).await {
                tracing::debug!(%error, "could not look for ended sessions");
            }
            if looks.is_multiple_of(FORGET_EVERY) {
                let before = house.now().plus_seconds(-KEPT_SECONDS);
                if let Err(error) = house.collect_garbage(GRACE).await {
                    tracing::warn!(%error, "outputs nobody shows any more could not be deleted; the next hour tries again");
                }
                if let Err(error) = forget(&house, before).await {
                    tracing::debug!(%error, "could not forget old sessions and tokens");
                }
            }
            looks += 1;
        }
    });
}

async fn forget(house: &House, before: Timestamp) -> Result<()> {
    house.forget_grants().await?;
    house.0.db.forget_sessions(before).await?;
    house.0.db.forget_tokens(before).await?;
    Ok(())
}

async fn look(house: &House, announced: &mut HashSet<Key>) -> Result<()> {
    let (db, since) = (&house.0.db, house.now().plus_seconds(-OVERLAP_SECONDS));
    let sessions = db.sessions_ended_after(since).await?;
    let tokens = db.tokens_ended_after(since).await?;
    let ended: Vec<_> = sessions
        .into_iter()
        .map(|(session, user, _)| (Key::Session(session), user))
        .chain(
            tokens
                .into_iter()
                .map(|(token, user)| (Key::Token(token), user)),
        )
        .collect();
    let mut seen = HashSet::with_capacity(ended.len());
    let mut users = HashSet::new();
    for (key, user) in ended {
        if !announced.contains(&key) {
            house.announce_ended([key.clone()]);
            users.insert(user);
        }
        seen.insert(key);
    }
    *announced = seen;
    for user in users {
        house.announce_rights(&user).await;
    }
    Ok(())
}
