//! Situations: a tree, what was done to it, and what is told. A further one is a row.

use std::fs;

use crate::stage::Stage;
use crate::stage::Step::{self, Copy, Directory, Fifo, Link, Remove, RemoveTree, Rename, Rot, Write};

const TREE: [Step; 6] = [
    Write("t/a", "one"),
    Write("t/b", "two"),
    Write("t/d/x", "three"),
    Write("t/d/y", "four"),
    Write("t/empty", ""),
    Write("t/z", "five"),
];

/// What was done to the tree, what is told of it, and the exit status.
type Row = (&'static str, &'static [Step], &'static [&'static str], i32);

const ROWS: [Row; 25] = [
    ("nothing", &[], &[], 0),
    ("changed", &[Write("t/a", "ONE!")], &["changed: t/a"], 1),
    ("new", &[Write("t/n", "six")], &["new: t/n"], 1),
    ("missing", &[Remove("t/a")], &["missing: t/a"], 1),
    ("moved", &[Rename("t/a", "t/n")], &["moved: t/a -> t/n"], 1),
    ("copied", &[Copy("t/a", "t/n")], &["copied: t/a -> t/n"], 1),
    ("moved and copied", &[Rename("t/a", "t/n"), Copy("t/n", "t/o")], &["moved: t/a -> t/n", "new: t/o"], 1),
    ("a directory moved", &[Rename("t/d", "t/e")], &["moved: t/d/x -> t/e/x", "moved: t/d/y -> t/e/y"], 1),
    ("a directory gone", &[RemoveTree("t/d")], &["missing: t/d/x", "missing: t/d/y"], 1),
    ("an empty file moved", &[Rename("t/empty", "t/e")], &["new: t/e", "missing: t/empty"], 1),
    ("an empty file copied", &[Copy("t/empty", "t/e")], &["new: t/e"], 1),
    (
        "a file exchanged",
        &[Rename("t/a", "t/n"), Rename("t/b", "t/a")],
        &["changed: t/a", "missing: t/b", "new: t/n"],
        1,
    ),
    ("moved over another", &[Rename("t/a", "t/b")], &["changed: t/b", "missing: t/a"], 1),
    ("a copy of what has changed", &[Copy("t/a", "t/n"), Write("t/a", "ONE!")], &["changed: t/a", "new: t/n"], 1),
    ("a FIFO in its place", &[Remove("t/a"), Fifo("t/a")], &["changed: t/a"], 1),
    ("a link in its place", &[Remove("t/a"), Link("t/a", "b")], &["changed: t/a"], 1),
    ("a link to what was there", &[Rename("t/a", "o"), Link("t/a", "../o")], &["changed: t/a"], 1),
    ("a directory in its place", &[Remove("t/a"), Directory("t/a")], &["changed: t/a"], 1),
    ("a full directory in its place", &[Rename("t/a", "o"), Rename("o", "t/a/a")], &["changed: t/a", "new: t/a/a"], 1),
    (
        "a file in the place of a directory",
        &[RemoveTree("t/d"), Write("t/d", "six")],
        &["new: t/d", "missing: t/d/x", "missing: t/d/y"],
        1,
    ),
    (
        "a directory moved, and a link to it",
        &[Rename("t/d", "t/e"), Link("t/d", "e")],
        &["moved: t/d/x -> t/e/x", "moved: t/d/y -> t/e/y"],
        1,
    ),
    ("links and FIFOs that nobody listed", &[Link("t/l", "a"), Fifo("t/f"), Directory("t/g")], &[], 0),
    ("time alone", &[Rot("t/a", "one")], &[], 0),
    ("the same size", &[Write("t/a", "eno")], &["changed: t/a"], 1),
    (
        "everything elsewhere",
        &[Rename("t", "u"), Directory("t")],
        &["missing: t/a", "missing: t/b", "missing: t/d/x", "missing: t/d/y", "missing: t/empty", "missing: t/z"],
        1,
    ),
];

