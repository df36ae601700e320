//! The whole text of a run whose log keeps only the beginning: put back, or said to be missing.

use crate::runs::{CellRun, Output};

/// Puts back what a run printed beyond what is shown inline. `whole` is everything it printed. What still stands in
/// [`CellRun::truncated`] afterwards is missing: all of it where `whole` does not go on from what is shown, for example
/// because the outputs were cleared in between.
pub fn put_back(run: &mut CellRun, whole: &str) {
    let Some((missing, _)) = run.truncated else {
        return;
    };
    let texts: Vec<usize> = (0..run.outputs.len())
        .filter(|at| matches!(run.outputs[*at], Output::Stream { .. }))
        .collect();
    let Some(last) = texts.last().copied() else {
        return;
    };
    let shown: String = run.outputs.iter().filter_map(text).collect();
    if let Some(beyond) = whole.strip_prefix(shown.as_str()) {
        if let Output::Stream { text, .. } = &mut run.outputs[last] {
            text.push_str(beyond);
            run.cursor_back = 0;
        }
        let left = missing.saturating_sub(beyond.len() as u64);
        run.truncated = (left > 0).then_some((left, None));
    } else if let ([_], Some((prefix, beyond))) = (&texts[..], cut(whole, missing))
        && let Output::Stream { name, .. } = run.outputs[last]
    {
        // Progress bars: what is shown is what a terminal made of the beginning.
        let mut terminal = CellRun::default();
        terminal.append_stream(name, prefix);
        if terminal.outputs.first() == Some(&run.outputs[last]) {
            terminal.append_stream(name, beyond);
            run.outputs.splice(last..=last, terminal.outputs);
            run.cursor_back = 0;
            run.truncated = None;
        }
    }
}

/// A text before and after what its last bytes are.
fn cut(whole: &str, last: u64) -> Option<(&str, &str)> {
    let at = whole.len().checked_sub(usize::try_from(last).ok()?)?;
    whole.split_at_checked(at)
}

/// What readers of a file are told of outputs that are not in it.
pub(super) fn missing(run: &CellRun) -> Option<String> {
    let (bytes, _) = run.truncated.as_ref()?;
    Some(format!(
        "{} more of output is not in this file",
        size(*bytes)
    ))
}

fn text(output: &Output) -> Option<&str> {
    match output {
        Output::Stream { text, .. } => Some(text),
        _ => None,
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes.div_ceil(1_024)),
        _ => format!("{} MiB", bytes.div_ceil(1_048_576)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::StreamName;

    fn run(texts: &[(StreamName, &str)], missing: u64) -> CellRun {
        let stream = |(name, text): &(StreamName, &str)| Output::Stream {
            name: *name,
            text: (*text).to_owned(),
        };
        CellRun {
            outputs: texts.iter().map(stream).collect(),
            truncated: Some((missing, Some("0".repeat(64)))),
            ..CellRun::default()
        }
    }

    fn texts(run: &CellRun) -> Vec<&str> {
        run.outputs.iter().filter_map(text).collect()
    }

    const OUT: StreamName = StreamName::Stdout;
    const ERR: StreamName = StreamName::Stderr;

    #[test]
    fn the_rest_goes_behind_the_last_text_that_is_shown() {
        let mut both = run(&[(OUT, "a\n"), (ERR, "b")], 4);
        put_back(&mut both, "a\nb\nc\nd");
        assert_eq!(
            (texts(&both), &both.truncated),
            (vec!["a\n", "b\nc\nd"], &None)
        );
        let mut bar = run(&[(OUT, "start\n 10%")], 9);
        put_back(&mut bar, "start\n 5%\r 10%\r 100%\nend");
        assert_eq!(
            (texts(&bar), &bar.truncated),
            (vec!["start\n 100%\nend"], &None)
        );
    }

    #[test]
    fn what_cannot_be_put_back_is_still_said_to_be_missing() {
        let mut more = run(&[(OUT, "a")], 2_000_000);
        put_back(&mut more, "abc");
        assert_eq!(
            (texts(&more), &more.truncated),
            (vec!["abc"], &Some((1_999_998, None)))
        );
        assert_eq!(
            missing(&more).unwrap(),
            "2 MiB more of output is not in this file"
        );
        let cleared = run(&[(OUT, "after")], 10);
        let mut same = cleared.clone();
        for whole in [
            "before\rthe outputs were cleared, after more",
            "before the outputs were cleared, after",
        ] {
            put_back(&mut same, whole);
            assert_eq!(same, cleared);
        }
    }
}
