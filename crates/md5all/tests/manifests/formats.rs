//! Every format, written and checked by the program.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use md5all::manifest::Format;
use tempfile::TempDir;

use crate::harness::{finish, md5all, plant, roomy, run};

/// Names that mean something in one format or another; all formats can say them.
const ODD: [&[u8]; 12] = [
    b"plain",
    b"two words",
    b"a,b",
    b"\"quoted\"",
    b"back\\slash",
    b"\xff\xfe",
    "größe".as_bytes(),
    b"%0A",
    b"#hash",
    b"tab\there",
    b"MD5 (x) = y",
    b"{}",
];

/// A directory `t` of files with odd names, each of which holds its own name.
fn field() -> TempDir {
    let dir = roomy();
    ODD.into_iter().for_each(|name| plant_in(&dir, name));
    dir
}

fn plant_in(dir: &TempDir, name: &[u8]) {
    plant(&dir.path().join("t"), OsStr::from_bytes(name), name);
}

#[test]
fn every_format_is_checked_as_it_was_written() {
    let dir = field();
    for format in Format::ALL.map(Format::name) {
        run(dir.path(), &["--format", format, "-o", "list", "t"]).clean();
        let checked = run(dir.path(), &["-c", "--format", format, "list"]);
        assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "{format}");
        let oks = checked.stdout.split(|&byte| byte == b'\n').filter(|line| line.ends_with(b": OK")).count();
        assert_eq!(oks, ODD.len(), "{format}");
        fs::write(dir.path().join("t/plain"), "other").unwrap();
        let checked = run(dir.path(), &["-c", "--quiet", "--format", format, "list"]);
        assert_eq!((checked.code, checked.text()), (Some(1), "t/plain: FAILED\n".to_owned()), "{format}");
        fs::write(dir.path().join("t/plain"), "plain").unwrap();
    }
}

/// From a file, and from standard input, of which nothing can be read twice; several, each in its own.
#[test]
fn the_format_of_a_list_is_found_by_its_first_lines() {
    let dir = field();
    let named = Format::ALL.into_iter().filter(|&format| format != Format::Bagit).map(Format::name);
    let mut lists = vec!["-c", "--quiet"];
    for format in named {
        run(dir.path(), &["--format", format, "-o", format, "t"]).clean();
        run(dir.path(), &["-c", "--quiet", format]).clean();
        let list = fs::File::open(dir.path().join(format)).unwrap();
        finish(md5all(dir.path()).args(["-c", "--quiet"]).stdin(list)).clean();
        lists.push(format);
    }
    run(dir.path(), &lists).clean();
    fs::write(dir.path().join("t/plain"), "other").unwrap();
    assert_eq!(run(dir.path(), &lists).text(), "t/plain: FAILED\n".repeat(Format::ALL.len() - 1));
}

/// Those who compare whole manifests find the format as those who check them do, also where a manifest has no lines.
#[test]
fn every_format_is_audited_and_updated_as_it_was_written() {
    for format in Format::ALL.into_iter().filter(|&format| format != Format::Bagit).map(Format::name) {
        let dir = field();
        run(dir.path(), &["--format", format, "-o", "list", "t"]).clean();
        run(dir.path(), &["audit", "list", "t"]).clean();
        run(dir.path(), &["diff", "list", "t"]).clean();
        plant_in(&dir, b"new");
        assert_eq!(run(dir.path(), &["audit", "list", "t"]).code, Some(1), "{format}");
        run(dir.path(), &["update", "list", "t"]).clean();
        run(dir.path(), &["audit", "list", "t"]).clean();
        run(dir.path(), &["-c", "--quiet", "--format", format, "list"]).clean();
    }
}

