//! The walk against a slow and obvious oracle: everything `walkdir` finds,
//! sorted by the bytes of whole paths.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::Path;

use errgroup::Context;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::entry::Found;
use crate::record::Outcome;
use crate::source::{Mode, Rules};

/// How many directories the walks here keep open.
const MAX_OPEN: usize = 32;

/// What a walk comes across, as one line each.
fn walk(roots: &[&Path], links: Links) -> Vec<Vec<u8>> {
    let roots: Vec<Root> = roots.iter().map(|path| Root::from(*path)).collect();
    Walk::new(&in_order(&roots), Terms::plain(links)).filter_map(line).collect()
}

fn line(step: Step) -> Option<Vec<u8>> {
    let Step::Found(entry) = step else {
        return None;
    };
    let mut line = entry.place.path().into_os_string().into_vec();
    match entry.found {
        Found::File(_) => {}
        Found::Settled(Outcome::Skipped(skip)) => line.extend_from_slice(format!(": {skip:?}").as_bytes()),
        Found::Settled(Outcome::Failed(reason)) => line.extend_from_slice(format!(": {reason}").as_bytes()),
        Found::Begun(_) | Found::Read(_) | Found::TakenOver(_) | Found::Settled(_) => panic!("a walk reads nothing"),
    }
    Some(line)
}

impl Terms {
    /// What nothing else is asked of.
    pub(crate) fn plain(links: Links) -> Terms {
        Terms {
            directories: Directories::plain(),
            links,
            one_file_system: false,
            automounts: Automounts::default(),
            selection: None,
            ahead: 100,
            ends: false,
        }
    }

    /// As if all were at the other end of a network, so that it is listed ahead; with so many directories open.
    fn far(links: Links, ahead: usize) -> Terms {
        let directories = Directories { devices: Devices::new(Some(Mode::Net), None), ..Directories::plain() };
        Terms { directories, ahead, ..Terms::plain(links) }
    }
}

/// The lines of a walk that lists ahead, and whether it did: not where temporary files are in memory.
fn walk_ahead(roots: &[&Path], terms: Terms) -> (Vec<Vec<u8>>, bool) {
    let roots: Vec<Root> = roots.iter().map(|path| Root::from(*path)).collect();
    let most = terms.ahead;
    let mut walk = Walk::new(&in_order(&roots), terms);
    let mut lines = Vec::new();
    while let Some(step) = walk.next() {
        assert!(walk.ahead.held() <= most);
        lines.extend(line(step));
    }
    (lines, !walk.ahead.is_untouched())
}

/// The lines of a walk that lists ahead, with so many directories open, are these.
#[track_caller]
fn check_ahead(root: &Path, links: Links, ahead: usize, expected: &[Vec<u8>]) {
    let (lines, was_ahead) = walk_ahead(&[root], Terms::far(links, ahead));
    assert!(lines == expected, "{ahead}: {} lines, not {}", lines.len(), expected.len());
    if !was_ahead {
        eprintln!("SKIPPED: temporary files are in memory here, where nothing is listed ahead");
    }
}

/// The same lines below `root`, as text, without `root/`.
fn below(root: &Path, links: Links) -> Vec<String> {
    let prefix = root.as_os_str().len() + 1;
    walk(&[root], links).into_iter().map(|line| String::from_utf8(line[prefix..].to_vec()).unwrap()).collect()
}

fn oracle(root: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = walkdir::WalkDir::new(root)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.into_path().into_os_string().into_vec())
        .collect();
    paths.sort();
    paths
}

fn tree(files: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        plant(dir.path(), Path::new(file));
    }
    dir
}

/// Makes a file, or leaves it if another file is in its way.
fn plant(root: &Path, file: &Path) {
    let path = root.join(file);
    if fs::create_dir_all(path.parent().unwrap()).is_ok() && !path.exists() {
        fs::write(&path, "").unwrap();
    }
}

