//! How the manifest's names and the tree's become each other, and what form the manifest keeps.

use std::fs;

use crate::harness::*;
use crate::settled::*;

/// A manifest made there, updated here: what is said, what is listed then.
fn check(make: (&str, &[&str]), update: (&str, &[&str]), said: &str, listed: &[&str]) {
    let dir = in_memory();
    for file in ["t/a", "t/d/x"] {
        plant(dir.path(), file.as_ref(), file.as_bytes());
    }
    let list = dir.path().join("list");
    let made = run(&dir.path().join(make.0), &[&["-o", list.to_str().unwrap()], make.1].concat());
    assert_eq!(made.code, Some(0), "{made:?}");
    fs::write(dir.path().join("t/b"), "t/b").unwrap();
    let ended = run(&dir.path().join(update.0), &[&["update", list.to_str().unwrap()], update.1].concat());
    assert_eq!((ended.code, ended.text().as_str()), (Some(0), said), "{make:?} {update:?}");
    let text = fs::read_to_string(&list).unwrap();
    assert_eq!(text.lines().map(|line| &line[34..]).collect::<Vec<_>>(), listed, "{make:?} {update:?}");
}

#[test]
fn names_stay_as_the_manifest_spells_them() {
    let two = |name: &str| format!("new: {name}\nsummary: 2 the same, 1 new\n");
    check(("", &["t"]), ("", &["t"]), &two("t/b"), &["t/a", "t/b", "t/d/x"]);
    check(("", &["t"]), ("", &[]), &two("t/b"), &["t/a", "t/b", "t/d/x"]);
    check(("", &["t"]), ("", &["./t//"]), &two("t/b"), &["t/a", "t/b", "t/d/x"]);
    check(("", &["./t"]), ("", &["t"]), &two("./t/b"), &["./t/a", "./t/b", "./t/d/x"]);
    // Made inside the tree, and updated from without.
    check(("t", &["."]), ("", &["t"]), &two("./b"), &["./a", "./b", "./d/x"]);
    check(("t", &["a", "d"]), ("", &["t"]), &two("b"), &["a", "b", "d/x"]);
    check(("t", &["."]), ("t", &[]), &two("./b"), &["./a", "./b", "./d/x"]);
    // Made beside the tree, and updated from within.
    check(("", &["t"]), ("t", &["../t"]), &two("t/b"), &["t/a", "t/b", "t/d/x"]);
}

/// By another path than the one that it was listed by.
#[test]
fn a_root_that_ends_as_names_begin_is_where_they_lie() {
    let dir = kept(&["t/a", "t/d/x"]);
    let root = dir.path().join("t");
    assert_eq!(run(dir.path(), &["update", "list", root.to_str().unwrap()]).clean(), "summary: 2 the same\n");
    plant(dir.path(), "t/b".as_ref(), b"");
    let told = run(dir.path(), &["update", "list", root.to_str().unwrap()]).clean();
    assert_eq!(told, "new: t/b\nsummary: 2 the same, 1 new\n");
    assert_eq!(list(dir.path()), oracle(dir.path(), "t"));
}

#[test]
fn a_tree_with_another_name_is_brought_up_to_date() {
    let dir = kept(&["t/a", "t/d/x"]);
    std::os::unix::fs::symlink("t", dir.path().join("u")).unwrap();
    plant(dir.path(), "t/b".as_ref(), b"t/b");
    let told = run(dir.path(), &["update", "list", "u"]).clean();
    assert_eq!(told, "new: t/b\nsummary: 2 the same, 1 new\n");
    assert_eq!(list(dir.path()), oracle(dir.path(), "t"));
    plant(dir.path(), "t/c".as_ref(), b"t/c");
    let told = run(&dir.path().join("t"), &["update", "../list", "."]).clean();
    assert_eq!(told, "new: t/c\nsummary: 3 the same, 1 new\n");
    assert_eq!(list(dir.path()), oracle(dir.path(), "t"));
}

/// What was listed by its whole path is not brought up to date elsewhere.
#[test]
fn absolute_names_have_their_place() {
    let dir = in_memory();
    plant(dir.path(), "t/a".as_ref(), b"t/a");
    plant(dir.path(), "copy/a".as_ref(), b"t/a");
    let root = dir.path().join("t");
    run(dir.path(), &["-o", "list", root.to_str().unwrap()]).clean();
    let before = list(dir.path());
    assert_eq!(run(dir.path(), &["update", "list", root.to_str().unwrap()]).clean(), "summary: 1 the same\n");
    assert_eq!(run(dir.path(), &["update", "list", "copy"]).code, Some(2));
    assert_eq!(list(dir.path()), before);
    assert_eq!(run(dir.path(), &["audit", "list", "copy"]).code, Some(0));
}

