//! `.gitignore` files, beside git itself.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use errgroup::Context;
use md5all::{Options, Outcome, Rule, Selection, Skip, hash_trees};
use proptest::prelude::*;
use proptest::sample::select;

use crate::harness::{fifo, found, plant, run, tree};

const CASES: u32 = 96;

fn git(dir: &Path) -> Option<Command> {
    let mut git = found("git")?;
    // Nothing of this machine's has a say.
    git.current_dir(dir).env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", dir).env("XDG_CONFIG_HOME", dir.join("none"));
    git.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
    Some(git)
}

fn init(dir: &Path) -> Option<()> {
    let done = git(dir)?.args(["init", "-q"]).status().expect("git runs");
    assert!(done.success());
    Some(())
}

/// What git would show as new, below `dir`, as bytes.
fn untracked(dir: &Path) -> Option<Vec<Vec<u8>>> {
    let output = git(dir)?.args(["ls-files", "-co", "--exclude-standard", "-z"]).output().expect("git runs");
    assert!(output.status.success(), "{output:?}");
    let mut names: Vec<_> =
        output.stdout.split(|&byte| byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
    names.sort();
    Some(names)
}

fn hashed(root: &Path) -> Vec<Vec<u8>> {
    let options = Options::new([root]).selection(Selection::default().gitignore(true));
    let records = hash_trees(&Context::background(), options).map(Result::unwrap);
    let hashed = records.filter(|record| match record.outcome() {
        Outcome::Hashed(_) => true,
        Outcome::Skipped(Skip::Ignored) => false,
        other => panic!("{other:?}"),
    });
    hashed.map(|record| record.path().strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec()).collect()
}

fn name() -> impl Strategy<Value = &'static [u8]> {
    let names: Vec<&'static [u8]> = vec![
        b"a",
        b"b",
        b"ab",
        b"a.o",
        b"b.c",
        b".h",
        b"a b",
        b"a ",
        b"!a",
        b"#a",
        b"{a}",
        b"[a]",
        b"\xff",
        b"\xc3\xa9",
        b"a*",
        b"a\\",
        b"$a",
        b"A",
    ];
    select(names)
}

fn path() -> impl Strategy<Value = PathBuf> {
    prop::collection::vec(name(), 1..5).prop_map(|names| names.into_iter().map(OsStr::from_bytes).collect())
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<&'static [u8]> = vec![
        b"a",
        b"/a",
        b"a/",
        b"/a/",
        b"*.o",
        b"!*.o",
        b"!a",
        b"!/a",
        b"!a/",
        b"a/b",
        b"a/*",
        b"a/**",
        b"**/a",
        b"a/**/b",
        b"*",
        b"!*/",
        b"/*",
        b"!/b",
        b"?",
        b"??",
        b"[ab]",
        b"[!a]",
        b"[^a]",
        b"[a",
        b"{a,b}",
        b"{a}",
        b"\\!a",
        b"\\#a",
        b"#a",
        b"a ",
        b"a\\ ",
        b"a   ",
        b"",
        b"/",
        b"!",
        b"\xff",
        b"!\xff",
        b"?\xa9",
        b"a\\",
        b"a\\\\",
        b"a\\*",
        b"[[:alpha:]]",
        b"[[:upper:]]",
        b"a**b",
        b"**",
        b"**/",
        b"a//b",
        b"./a",
        b"$a",
        b"!$a",
        b"[]a]",
        b"[a-]",
        b"[b-a]",
        b"a\r",
        b".*",
        b"!.gitignore",
        b"**a",
        b"a/**/",
        b"\\a",
        b"a\\b",
        b"[\\!a]",
        b"*a*",
        b"b/a/",
    ];
    select(lines).prop_map(<[u8]>::to_vec)
}

/// Files, and lines of `.gitignore` files beside some of them.
type Tree = (Vec<PathBuf>, Vec<(PathBuf, Vec<Vec<u8>>)>);

