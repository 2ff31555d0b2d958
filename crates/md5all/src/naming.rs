//! Which file a name in a manifest is, below a root: how a list and a tree are brought together.
//!
//! Names are compared in one spelling ([`plain`]): `./a` and `a//` are `a`. What a name begins with is not always what the
//! paths of a walk begin with, since a list may have been made inside the tree, or of the tree when it lay elsewhere. A
//! [`Survey`] looks at all names, and what it comes to, a [`Naming`], turns names into paths and paths into names. The
//! rules:
//!
//! 1. With a root, names are taken as they stand if every one of them lies below it.
//! 2. If some do, but not all, they are relative to it.
//! 3. If none does, and the root ends with directories that all names begin with, as `/mnt/photos` and `photos/a` do, they
//!    are relative to it without these: the list was made beside it. If it is told by another name, `.` or a link, that
//!    is its real one. But if more of the first few names are found below the root as they stand, they are relative to it as they stand.
//! 4. If they are absolute, they are relative to it without as many of the directories that all share as makes most of
//!    the first few names be found: so a list fits a copy of its tree. What is not absolute is never read like that:
//!    a file that has moved from `a/b` to `b` is not where it was.
//! 5. Without one, the root is the longest directory that all names share.
//! 6. A name that leads out of the root, by `..` or by being absolute, has no path. Nothing is undone in a name: what
//!    `a/../b` is depends on whether `a` is a link.
//!
//! Nothing here looks at a file system but for these few, and for the root's own name.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The one spelling of a name: no empty parts, none that are `.`, and no `/` at the end. A `/` at the beginning stays.
pub(crate) fn plain(name: &[u8]) -> Cow<'_, [u8]> {
    if is_plain(name) {
        return Cow::Borrowed(name);
    }
    let mut plain = Vec::with_capacity(name.len());
    if name.starts_with(b"/") {
        plain.push(b'/');
    }
    for part in name.split(|&byte| byte == b'/').filter(|part| !matches!(*part, b"" | b".")) {
        if !matches!(&plain[..], [] | [b'/']) {
            plain.push(b'/');
        }
        plain.extend_from_slice(part);
    }
    Cow::Owned(plain)
}

/// Whether a name may be that of a file: what ends as a directory's may end is not, though it has the same plain spelling.
pub(crate) fn is_of_file(name: &[u8]) -> bool {
    !matches!(name, [] | b"." | [.., b'/'] | [.., b'/', b'.'])
}

fn is_plain(name: &[u8]) -> bool {
    let below = name.strip_prefix(b"/").unwrap_or(name);
    below.is_empty() || !below.split(|&byte| byte == b'/').any(|part| matches!(part, b"" | b"."))
}

/// What all names of a list have in common, name after name.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The root as it was given, if one was.
    root: Option<Vec<u8>>,
    /// What the names that lie below that begin with.
    prefix: Vec<u8>,
    /// How many names there were, and how many of them lie below the root.
    names: u64,
    below: u64,
    /// The longest beginning that all share, up to and with a `/`.
    shared: Option<Vec<u8>>,
    /// The first of them, as they are spelt: no more than are looked for.
    first: Vec<Vec<u8>>,
}

/// How names and paths below a root become each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Naming {
    /// The root, as a walk is to be given it.
    root: Vec<u8>,
    /// What the paths of that walk begin with, below the root.
    walked: Vec<u8>,
    /// What names begin with in its place.
    prefix: Vec<u8>,
    /// Whether some names, but not all, lie below the root that was given: they are taken as relative to it.
    is_mixed: bool,
}

impl Survey {
    /// So many names are looked for where it is not clear where they lie: a few calls to the system, once.
    const FIRST: usize = 16;

    /// Of names that are to lie below `root`, or below what they share.
    pub(crate) fn new(root: Option<&Path>) -> Survey {
        let root = root.map(|root| root.as_os_str().as_bytes().to_vec());
        let prefix = root.as_deref().map(|root| as_prefix(plain(root).into_owned())).unwrap_or_default();
        Survey { root, prefix, names: 0, below: 0, shared: None, first: Vec::new() }
    }

