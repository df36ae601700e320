//! Order keys: between any two keys there is another, and appending keeps them short.
//!
//! A key is a whole number and a fraction, both in base 62 and both comparable as text. The first letter tells how
//! long the number is (`a`: one digit, `b`: two, …; `Z`: one digit below zero, `Y`: two, …), so that ten thousand
//! appended cells need four characters. A fraction never ends in `0`: else there would be no key right above it.

use serde::{Deserialize, Serialize};

use crate::limits;

/// Where a cell stands: a key of base-62 digits compared as text; between any two keys there is another.
/// Cells with equal keys (two people inserting at one spot at once) are ordered by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Order(String);

impl Order {
    /// A key between two others; `None` is the end on that side. Keys stay short under appending and prepending.
    /// Where `before` is not less than `after`, the key is right behind `before`.
    pub fn between(before: Option<&Order>, after: Option<&Order>) -> Order {
        let key = match (before, after) {
            (None, None) => "a0".to_owned(),
            (Some(before), None) => after_number(&before.0),
            (None, Some(after)) => before_number(&after.0),
            (Some(before), Some(after)) if before < after => between_keys(&before.0, &after.0),
            (Some(before), Some(_)) => behind(&before.0),
        };
        Order(key)
    }

    /// `count` keys between two others, ascending and spread evenly: a thousand are two or three characters longer than
    /// one is, where each behind the last would be hundreds. Where `before` is not less than `after`, all are right
    /// behind `before`.
    pub fn spread(before: Option<&Order>, after: Option<&Order>, count: usize) -> Vec<Order> {
        let mut keys = Vec::with_capacity(count);
        match (before, after) {
            (None, Some(_)) => {
                for _ in 0..count {
                    let next = Order::between(None, keys.last().or(after));
                    keys.push(next);
                }
                keys.reverse();
            }
            (_, None) => {
                for _ in 0..count {
                    let next = Order::between(keys.last().or(before), None);
                    keys.push(next);
                }
            }
            (Some(low), Some(high)) if low < high => bisect(low, high, count, &mut keys),
            (Some(low), Some(_)) => {
                let last = Order::between(before, after);
                if let Some(others) = count.checked_sub(1) {
                    bisect(low, &last, others, &mut keys);
                    keys.push(last);
                }
            }
        }
        keys
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A key that no batch may carry: so many cells were put into one gap, one by one.
    pub(crate) fn is_too_long(&self) -> bool {
        self.0.len() > limits::ORDER_BYTES
    }

    /// Keys for `count` cells in a row, from the first on.
    pub fn row(count: usize) -> impl Iterator<Item = Order> {
        Order::spread(None, None, count).into_iter()
    }
}

impl TryFrom<String> for Order {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        const REASON: &str = "an order key is a letter, its digits and a fraction, in base 62";
        if text.len() > limits::ORDER_BYTES {
            return Err("an order key is at most 256 characters long");
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(REASON);
        }
        let length = number_length(&text).ok_or(REASON)?;
        if text.len() < length || (text.len() > length && text.ends_with('0')) || is_smallest(&text)
        {
            return Err(REASON);
        }
        Ok(Self(text))
    }
}

impl From<Order> for String {
    fn from(order: Order) -> Self {
        order.0
    }
}

