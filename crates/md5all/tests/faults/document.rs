//! The page that tells users what happens: each line of it is a test, and each test here is on it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Tests in a directory of tests, as `module::name`.
fn tests_in(directory: &str) -> BTreeSet<String> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(directory);
    let mut tests = BTreeSet::new();
    let paths = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    for path in paths.filter(|path| path.is_file()) {
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let after = text.split("#[test]\n").skip(1);
        let names = after.filter_map(|text| Some(text.split_once("fn ")?.1.split_once('(')?.0));
        tests.extend(names.map(|name| format!("{module}::{name}")));
    }
    tests
}

/// What the page names as `module::name`, and no line without one.
fn named() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/faults.md");
    let page = fs::read_to_string(page).unwrap();
    let quoted = |text: &str| -> Vec<String> {
        let names = text.split('`').skip(1).step_by(2).filter(|word| word.contains("::"));
        names.filter(|word| *word != "module::name").map(str::to_owned).collect()
    };
    for line in page.lines().filter(|line| line.starts_with("| ") && !line.ends_with("| test |")) {
        assert!(!quoted(line).is_empty(), "no test for: {line}");
    }
    quoted(&page).into_iter().collect()
}

#[test]
fn every_line_is_a_test_and_every_test_is_a_line() {
    let here = tests_in("faults");
    let all: BTreeSet<String> = [&here, &tests_in("program"), &tests_in(".")].into_iter().flatten().cloned().collect();
    let named = named();
    assert_eq!(named.difference(&all).collect::<Vec<_>>(), Vec::<&String>::new(), "named and not there");
    assert_eq!(here.difference(&named).collect::<Vec<_>>(), Vec::<&String>::new(), "there and not named");
}
