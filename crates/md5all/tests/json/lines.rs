//! Lines, of runs in which everything happens that has a line.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Run, fifo, finish, md5, md5all, open_writer, plant, run, tree};
use crate::schema::Schema;

/// A run, what its lines must be, and whether its last is a summary.
struct Case {
    definition: &'static str,
    arguments: Vec<&'static str>,
}

fn case(definition: &'static str, line: &'static str) -> Case {
    Case { definition, arguments: line.split_whitespace().collect() }
}

/// Every kind of line that there is comes up in one of them.
fn cases() -> Vec<Case> {
    vec![
        case("hash", "--json t"),
        case("hash", "--json -a md5,sha256 t"),
        case("hash", "--json t gone -q"),
        case("hash", "--json t --exclude b"),
        case("check", "-c --json list"),
        case("check", "-c --json --ignore-missing --warn list other"),
        case("check", "-c --json --status list nothing gone"),
        case("check", "-c --json --status resealed"),
        case("audit", "audit --json before t -v"),
        case("audit", "audit --json broken t -q"),
        case("audit", "diff --json before t"),
        case("audit", "audit --json -v --exclude b before t"),
        case("update", "update --json copy t"),
        case("update", "update --json -v --exclude b copy t"),
        case("update", "update --json --prune outside t -q"),
        case("bag-create", "bag create --json bag dir gone"),
        case("bag-verify", "bag verify --json bag spoilt unknown"),
        case("etag", "etag --json --part-size 1K t/a large gone"),
        case("etag", "etag --json --match a5eb57d36bf73a683183c5a0fb4a37ab-2 large t/a"),
    ]
}

/// The same of runs that do not come to their end.
fn cases_without_a_summary() -> Vec<Case> {
    vec![
        case("hash", "--json --files-from gone"),
        case("hash", "--json --fail-fast gone"),
        case("audit", "audit --json gone t"),
        case("audit", "audit --json nothing t"),
        case("audit", "diff --json t gone"),
        case("audit", "diff --json nothing t"),
        case("update", "update --json gone t"),
        case("update", "update --json broken t"),
        case("update", "update --json resealed t"),
        case("audit", "audit --json before t/a"),
        case("update", "update --json before t/a"),
    ]
}

/// A place where all of them can be run, once each.
fn place() -> TempDir {
    let dir = tree(&["t/a", "t/b", "t/c", "t/gone", "t/moved", "dir/x", "spoilt/x", "bag/x", "unknown/x"]);
    let at = |name: &str| dir.path().join(name);
    plant(&at("t"), OsStr::from_bytes(b"odd\xff"), b"odd");
    run(dir.path(), &["t", "-o", "before"]).clean();
    fs::copy(at("before"), at("copy")).unwrap();
    let outside = format!("{}  /elsewhere/a\n{}  t/none\n{}  a\n", md5(b"a"), md5(b"b"), md5(b"t/a"));
    fs::write(at("outside"), outside).unwrap();
    fs::write(at("broken"), [&fs::read(at("before")).unwrap()[..], b"nonsense\n"].concat()).unwrap();
    let mut sealed = run(dir.path(), &["t", "--seal"]).stdout;
    let second = sealed.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    sealed[second] = if sealed[second] == b'0' { b'1' } else { b'0' };
    fs::write(at("resealed"), sealed).unwrap();
    fs::rename(at("t/moved"), at("t/new")).unwrap();
    fs::remove_file(at("t/gone")).unwrap();
    fs::write(at("t/b"), "other").unwrap();
    fifo(&at("t/fifo"));
    let list = format!("{}  t/a\n{}  t/b\nnonsense\n{}  t/none\n", md5(b"t/a"), md5(b"t/b"), md5(b"x"));
    fs::write(at("list"), &list).unwrap();
    fs::write(at("other"), list.replace("t/b", "t/c")).unwrap();
    fs::write(at("nothing"), "nothing\n").unwrap();
    fs::write(at("large"), [0; 1500]).unwrap();
    run(dir.path(), &["bag", "create", "bag", "spoilt", "unknown"]).clean();
    fs::write(at("spoilt/data/y"), "").unwrap();
    fs::write(at("unknown/bagit.txt"), "BagIt-Version: 9.9\nTag-File-Character-Encoding: UTF-8\n").unwrap();
    dir
}

