//! What changed between two texts of which only the outcome is known.
//!
//! The search is that of Myers ("An O(ND) Difference Algorithm and Its Variations", 1986) in linear space, first on lines,
//! then on words, then on characters where much changed. It is given so much [`Effort`] and leaves what it did not get to
//! as one replaced piece: texts made to be slow to compare cost no more than others.

use std::collections::BTreeMap;
use std::ops::Range;

use super::steps::Builder;
use super::{Delta, utf16_len};

/// Texts of together so many bytes are compared by character at once.
const SHORT: usize = 1_024;

/// With fewer changes than this within reach, the search would take noise for the text.
const LEAST_REACH: usize = 8;

/// Kept stretches of more bytes than this are no chance: about the length of " and of the ".
const SPLINTER: usize = 12;

/// How much searching comparisons may do together: so many steps, of a few nanoseconds each.
pub(crate) struct Effort(usize);

impl Effort {
    /// For one text. Two of [`SHORT`] get the fewest changes with it, whatever they are.
    pub(crate) const TEXT: usize = 4_000_000;

    /// For all texts of a document.
    pub(crate) fn of_document() -> Self {
        Self(4 * Self::TEXT)
    }

    pub(super) fn of_text() -> Self {
        Self(Self::TEXT)
    }

    #[cfg(test)]
    pub(super) fn of(steps: usize) -> Self {
        Self(steps)
    }
}

/// A stretch of the old text and what stands there in the new one, in bytes. Between two of them the texts are the same.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    old: Range<usize>,
    new: Range<usize>,
}

impl Gap {
    fn bytes(&self) -> usize {
        self.old.len() + self.new.len()
    }
}

/// The smallest stretch outside of which the texts are the same; none where they are the same.
pub(super) fn whole(old: &str, new: &str) -> Vec<Gap> {
    let mut prefix = common(old.bytes(), new.bytes());
    while !old.is_char_boundary(prefix) || !new.is_char_boundary(prefix) {
        prefix -= 1;
    }
    let (old_rest, new_rest) = (&old[prefix..], &new[prefix..]);
    let mut suffix = common(old_rest.bytes().rev(), new_rest.bytes().rev());
    while !old_rest.is_char_boundary(old_rest.len() - suffix)
        || !new_rest.is_char_boundary(new_rest.len() - suffix)
    {
        suffix -= 1;
    }
    let gap = Gap {
        old: prefix..old.len() - suffix,
        new: prefix..new.len() - suffix,
    };
    (gap.bytes() > 0).then_some(gap).into_iter().collect()
}

fn common<T: Eq>(one: impl Iterator<Item = T>, other: impl Iterator<Item = T>) -> usize {
    one.zip(other).take_while(|(a, b)| a == b).count()
}

/// The gaps in which the fewest characters are replaced, as far as the effort suffices.
pub(super) fn gaps(old: &str, new: &str, effort: &mut Effort) -> Vec<Gap> {
    let mut gaps = whole(old, new);
    let bytes: usize = gaps.iter().map(Gap::bytes).sum();
    let cuts: &[Cut] = if bytes <= SHORT {
        &[Cut::Characters]
    } else {
        &[Cut::Lines, Cut::Words, Cut::Characters]
    };
    let mut left = effort.0.min(Effort::TEXT);
    effort.0 -= left;
    for (at, cut) in cuts.iter().enumerate() {
        let mut share = left / (cuts.len() - at);
        left -= share;
        gaps = refine(old, new, gaps, *cut, &mut share);
        left += share;
    }
    effort.0 += left;
    gaps
}

/// Takes back what was kept by chance: little, and less than what is deleted and than what is inserted around it. Two
/// unrelated texts share many letters, and who deleted one of them has not deleted letters of the other.
pub(super) fn without_splinters(gaps: Vec<Gap>) -> Vec<Gap> {
    let mut joined: Vec<Gap> = Vec::with_capacity(gaps.len());
    for mut gap in gaps {
        while let Some(before) = joined.last() {
            let kept = gap.old.start - before.old.end;
            let deleted = before.old.len() + gap.old.len();
            let inserted = before.new.len() + gap.new.len();
            if kept > SPLINTER || kept >= deleted.min(inserted) {
                break;
            }
            (gap.old.start, gap.new.start) = (before.old.start, before.new.start);
            joined.pop();
        }
        joined.push(gap);
    }
    joined
}

