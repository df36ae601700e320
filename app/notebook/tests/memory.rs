//! What a hostile message may cost, in a process of its own: memory of other tests would count as its own.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by stopping there"
)]

use notebook::{ClientId, Refused, Rights, Sequencer, Snapshot, Submission, limits, wire};

/// The most memory this process ever had resident, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.unwrap().split_ascii_whitespace().nth(1).unwrap();
    number.parse::<usize>().unwrap() * 1024
}

fn message(operations: &str) -> Vec<u8> {
    format!(
        r#"{{"notebook":"nb_1","say":"submit","client":"c","sequence":1,"base":0,"operations":{operations}}}"#
    )
    .into_bytes()
}

#[cfg(target_os = "linux")]
#[test]
fn a_batch_of_more_operations_than_allowed_is_refused_in_eight_mebibytes() {
    const MOST: usize = 8 * 1024 * 1024;
    let mut room = Sequencer::open(Snapshot::default(), Vec::new()).unwrap();
    let announced = message("134217728");
    let operation = r#"{"op":"delete_cell","cell":"a"}"#;
    let many = message(&format!(
        "[{}]",
        vec![operation; limits::BATCH_OPERATIONS + 1].join(",")
    ));
    let before = peak();
    let refused = wire::decode(&announced).unwrap_err();
    assert_eq!(refused.code(), "room.malformed");
    let wire::Say::Submit {
        client,
        sequence,
        base,
        operations,
    } = wire::decode(&many).unwrap().say
    else {
        panic!("another message")
    };
    assert_eq!(client, ClientId::new("c").unwrap());
    let submission = Submission {
        client,
        sequence,
        base,
        operations,
    };
    let refused = room.submit(submission, Rights { edit: true }).unwrap_err();
    assert!(matches!(refused, Refused::TooLarge(_)), "{refused}");
    let grown = peak() - before;
    assert!(grown < MOST, "{grown} bytes");
}
