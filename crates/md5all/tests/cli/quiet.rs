//! `-q`: one meaning for what hashes and compares, and GNU's for `-c`.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::harness::{fifo, finish, run, tree};

#[test]
fn notes_are_left_out_and_errors_are_not() {
    let dir = tree(&["t/a"]);
    fifo(&dir.path().join("t/fifo"));
    let loud = run(dir.path(), &["t", "gone"]);
    let quiet = run(dir.path(), &["-q", "t", "gone"]);
    let error = "md5all: gone: cannot stat: No such file or directory\n";
    assert_eq!(loud.stderr, format!("{error}md5all: skipped 1 special file (FIFO, socket or device)\n"));
    assert_eq!((quiet.stderr.as_str(), quiet.code), (error, Some(2)));
    assert_eq!(quiet.stdout, loud.stdout);
}

#[test]
fn what_compares_tells_what_differs_and_sums_up_nothing() {
    let dir = tree(&["t/a", "t/b"]);
    run(dir.path(), &["t", "-o", "list"]).clean();
    std::fs::write(dir.path().join("t/b"), "other").unwrap();
    for (arguments, code) in
        [(&["audit", "-q", "list"][..], 1), (&["diff", "--quiet", "list", "t"], 1), (&["update", "-q", "list"], 0)]
    {
        let ended = run(dir.path(), arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(code), ""), "{arguments:?}");
        assert_eq!(ended.text(), "changed: t/b\n", "{arguments:?}");
    }
}

#[test]
fn with_check_it_leaves_out_what_is_well() {
    let dir = tree(&["a", "b"]);
    run(dir.path(), &["a", "b", "-o", "list"]).clean();
    std::fs::write(dir.path().join("b"), "other").unwrap();
    for flag in ["-q", "--quiet"] {
        assert_eq!(run(dir.path(), &["-c", flag, "list"]).text(), "b: FAILED\n");
    }
}

#[test]
fn under_gnus_names_there_is_no_short_one() {
    let dir = tree(&["a"]);
    symlink(env!("CARGO_BIN_EXE_md5all"), dir.path().join("md5sum")).unwrap();
    let ended = finish(Command::new(dir.path().join("md5sum")).args(["-q", "a"]).current_dir(dir.path()));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(": invalid option -- 'q'\n"), "{}", ended.stderr);
}

#[test]
fn of_bags_only_those_are_told_that_are_not_valid() {
    let dir = tree(&["good/x", "bad/x"]);
    assert_eq!(run(dir.path(), &["bag", "create", "-q", "good", "bad"]).clean(), "");
    std::fs::write(dir.path().join("bad/data/y"), "").unwrap();
    let loud = run(dir.path(), &["bag", "verify", "good", "bad"]);
    let quiet = run(dir.path(), &["bag", "verify", "-q", "good", "bad"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(1), ""));
    assert_eq!(format!("good: valid\n{}", quiet.text()), loud.text());
}

#[test]
fn of_an_etag_only_the_file_is_told_that_it_is_of() {
    let dir = tree(&["a", "b"]);
    let etag = crate::harness::md5(b"a");
    let ended = run(dir.path(), &["etag", "-q", "--match", &etag, "a", "b", "gone"]);
    assert_eq!((ended.code, ended.stdout.as_slice()), (Some(2), &b"single  a\n"[..]));
    assert_eq!(ended.stderr, "md5all: gone: cannot open: No such file or directory\n");
}
