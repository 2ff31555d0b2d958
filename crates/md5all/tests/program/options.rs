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

/// Each tool takes the lines of its own algorithm, and this program all of them.
#[test]
fn several_algorithms_are_several_lines_a_file() {
    let dir = tree(&["a", "b"]);
    let sha256 = [
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
        "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d",
    ];
    let expected: String = ["a", "b"]
        .into_iter()
        .zip(sha256)
        .map(|(name, sha256)| format!("{}  {name}\n{sha256}  {name}\n", md5(name.as_bytes())))
        .collect();
    assert_eq!(run(dir.path(), &["-a", "sha256,md5", "a", "b"]).clean(), expected);
    std::fs::write(dir.path().join("list"), expected).unwrap();
    assert_eq!(run(dir.path(), &["-c", "list"]).clean(), "a: OK\na: OK\nb: OK\nb: OK\n");
    for tool in ["md5sum", "sha256sum"] {
        let Some(mut theirs) = found(tool) else { continue };
        let ended = finish(theirs.args(["-c", "list"]).current_dir(dir.path()));
        assert_eq!((ended.code, ended.text().as_str()), (Some(0), "a: OK\nb: OK\n"), "{tool}");
    }
}

#[test]
fn lines_that_would_not_tell_the_algorithm_are_exit_3() {
    let dir = tree(&["a"]);
    let ended = run(dir.path(), &["-a", "md5,blake3", "a"]);
    assert_eq!((ended.code, ended.stdout.as_slice()), (Some(3), &b""[..]));
    let refusal = "md5all: lines in the format gnu do not tell that a digest is of blake3; those of --format bsd do\n";
    assert!(ended.stderr.starts_with(refusal), "{ended:?}");
    let tagged = run(dir.path(), &["-a", "crc32c", "--format", "bsd", "a"]).clean();
    assert_eq!(tagged, "CRC32C (a) = c1d04330\n");
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
