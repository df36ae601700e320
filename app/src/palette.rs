//! The command palette: pages, spaces, notebooks and everything the open page can do, one key away.

mod view;

use std::sync::Arc;

use leptos::prelude::*;

pub use view::PaletteView;

/// Where a command stands in the palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What the open page can do.
    Do,
    GoTo,
    /// Choices that last.
    Set,
}

impl Group {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Do => "Do",
            Self::GoTo => "Go to",
            Self::Set => "Set",
        }
    }
}

/// What choosing a command does.
#[derive(Clone)]
pub enum Run {
    /// Go to an address of ours.
    Go(String),
    Do(Arc<dyn Fn() + Send + Sync>),
}

/// One line of the palette.
#[derive(Clone)]
pub struct Command {
    /// Unique among the commands of the page.
    pub id: String,
    pub group: Group,
    pub title: String,
    /// A name of the icon sprite.
    pub icon: &'static str,
    /// Its own keys as the help writes them: `Shift Enter`, `G H`, `Up or K`.
    pub keys: Option<String>,
    /// A word or two at the end of the line: where it is, what it costs.
    pub hint: Option<String>,
    pub run: Run,
}

impl Command {
    /// A verb of the open page.
    pub fn verb(
        id: impl Into<String>,
        title: impl Into<String>,
        icon: &'static str,
        run: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            id: id.into(),
            group: Group::Do,
            title: title.into(),
            icon,
            keys: None,
            hint: None,
            run: Run::Do(Arc::new(run)),
        }
    }

    /// A place.
    pub fn place(href: impl Into<String>, title: impl Into<String>, icon: &'static str) -> Self {
        let href = href.into();
        Self {
            id: href.clone(),
            group: Group::GoTo,
            title: title.into(),
            icon,
            keys: None,
            hint: None,
            run: Run::Go(href),
        }
    }

    pub fn keys(mut self, keys: impl Into<String>) -> Self {
        self.keys = Some(keys.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The commands of the open page and the palette itself; from [`use_commands`].
#[derive(Clone, Copy)]
pub struct Commands {
    list: RwSignal<Vec<Command>>,
    open: RwSignal<bool>,
}

impl Commands {
    /// Adds commands for as long as the component that adds them is on the page; one with a known id replaces it.
    pub fn add(self, commands: Vec<Command>) {
        let ids: Vec<String> = commands.iter().map(|command| command.id.clone()).collect();
        self.list.update(|list| {
            list.retain(|command| !ids.contains(&command.id));
            list.extend(commands);
        });
        on_cleanup(move || {
            let _ = self
                .list
                .try_update(|list| list.retain(|command| !ids.contains(&command.id)));
        });
    }

    /// Opens the palette, or closes it.
    pub fn toggle(self) {
        self.open.update(|open| *open = !*open);
    }

    pub(crate) fn listed(self) -> Vec<Command> {
        self.list.get()
    }

    pub(crate) fn opened(self) -> RwSignal<bool> {
        self.open
    }
}

pub(crate) fn provide_commands() {
    provide_context(Commands {
        list: RwSignal::new(Vec::new()),
        open: RwSignal::new(false),
    });
}

/// The palette of this page.
pub fn use_commands() -> Commands {
    expect_context::<Commands>()
}

/// A title in pieces: those that were typed, and those between.
pub(crate) fn pieces(title: &str, typed: &str) -> Vec<(bool, String)> {
    let letters: Vec<char> = title.chars().collect();
    // Letter by letter, so that the places are those of the title: some letters change their length when they are small.
    let small = |c: char| c.to_lowercase().next().unwrap_or(c);
    let plain: Vec<char> = letters.iter().map(|c| small(*c)).collect();
    let mut marked = vec![false; letters.len()];
    for word in typed.split_whitespace() {
        let word: Vec<char> = word.chars().map(small).collect();
        let places: Vec<usize> = (0..plain.len())
            .filter(|at| plain[*at..].starts_with(&word))
            .collect();
        let begins = |at: &&usize| **at == 0 || !plain[**at - 1].is_alphanumeric();
        if let Some(at) = places.iter().find(begins).or(places.first()) {
            marked[*at..at + word.len()].fill(true);
            continue;
        }
        let mut from = 0;
        for letter in word {
            if let Some(at) = (from..plain.len()).find(|at| plain[*at] == letter) {
                marked[at] = true;
                from = at + 1;
            }
        }
    }
    let mut pieces: Vec<(bool, String)> = Vec::new();
    for (letter, mark) in letters.into_iter().zip(marked) {
        match pieces.last_mut() {
            Some((last, piece)) if *last == mark => piece.push(letter),
            _ => pieces.push((mark, letter.to_string())),
        }
    }
    pieces
}

/// How well a title answers what was typed; `None` when it does not. Less is better.
pub(crate) fn rank(title: &str, typed: &str) -> Option<usize> {
    let title = title.to_lowercase();
    let typed = typed.trim().to_lowercase();
    if title.starts_with(&typed) {
        return Some(0);
    }
    let mut worst = 1;
    for word in typed.split_whitespace() {
        if title
            .split(|c: char| !c.is_alphanumeric())
            .any(|part| part.starts_with(word))
        {
            continue;
        }
        worst = match title.find(word) {
            Some(_) => worst.max(2),
            None if is_scattered(&title, word) => worst.max(3),
            None => return None,
        };
    }
    Some(worst)
}

/// Do the letters come in this order, with others between?
fn is_scattered(title: &str, word: &str) -> bool {
    let mut letters = title.chars();
    word.chars().count() > 2
        && word
            .chars()
            .all(|letter| letters.any(|other| other == letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_title_ranks_before_its_middle() {
        assert_eq!(rank("Run all cells", "run"), Some(0));
        assert_eq!(rank("Run all cells", "cells run"), Some(1));
        assert_eq!(rank("Interrupt", "rupt"), Some(2));
        assert_eq!(rank("Restart and run all", "rrall"), Some(3));
        assert_eq!(rank("Home", "zebra"), None);
        assert_eq!(rank("Home", ""), Some(0));
    }

    #[test]
    fn what_was_typed_is_marked_where_it_was_found() {
        let marked = |title, typed| -> String {
            let pieces = pieces(title, typed).into_iter();
            pieces
                .map(|(mark, piece)| if mark { format!("[{piece}]") } else { piece })
                .collect()
        };
        assert_eq!(marked("Run all cells", "run"), "[Run] all cells");
        assert_eq!(marked("Prerun and run", "run"), "Prerun and [run]");
        assert_eq!(marked("Interrupt", "rupt"), "Inter[rupt]");
        assert_eq!(marked("Restart", "rtt"), "[R]es[t]ar[t]");
        assert_eq!(marked("İstanbul Über", "über"), "İstanbul [Über]");
        assert_eq!(marked("Home", ""), "Home");
    }
}