#[test]
fn a_directory_sorts_as_its_name_with_a_slash() {
    let dir = tree(&["a/z", "a.b", "a0", "a-/x", "A", ".hidden/f", "a!"]);
    assert_eq!(below(dir.path(), Links::Skip), [".hidden/f", "A", "a!", "a-/x", "a.b", "a/z", "a0"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn comes_across_what_the_oracle_finds_in_the_same_order(
        files in prop::collection::vec(hostile_path(), 0..40)
    ) {
        let dir = tempfile::tempdir().unwrap();
        for file in &files {
            plant(dir.path(), Path::new(OsStr::from_bytes(file)));
        }
        prop_assert_eq!(walk(&[dir.path()], Links::Skip), oracle(dir.path()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With little room, so that what was listed too far ahead is given up for what comes sooner.
    #[test]
    fn listing_ahead_changes_nothing_of_that(
        files in prop::collection::vec(hostile_path(), 0..40), ahead in prop::sample::select(vec![18, 19, 21, 30, 272]),
    ) {
        let dir = tempfile::tempdir().unwrap();
        for file in &files {
            plant(dir.path(), Path::new(OsStr::from_bytes(file)));
        }
        check_ahead(dir.path(), Links::Skip, ahead, &oracle(dir.path()));
    }
}

/// Names around `/` in the order of bytes, and any others.
fn hostile_path() -> impl Strategy<Value = Vec<u8>> {
    let near = prop::sample::select(vec![b'a', b'.', b'-', b'0', b' ', b'\n', 0xff]);
    let byte = prop_oneof![4 => near, 1 => any::<u8>()];
    let byte = byte.prop_filter("names hold neither", |byte| !matches!(byte, 0 | b'/'));
    let name =
        prop::collection::vec(byte, 1..4).prop_filter("not names of entries", |name| name != b"." && name != b"..");
    prop::collection::vec(name, 1..5).prop_map(|names| names.join(&b'/'))
}

#[test]
fn roots_come_in_the_order_of_their_paths_and_keep_their_spelling() {
    let dir = tree(&["d/x", "d.f"]);
    let at = |name: &str| dir.path().join(name);
    let (d, file, slash) = (at("d"), at("d.f"), at("d/"));
    let prefix = dir.path().as_os_str().len() + 1;
    let found: Vec<_> = walk(&[&slash, &d, &file, &at("gone")], Links::Skip)
        .into_iter()
        .map(|line| String::from_utf8(line[prefix..].to_vec()).unwrap())
        .collect();
    assert_eq!(found, ["d.f", "d/x", "d/x", "gone: cannot stat: No such file or directory"]);
}

#[test]
fn links_are_passed_over_without_a_word_unless_they_are_roots() {
    let dir = tree(&["real/f"]);
    symlink("real", dir.path().join("link")).unwrap();
    symlink("real/f", dir.path().join("link to f")).unwrap();
    symlink("nowhere", dir.path().join("broken")).unwrap();
    assert_eq!(below(dir.path(), Links::Skip), ["real/f"]);
    assert_eq!(below(&dir.path().join("link"), Links::Skip), ["f"]);
}

#[test]
fn followed_links_are_sorted_as_what_they_lead_to() {
    let dir = tree(&["real/f"]);
    symlink("real", dir.path().join("link")).unwrap();
    symlink("real/f", dir.path().join("link.f")).unwrap();
    symlink("nowhere", dir.path().join("broken")).unwrap();
    assert_eq!(
        below(dir.path(), Links::Follow),
        ["broken: cannot stat: No such file or directory", "link.f", "link/f", "real/f"]
    );
}

#[test]
fn a_followed_loop_is_named_and_left() {
    let dir = tree(&["a/b/f", "z"]);
    symlink("..", dir.path().join("a/b/up")).unwrap();
    symlink("self", dir.path().join("self")).unwrap();
    let ancestor = dir.path().join("a");
    assert_eq!(
        below(dir.path(), Links::Follow),
        [
            "a/b/f".to_owned(),
            format!("a/b/up: directory loop: same directory as {ancestor:?}"),
            "self: cannot stat: Too many levels of symbolic links".to_owned(),
            "z".to_owned(),
        ]
    );
}

/// Makes `depth` directories, one in the other, with a file `z` in each, which
/// is walked on the way back up.
fn ladder(root: &Path, depth: usize) {
    let mut path = root.to_owned();
    fs::create_dir_all(&path).unwrap();
    for _ in 0..depth {
        path.push("d");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("z"), "").unwrap();
    }
}

#[test]
fn the_way_back_up_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    ladder(dir.path(), 3 * MAX_OPEN);
    let mut walk = Walk::new(&[Root::from(dir.path())], Terms::plain(Links::Skip));
    let mut found = 0;
    while let Some(step) = walk.next() {
        found += usize::from(line(step).is_some());
        assert!(walk.stack.open_count() <= MAX_OPEN);
    }
    assert_eq!(found, 3 * MAX_OPEN);
}

/// Where `..` leads elsewhere, the way back is the one from the root.
#[test]
fn the_way_back_from_a_followed_link_is_not_that_of_its_target() {
    let dir = tree(&["a/z", "a/zz/z"]);
    ladder(&dir.path().join("target"), MAX_OPEN + 2);
    symlink("../target", dir.path().join("a/link")).unwrap();
    let lines = below(&dir.path().join("a"), Links::Follow);
    assert!(lines.iter().all(|line| !line.contains(':')), "{lines:?}");
    assert_eq!(lines.len(), MAX_OPEN + 2 + 2);
    assert_eq!(lines[MAX_OPEN + 2..], ["z", "zz/z"]);
}

/// The name in `Handle::Listed` of a file far above must still be relative to
/// the directory that it was listed in.
#[test]
fn what_is_found_on_the_way_up_opens() {
    let dir = tempfile::tempdir().unwrap();
    ladder(dir.path(), MAX_OPEN + 5);
    for step in Walk::new(&[Root::from(dir.path())], Terms::plain(Links::Skip)) {
        if let Step::Found(entry) = step {
            let Found::File(handle) = &entry.found else {
                panic!("{entry:?}");
            };
            let devices = Devices::default();
            local::open(handle, entry.place.name(), Rules::plain(&devices), &mut []).unwrap();
        }
    }
}

#[test]
fn a_directory_that_was_swapped_meanwhile_is_said_and_left() {
    let dir = tempfile::tempdir().unwrap();
    ladder(dir.path(), MAX_OPEN + 2);
    fs::write(dir.path().join("zz"), "").unwrap();
    let mut walk = Walk::new(&[Root::from(dir.path())], Terms::plain(Links::Skip));
    // The deepest file: everything above the last levels has been let go.
    let mut lines = vec![walk.by_ref().find_map(line).unwrap()];
    // What is below leads elsewhere by `..`, and the way from above is another.
    let at = |name| dir.path().join(name);
    fs::rename(at("d/d/d"), at("old deep end")).unwrap();
    fs::rename(at("d"), at("old")).unwrap();
    fs::create_dir_all(at("d/d")).unwrap();
    lines.extend(walk.filter_map(line));

    let text = |line: &Vec<u8>| String::from_utf8(line.clone()).unwrap();
    let lines: Vec<_> = lines.iter().map(text).collect();
    let moved: Vec<_> = lines.iter().filter(|line| line.contains(": ")).collect();
    assert_eq!(
        moved,
        [
            &format!("{}/d/d: no longer the directory that was listed", dir.path().display()),
            &format!("{}/d: no longer the directory that was listed", dir.path().display()),
        ]
    );
    assert!(lines.last().unwrap().ends_with("/zz"));
}

/// As if each had been a directory when it was listed.
#[test]
fn what_is_no_directory_any_more_is_what_it_has_become() {
    let dir = tree(&["file", "target/inside"]);
    symlink("target", dir.path().join("link")).unwrap();
    let mut walk = Walk::new(&[Root::from(dir.path())], Terms::plain(Links::Skip));
    let name = dir.path().as_os_str().as_bytes();
    let opened = Directories::plain().open(&Base::WorkingDirectory, name, Links::Skip);
    let folder = Arc::new(opened.unwrap());
    let mut listing = Listing::default();
    for name in ["file", "link", "gone"] {
        listing.push(name.as_bytes(), Kind::Directory, 0);
    }
    let root = walk.stack.advance().unwrap();
    let directory = Directory::new(root, listing);
    let base = Base::Directory(folder);
    let mut visit = |index| {
        let entry = walk.descend(&base, directory.place(index).unwrap());
        entry.map(|entry| entry.found)
    };
    assert!(matches!(visit(0), Some(Found::File(_))));
    assert!(visit(1).is_none());
    assert!(matches!(visit(2), Some(Found::Settled(Outcome::Failed(_)))));
}

/// More subdirectories than may be ahead, each with a chain of its own in it, with little room and with much.
#[test]
fn wide_and_nested_directories_are_listed_ahead_within_bounds() {
    let dir = tempfile::tempdir().unwrap();
    for index in 0..300 {
        plant(dir.path(), &Path::new(&format!("{index:03}")).join("x/y/z/file"));
        plant(dir.path(), &Path::new(&format!("{index:03}")).join("x/z/file"));
    }
    for ahead in [18, 40, 272] {
        check_ahead(dir.path(), Links::Skip, ahead, &oracle(dir.path()));
    }
}

/// More names than one directory may hold that is listed ahead.
#[test]
fn a_long_listing_is_begun_ahead_and_read_on_by_the_walk() {
    let dir = tempfile::tempdir().unwrap();
    for index in 0..9_000 {
        plant(dir.path(), &Path::new("d").join(index.to_string()));
    }
    check_ahead(dir.path(), Links::Skip, 30, &oracle(dir.path()));
}

#[test]
fn loops_are_told_where_directories_are_listed_ahead() {
    let dir = tree(&["a/b/f", "z"]);
    symlink("..", dir.path().join("a/b/up")).unwrap();
    check_ahead(dir.path(), Links::Follow, 40, &walk(&[dir.path()], Links::Follow));
}

/// What was read before is in memory: nobody has to wait, unless the system has just forgotten it.
#[test]
fn nothing_is_listed_ahead_where_nobody_has_to_wait() {
    let dir = tree(&["a/b/f", "c/d", "z"]);
    let was_ahead = || {
        walk(&[dir.path()], Links::Skip);
        let (lines, was_ahead) = walk_ahead(&[dir.path()], Terms::plain(Links::Skip));
        assert_eq!(lines, oracle(dir.path()));
        was_ahead
    };
    assert!((0..10).any(|_| !was_ahead()));
}

/// A walk that is let go of, or whose context has ended, with tasks under way.
#[test]
fn the_end_of_a_walk_waits_for_no_listing() {
    let dir = tempfile::tempdir().unwrap();
    for index in 0..100 {
        plant(dir.path(), &Path::new(&index.to_string()).join("file"));
    }
    for taken in [0, 1, 50] {
        let (ctx, cancel) = Context::background().with_cancel();
        let far = Terms::far(Links::Skip, 100);
        let terms = Terms { directories: Directories { ctx, ..far.directories }, ..far };
        let mut walk = Walk::new(&[Root::from(dir.path())], terms);
        assert_eq!(walk.by_ref().filter_map(line).take(taken).count(), taken);
        cancel.cancel();
        let left = walk.by_ref().filter_map(line).count();
        assert!(left <= 1, "no further directory is entered, but {left} were");
    }
}
