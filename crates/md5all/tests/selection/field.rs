//! The program: what is left out, what is said of it, and what is refused.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::harness::{fifo, finish, found, md5all, names_in, plant, run, tree};

/// Names of what is hashed, below `t`.
fn check(files: &[&str], arguments: &[&str], expected: &[&str]) {
    let dir = tree(files);
    let run = run(dir.path(), &[arguments, &["t"]].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    assert_eq!(run.names(), expected, "{arguments:?}");
}

#[test]
fn a_glob_is_of_a_name_of_a_path_or_of_directories() {
    let files = ["t/a", "t/a.o", "t/b/a", "t/b/a.o", "t/b/c/a"];
    check(&files, &["--exclude", "*.o"], &["t/a", "t/b/a", "t/b/c/a"]);
    check(&files, &["--exclude", "/a"], &["t/a.o", "t/b/a", "t/b/a.o", "t/b/c/a"]);
    check(&files, &["--exclude", "b/a"], &["t/a", "t/a.o", "t/b/a.o", "t/b/c/a"]);
    check(&files, &["--exclude", "a/"], &files);
    check(&files, &["--exclude", "c/"], &["t/a", "t/a.o", "t/b/a", "t/b/a.o"]);
    check(&files, &["--include", "*.o"], &["t/a.o", "t/b/a.o"]);
    check(&files, &["--include", "b/**"], &["t/b/a", "t/b/a.o", "t/b/c/a"]);
    check(&files, &["--include", "{a.o,c/*}"], &["t/a.o"]);
    check(&files, &["--include", "**/{a.o,c/*}"], &["t/a.o", "t/b/a.o", "t/b/c/a"]);
}

#[test]
fn what_is_excluded_is_out_whatever_is_included_and_in_any_order() {
    let files = ["t/a.c", "t/b.c", "t/x/c.c"];
    for arguments in [["--include", "*.c", "--exclude", "b.*"], ["--exclude", "b.*", "--include", "*.c"]] {
        check(&files, &arguments, &["t/a.c", "t/x/c.c"]);
    }
    check(&files, &["--include", "a.*", "--include", "c.*", "--exclude", "x"], &["t/a.c"]);
}

#[test]
fn depth_is_counted_as_find_counts_it() {
    let files = ["t/a", "t/b/a", "t/b/c/a", "t/b/c/d/a"];
    let dir = tree(&files);
    for depth in ["1", "2", "3", "4"] {
        let Some(mut find) = found("find") else { return };
        let listed = finish(find.current_dir(dir.path()).args(["t", "-maxdepth", depth, "-type", "f"])).text();
        let mut listed: Vec<_> = listed.lines().collect();
        listed.sort_unstable();
        check(&files, &["--max-depth", depth], &listed);
    }
}

#[test]
fn hidden_is_what_begins_with_a_dot_and_all_below() {
    check(&["t/.a", "t/.b/c", "t/d/.e", "t/d/f."], &["--no-hidden"], &["t/d/f."]);
}

#[test]
fn sizes_are_inclusive_and_in_powers_of_1024() {
    let dir = tempfile::tempdir().unwrap();
    for size in [0, 1, 1023, 1024, 1025, 2048, 2049] {
        plant(dir.path(), OsStr::new(&format!("t/{size}")), &vec![0; size]);
    }
    let rows: [(&[&str], &[&str]); 4] = [
        (&["--min-size", "1", "--max-size", "1"], &["t/1"]),
        (&["--min-size", "1K"], &["t/1024", "t/1025", "t/2048", "t/2049"]),
        (&["--max-size", "1K"], &["t/0", "t/1", "t/1023", "t/1024"]),
        (&["--min-size", "1025", "--max-size", "2KiB"], &["t/1025", "t/2048"]),
    ];
    for (arguments, expected) in rows {
        assert_eq!(run(dir.path(), &[arguments, &["t"]].concat()).names(), expected, "{arguments:?}");
    }
}

/// Of the two names of one file neither is read: its size is the same.
#[test]
fn other_names_of_a_file_have_its_size() {
    let dir = tree(&["t/a", "t/c"]);
    fs::write(dir.path().join("t/a"), vec![0; 100_000]).unwrap();
    fs::hard_link(dir.path().join("t/a"), dir.path().join("t/b")).unwrap();
    assert_eq!(run(dir.path(), &["--max-size", "99999", "t"]).names(), ["t/c"]);
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_made_up_on_reading_has_no_size() {
    let dir = tempfile::tempdir().unwrap();
    let small = run(dir.path(), &["--max-size", "0", "--include", "version", "--max-depth", "1", "/proc"]);
    assert_eq!(small.names(), ["/proc/version"]);
    let large = run(dir.path(), &["--min-size", "1", "--include", "version", "--max-depth", "1", "/proc"]);
    assert_eq!(large.names(), [""; 0]);
}

#[test]
fn what_is_named_is_never_left_out() {
    let dir = tree(&[".t/a", ".t/.b", "x.o"]);
    let arguments = ["--no-hidden", "--exclude", "*.o", "--exclude", ".t", "--min-size", "1G", ".t/a", ".t/.b", "x.o"];
    assert_eq!(run(dir.path(), &arguments).names(), [".t/.b", ".t/a", "x.o"]);
    let below = run(dir.path(), &["--no-hidden", "--exclude", "*.t", ".t"]);
    assert_eq!(below.names(), [".t/a"]);
}

#[test]
fn names_of_any_bytes_are_matched() {
    let dir = tempfile::tempdir().unwrap();
    for name in [&b"t/\xff\xfe.o"[..], b"t/a\n.o", b"t/\xff", b"t/\xff\xfd/x"] {
        plant(dir.path(), OsStr::from_bytes(name), b"");
    }
    let run = run(dir.path(), &["-z", "--exclude", "*.o", "--exclude", "??/", "t"]);
    assert_eq!(run.code, Some(0));
    assert_eq!(run.stdout, [&b"d41d8cd98f00b204e9800998ecf8427e  t/\xff\0"[..]].concat());
}

/// It cannot be listed, so that to enter it would be a failure.
#[test]
fn a_directory_that_is_left_out_is_not_opened() {
    let dir = tree(&["t/a", "t/shut/b", "t/.shut/c", "t/deep/shut/d"]);
    let mut user = crate::harness::unprivileged(dir.path());
    for shut in ["t/shut", "t/.shut", "t/deep/shut"] {
        fs::set_permissions(dir.path().join(shut), std::os::unix::fs::PermissionsExt::from_mode(0o0)).unwrap();
    }
    // As if it were far away, too, so that directories are listed ahead.
    for mode in ["auto", "net"] {
        let Some((_keep, command)) = &mut user else { break };
        let arguments = ["--io", mode, "--exclude", "/shut", "--no-hidden", "--max-depth", "2", "t"];
        let run = finish(command.args(arguments));
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        assert_eq!(run.names(), ["t/a"]);
        user = crate::harness::unprivileged(dir.path());
    }
    for shut in ["t/shut", "t/.shut", "t/deep/shut"] {
        fs::set_permissions(dir.path().join(shut), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
}

#[test]
fn verbose_says_of_each_why_and_how_many_there_were() {
    let dir = tree(&["t/.h", "t/a.c", "t/a.o", "t/big.c", "t/d/e/f", "t/ig.c", "t/x", "t/y/z.c"]);
    fs::write(dir.path().join("t/.gitignore"), "ig.*\n").unwrap();
    fs::write(dir.path().join("t/big.c"), "more").unwrap();
    fs::write(dir.path().join("t/a.c"), "").unwrap();
    let arguments = "-v --no-hidden --gitignore --exclude *.o --exclude y/ --include *.c --max-depth 2 --max-size 3 t";
    let run = run(dir.path(), &arguments.split(' ').collect::<Vec<_>>());
    let mut said: Vec<_> = run.stderr.lines().filter(|line| line.contains("left out")).collect();
    said.sort_unstable();
    let expected = [
        "md5all: left out: 2 hidden, 2 by --exclude, 1 by .gitignore, 1 by depth, 1 not included, 1 by size",
        "md5all: t/.gitignore: left out: it is hidden",
        "md5all: t/.h: left out: it is hidden",
        "md5all: t/a.o: left out: --exclude *.o",
        "md5all: t/big.c: left out: its size",
        "md5all: t/d/e: left out: it is too deep",
        "md5all: t/ig.c: left out: t/.gitignore:1: ig.*",
        "md5all: t/x: left out: it matches no --include",
        "md5all: t/y: left out: --exclude y/",
    ];
    assert_eq!(said, expected);
    assert_eq!(run.names(), ["t/a.c"]);
}

/// It may lead to a directory, with files in it that are included.
#[test]
fn what_cannot_be_looked_at_is_an_error_whatever_is_included() {
    let dir = tree(&["t/a.c"]);
    std::os::unix::fs::symlink("loop", dir.path().join("t/loop")).unwrap();
    let told = run(dir.path(), &["-L", "--include", "*.c", "t"]);
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!(told.stderr.starts_with("md5all: t/loop: cannot stat: "), "{told:?}");
    assert_eq!(run(dir.path(), &["-L", "--include", "*.c", "--exclude", "loop", "t"]).code, Some(0));
}

/// Whoever made the tree wrote it: it is no more to be believed than a name.
#[test]
fn a_line_that_leaves_something_out_is_shown_fit_for_a_line_whatever_it_holds() {
    let dir = tree(&["t/d\x1b[1m/x\x1bcy"]);
    fs::write(dir.path().join("t/d\x1b[1m/.gitignore"), "x\x1bc*\n").unwrap();
    let run = run(dir.path(), &["-v", "--gitignore", "t"]);
    assert!(!run.stderr.contains('\x1b'), "{:?}", run.stderr);
    let rule = r"left out: $'t/d\033[1m/.gitignore':1: $'x\033c*'";
    assert!(run.stderr.contains(rule), "{:?}", run.stderr);
}

#[test]
fn without_verbose_nothing_is_said_of_it() {
    check(&["t/.a", "t/b.o", "t/c"], &["--no-hidden", "--exclude", "*.o"], &["t/c"]);
}

#[test]
fn a_special_file_that_is_left_out_is_not_said_to_be_skipped() {
    let dir = tree(&["t/a"]);
    fifo(&dir.path().join("t/fifo"));
    assert_eq!(run(dir.path(), &["--exclude", "fifo", "t"]).clean().len(), 34 + "t/a\n".len());
}

#[test]
fn a_manifest_in_the_tree_and_what_lies_beside_it_can_be_left_out_with_all_older_ones() {
    let dir = tree(&["t/a", "t/sums.1", "t/sums.2"]);
    assert_eq!(run(dir.path(), &["--exclude", "sums*", "-o", "t/sums", "t"]).code, Some(0));
    let sums = fs::read_to_string(dir.path().join("t/sums")).unwrap();
    assert_eq!(sums.lines().map(|line| &line[34..]).collect::<Vec<_>>(), ["t/a"]);
    assert_eq!(names_in(&dir.path().join("t")), ["a", "sums", "sums.1", "sums.2"]);
}

#[test]
fn nonsense_is_refused_and_says_why() {
    let dir = tree(&["t/a"]);
    let rows: [(&[&str], i32, &str); 11] = [
        (&["--exclude", "[a", "t"], 3, "unclosed character class"),
        (&["--exclude", "", "t"], 3, "it would match nothing"),
        (&["--include", "src/", "t"], 3, "src/** is all below it"),
        (&["--max-depth", "0", "t"], 3, "the least is 1: the files in PATH itself"),
        (&["--max-depth", "all", "t"], 3, "not a number"),
        (&["--min-size", "much", "t"], 3, "not a size"),
        (&["--min-size", "2K", "--max-size", "1K", "t"], 3, "--min-size is 2048 bytes and --max-size 1024: "),
        (&["-c", "--exclude", "a", "t/a"], 1, "meaningless when verifying checksums"),
        (&["audit", "--gitignore", "t/a", "t"], 3, "unexpected argument '--gitignore'"),
        (&["update", "--min-size", "1", "t/a", "t"], 3, "unexpected argument '--min-size'"),
        (&["diff", "--max-size", "1", "t", "t"], 3, "unexpected argument '--max-size'"),
    ];
    for (arguments, code, why) in rows {
        let run = run(dir.path(), arguments);
        assert_eq!(run.code, Some(code), "{arguments:?}: {run:?}");
        assert!(run.stderr.contains(why), "{arguments:?}: {}", run.stderr);
    }
    let mut bag = md5all(dir.path());
    assert_eq!(finish(bag.args(["bag", "create", "--exclude", "a", "t"])).code, Some(3));
}
