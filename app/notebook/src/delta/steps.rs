//! Reading deltas piece by piece and building them in normal form.

use super::{Delta, Step, utf16_len};

/// Collects steps in normal form.
#[derive(Default)]
pub(super) struct Builder {
    steps: Vec<Step>,
    /// A retain is written only when something follows it.
    retain: u32,
}

impl Builder {
    pub(super) fn step(&mut self, step: &Step) {
        match step {
            Step::Retain(length) => self.retain(*length),
            Step::Insert(text) => self.insert(text),
            Step::Delete(length) => self.delete(*length),
        }
    }

    pub(super) fn retain(&mut self, length: u32) {
        self.retain = self.retain.saturating_add(length);
    }

    pub(super) fn insert(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.flush();
        // Inserts stand before deletes, so that equal changes have equal steps.
        let at = self.steps.len() - usize::from(matches!(self.steps.last(), Some(Step::Delete(_))));
        match at.checked_sub(1).and_then(|at| self.steps.get_mut(at)) {
            Some(Step::Insert(before)) => before.push_str(text),
            _ => self.steps.insert(at, Step::Insert(text.to_owned())),
        }
    }

    pub(super) fn delete(&mut self, length: u32) {
        if length == 0 {
            return;
        }
        self.flush();
        match self.steps.last_mut() {
            Some(Step::Delete(before)) => *before = before.saturating_add(length),
            _ => self.steps.push(Step::Delete(length)),
        }
    }

    pub(super) fn finish(mut self) -> Delta {
        self.steps.shrink_to_fit();
        Delta(self.steps)
    }

    fn flush(&mut self) {
        if self.retain > 0 {
            self.steps.push(Step::Retain(self.retain));
            self.retain = 0;
        }
    }
}

/// A step, or what is left of it.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    Retain(u32),
    /// The text and its length.
    Insert(&'a str, u32),
    Delete(u32),
}

pub(super) struct Reader<'a> {
    steps: std::slice::Iter<'a, Step>,
    part: Option<Part<'a>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(steps: &'a [Step]) -> Self {
        let mut reader = Self {
            steps: steps.iter(),
            part: None,
        };
        reader.skip();
        reader
    }

    pub(super) fn peek(&self) -> Option<Part<'a>> {
        self.part
    }

    pub(super) fn deletes(&self) -> bool {
        matches!(self.part, Some(Part::Delete(_)))
    }

    /// On to the next step.
    pub(super) fn skip(&mut self) {
        self.part = self.steps.next().map(|step| match step {
            Step::Retain(length) => Part::Retain(*length),
            Step::Insert(text) => Part::Insert(text, utf16_len(text)),
            Step::Delete(length) => Part::Delete(*length),
        });
    }

    /// Takes `length` of a retain or a delete.
    pub(super) fn take(&mut self, length: u32) {
        match &mut self.part {
            Some(Part::Retain(left) | Part::Delete(left)) if *left > length => *left -= length,
            _ => self.skip(),
        }
    }

    /// Takes `length` units of an insert, and whether the cut was between two characters.
    pub(super) fn take_text(&mut self, length: u32) -> (&'a str, bool) {
        let Some(Part::Insert(text, left)) = self.part else {
            return ("", true);
        };
        if length >= left {
            self.skip();
            return (text, true);
        }
        let (at, units) = byte_at(text, length);
        let (head, tail) = text.split_at(at);
        if tail.is_empty() {
            self.skip();
        } else {
            self.part = Some(Part::Insert(tail, left - units));
        }
        (head, units == length)
    }

    /// Writes everything that is left.
    pub(super) fn drain(&mut self, out: &mut Builder) {
        while let Some(part) = self.part {
            match part {
                Part::Retain(length) => out.retain(length),
                Part::Insert(text, _) => out.insert(text),
                Part::Delete(length) => out.delete(length),
            }
            self.skip();
        }
    }
}

/// The part of a text that was not read yet.
pub(super) struct TextReader<'a>(pub(super) &'a str);

impl<'a> TextReader<'a> {
    /// `None` past the end or inside a surrogate pair.
    pub(super) fn take(&mut self, length: u32) -> Option<&'a str> {
        // A unit is at least one byte, so this many bytes are enough to look at.
        let near = self.0.as_bytes().get(..length as usize)?;
        let at = if near.is_ascii() {
            length as usize
        } else {
            let (at, units) = byte_at(self.0, length);
            if units != length {
                return None;
            }
            at
        };
        let (head, tail) = self.0.split_at(at);
        self.0 = tail;
        Some(head)
    }
}

/// The byte at which `length` units are read or just exceeded, and the units up to there.
fn byte_at(text: &str, length: u32) -> (usize, u32) {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        if units >= length {
            return (at, units);
        }
        units += c.len_utf16() as u32;
    }
    (text.len(), units)
}