    /// Looks at one name, which is plain.
    pub(crate) fn see(&mut self, name: &[u8]) {
        self.names += 1;
        self.below += u64::from(strip(name, &self.prefix).is_some());
        if self.first.len() < Survey::FIRST && self.root.is_some() {
            self.first.push(name.to_vec());
        }
        let directory = &name[..name.iter().rposition(|&byte| byte == b'/').map_or(0, |at| at + 1)];
        match &mut self.shared {
            None => self.shared = Some(directory.to_vec()),
            Some(shared) if directory.starts_with(shared) => {}
            Some(shared) => {
                let same = shared.iter().zip(directory).take_while(|(a, b)| a == b).count();
                shared.truncate(shared[..same].iter().rposition(|&byte| byte == b'/').map_or(0, |at| at + 1));
            }
        }
    }

    /// What all names that were looked at come to.
    pub(crate) fn end(self) -> Naming {
        self.end_where(|root| root.canonicalize().ok(), |path| path.symlink_metadata().is_ok())
    }

    fn end_where(self, real: impl Fn(&Path) -> Option<PathBuf>, is_there: impl Fn(&Path) -> bool) -> Naming {
        let Survey { root, prefix, names, below, shared, first } = self;
        let shared = shared.unwrap_or_default();
        let Some(root) = root else { return Naming::shared(shared) };
        let is_mixed = below > 0 && below < names;
        if below == names && (names == 0 || !prefix.is_empty()) || is_mixed {
            let prefix = if is_mixed { Vec::new() } else { prefix };
            return Naming { walked: as_prefix(root.clone()), root, prefix, is_mixed };
        }
        let real = real(path(&root)).map(|real| real.into_os_string().into_vec()).unwrap_or_default();
        let real_prefix = as_prefix(real.clone());
        let (root, beside) = match (ending(&prefix, &shared), ending(&real_prefix, &shared)) {
            (None, Some(ending)) => (real, Some(ending)),
            (ending, _) => (root, ending),
        };
        let found = |prefix: &&[u8]| {
            let below = first.iter().filter_map(|name| strip(name, prefix)).filter(|below| !leads_out(below));
            below.filter(|below| is_there(&path(&root).join(path(below)))).count()
        };
        let mut may_begin: Vec<_> = match shared.starts_with(b"/") {
            true => directories(&shared).collect(),
            false => beside.into_iter().chain([&[][..]]).collect(),
        };
        may_begin.reverse(); // of those that do equally well, the last is taken
        let prefix = may_begin.into_iter().max_by_key(found).unwrap_or_default().to_vec();
        Naming { walked: as_prefix(root.clone()), root, prefix, is_mixed }
    }
}

impl Naming {
    /// Of names that are relative to `root`.
    pub(crate) fn relative(root: &Path) -> Naming {
        let root = root.as_os_str().as_bytes().to_vec();
        Naming { walked: as_prefix(root.clone()), root, prefix: Vec::new(), is_mixed: false }
    }

    /// Of names that share a directory, which ends in `/` or is none.
    fn shared(prefix: Vec<u8>) -> Naming {
        let root = match &prefix[..] {
            [] => b".".to_vec(),
            b"/" => prefix.clone(),
            [directory @ .., _] => directory.to_vec(),
        };
        Naming { walked: as_prefix(root.clone()), root, prefix, is_mixed: false }
    }

    /// The root, as a walk is to be given it: what was given, or else what names share.
    pub(crate) fn root(&self) -> &Path {
        path(&self.root)
    }

    /// What the paths of that walk begin with, below the root.
    pub(crate) fn walked(&self) -> &[u8] {
        &self.walked
    }

    /// Whether some of the names would lie below the root as they stand, but not all, and so none is taken so.
    pub(crate) fn is_mixed(&self) -> bool {
        self.is_mixed
    }

    /// How many bytes of a walk's path are to be left out to get the plain name; `None` if that is not all there is to it.
    /// It is, if the root is plain.
    pub(crate) fn strip(&self) -> Option<usize> {
        self.walked.ends_with(&self.prefix).then(|| self.walked.len() - self.prefix.len())
    }

