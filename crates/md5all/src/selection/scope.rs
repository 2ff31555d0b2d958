//! What a selection means for the entries of one directory.
//!
//! Paths are put together once a directory, relative to the root, and names behind that. What is decided here is decided
//! by names and by the rules of `.gitignore` files; what a file is, nobody looks at.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::directory::{Directory, Place};
use crate::ignore::{self, Ignore, Line};
use crate::listing::{Kind, Passed};
use crate::record::Record;
use crate::selection::{Rule, Selection};
use crate::skip::Skip;

/// See the [module](self).
pub(crate) struct Scope<'a> {
    selection: &'a Selection,
    /// The path of the directory, from the shallowest one that has rules on; behind it, that of an entry.
    path: Vec<u8>,
    /// Where the part begins that is relative to the root.
    root: usize,
    /// Where names begin.
    names: usize,
    /// How many names there are in the path of an entry, from the root on.
    depth: u32,
    /// The rules that hold, the shallowest first, and where the paths begin that they are about.
    rules: Vec<(&'a Ignore, usize)>,
}

impl<'a> Scope<'a> {
    /// What lies in the directory at `within`, in which this is said.
    pub(crate) fn new(selection: &'a Selection, within: &'a Place, own: Option<&'a Ignore>) -> Scope<'a> {
        let places: Vec<&Place> = within.upwards().collect();
        let mut scope = Scope { selection, path: Vec::new(), root: 0, names: 0, depth: 0, rules: Vec::new() };
        for level in (0..places.len()).rev() {
            let said = level.checked_sub(1).map_or(own, |below| places[below].directory().ignore());
            if places[level].is_root() {
                scope.path.extend(said.into_iter().flat_map(|said| &said.prefix));
                scope.root = scope.path.len();
            } else {
                scope.path.extend_from_slice(places[level].name());
                scope.path.push(b'/');
            }
            if let Some(said) = said {
                scope.add(said);
            }
        }
        scope.names = scope.path.len();
        scope.depth = u32::try_from(places.len()).unwrap_or(u32::MAX);
        scope
    }

    fn add(&mut self, said: &'a Ignore) {
        if said.is_top {
            self.rules.clear();
        }
        self.rules.push((said, self.path.len()));
    }

    /// What lies in a directory that was listed.
    fn of(selection: &'a Selection, directory: &'a Arc<Directory>) -> Option<Scope<'a>> {
        Some(Scope::new(selection, directory.within()?, directory.ignore()))
    }

    /// Why an entry is left out, if it is.
    pub(crate) fn passes(&mut self, name: &[u8], kind: Kind) -> Option<Skip> {
        let is_directory = kind == Kind::Directory;
        self.turn_to(name);
        let path = &self.path[self.root..];
        let skip = self.selection.leaves_out(path, self.depth, is_directory, || self.ignores(is_directory));
        // What could not be looked at may be a directory, and that is an error to be told.
        skip.filter(|skip| (kind, *skip) != (Kind::Unknown, Skip::NotIncluded))
    }

    fn turn_to(&mut self, name: &[u8]) {
        self.path.truncate(self.names);
        self.path.extend_from_slice(name);
    }

    fn ignores(&self, is_directory: bool) -> bool {
        &self.path[self.names..] == ignore::GIT || self.line(is_directory).is_some_and(|line| line.ignores())
    }

    fn line(&self, is_directory: bool) -> Option<Line<'a>> {
        self.rules.iter().rev().find_map(|(said, at)| said.line(&self.path, *at, is_directory))
    }
}

/// What has left out the file of a record.
pub(crate) fn rule(selection: &Selection, record: &Record) -> Option<Rule> {
    let place = record.place();
    let Kind::Passed(Passed { skip, is_directory }) = place.kind() else { return None };
    let mut scope = Scope::of(selection, place.directory())?;
    scope.turn_to(place.name());
    match skip {
        Skip::Glob => {
            selection.exclude.first(&scope.path[scope.root..], is_directory).map(|glob| Rule::Glob(glob.to_owned()))
        }
        Skip::Ignored if place.name() == ignore::GIT => Some(Rule::Git),
        Skip::Ignored => scope.rule_of_line(place, is_directory),
        _ => None,
    }
}

impl Scope<'_> {
    fn rule_of_line(&self, place: &Place, is_directory: bool) -> Option<Rule> {
        let mut said = self.rules.iter().rev();
        let (line, at) = said.find_map(|(said, at)| Some((said.line(&self.path, *at, is_directory)?, *at)))?;
        let file = line.path.map_or_else(|| self.file_at(place, at), Path::to_owned);
        Some(Rule::Line { file, number: line.number, text: line.text() })
    }

    /// The file of rules in the directory whose entries have paths from `at` on.
    fn file_at(&self, place: &Place, at: usize) -> PathBuf {
        let up = self.path[at..].iter().filter(|&&byte| byte == b'/').count();
        let directory = place.upwards().nth(up + 1).map(Place::path).unwrap_or_default();
        directory.join(OsStr::from_bytes(ignore::NAME))
    }
}