#[test]
fn each_situation_is_told_for_what_it_is() {
    for (name, steps, lines, code) in ROWS {
        eprintln!("{name}");
        let stage = Stage::new(&TREE);
        stage.list();
        stage.play(steps);
        stage.check("audit list t", lines, code);
        stage.check("audit list", lines, code);
        stage.check("diff list t", lines, code);
    }
}

/// The same list, made inside, of a copy elsewhere, and with names in other spellings.
#[test]
fn a_list_is_held_against_wherever_the_tree_is() {
    let stage = Stage::new(&TREE);
    stage.run("t -o list").clean();
    let list = fs::read_to_string(stage.path("list")).unwrap();
    let spelt = |from: &str, to: &str, name: &str| fs::write(stage.path(name), list.replace(from, to)).unwrap();
    spelt("  t/", "  ", "inside");
    spelt("  t/", "  ./", "dotted");
    spelt("  t/", "  .//t/./", "odd");
    spelt("  t/", &format!("  {}/", stage.path("t").display()), "absolute");
    stage.play(&[Remove("t/a"), Write("t/n", "six")]);
    stage.check("audit inside t", &["missing: a", "new: n"], 1);
    stage.check("audit dotted t/", &["missing: a", "new: n"], 1);
    stage.check("audit odd ./t//", &["missing: t/a", "new: t/n"], 1);
    stage.check("audit odd", &["missing: t/a", "new: t/n"], 1);
    let absolute = |name: &str| stage.path("t").join(name).display().to_string();
    let lines = [format!("missing: {}", absolute("a")), format!("new: {}", absolute("n"))];
    stage.check("audit absolute", &[&lines[0], &lines[1]], 1);
    stage.play(&[Rename("t", "moved/here")]);
    stage.check("audit inside moved/here", &["missing: a", "new: n"], 1);
}

/// As of a copy of the tree on another disk, or of the tree itself by another path.
#[test]
fn a_root_that_ends_as_names_begin_is_where_they_lie() {
    let stage = Stage::new(&TREE);
    stage.run("t -o list").clean();
    stage.play(&[Remove("t/a"), Write("t/n", "six"), Directory("elsewhere")]);
    for root in [stage.path("t").display().to_string(), "elsewhere/../t".to_owned()] {
        stage.check(&format!("audit list {root}"), &["missing: t/a", "new: t/n"], 1);
        stage.check(&format!("diff list {root}"), &["missing: t/a", "new: t/n"], 1);
        stage.check(&format!("diff {root} list"), &["new: t/a", "missing: t/n"], 1);
    }
    stage.play(&[Rename("t", "elsewhere/t")]);
    stage.check("audit list elsewhere/t", &["missing: t/a", "new: t/n"], 1);
    // Whatever comes to lie there.
    stage.play(&[Directory("elsewhere/t/t")]);
    stage.check("audit list elsewhere/t", &["missing: t/a", "new: t/n"], 1);
    // What was made inside a tree that has just such a directory.
    stage.play(&[Directory("u"), Rename("elsewhere", "u/t")]);
    stage.check("audit list u/t", &["missing: t/a", "new: t/n"], 1);
}

#[test]
fn a_tree_with_another_name_is_held_against_its_list() {
    let stage = Stage::new(&TREE);
    stage.run("t -o list").clean();
    let all = stage.path("t").display().to_string();
    stage.run(&format!("{all} -o absolute")).clean();
    stage.play(&[Remove("t/a"), Write("t/n", "six"), Link("l", "t")]);
    stage.check("audit list l", &["missing: t/a", "new: t/n"], 1);
    let inside = |list: &str| {
        let list = stage.path(list).display().to_string();
        crate::harness::run(&stage.path("t"), &["audit", &list, "."]).text().lines().count()
    };
    assert_eq!((inside("list"), inside("absolute")), (3, 3));
    stage.play(&[Rename("t", "u/v")]);
    for root in ["u/v", "u/v/", "u/../u/v"] {
        let lines = [format!("missing: {all}/a"), format!("new: {all}/n")];
        stage.check(&format!("audit absolute {root}"), &[&lines[0], &lines[1]], 1);
    }
}

