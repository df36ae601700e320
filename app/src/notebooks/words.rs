//! Times, sizes and names as the screen says them.

use leptos::prelude::*;
use notebook::runs::{Output, RunState};
use notebook::{CellId, CellKind};

use super::screen::{CellModel, Screen};

/// 640 ms, 1.8 s, 42 s, 1 min 12, 2 h 05.
pub fn duration(microseconds: i64) -> String {
    let milliseconds = (microseconds / 1000).max(0);
    match milliseconds {
        0..=999 => format!("{milliseconds} ms"),
        1_000..=9_999 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        10_000..=59_999 => format!("{} s", milliseconds / 1000),
        60_000..=3_599_999 => format!(
            "{} min {:02}",
            milliseconds / 60_000,
            milliseconds / 1000 % 60
        ),
        _ => format!(
            "{} h {:02}",
            milliseconds / 3_600_000,
            milliseconds / 60_000 % 60
        ),
    }
}

/// 0:42, 12:05, 1:02:03: time that goes on.
pub fn elapsed(microseconds: i64) -> String {
    let seconds = (microseconds / 1_000_000).max(0);
    if seconds < 3600 {
        format!("{}:{:02}", seconds / 60, seconds % 60)
    } else {
        format!(
            "{}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    }
}

/// 512 B, 1.5 kB, 31 MB, 9.8 GB.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let (mut value, mut unit) = (count as f64 / 1000.0, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value < 9.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

/// 1st, 2nd, 3rd, 4th, 11th, 21st.
pub fn ordinal(number: usize) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// Where a waiting cell stands: `1st in the queue`.
pub fn in_queue(screen: &Screen, cell: &CellModel, id: &CellId) -> Option<String> {
    let waits = cell.run.with(|run| run.state == Some(RunState::Queued));
    let place = waits.then(|| screen.place_in_queue(id)).flatten()?;
    Some(format!("{} in the queue", ordinal(place)))
}

/// The second line of the gutter: how long it took, how long it has been going, or its place in the queue.
pub fn run_time(screen: &Screen, cell: &CellModel, id: &CellId) -> String {
    cell.run.with(|run| match run.state {
        Some(RunState::Queued) => screen.place_in_queue(id).map(ordinal).unwrap_or_default(),
        Some(RunState::Running) => match (run.started_at, screen.clock.get()) {
            (Some(started), now) if now > 0 => elapsed(now - started),
            _ => String::new(),
        },
        _ => match (run.started_at, run.ended_at) {
            (Some(started), Some(ended)) => duration(ended - started),
            _ => String::new(),
        },
    })
}

/// `Code cell 3, failed`.
pub fn cell_label(screen: &Screen, cell: &CellModel, id: &CellId) -> String {
    let kind = match cell.kind.get() {
        CellKind::Code => "Code cell",
        CellKind::Markdown => "Text cell",
        CellKind::Raw => "Raw cell",
    };
    let place = screen.place(id);
    let state = cell.run.with(|run| match run.state {
        Some(RunState::Running) => ", running",
        Some(RunState::Queued) => ", queued",
        Some(RunState::Failed) => ", failed",
        Some(RunState::Interrupted) => ", interrupted",
        Some(RunState::Cancelled) => ", cancelled",
        _ => "",
    });
    match in_queue(screen, cell, id) {
        Some(queue) => format!("{kind} {place}{state}, {queue}"),
        None => format!("{kind} {place}{state}"),
    }
}

/// About how high a cell will be, in pixels, before it was ever laid out. Afterwards the browser knows.
pub fn guessed_height(cell: &CellModel) -> u32 {
    const LINE: usize = 20;
    let lines = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let source = cell.source.with_untracked(|source| lines(source)) * LINE + 40;
    let outputs: usize = cell.outputs.with_untracked(|outputs| {
        let height = |output: &ArcRwSignal<Output>| {
            output.with_untracked(|output| match output {
                Output::Stream { text, .. } => (lines(text) * LINE).min(480),
                Output::Error { .. } => 300,
                _ => 320,
            })
        };
        outputs.iter().map(height).sum()
    });
    let later = match cell.later.get_untracked() {
        None => 0,
        Some(bytes) => usize::try_from(bytes / 3).unwrap_or(480).clamp(40, 480),
    };
    u32::try_from(source + outputs + later).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sizes_and_places_read_as_the_design_writes_them() {
        let cases = [
            (640_000, "640 ms"),
            (1_800_000, "1.8 s"),
            (42_000_000, "42 s"),
            (72_000_000, "1 min 12"),
            (7_500_000_000, "2 h 05"),
            (-5, "0 ms"),
        ];
        for (time, words) in cases {
            assert_eq!(duration(time), words);
        }
        for (number, words) in [
            (1, "1st"),
            (2, "2nd"),
            (3, "3rd"),
            (11, "11th"),
            (112, "112th"),
            (23, "23rd"),
        ] {
            assert_eq!(ordinal(number), words);
        }
        assert_eq!(elapsed(42_000_000), "0:42");
        assert_eq!(elapsed(3_723_000_000), "1:02:03");
        for (count, words) in [
            (512, "512 B"),
            (1_500, "1.5 kB"),
            (31_000_000, "31 MB"),
            (9_800_000_000, "9.8 GB"),
            (999_999, "1.0 MB"),
        ] {
            assert_eq!(bytes(count), words);
        }
    }
}
