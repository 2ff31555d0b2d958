//! `md5all etag`, as it is called.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::harness::{md5, md5all, run, tree, unprivileged};

const MIB: usize = 1 << 20;

fn zeros(dir: &Path, name: &str, length: usize) {
    fs::write(dir.join(name), vec![0; length]).expect("room for it");
}

#[test]
fn one_line_a_file_in_their_order() {
    let dir = tree(&["b", "a"]);
    let lines = run(dir.path(), &["etag", "b", "a", "b"]).clean();
    assert_eq!(lines, format!("{0}  b\n{1}  a\n{0}  b\n", md5(b"b"), md5(b"a")));
}

#[test]
fn files_below_eight_mib_are_put_in_one_request_and_others_in_parts_of_eight() {
    let dir = tree(&[]);
    zeros(dir.path(), "below", 8 * MIB - 1);
    zeros(dir.path(), "at", 8 * MIB);
    zeros(dir.path(), "above", 8 * MIB + 1);
    let text = run(dir.path(), &["etag", "below", "at", "above"]).clean();
    let etags: Vec<_> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(etags[0], md5(&vec![0; 8 * MIB - 1]));
    assert!(etags[1].ends_with("-1"), "{text}");
    assert_eq!(etags[2], "a5eb57d36bf73a683183c5a0fb4a37ab-2");
}

#[test]
fn part_size_threshold_and_single() {
    let dir = tree(&["abcdef"]);
    let etag = |flags: &str| {
        let arguments: Vec<_> = ["etag"].into_iter().chain(flags.split_whitespace()).chain(["abcdef"]).collect();
        run(dir.path(), &arguments).clean().split(' ').next().unwrap().to_owned()
    };
    let joined = |parts: &[&[u8]]| {
        use md5::{Digest, Md5};
        let digests: Vec<u8> = parts.iter().flat_map(Md5::digest).collect();
        format!("{}-{}", md5(&digests), parts.len())
    };
    for (flags, expected) in [
        ("", md5(b"abcdef")),
        ("--part-size 6", joined(&[b"abcdef"])),
        ("--part-size 7", md5(b"abcdef")),
        ("--part-size 4", joined(&[b"abcd", b"ef"])),
        ("--part-size 4 --threshold 6", joined(&[b"abcd", b"ef"])),
        ("--part-size 4 --threshold 7", md5(b"abcdef")),
        ("--part-size 1M --threshold 0", joined(&[b"abcdef"])),
        ("--threshold 0", joined(&[b"abcdef"])),
        ("--single", md5(b"abcdef")),
        ("-j 3 --part-size 3", joined(&[b"abc", b"def"])),
    ] {
        assert_eq!(etag(flags), expected, "{flags}");
    }
}

#[test]
fn an_empty_file_in_parts_is_one_part_with_nothing_in_it() {
    let dir = tree(&[]);
    zeros(dir.path(), "empty", 0);
    assert_eq!(run(dir.path(), &["etag", "empty"]).clean(), format!("{}  empty\n", md5(b"")));
    let parts = run(dir.path(), &["etag", "--threshold", "0", "empty"]).clean();
    assert_eq!(parts, "59adb24ef3cdbe0297f05b395827453f-1  empty\n");
}

#[test]
fn standard_input_is_a_file_and_read_once() {
    let dir = tree(&["abc"]);
    let mut command = md5all(dir.path());
    command.args(["etag", "-", "abc", "-"]).stdin(fs::File::open(dir.path().join("abc")).unwrap());
    let run = crate::harness::finish(&mut command);
    assert_eq!(run.clean(), format!("{0}  -\n{0}  abc\n{1}  -\n", md5(b"abc"), md5(b"")));
}

#[test]
fn names_are_escaped_as_md5sum_escapes_them() {
    let dir = tree(&["a\nb", "c\\d"]);
    let lines = run(dir.path(), &["etag", "a\nb", "c\\d"]).clean();
    assert_eq!(lines, format!("\\{}  a\\nb\n\\{}  c\\\\d\n", md5(b"a\nb"), md5(b"c\\d")));
}