    /// What the file of this plain name is called below the root; `None` if it does not lie there.
    pub(crate) fn below<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        strip(name, &self.prefix).filter(|below| !below.is_empty() && !leads_out(below))
    }

    /// The plain name of what a walk of the root calls `path`, in `buffer`.
    pub(crate) fn name_of<'a>(&self, path: &[u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
        buffer.clear();
        match path.strip_prefix(&self.walked[..]).filter(|below| !below.is_empty()) {
            Some(below) => {
                buffer.extend_from_slice(&self.prefix);
                buffer.extend_from_slice(below);
            }
            // The root itself, which is a file, or could not be walked.
            None if self.prefix == b"/" => buffer.push(b'/'),
            None => buffer.extend_from_slice(self.prefix.strip_suffix(b"/").unwrap_or(&self.prefix)),
        }
        buffer
    }

    /// What to call a plain name where it is told: where names are relative to the root, the root itself has none.
    pub(crate) fn shown<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        if name.is_empty() { &self.root } else { name }
    }

    /// What a walk of the root calls the file of this plain name, in `buffer`; `None` if it does not lie below the root.
    pub(crate) fn path_of<'a>(&self, name: &[u8], buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        let below = strip(name, &self.prefix).filter(|below| !leads_out(below))?;
        buffer.clear();
        if below.is_empty() {
            buffer.extend_from_slice(&self.root);
        } else {
            buffer.extend_from_slice(&self.walked);
            buffer.extend_from_slice(below);
        }
        Some(buffer)
    }
}

/// What names may begin with that share this: nothing, the first directory, the first two.
fn directories(shared: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = (0..=shared.len()).filter(|&end| end == 0 || shared[end - 1] == b'/');
    ends.map(|end| &shared[..end])
}

/// The directories that a root ends with and names begin with, the most that there are. Both end in `/`, or are nothing.
fn ending<'a>(root: &'a [u8], names: &[u8]) -> Option<&'a [u8]> {
    let begins = |&at: &usize| at == 0 || root[at - 1] == b'/';
    (0..root.len()).filter(begins).map(|at| &root[at..]).find(|ending| names.starts_with(ending))
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// What a name has behind a prefix; nothing, if it is the directory that the prefix names, or a file of its name.
fn strip<'a>(name: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let is_directory = || prefix.strip_suffix(b"/").is_some_and(|directory| directory == name && !name.is_empty());
    name.strip_prefix(prefix).or_else(|| is_directory().then_some(&[][..]))
}

fn leads_out(below: &[u8]) -> bool {
    below.starts_with(b"/") || below.split(|&byte| byte == b'/').any(|part| part == b"..")
}