#[test]
fn a_tree_in_which_not_one_file_is_where_it_was_is_told() {
    let stage = Stage::new(&TREE);
    stage.list();
    stage.play(&[Write("other/x", "six"), Directory("empty")]);
    let note = "md5all: not one file is where it was: is it the same tree?\n";
    for line in ["audit list other", "audit list empty", "diff t other", "diff list other"] {
        assert_eq!(stage.run(line).stderr, note, "{line}");
        let quiet = line.replacen(' ', " -q ", 1);
        assert_eq!(stage.run(&quiet).stderr, "", "{quiet}");
    }
    stage.write_list("one", "{one}  t/a\n{two}  t/gone\n");
    for line in ["audit list t", "audit one t", "diff empty t"] {
        assert_eq!(stage.run(line).stderr, "", "{line}");
    }
}

#[test]
fn what_is_not_below_the_root_is_told_and_never_ok() {
    let stage = Stage::new(&[Write("t/a", "one"), Write("b", "two")]);
    stage.write_list("list", "{one}  a\n{two}  ../b\n");
    stage.check("audit list t -v --io auto", &["ok: a", "outside: ../b"], 2);
    let run = stage.run("audit list t");
    assert_eq!(run.stderr, "md5all: 1 file is listed that would not lie below the root\n");
}

#[test]
fn names_of_which_some_begin_with_the_root_are_relative_to_it() {
    let stage = Stage::new(&[Write("t/a", "one"), Write("t/t/b", "two")]);
    stage.write_list("list", "{one}  a\n{two}  t/b\n");
    stage.check("audit list t", &[], 0);
    let run = stage.run("audit list t");
    assert_eq!(run.stderr, "md5all: some names, but not all, begin with t: all are taken as relative to it\n");
}

#[test]
fn without_a_root_it_is_what_names_share_and_that_is_said() {
    let stage = Stage::new(&[Write("t/d/a", "one"), Write("t/d/e/b", "two"), Write("t/n", "six")]);
    stage.write_list("list", "{one}  t/d/a\n{two}  t/d/e/b\n");
    stage.check("audit list", &[], 0);
    assert_eq!(stage.run("audit list").stderr, "md5all: the tree is taken to be t/d\n");
}

#[test]
fn lines_that_say_the_same_count_once_and_those_that_contradict_are_never_ok() {
    let stage = Stage::new(&[Write("t/a", "one"), Write("t/b", "two")]);
    stage.write_list("list", "{one}  t/a\n{one}  ./t//a\n{two}  t/b\n{one}  t/b\n");
    let run = stage.run("audit list t");
    assert!(
        run.stderr.starts_with(
            "md5all: t/b: listed with contradicting checksums\n\
        md5all: 1 file is listed with too little to compare\n"
        ),
        "{run:?}"
    );
    stage.check("audit list t -v", &["ok: t/a", "incomparable: t/b"], 2);
    stage.play(&[Remove("t/b")]);
    stage.check("audit list t", &["incomparable: t/b"], 2);
}

#[test]
fn malformed_lines_are_told_and_are_never_exit_0() {
    let stage = Stage::new(&[Write("t/a", "one")]);
    stage.write_list("list", "# fine\n{one}  t/a\nnonsense\nmore of it\n");
    stage.check("audit list t", &[], 2);
    let run = stage.run("audit list t");
    assert_eq!(run.stderr, "md5all: list: 2 lines are malformed, the first of them is line 3\n");
    assert!(run.text().ends_with(" 2 malformed\n"));
    stage.write_list("list", "nonsense\n");
    let run = stage.run("audit list t");
    assert_eq!(
        (run.stderr.as_str(), run.code),
        ("md5all: list: no properly formatted checksum lines found\n", Some(2))
    );
    assert_eq!(run.text(), "");
    stage.check("audit none t", &[], 2);
    assert_eq!(stage.run("audit none t").stderr, "md5all: none: cannot open: No such file or directory\n");
}