fn trees() -> impl Strategy<Value = Tree> {
    let rules = prop::collection::vec(line(), 1..5);
    let place = prop_oneof![2 => Just(PathBuf::new()), 3 => path()];
    (prop::collection::vec(path(), 1..24), prop::collection::vec((place, rules), 1..4))
}

fn make(root: &Path, (files, rules): &Tree) {
    for path in files.iter().map(|file| root.join(file)) {
        if fs::create_dir_all(path.parent().expect("it is below")).is_ok() && !path.exists() {
            fs::write(path, "x").unwrap();
        }
    }
    for (place, lines) in rules.iter().filter(|(place, _)| root.join(place).is_dir()) {
        fs::write(root.join(place).join(".gitignore"), lines.join(&b'\n')).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn what_is_left_is_what_git_would_add(tree in trees()) {
        let dir = tempfile::tempdir().unwrap();
        if init(dir.path()).is_none() {
            return Ok(());
        }
        make(dir.path(), &tree);
        let expected = untracked(dir.path()).expect("git was there");
        prop_assert_eq!(shown(hashed(dir.path())), shown(expected));
    }
}

fn shown(names: Vec<Vec<u8>>) -> Vec<OsString> {
    names.into_iter().map(OsString::from_vec).collect()
}

#[test]
fn what_is_said_above_a_root_counts_up_to_the_top_of_its_repository() {
    let dir = tree(&["repo/src/gen/a", "repo/src/lib/a", "repo/src/lib/gen/b", "repo/src/x.o", "repo/src/lib/y.tmp"]);
    if init(&dir.path().join("repo")).is_none() {
        return;
    }
    // Outside of the repository, and so of no account.
    plant(dir.path(), OsStr::new(".gitignore"), b"*\n");
    plant(dir.path(), OsStr::new("repo/.gitignore"), b"/src/gen\n*.o\nsrc/lib/*.tmp\n");
    plant(dir.path(), OsStr::new("repo/src/.gitignore"), b"!x.o\n");
    for root in ["repo", "repo/src", "repo/src/lib"] {
        let root = dir.path().join(root);
        assert_eq!(shown(hashed(&root)), shown(untracked(&root).expect("git was there")), "{root:?}");
    }
    assert_eq!(shown(hashed(&dir.path().join("repo/src"))), [".gitignore", "lib/a", "lib/gen/b", "x.o"]);
}

#[test]
fn a_repository_within_another_has_rules_of_its_own() {
    let dir = tree(&["a.o", "inner/a.o", "inner/b.c", "inner/deep/c.o"]);
    if init(dir.path()).and_then(|()| init(&dir.path().join("inner"))).is_none() {
        return;
    }
    plant(dir.path(), OsStr::new(".gitignore"), b"*.o\n");
    plant(dir.path(), OsStr::new("inner/.gitignore"), b"*.c\n");
    assert_eq!(shown(hashed(dir.path())), [".gitignore", "inner/.gitignore", "inner/a.o", "inner/deep/c.o"]);
    let inner = dir.path().join("inner");
    assert_eq!(shown(hashed(&inner)), shown(untracked(&inner).expect("git was there")));
}

#[test]
fn outside_of_a_repository_the_files_of_the_tree_count() {
    let dir = tree(&["a.o", "b.c", "below/a.o", "below/keep.o"]);
    plant(dir.path(), OsStr::new(".gitignore"), b"*.o\n");
    plant(dir.path(), OsStr::new("below/.gitignore"), b"!keep.o\n");
    assert_eq!(shown(hashed(dir.path())), [".gitignore", "b.c", "below/.gitignore", "below/keep.o"]);
    assert_eq!(shown(hashed(&dir.path().join("below"))), [".gitignore", "a.o", "keep.o"]);
}

#[test]
fn what_lies_in_git_is_not_walked() {
    let dir = tree(&[".git/config", "a", "sub/.git", "sub/b"]);
    assert_eq!(shown(hashed(dir.path())), ["a", "sub/b"]);
}

/// What a rule is said to be is where it stands.
#[test]
fn the_line_that_decides_is_named() {
    let dir = tree(&["top/.git/x", "top/root/a.o", "top/root/below/b.o", "top/root/below/c.tmp", "top/root/keep.o"]);
    plant(dir.path(), OsStr::new("top/.gitignore"), b"# nothing\n\n*.o\n");
    plant(dir.path(), OsStr::new("top/root/.gitignore"), b"!keep.o\n");
    plant(dir.path(), OsStr::new("top/root/below/.gitignore"), b"x\n*.tmp\n");
    let root = dir.path().join("top/root");
    let selection = Selection::default().gitignore(true);
    let options = Options::new([&root]).selection(selection.clone());
    let records = hash_trees(&Context::background(), options).map(Result::unwrap);
    let rules: Vec<_> = records.filter_map(|record| selection.rule(&record)).collect();
    let above = fs::canonicalize(dir.path().join("top")).unwrap().join(".gitignore");
    let line = |file: PathBuf, number, text: &str| Rule::Line { file, number, text: text.to_owned() };
    let expected =
        [line(above.clone(), 3, "*.o"), line(above, 3, "*.o"), line(root.join("below/.gitignore"), 2, "*.tmp")];
    assert_eq!(rules, expected);
}

#[test]
fn a_fifo_called_gitignore_has_no_rules_and_does_not_hang() {
    let dir = tree(&["t/a"]);
    fifo(&dir.path().join("t/.gitignore"));
    let run = run(dir.path(), &["--gitignore", "t"]);
    assert_eq!(run.code, Some(0));
    assert_eq!(run.stderr, "md5all: skipped 1 special file (FIFO, socket or device)\n");
    assert_eq!(run.names(), ["t/a"]);
}

#[test]
fn a_link_or_a_directory_called_gitignore_has_no_rules() {
    let dir = tree(&["t/a", "t/rules", "t/below/.gitignore/x", "t/below/a"]);
    fs::write(dir.path().join("t/rules"), "a\n").unwrap();
    std::os::unix::fs::symlink("rules", dir.path().join("t/.gitignore")).unwrap();
    for links in [&["--gitignore", "t"][..], &["--gitignore", "-L", "t"]] {
        let names = run(dir.path(), links).names();
        assert!(names.contains(&"t/a".to_owned()) && names.contains(&"t/below/a".to_owned()), "{names:?}");
    }
}

#[test]
fn rules_of_a_gigabyte_are_refused_and_their_directory_is_not_walked() {
    let dir = tree(&["t/a", "t/below/b", "t/below/c/d", "t/z"]);
    let huge = fs::File::create(dir.path().join("t/below/.gitignore")).unwrap();
    huge.set_len(1 << 30).unwrap();
    let run = run(dir.path(), &["--gitignore", "t"]);
    assert_eq!(run.code, Some(2));
    assert_eq!(run.stderr, "md5all: t/below: cannot read .gitignore: File too large\n");
    assert_eq!(run.names(), ["t/a", "t/z"]);
}

#[test]
fn rules_that_may_not_be_read_are_a_failure_of_their_directory() {
    let dir = tree(&["t/a", "t/below/.gitignore", "t/below/b"]);
    let Some((_keep, mut command)) = crate::harness::unprivileged(dir.path()) else { return };
    let rules = dir.path().join("t/below/.gitignore");
    fs::set_permissions(rules, std::os::unix::fs::PermissionsExt::from_mode(0o0)).unwrap();
    let run = crate::harness::finish(command.args(["--gitignore", "t"]));
    assert_eq!(run.code, Some(2));
    assert_eq!(run.stderr, "md5all: t/below: cannot read .gitignore: Permission denied\n");
    assert_eq!(run.names(), ["t/a"]);
}
