//! A document that names a test behind each of its sentences: the tests must be there.

use std::fs;
use std::path::Path;

/// Names of tests, in backquotes behind an arrow.
fn promised(text: &str) -> impl Iterator<Item = &str> {
    text.split("→ `").skip(1).filter_map(|rest| rest.split('`').next())
}

fn sources(dir: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(dir).expect("the sources are here") {
        let path = entry.expect("they can be listed").path();
        if path.is_dir() {
            all += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all += &fs::read_to_string(path).expect("they are text");
        }
    }
    all
}

/// Every sentence of a document has a test that exists, and there are so many at least.
pub(crate) fn hold(document: &str, least: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("../..").join(document)).expect("the document is there");
    let sources = [sources(&root.join("tests")), sources(&root.join("src"))].concat();
    for name in promised(&text) {
        let function = format!("fn {name}(");
        let is_test = sources.match_indices(&function).any(|(at, _)| {
            let before = sources[..at].trim_end();
            before.ends_with("#[test]") || before.ends_with("#![proptest_config(ProptestConfig::with_cases(CASES))]")
        });
        assert!(is_test, "{document} promises {name}, and there is no such test");
    }
    let lines = text.lines().filter(|line| line.starts_with("* "));
    let bare: Vec<_> = lines.filter(|line| !line.contains("→ `")).collect();
    assert!(bare.is_empty(), "no test is named for: {bare:#?}");
    assert!(promised(&text).count() >= least);
}
