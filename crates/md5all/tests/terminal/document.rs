//! What docs/progress.md promises, each sentence with its test: the tests must be there.

#[test]
fn every_sentence_has_a_test_that_exists() {
    crate::promises::hold("docs/progress.md", 19);
}