#[test]
fn lists_that_end_lines_with_nul_are_audited_compared_and_updated() {
    for format in ["gnu", "gnu-binary", "bsd", "go"] {
        let dir = field();
        plant_in(&dir, b"two\nlines");
        run(dir.path(), &["-z", "--format", format, "-o", "list", "t"]).clean();
        run(dir.path(), &["audit", "--zero", "list", "t"]).clean();
        run(dir.path(), &["diff", "-z", "list", "t"]).clean();
        assert_eq!(run(dir.path(), &["audit", "list", "t"]).code, Some(2), "{format}");
        plant_in(&dir, b"new");
        assert_eq!(run(dir.path(), &["audit", "-z", "list", "t"]).code, Some(1), "{format}");
        run(dir.path(), &["update", "-z", "list", "t"]).clean();
        run(dir.path(), &["audit", "-z", "list", "t"]).clean();
    }
}

#[test]
fn a_manifest_in_any_format_is_compared_to_one_in_any_other() {
    let dir = field();
    let formats = Format::ALL.map(Format::name);
    for format in formats {
        run(dir.path(), &["--format", format, "-o", format, "t"]).clean();
    }
    plant_in(&dir, b"new");
    for format in formats {
        run(dir.path(), &["--format", format, "-o", &format!("{format}.newer"), "t"]).clean();
    }
    // A bag's manifest is taken for GNU's, and has one name in another spelling then.
    for one in formats.iter().filter(|format| **format != "bagit") {
        for other in formats.iter().filter(|format| **format != "bagit") {
            run(dir.path(), &["diff", one, other]).clean();
            let ended = run(dir.path(), &["diff", one, &format!("{other}.newer")]);
            let text = String::from_utf8_lossy(&ended.stdout).into_owned();
            assert_eq!(ended.code, Some(1), "{one}, {other}: {text}");
            assert!(text.starts_with("new: t/new\nsummary: "), "{one}, {other}: {text}");
        }
    }
    for newer in ["bagit.newer", "bagit"] {
        let ended = run(dir.path(), &["diff", "--format", "bagit", "bagit", newer]);
        assert_eq!(ended.code, Some(i32::from(newer != "bagit")));
    }
}

/// A bag's manifest looks like GNU's: a name that is encoded is not found, and so is not good either.
#[test]
fn a_bags_manifest_is_taken_for_gnus_unless_its_format_is_named() {
    let dir = field();
    run(dir.path(), &["--format", "bagit", "-o", "list", "t"]).clean();
    let taken = run(dir.path(), &["-c", "--quiet", "list"]);
    assert_eq!((taken.code, taken.text()), (Some(1), "t/%250A: FAILED open or read\n".to_owned()));
    run(dir.path(), &["-c", "--quiet", "--format", "bagit", "list"]).clean();
}

#[test]
fn a_name_that_a_format_cannot_say_makes_the_run_incomplete_and_nothing_else_is_lost() {
    let dir = field();
    plant_in(&dir, b"line\nfeed");
    plant_in(&dir, b"ends with\r");
    let ended = run(dir.path(), &["--format", "hashdeep", "-o", "list", "t"]);
    let expected = "\
md5all: $'t/ends with\\r': no line: the format has no escape for the line break in this name
md5all: $'t/line\\nfeed': no line: the format has no escape for the line break in this name
";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), expected));
    let checked = run(dir.path(), &["-c", "--format", "hashdeep", "list"]);
    assert_eq!((checked.code, checked.stdout.split(|&byte| byte == b'\n').count()), (Some(0), ODD.len() + 1));
    let blank = run(dir.path(), &["--format", "bagit", "--", " x", "t/plain"]);
    assert_eq!(blank.code, Some(2), "{blank:?}");
    plant(dir.path(), " x".as_ref(), b"x");
    let blank = run(dir.path(), &["--format", "bagit", "--", " x", "t/plain"]);
    let expected = "md5all:  x: no line: the format has no escape for what this name begins with\n";
    assert_eq!((blank.code, blank.stderr.as_str()), (Some(2), expected));
    assert!(blank.text().ends_with("  t/plain\n"));
}

