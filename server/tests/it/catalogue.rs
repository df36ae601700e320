//! Bad inputs by number, and the test that holds each to its answer. A row whose test is gone fails.

use std::collections::BTreeSet;
use std::path::Path;

/// Number, what comes in, what it gets, and where that is a test: a file and the name (or, of a browser spec, the words) in it.
type Case = (
    u32,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

#[rustfmt::skip]
const CASES: &[Case] = &[
    // Sign-in and accounts
    (9,  "a `next` that leads to another site",                "/",                                   &[("app/src/call.rs", "a_sign_in_leads_only_to_a_path_of_ours"), ("end2end/tests/signin.spec.ts", "a link that names another site after sign-in leads nowhere else")]),
    (10, "a password of 7, 65, 1,024 and 1,025 characters",    "422 password.too_short, password.too_long", &[("server/iam/src/passwords.rs", "length_is_at_least_8_characters_and_at_most_1024_bytes")]),
    (11, "NUL, emoji, NFC and NFD in a password",              "verified exactly as received",        &[("server/iam/src/passwords.rs", "passwords_count_exactly_as_received")]),
    (12, "a password among the first ones tried",              "422 password.too_common",             &[("server/iam/src/passwords.rs", "the_first_ones_tried_are_too_common")]),
    (14, "a username of 10 MB at sign-in",                     "413",                                 &[("server/tests/it/bad_input.rs", "a_body_over_the_limit_is_refused_with_the_limit")]),
    (15, "usernames that look like others, or like paths",     "422 naming the rule",                 &[("server/service/tests/it/accounts.rs", "names_and_passwords_that_break_a_rule_are_refused_by_it")]),
    (16, "a cookie planted before the sign-in",                "a new id; the old one 401",           &[("server/tests/it/accounts.rs", "a_cookie_planted_before_a_sign_in_is_not_the_one_after_it"), ("server/tests/it/accounts.rs", "signing_in_again_ends_the_sign_in_the_browser_had_and_takes_a_new_id")]),
    (17, "the cookie of someone who was disabled",             "401 at once; sockets 4401",           &[("server/tests/it/accounts.rs", "disabling_someone_ends_their_sign_ins_at_once"), ("server/tests/it/sockets.rs", "a_socket_ends_with_its_sign_in")]),
    (20, "a token expired, revoked, mistyped, unknown",        "401 token.expired|revoked|malformed|unknown", &[("server/service/tests/it/tokens.rs", "each_way_a_token_can_be_wrong_has_its_own_name"), ("server/tests/it/tokens.rs", "each_wrong_token_is_told_what_is_wrong_with_it")]),
    (22, "a token that makes a wider one",                     "403",                                 &[("server/tests/it/tokens.rs", "a_token_makes_no_wider_token_and_changes_no_password")]),
    (23, "`Authorization: Bearer` and 100 kB",                 "431 or 400",                          &[("server/tests/it/bad_input.rs", "a_header_of_a_hundred_kilobytes_is_refused_and_not_a_failure")]),
    // HTTP and API
    (26, "a form of another site, with a cookie",              "403 csrf.cross_origin",               &[("server/tests/it/bad_input.rs", "another_sites_form_is_refused_even_with_a_cookie")]),
    (28, "a body over the limit, without end, or trickling",   "413, cut, 408",                       &[("server/tests/it/bad_input.rs", "a_body_over_the_limit_is_refused_with_the_limit"), ("server/tests/it/bad_input.rs", "a_chunked_body_without_end_is_cut_at_the_limit"), ("server/tests/it/bad_input.rs", "a_body_that_trickles_is_given_up")]),
    (29, "a head that never ends",                             "closed after 10 s",                   &[("server/tests/it/bad_input.rs", "a_head_that_never_ends_and_a_connection_that_never_speaks_are_closed")]),
    (30, "JSON called text/plain",                             "415",                                 &[("server/tests/it/bad_input.rs", "json_under_another_name_is_refused")]),
    (31, "JSON two readers would read differently",            "400 json.* with its place",           &[("server/tests/it/bad_input.rs", "json_that_two_readers_would_read_differently_is_refused_with_its_place")]),
    (32, "a field nobody asked for in a change",               "422 field.unknown, nothing changed",  &[("server/tests/it/bad_input.rs", "a_field_nobody_asked_for_is_refused_and_changes_nothing")]),
    (34, "`If-Match` of an old version",                       "412 with the version now",            &[("server/tests/it/versions.rs", "a_change_made_on_an_old_version_is_refused_and_told_the_new_one")]),
    (35, "TRACE, and methods nobody knows",                    "405 with Allow",                      &[("server/tests/it/bad_input.rs", "a_method_that_is_not_there_is_told_which_are")]),
    (37, "an id of another space",                             "404",                                 &[("server/tests/it/census.rs", "a_stranger_finds_nothing_of_anybody_else")]),
    (38, "`X-Forwarded-For` of a direct client",               "ignored",                             &[("server/api/src/address.rs", "a_direct_client_cannot_name_its_own_address"), ("server/tests/it/bad_input.rs", "a_flood_from_one_address_is_told_to_come_back_whatever_it_says_its_address_is")]),
    (40, "300 requests a second from one /64",                 "429 with Retry-After",                &[("server/tests/it/bad_input.rs", "a_flood_from_one_address_is_told_to_come_back_whatever_it_says_its_address_is"), ("server/api/src/address.rs", "a_whole_64_is_one_source")]),
    // WebSocket and rooms
    (41, "an upgrade of another origin",                       "403",                                 &[("server/tests/it/sockets.rs", "only_the_studios_own_pages_get_a_socket"), ("server/api/src/live/upgrade.rs", "origins_are_compared_whole")]),
    (42, "an upgrade without a sign-in",                       "401",                                 &[("server/tests/it/sockets.rs", "only_the_studios_own_pages_get_a_socket")]),
    (43, "a frame or message that is too large",               "1009",                                &[("server/tests/it/sockets.rs", "what_no_tab_of_ours_would_send_ends_that_socket_and_no_other")]),
    (44, "a text frame",                                       "1003",                                &[("server/tests/it/sockets.rs", "what_no_tab_of_ours_would_send_ends_that_socket_and_no_other")]),
    (45, "random bytes as a message",                          "4400 room.malformed",                 &[("server/tests/it/sockets.rs", "what_no_tab_of_ours_would_send_ends_that_socket_and_no_other"), ("app/notebook/tests/it/mutation.rs", "no_message_makes_the_decoder_panic_or_means_two_things")]),
    (46, "metadata 8,000 deep",                                "4400 room.too_deep",                  &[("server/tests/it/sockets.rs", "what_no_tab_of_ours_would_send_ends_that_socket_and_no_other")]),
    (47, "a delta past the end or through a surrogate pair",   "op.out_of_range, nothing applied",    &[("server/rooms/tests/it/writing.rs", "a_batch_that_does_not_fit_is_refused_with_the_document_and_changes_nothing")]),
    (48, "an operation on a cell that is not there",           "op.no_such_cell, nothing applied",     &[("app/notebook/src/sequencer/tests.rs", "what_does_not_fit_changes_nothing")]),
    (49, "a batch of 2^27, or of 10,001, operations",          "4400, op.too_large; in 8 MiB",        &[("app/notebook/tests/memory.rs", "a_batch_of_more_operations_than_allowed_is_refused_in_eight_mebibytes"), ("server/tests/it/sockets.rs", "what_no_tab_of_ours_would_send_ends_that_socket_and_no_other")]),
    (50, "a revision from the future",                         "the document as it is",               &[("server/rooms/tests/it/writing.rs", "a_revision_from_the_future_is_answered_with_the_document")]),
    (51, "a batch under another client's id",                  "4403 room.foreign_client",            &[("server/rooms/tests/it/rights.rs", "a_batch_under_another_clients_id_closes_the_socket")]),
    // Not 4403: the tab of somebody whose right was just taken away sends such a batch, and goes on reading.
    (52, "a change by a viewer",                               "refused read_only; the tab stays, nobody hears of it", &[("server/rooms/tests/it/rights.rs", "a_viewer_is_refused_and_nobody_hears_of_it")]),
    (53, "10,000 joins of one person in a minute",             "4429",                                &[("server/rooms/tests/it/limits.rs", "ten_thousand_joins_of_one_person_in_a_minute_are_too_many")]),
    (54, "presence a thousand times a second, far outside",    "slowed down, harmless, named by us",  &[("server/rooms/tests/it/presence.rs", "a_caret_that_moves_a_thousand_times_a_second_is_told_twenty_times_and_ends_where_it_is"), ("server/rooms/tests/it/presence.rs", "everyone_knows_who_is_here_by_the_names_the_studio_gives")]),
    (55, "a notebook that is foreign, missing, or no id",      "4404, all alike",                     &[("server/tests/it/sockets.rs", "a_foreign_a_missing_and_a_malformed_notebook_look_alike")]),
    (56, "a carriage return in the text of a cell",            "op.line_end, nothing applied; an import makes it \\n", &[("app/notebook/src/sequencer/tests.rs", "a_carriage_return_is_refused_and_one_in_the_log_is_not"), ("end2end/tests/notebooks/offsets.spec.ts", "a program's carriage returns are refused, and what it may write counts the same for everyone")]),
    (57, "a right taken away from an open tab",                "felt within a second",                &[("server/tests/it/sockets.rs", "a_right_that_is_taken_away_is_felt_within_a_second")]),
    // Not 4413: a full notebook is read and emptied over the same socket.
    (58, "a document over 20 MiB",                             "refused notebook.full; reading and deleting work; a file of it 413", &[("app/notebook/src/document/tests.rs", "a_full_notebook_can_be_read_and_emptied"), ("app/notebook/src/formats/ipynb/tests.rs", "what_is_too_large_is_refused")]),
    (60, "the 201st tab in a room",                            "4503",                                &[("server/rooms/tests/it/limits.rs", "the_two_hundred_and_first_is_told_that_the_room_is_full")]),
    // Notebooks
    (61, "an empty file, HTML, an LFS pointer, conflict marks", "422 notebook.not_json naming it",    &[("server/service/tests/it/notebooks.rs", "what_is_no_notebook_is_refused_by_name_and_nothing_is_left_behind")]),
    (62, "formats 3, 5, 99, none",                             "upgraded, or 422 notebook.version",   &[("app/notebook/src/formats/ipynb/tests.rs", "formats_3_and_2_are_upgraded"), ("app/notebook/src/formats/ipynb/tests.rs", "versions_that_cannot_be_read_are_refused")]),
    (63, "NaN in an output",                                   "kept, with a notice",                 &[("app/notebook/src/formats/ipynb/tests.rs", "odd_numbers_and_broken_characters_are_kept_or_told")]),
    (65, "cell ids that are missing, twice, or none",          "repaired, the cells named",           &[("app/notebook/src/formats/ipynb/tests.rs", "ids_are_repaired_and_the_cells_named")]),
    (66, "200,000 cells, a file of 100 MiB, one of a gigabyte", "413; the gigabyte before it is read", &[("app/notebook/src/formats/ipynb/tests.rs", "what_is_too_large_is_refused"), ("server/service/tests/it/notebooks.rs", "what_is_no_notebook_is_refused_by_name_and_nothing_is_left_behind"), ("server/tests/it/bad_input.rs", "an_announced_gigabyte_is_refused_before_it_is_sent")]),
    (67, "scripts in outputs and Markdown",                    "nothing runs on our origin",          &[("app/src/clean.rs", "random_bytes_never_bring_a_tag_or_attribute_from_outside"), ("app/src/clean.rs", "what_can_run_goes_to_the_frame")]),
    (68, "file names with marks, overrides, line breaks",      "shown as text, in their header",      &[("server/api/src/notebooks.rs", "a_hostile_file_name_cannot_leave_its_header")]),
    // Kernels
    (81, "messages forged, cut, out of order, no JSON",        "dropped; three in a row: faulty",     &[("server/jupyter/tests/it/hostile.rs", "messages_that_cannot_be_trusted_are_dropped_and_the_kernel_goes_on"), ("server/jupyter/tests/it/hostile.rs", "three_bad_messages_in_a_row_mark_the_kernel_as_faulty")]),
    (83, "a kernel that exits, is killed, or takes too much memory", "told with its cause, the limit named", &[("server/jupyter/tests/it/dying.rs", "a_kernel_that_exits_is_told_with_its_code_and_the_next_run_starts_another"), ("server/jupyter/tests/it/dying.rs", "a_killed_kernel_is_noticed_within_three_seconds"), ("server/jupyter/tests/it/dying.rs", "a_kernel_over_its_memory_limit_is_ended_and_the_limit_named"), ("server/tests/it/kernels.rs", "a_kernel_that_takes_more_than_its_memory_is_ended_and_the_limit_is_named")]),
    (84, "a kernel nobody knows; one that starts for long",    "422 naming the known; can be cancelled", &[("server/jupyter/tests/it/hostile.rs", "an_unknown_kernel_and_a_missing_interpreter_are_refused_by_name"), ("server/jupyter/tests/it/queueing.rs", "an_interrupt_stops_a_kernel_that_does_not_come_up_and_what_waits_for_it_is_cancelled")]),
];

/// What cannot come in yet, because there is no door for it. Whoever builds the door writes the row.
#[rustfmt::skip]
const NOT_YET: &[(&[u32], &str)] = &[
    (&[1, 2, 3, 4, 5, 6, 7, 8], "nobody signs in through another provider"),
    (&[18, 19],                 "a password is all there is: no codes, no passkeys"),
    (&[24, 25],                 "people are added to a space, not invited by a link"),
    (&[70, 71],                 "no pictures of people or spaces are uploaded"),
    (&[72],                     "nothing is exported as CSV"),
    (&[74, 75, 76],             "there is no library of files, and no quota"),
    (&[78, 79, 80],             "no data is read from elsewhere"),
    (&[85, 88, 89],             "kernels run beside the studio: no hub, no cluster"),
    (&[86],                     "nothing runs by the clock"),
    (&[91],                     "there are no bots"),
    (&[92],                     "the command line speaks to the studio's own folder, not to a server"),
    (&[94],                     "the studio has no command that restores"),
    (&[95],                     "nothing is published or embedded"),
];

/// Numbers that the catalogue does not use.
const UNUSED: &[u32] = &[13, 21, 27, 33, 36, 39, 59, 64, 69, 73, 77, 82, 87, 90, 93];

const LAST: u32 = 95;

#[test]
fn every_number_of_the_catalogue_has_a_test_or_a_reason_why_not() {
    let mut numbers: Vec<u32> = CASES.iter().map(|(number, ..)| *number).collect();
    for (later, reason) in NOT_YET {
        assert!(!reason.is_empty(), "{later:?}");
        numbers.extend(*later);
    }
    numbers.extend(UNUSED);
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=LAST).collect::<Vec<_>>());
}

#[test]
fn every_case_of_the_catalogue_is_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seen = BTreeSet::new();
    for (number, input, answer, tests) in CASES {
        assert!(seen.insert(number), "case {number} stands here twice");
        assert!(
            !input.is_empty() && !answer.is_empty() && !tests.is_empty(),
            "case {number}"
        );
        for (file, name) in *tests {
            let text = std::fs::read_to_string(root.join(file))
                .unwrap_or_else(|error| panic!("case {number}: {file}: {error}"));
            let there = if file.ends_with(".ts") {
                text.contains(&format!("test(\"{name}\""))
            } else {
                text.contains(&format!("fn {name}("))
            };
            assert!(
                there,
                "case {number} ({input}): {file} has no test `{name}`"
            );
        }
    }
}
