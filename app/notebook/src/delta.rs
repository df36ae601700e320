//! Text deltas: retain, insert, delete; lengths in UTF-16 code units.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod diff;
mod steps;

pub(crate) use diff::Effort;
use steps::{Builder, Part, Reader, TextReader};

/// One step of a delta. On the wire a positive number retains, a negative number deletes, a string inserts
/// (the compact form of ottypes/text-unicode): `[5, "abc", -2]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WireStep", into = "WireStep")]
pub enum Step {
    Retain(u32),
    Insert(String),
    Delete(u32),
}

/// Most bytes of a step beside its text: a number, or quotes, and a comma.
const LENGTH_BYTES: usize = 12;

/// A change of one text. What follows the last step is retained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta(Vec<Step>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WireStep {
    Length(i64),
    Text(String),
}

impl TryFrom<WireStep> for Step {
    type Error = &'static str;
    fn try_from(step: WireStep) -> Result<Self, Self::Error> {
        const LENGTH: &str = "a length in a delta is at most 4294967295";
        match step {
            WireStep::Length(0) => Err("a step of length 0 says nothing"),
            WireStep::Length(length) if length > 0 => {
                Ok(Self::Retain(u32::try_from(length).map_err(|_| LENGTH)?))
            }
            WireStep::Length(length) => Ok(Self::Delete(
                u32::try_from(length.unsigned_abs()).map_err(|_| LENGTH)?,
            )),
            WireStep::Text(text) if text.is_empty() => Err("an empty insert says nothing"),
            WireStep::Text(text) => Ok(Self::Insert(text)),
        }
    }
}

impl From<Step> for WireStep {
    fn from(step: Step) -> Self {
        match step {
            Step::Retain(length) => Self::Length(i64::from(length)),
            Step::Delete(length) => Self::Length(-i64::from(length)),
            Step::Insert(text) => Self::Text(text),
        }
    }
}

impl Serialize for Delta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Delta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let steps = Vec::<Step>::deserialize(deserializer)?;
        let (mut before, mut after) = (0_u64, 0_u64);
        for step in &steps {
            match step {
                Step::Retain(length) => {
                    before += u64::from(*length);
                    after += u64::from(*length);
                }
                Step::Delete(length) => before += u64::from(*length),
                Step::Insert(text) => after += text.len() as u64,
            }
        }
        if before.max(after) > u64::from(u32::MAX) {
            return Err(serde::de::Error::custom(
                "the delta is longer than any text",
            ));
        }
        Ok(Self::new(steps))
    }
}

