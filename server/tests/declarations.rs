//! What is written from the types and checked in: compared here, written anew by `UPDATE=1 cargo test -p tabagent-server --test declarations`.

use std::{fs, path::Path};

use tabagent_server::{FileLimits, ServerLimits, Service};

/// Everything that the server can be started with.
fn everything() -> Service {
    Service::reference().with_files(env!("CARGO_MANIFEST_DIR"), FileLimits::default()).expect("a folder")
}

/// Compares a checked-in file with what it should be, or writes it.
fn checked_in(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, text).expect("the file can be written");
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    let advice = "UPDATE=1 cargo test -p tabagent-server --test declarations";
    assert!(there == text, "{} is out of date: {advice}", path.display());
}

#[test]
fn the_types_of_the_package_are_those_of_the_server() {
    checked_in("client-wasm/npm/src/api.gen.ts", &everything().api().typescript());
}

#[test]
fn the_limits_are_those_of_the_server() {
    let rows = ServerLimits::table().into_iter();
    let rows: String = rows.map(|row| format!("| `{}` | {} {} | {} |\n", row.name, row.default, row.unit, row.reason)).collect();
    let text = "# Limits\n\nNothing is unbounded. Each bound has a name, a unit and a reason; `--limit NAME=VALUE` sets it, `limit` in the \
                configuration file\ntoo, and `tabagent-server limits` prints this table. A refusal names its limit in `details.limit`.\n\n\
                | limit | default | why, and what happens at it |\n|--|--|--|\n";
    checked_in("docs/LIMITS.md", &format!("{text}{rows}"));
}

#[test]
fn the_manual_is_that_of_the_server() {
    checked_in("docs/API.md", &everything().api().markdown());
}

#[test]
fn numbers_are_numbers_and_options_are_optional() {
    let text = everything().api().typescript();
    assert!(!text.contains("bigint") && !text.contains("| null"));
    assert!(text.contains("stream?: boolean"));
}
