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
