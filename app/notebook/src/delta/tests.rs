//! Laws of deltas.

use proptest::prelude::*;

use super::*;

/// Text with pairs, combining marks, joiners and line ends.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-c ]",
        1 => Just("\n".to_owned()),
        2 => Just("😀".to_owned()),
        1 => Just("e\u{301}".to_owned()),
        1 => Just("👩\u{200d}👩\u{200d}👧".to_owned()),
        1 => Just("é".to_owned()),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A delta that fits `on`.
fn delta_on(on: &str) -> impl Strategy<Value = Delta> + use<> {
    let on: Vec<char> = on.chars().collect();
    let length = on.len();
    (proptest::collection::vec((0..=length, 0..=2_usize, text()), 0..4)).prop_map(move |edits| {
        let mut edits = edits;
        edits.sort_by_key(|edit| edit.0);
        let (mut steps, mut at) = (Vec::new(), 0);
        let units = |range: &[char]| range.iter().map(|c| c.len_utf16() as u32).sum::<u32>();
        for (start, delete, insert) in edits {
            if start < at {
                continue;
            }
            let end = (start + delete).min(length);
            steps.push(Step::Retain(units(&on[at..start])));
            steps.push(Step::Delete(units(&on[start..end])));
            steps.push(Step::Insert(insert));
            at = end;
        }
        Delta::new(steps)
    })
}

/// Long texts of few different pieces, so that much of one is in the other by chance.
fn long_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[ab]",
        1 => Just(" ".to_owned()),
        1 => Just("\n".to_owned()),
        1 => Just("é".to_owned()),
        1 => Just("😀".to_owned()),
        1 => Just("😁".to_owned()),
    ];
    proptest::collection::vec(piece, 0..2_000).prop_map(|pieces| pieces.concat())
}

/// Characters deleted and inserted.
fn size(delta: &Delta, on: &str) -> usize {
    let inverse = delta.invert(on).unwrap();
    let inserted = |delta: &Delta| -> usize {
        let texts = delta.steps().iter().map(|step| match step {
            Step::Insert(text) => text.chars().count(),
            Step::Retain(_) | Step::Delete(_) => 0,
        });
        texts.sum()
    };
    inserted(delta) + inserted(&inverse)
}