fn lines(run: &Run) -> Vec<Value> {
    let text = str::from_utf8(&run.stdout).expect("JSON is UTF-8");
    assert!(text.ends_with('\n'), "the last line has an end: {text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

#[test]
fn every_line_of_every_subcommand_is_in_the_schema() {
    let (dir, schema) = (place(), Schema::read());
    let mut met: Vec<(&str, usize)> = Vec::new();
    for Case { definition, arguments } in cases().into_iter().chain(cases_without_a_summary()) {
        for line in lines(&run(dir.path(), &arguments)) {
            assert!(schema.allows(definition, &line), "{arguments:?}: {line}");
            assert!(schema.allows_anywhere(&line));
            met.push((definition, schema.kind(definition, &line).expect("it is of one kind")));
        }
    }
    for definition in ["hash", "check", "audit", "update", "bag-create", "bag-verify", "etag"] {
        for kind in 0..schema.kinds(definition) {
            assert!(met.contains(&(definition, kind)), "no line is of {definition}'s kind {kind}");
        }
    }
}

#[test]
fn one_member_tells_which_kind_of_line_it_is() {
    const TELLING: [&str; 9] =
        ["checksums", "check", "verdict", "finding", "bag", "etag", "unmatched", "error", "summary"];
    let dir = place();
    for Case { arguments, .. } in cases() {
        for line in lines(&run(dir.path(), &arguments)) {
            let mut telling: Vec<_> = TELLING.into_iter().filter(|&name| line.get(name).is_some()).collect();
            if line.get("bag").or(line.get("bag_base64")).is_some() {
                telling.retain(|&name| name != "verdict");
            }
            assert_eq!(telling.len(), 1, "{line}");
        }
    }
}

#[test]
fn the_last_line_is_the_summary() {
    let dir = place();
    for Case { arguments, .. } in cases() {
        let mut lines = lines(&run(dir.path(), &arguments));
        assert!(lines.pop().unwrap().get("summary").is_some(), "{arguments:?}");
        assert!(lines.iter().all(|line| line.get("summary").is_none()), "{arguments:?}");
    }
}

#[test]
fn the_exit_status_is_the_same_with_and_without() {
    for Case { arguments, .. } in cases().into_iter().chain(cases_without_a_summary()) {
        // What changes something must meet what the other met.
        let (with, without) = (place(), place());
        let told = run(with.path(), &arguments);
        let plain: Vec<_> = arguments.into_iter().filter(|&argument| argument != "--json").collect();
        let ended = run(without.path(), &plain);
        assert_eq!((told.code, problems(&told)), (ended.code, problems(&ended)), "{plain:?}");
    }
}

/// What is said on standard error, but for what has an object instead, why a file is left out, and for how fast it was.
fn problems(run: &Run) -> Vec<&str> {
    let is_compared = |line: &&str| !line.ends_with(": left out: --exclude b") && !line.contains("B/s)");
    run.stderr.lines().filter(is_compared).collect()
}

#[test]
fn a_run_that_was_ended_early_has_no_summary() {
    let dir = place();
    let ended = run(dir.path(), &["--json", "--fail-fast", "gone"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(lines(&ended), [json!({"error": "cannot stat: No such file or directory", "path": "gone"})]);
    for Case { arguments, .. } in cases_without_a_summary() {
        assert!(lines(&run(dir.path(), &arguments)).iter().all(|line| line.get("summary").is_none()), "{arguments:?}");
    }
}

#[test]
fn a_manifest_or_list_that_is_none_to_go_by_is_an_error() {
    let dir = place();
    let absent = "cannot open: No such file or directory";
    let sealed = "the seal is broken: the list was changed";
    let nothing = "no properly formatted checksum lines found";
    for (line, path, error) in [
        ("--json --files-from gone", "gone", absent),
        ("audit --json gone t", "gone", absent),
        ("audit --json nothing t", "nothing", nothing),
        ("audit --json broken t", "broken", "line 7 is malformed"),
        ("audit --json resealed t", "resealed", sealed),
        ("diff --json t gone", "gone", absent),
        ("diff --json resealed t", "resealed", sealed),
        ("update --json gone t", "gone", absent),
        ("update --json broken t", "broken", "line 7 is improperly formatted"),
        ("update --json resealed t", "resealed", sealed),
    ] {
        let ended = run(dir.path(), &line.split(' ').collect::<Vec<_>>());
        assert_eq!(ended.code, Some(2), "{line}");
        assert_eq!(lines(&ended)[0], json!({"error": error, "path": path}), "{line}");
        assert!(ended.stderr.contains(&format!("md5all: {path}: {error}\n")), "{line}: {}", ended.stderr);
    }
}

#[test]
fn a_root_that_is_no_directory_is_an_error() {
    let dir = place();
    for line in ["audit --json before t/a", "update --json before t/a", "audit --json broken t/a"] {
        let ended = run(dir.path(), &line.split(' ').collect::<Vec<_>>());
        let error = json!({"error": "the tree must be a directory", "path": "t/a"});
        assert_eq!((ended.code, lines(&ended).last()), (Some(3), Some(&error)), "{line}");
        assert!(ended.stderr.ends_with("md5all: t/a: the tree must be a directory\n"), "{line}: {}", ended.stderr);
    }
}

/// What is said of standard output is said by what it is, not by a name that a file may have as well.
#[test]
fn a_file_may_have_the_name_that_standard_output_has_in_messages() {
    let dir = tree(&["t/a"]);
    let ended = run(dir.path(), &["update", "--json", "standard output", "t"]);
    let error = json!({"error": "cannot open: No such file or directory", "path": "standard output"});
    assert_eq!((ended.code, lines(&ended)), (Some(2), vec![error]));
}

#[test]
fn the_summary_of_a_check_counts_broken_seals() {
    let dir = place();
    let told = lines(&run(dir.path(), &["-c", "--json", "resealed"]));
    assert_eq!(told.last().unwrap()["summary"]["broken_seals"], 1, "{told:?}");
}

#[test]
fn the_summary_of_a_check_counts_lists_that_cannot_be_read() {
    let dir = place();
    let told = lines(&run(dir.path(), &["-c", "--json", "gone", "list", "t"]));
    let summary = &told.last().unwrap()["summary"];
    assert_eq!((&summary["unreadable_lists"], &summary["ok"]), (&json!(2), &json!(1)), "{told:?}");
    let told = lines(&run(dir.path(), &["-c", "--json", "list", "nothing"]));
    assert!(told.last().unwrap()["summary"]["unreadable_lists"].is_null(), "{told:?}");
}

#[test]
fn what_cannot_be_read_is_an_object_and_a_message() {
    let dir = tree(&["a"]);
    let ended = run(dir.path(), &["--json", "a", "gone"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.stderr, "md5all: gone: cannot stat: No such file or directory\n");
    let problem = json!({"error": "cannot stat: No such file or directory", "path": "gone"});
    assert_eq!(lines(&ended)[1], problem);
}

#[test]
fn a_file_has_its_checksums_and_facts() {
    use std::os::unix::fs::MetadataExt;
    let dir = tree(&["a"]);
    let line = lines(&run(dir.path(), &["--json", "-a", "md5,crc32c", "a"])).remove(0);
    let found = fs::metadata(dir.path().join("a")).unwrap();
    assert_eq!(line["path"], "a");
    assert_eq!(line["checksums"], json!({"md5": md5(b"a"), "crc32c": "c1d04330"}));
    assert_eq!(line["size"], 1);
    assert_eq!(line["mtime_ns"], found.mtime() * 1_000_000_000 + found.mtime_nsec());
    assert_eq!(line["inode"], found.ino());
}

#[test]
fn the_summary_counts_what_was_passed_over() {
    let dir = tree(&["t/a", "t/b", "t/c"]);
    fifo(&dir.path().join("t/fifo"));
    let told = lines(&run(dir.path(), &["--json", "t", "gone", "--exclude", "c"]));
    let summary = json!({"summary": {"hashed": 2, "failed": 1, "special": 1, "other_file_systems": 0, "automounts": 0,
        "excluded": 0, "left_out": {"hidden": 0, "globs": 1, "ignored": 0, "depth": 0, "not_included": 0, "size": 0}}});
    assert_eq!(told.last(), Some(&summary));
}

#[test]
fn names_of_any_bytes_come_back() {
    let names: [&[u8]; 6] = [b"plain", "größe".as_bytes(), b"\xff\xfe", b"two\nlines", b"\"quoted\"\\", b"\x01"];
    let dir = tempfile::tempdir().unwrap();
    names.iter().for_each(|name| plant(&dir.path().join("t"), OsStr::from_bytes(name), b"x"));
    let told = lines(&run(dir.path(), &["--json", "t"]));
    let mut found: Vec<Vec<u8>> = told.iter().filter_map(path).collect();
    let mut expected: Vec<Vec<u8>> = names.iter().map(|name| [b"t/", *name].concat()).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let bag = OsStr::from_bytes(b"bag\xff");
    fs::create_dir(dir.path().join(bag)).unwrap();
    let made = finish(md5all(dir.path()).args(["bag", "create", "--json"]).arg(bag));
    assert_eq!(lines(&made)[0], json!({"bag_base64": BASE64.encode(b"bag\xff"), "verdict": "created"}));
}

/// The name that a line is about.
fn path(line: &Value) -> Option<Vec<u8>> {
    let text = line.get("path").and_then(Value::as_str).map(|path| path.as_bytes().to_vec());
    text.or_else(|| BASE64.decode(line.get("path_base64")?.as_str()?.as_bytes()).ok())
}

#[test]
fn quiet_leaves_out_notes_and_no_object() {
    let dir = tree(&["t/a"]);
    fifo(&dir.path().join("t/fifo"));
    let (loud, quiet) = (run(dir.path(), &["--json", "t"]), run(dir.path(), &["--json", "-q", "t"]));
    assert_eq!(loud.stderr, "md5all: skipped 1 special file (FIFO, socket or device)\n");
    assert_eq!((quiet.stderr.as_str(), &quiet.stdout), ("", &loud.stdout));
}

#[test]
fn there_are_no_colours_in_json() {
    let dir = place();
    for Case { arguments, .. } in cases() {
        let ended = finish(md5all(dir.path()).args(arguments).arg("--color=always"));
        assert!(!ended.stdout.contains(&0x1b), "{ended:?}");
    }
}

#[test]
fn json_is_refused_where_it_makes_no_sense() {
    let dir = tree(&["a"]);
    for flags in ["--format csv", "--format ndjson", "--tag", "-b", "-t", "-z", "--seal", "-o out"] {
        let arguments: Vec<_> = ["--json", "a"].into_iter().chain(flags.split(' ')).collect();
        let ended = run(dir.path(), &arguments);
        assert_eq!((ended.code, ended.stdout.len()), (Some(3), 0), "{flags}");
    }
    assert!(!dir.path().join("out").exists());
}

#[test]
fn a_check_tells_list_and_line() {
    let dir = place();
    let told = lines(&run(dir.path(), &["-c", "--json", "list"]));
    let expected = [
        json!({"check": "ok", "path": "t/a", "list": "list", "line": 1}),
        json!({"check": "failed", "path": "t/b", "list": "list", "line": 2}),
        json!({"check": "malformed", "list": "list", "line": 3}),
        json!({"check": "unreadable", "path": "t/none", "reason": "cannot open: No such file or directory",
            "list": "list", "line": 4}),
        json!({"summary": {"ok": 1, "failed": 1, "unreadable": 1, "missing": 0, "malformed": 1}}),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_check_is_as_quiet_as_it_is_asked_to_be() {
    let dir = place();
    let checks = |flag| {
        let told = lines(&run(dir.path(), &["-c", "--json", flag, "list"]));
        let word = |line: &Value| Some(line.get("check")?.as_str()?.to_owned());
        told.iter().filter_map(word).collect::<Vec<_>>()
    };
    assert_eq!(checks("--quiet"), ["failed", "malformed", "unreadable"]);
    assert_eq!(checks("-q"), checks("--quiet"));
    assert!(checks("--status").is_empty());
}

#[test]
fn a_list_that_says_nothing_is_an_error() {
    let dir = place();
    let told = lines(&run(dir.path(), &["-c", "--json", "--status", "nothing"]));
    let error = "no properly formatted checksum lines found";
    assert_eq!(told[0], json!({"error": error, "path": "nothing"}));
    assert_eq!(told[1]["summary"]["malformed"], 1);
    let gone = lines(&run(dir.path(), &["-c", "--json", "gone"]));
    assert_eq!(gone[0], json!({"error": "No such file or directory", "path": "gone"}));
}

#[test]
fn an_update_tells_what_is_not_the_same() {
    let dir = place();
    let told = lines(&run(dir.path(), &["update", "--json", "copy", "t"]));
    let verdicts: Vec<_> = told.iter().filter_map(|line| Some((line.get("verdict")?.as_str()?, path(line)?))).collect();
    let expected = [("changed", &b"t/b"[..]), ("missing", b"t/gone"), ("missing", b"t/moved"), ("new", b"t/new")];
    assert_eq!(verdicts, expected.map(|(verdict, path)| (verdict, path.to_vec())));
    assert_eq!(told.last().unwrap()["summary"]["prune"], false);
}

#[test]
fn bags_that_are_made_or_not_are_told() {
    let dir = place();
    let told = lines(&run(dir.path(), &["bag", "create", "--json", "dir", "bag"]));
    let expected = [
        json!({"bag": "dir", "verdict": "created"}),
        json!({"error": "is a bag already", "path": "bag"}),
        json!({"bag": "bag", "verdict": "refused"}),
        json!({"summary": {"created": 1, "refused": 1, "failed": 0}}),
    ];
    assert_eq!(told, expected);
    let gone = lines(&run(dir.path(), &["bag", "create", "--json", "nope"]));
    assert_eq!(gone[0]["path"], "nope", "{gone:?}");
}

#[test]
fn an_etag_is_told_with_the_size_of_its_parts() {
    let dir = place();
    let etag = run(dir.path(), &["etag", "--part-size", "1K", "large"]).clean()[..34].to_owned();
    assert!(etag.ends_with("-2"), "{etag}");
    let large = json!({"etag": etag, "path": "large", "part_size": 1024});
    let told = lines(&run(dir.path(), &["etag", "--json", "--part-size", "1K", "large", "t/a"]));
    assert_eq!(told[0], large);
    assert_eq!(told[1], json!({"etag": md5(b"t/a"), "path": "t/a", "part_size": null}));
    assert_eq!(told[2], json!({"summary": {"matched": 2, "unmatched": 0, "failed": 0}}));
    let told = lines(&run(dir.path(), &["etag", "--json", "--match", &etag, "--part-size", "1K", "large", "t/a"]));
    assert_eq!(told[0], large);
    assert_eq!(told[1], json!({"unmatched": "no usual part size gives 2 parts", "path": "t/a"}));
    assert_eq!(told[2], json!({"summary": {"matched": 1, "unmatched": 1, "failed": 0}}));
}

/// On standard error, held once by a FIFO, so that there is a file to be named.
#[test]
fn progress_is_in_the_schema_meanwhile_and_at_the_end() {
    let (dir, schema) = (tree(&["a"]), Schema::read());
    let path = dir.path().join(OsStr::from_bytes(b"held\xff"));
    fifo(&path);
    let mut command = md5all(dir.path());
    command.args(["--progress=json", "a"]).arg(&path).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut writer = Some(open_writer(&path));
    let mut told = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let object: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert!(schema.allows("progress", &object) && schema.allows_anywhere(&object), "{object}");
        if object["progress"]["files_in_all"] == 2 {
            drop(writer.take());
        }
        told.push(object);
    }
    let is_done = |object: &&Value| object["progress"]["done"] == true;
    assert_eq!(told.iter().filter(is_done).count(), 1, "{told:?}");
    assert!(told.iter().any(|object| object["progress"]["slowest"]["path_base64"].is_string()), "{told:?}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