/// It is told, and nothing else is lost.
#[test]
fn a_name_that_the_format_cannot_say_keeps_nothing_else_from_being_listed() {
    let dir = in_memory();
    plant(dir.path(), "t/a".as_ref(), b"t/a");
    run(dir.path(), &["--format", "hashdeep", "-o", "list", "t"]).clean();
    for name in ["t/b", "t/c\nd", "t/e"] {
        plant(dir.path(), name.as_ref(), name.as_bytes());
    }
    for flags in [&[][..], &["--verify"]] {
        let ended = run(dir.path(), &[&["update"], flags, &["list", "t"]].concat());
        let told = ended.stderr.lines().next().unwrap_or_default();
        assert!(told.starts_with("md5all: $'t/c\\nd': no line: "), "{ended:?}");
        assert_eq!(ended.code, Some(2), "{flags:?}");
        let names: Vec<_> =
            list(dir.path()).lines().filter_map(|line| line.rsplit(',').next().map(str::to_owned)).collect();
        assert_eq!(names[names.len() - 3..], ["t/a", "t/b", "t/e"]);
    }
}

#[test]
fn what_was_passed_over_is_counted() {
    let dir = kept(&["t/a", "t/b"]);
    fs::remove_file(dir.path().join("t/b")).unwrap();
    for name in ["b", "c", "d"] {
        fifo(&dir.path().join("t").join(name));
    }
    let ended = run(dir.path(), &["update", "list", "t"]);
    assert_eq!(ended.stderr, "md5all: skipped 2 special files (FIFO, socket or device)\n");
    assert_eq!(ended.text(), "missing: t/b\nsummary: 1 the same, 1 missing (kept)\n");
}

#[test]
fn the_root_that_names_share_is_told() {
    let dir = kept(&["t/a", "t/d/x"]);
    let ended = run(dir.path(), &["update", "list"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), "md5all: the tree is t\n"));
}

/// As a copy of the tree under another name: all of it is new, and all that is listed is missing. With or without --prune,
/// the list would be none of any tree.
#[test]
fn a_root_with_none_of_the_listed_files_is_told() {
    let why = "md5all: copy: none of the files that are listed is below it: is it the tree that was listed? \
               The manifest is as it was\n";
    let dir = kept(&["t/a", "t/d/x"]);
    plant(dir.path(), "copy/a".as_ref(), b"t/a");
    let before = (list(dir.path()), sidecar(dir.path()));
    for flags in [&[][..], &["-q"], &["--prune"], &["--prune", "--exclude", "x"]] {
        let ended = run(dir.path(), &[&["update"], flags, &["list", "copy"]].concat());
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), why), "{flags:?}");
        assert_eq!((list(dir.path()), sidecar(dir.path())), before);
    }
    let told = run(dir.path(), &["update", "--json", "list", "copy"]).text();
    let last = told.lines().last().unwrap_or_default();
    assert!(last.starts_with("{\"error\":\"none of ") && last.contains("\"path\":\"copy\""), "{told}");
    // One that is there says that it is the tree.
    plant(dir.path(), "copy/t/a".as_ref(), b"t/a");
    assert_eq!(run(dir.path(), &["update", "list", "copy"]).stderr, "");
}

/// So it is of a disk that is not mounted; also if nobody says where the tree is.
#[test]
fn a_tree_without_files_is_not_pruned() {
    for arguments in [&["t"][..], &[], &["--exclude", "x", "t"]] {
        let dir = kept(&["t/a", "t/d/x", "t/d/y"]);
        let before = list(dir.path());
        fs::rename(dir.path().join("t"), dir.path().join("gone")).unwrap();
        fs::create_dir(dir.path().join("t")).unwrap();
        let ended = run(dir.path(), &[&["update", "-q", "--prune", "list"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}");
        assert!(ended.stderr.starts_with("md5all: t: none of the files that are listed is below it"), "{ended:?}");
        assert_eq!(list(dir.path()), before);
        // Without, nothing would be dropped.
        let ended = run(dir.path(), &[&["update", "-q", "list"], arguments].concat());
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""), "{arguments:?}");
        assert_eq!(list(dir.path()), before);
    }
}

