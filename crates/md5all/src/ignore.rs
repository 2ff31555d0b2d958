//! What the `.gitignore` files of a tree say, and those above it up to the top of its repository.
//!
//! Lines are read and matched by `gix-ignore`, as git does it: by bytes. The last line that matches counts, of the deepest
//! file that has one. A directory with a `.git` in it is the top of a repository, and what is said above it does not hold
//! there. What git has been told elsewhere (`.git/info/exclude`, `core.excludesFile`, the index) is not looked at. Nothing
//! here reads a file.

use std::path::{Path, PathBuf};

use gix_ignore::glob::pattern::Case;
use gix_ignore::glob::{Pattern, wildmatch};
/// What such a file is called.
pub(crate) const NAME: &[u8] = b".gitignore";

/// What git keeps its own things in, and the top of a repository is known by.
pub(crate) const GIT: &[u8] = b".git";

/// What is said in one directory; or, in a root, above it as well.
#[derive(Debug, Default)]
pub(crate) struct Ignore {
    /// The shallowest first.
    files: Vec<Rules>,
    /// The path of the root, with a `/` behind it, below the top of its repository, if it is a root.
    pub(crate) prefix: Vec<u8>,
    /// Whether it is the top of a repository.
    pub(crate) is_top: bool,
}

/// One file.
#[derive(Debug)]
struct Rules {
    /// Where it is, if it lies above a root.
    path: Option<PathBuf>,
    /// So many bytes of the root's path lie below it.
    above: usize,
    /// With the numbers of their lines, from 1.
    lines: Vec<(Pattern, usize)>,
}

/// A line that decides.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pattern: &'a Pattern,
    pub(crate) number: usize,
    /// The file, if it lies above a root.
    pub(crate) path: Option<&'a Path>,
}

impl Ignore {
    /// Adds what a file says, which is deeper than those before it. One that lies above a root has a path, and so many bytes
    /// of the root's path below it.
    pub(crate) fn add(&mut self, text: &[u8], path: Option<PathBuf>, above: usize) {
        // Git takes a CR at the end of the last line for part of its end, whether or not an LF follows.
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let lines = gix_ignore::parse(text, false).map(|(pattern, line, _)| (pattern, line)).collect();
        self.files.push(Rules { path, above, lines });
    }

    /// Whether it says nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && !self.is_top
    }

    /// The line that decides, if one matches. The path is that of an entry, from the shallowest of the directories above
    /// a root on; `at` says where the part begins that lies below the directory that this is said in.
    pub(crate) fn line(&self, path: &[u8], at: usize, is_directory: bool) -> Option<Line<'_>> {
        self.files.iter().rev().find_map(|rules| rules.line(&path[at - rules.above..], is_directory))
    }
}

impl Line<'_> {
    /// Whether what it matches is to be ignored.
    pub(crate) fn ignores(&self) -> bool {
        !self.pattern.is_negative()
    }

    pub(crate) fn text(&self) -> String {
        self.pattern.to_string()
    }
}

impl Rules {
    fn line(&self, path: &[u8], is_directory: bool) -> Option<Line<'_>> {
        let name = path.iter().rposition(|&byte| byte == b'/').map(|slash| slash + 1);
        let mode = wildmatch::Mode::NO_MATCH_SLASH_LITERAL;
        let mut lines = self.lines.iter().rev();
        let (pattern, number) = lines.find(|(pattern, _)| {
            pattern.matches_repo_relative_path(path.into(), name, Some(is_directory), Case::Sensitive, mode)
        })?;
        Some(Line { pattern, number: *number, path: self.path.as_deref() })
    }
}
