//! Random trees and random edits, audited by the program and by maps: slow and obvious.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::harness::{fifo, finish, run, unprivileged};

/// What may be done to a tree; what cannot be done is passed over.
#[derive(Clone, Debug)]
enum Edit {
    Write(String, String),
    /// Other contents, the size and time they had.
    Rot(String),
    Rename(String, String),
    Copy(String, String),
    Remove(String),
    Fifo(String),
    Link(String, String),
    /// Nobody but root may read it.
    Shut(String),
}

fn name() -> impl Strategy<Value = String> {
    vec(prop_oneof!["[abc]", "[abc]", Just("a.b".to_owned()), Just("a -> b".to_owned()), Just("n\nn".to_owned())], 1..4)
        .prop_map(|parts| parts.join("/"))
}

fn contents() -> impl Strategy<Value = String> {
    "[xyz]{0,2}"
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        2 => (name(), contents()).prop_map(|(name, contents)| Edit::Write(name, contents)),
        1 => name().prop_map(Edit::Rot),
        3 => (name(), name()).prop_map(|(from, to)| Edit::Rename(from, to)),
        2 => (name(), name()).prop_map(|(from, to)| Edit::Copy(from, to)),
        2 => name().prop_map(Edit::Remove),
        1 => name().prop_map(Edit::Fifo),
        1 => (name(), name()).prop_map(|(name, target)| Edit::Link(name, target)),
        1 => name().prop_map(Edit::Shut),
    ]
}

/// Does it, if it can be done.
fn play(tree: &Path, edit: &Edit) -> std::io::Result<()> {
    let make_room = |path: &Path| path.parent().map_or(Ok(()), fs::create_dir_all);
    match edit {
        Edit::Write(name, contents) => {
            make_room(&tree.join(name))?;
            // What is there may be a FIFO, which would be waited for, or a link out of the tree.
            match fs::symlink_metadata(tree.join(name)) {
                Ok(metadata) if !metadata.is_file() => Ok(()),
                _ => fs::write(tree.join(name), contents),
            }
        }
        Edit::Rot(name) => {
            let path = tree.join(name);
            let before = fs::symlink_metadata(&path)?;
            if !before.is_file() {
                return Ok(());
            }
            let rotten: Vec<u8> = fs::read(&path)?.iter().map(|byte| byte ^ 1).collect();
            fs::write(&path, rotten)?;
            fs::File::options().write(true).open(&path)?.set_modified(before.modified()?)
        }
        Edit::Rename(from, to) => {
            make_room(&tree.join(to))?;
            fs::rename(tree.join(from), tree.join(to))
        }
        Edit::Copy(from, to) => {
            make_room(&tree.join(to))?;
            let is_plain = |path: PathBuf| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
            if is_plain(tree.join(from)) && fs::symlink_metadata(tree.join(to)).is_err() {
                fs::write(tree.join(to), fs::read(tree.join(from))?)?;
            }
            Ok(())
        }
        Edit::Remove(name) => {
            let path = tree.join(name);
            if fs::symlink_metadata(&path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
        }
        Edit::Fifo(name) => {
            make_room(&tree.join(name))?;
            if fs::symlink_metadata(tree.join(name)).is_err() {
                fifo(&tree.join(name));
            }
            Ok(())
        }
        Edit::Link(name, target) => {
            make_room(&tree.join(name))?;
            symlink(target, tree.join(name))
        }
        Edit::Shut(name) => {
            let is_link = fs::symlink_metadata(tree.join(name))?.is_symlink();
            if is_link { Ok(()) } else { fs::set_permissions(tree.join(name), Permissions::from_mode(0o000)) }
        }
    }
}

/// What a tree holds.
#[derive(Debug, Default)]
struct Held {
    files: BTreeMap<String, Vec<u8>>,
    shut_files: BTreeSet<String>,
    /// Directories that cannot be listed.
    shut: BTreeSet<String>,
    /// What is neither a file nor shut.
    others: BTreeSet<String>,
}

fn look(tree: &Path, name: &str, held: &mut Held) {
    for entry in fs::read_dir(tree.join(name)).expect("root may read it") {
        let entry = entry.expect("it can be listed");
        let below = format!("{name}/{}", entry.file_name().to_str().expect("names here are text"));
        let metadata = fs::symlink_metadata(entry.path()).expect("it is there");
        let is_shut = metadata.permissions().mode() & 0o004 == 0;
        if metadata.is_file() && is_shut {
            held.shut_files.insert(below);
        } else if metadata.is_file() {
            held.files.insert(below, fs::read(entry.path()).expect("root may read it"));
        } else if metadata.is_dir() && is_shut {
            held.shut.insert(below);
        } else {
            held.others.insert(below.clone());
            if metadata.is_dir() {
                look(tree, &below, held);
            }
        }
    }
}

/// What is to be told, line by line, and the exit status.
fn expected(before: &BTreeMap<String, Vec<u8>>, now: &Held) -> (Vec<String>, i32) {
    let mut certain: BTreeMap<String, String> = BTreeMap::new();
    let mut rest: BTreeMap<String, String> = BTreeMap::new();
    let mut gone: BTreeMap<&[u8], Vec<&String>> = BTreeMap::new();
    for (name, contents) in before {
        let is_below_shut = now.shut.iter().any(|shut| name.starts_with(&format!("{shut}/")));
        match now.files.get(name) {
            Some(same) if same == contents => {}
            Some(_) => drop(certain.insert(name.clone(), format!("changed: {name}"))),
            None if now.shut_files.contains(name) || now.shut.contains(name) => {}
            None if is_below_shut => drop(rest.insert(name.clone(), format!("unreadable: {name}"))),
            None if now.others.contains(name) => drop(rest.insert(name.clone(), format!("changed: {name}"))),
            None => gone.entry(contents).or_default().push(name),
        }
    }
    for shut in &now.shut {
        certain.insert(format!("{shut}/"), format!("unreadable: {shut}"));
    }
    for shut in &now.shut_files {
        certain.insert(shut.clone(), format!("unreadable: {shut}"));
    }
    for (name, contents) in now.files.iter().filter(|(name, _)| !before.contains_key(*name)) {
        let lost = gone.get_mut(&contents[..]).filter(|names| !names.is_empty() && !contents.is_empty());
        let is_same = |other: &&String| before[*other] == *contents && now.files.get(*other) == Some(contents);
        let line = match (lost, before.keys().find(is_same)) {
            (Some(names), _) => format!("moved: {} -> {name}", names.remove(0)),
            (None, Some(other)) if !contents.is_empty() => format!("copied: {other} -> {name}"),
            _ => format!("new: {name}"),
        };
        rest.insert(name.clone(), line);
    }
    for name in gone.into_values().flatten() {
        rest.insert(name.clone(), format!("missing: {name}"));
    }
    // A FIFO is met by the walk, and so told in its turn.
    let lines: Vec<_> = certain.into_values().chain(rest.into_values()).collect();
    let is_unreadable = lines.iter().any(|line| line.starts_with("unreadable"));
    let code = if is_unreadable { 2 } else { i32::from(!lines.is_empty()) };
    (lines, code)
}

/// Lines as the program tells them, made as plain as the oracle's: without escapes.
fn plain(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with("summary: "));
    lines
        .map(|line| match line.split_once(": \\") {
            Some((word, name)) => format!("{word}: {}", name.replace("\\n", "\n").replace("\\>", ">")),
            None => line.to_owned(),
        })
        .collect()
}

