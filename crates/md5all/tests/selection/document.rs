//! What docs/selection.md promises, each sentence with its test: the tests must be there.

#[test]
fn every_sentence_has_a_test_that_exists() {
    crate::promises::hold("docs/selection.md", 40);
}
