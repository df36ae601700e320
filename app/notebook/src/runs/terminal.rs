//! Stream text as a terminal shows it.

/// Appends `text` to `shown`, `back` bytes before whose end the cursor stands (on its last line).
/// Whether the text was only appended, and nothing shown before it changed.
///
/// What stands right of the cursor is held aside, last character first: moving the cursor over a character costs one
/// push, and it moves left only over what was written since, so the whole is linear in the text.
pub(super) fn append(shown: &mut String, back: &mut usize, text: &str) -> bool {
    let before = shown.len();
    if *back == 0 && !text.contains(['\r', '\u{8}']) {
        shown.push_str(text);
        return true;
    }
    let mut line = shown.rfind('\n').map_or(0, |at| at + 1);
    // A stored cursor is trusted no further than the line.
    let mut cursor = shown.len().saturating_sub(*back).max(line);
    while !shown.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let mut least = cursor.min(before);
    let mut right: Vec<char> = shown[cursor..].chars().rev().collect();
    shown.truncate(cursor);
    for c in text.chars() {
        match c {
            '\r' => {
                right.extend(shown[line..].chars().rev());
                shown.truncate(line);
            }
            '\u{8}' => {
                if shown.len() > line
                    && let Some(stepped_over) = shown.pop()
                {
                    right.push(stepped_over);
                }
            }
            '\n' => {
                shown.extend(right.drain(..).rev());
                shown.push('\n');
                line = shown.len();
            }
            c => {
                if right.pop().is_some() {
                    least = least.min(shown.len());
                }
                shown.push(c);
            }
        }
    }
    *back = right.iter().map(|c| c.len_utf8()).sum();
    shown.extend(right.into_iter().rev());
    least >= before
}
