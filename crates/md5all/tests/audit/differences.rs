//! `md5all diff`, each side a manifest or a tree.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{finish, unprivileged};
use crate::stage::Stage;
use crate::stage::Step::{self, Copy, Fifo, Link, Remove, Rename, Write};

const TREES: [Step; 11] = [
    Write("old/same", "one"),
    Write("old/other", "two"),
    Write("old/gone", "three"),
    Write("old/from", "four"),
    Write("old/empty", ""),
    Write("new/same", "one"),
    Write("new/other", "TWO"),
    Write("new/to", "four"),
    Write("new/twin", "one"),
    Write("new/nothing", ""),
    Write("new/z", "six"),
];

const LINES: [&str; 8] = [
    "changed: other",
    "missing: empty",
    "missing: gone",
    "new: nothing",
    "moved: from -> to",
    "copied: same -> twin",
    "new: z",
    "ok: same",
];

#[test]
fn all_pairs_of_sides_say_the_same() {
    let stage = Stage::new(&TREES);
    for tree in ["old", "new"] {
        let text = stage.run(tree).clean();
        fs::write(stage.path(&format!("{tree}.list")), text.replace(&format!("  {tree}/"), "  ")).unwrap();
    }
    let mut expected = LINES;
    expected.sort_unstable();
    for line in ["diff old new", "diff old.list new", "diff old new.list", "diff old.list new.list"] {
        let run = stage.run(&format!("{line} -v"));
        assert_eq!(run.code, Some(1), "{line}");
        let text = run.text();
        let mut told: Vec<_> = text.lines().filter(|line| !line.starts_with("summary")).collect();
        told.sort_unstable();
        assert_eq!(told, expected, "{line}");
    }
}

#[test]
fn of_two_manifests_nothing_is_read() {
    let stage = Stage::new(&[]);
    stage.write_list("one", "{a}  nowhere/a\n{b}  nowhere/b\n");
    stage.write_list("two", "MD5 (./nowhere/a) = {a}\nMD5 (nowhere/c) = {b}\n");
    stage.check("diff one two", &["moved: nowhere/b -> nowhere/c"], 1);
    stage.check("diff one one", &[], 0);
}

#[test]
fn what_has_no_algorithm_in_common_is_told_and_is_exit_2() {
    let stage = Stage::new(&[]);
    stage.write_list("one", "{a}  a\n{b}  b\n");
    let sha1 = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8";
    stage.write_list("two", &format!("{sha1}  a\n{{b}}  b\n"));
    stage.check("diff one two -v", &["incomparable: a", "ok: b"], 2);
    let run = stage.run("diff one two");
    assert_eq!(run.stderr, "md5all: 1 file is listed with too little to compare\n");
}

#[test]
fn a_tree_is_hashed_by_the_algorithms_of_the_other_side() {
    let stage = Stage::new(&[Write("t/a", "a"), Write("t/b", "b")]);
    let sha1 = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8";
    stage.write_list("list", &format!("{sha1}  t/a\n{{b}}  t/b\n"));
    stage.check("diff list t -v", &["ok: t/a", "ok: t/b"], 0);
    stage.check("diff t list -v", &["ok: t/a", "ok: t/b"], 0);
    stage.check("audit list -v", &["ok: t/a", "ok: t/b"], 0);
}

#[test]
fn a_list_that_contradicts_itself_is_no_better_on_the_second_side() {
    let stage = Stage::new(&[]);
    stage.write_list("one", "{a}  a\n{b}  b\n");
    stage.write_list("two", "{a}  a\n{b}  a\n{b}  b\n");
    stage.check("diff one two -v", &["incomparable: a", "ok: b"], 2);
}

#[test]
fn what_was_no_file_and_is_one_now_has_changed() {
    let stage = Stage::new(&[Write("old/a", "one"), Fifo("old/f"), Link("old/l", "a")]);
    stage.play(&[Write("new/a", "one"), Write("new/f", "two"), Write("new/l", "three"), Write("new/n", "four")]);
    stage.check("diff old new", &["changed: f", "changed: l", "new: n"], 1);
    stage.play(&[Remove("new/f"), Fifo("new/f"), Remove("new/l"), Remove("new/n")]);
    stage.check("diff old new", &[], 0);
}

#[test]
fn what_could_not_be_read_on_either_side_is_no_difference_and_no_success() {
    let stage = Stage::new(&[Write("old/a", "one"), Write("old/d/x", "two")]);
    stage.play(&[Write("new/a", "one"), Write("new/d/x", "two"), Copy("new/a", "new/d/y")]);
    let Some((_keep, mut program)) = unprivileged(stage.dir.path()) else { return };
    let shut = |name: &str, mode| {
        fs::set_permissions(stage.path(name), fs::Permissions::from_mode(mode)).expect("own directory");
    };
    program.args(["diff", "old", "new"]);
    let mut check = |lines: &[&str], path: &str| {
        let run = finish(&mut program);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert_eq!(run.stderr.lines().next(), Some(&format!("md5all: {path}: Permission denied")[..]), "{run:?}");
        let text = run.text();
        assert_eq!(text.lines().filter(|line| !line.starts_with("summary")).collect::<Vec<_>>(), lines);
    };
    shut("old/d", 0o000);
    check(&["unreadable: d", "unreadable: d/x", "unreadable: d/y"], "old/d: cannot open directory");
    shut("old/d", 0o755);
    shut("new/d", 0o000);
    check(&["unreadable: d", "unreadable: d/x"], "new/d: cannot open directory");
    shut("new/d", 0o755);
    shut("old/a", 0o000);
    check(&["unreadable: a", "new: d/y"], "old/a: cannot open");
}

#[test]
fn a_renamed_root_makes_no_difference() {
    let stage = Stage::new(&[Write("old/a", "one"), Write("old/b/c", "two")]);
    stage.play(&[Copy("old/a", "a")]);
    stage.play(&[Rename("a", "new/a"), Write("new/b/c", "two")]);
    stage.check("diff old new/ -v", &["ok: a", "ok: b/c"], 0);
    stage.check("diff ./old// new", &[], 0);
    stage.check("diff old nowhere", &[], 2);
}
