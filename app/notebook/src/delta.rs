//! Text deltas: retain, insert, delete; lengths in UTF-16 code units.

use serde::{Deserialize, Serialize};

/// One step of a delta. On the wire a positive number retains, a negative number deletes, a string inserts
/// (the compact form of ottypes/text-unicode): `[5, "abc", -2]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WireStep", into = "WireStep")]
pub enum Step {
    Retain(u32),
    Insert(String),
    Delete(u32),
}

/// A change of one text. What follows the last step is retained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Delta(Vec<Step>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WireStep {
    Length(i64),
    Text(String),
}

impl TryFrom<WireStep> for Step {
    type Error = &'static str;
    fn try_from(_step: WireStep) -> Result<Self, Self::Error> {
        todo!()
    }
}

impl From<Step> for WireStep {
    fn from(_step: Step) -> Self {
        todo!()
    }
}

impl Delta {
    /// Builds a normal form: neighbours merged, empty steps and trailing retains dropped, inserts before deletes.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let _ = steps.into_iter();
        todo!()
    }
    /// Replace `delete` units at `offset` by `insert`.
    pub fn splice(_offset: u32, _delete: u32, _insert: &str) -> Self {
        todo!()
    }
    /// The smallest single splice that turns one text into another (common prefix and suffix kept, pairs never cut).
    pub fn diff(_from: &str, _to: &str) -> Self {
        todo!()
    }
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// `None` where the delta runs past the end or cuts a surrogate pair.
    pub fn apply(&self, _text: &str) -> Option<String> {
        todo!()
    }
    /// One delta for this one and then `next`.
    pub fn compose(&self, _next: &Delta) -> Delta {
        todo!()
    }
    /// What undoes this delta, given the text it was made on.
    pub fn invert(&self, _text: &str) -> Option<Delta> {
        todo!()
    }
    /// Both deltas made on one text: `self` and `other` so that each stands after the other. At one spot, `self`'s insert comes first.
    pub fn transform(&self, _other: &Delta) -> (Delta, Delta) {
        todo!()
    }
    /// Where a position goes. `stick_right`: a position at an insert moves behind it.
    pub fn move_position(&self, _position: u32, _stick_right: bool) -> u32 {
        todo!()
    }
}

/// Length in UTF-16 code units.
pub fn utf16_len(text: &str) -> u32 {
    text.chars().map(|c| c.len_utf16() as u32).sum()
}