impl Delta {
    /// Builds a normal form: neighbours merged, empty steps and trailing retains dropped, inserts before deletes.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let mut builder = Builder::default();
        for step in steps {
            builder.step(&step);
        }
        builder.finish()
    }

    /// Replace `delete` units at `offset` by `insert`.
    pub fn splice(offset: u32, delete: u32, insert: &str) -> Self {
        let mut builder = Builder::default();
        builder.retain(offset);
        builder.insert(insert);
        builder.delete(delete);
        builder.finish()
    }

    /// The single splice that turns one text into the other: what lies between their common beginning and end is replaced.
    pub fn replacement(from: &str, to: &str) -> Self {
        diff::delta(from, to, &diff::whole(from, to))
    }

    /// The fewest characters deleted and inserted that turn one text into the other. Where the texts are long and differ
    /// so much that finding them would take long, larger pieces than needed are replaced.
    pub fn diff(from: &str, to: &str) -> Self {
        diff::delta(from, to, &diff::gaps(from, to, &mut Effort::of_text()))
    }

    /// As [`Delta::diff`], but what two unrelated pieces of text have in common by chance counts as replaced: the edits
    /// that have most likely been made.
    pub(crate) fn likely(from: &str, to: &str, effort: &mut Effort) -> Self {
        let gaps = diff::gaps(from, to, effort);
        diff::delta(from, to, &diff::without_splinters(gaps))
    }

    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Does the text it inserts hold this character?
    pub(crate) fn inserts(&self, character: char) -> bool {
        let inserts = |step: &Step| matches!(step, Step::Insert(text) if text.contains(character));
        self.0.iter().any(inserts)
    }

    /// The same with `\n` for every `\r\n` and `\r` it inserts.
    pub(crate) fn with_line_feeds(self) -> Self {
        if !self.inserts('\r') {
            return self;
        }
        Self::new(self.0.into_iter().map(|step| match step {
            Step::Insert(text) => Step::Insert(crate::line_feeds(&text)),
            other => other,
        }))
    }

    /// `None` where the delta runs past the end or cuts a surrogate pair.
    pub fn apply(&self, text: &str) -> Option<String> {
        let inserted: usize = self
            .0
            .iter()
            .map(|step| {
                if let Step::Insert(text) = step {
                    text.len()
                } else {
                    0
                }
            })
            .sum();
        let mut result = String::with_capacity(text.len() + inserted);
        let mut reader = TextReader(text);
        for step in &self.0 {
            match step {
                Step::Retain(length) => result.push_str(reader.take(*length)?),
                Step::Insert(text) => result.push_str(text),
                Step::Delete(length) => {
                    reader.take(*length)?;
                }
            }
        }
        result.push_str(reader.0);
        // A large deletion must not keep its room.
        if result.capacity() > 2 * result.len() + 64 {
            result.shrink_to_fit();
        }
        Some(result)
    }

    /// One delta for this one and then `next`. A cut through a pair that `self` inserted takes the whole character.
    pub fn compose(&self, next: &Delta) -> Delta {
        self.compose_exact(next).0
    }

    /// [`Delta::compose`], and whether `next` fits what `self` inserted.
    pub(crate) fn compose_exact(&self, next: &Delta) -> (Delta, bool) {
        let (mut first, mut second) = (Reader::new(&self.0), Reader::new(&next.0));
        let mut out = Builder::default();
        let mut exact = true;
        loop {
            match (first.peek(), second.peek()) {
                (Some(Part::Delete(length)), _) => {
                    out.delete(length);
                    first.skip();
                }
                (_, Some(Part::Insert(text, _))) => {
                    out.insert(text);
                    second.skip();
                }
                (_, None) => {
                    first.drain(&mut out);
                    return (out.finish(), exact);
                }
                (None, _) => {
                    second.drain(&mut out);
                    return (out.finish(), exact);
                }
                (Some(Part::Retain(mine)), Some(Part::Retain(theirs))) => {
                    let length = mine.min(theirs);
                    out.retain(length);
                    first.take(length);
                    second.take(length);
                }
                (Some(Part::Retain(mine)), Some(Part::Delete(theirs))) => {
                    let length = mine.min(theirs);
                    out.delete(length);
                    first.take(length);
                    second.take(length);
                }
                (
                    Some(Part::Insert(_, mine)),
                    Some(keep @ (Part::Retain(theirs) | Part::Delete(theirs))),
                ) => {
                    let length = mine.min(theirs);
                    let (text, fits) = first.take_text(length);
                    exact &= fits;
                    if matches!(keep, Part::Retain(_)) {
                        out.insert(text);
                    }
                    second.take(length);
                }
            }
        }
    }

    /// What undoes this delta, given the text it was made on.
    pub fn invert(&self, text: &str) -> Option<Delta> {
        let mut reader = TextReader(text);
        let mut out = Builder::default();
        for step in &self.0 {
            match step {
                Step::Retain(length) => {
                    reader.take(*length)?;
                    out.retain(*length);
                }
                Step::Insert(text) => out.delete(utf16_len(text)),
                Step::Delete(length) => out.insert(reader.take(*length)?),
            }
        }
        Some(out.finish())
    }

    /// Both deltas made on one text: `self` and `other` so that each stands after the other. At one spot, `self`'s insert comes first.
    pub fn transform(&self, other: &Delta) -> (Delta, Delta) {
        let (mut mine, mut theirs) = (Reader::new(&self.0), Reader::new(&other.0));
        let (mut my, mut their) = (Builder::default(), Builder::default());
        loop {
            match (mine.peek(), theirs.peek()) {
                (Some(Part::Insert(text, length)), _) => {
                    my.insert(text);
                    their.retain(length);
                    mine.skip();
                }
                (_, Some(Part::Insert(text, length))) => {
                    my.retain(length);
                    their.insert(text);
                    theirs.skip();
                }
                (None, _) => {
                    theirs.drain(&mut their);
                    return (my.finish(), their.finish());
                }
                (_, None) => {
                    mine.drain(&mut my);
                    return (my.finish(), their.finish());
                }
                (
                    Some(Part::Retain(m) | Part::Delete(m)),
                    Some(Part::Retain(t) | Part::Delete(t)),
                ) => {
                    let length = m.min(t);
                    match (mine.deletes(), theirs.deletes()) {
                        (false, false) => {
                            my.retain(length);
                            their.retain(length);
                        }
                        (true, false) => my.delete(length),
                        (false, true) => their.delete(length),
                        (true, true) => {}
                    }
                    mine.take(length);
                    theirs.take(length);
                }
            }
        }
    }

    /// About how many bytes it is when written down; `bytes` says it of a character.
    pub(crate) fn weight(&self, bytes: impl Fn(char) -> usize) -> usize {
        let steps = self.0.iter().map(|step| match step {
            Step::Insert(text) => LENGTH_BYTES + text.chars().map(&bytes).sum::<usize>(),
            Step::Retain(_) | Step::Delete(_) => LENGTH_BYTES,
        });
        steps.sum()
    }

    /// A first part of at most so many bytes, but at least one character or deletion, and the rest, which goes after it.
    pub(crate) fn split(&self, room: usize, bytes: impl Fn(char) -> usize) -> (Delta, Delta) {
        let (mut first, mut rest) = (Builder::default(), Builder::default());
        // Bytes of the first part, and how far it has come in the text it makes.
        let (mut used, mut written) = (0, 0_u32);
        let (mut changes, mut full) = (false, false);
        for step in &self.0 {
            if full {
                rest.step(step);
                continue;
            }
            let Step::Insert(text) = step else {
                if changes && used + LENGTH_BYTES > room {
                    full = true;
                    rest.retain(written);
                    rest.step(step);
                    continue;
                }
                used += LENGTH_BYTES;
                first.step(step);
                match step {
                    Step::Retain(length) => written = written.saturating_add(*length),
                    _ => changes = true,
                }
                continue;
            };
            used += LENGTH_BYTES;
            let mut cut = text.len();
            for (at, character) in text.char_indices() {
                let more = bytes(character);
                if changes && used + more > room {
                    cut = at;
                    break;
                }
                used += more;
                changes = true;
            }
            let (head, tail) = text.split_at(cut);
            first.insert(head);
            written = written.saturating_add(utf16_len(head));
            if !tail.is_empty() {
                full = true;
                rest.retain(written);
                rest.insert(tail);
            }
        }
        (first.finish(), rest.finish())
    }

    /// Where a position goes. `stick_right`: a position at an insert moves behind it.
    pub fn move_position(&self, position: u32, stick_right: bool) -> u32 {
        let mut at = 0_u32;
        let mut moved = position;
        for step in &self.0 {
            if at > position {
                break;
            }
            match step {
                Step::Retain(length) => at = at.saturating_add(*length),
                Step::Insert(text) => {
                    if at < position || stick_right {
                        moved = moved.saturating_add(utf16_len(text));
                    }
                }
                Step::Delete(length) => {
                    moved -= (*length).min(position - at);
                    at = at.saturating_add(*length);
                }
            }
        }
        moved
    }

    /// One delta for many in a row, and whether each fits what those before it inserted. Pairs of neighbours are
    /// composed, then pairs of those: ten thousand keystrokes cost no more than reading them a few times.
    pub(crate) fn compose_all(mut deltas: Vec<Delta>) -> (Delta, bool) {
        let mut exact = true;
        while deltas.len() > 1 {
            deltas = deltas
                .chunks(2)
                .map(|pair| match pair {
                    [first, second] => {
                        let (composed, fits) = first.compose_exact(second);
                        exact &= fits;
                        composed
                    }
                    _ => pair[0].clone(),
                })
                .collect();
        }
        (deltas.pop().unwrap_or_default(), exact)
    }
}

/// Length in UTF-16 code units.
pub fn utf16_len(text: &str) -> u32 {
    if text.is_ascii() {
        return u32::try_from(text.len()).unwrap_or(u32::MAX);
    }
    text.chars().map(|c| c.len_utf16() as u32).sum()
}

#[cfg(test)]
mod tests;
