//! Avatars: initials on a person's tint, the same tint wherever they appear.

use leptos::prelude::*;

/// One or two letters of a name.
pub fn initials(name: &str) -> String {
    let mut words = name
        .split(|c: char| c.is_whitespace() || matches!(c, '-' | '_' | '.'))
        .filter(|word| !word.is_empty());
    let first = words.next().and_then(|word| word.chars().next());
    let last = words.next_back().and_then(|word| word.chars().next());
    let letters: String = match (first, last) {
        (Some(first), Some(last)) => [first, last].iter().collect(),
        (Some(_), None) => name.trim().chars().take(2).collect(),
        _ => "?".to_owned(),
    };
    letters.to_uppercase()
}

/// Which of the eight people's colours belongs to this id: `w1` to `w8`. Stable across machines and releases, and the same as the
/// one rooms prefer for the person's caret (`notebook::presence::color_of`).
pub fn tint(id: &str) -> &'static str {
    const TINTS: [&str; 8] = ["w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8"];
    // FNV-1a: short ids that differ in their last letters spread well.
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    // The top bits alone hardly move for the last letters; a final mix spreads them over all.
    let mixed = (hash ^ (hash >> 15)).wrapping_mul(0x85eb_ca6b);
    TINTS[(mixed >> 29) as usize]
}

/// A person as a small round of initials.
#[component]
pub fn Avatar(
    #[prop(into)] name: String,
    /// What the colour is taken from: an id rather than the name, so that a renamed person keeps their colour.
    #[prop(into)]
    id: String,
    /// 16, 20, 24, 28, 32 or 40.
    #[prop(default = 24)]
    size: u8,
    /// Here now.
    #[prop(optional, into)]
    live: Signal<bool>,
    /// Here, but silent for a while.
    #[prop(optional, into)]
    idle: Signal<bool>,
    /// The name stands beside it, so screen readers need not hear it twice.
    #[prop(optional)]
    decorative: bool,
) -> impl IntoView {
    let class = format!(
        "av {}{}",
        tint(&id),
        if size == 24 {
            String::new()
        } else {
            format!(" av--{size}")
        }
    );
    let letters = initials(&name);
    let label = (!decorative).then(|| name.clone());
    view! {
        <span
            class=class
            class:is-live=move || live.get()
            class:is-idle=move || idle.get()
            title=name
            role=(!decorative).then_some("img")
            aria-label=label
            aria-hidden=decorative.then_some("true")
        >
            {letters}
        </span>
    }
}

/// A row of people; beyond five, how many more.
#[component]
pub fn Avatars(
    /// Id and name of each.
    #[prop(into)]
    people: Signal<Vec<(String, String)>>,
    #[prop(default = 20)] size: u8,
) -> impl IntoView {
    const SHOWN: usize = 5;
    let label = move || {
        people
            .get()
            .into_iter()
            .map(|(_, name)| name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let class = if size == 24 {
        String::new()
    } else {
        format!("av--{size}")
    };
    view! {
        <span class="avs" role="img" aria-label=label>
            {move || {
                let people = people.get();
                let more = people.len().saturating_sub(SHOWN);
                let class = format!("av avs__more {class}");
                view! {
                    {people
                        .into_iter()
                        .take(SHOWN)
                        .map(|(id, name)| view! { <Avatar id name size decorative=true/> })
                        .collect_view()}
                    {(more > 0).then(|| view! { <span class=class aria-hidden="true">"+" {more}</span> })}
                }
            }}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_last_word() {
        assert_eq!(initials("Maren Oduya"), "MO");
        assert_eq!(initials("Ada King Lovelace"), "AL");
        assert_eq!(initials("grace"), "GR");
        assert_eq!(initials("ß"), "SS");
        assert_eq!(initials("  "), "?");
    }

    #[test]
    fn a_tint_is_stable_and_all_eight_are_used() {
        assert_eq!(tint("user_01"), tint("user_01"));
        let used: std::collections::BTreeSet<_> =
            (0..64).map(|n| tint(&format!("user_{n:026}"))).collect();
        assert_eq!(used.len(), 8);
    }
}
