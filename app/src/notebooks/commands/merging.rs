//! Merging cells into one, and cutting one in two.

use leptos::prelude::*;
use notebook::{CellKind, Delta, Map, Operation};
use serde_json::Value;

use super::super::link;
use super::super::screen::Screen;
use super::{edit, go, new_cell};

/// Makes one cell of the selected ones; of the active one and the next, where only one is selected.
pub(super) fn merge(screen: Screen) {
    let mut selected = screen.selection();
    if selected.len() == 1 {
        let next = screen.order.with_untracked(|order| {
            let place = order.iter().position(|id| Some(id) == selected.first())?;
            order.get(place + 1).cloned()
        });
        selected.extend(next);
    }
    let Some((first, others)) = selected.split_first() else {
        return;
    };
    if others.is_empty() {
        return;
    }
    link::with(|link| {
        let document = link.document();
        let mut attachments = document
            .cell(first)
            .map(|cell| cell.attachments.clone())
            .unwrap_or_default();
        let mut tail = String::new();
        let mut operations = Vec::new();
        for id in others {
            let Some(cell) = document.cell(id) else {
                continue;
            };
            // Text cells are paragraphs of one text; code is lines of one text.
            tail.push_str(if cell.kind == CellKind::Markdown {
                "\n\n"
            } else {
                "\n"
            });
            let (source, taken) = take_along(&mut attachments, &cell.source, &cell.attachments);
            tail.push_str(&source);
            operations.extend(
                taken
                    .into_iter()
                    .map(|(name, value)| Operation::SetAttachment {
                        cell: first.clone(),
                        name,
                        value: Some(value),
                    }),
            );
        }
        let end = link.length_of(first);
        operations.push(Operation::EditSource {
            cell: first.clone(),
            delta: Delta::splice(end, 0, &tail),
        });
        let gone = others.iter().cloned();
        operations.extend(gone.map(|cell| Operation::DeleteCell { cell }));
        link.edit(operations);
    });
    // Nothing of the text is lost: the next key is a command.
    screen.torn_at.set_value(0.0);
    go(screen, Some(first.clone()), false);
}

/// Adds a cell's attachments to those kept so far. Returns its text and what is new: a name that means another picture already
/// becomes a free one, in the text too.
fn take_along(kept: &mut Map, source: &str, attachments: &Map) -> (String, Vec<(String, Value)>) {
    let mut source = source.to_owned();
    let mut taken = Vec::new();
    for (name, value) in attachments {
        if kept.get(name) == Some(value) {
            continue;
        }
        let free = (2..)
            .map(|number| format!("{number}-{name}"))
            .find(|free| !kept.contains_key(free) && !attachments.contains_key(free));
        let name = match free {
            Some(free) if kept.contains_key(name) => {
                let (old, new) = (format!("attachment:{name}"), format!("attachment:{free}"));
                source = source.replace(&old, &new);
                free
            }
            _ => name.clone(),
        };
        kept.insert(name.clone(), value.clone());
        taken.push((name, value.clone()));
    }
    (source, taken)
}

/// Cuts the active cell at the caret; what stands behind it is a cell of its own.
pub(super) fn split(screen: Screen) {
    let Some(cell) = screen.active.get_untracked() else {
        return;
    };
    let new = new_cell();
    let done = link::with(|link| {
        let Some(at) = link.caret() else { return false };
        let Some(whole) = link.document().cell(&cell) else {
            return false;
        };
        let units: Vec<u16> = whole.source.encode_utf16().collect();
        let at = (at as usize).min(units.len());
        // A line break at the cut belongs to neither half.
        let (mut from, mut to) = (at, at);
        if units.get(to) == Some(&10) {
            to += 1;
        } else if from > 0 && units.get(from - 1) == Some(&10) {
            from -= 1;
        }
        let (Ok(tail), kind) = (String::from_utf16(&units[to..]), whole.kind) else {
            return false;
        };
        // The pictures its text shows go along; the first half keeps its own, which may be the same.
        let shown = |(name, _): &(&String, &Value)| tail.contains(&format!("attachment:{name}"));
        let attachments = whole.attachments.iter().filter(shown);
        let attachments = attachments
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let order = link.document().order_after(Some(&cell));
        link.edit(vec![
            Operation::EditSource {
                cell: cell.clone(),
                delta: Delta::splice(from as u32, (units.len() - from) as u32, ""),
            },
            Operation::InsertCell {
                cell: new.clone(),
                kind,
                order,
                source: tail,
                metadata: Map::new(),
                attachments,
            },
        ]);
        true
    });
    if done == Some(true) {
        screen.select(Some(new));
        edit(screen, Some(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(names: &[(&str, &str)]) -> Map {
        let pictures = names.iter().map(|(name, picture)| {
            let name = (*name).to_owned();
            (name, serde_json::json!({ "image/png": picture }))
        });
        pictures.collect()
    }

    #[test]
    fn pictures_go_along_with_a_merged_text() {
        let mut kept = pictures(&[("a.png", "one"), ("b.png", "two")]);
        let source = "![](attachment:a.png) ![](attachment:b.png) ![](attachment:c.png)";
        let added = pictures(&[("a.png", "other"), ("b.png", "two"), ("c.png", "three")]);
        let (source, taken) = take_along(&mut kept, source, &added);
        assert_eq!(
            source,
            "![](attachment:2-a.png) ![](attachment:b.png) ![](attachment:c.png)"
        );
        let names: Vec<&str> = taken.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["2-a.png", "c.png"]);
        assert_eq!(kept.len(), 4);
    }
}