pub(super) fn delta(old: &str, new: &str, gaps: &[Gap]) -> Delta {
    let mut out = Builder::default();
    let mut at = 0;
    for gap in gaps {
        out.retain(utf16_len(&old[at..gap.old.start]));
        out.insert(&new[gap.new.clone()]);
        out.delete(utf16_len(&old[gap.old.clone()]));
        at = gap.old.end;
    }
    out.finish()
}

/// What is compared as one.
#[derive(Clone, Copy)]
enum Cut {
    Lines,
    /// Letters and digits that stand together, or one character of another kind.
    Words,
    Characters,
}

impl Cut {
    /// The next piece of a text that is not empty.
    fn first(self, text: &str) -> &str {
        let in_word = |c: char| c.is_alphanumeric() || c == '_';
        let one = text.chars().next().map_or(0, char::len_utf8);
        let end = match self {
            Self::Lines => text.find('\n').map_or(text.len(), |at| at + 1),
            Self::Words => text
                .find(|c| !in_word(c))
                .map_or(text.len(), |at| at.max(one)),
            Self::Characters => one,
        };
        &text[..end]
    }
}

/// Where each piece of a stretch begins and where the last ends; one number for equal pieces.
#[derive(Default)]
struct Pieces {
    starts: Vec<usize>,
    names: Vec<u32>,
}

impl Pieces {
    /// `None` where there are more than `most`.
    fn of<'a>(
        text: &'a str,
        range: &Range<usize>,
        cut: Cut,
        most: usize,
        known: &mut BTreeMap<&'a str, u32>,
    ) -> Option<Self> {
        let mut pieces = Self::default();
        let mut at = range.start;
        while at < range.end {
            if pieces.names.len() == most {
                return None;
            }
            let piece = cut.first(&text[at..range.end]);
            let next = known.len() as u32;
            let name = match cut {
                Cut::Characters => piece.chars().next().map_or(0, u32::from),
                Cut::Lines | Cut::Words => *known.entry(piece).or_insert(next),
            };
            pieces.starts.push(at);
            pieces.names.push(name);
            at += piece.len();
        }
        pieces.starts.push(at);
        Some(pieces)
    }

    fn bytes(&self, pieces: &Range<usize>) -> Range<usize> {
        self.starts[pieces.start]..self.starts[pieces.end]
    }
}

/// Finds in each gap what is the same after all. A gap gets effort by its size.
fn refine(old: &str, new: &str, gaps: Vec<Gap>, cut: Cut, effort: &mut usize) -> Vec<Gap> {
    let mut bytes: usize = gaps.iter().map(Gap::bytes).sum();
    let mut refined = Vec::with_capacity(gaps.len());
    for gap in gaps {
        let share = (*effort as u128 * gap.bytes() as u128 / bytes.max(1) as u128) as usize;
        bytes -= gap.bytes();
        // The search costs about four steps for every piece and every change within reach.
        let most = share / (4 * LEAST_REACH);
        let mut known = BTreeMap::new();
        let pieces = Pieces::of(old, &gap.old, cut, most, &mut known)
            .zip(Pieces::of(new, &gap.new, cut, most, &mut known));
        let Some((a, b)) = pieces.filter(|(a, b)| !a.names.is_empty() && !b.names.is_empty())
        else {
            refined.push(gap);
            continue;
        };
        let count = a.names.len() + b.names.len();
        let reach = (share / (4 * count)).min(count.div_ceil(2) + 1);
        if reach < LEAST_REACH.min(count.div_ceil(2)) {
            refined.push(gap);
            continue;
        }
        let mut search = Search {
            forward: vec![0; 2 * reach + 3],
            backward: vec![0; 2 * reach + 3],
            reach,
            effort: share,
            gaps: Vec::new(),
        };
        search.compare(&a.names, &b.names, 0, 0);
        *effort -= share - search.effort;
        let in_bytes = |(old, new): &(Range<usize>, Range<usize>)| Gap {
            old: a.bytes(old),
            new: b.bytes(new),
        };
        refined.extend(search.gaps.iter().map(in_bytes));
    }
    refined
}

