//! Claims about messages.

use super::*;

#[test]
fn unknown_fields_and_random_bytes_are_malformed() {
    let cases = [
        r#"{"notebook":"nb_1","say":"leave","x":1}"#,
        r#"{"notebook":"nb_1","say":"presence","place":{"cell":"a","name":"Ada"}}"#,
        r#"{"notebook":"nb_1","say":"submit","client":"c","sequence":1,"base":0,"operations":[{"op":"delete_cell","cell":"a","as":"ada"}]}"#,
        r#"{"notebook":"nb_1","say":"submit","client":"c","sequence":1,"base":0,"operations":134217728}"#,
        r#"{"notebook":"nb_1","say":"dance"}"#,
        r#"{"say":"leave"}"#,
        "",
        "\u{0}\u{1}",
    ];
    for case in cases {
        assert_eq!(
            decode(case.as_bytes()).unwrap_err().code(),
            "room.malformed",
            "{case}"
        );
    }
    assert_eq!(decode(&[0xff; 64]).unwrap_err().code(), "room.malformed");
}

#[test]
fn deep_nesting_is_refused_before_anything_recurses() {
    let value = format!("{}1{}", "[".repeat(8_000), "]".repeat(8_000));
    let message = format!(
        r#"{{"notebook":"nb_1","say":"submit","client":"c","sequence":1,"base":0,"operations":[{{"op":"set_notebook_metadata","key":"k","value":{value}}}]}}"#
    );
    assert_eq!(decode(message.as_bytes()).unwrap_err(), WireError::TooDeep);
    let text = format!(
        r#"{{"notebook":"nb_1","say":"input","cell":"a","text":"{}"}}"#,
        "[".repeat(8_000)
    );
    assert!(decode(text.as_bytes()).is_ok());
}

#[test]
fn clearing_names_its_cells_or_means_all_and_cancelling_names_its_runs() {
    let say = |text: &str| decode(text.as_bytes()).map(|message| message.say);
    let cell = CellId::new("a").unwrap();
    assert_eq!(
        say(r#"{"notebook":"nb_1","say":"clear_outputs","cells":["a"]}"#),
        Ok(Say::ClearOutputs {
            cells: Some(vec![cell])
        })
    );
    for all in [
        r#"{"notebook":"nb_1","say":"clear_outputs"}"#,
        r#"{"notebook":"nb_1","say":"clear_outputs","cells":null}"#,
    ] {
        assert_eq!(say(all), Ok(Say::ClearOutputs { cells: None }));
    }
    let none = say(r#"{"notebook":"nb_1","say":"clear_outputs","cells":[]}"#);
    assert_eq!(
        none,
        Ok(Say::ClearOutputs {
            cells: Some(vec![])
        })
    );
    assert_eq!(
        say(r#"{"notebook":"nb_1","say":"cancel","runs":["run_1"]}"#),
        Ok(Say::Cancel {
            runs: vec!["run_1".to_owned()]
        })
    );
    for wrong in [
        r#"{"notebook":"nb_1","say":"cancel"}"#,
        r#"{"notebook":"nb_1","say":"cancel","cells":["a"]}"#,
        r#"{"notebook":"nb_1","say":"clear_outputs","cells":[""]}"#,
        r#"{"notebook":"nb_1","say":"clear_outputs","all":true}"#,
    ] {
        assert_eq!(say(wrong).unwrap_err().code(), "room.malformed", "{wrong}");
    }
}