#[test]
fn links_are_followed_and_what_the_system_makes_up_is_read_to_its_end() {
    let dir = tree(&["abc"]);
    std::os::unix::fs::symlink("abc", dir.path().join("link")).unwrap();
    assert_eq!(run(dir.path(), &["etag", "link"]).clean(), format!("{}  link\n", md5(b"abc")));
    if Path::new("/proc/version").exists() {
        let version = md5(&fs::read("/proc/version").unwrap());
        assert_eq!(run(dir.path(), &["etag", "/proc/version"]).clean(), format!("{version}  /proc/version\n"));
    } else {
        eprintln!("SKIPPED: there is no /proc here");
    }
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_goes_on_with_exit_2() {
    let dir = tree(&["abc", "secret"]);
    let came = run(dir.path(), &["etag", "gone", ".", "abc"]);
    assert_eq!(came.code, Some(2));
    assert_eq!(
        came.stderr,
        "md5all: gone: cannot open: No such file or directory\nmd5all: .: cannot read: Is a directory\n"
    );
    assert_eq!(came.text(), format!("{}  abc\n", md5(b"abc")));

    let Some((_keep, mut command)) = unprivileged(dir.path()) else { return };
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir.path().join("secret"), fs::Permissions::from_mode(0o000)).unwrap();
    let came = crate::harness::finish(command.args(["etag", "secret"]));
    assert_eq!((came.code, came.stderr.as_str()), (Some(2), "md5all: secret: cannot open: Permission denied\n"));
}

#[test]
fn the_part_size_of_an_etag_is_found() {
    let dir = tree(&["abc"]);
    zeros(dir.path(), "zeros", 8 * MIB + 1);
    zeros(dir.path(), "more", 16 * MIB);
    zeros(dir.path(), "empty", 0);
    for (etag, file, found) in [
        ("a5eb57d36bf73a683183c5a0fb4a37ab-2", "zeros", "8388608"),
        ("\"a5eb57d36bf73a683183c5a0fb4a37ab-2\"", "zeros", "8388608"),
        ("A5EB57D36BF73A683183C5A0FB4A37AB-2", "zeros", "8388608"),
        ("eafa449afe224ad0b7f8f5bab4145d13-4", "more", "5242880"),
        ("900150983cd24fb0d6963f7d28e17f72", "abc", "single"),
        ("59adb24ef3cdbe0297f05b395827453f-1", "empty", "8388608"),
    ] {
        assert_eq!(run(dir.path(), &["etag", "--match", etag, file]).clean(), format!("{found}  {file}\n"));
    }
}

