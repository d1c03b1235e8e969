//! The rules of the house that no compiler knows, each as a check over all files of the project.
//!
//! A check is a function from the files to its offences; every offence names its file and line, and all are shown at once.
//! Every check also has a test that hands it a broken project and sees it object: a check that cannot fail is a defect.
//! It does not repeat what rustc, clippy, rustfmt and cargo-deny say.

mod code;
mod dependencies;
mod documented;
mod licences;
mod security;
mod shape;
mod tree;
mod words;

use tree::{Offence, Tree};

/// Fails with every offence, one a line.
fn assert_tidy(offences: &[Offence]) {
    let lines: Vec<_> = offences.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{} offences:\n{}\n", lines.len(), lines.join("\n"));
}

macro_rules! checks {
    ($($(#[$meta:meta])* $name:ident: $check:path;)+) => {
        $($(#[$meta])* #[test] fn $name() {
            assert_tidy(&$check(Tree::of_project()));
        })+
    };
}

checks! {
    the_engine_imports_nothing_of_ours: dependencies::engine_stands_alone;
    areas_leave_each_others_stores_alone: dependencies::stores_are_private;
    rooms_below_the_areas_know_none: dependencies::lower_rooms_know_no_area;
    only_the_joints_know_several_areas: dependencies::only_joints_know_several_areas;
    only_the_problem_file_names_error_statuses: dependencies::statuses_stay_in_one_file;
    files_are_short: shape::files_are_short;
    rust_files_say_what_they_are_for: shape::files_have_a_header;
    migrations_come_in_pairs: shape::migrations_are_paired;
    no_test_is_switched_off: words::no_ignored_tests;
    tests_do_not_sleep: words::tests_do_not_sleep;
    nothing_is_left_to_do: words::nothing_is_left_to_do;
    no_file_names_a_machine: words::no_machine_is_named;
    every_setting_is_documented: documented::settings;
    every_variable_named_is_a_setting: documented::variables;
    every_close_code_is_documented: documented::close_codes;
    every_error_code_is_documented: documented::error_codes;
    what_holds_each_line_of_security_exists: security::tests_exist;
    every_licence_is_allowed: licences::all_are_allowed;
}
