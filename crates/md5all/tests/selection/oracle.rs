//! Random trees and random selections, beside walking everything and looking at each whole path.

use std::ffi::OsStr;
use std::fs;
use std::num::NonZeroU32;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use errgroup::Context;
use globset::{GlobBuilder, GlobMatcher};
use md5all::manifest::{Format, LineEnd};
use md5all::{Fate, Listed, Options, Outcome, Root, Selection, audit, hash_trees};
use proptest::prelude::*;
use proptest::sample::select;

const CASES: u32 = 192;

/// A selection as plain data.
#[derive(Clone, Debug)]
struct Wish {
    include: Vec<&'static str>,
    exclude: Vec<&'static str>,
    no_hidden: bool,
    max_depth: Option<u32>,
    min_size: Option<u64>,
    max_size: Option<u64>,
}

/// A path of one to four names, some of bytes that are no text.
fn path() -> impl Strategy<Value = PathBuf> {
    let names: Vec<&'static [u8]> =
        vec![b"a", b"b", b"a.o", b"b.c", b".h", b".c", b"\xff.o", b"a\n", b"a.o.c", b"[a]", b"{b}"];
    let name = select(names).prop_map(OsStr::from_bytes);
    prop::collection::vec(name, 1..5).prop_map(|names| names.iter().collect())
}

fn glob() -> impl Strategy<Value = &'static str> {
    select(vec![
        "a", "*.o", "*.c", "/a", "/a/", "a/", "a/*", "a/**", "**/b", "b/**/a", "*/a", "?", "??", "{a,b}", "[ab].?",
        "*", "**", "/*/*", ".*", "a.*/", "\\[a\\]", "[!a]*", "a?", "./b",
    ])
}

fn include_glob() -> impl Strategy<Value = &'static str> {
    glob().prop_filter("it can match a file", |glob| !glob.ends_with('/'))
}

prop_compose! {
    fn wish()(
        include in prop::collection::vec(include_glob(), 0..3),
        exclude in prop::collection::vec(glob(), 0..3),
        no_hidden: bool,
        max_depth in prop::option::of(1..4_u32),
        min_size in prop::option::weighted(0.3, 0..4_u64),
        max_size in prop::option::weighted(0.3, 0..4_u64),
    ) -> Wish {
        Wish { include, exclude, no_hidden, max_depth, min_size, max_size }
    }
}

impl Wish {
    fn selection(&self) -> Selection {
        Selection::default()
            .include(&self.include)
            .unwrap()
            .exclude(&self.exclude)
            .unwrap()
            .no_hidden(self.no_hidden)
            .max_depth(self.max_depth.and_then(NonZeroU32::new))
            .min_size(self.min_size)
            .max_size(self.max_size)
    }

    /// Whether a file is wanted, by its whole path and its size.
    fn wants(&self, path: &Path, size: u64) -> bool {
        let names = path.components().count();
        let is_excluded = path
            .ancestors()
            .filter(|above| *above != Path::new(""))
            .any(|above| self.exclude.iter().any(|glob| matches(glob, above, above != path)));
        let is_hidden = path.iter().any(|name| name.as_bytes().starts_with(b"."));
        let is_out = is_excluded || (self.no_hidden && is_hidden);
        !is_out
            && self.max_depth.is_none_or(|most| names as u32 <= most)
            && (self.include.is_empty() || self.include.iter().any(|glob| matches(glob, path, false)))
            && self.min_size.is_none_or(|least| size >= least)
            && self.max_size.is_none_or(|most| size <= most)
    }
}

/// Whether a glob matches, said in another way than the library does: by the last name, or by the whole path.
fn matches(glob: &str, path: &Path, is_directory: bool) -> bool {
    let (body, only_directories) = glob.strip_suffix('/').map_or((glob, false), |body| (body, true));
    let compile = |glob: &str| -> GlobMatcher {
        GlobBuilder::new(glob).literal_separator(true).build().unwrap().compile_matcher()
    };
    let is_match = match body.strip_prefix("./").or_else(|| body.strip_prefix('/')) {
        Some(whole) => compile(whole).is_match(path),
        None if body.contains('/') => compile(body).is_match(path),
        None => compile(body).is_match(Path::new(path.file_name().unwrap())),
    };
    is_match && (is_directory || !only_directories)
}

