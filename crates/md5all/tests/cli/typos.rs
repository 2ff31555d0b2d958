//! What was meant is said: of flags, values and subcommands.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::harness::{fifo, join, md5all, open_writer, run, tree};

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
    let expected = "md5all: there is no udit here; did you mean the subcommand 'audit'?\n\
        md5all: udit: cannot stat: No such file or directory\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), expected));
    assert_eq!(run(dir.path(), &["-q", "udit", "list"]).stderr, expected);
}

#[test]
fn a_subcommand_behind_an_option_is_refused_where_there_is_no_such_file() {
    let dir = tree(&["list"]);
    let late = run(dir.path(), &["-q", "audit", "list"]);
    let hint = "md5all: there is no audit here, and the subcommand 'audit' comes before all options\n";
    assert_eq!((late.code, late.stderr.as_str(), late.stdout.is_empty()), (Some(3), hint, true));
    let dir = tree(&["audit", "other"]);
    assert_eq!(run(dir.path(), &["-q", "audit"]).code, Some(0));
    let told = run(dir.path(), &["--", "diff", "other"]);
    assert_eq!((told.code, told.names()), (Some(2), vec!["other".to_owned()]));
}

/// A FIFO that is named is waited for, as a large tree is.
#[test]
fn the_hint_does_not_wait_for_what_else_is_hashed() {
    let dir = tree(&[]);
    fifo(&dir.path().join("gate"));
    let mut program = md5all(dir.path());
    let mut child = program.args(["adit", "gate"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "md5all: there is no adit here; did you mean the subcommand 'audit'?\n");
    drop(open_writer(&dir.path().join("gate")));
    assert_eq!(join(child).code, Some(2));
}

#[test]
fn what_other_programs_have_as_a_subcommand_is_named_as_it_is_called_here() {
    let dir = tree(&["list"]);
    for (word, here) in [
        ("help", "--help?"),
        ("version", "--version?"),
        ("check", "--check, or the subcommand 'audit'?"),
        ("verify", "--check, or the subcommand 'audit' or 'bag verify'?"),
    ] {
        let ended = run(dir.path(), &[word, "list"]);
        let hint = format!("md5all: there is no {word} here; did you mean {here}\n");
        assert!(ended.stderr.starts_with(&hint), "{}", ended.stderr);
    }
}

#[test]
fn files_that_are_there_and_words_that_are_unlike_get_no_hint() {
    let dir = tree(&["udit", "sub/udit"]);
    assert_eq!(run(dir.path(), &["udit"]).code, Some(0));
    for arguments in [&["photos"][..], &["sub/audi"], &["udit", "audi"]] {
        assert_eq!(run(dir.path(), arguments).stderr.lines().count(), 1, "{arguments:?}");
    }
}