#[test]
fn what_does_not_lie_below_the_root_is_kept_and_told() {
    let dir = kept(&["t/a"]);
    let all = format!("{}{}  /outside\n{}  ../b\n", list(dir.path()), md5(b""), md5(b""));
    fs::write(dir.path().join("list"), &all).unwrap();
    fs::write(dir.path().join("t/t"), "").unwrap();
    let ended = run(dir.path(), &["update", "--prune", "list", "."]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let text = ended.text();
    assert!(text.contains("not below the root: /outside\n") && text.contains("not below the root: ../b\n"), "{text}");
    assert!(list(dir.path()).contains("  /outside\n") && list(dir.path()).contains("  ../b\n"));
}

#[test]
fn the_manifest_keeps_its_format() {
    for flags in [
        &["--tag"][..],
        &["-b"],
        &["--format", "csv"],
        &["--format", "ndjson"],
        &["--format", "go"],
        &["-z"],
        &["-z", "--tag"],
    ] {
        let dir = in_memory();
        for file in ["t/a", "t/b\nb", "t/c"] {
            plant(dir.path(), file.as_ref(), file.as_bytes());
        }
        run(dir.path(), &[&["-o", "list"], flags, &["t"]].concat()).clean();
        fs::write(dir.path().join("t/a"), "other").unwrap();
        plant(dir.path(), "t/e".as_ref(), b"e");
        settle(dir.path());
        let zero: &[&str] = if flags.contains(&"-z") { &["-z"] } else { &[] };
        let ended = run(dir.path(), &[&["update"], zero, &["list", "t"]].concat());
        assert_eq!(ended.clean(), "changed: t/a\nnew: t/e\nsummary: 2 the same, 1 new, 1 changed\n", "{flags:?}");
        let expected = run(dir.path(), &[flags, &["t"]].concat()).clean();
        assert_eq!(list(dir.path()), expected, "{flags:?}");
    }
}

/// What was sealed is sealed anew, and what is not as it was sealed is left alone.
#[test]
fn a_sealed_manifest_is_sealed_anew_and_a_broken_seal_is_told() {
    let dir = kept(&["t/a", "t/b"]);
    run(dir.path(), &["-o", "list", "--facts", "--seal", "t"]).clean();
    fs::write(dir.path().join("t/a"), "other").unwrap();
    settle(dir.path());
    let ended = run(dir.path(), &["update", "list", "t"]);
    assert_eq!(ended.clean(), "changed: t/a\nsummary: 1 the same, 1 changed\n");
    assert_eq!(list(dir.path()), run(dir.path(), &["--seal", "t"]).clean());

    let edited: String = list(dir.path()).replace(&md5(b"t/b"), &md5(b"x"));
    fs::write(dir.path().join("list"), &edited).unwrap();
    let ended = run(dir.path(), &["update", "list", "t"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.starts_with("md5all: list: the seal is broken: "), "{ended:?}");
    assert_eq!(list(dir.path()), edited);
}

#[test]
fn a_manifest_that_cannot_be_made_out_is_left_alone() {
    let one = format!("{}  t/a\n", md5(b"t/a"));
    let two = format!("{}  t/a\n", md5(b"other"));
    let rows = [
        (format!("{one}nonsense\n"), "list: line 2 is improperly formatted"),
        (format!("{one}{two}"), "list: line 2 contradicts one before it"),
    ];
    for (text, message) in rows {
        let dir = kept(&["t/a"]);
        fs::write(dir.path().join("list"), &text).unwrap();
        let ended = run(dir.path(), &["update", "list", "t"]);
        assert_eq!((ended.code, ended.stderr), (Some(2), format!("md5all: {message}\n")));
        assert_eq!(list(dir.path()), text);
    }
    let dir = in_memory();
    let ended = run(dir.path(), &["update", "list", "t"]);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(2), "md5all: list: cannot open: No such file or directory\n")
    );
    assert!(names_in(dir.path()).is_empty());
}

#[test]
fn a_manifest_in_any_order_is_put_in_the_order_of_paths_once_it_changes() {
    let dir = kept(&["t/a", "t/b", "t/c"]);
    let lines: Vec<_> = list(dir.path()).lines().map(|line| format!("{line}\n")).collect();
    let mixed = [&lines[2][..], &lines[0], &lines[1], &lines[0]].concat();
    fs::write(dir.path().join("list"), &mixed).unwrap();
    assert_eq!(run(dir.path(), &["update", "list", "t"]).clean(), "summary: 3 the same\n");
    assert_eq!(list(dir.path()), mixed);
    fs::write(dir.path().join("t/b"), "other").unwrap();
    assert_eq!(run(dir.path(), &["update", "list", "t"]).clean(), "changed: t/b\nsummary: 2 the same, 1 changed\n");
    assert_eq!(list(dir.path()), oracle(dir.path(), "t"));
}

/// In the tree, under its own names, and nothing of it is listed.
#[test]
fn manifest_sidecar_and_journal_are_never_listed() {
    let dir = kept(&["t/a"]);
    for name in ["list", "list.facts"] {
        fs::rename(dir.path().join(name), dir.path().join("t").join(name)).unwrap();
    }
    for _ in 0..3 {
        let ended = run(dir.path(), &["update", "t/list", "t"]);
        assert_eq!(ended.clean(), "summary: 1 the same\n");
        let ended = run(dir.path(), &["-o", "t/list", "--facts", "t"]);
        assert_eq!(ended.clean(), "");
    }
    assert_eq!(fs::read_to_string(dir.path().join("t/list")).unwrap(), format!("{}  t/a\n", md5(b"t/a")));
}
