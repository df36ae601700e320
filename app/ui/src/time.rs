//! Moments: an absolute date from the server, in the reader's own words after mount.

use leptos::prelude::*;

use crate::dom;

/// A moment. The server and the first paint say it in UTC; after mount it is "4 min ago", "yesterday 17:20" or "18 Nov" in the
/// reader's own zone, with the whole of it in the tooltip.
#[component]
pub fn Time(
    /// Microseconds since 1970.
    at: i64,
) -> impl IntoView {
    let words = RwSignal::new(short(at));
    let whole = RwSignal::new(absolute(at));
    Effect::new(move |_| {
        words.set(dom::local_words(at));
        whole.set(dom::local_whole(at));
    });
    view! {
        <time datetime=iso(at) title=move || whole.get()>{move || words.get()}</time>
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

struct Civil {
    year: i64,
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

/// Days to a date of the Gregorian calendar, after Howard Hinnant's "chrono-compatible low-level date algorithms".
fn civil(microseconds: i64) -> Civil {
    let seconds = microseconds.div_euclid(1_000_000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    Civil {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month: usize::try_from(month).unwrap_or(1),
        day: day_of_year - (153 * shifted + 2) / 5 + 1,
        hour: rest / 3_600,
        minute: rest / 60 % 60,
        second: rest % 60,
    }
}

/// "22 Nov 2026, 20:15 UTC".
pub fn absolute(microseconds: i64) -> String {
    let at = civil(microseconds);
    format!(
        "{} {} {}, {:02}:{:02} UTC",
        at.day,
        MONTHS[at.month - 1],
        at.year,
        at.hour,
        at.minute
    )
}

fn short(microseconds: i64) -> String {
    let at = civil(microseconds);
    format!("{} {} {}", at.day, MONTHS[at.month - 1], at.year)
}

fn iso(microseconds: i64) -> String {
    let at = civil(microseconds);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        at.year, at.month, at.day, at.hour, at.minute, at.second
    )
}

/// The words for a moment, given now and both moments' clock readings in the reader's zone.
pub(crate) fn relative(
    seconds_ago: i64,
    days_ago: i64,
    same_year: bool,
    at: (usize, i64, i64, i64, i64),
) -> String {
    let (month, day, year, hour, minute) = at;
    match (seconds_ago, days_ago) {
        (..45, _) => "just now".to_owned(),
        (45..3_600, _) => format!("{} min ago", (seconds_ago / 60).max(1)),
        (_, 0) => format!("{hour}:{minute:02}"),
        (_, 1) => format!("yesterday {hour}:{minute:02}"),
        _ if same_year => format!("{day} {}", MONTHS[month]),
        _ => format!("{day} {} {year}", MONTHS[month]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_utc() {
        assert_eq!(absolute(0), "1 Jan 1970, 00:00 UTC");
        assert_eq!(absolute(1_795_378_528_000_000), "22 Nov 2026, 20:15 UTC");
        assert_eq!(iso(951_782_399_000_000), "2000-02-28T23:59:59Z");
        assert_eq!(iso(951_782_400_000_000), "2000-02-29T00:00:00Z");
        assert_eq!(iso(-1), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn recent_moments_are_told_by_distance_and_old_ones_by_date() {
        let at = (10, 22, 2026, 9, 5);
        assert_eq!(relative(3, 0, true, at), "just now");
        assert_eq!(relative(245, 0, true, at), "4 min ago");
        assert_eq!(relative(9_000, 0, true, at), "9:05");
        assert_eq!(relative(90_000, 1, true, at), "yesterday 9:05");
        assert_eq!(relative(900_000, 10, true, at), "22 Nov");
        assert_eq!(relative(90_000_000, 1_000, false, at), "22 Nov 2026");
    }
}