/// What a size that is usual gives is found again by it: a file of 18 MiB, each byte of which counts.
#[test]
fn usual_sizes_are_found_again_among_others() {
    let dir = tree(&[]);
    let mixed = |index: u64| (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
    fs::write(dir.path().join("file"), (0..18 * MIB as u64).map(mixed).collect::<Vec<u8>>()).unwrap();
    for size in ["8388608", "17179870"] {
        let text = run(dir.path(), &["etag", "--part-size", size, "file"]).clean();
        let etag = text.split(' ').next().unwrap();
        assert_eq!(run(dir.path(), &["etag", "--match", etag, "file"]).clean(), format!("{size}  file\n"));
    }
}

#[test]
fn a_size_that_is_not_usual_is_found_if_it_is_named() {
    let dir = tree(&["abcdef"]);
    let text = run(dir.path(), &["etag", "--part-size", "4", "abcdef"]).clean();
    let etag = text.split(' ').next().unwrap();
    let unknown = run(dir.path(), &["etag", "--match", etag, "abcdef"]);
    assert_eq!(
        (unknown.code, unknown.stderr.as_str()),
        (Some(1), "md5all: abcdef: no usual part size gives 2 parts\n")
    );
    let named = run(dir.path(), &["etag", "--part-size", "4", "--match", etag, "abcdef"]).clean();
    assert_eq!(named, "4  abcdef\n");
}

#[test]
fn an_etag_of_none_of_the_files_is_exit_1_and_one_of_what_cannot_be_read_exit_2() {
    let dir = tree(&["abc"]);
    zeros(dir.path(), "zeros", 9 * MIB);
    let (none, two) = ("0".repeat(32), format!("{}-2", "0".repeat(32)));
    for (etag, file, code, said) in [
        (&none, "abc", 1, format!("abc: not {none}")),
        (&two, "abc", 1, "abc: no usual part size gives 2 parts".to_owned()),
        (&two, "zeros", 1, format!("zeros: no usual part size gives {two}")),
        (&two, "gone", 2, "gone: cannot open: No such file or directory".to_owned()),
    ] {
        let came = run(dir.path(), &["etag", "--match", etag, file]);
        assert_eq!((came.code, came.stderr.as_str()), (Some(code), format!("md5all: {said}\n").as_str()));
        assert!(came.stdout.is_empty());
    }
    let found = run(dir.path(), &["etag", "--match", &md5(b"abc"), "zeros", "abc"]);
    assert_eq!((found.code, found.text()), (Some(0), "single  abc\n".to_owned()));
    let found = run(dir.path(), &["etag", "--match", &md5(b"abc"), "gone", "abc"]);
    assert_eq!((found.code, found.text()), (Some(2), "single  abc\n".to_owned()));
}

#[test]
fn what_makes_no_sense_is_refused_with_exit_3() {
    let dir = tree(&["abc"]);
    for arguments in [
        &["etag"][..],
        &["etag", "--part-size", "0", "abc"],
        &["etag", "--part-size", "8MB", "abc"],
        &["etag", "--match", "abc", "abc"],
        &["etag", "--match", "900150983cd24fb0d6963f7d28e17f72-0", "abc"],
        &["etag", "--single", "--part-size", "8M", "abc"],
        &["etag", "--single", "--threshold", "8M", "abc"],
        &["etag", "--single", "--match", "900150983cd24fb0d6963f7d28e17f72", "abc"],
    ] {
        let came = run(dir.path(), arguments);
        assert_eq!(came.code, Some(3), "{arguments:?}: {came:?}");
        assert!(came.stdout.is_empty());
    }
}

/// A file of 11 MiB that is cut in many ways, and read not much more than once.
#[cfg(target_os = "linux")]
#[test]
fn however_many_sizes_are_tried_the_file_is_read_less_than_one_and_a_half_times() {
    let dir = tree(&[]);
    zeros(dir.path(), "file", 11 * MIB);
    let (idle, overhead) = crate::harness::run_counted(dir.path(), &["etag", "--help"]);
    assert_eq!(idle.code, Some(0));
    for parts in 1..=3 {
        let etag = format!("{}-{parts}", "0".repeat(32));
        let (came, bytes) = crate::harness::run_counted(dir.path(), &["etag", "--match", &etag, "file"]);
        assert_eq!(came.code, Some(1));
        assert!(bytes >= 11 << 20, "{parts} parts: {bytes}");
        assert!(bytes < (33 << 19) + 2 * overhead, "{parts} parts: {bytes}");
    }
}

#[test]
fn output_that_cannot_be_written_is_exit_2() {
    let dir = tree(&["abc"]);
    let Ok(full) = fs::File::options().write(true).open("/dev/full") else {
        eprintln!("SKIPPED: there is no /dev/full here");
        return;
    };
    let child = md5all(dir.path()).args(["etag", "abc"]).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let came = crate::harness::join(child);
    assert_eq!(came.code, Some(2));
    assert_eq!(came.stderr, "md5all: standard output: cannot write: No space left on device\n");
}