/// Makes what can be made of these files: a name may be a file and a directory in different ones.
fn plant(root: &Path, files: &[(PathBuf, usize)]) {
    for (path, size) in files {
        let path = root.join(path);
        let is_made = path.parent().is_some_and(|parent| fs::create_dir_all(parent).is_ok());
        if is_made && !path.exists() {
            fs::write(path, vec![b'x'; *size]).unwrap();
        }
    }
}

/// All files that are wanted, below the root, in the order of the bytes of paths.
fn oracle(root: &Path, wish: &Wish) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.unwrap();
        let below = entry.path().strip_prefix(root).unwrap();
        if entry.file_type().is_file() && wish.wants(below, entry.metadata().unwrap().len()) {
            found.push(below.as_os_str().as_bytes().to_vec());
        }
    }
    found.sort();
    found
}

fn hashed(root: &Path, selection: Selection) -> Vec<Vec<u8>> {
    let options = Options::new([root]).selection(selection);
    let records = hash_trees(&Context::background(), options).map(Result::unwrap);
    let hashed = records.filter(|record| match record.outcome() {
        Outcome::Hashed(_) => true,
        Outcome::Skipped(skip) => {
            assert!(skip.is_by_selection(), "{record:?}");
            false
        }
        other => panic!("{other:?}"),
    });
    hashed.map(|record| record.path().strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn what_is_hashed_is_what_looking_at_each_whole_path_selects(
        files in prop::collection::vec((path(), 0..4_usize), 0..24), wish in wish(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        plant(dir.path(), &files);
        prop_assert_eq!(hashed(dir.path(), wish.selection()), oracle(dir.path(), &wish));
    }

    /// The tree has lost some files and won others since; what is selected of it is compared as if there were no more.
    #[test]
    fn an_audit_of_a_part_is_an_audit_of_what_is_selected_on_both_sides(
        before in prop::collection::vec((path(), 0..4_usize), 0..16),
        after in prop::collection::vec((path(), 0..4_usize), 0..16),
        wish in wish(),
    ) {
        let wish = Wish { min_size: None, max_size: None, ..wish };
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        fs::create_dir(&old).unwrap();
        fs::create_dir(&new).unwrap();
        plant(&old, &before);
        plant(&new, &after);
        let list = dir.path().join("list");
        let everything = Wish { include: vec![], exclude: vec![], no_hidden: false, max_depth: None, ..wish };
        let lines = |wanted: Vec<Vec<u8>>, root: &Path| -> Vec<u8> {
            let mut writer = md5all::manifest::Writer::new(Vec::new(), Format::Gnu.into());
            for record in hash_trees(&Context::background(), Options::new([root])) {
                let record = record.unwrap();
                let name = record.path().strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
                if let (Outcome::Hashed(hashed), true) = (record.outcome(), wanted.contains(&name)) {
                    writer.write(&name, hashed).unwrap();
                }
            }
            writer.finish().unwrap()
        };
        fs::write(&list, lines(oracle(&old, &everything), &old)).unwrap();
        let told = told(&list, &new, wish.selection());

        // The slow way: lists of what is selected, and a tree that has nothing else.
        fs::write(&list, lines(oracle(&old, &wish), &old)).unwrap();
        let wanted = oracle(&new, &wish);
        for entry in walkdir::WalkDir::new(&new) {
            let entry = entry.unwrap();
            let below = entry.path().strip_prefix(&new).unwrap().as_os_str().as_bytes().to_vec();
            if entry.file_type().is_file() && !wanted.contains(&below) {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        prop_assert_eq!(told, self::told(&list, &new, Selection::default()));
    }
}

fn told(list: &Path, root: &Path, selection: Selection) -> Vec<(PathBuf, String)> {
    let ctx = Context::background();
    let listed = Listed::read(&ctx, &Root::from(list), Format::Gnu, LineEnd::Newline).unwrap();
    let options = Options::new([""; 0]).selection(selection);
    let compared = audit(&ctx, listed, Some(root), options).map(Result::unwrap);
    // Of an empty manifest nobody knows how it would spell names.
    let plain = |name: PathBuf| name.strip_prefix(root).map(Path::to_owned).unwrap_or(name);
    let mut told: Vec<_> = compared
        .filter(|compared| !matches!(compared.fate, Fate::LeftOut { .. }))
        .map(|compared| (plain(std::ffi::OsString::from_vec(compared.name).into()), format!("{:?}", compared.fate)))
        .collect();
    told.sort();
    told
}
