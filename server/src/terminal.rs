//! Secrets at the terminal: read without showing them.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, Result, bail};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// One line of standard input. At a terminal it is asked for, and not shown while it is typed.
pub fn password() -> Result<String> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return line();
    }
    eprint!("Password: ");
    std::io::stderr().flush().ok();
    let shown = tcgetattr(&stdin).context("password-stdin: this terminal cannot be asked")?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Now, &hidden)
        .context("password-stdin: this terminal cannot hide what is typed")?;
    let password = line();
    tcsetattr(&stdin, OptionalActions::Now, &shown).ok();
    eprintln!();
    password
}

fn line() -> Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut text)
        .context("password-stdin: standard input is not UTF-8 text")?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        bail!("password-stdin: there was no password on standard input");
    }
    Ok(password.to_owned())
}