/// The key in the middle with what belongs on each side of it. Never deeper than the count has binary digits.
fn bisect(low: &Order, high: &Order, count: usize, keys: &mut Vec<Order>) {
    let Some(others) = count.checked_sub(1) else {
        return;
    };
    let middle = Order::between(Some(low), Some(high));
    bisect(low, &middle, others / 2, keys);
    keys.push(middle.clone());
    bisect(&middle, high, others - others / 2, keys);
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn digit(byte: u8) -> usize {
    match byte {
        b'0'..=b'9' => usize::from(byte - b'0'),
        b'A'..=b'Z' => usize::from(byte - b'A') + 10,
        _ => usize::from(byte.saturating_sub(b'a')) + 36,
    }
}

/// Length of the whole number with its letter; `None` where the key does not start with a letter.
fn number_length(key: &str) -> Option<usize> {
    match key.bytes().next()? {
        head @ b'a'..=b'z' => Some(usize::from(head - b'a') + 2),
        head @ b'A'..=b'Z' => Some(usize::from(b'Z' - head) + 2),
        _ => None,
    }
}

fn split(key: &str) -> (&str, &str) {
    key.split_at(number_length(key).unwrap_or(0).min(key.len()))
}

/// The next whole number; `None` above the largest.
fn increment(number: &str) -> Option<String> {
    let mut bytes = number.as_bytes().to_vec();
    for at in (1..bytes.len()).rev() {
        let value = digit(bytes[at]);
        if value < 61 {
            bytes[at] = DIGITS[value + 1];
            return String::from_utf8(bytes).ok();
        }
        bytes[at] = b'0';
    }
    match bytes[0] {
        b'Z' => Some("a0".to_owned()),
        b'z' => None,
        head => {
            bytes[0] = head + 1;
            if head >= b'a' {
                bytes.push(b'0')
            } else {
                bytes.truncate(bytes.len() - 1)
            }
            String::from_utf8(bytes).ok()
        }
    }
}

/// The whole number before; `None` below the smallest.
fn decrement(number: &str) -> Option<String> {
    let mut bytes = number.as_bytes().to_vec();
    for at in (1..bytes.len()).rev() {
        let value = digit(bytes[at]);
        if value > 0 {
            bytes[at] = DIGITS[value - 1];
            return String::from_utf8(bytes).ok();
        }
        bytes[at] = b'z';
    }
    match bytes[0] {
        b'a' => Some("Zz".to_owned()),
        b'A' => None,
        head => {
            bytes[0] = head - 1;
            if head <= b'Z' {
                bytes.push(b'z')
            } else {
                bytes.truncate(bytes.len() - 1)
            }
            String::from_utf8(bytes).ok()
        }
    }
}

/// Between two fractions (`None`: one). `low < high`, neither ends in `0`.
fn middle(low: &str, high: Option<&str>) -> String {
    if let Some(high) = high {
        let shared = high
            .bytes()
            .enumerate()
            .take_while(|&(at, byte)| low.as_bytes().get(at).copied().unwrap_or(b'0') == byte)
            .count();
        if shared > 0 {
            let (head, tail) = high.split_at(shared);
            let low = low.get(shared..).unwrap_or("");
            return format!("{head}{}", middle(low, Some(tail)));
        }
    }
    let first = low.bytes().next().map_or(0, digit);
    let last = high.and_then(|high| high.bytes().next()).map_or(62, digit);
    if last > first + 1 {
        return char::from(DIGITS[(first + last).div_ceil(2)]).to_string();
    }
    match high {
        Some(high) if high.len() > 1 => high[..1].to_owned(),
        _ => format!(
            "{}{}",
            char::from(DIGITS[first]),
            middle(low.get(1..).unwrap_or(""), None)
        ),
    }
}

fn behind(before: &str) -> String {
    let (number, fraction) = split(before);
    format!("{number}{}", middle(fraction, None))
}

fn after_number(before: &str) -> String {
    let (number, _) = split(before);
    increment(number).unwrap_or_else(|| behind(before))
}

fn before_number(after: &str) -> String {
    let (number, fraction) = split(after);
    if is_smallest(number) {
        return format!("{number}{}", middle("", Some(fraction)));
    }
    if !fraction.is_empty() {
        return number.to_owned();
    }
    match decrement(number) {
        Some(previous) if is_smallest(&previous) => behind(&previous),
        Some(previous) => previous,
        None => behind(number),
    }
}

/// The smallest number is no key by itself: nothing could stand before it.
fn is_smallest(number: &str) -> bool {
    number.starts_with('A') && number.bytes().skip(1).all(|byte| byte == b'0')
}

fn between_keys(before: &str, after: &str) -> String {
    let (low, low_fraction) = split(before);
    let (high, high_fraction) = split(after);
    if low == high {
        return format!("{low}{}", middle(low_fraction, Some(high_fraction)));
    }
    match increment(low) {
        Some(next) if next.as_str() < after => next,
        _ => format!("{low}{}", middle(low_fraction, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> Order {
        Order::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn appended_and_prepended_keys_stay_short() {
        let mut low = Order::between(None, None);
        let mut high = low.clone();
        for _ in 0..20_000 {
            let next = Order::between(Some(&high), None);
            assert!(next > high);
            high = next;
            let previous = Order::between(None, Some(&low));
            assert!(previous < low);
            low = previous;
        }
        assert!(high.as_str().len() <= 4, "{}", high.as_str());
        assert!(low.as_str().len() <= 4, "{}", low.as_str());
    }

    #[test]
    fn there_is_a_valid_key_between_any_two() {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut keys = vec![Order::between(None, None)];
        for _ in 0..2_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let at = (random >> 33) as usize % (keys.len() + 1);
            let before = at.checked_sub(1).map(|at| &keys[at]);
            let key = Order::between(before, keys.get(at));
            assert!(
                before.is_none_or(|before| *before < key),
                "{before:?} {key:?}"
            );
            assert!(
                keys.get(at).is_none_or(|after| key < *after),
                "{key:?} {:?}",
                keys.get(at)
            );
            assert_eq!(order(key.as_str()), key);
            keys.insert(at, key);
        }
    }

    #[test]
    fn keys_spread_in_a_gap_ascend_and_stay_short() {
        let narrow = (order("a0V"), order("a0W"));
        let wide = (order("a0"), order("a5"));
        let long = order(&format!("a0{}", "z".repeat(100)));
        let gaps = [
            (None, None),
            (None, Some(&narrow.0)),
            (Some(&narrow.1), None),
            (Some(&narrow.0), Some(&narrow.1)),
            (Some(&wide.0), Some(&wide.1)),
            (Some(&long), Some(&wide.1)),
            (Some(&wide.1), Some(&wide.1)),
        ];
        for (before, after) in gaps {
            for count in [0, 1, 2, 3, 10, 1_000, 50_000] {
                let keys = Order::spread(before, after, count);
                assert_eq!(keys.len(), count);
                assert!(keys.is_sorted_by(|a, b| a < b), "{before:?} {after:?}");
                assert!(before.is_none_or(|before| keys.iter().all(|key| before < key)));
                assert!(after.is_none_or(
                    |after| before >= Some(after) || keys.iter().all(|key| key < after)
                ));
                let ends = [before, after].into_iter().flatten();
                let shortest = ends.map(|end| end.as_str().len()).max().unwrap_or(2);
                for key in &keys {
                    assert_eq!(&order(key.as_str()), key);
                    assert!(key.as_str().len() <= shortest + 6, "{before:?} {key:?}");
                }
            }
        }
    }

    #[test]
    fn keys_that_leave_no_room_are_refused() {
        for bad in ["", "0", "a", "a00", "b0", "aV0", "a0-", "ä0", "9a"] {
            assert!(Order::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(Order::try_from(format!("a0{}", "V".repeat(300))).is_err());
        assert_eq!(order("a0V").as_str(), "a0V");
    }

    #[test]
    fn the_ends_of_the_scale_still_give_keys() {
        let largest = order(&format!("z{}", "z".repeat(26)));
        assert!(Order::between(Some(&largest), None) > largest);
        let zeros = "0".repeat(25);
        assert!(Order::try_from(format!("A{zeros}0")).is_err());
        let mut smallest = order(&format!("A{zeros}1"));
        for _ in 0..20 {
            let smaller = Order::between(None, Some(&smallest));
            assert!(smaller < smallest);
            smallest = order(smaller.as_str());
        }
        assert_eq!(
            Order::between(Some(&order("a1")), Some(&order("a1"))),
            order("a1V")
        );
    }
}
