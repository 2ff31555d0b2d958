//! Globs as users write them: which of several matches a path below a root, if one does.
//!
//! `globset` compiles and matches them, by bytes; here is what a `/` means. A glob without one is that of a name, at any
//! depth. One with a `/` is that of a whole path from the root on, and one that ends in `/` is of directories only.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};

/// A glob that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadGlob {
    glob: String,
    cause: String,
}

/// Globs, in the order in which they were given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Globs {
    globs: Vec<Glob>,
    /// All of them, by their numbers.
    set: GlobSet,
    /// Whether some are of directories only, and so may match and not count.
    some_are_of_directories: bool,
}

#[derive(Clone, Debug)]
struct Glob {
    /// As it was written.
    text: String,
    is_of_directories: bool,
    compiled: globset::Glob,
}

impl BadGlob {
    /// The glob, as it was written.
    #[must_use]
    pub fn glob(&self) -> &str {
        &self.glob
    }

    /// What is wrong with it.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }

    pub(crate) fn new(glob: &str, cause: impl fmt::Display) -> BadGlob {
        BadGlob { glob: glob.to_owned(), cause: cause.to_string() }
    }
}

impl fmt::Display for BadGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no glob: {:?}: {}", self.glob, self.cause)
    }
}

impl Error for BadGlob {}

impl Globs {
    /// These, and more.
    pub(crate) fn and<T: AsRef<str>>(mut self, more: impl IntoIterator<Item = T>) -> Result<Globs, BadGlob> {
        for text in more {
            self.globs.push(Glob::new(text.as_ref())?);
        }
        let mut set = GlobSetBuilder::new();
        for glob in &self.globs {
            set.add(glob.compiled.clone());
        }
        self.set = set.build().map_err(|error| BadGlob::new(error.glob().unwrap_or_default(), error.kind()))?;
        self.some_are_of_directories = self.globs.iter().any(|glob| glob.is_of_directories);
        Ok(self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// The first that can match no file.
    pub(crate) fn of_directories(&self) -> Option<&str> {
        self.globs.iter().find(|glob| glob.is_of_directories).map(|glob| &*glob.text)
    }

    /// Whether one of them matches a path, relative to its root.
    pub(crate) fn matches(&self, path: &[u8], is_directory: bool) -> bool {
        if self.some_are_of_directories && !is_directory {
            return self.first(path, is_directory).is_some();
        }
        !self.is_empty() && self.set.is_match_candidate(&candidate(path))
    }

    /// The first of them that matches a path, as it was written.
    pub(crate) fn first(&self, path: &[u8], is_directory: bool) -> Option<&str> {
        let matching = self.set.matches_candidate(&candidate(path));
        let mut globs = matching.into_iter().map(|number| &self.globs[number]);
        globs.find(|glob| is_directory || !glob.is_of_directories).map(|glob| &*glob.text)
    }
}

impl Glob {
    fn new(text: &str) -> Result<Glob, BadGlob> {
        let (body, is_of_directories) = text.strip_suffix('/').map_or((text, false), |body| (body, true));
        let path = body.strip_prefix("./").or_else(|| body.strip_prefix('/')).unwrap_or(body);
        if matches!(path, "" | ".") {
            return Err(BadGlob::new(text, "it would match nothing"));
        }
        let whole = if body.contains('/') { path.to_owned() } else { format!("**/{path}") };
        let compiled = GlobBuilder::new(&whole).literal_separator(true).backslash_escape(true).build();
        let compiled = compiled.map_err(|error| BadGlob::new(text, error.kind()))?;
        Ok(Glob { text: text.to_owned(), is_of_directories, compiled })
    }
}

fn candidate(path: &[u8]) -> Candidate<'_> {
    Candidate::new(OsStr::from_bytes(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(texts: &[&str]) -> Globs {
        Globs::default().and(texts).unwrap()
    }

    /// Whether a glob matches, as a file and as a directory.
    fn check(glob: &str, path: &[u8], file: bool, directory: bool) {
        let globs = globs(&[glob]);
        assert_eq!((globs.matches(path, false), globs.matches(path, true)), (file, directory), "{glob} {path:?}");
        assert_eq!(globs.first(path, false).is_some(), file, "{glob} {path:?}");
    }

    #[test]
    fn a_slash_says_what_a_glob_is_of() {
        check("*.o", b"a.o", true, true);
        check("*.o", b"x/y/a.o", true, true);
        check("*.o", b"x.o/a", false, false);
        check("a", b"b/a", true, true);
        check("/a", b"a", true, true);
        check("./a", b"a", true, true);
        check("/a", b"b/a", false, false);
        check("b/a", b"b/a", true, true);
        check("b/a", b"c/b/a", false, false);
        check("b/*", b"b/a", true, true);
        check("b/*", b"b/a/c", false, false);
        check("b/**", b"b/a/c", true, true);
        check("**/b/a", b"c/b/a", true, true);
        check("**/b/a", b"b/a", true, true);
        check("a/", b"a", false, true);
        check("a/", b"b/a", false, true);
        check("/a/", b"b/a", false, false);
        check("b/a/", b"b/a", false, true);
        check("{a,b}.[ch]", b"x/b.h", true, true);
        check("a?c", b"a/c", false, false);
    }

    #[test]
    fn names_are_bytes() {
        check("*.o", b"\xff\xfe.o", true, true);
        check("a?", b"a\xff", true, true);
        check("a*", b"a\n\xff", true, true);
        check("\\*", b"*", true, true);
        check("\\*", b"a", false, false);
    }

    #[test]
    fn the_first_that_matches_is_named_as_it_was_written() {
        let globs = globs(&["x/", "*.o", "a*"]);
        assert_eq!(globs.first(b"a.o", false), Some("*.o"));
        assert_eq!(globs.first(b"x", true), Some("x/"));
        assert_eq!(globs.first(b"x", false), None);
        assert_eq!(globs.first(b"y/ab", false), Some("a*"));
    }

    #[test]
    fn what_is_no_glob_is_refused_with_what_is_wrong() {
        for glob in ["", "/", "./", "[a", "a{b", "a\\"] {
            let bad = Globs::default().and([glob]).unwrap_err();
            assert_eq!(bad.glob(), glob);
            assert!(!bad.cause().is_empty(), "{bad}");
        }
    }
}