fn check(program: &mut std::process::Command, dir: &TempDir, files: &[(String, String)], edits: &[Edit]) {
    let tree = dir.path().join("t");
    fs::create_dir(&tree).expect("a directory");
    for (name, contents) in files {
        // A name may be taken by a directory, or lie below a file.
        let _ = play(&tree, &Edit::Write(name.clone(), contents.clone()));
    }
    run(dir.path(), &["-q", "t", "-o", "list"]).clean();
    let mut before = Held::default();
    look(dir.path(), "t", &mut before);
    for edit in edits {
        let _ = play(&tree, edit);
    }
    let mut now = Held::default();
    look(dir.path(), "t", &mut now);
    let (mut lines, code) = expected(&before.files, &now);
    let run = finish(program.current_dir(dir.path()));
    let stderr = run.stderr.clone();
    assert_eq!(run.code, Some(code), "{lines:#?}\n{run:?}\n{stderr}");
    let mut told = plain(&run.text());
    // What is no file is told in its turn if the walk meets it, and else at the end: that order is not the oracle's.
    told.sort();
    lines.sort();
    assert_eq!(told, lines, "{edits:?}\n{stderr}");
}

#[test]
fn random_edits_are_told_as_the_oracle_tells_them() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let Some((_keep, mut program)) = unprivileged(place.path()) else { return };
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can read what it has shut to others, as the oracle does");
        return;
    }
    program.args(["audit", "list", "t"]);
    let program = RefCell::new(program);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(200));
    let inputs = (vec((name(), contents()), 0..12), vec(edit(), 0..10));
    let result = runner.run(&inputs, |(files, edits)| {
        let dir = tempfile::tempdir_in(place.path()).expect("a temporary directory");
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("own directory");
        check(&mut program.borrow_mut(), &dir, &files, &edits);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
