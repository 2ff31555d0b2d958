//! What docs/update.md promises, each sentence with its test: the tests must be there.

use std::fs;
use std::path::Path;

#[test]
fn every_sentence_has_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("../../docs/update.md")).expect("docs/update.md is there");
    let sources: String = ["tests", "src"]
        .into_iter()
        .flat_map(|dir| walkdir::WalkDir::new(root.join(dir)))
        .map(|entry| entry.expect("the sources can be listed").into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| fs::read_to_string(path).expect("they are text"))
        .collect();
    let promised: Vec<_> = text.split("→ `").skip(1).filter_map(|rest| rest.split('`').next()).collect();
    for name in &promised {
        let function = format!("fn {name}(");
        let is_test = sources.match_indices(&function).any(|(at, _)| sources[..at].trim_end().ends_with("#[test]"));
        assert!(is_test, "docs/update.md promises {name}, and there is no such test");
    }
    let bare: Vec<_> = text.lines().filter(|line| line.starts_with("* ") && !line.contains("→ `")).collect();
    assert!(bare.is_empty(), "no test is named for: {bare:#?}");
    assert!(promised.len() >= 20);
}