struct Search {
    /// The furthest point on each diagonal, from the start and from the end. Diagonal `k` is at `k + reach + 1`.
    forward: Vec<usize>,
    backward: Vec<usize>,
    /// Most changes looked for from each side at once; where that is too few, the best way so far is taken.
    reach: usize,
    effort: usize,
    /// In pieces.
    gaps: Vec<(Range<usize>, Range<usize>)>,
}

impl Search {
    /// `a` and `b` begin at these pieces of the stretch.
    fn compare(&mut self, mut a: &[u32], mut b: &[u32], mut a_at: usize, mut b_at: usize) {
        loop {
            let prefix = common(a.iter(), b.iter());
            (a, b) = (&a[prefix..], &b[prefix..]);
            (a_at, b_at) = (a_at + prefix, b_at + prefix);
            let suffix = common(a.iter().rev(), b.iter().rev());
            (a, b) = (&a[..a.len() - suffix], &b[..b.len() - suffix]);
            let middle = if a.is_empty() || b.is_empty() {
                None
            } else {
                self.middle(a, b)
            };
            let Some((x, y)) = middle else {
                self.replaced(a_at..a_at + a.len(), b_at..b_at + b.len());
                return;
            };
            self.compare(&a[..x], &b[..y], a_at, b_at);
            (a, b) = (&a[x..], &b[y..]);
            (a_at, b_at) = (a_at + x, b_at + y);
        }
    }

    fn replaced(&mut self, a: Range<usize>, b: Range<usize>) {
        match self.gaps.last_mut() {
            _ if a.is_empty() && b.is_empty() => {}
            Some((old, new)) if old.end == a.start && new.end == b.start => {
                (old.end, new.end) = (a.end, b.end);
            }
            _ => self.gaps.push((a, b)),
        }
    }

    /// A point on a shortest way through two stretches that differ at both ends, and neither their beginning nor their end;
    /// on a good way where it is out of reach. `None` when the effort is used up.
    fn middle(&mut self, a: &[u32], b: &[u32]) -> Option<(usize, usize)> {
        let (n, m) = (a.len() as isize, b.len() as isize);
        let difference = n - m;
        let odd = difference % 2 != 0;
        let zero = self.reach as isize + 1;
        let at = |k: isize| (k + zero) as usize;
        let (forward, backward) = (&mut self.forward, &mut self.backward);
        forward[at(1)] = 0;
        backward[at(1)] = 0;
        let next = |ways: &[usize], d: isize, k: isize| {
            let (right, down) = (ways[at(k - 1)], ways[at(k + 1)]);
            if k == -d || (k != d && right < down) {
                down
            } else {
                right + 1
            }
        };
        for d in 0..=self.reach as isize {
            let mut steps = 0;
            for k in (-d..=d).step_by(2) {
                let x = next(forward, d, k);
                let y = (x as isize - k) as usize;
                let same = match (a.get(x..), b.get(y..)) {
                    (Some(a), Some(b)) => common(a.iter(), b.iter()),
                    _ => 0,
                };
                steps += 1 + same;
                forward[at(k)] = x + same;
                let other = difference - k;
                if odd && other.abs() < d && (x + same + backward[at(other)]) as isize >= n {
                    self.effort = self.effort.saturating_sub(steps);
                    return Some((x, y));
                }
            }
            for k in (-d..=d).step_by(2) {
                let x = next(backward, d, k);
                let y = (x as isize - k) as usize;
                let rest = (a.len().checked_sub(x), b.len().checked_sub(y));
                let same = match rest {
                    (Some(x), Some(y)) => common(a[..x].iter().rev(), b[..y].iter().rev()),
                    _ => 0,
                };
                steps += 1 + same;
                backward[at(k)] = x + same;
                let other = difference - k;
                if !odd && other.abs() <= d && (x + same + forward[at(other)]) as isize >= n {
                    self.effort = self.effort.saturating_sub(steps);
                    return Some((a.len() - x - same, b.len() - y - same));
                }
            }
            self.effort = self.effort.checked_sub(steps)?;
        }
        let d = self.reach as isize;
        let points = (-d..=d).step_by(2).map(|k| {
            let x = self.forward[at(k)];
            (x, (x as isize - k) as usize)
        });
        points
            .filter(|(x, y)| *x <= a.len() && *y <= b.len())
            .max_by_key(|(x, y)| x + y)
    }
}