/// The fewest characters deleted and inserted, by trying everything.
fn least(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, c) in a.iter().enumerate() {
        let mut before = std::mem::replace(&mut row[0], i + 1);
        for (j, d) in b.iter().enumerate() {
            let best = if c == d {
                before
            } else {
                1 + row[j].min(row[j + 1])
            };
            before = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[b.len()]
}

fn text_and_two() -> impl Strategy<Value = (String, Delta, Delta)> {
    text().prop_flat_map(|text| {
        (delta_on(&text), delta_on(&text)).prop_map(move |(a, b)| (text.clone(), a, b))
    })
}

fn text_and_chain() -> impl Strategy<Value = (String, Delta, Delta)> {
    text().prop_flat_map(|text| {
        delta_on(&text).prop_flat_map(move |a| {
            let after = a.apply(&text).unwrap();
            let text = text.clone();
            delta_on(&after).prop_map(move |b| (text.clone(), a.clone(), b))
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_texts_have_diffs_as_well(a in long_text(), b in long_text(), effort in 0_usize..200_000) {
        for effort in [Effort::TEXT, effort] {
            let mut effort = Effort::of(effort);
            prop_assert_eq!(&Delta::likely(&a, &b, &mut effort).apply(&a).unwrap(), &b);
        }
        let (a, b) = (&a[..a.floor_char_boundary(500)], &b[..b.floor_char_boundary(500)]);
        prop_assert_eq!(size(&Delta::diff(a, b), a), least(a, b));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_orders_of_two_deltas_meet((text, a, b) in text_and_two()) {
        let (a_after_b, b_after_a) = a.transform(&b);
        let left = b_after_a.apply(&a.apply(&text).unwrap()).unwrap();
        let right = a_after_b.apply(&b.apply(&text).unwrap()).unwrap();
        prop_assert_eq!(left, right);
    }

    #[test]
    fn a_composed_delta_does_what_its_parts_do((text, a, b) in text_and_chain()) {
        let (composed, exact) = a.compose_exact(&b);
        prop_assert!(exact);
        prop_assert_eq!(composed.apply(&text).unwrap(), b.apply(&a.apply(&text).unwrap()).unwrap());
    }

    #[test]
    fn an_inverted_delta_undoes((text, a, _b) in text_and_two()) {
        let after = a.apply(&text).unwrap();
        let inverse = a.invert(&text).unwrap();
        prop_assert_eq!(inverse.apply(&after).unwrap(), text);
    }

    #[test]
    fn a_diff_turns_one_text_into_the_other(a in text(), b in text()) {
        prop_assert_eq!(Delta::replacement(&a, &b).apply(&a).unwrap(), b.clone());
        prop_assert_eq!(Delta::likely(&a, &b, &mut Effort::of_document()).apply(&a).unwrap(), b.clone());
        prop_assert_eq!(Delta::diff(&a, &b).apply(&a).unwrap(), b);
    }

    #[test]
    fn a_diff_of_short_texts_is_as_small_as_can_be(a in text(), b in text()) {
        prop_assert_eq!(size(&Delta::diff(&a, &b), &a), least(&a, &b));
    }

    #[test]
    fn a_delta_survives_the_wire((_text, a, _b) in text_and_two()) {
        let wire = serde_json::to_string(&a).unwrap();
        prop_assert_eq!(serde_json::from_str::<Delta>(&wire).unwrap(), a);
    }

    #[test]
    fn transforming_over_a_composition_is_transforming_twice_up_to_text((text, a, b) in text_and_chain()) {
        // Normal forms may order inserts at a deleted spot otherwise, so only what both orders meet in is a law.
        let composed = a.compose(&b);
        let other = Delta::splice(0, 0, "x");
        let (composed_after, other_after) = composed.transform(&other);
        prop_assert_eq!(
            other_after.apply(&composed.apply(&text).unwrap()).unwrap(),
            composed_after.apply(&other.apply(&text).unwrap()).unwrap()
        );
    }

    #[test]
    fn positions_stay_inside_the_text((text, a, _b) in text_and_two(), at in 0_u32..40, right: bool) {
        let at = at.min(utf16_len(&text));
        let moved = a.move_position(at, right);
        prop_assert!(moved <= utf16_len(&a.apply(&text).unwrap()));
        let mut all = a.steps().to_vec();
        all.push(Step::Retain(1));
        prop_assert_eq!(Delta::new(all), a);
    }

    #[test]
    fn any_steps_are_harmless(text in text(), wire in proptest::collection::vec(prop_oneof![
        any::<i32>().prop_map(|n| serde_json::json!(n)), (-9_i32..9).prop_map(|n| serde_json::json!(n)), text().prop_map(|t| serde_json::json!(t))], 0..6)) {
        if let Ok(delta) = serde_json::from_value::<Delta>(serde_json::json!(wire)) {
            let _ = delta.apply(&text);
            let _ = delta.invert(&text);
            let _ = delta.compose(&delta);
            let _ = delta.transform(&Delta::splice(1, 1, "😀"));
            let _ = Delta::splice(1, 1, "😀").compose(&delta);
            let _ = delta.move_position(7, true);
        }
    }
}

#[test]
fn a_delta_past_the_end_or_through_a_pair_does_not_apply() {
    assert_eq!(Delta::splice(3, 0, "x").apply("ab"), None);
    assert_eq!(Delta::splice(1, 2, "").apply("ab"), None);
    assert_eq!(Delta::splice(1, 0, "x").apply("😀"), None);
    assert_eq!(Delta::splice(0, 1, "").apply("😀"), None);
    assert_eq!(Delta::splice(2, 0, "x").apply("😀").as_deref(), Some("😀x"));
    assert_eq!(Delta::splice(0, 1, "").invert("😀"), None);
}

#[test]
fn the_wire_form_is_numbers_and_strings() {
    let delta = Delta::splice(5, 2, "abc");
    assert_eq!(serde_json::to_string(&delta).unwrap(), r#"[5,"abc",-2]"#);
    for bad in [
        "[0]",
        r#"[""]"#,
        "[1.5]",
        "[4294967296]",
        "[-4294967296]",
        "[4294967295,1]",
        "[null]",
        "[[1]]",
        "{}",
        "[true]",
    ] {
        assert!(serde_json::from_str::<Delta>(bad).is_err(), "{bad}");
    }
    assert_eq!(
        serde_json::from_str::<Delta>(r#"[-1,-1,"a","b",3]"#).unwrap(),
        Delta::splice(0, 2, "ab")
    );
}

#[test]
fn a_caret_at_an_insert_moves_only_when_it_sticks_right() {
    let delta = Delta::splice(2, 0, "xyz");
    assert_eq!(delta.move_position(2, false), 2);
    assert_eq!(delta.move_position(2, true), 5);
    assert_eq!(delta.move_position(1, true), 1);
    assert_eq!(delta.move_position(3, false), 6);
    assert_eq!(Delta::splice(1, 3, "").move_position(2, false), 1);
    assert_eq!(Delta::splice(1, 3, "").move_position(9, false), 6);
}

#[test]
fn every_pair_of_tiny_texts_has_a_smallest_diff() {
    let mut texts = vec![String::new()];
    let mut last = 0;
    for _ in 0..6 {
        let from = std::mem::replace(&mut last, texts.len());
        for at in from..texts.len() {
            for c in ["a", "😀"] {
                texts.push(format!("{}{c}", texts[at]));
            }
        }
    }
    for a in &texts {
        for b in &texts {
            let diff = Delta::diff(a, b);
            assert_eq!(diff.apply(a).as_deref(), Some(b.as_str()));
            assert_eq!(size(&diff, a), least(a, b), "{a} {b}");
        }
    }
}

#[test]
fn what_stays_between_two_edits_is_kept() {
    let (old, new) = ("a = 1\nkeep = me\nb = 2\n", "a = 3\nkeep = me\nb = 4\n");
    let delta = Delta::likely(old, new, &mut Effort::of_text());
    assert_eq!(
        serde_json::to_string(&delta).unwrap(),
        r#"[4,"3",-1,15,"4",-1]"#
    );
    assert_eq!(
        serde_json::to_string(&Delta::replacement(old, new)).unwrap(),
        r#"[4,"3\nkeep = me\nb = 4",-17]"#
    );
}

#[test]
fn letters_that_two_texts_share_by_chance_are_replaced() {
    let (old, new) = ("x = the quick fox", "x = another dog");
    let mut effort = Effort::of_text();
    assert_eq!(
        Delta::likely(old, new, &mut effort),
        Delta::splice(4, 13, "another dog")
    );
    assert!(Delta::diff(old, new).steps().len() > 3);
}

#[test]
fn many_edits_in_a_long_text_are_found_one_by_one() {
    let line = |at: usize| format!("row_{at} = compute({}, {})\n", at * 7 % 1_000, at % 13);
    let old: String = (0..20_000).map(line).collect();
    let new: String = (0..20_000)
        .map(|at| match at % 400 {
            7 => String::new(),
            90 => format!("{}# new {at}\n", line(at)),
            200 => line(at).replace("compute", "computed"),
            _ => line(at),
        })
        .collect();
    let delta = Delta::diff(&old, &new);
    assert_eq!(delta.apply(&old).as_deref(), Some(new.as_str()));
    assert!(delta.steps().len() > 250, "{}", delta.steps().len());
    assert!(size(&delta, &old) < 3_000, "{}", size(&delta, &old));
}