/// `md5sum -c` cannot open such a name either, although the contents are those of a file that is called nearly so.
#[test]
fn a_name_that_ends_as_a_directorys_is_never_ok() {
    let stage = Stage::new(&[Write("t/a", "one"), Write("t/b", "two")]);
    for name in ["t/a/", "t/a/.", "t/./a//"] {
        stage.write_list("list", &format!("{{two}}  t/b\n{{one}}  {name}\n"));
        stage.check("audit list t", &["new: t/a"], 2);
        assert_eq!(stage.run("audit list t").stderr, "md5all: list: line 2 is malformed\n");
        let update = stage.run("update list t");
        assert_eq!((update.code, &*update.stderr), (Some(2), "md5all: list: line 2 is improperly formatted\n"));
        assert_eq!(stage.run("-c list").code, Some(1));
    }
}

#[test]
fn an_empty_manifest_is_that_of_an_empty_tree() {
    let stage = Stage::new(&[Write("list", ""), Directory("t")]);
    stage.check("audit list t", &[], 0);
    stage.play(&[Write("t/n", "six")]);
    stage.check("audit list t", &["new: t/n"], 1);
}

#[test]
fn the_manifest_and_what_lies_beside_it_are_not_new() {
    let stage = Stage::new(&[Write("t/a", "one")]);
    stage.run("t -o t/list").clean();
    let sidecar = "# md5all's facts: size mtime_ns ctime_ns inode checksums path\n";
    let journal = "# md5all's journal: what an interrupted run has finished; --resume goes on from here\n";
    let beside = [Write("t/list.facts", sidecar), Write("t/list.journal", journal)];
    stage.play(&beside);
    stage.check("audit t/list t", &[], 0);
    stage.play(&[Write("t/list.other", "o")]);
    stage.check("audit t/list t", &["new: t/list.other"], 1);
}

#[test]
fn a_manifest_may_come_from_standard_input() {
    use crate::harness::{finish, md5all};
    let stage = Stage::new(&[Write("t/a", "one")]);
    stage.list();
    let list = fs::File::open(stage.path("list")).unwrap();
    let text = finish(md5all(stage.dir.path()).args(["audit", "-", "t"]).stdin(list)).clean();
    assert!(text.starts_with("summary: 1 ok, 0 changed"), "{text}");
}

#[test]
fn of_several_that_moved_the_first_goes_to_the_first() {
    let stage = Stage::new(&[Write("t/a", "one"), Write("t/b", "one"), Write("t/c", "one"), Write("t/k", "one")]);
    stage.list();
    stage.play(&[Rename("t/a", "t/x"), Rename("t/b", "t/y"), Copy("t/c", "t/z")]);
    stage.check("audit list t", &["moved: t/a -> t/x", "moved: t/b -> t/y", "copied: t/c -> t/z"], 1);
}

#[test]
fn names_that_would_break_a_line_are_escaped_and_arrows_as_well() {
    let stage = Stage::new(&[Write("t/a -> b", "one"), Write("t/two\nlines", "two"), Write("t/back\\slash", "three")]);
    stage.list();
    stage.play(&[Rename("t/a -> b", "t/c"), Remove("t/two\nlines"), Write("t/back\\slash", "four")]);
    let lines = ["changed: \\t/back\\\\slash", "moved: \\t/a -\\> b -> t/c", "missing: \\t/two\\nlines"];
    stage.check("audit list t", &lines, 1);
}

#[test]
fn the_summary_comes_last_and_counts_everything() {
    let stage = Stage::new(&TREE);
    stage.list();
    let steps = [Rename("t/a", "t/n"), Copy("t/b", "t/o"), Write("t/z", "?"), Remove("t/d/x"), Write("t/p", "six")];
    stage.play(&steps);
    let text = stage.run("audit list t").text();
    let summary = "summary: 3 ok, 1 changed, 0 corrupt, 1 moved, 1 copied, 1 new, 1 missing, 0 unreadable, \
                   0 incomparable, 0 outside, 0 malformed";
    assert_eq!(text.lines().last(), Some(summary), "{text}");
    assert!(!text.contains("ok:"));
}