#[test]
fn a_size_that_is_not_known_is_told_where_it_is_wanted() {
    let dir = field();
    let ended = run(dir.path(), &["--format", "hashdeep", "-"]);
    let expected = "md5all: -: no line: the format wants a size, and this has none\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), expected));
    let csv = run(dir.path(), &["--format", "csv", "-"]).clean();
    assert!(csv.ends_with("-,,,,,d41d8cd98f00b204e9800998ecf8427e\r\n"), "{csv}");
}

#[test]
fn facts_are_those_of_the_file_system() {
    use std::os::unix::fs::MetadataExt;
    let dir = field();
    let of = fs::metadata(dir.path().join("t/plain")).unwrap();
    let mtime = of.mtime() * 1_000_000_000 + of.mtime_nsec();
    let csv = run(dir.path(), &["--format", "csv", "t/plain"]).clean();
    let row: Vec<_> = csv.lines().nth(1).unwrap().split(',').map(str::to_owned).collect();
    assert_eq!(row[..3], ["t/plain".to_owned(), "5".to_owned(), mtime.to_string()]);
    assert_eq!(row[4], of.ino().to_string());
    let json = run(dir.path(), &["--format", "ndjson", "t/plain"]).clean();
    assert!(json.starts_with(&format!("{{\"path\":\"t/plain\",\"size\":5,\"mtime_ns\":{mtime},")), "{json}");
}

#[test]
fn what_a_format_cannot_say_is_refused_before_anything_is_read() {
    let dir = field();
    for (arguments, why) in [
        (&["--format", "csv", "-z", "t"][..], "csv manifests cannot end their lines with NUL"),
        (&["--format", "hashdeep", "-z", "t"], "hashdeep manifests cannot end their lines with NUL"),
    ] {
        let refused = run(dir.path(), arguments);
        assert_eq!((refused.code, refused.stdout.len()), (Some(3), 0), "{arguments:?}");
        assert!(refused.stderr.starts_with(&format!("md5all: {why}\n")), "{}", refused.stderr);
    }
}

/// A file was named so that the first line of a list in Go's format is one of GNU's, too: the others would only be malformed.
#[test]
fn a_list_that_may_be_of_another_format_fails_until_it_is_asked_for() {
    let empty = "d41d8cd98f00b204e9800998ecf8427e"; // MD5 of nothing
    let dir = roomy();
    let tree = dir.path().join("t");
    plant(&tree, OsStr::new("b"), b"changed");
    let name = format!("{empty}  t");
    plant(&tree, OsStr::new(&name), b"");
    plant(&tree, OsStr::new(&format!("t:\t{empty}")), b"");
    fs::write(tree.join("list"), format!("{name}:\t{empty}\nb:\t{empty}\n")).unwrap();
    let said = "list: its lines are of more than one format: say which with --format\n";
    let fails = |arguments: &[&str], code: i32| {
        let ended = run(&tree, arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{arguments:?}: {ended:?}");
    };
    fails(&["-c", "list"], 1);
    fails(&["-c", "--status", "list"], 1);
    fails(&["audit", "list", "."], 2);
    fails(&["diff", "list", "."], 2);
    fails(&["update", "list", "."], 2);
    let asked = run(&tree, &["-c", "--format", "go", "list"]);
    assert_eq!((asked.code, asked.stdout), (Some(1), format!("{name}: OK\nb: FAILED\n").into_bytes()));
}

/// What to Go's is a line is a comment to `md5sum`, and a later line says whose the list is.
#[test]
fn a_comment_that_could_be_a_line_of_gos_is_a_comment() {
    let empty = "d41d8cd98f00b204e9800998ecf8427e"; // MD5 of nothing
    let dir = roomy();
    plant(dir.path(), OsStr::new("b"), b"");
    fs::write(dir.path().join("list"), format!("# a:\t{empty}\n{empty}  b\n")).unwrap();
    let ended = run(dir.path(), &["-c", "list"]);
    assert_eq!((ended.code, &*ended.stdout, &*ended.stderr), (Some(0), &b"b: OK\n"[..], ""));
}
