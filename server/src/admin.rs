//! `datalayer admin …`: what whoever holds the data directory does without a sign-in.
//!
//! The commands open the data beside a running server (`House::open_beside`), so none has to be stopped for them. Each
//! returns the lines to print.

use datalayer::{AuditEntry, NewUser, Result, User};
use service::{AuditCheck, House};

/// Creates a person. Without a password one is made up and shown once.
pub async fn create_user(
    house: &House,
    username: &str,
    name: &str,
    administrator: bool,
    password: Option<String>,
) -> Result<String> {
    let (password, shown) = given_or_made(password)?;
    let new = NewUser {
        username: username.to_owned(),
        name: name.to_owned(),
        password,
        administrator,
    };
    let user = house.add_user(new).await?;
    let kind = if user.administrator {
        "administrator "
    } else {
        ""
    };
    Ok(format!(
        "created {kind}{}{}",
        user.username,
        shown_line(&shown)
    ))
}

/// Gives a person a new password and ends all their sessions and tokens. Without a password one is made up and shown once.
pub async fn reset_password(
    house: &House,
    username: &str,
    password: Option<String>,
) -> Result<String> {
    let (password, shown) = given_or_made(password)?;
    let user = house.reset_password(username, password).await?;
    Ok(format!(
        "new password for {}; every session and token of theirs has ended{}",
        user.username,
        shown_line(&shown)
    ))
}

/// One line per person, the newest first.
pub async fn list_users(house: &House) -> Result<String> {
    let everyone = house.all_users().await?;
    if everyone.is_empty() {
        return Ok(
            "nobody yet: create the first administrator, or open the set-up link the server prints"
                .to_owned(),
        );
    }
    let width = everyone
        .iter()
        .map(|user| user.username.len())
        .max()
        .unwrap_or(0);
    let line = |user: &User| {
        let kind = match (user.disabled_at, user.administrator) {
            (Some(_), _) => "disabled",
            (None, true) => "administrator",
            (None, false) => "",
        };
        format!(
            "{:<width$}  {:<13}  {}  {}",
            user.username, kind, user.id, user.name
        )
        .trim_end()
        .to_owned()
    };
    Ok(everyone.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// The last entries of the audit log, the newest last, one a line.
pub async fn audit(house: &House, count: i64) -> Result<String> {
    let mut entries = house.last_audits(count.clamp(1, 100_000)).await?;
    entries.reverse();
    let line = |entry: &AuditEntry| {
        let AuditEntry {
            number,
            at,
            actor,
            action,
            object,
            detail,
            ..
        } = entry;
        format!(
            "{number}  {}  {actor}  {action}  {object}  {detail}",
            at.0 / 1_000_000
        )
        .trim_end()
        .to_owned()
    };
    Ok(entries.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// Whether the audit log is whole. One that is not is an error.
pub async fn verify_audit(house: &House) -> anyhow::Result<String> {
    let check = house.check_audit().await?;
    let AuditCheck {
        entries,
        hash,
        broken,
    } = check;
    match broken {
        None => Ok(format!(
            "the audit log is whole: {entries} entries\nlast hash: {hash}\nkeep it somewhere else, to see later that nobody wrote the log anew"
        )),
        Some((number, why)) => anyhow::bail!(
            "the audit log is broken at entry {number}: {why}; {entries} entries before it are whole. \
             Compare with a backup from before, and find out who can write this database"
        ),
    }
}

/// Lets a new key sign what the Hub is told.
pub async fn rotate_signing_key(house: &House) -> Result<String> {
    let key = house.rotate_signing_key().await?;
    Ok(format!(
        "sign-ins at the Hub are signed with the key {key} from now on; the one before is published for another hour"
    ))
}

/// The password, and what of it is to be shown.
fn given_or_made(password: Option<String>) -> Result<(String, Option<String>)> {
    match password {
        Some(password) => Ok((password, None)),
        None => {
            let made = iam::shown_password()?;
            Ok((made.clone(), Some(made)))
        }
    }
}

fn shown_line(shown: &Option<String>) -> String {
    shown
        .as_ref()
        .map(|password| format!("\npassword (shown once): {password}"))
        .unwrap_or_default()
}
