//! A part of a tree held against a whole manifest.

use std::fs;
use std::num::NonZeroU32;

use errgroup::Context;
use md5all::manifest::{Format, LineEnd};
use md5all::{Error, Listed, Options, Root, Selection, Side, Unfit, audit, diff};

use crate::harness::{run, tree};

/// A tree, its manifest, and what has become of it since: as much where it is selected as where it is not.
fn changed() -> tempfile::TempDir {
    let dir =
        tree(&["t/same", "t/gone", "t/other", "t/.same", "t/.gone", "t/.other", "t/x/same", "t/x/gone", "t/x/other"]);
    let sums = run(dir.path(), &["t"]).clean();
    fs::write(dir.path().join("sums"), sums).unwrap();
    for place in ["t/", "t/.", "t/x/"] {
        fs::remove_file(dir.path().join(format!("{place}gone"))).unwrap();
        fs::write(dir.path().join(format!("{place}other")), "something else").unwrap();
        fs::write(dir.path().join(format!("{place}new")), place).unwrap();
    }
    dir
}

#[test]
fn what_is_not_selected_is_neither_missing_nor_new_nor_changed() {
    let dir = changed();
    let run = run(dir.path(), &["audit", "--no-hidden", "--exclude", "/x/", "sums", "t"]);
    let expected = "changed: t/other\nmissing: t/gone\nnew: t/new\nsummary: 1 ok, 1 changed, 0 corrupt, 0 moved, 0 copied, \
                    1 new, 1 missing, 0 unreadable, 0 incomparable, 0 outside, 0 malformed, 4 left out\n";
    assert_eq!(run.stderr, "md5all: 6 entries of the manifest are not selected, and were not compared\n");
    assert_eq!((run.code, run.text()), (Some(1), expected.to_owned()));
}

#[test]
fn what_is_not_selected_moves_nowhere_and_is_no_origin() {
    let dir = tree(&["t/out/a", "t/in/b"]);
    let sums = run(dir.path(), &["t"]).clean();
    fs::write(dir.path().join("sums"), sums).unwrap();
    fs::rename(dir.path().join("t/out/a"), dir.path().join("t/in/a")).unwrap();
    fs::rename(dir.path().join("t/in/b"), dir.path().join("t/out/b")).unwrap();
    let run = run(dir.path(), &["audit", "--exclude", "out", "sums", "t"]);
    assert!(run.text().starts_with("new: t/in/a\nmissing: t/in/b\nsummary: 0 ok"));
}

#[test]
fn verbose_says_why_in_text_and_json() {
    let dir = changed();
    let text = run(dir.path(), &["audit", "-v", "--no-hidden", "--exclude", "x", "sums", "t"]);
    for line in
        ["t/.new: left out: it is hidden\n", "t/x: left out: --exclude x\n", "left out: 3 hidden, 1 by --exclude\n"]
    {
        assert!(text.stderr.contains(line), "{}", text.stderr);
    }
    let json = run(dir.path(), &["audit", "-v", "--json", "--exclude", "x", "sums", "t"]).text();
    assert!(json.contains("{\"verdict\":\"left out\",\"path\":\"t/x\",\"reason\":\"--exclude x\"}\n"), "{json}");
    assert!(json.contains("\"left_out\":1}"), "{json}");
}

#[test]
fn update_keeps_what_is_not_selected_and_adds_none_of_it() {
    let dir = changed();
    let before = fs::read_to_string(dir.path().join("sums")).unwrap();
    let run = run(dir.path(), &["update", "--prune", "--max-depth", "1", "--no-hidden", "sums", "t"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let text = run.text();
    assert!(
        text.ends_with("summary: 1 the same, 1 new, 1 changed, 1 missing (dropped), 6 not selected (kept)\n"),
        "{text}"
    );
    let after = fs::read_to_string(dir.path().join("sums")).unwrap();
    let names: Vec<_> = after.lines().map(|line| &line[34..]).collect();
    let expected =
        ["t/.gone", "t/.other", "t/.same", "t/new", "t/other", "t/same", "t/x/gone", "t/x/other", "t/x/same"];
    assert_eq!(names, expected);
    let kept = |line: &&str| line.contains("t/.") || line.contains("t/x/");
    assert!(after.lines().filter(kept).eq(before.lines().filter(kept)));
}

#[test]
fn diff_compares_what_is_selected_of_both_trees_or_of_a_tree_and_a_manifest() {
    let dir = tree(&["a/x", "a/y.o", "a/.z/1", "b/x", "b/w.o", "b/.z/2"]);
    fs::write(dir.path().join("b/x"), "a/x").unwrap();
    let sums = run(&dir.path().join("a"), &["x", "y.o", ".z"]).clean();
    fs::write(dir.path().join("a.sums"), sums).unwrap();
    for sides in [["a", "b"], ["a.sums", "b"], ["b", "a.sums"]] {
        let run = run(dir.path(), &["diff", "--exclude", "*.o", "--no-hidden", sides[0], sides[1]]);
        assert_eq!(run.code, Some(0), "{sides:?}: {run:?}");
        assert!(run.text().starts_with("summary: 1 ok, 0 changed"), "{sides:?}");
    }
}

#[test]
fn of_two_manifests_nothing_is_selected() {
    let dir = tree(&["a/x"]);
    let sums = run(dir.path(), &["a"]).clean();
    fs::write(dir.path().join("sums"), sums).unwrap();
    let run = run(dir.path(), &["diff", "--no-hidden", "sums", "sums"]);
    assert_eq!(run.code, Some(3));
    assert_eq!(run.stderr, "md5all: there is no tree to select files from: both are manifests\n");
}

#[test]
fn what_names_do_not_tell_is_refused_by_the_library_too() {
    let dir = tree(&["t/a"]);
    let sums = run(dir.path(), &["t"]).clean();
    fs::write(dir.path().join("sums"), sums).unwrap();
    let (ctx, root) = (Context::background(), dir.path().join("t"));
    let all = Selection::default();
    let rows = [
        (all.clone().gitignore(true), Unfit::Gitignore),
        (all.clone().min_size(Some(1)), Unfit::Size),
        (all.clone().max_size(Some(1)), Unfit::Size),
    ];
    for (selection, unfit) in rows {
        let options = Options::new([""; 0]).selection(selection);
        let listed = Listed::read(&ctx, &Root::from(dir.path().join("sums")), Format::Gnu, LineEnd::Newline).unwrap();
        let mut audit = audit(&ctx, listed, Some(&root), options.clone());
        assert!(matches!(audit.next(), Some(Err(Error::Unfit(found))) if found == unfit));
        assert!(audit.next().is_none());
        let refused = diff(&ctx, Side::Tree(root.clone()), Side::Tree(root.clone()), options);
        assert!(matches!(refused, Err(Error::Unfit(found)) if found == unfit));
    }
    let by_name = all.no_hidden(true).max_depth(NonZeroU32::new(3));
    let options = Options::new([""; 0]).selection(by_name);
    assert!(diff(&ctx, Side::Tree(root.clone()), Side::Tree(root), options).is_ok());
}