/// A directory as what paths below it begin with; nothing stays nothing.
fn as_prefix(mut directory: Vec<u8>) -> Vec<u8> {
    if !matches!(&directory[..], [] | [.., b'/']) {
        directory.push(b'/');
    }
    directory
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_has_one_spelling() {
        let rows = [
            ("a", "a"),
            ("./a", "a"),
            ("././/a", "a"),
            ("a//b", "a/b"),
            ("a/./b/.", "a/b"),
            ("a/", "a"),
            ("/a", "/a"),
            ("//a", "/a"),
            ("/./a/", "/a"),
            ("/", "/"),
            (".", ""),
            ("./", ""),
            ("..", ".."),
            ("a/../b", "a/../b"),
            (".a/..b", ".a/..b"),
            ("", ""),
        ];
        for (name, spelt) in rows {
            assert_eq!(plain(name.as_bytes()), spelt.as_bytes(), "{name:?}");
        }
    }

    /// Where nothing is.
    fn naming(root: Option<&str>, names: &[&str]) -> Naming {
        naming_where(|_| false, root, names)
    }

    fn naming_where(is_there: impl Fn(&Path) -> bool, root: Option<&str>, names: &[&str]) -> Naming {
        let mut survey = Survey::new(root.map(Path::new));
        names.iter().for_each(|name| survey.see(&plain(name.as_bytes())));
        survey.end_where(|root| Some(Path::new("/m").join(root.file_name()?)), is_there)
    }

    /// Where each name lies, and the root.
    fn check(root: Option<&str>, names: &[&str], expected: &str, paths: &[Option<&str>]) {
        let naming = naming(root, names);
        assert_eq!(naming.root(), Path::new(expected), "{root:?} {names:?}");
        let (mut buffer, mut back) = (Vec::new(), Vec::new());
        for (name, path) in names.iter().zip(paths) {
            let name = plain(name.as_bytes());
            let found = naming.path_of(&name, &mut buffer);
            assert_eq!(found, path.map(str::as_bytes), "{root:?} {names:?}");
            if let Some(path) = found {
                assert_eq!(naming.name_of(path, &mut back), &name[..], "{root:?} {names:?}");
            }
        }
    }

    #[test]
    fn names_below_the_root_are_taken_as_they_stand() {
        check(Some("t"), &["t/a", "./t/b/c"], "t", &[Some("t/a"), Some("t/b/c")]);
        check(Some("./t/"), &["t/a"], "./t/", &[Some("./t/a")]);
        check(Some("/t"), &["/t/a", "/t//b"], "/t", &[Some("/t/a"), Some("/t/b")]);
        check(Some("."), &["a", "./b/c"], ".", &[Some("./a"), Some("./b/c")]);
        check(Some("/"), &["/a/b"], "/", &[Some("/a/b")]);
        check(Some("../t"), &["../t/a"], "../t", &[Some("../t/a")]);
    }

    #[test]
    fn other_names_are_relative_to_the_root() {
        check(Some("t"), &["a", "b/c"], "t", &[Some("t/a"), Some("t/b/c")]);
        check(Some("t"), &["t/a", "b"], "t", &[Some("t/t/a"), Some("t/b")]);
        check(Some("/t"), &["t/a", "b"], "/t", &[Some("/t/t/a"), Some("/t/b")]);
        check(Some("t"), &["tt/a"], "t", &[Some("t/tt/a")]);
        assert!(naming(Some("t"), &["t/a", "b"]).is_mixed());
        assert!(!naming(Some("t"), &["a", "b"]).is_mixed());
        assert!(!naming(Some("."), &["a", "/b"]).is_mixed());
    }

    #[test]
    fn names_that_begin_as_the_root_ends_lie_there() {
        check(Some("/t"), &["t/a", "t/b/c"], "/t", &[Some("/t/a"), Some("/t/b/c")]);
        check(Some("../t/"), &["t/a"], "../t/", &[Some("../t/a")]);
        check(Some("/m/t/u"), &["t/u/a", "t/u/b/c"], "/m/t/u", &[Some("/m/t/u/a"), Some("/m/t/u/b/c")]);
        check(Some("/m//t/./u"), &["t/u/a"], "/m//t/./u", &[Some("/m//t/./u/a")]);
        // As many directories as there are, and whole ones.
        check(Some("/t/t"), &["t/t/a"], "/t/t", &[Some("/t/t/a")]);
        check(Some("/t/t"), &["t/a"], "/t/t", &[Some("/t/t/a")]);
        check(Some("/m/at"), &["t/a"], "/m/at", &[Some("/m/at/t/a")]);
        check(Some("/m/t"), &["t/a", "u"], "/m/t", &[Some("/m/t/t/a"), Some("/m/t/u")]);
        check(Some("/m/t/u"), &["t/a"], "/m/t/u", &[Some("/m/t/u/t/a")]);
        // One that lies below the root as it stands was not made beside it.
        check(Some("t/t"), &["t/a", "t/t/b"], "t/t", &[Some("t/t/t/a"), Some("t/t/t/t/b")]);
        // Where most of them are is where they lie.
        let found = |there: &[&str]| {
            let there: Vec<_> = there.iter().map(Path::new).collect();
            let naming = naming_where(|path| there.contains(&path), Some("/m/t"), &["t/a", "t/b", "t/c"]);
            naming.path_of(b"t/a", &mut Vec::new()).map(<[u8]>::to_vec)
        };
        let (beside, inside) = (Some(b"/m/t/a".to_vec()), Some(b"/m/t/t/a".to_vec()));
        assert_eq!(found(&["/m/t/t/a", "/m/t/t/b", "/m/t/c"]), inside);
        assert_eq!(found(&["/m/t/a", "/m/t/b", "/m/t/t/c"]), beside);
        assert_eq!(found(&["/m/t/t"]), beside);
    }

    #[test]
    fn absolute_names_lie_where_most_of_them_are_and_others_where_they_say() {
        let row = |root: &str, names: &[&str], there: &[&str], first: Option<&str>| {
            let there: Vec<_> = there.iter().map(Path::new).collect();
            let naming = naming_where(|path| there.contains(&path), Some(root), names);
            let (mut path, mut name) = (Vec::new(), Vec::new());
            let found = naming.path_of(names[0].as_bytes(), &mut path);
            assert_eq!(found, first.map(str::as_bytes), "{root} {names:?}");
            found.inspect(|path| assert_eq!(naming.name_of(path, &mut name), names[0].as_bytes()));
        };
        row("u", &["/m/t/a", "/m/t/b"], &["u/a", "u/b"], Some("u/a"));
        row("/n", &["/m/t/a", "/m/t/b"], &["/n/t/a", "/m/t/a"], Some("/n/t/a"));
        row(".", &["/m/t/a", "/m/t/b"], &["./a"], Some("./a"));
        // None of it is there.
        row("u", &["/m/t/a", "/m/t/b"], &["/m/t/a"], None);
        // What not all share is never taken away.
        row("u", &["/t/a", "/s/b"], &["u/a", "u/b"], None);
        // It has moved.
        row("u", &["t/a"], &["u/a"], Some("u/t/a"));
        row(".", &["t/a"], &["./a"], Some("./t/a"));
    }

    #[test]
    fn what_leads_out_of_the_root_has_no_path() {
        check(Some("t"), &["/a", "../b", "c/../../d", "e"], "t", &[None, None, None, Some("t/e")]);
        check(Some("."), &["/a", "b"], ".", &[None, Some("./b")]);
        check(None, &["/a/b", "c"], ".", &[None, Some("./c")]);
        check(None, &["../a/b", "c"], ".", &[None, Some("./c")]);
    }

    #[test]
    fn without_a_root_it_is_what_names_share() {
        check(None, &["a/b/c", "a/b/d/e"], "a/b", &[Some("a/b/c"), Some("a/b/d/e")]);
        check(None, &["a/bc/x", "a/bd/x"], "a", &[Some("a/bc/x"), Some("a/bd/x")]);
        check(None, &["./a", "b/c"], ".", &[Some("./a"), Some("./b/c")]);
        check(None, &["/a/b", "/c"], "/", &[Some("/a/b"), Some("/c")]);
        check(None, &["a/b"], "a", &[Some("a/b")]);
        check(None, &["../a/b"], "../a", &[Some("../a/b")]);
        check(None, &["a"], ".", &[Some("./a")]);
        check(None, &[], ".", &[]);
    }

    #[test]
    fn a_root_may_be_a_file() {
        check(Some("t/a"), &["t/a"], "t/a", &[Some("t/a")]);
        let naming = naming(Some("x/a"), &["a"]);
        assert_eq!(naming.name_of(b"x/a", &mut Vec::new()), b"");
        check(Some("/."), &["/"], "/.", &[Some("/.")]);
        check(Some("t/"), &["t"], "t/", &[Some("t/")]);
    }

    proptest! {
        #[test]
        fn a_spelling_stays_as_it_is(name in "[a./]{0,12}") {
            let once = plain(name.as_bytes()).into_owned();
            prop_assert_eq!(plain(&once), &once[..]);
        }

        #[test]
        fn every_path_has_the_name_that_has_that_path(
            root in proptest::option::of("[at./]{1,4}"),
            names in proptest::collection::vec("[at./]{1,8}", 0..5),
        ) {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let naming = naming(root.as_deref(), &names);
            let (mut path, mut back) = (Vec::new(), Vec::new());
            for name in names {
                let name = plain(name.as_bytes());
                if naming.path_of(&name, &mut path).is_some() {
                    prop_assert_eq!(naming.name_of(&path, &mut back), &name[..]);
                }
            }
        }
    }
}
