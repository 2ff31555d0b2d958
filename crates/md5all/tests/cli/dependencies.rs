//! DESIGN's table of dependencies has a line for each, and for no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What the workspace's manifest declares, but for its own crates.
fn declared() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("it is there");
    let section = text.split("[workspace.dependencies]\n").nth(1).and_then(|rest| rest.split("\n[").next());
    let lines = section.expect("it has dependencies").lines().filter(|line| !line.contains("path = "));
    lines.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.to_owned()).collect()
}

/// What the table has in its first column.
fn told() -> Vec<String> {
    let text = fs::read_to_string(root().join("DESIGN.md")).expect("it is there");
    let section = text.split("## Dependencies\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows = section.expect("it has a table").lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" |").next()).skip(1);
    cells.flat_map(|cell| cell.split(", ").map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn each_dependency_has_a_line_and_each_line_a_dependency() {
    let told = told();
    let unique: BTreeSet<_> = told.iter().cloned().collect();
    assert_eq!(unique.len(), told.len(), "one has two lines: {told:?}");
    assert_eq!(unique, declared());
}