#[test]
fn json_is_an_object_a_line() {
    use std::os::unix::ffi::OsStrExt;
    let stage = Stage::new(&TREE);
    fs::write(stage.path("t").join(std::ffi::OsStr::from_bytes(b"\xff")), "seven").unwrap();
    stage.list();
    stage.play(&[Rename("t/a", "t/n\n"), Write("t/z", "?")]);
    fs::remove_file(stage.path("t").join(std::ffi::OsStr::from_bytes(b"\xff"))).unwrap();
    let run = stage.run("audit list t --json");
    assert_eq!(run.code, Some(1));
    let expected = "{\"verdict\":\"changed\",\"path\":\"t/z\"}\n\
        {\"verdict\":\"moved\",\"path\":\"t/n\\n\",\"from\":\"t/a\"}\n\
        {\"verdict\":\"missing\",\"path_base64\":\"dC//\"}\n\
        {\"summary\":{\"ok\":4,\"changed\":1,\"corrupt\":0,\"moved\":1,\"copied\":0,\"new\":0,\"missing\":1,\
        \"unreadable\":0,\"incomparable\":0,\"outside\":0,\"malformed\":0}}\n";
    assert_eq!(run.text(), expected);
}

#[test]
fn nonsense_on_the_command_line_is_exit_3() {
    let stage = Stage::new(&[]);
    for line in ["audit", "diff", "diff a", "audit a b c", "audit a --unordered", "diff a b -j 0"] {
        assert_eq!(stage.run(line).code, Some(3), "{line}");
    }
}

/// A directory called `audit` is `./audit`.
#[test]
fn the_word_is_the_command() {
    let stage = Stage::new(&[Write("audit/a", "one")]);
    assert_eq!(stage.run("audit").code, Some(3));
    assert_eq!(stage.run("./audit").names(), ["./audit/a"]);
}

/// A list of one file that knows its size and its time of modification.
fn list_with_facts(stage: &Stage, name: &str, size: Option<u64>, moved_by: i128) {
    use std::time::UNIX_EPOCH;
    let metadata = fs::metadata(stage.path(name)).unwrap();
    let mtime = metadata.modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i128 + moved_by;
    let size = size.map(|size| size.to_string()).unwrap_or_default();
    let digest = crate::harness::md5(&fs::read(stage.path(name)).unwrap());
    let text = format!("path,size,mtime_ns,md5\r\n{name},{size},{mtime},{digest}\r\n");
    fs::write(stage.path("list"), text).unwrap();
}

#[test]
fn other_contents_of_the_same_size_and_time_are_corrupt() {
    let line = "audit --format csv list t";
    let stage = Stage::new(&[Write("t/a", "one")]);
    list_with_facts(&stage, "t/a", Some(3), 0);
    stage.check(line, &[], 0);
    stage.play(&[Rot("t/a", "eno")]);
    stage.check(line, &["corrupt: t/a"], 1);
    stage.check("diff --format csv list t", &["corrupt: t/a"], 1);
    stage.play(&[Write("t/a", "ono")]);
    stage.check(line, &["changed: t/a"], 1);
}

#[test]
fn a_sidecar_tells_what_is_corrupt_of_a_list_without_facts() {
    let stage = Stage::new(&[Write("t/a", "one"), Write("t/b", "two")]);
    crate::settled::settle(&stage.path("t"));
    let made = stage.run("-o list --facts t");
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    stage.play(&[Rot("t/a", "eno"), Rot("t/b", "owt")]);
    // Of b, the list says something else by now than the sidecar repeats: then the sidecar knows nothing of it.
    let list = fs::read_to_string(stage.path("list")).unwrap();
    let (one, other) = (crate::harness::md5(b"two"), crate::harness::md5(b"other"));
    fs::write(stage.path("list"), list.replace(&one, &other)).unwrap();
    stage.check("audit list t", &["corrupt: t/a", "changed: t/b"], 1);
}

#[test]
fn without_both_facts_or_with_another_of_them_it_has_changed() {
    for (size, moved_by) in [(None, 0), (Some(4), 0), (Some(3), 1)] {
        let stage = Stage::new(&[Write("t/a", "one")]);
        list_with_facts(&stage, "t/a", size, moved_by);
        stage.play(&[Rot("t/a", "eno")]);
        stage.check("audit --format csv list t", &["changed: t/a"], 1);
    }
}
