//! What was meant is said: of flags, values and subcommands.

use crate::harness::{run, tree};

#[test]
fn flags_values_and_subcommands_that_are_almost_right_are_named() {
    let dir = tree(&["a"]);
    for (line, hint) in [
        ("--outptu x", "'--output'"),
        ("-a sha265", "'sha256'"),
        ("--format ndjosn", "'ndjson'"),
        ("bag creat x", "'create'"),
        ("audit --jsno list", "'--json'"),
        ("completions bsh", "'bash'"),
    ] {
        let ended = run(dir.path(), &line.split(' ').collect::<Vec<_>>());
        assert_eq!(ended.code, Some(3), "{line}");
        let tip = ended.stderr.lines().find(|line| line.starts_with("  tip: a similar "));
        assert!(tip.is_some_and(|tip| tip.contains(hint)), "{line}: {}", ended.stderr);
    }
}

#[test]
fn a_subcommand_that_is_almost_right_is_named_where_there_is_no_such_file() {
    let dir = tree(&["list"]);
    let ended = run(dir.path(), &["udit", "list"]);
    let expected = "md5all: udit: cannot stat: No such file or directory\n\
        md5all: there is no udit here; did you mean the subcommand 'audit'?\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), expected));
    let late = run(dir.path(), &["-j", "1", "audit", "list"]);
    assert!(late.stderr.ends_with("the subcommand 'audit' comes before all options\n"), "{}", late.stderr);
}

#[test]
fn files_that_are_there_and_words_that_are_unlike_get_no_hint() {
    let dir = tree(&["udit", "sub/udit"]);
    assert_eq!(run(dir.path(), &["udit"]).code, Some(0));
    for arguments in [&["photos"][..], &["sub/audi"], &["udit", "audi"]] {
        assert_eq!(run(dir.path(), arguments).stderr.lines().count(), 1, "{arguments:?}");
    }
}
