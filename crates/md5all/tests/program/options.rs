//! Flags, as seen from outside.

use crate::harness::*;

#[test]
fn formats_and_line_ends() {
    let dir = tree(&["a", "b\nc"]);
    let (a, b) = (md5(b"a"), md5(b"b\nc"));
    let rows: [(&[&str], String); 6] = [
        (&["--format", "gnu"], format!("{a}  a\n\\{b}  b\\nc\n")),
        (&["--format", "bsd"], format!("MD5 (a) = {a}\n\\MD5 (b\\nc) = {b}\n")),
        (&["--tag"], format!("MD5 (a) = {a}\n\\MD5 (b\\nc) = {b}\n")),
        (&["--format=go"], format!("a:\t{a}\n\\b\\nc:\t{b}\n")),
        (&["-z"], format!("{a}  a\0{b}  b\nc\0")),
        (&["--zero", "--format", "go"], format!("a:\t{a}\0b\nc:\t{b}\0")),
    ];
    for (flags, expected) in rows {
        let arguments = [flags, &["a", "b\nc"]].concat();
        assert_eq!(run(dir.path(), &arguments).clean(), expected, "{flags:?}");
    }
}

#[test]
fn nonsense_is_exit_3() {
    let dir = tree(&["a"]);
    let rows: [&[&str]; 4] =
        [&["--nonsense"], &["-j", "0", "a"], &["--format", "md4", "a"], &["--tag", "--format", "go", "a"]];
    for arguments in rows {
        let ended = run(dir.path(), arguments);
        assert_eq!(ended.code, Some(3), "{arguments:?}");
        assert!(ended.stderr.starts_with("error: "), "{ended:?}");
        assert!(ended.stdout.is_empty());
    }
}

#[test]
fn help_and_version_are_exit_0() {
    let dir = tree(&[]);
    assert!(run(dir.path(), &["--help"]).clean().contains("Usage: md5all"));
    let version = format!("md5all {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(dir.path(), &["--version"]).clean(), version);
}
