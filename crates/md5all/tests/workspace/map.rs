//! ARCHITECTURE.md's map: a line for each file, below the one for its directory.
//!
//! A line is one name, or several, and what is there. What ends in a slash is a directory; either none of its files has a
//! line of its own, or each has. Lines that go on are indented to where the text is.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{read, sources, workspace};

const CRATES: [&str; 3] = ["errgroup", "md5-lanes", "md5all"];

/// The paths that the map has, from the workspace's root; those of directories end in a slash.
fn mapped() -> BTreeSet<String> {
    let text = read("ARCHITECTURE.md");
    let map = text.split("\n## ").find(|part| part.starts_with("Map\n")).expect("ARCHITECTURE.md has a map");
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut paths = BTreeSet::new();
    for line in map.lines().filter_map(|line| line.strip_prefix("    ")) {
        let depth = line.len() - line.trim_start().len();
        let names = names(line.trim_start(), depth);
        if names.is_empty() {
            continue;
        }
        above.retain(|(other, _)| *other < depth);
        let parent = above.last().map_or("", |(_, path)| path).to_owned();
        let path = |name: &&str| format!("{parent}{name}");
        above.push((depth, below(&path(&names[0]))));
        assert!(names.iter().map(path).all(|path| paths.insert(path)), "ARCHITECTURE.md's map has this twice: {line}");
    }
    paths
}

/// The names that a line of the map begins with; none if it goes on with the line before.
fn names(line: &str, depth: usize) -> Vec<&str> {
    let is_path = |name: &str| name.ends_with(".rs") || name.ends_with('/') || depth == 0;
    let mut names = Vec::new();
    for word in line.split(' ') {
        let name = word.trim_end_matches(',');
        if !is_path(name) {
            break;
        }
        names.push(name);
        if name == word {
            break;
        }
    }
    names
}

/// What the paths of the files below begin with: those of module `x.rs` lie in `x/`.
fn below(path: &str) -> String {
    format!("{}/", path.trim_end_matches(".rs").trim_end_matches('/'))
}

/// The files of the three crates, from the workspace's root.
fn files() -> BTreeSet<String> {
    CRATES
        .into_iter()
        .flat_map(|name| sources(name).into_iter().map(move |file| format!("crates/{name}/src/{file}")))
        .collect()
}

#[test]
fn every_file_has_a_line_on_the_map() {
    let (mapped, files) = (mapped(), files());
    let mut by_directory = BTreeMap::<&str, Vec<&String>>::new();
    for path in &files {
        by_directory.entry(path.rsplit_once('/').expect("it lies somewhere").0).or_default().push(path);
    }
    let mut lost = Vec::new();
    for (directory, files) in by_directory {
        let is_itself = |path: &&String| path.ends_with("/mod.rs");
        let is_covered = mapped.contains(&format!("{directory}/"));
        let without: Vec<_> = files.iter().filter(|path| !is_itself(path) && !mapped.contains(**path)).collect();
        let are_listed = files.iter().any(|path| mapped.contains(*path));
        if !without.is_empty() && (are_listed || !is_covered) {
            lost.extend(without.into_iter().map(|path| format!("add a line for {path} below {directory}")));
        }
    }
    assert!(lost.is_empty(), "ARCHITECTURE.md's map (`## Map`) does not say what these are for: {lost:#?}");
}

#[test]
fn every_line_of_the_map_is_of_something_that_exists() {
    let gone: Vec<_> = mapped().into_iter().filter(|path| !workspace().join(path).exists()).collect();
    assert!(gone.is_empty(), "ARCHITECTURE.md's map (`## Map`) has lines for what is not there: {gone:#?}");
}

#[test]
fn the_map_is_read_as_it_is_meant() {
    assert_eq!(names("exit.rs, name.rs   exit codes; what it is called", 2), ["exit.rs", "name.rs"]);
    assert_eq!(names("walk/         order, links, loops", 2), ["walk/"]);
    assert_eq!(names("several names; outbox.rs, records on their way", 16), [""; 0]);
    assert_eq!(names("bench/groups    errgroup beside its peers", 0), ["bench/groups"]);
    assert_eq!(
        (below("src/tokio.rs"), below("src/walk/"), below("crates/x/src")),
        ("src/tokio/".into(), "src/walk/".into(), "crates/x/src/".into())
    );
}
