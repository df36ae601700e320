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
        prop_assert_eq!(Delta::diff(&a, &b).apply(&a).unwrap(), b);
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
