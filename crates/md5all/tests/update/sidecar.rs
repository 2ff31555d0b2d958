//! What is believed of a sidecar, and what is not.

use std::fs;
use std::path::Path;

use crate::harness::*;
use crate::settled::*;

const FILES: [&str; 3] = ["t/a", "t/b", "t/c"];

/// However the sidecar, or the manifest, was dealt with: so many files are still believed, and the manifest is right.
fn check(what: &str, believed: u64, edit: impl Fn(&Path)) {
    let dir = kept(&FILES);
    let good = sidecar(dir.path());
    edit(dir.path());
    let ended = run(dir.path(), &["update", "-v", "list", "t"]);
    assert_eq!(ended.code, Some(0), "{what}: {ended:?}");
    let taken = format!("{believed} {} taken over", if believed == 1 { "file was" } else { "files were" });
    assert!(ended.stderr.contains(&taken), "{what}: {ended:?}");
    assert_eq!(list(dir.path()), oracle(dir.path(), "t"), "{what}");
    assert_eq!(sidecar(dir.path()), good, "{what}: it is made whole again");
}

fn edit_sidecar(dir: &Path, edit: impl Fn(String) -> String) {
    fs::write(dir.join("list.facts"), edit(sidecar(dir))).unwrap();
}

#[test]
fn a_fact_counts_only_for_the_checksums_of_the_manifest() {
    check("a checksum there", 2, |dir| edit_sidecar(dir, |text| text.replace(&md5(b"t/b"), &md5(b"x"))));
    check("a checksum in the manifest", 2, |dir| {
        fs::write(dir.join("list"), list(dir).replace(&md5(b"t/b"), &md5(b"x"))).unwrap();
    });
    check("both sides swapped", 1, |dir| {
        fs::write(dir.join("list"), list(dir).replace("t/a", "t/?").replace("t/b", "t/a").replace("t/?", "t/b"))
            .unwrap();
    });
    check("another name", 2, |dir| edit_sidecar(dir, |text| text.replace(" t/b\n", " t/x\n")));
}

#[test]
fn a_sidecar_that_is_damaged_or_missing_only_costs_time() {
    check("nothing", 3, |_| ());
    check("missing", 0, |dir| fs::remove_file(dir.join("list.facts")).unwrap());
    check("a cut line", 2, |dir| edit_sidecar(dir, |text| text[..text.len() - 2].to_owned()));
    check("no end of the last line", 2, |dir| edit_sidecar(dir, |text| text[..text.len() - 1].to_owned()));
    check("cut in its first line", 0, |dir| edit_sidecar(dir, |text| text[..9].to_owned()));
    check("nonsense in between", 3, |dir| edit_sidecar(dir, |text| text.replacen('\n', "\nnonsense\n", 1)));
    check("a line too many", 3, |dir| edit_sidecar(dir, |text| text.clone() + &text.replace(" t/", " u/")));
    for fact in 0..4 {
        check("another fact", 2, |dir| {
            edit_sidecar(dir, |text| {
                let mut lines: Vec<Vec<String>> =
                    text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect();
                lines[2][fact] += "1";
                lines.iter().map(|line| line.join(" ") + "\n").collect()
            });
        });
    }
}

#[test]
fn the_sidecar_of_another_manifest_is_not_believed() {
    check("of other files", 0, |dir| {
        for name in ["u/a", "u/b", "u/c"] {
            plant(dir, name.as_ref(), name.as_bytes());
        }
        settle(dir);
        run(dir, &["-o", "other", "--facts", "u"]).clean();
        fs::rename(dir.join("other.facts"), dir.join("list.facts")).unwrap();
    });
}

#[test]
fn a_file_of_that_name_that_is_something_else_is_left_alone() {
    for text in ["my facts of life\n", ""] {
        let dir = kept(&FILES);
        fs::write(dir.path().join("list.facts"), text).unwrap();
        for arguments in [&["update", "list", "t"][..], &["-o", "list", "--facts", "t"]] {
            let ended = run(dir.path(), arguments);
            let message = "md5all: list.facts: cannot open: it exists and is no sidecar of md5all\n";
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), message));
            assert_eq!(sidecar(dir.path()), text);
            assert_eq!(names_in(dir.path()), ["list", "list.facts", "t"]);
        }
    }
}

/// Whichever of the two took its place before the end, what is left is slow and no more.
#[test]
fn an_interruption_between_the_two_leaves_a_pair_that_is_merely_slow() {
    for stays in ["list", "list.facts"] {
        let dir = kept(&FILES);
        let old = fs::read(dir.path().join(stays)).unwrap();
        fs::write(dir.path().join("t/b"), "other").unwrap();
        settle(dir.path());
        assert_eq!(run(dir.path(), &["update", "list", "t"]).code, Some(0));
        fs::write(dir.path().join(stays), old).unwrap();
        let ended = run(dir.path(), &["update", "-v", "list", "t"]);
        assert!(ended.stderr.contains("2 files were taken over"), "{ended:?}");
        assert_eq!(list(dir.path()), oracle(dir.path(), "t"), "{stays}");
    }
}

/// Made by a run that asks for it, so that the first update is fast; or by the first update, which reads everything.
#[test]
fn a_sidecar_is_made_by_the_run_that_asks_for_it_or_by_the_first_update() {
    let dir = in_memory();
    FILES.iter().for_each(|file| plant(dir.path(), file.as_ref(), file.as_bytes()));
    settle(dir.path());
    run(dir.path(), &["-o", "list", "t"]).clean();
    assert_eq!(names_in(dir.path()), ["list", "t"]);
    for taken in [0, 3, 3] {
        let ended = run(dir.path(), &["update", "-v", "list", "t"]);
        assert!(ended.stderr.contains(&format!("{taken} files were taken over")), "{ended:?}");
    }
    assert_eq!(names_in(dir.path()), ["list", "list.facts", "t"]);
    assert_eq!(run(dir.path(), &["--facts", "t"]).code, Some(3));
}
