//! The walk: depth first, in the order of whole paths, never recursive.
//!
//! It lists, sorts, descends and reports what it found, one [`Entry`] at a
//! time, with a problem in the place where the files would have been. It opens
//! directories and nothing else: what is in a file, and even whether it can be
//! opened, is for those who read it to find out.

mod ahead;
mod automounts;
mod rules;
mod stack;

use std::cell::OnceCell;
use std::sync::Arc;

use errgroup::Output;
use rustix::io::Errno;

use crate::directory::{Directory, Place};
use crate::entry::Entry;
use crate::error::{Error, Operation, Reason};
use crate::ignore::Ignore;
use crate::listing::{Kind, Listing};
use crate::order;
use crate::selection::{Scope, Selection};
use crate::skip::Skip;
use crate::source::descriptors::is_want;
use crate::source::local::{self, Base, Directories, Folder, Lister};
use crate::source::{Devices, Handle, Links, Root, Wait};
pub(crate) use ahead::MOST_NAMES;
use ahead::{Ahead, Arrival, Names};
pub(crate) use automounts::Automounts;
use stack::Stack;

/// What a walk keeps to.
#[derive(Debug)]
pub(crate) struct Terms {
    /// How directories are opened; with what ends a wait for one.
    pub(crate) directories: Directories,
    pub(crate) links: Links,
    /// Whether to stay on the file system of each root.
    pub(crate) one_file_system: bool,
    /// What is not to be mounted.
    pub(crate) automounts: Automounts,
    /// What names select, if it is not everything.
    pub(crate) selection: Option<Selection>,
    /// How many directories may be open ahead of the walk.
    pub(crate) ahead: usize,
    /// Whether the end of each root but the last is an entry too: [`Skip::Nameless`] at its place. What comes after a
    /// root may take long to come, and somebody may wait for no more than this one.
    pub(crate) ends: bool,
}

/// A walk under way: an iterator of what it comes across.
#[derive(Debug)]
pub(crate) struct Walk {
    terms: Arc<Terms>,
    lister: Lister,
    stack: Stack,
    ahead: Ahead,
    /// The next root, to which the walk goes once the end of the one before was told.
    next_root: Option<Place>,
}

/// Why a directory is not entered.
#[derive(Debug)]
pub(crate) enum Shut {
    /// The system said so.
    Failed(Errno),
    /// It is not to be.
    Passed(Skip),
}

/// What one step of the walk came to.
#[derive(Debug)]
pub(crate) enum Step {
    /// Something to pass on.
    Found(Entry),
    /// Nothing to pass on: a directory was entered, say.
    Nothing,
}

impl Walk {
    /// A walk over `roots` as they come: paths come in order if the roots are [in order](in_order).
    pub(crate) fn new(roots: &[Root], terms: Terms) -> Walk {
        let terms = Arc::new(terms);
        let roots = Directory::roots(list_roots(roots, &terms.directories.devices));
        let stack = Stack::new(roots, terms.links, terms.directories.clone());
        let (lister, ahead) = (Lister::new(terms.links), Ahead::new(Arc::clone(&terms)));
        Walk { terms, lister, stack, ahead, next_root: None }
    }

    /// Goes on with another root, a directory, once all before it are through.
    pub(crate) fn turn_to(&mut self, root: &[u8]) {
        let mut roots = Listing::default();
        roots.push(root, Kind::Directory, 0);
        self.stack = Stack::new(Directory::roots(roots), self.terms.links, self.terms.directories.clone());
        self.ahead.forget_all();
    }

    /// Sends everything it comes across.
    ///
    /// A walk through nothing but empty directories sends nothing, and so has to look at the context itself.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] once nobody wants it any more.
    pub(crate) fn send_all(&mut self, entries: &Output<Entry>) -> Result<(), Error> {
        for step in self {
            match step {
                Step::Found(entry) => entries.send(entry)?,
                Step::Nothing => entries.context().check()?,
            }
        }
        Ok(())
    }

    fn step(&mut self, place: Place) -> Step {
        self.visit(place).map_or(Step::Nothing, Step::Found)
    }

    /// What is at a place in the directory the walk stands in.
    fn visit(&mut self, place: Place) -> Option<Entry> {
        match self.stack.base() {
            Ok(base) => self.visit_as(place.kind(), &base, place),
            Err(reason) => self.abandon(&place, reason),
        }
    }

    fn visit_as(&mut self, kind: Kind, base: &Base, place: Place) -> Option<Entry> {
        match kind {
            Kind::File => Some(Entry::file(place, base.handle())),
            Kind::StandardInput => Some(Entry::file(place, Handle::StandardInput)),
            Kind::Special => Some(Entry::passed(place, Skip::Special)),
            Kind::Symlink => None,
            Kind::Directory => self.descend(base, place),
            Kind::Unknown => self.ask(base, place),
            Kind::Passed(passed) => Some(Entry::passed(place, passed.skip)),
        }
    }

    /// The same for what was taken for something else when it was listed, and selected or not by that.
    fn visit_late(&mut self, kind: Kind, base: &Base, place: Place) -> Option<Entry> {
        match self.terms.passes(&place, kind) {
            Some(skip) => Some(Entry::passed(place, skip)),
            None => self.visit_as(kind, base, place),
        }
    }

    /// Asks again what could not be found out when it was listed.
    fn ask(&mut self, base: &Base, place: Place) -> Option<Entry> {
        match local::kind_of(base, place.name(), self.terms.links.at(&place)) {
            Ok(Kind::Unknown) => Some(Entry::passed(place, Skip::Special)),
            Ok(kind) => self.visit_late(kind, base, place),
            Err(error) => Some(Entry::failed(place, Operation::Stat, error)),
        }
    }

    fn descend(&mut self, base: &Base, place: Place) -> Option<Entry> {
        match self.open(base, &place)? {
            Ok(arrival) => self.enter(place, arrival),
            Err(Shut::Failed(error @ (Errno::NOTDIR | Errno::LOOP))) => self.second_look(base, place, error),
            Err(Shut::Failed(error)) => Some(Entry::failed(place, Operation::OpenDirectory, error)),
            Err(Shut::Passed(skip)) => Some(Entry::passed(place, skip)),
        }
    }

    /// Opens a directory, or takes it as it was listed ahead; `None` if the end of everything came first.
    fn open(&mut self, base: &Base, place: &Place) -> Option<Result<Arrival, Shut>> {
        if !self.ahead.has(place) {
            let wait = if self.terms.lists_ahead(base) { Wait::No } else { Wait::Yes };
            match self.terms.open(base, place, wait) {
                Err(Shut::Failed(Errno::AGAIN)) if wait == Wait::No => {}
                opened => return Some(self.in_want(base, place, opened.map(Arrival::unread))),
            }
        }
        let taken = self.ahead.take(base, place)?;
        Some(self.in_want(base, place, taken))
    }

    /// The same, once there is a descriptor, if there was none.
    fn in_want(&self, base: &Base, place: &Place, opened: Result<Arrival, Shut>) -> Result<Arrival, Shut> {
        match opened {
            Err(Shut::Failed(error)) if is_want(error) => {
                self.terms.open_by(base, place, Directories::open).map(Arrival::unread)
            }
            opened => opened,
        }
    }

    /// What was listed as a directory has become something else.
    fn second_look(&mut self, base: &Base, place: Place, error: Errno) -> Option<Entry> {
        match local::kind_of(base, place.name(), self.terms.links.at(&place)) {
            // Something is changing it back and forth: once is enough.
            Ok(Kind::Directory | Kind::Unknown) => Some(Entry::failed(place, Operation::OpenDirectory, error)),
            Ok(kind) => self.visit_late(kind, base, place),
            Err(error) => Some(Entry::failed(place, Operation::Stat, error)),
        }
    }

    /// Lists a directory, unless it is, and stands before its first entry.
    ///
    /// If the listing breaks off, that is reported, and what it did name is
    /// walked all the same.
    fn enter(&mut self, place: Place, Arrival { folder, names }: Arrival) -> Option<Entry> {
        if let Some(ancestor) = self.stack.find(folder.id) {
            let ancestor = ancestor.path();
            if let Names::Whole(directory, _) = names {
                self.ahead.forget(&directory);
            }
            return Some(Entry::because(place, Reason::Loop { ancestor }));
        }
        let (directory, failure) = match names {
            Names::Unread => self.terms.listed(place, &folder, self.lister.list(&folder)),
            Names::Part(names) => self.terms.listed(place, &folder, self.lister.go_on(&folder, names)),
            Names::Whole(directory, failure) => (directory, failure),
        };
        let failed = failure.and_then(|reason| Some(Entry::because(directory.within()?.clone(), reason)));
        self.stack.enter(directory, folder);
        failed
    }

    /// Gives up the directory that `place` is in.
    fn abandon(&mut self, place: &Place, reason: Reason) -> Option<Entry> {
        self.ahead.forget(place.directory());
        self.stack.leave();
        let directory = place.within()?;
        Some(Entry::because(directory.clone(), reason))
    }
}

impl Iterator for Walk {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if let Some(root) = self.next_root.take() {
            return Some(self.step(root));
        }
        let place = self.stack.advance()?;
        match place.root_before().filter(|_| self.terms.ends) {
            Some(before) => {
                self.next_root = Some(place);
                Some(Step::Found(Entry::passed(before, Skip::Nameless)))
            }
            None => Some(self.step(place)),
        }
    }
}

impl Terms {
    /// A directory, with what is not selected left out, and what kept its listing from being whole. If it is not known what
    /// is selected, nothing is.
    fn listed(
        &self,
        place: Place,
        folder: &Arc<Folder>,
        (listing, failure): (Listing, Option<Reason>),
    ) -> (Arc<Directory>, Option<Reason>) {
        let Some(selection) = &self.selection else { return (Directory::new(place, listing), failure) };
        // Open are this one and the one above it.
        let own = 2 - usize::from(place.is_root());
        match self.directories.patiently(own, || self.rules(selection, &place, folder, &listing)) {
            Ok(rules) => (select(selection, place, listing, rules), failure),
            Err(error) => {
                (Directory::new(place, Listing::default()), Some(Reason::system(Operation::ReadRules, error)))
            }
        }
    }

    /// The same, if there is a descriptor.
    ///
    /// # Errors
    ///
    /// There is none.
    fn listed_ahead(
        &self,
        place: &Place,
        folder: &Arc<Folder>,
        listing: Listing,
        failure: Option<Reason>,
    ) -> Result<(Arc<Directory>, Option<Reason>), Errno> {
        let Some(selection) = &self.selection else { return Ok((Directory::new(place.clone(), listing), failure)) };
        match self.directories.at_once(|| self.rules(selection, place, folder, &listing)) {
            Ok(rules) => Ok((select(selection, place.clone(), listing, rules), failure)),
            Err(error) if is_want(error) => Err(error),
            Err(error) => Ok((
                Directory::new(place.clone(), Listing::default()),
                Some(Reason::system(Operation::ReadRules, error)),
            )),
        }
    }

    /// What `.gitignore` says in a directory, if that counts.
    fn rules(
        &self,
        selection: &Selection,
        place: &Place,
        folder: &Folder,
        listing: &Listing,
    ) -> Result<Option<Ignore>, Errno> {
        if !selection.reads_gitignore() {
            return Ok(None);
        }
        rules::of(folder, listing, place.is_root().then(|| place.name()))
    }

    /// Why this is left out, if it is.
    fn passes(&self, place: &Place, kind: Kind) -> Option<Skip> {
        let directory = place.directory();
        let (selection, within) = (self.selection.as_ref()?, directory.within()?);
        Scope::new(selection, within, directory.ignore()).passes(place.name(), kind)
    }

    /// Opens the directory at `place`, if there is a descriptor.
    fn open(&self, base: &Base, place: &Place, wait: Wait) -> Result<Folder, Shut> {
        if wait == Wait::No && base.device().is_some_and(|device| device.is_far()) {
            return Err(Shut::Failed(Errno::AGAIN));
        }
        self.open_by(base, place, |directories, base, name, links| directories.try_open(base, name, links, wait))
    }

    /// Opens the directory at `place` in this way.
    fn open_by(
        &self,
        base: &Base,
        place: &Place,
        open: impl FnOnce(&Directories, &Base, &[u8], Links) -> Result<Folder, Errno>,
    ) -> Result<Folder, Shut> {
        if self.automounts.is_one(base, place) {
            return Err(Shut::Passed(Skip::Automount));
        }
        let folder = open(&self.directories, base, place.name(), self.links.at(place))?;
        let is_elsewhere = base.device().is_some_and(|device| device.id() != folder.id.device);
        if self.one_file_system && is_elsewhere { Err(Shut::Passed(Skip::OtherFileSystem)) } else { Ok(folder) }
    }
}

/// A directory with what is not selected left out.
fn select(selection: &Selection, place: Place, mut listing: Listing, rules: Option<Ignore>) -> Arc<Directory> {
    let mut scope = Scope::new(selection, &place, rules.as_ref());
    listing.pass_over(|name, kind| scope.passes(name, kind));
    Directory::with_rules(place, listing, rules)
}

impl Arrival {
    /// A directory that was opened and no more.
    fn unread(folder: Folder) -> Arrival {
        Arrival { folder: Arc::new(folder), names: Names::Unread }
    }
}

impl From<Errno> for Shut {
    fn from(error: Errno) -> Shut {
        Shut::Failed(error)
    }
}

impl Links {
    /// What this means for one place: a link is followed if it is a root.
    pub(crate) fn at(self, place: &Place) -> Links {
        if place.is_root() { Links::Follow } else { self }
    }
}

/// The roots in the order of their paths, and standard input once: it is one stream however often it is named.
///
/// Whether a root is a directory is asked only where the order depends on it.
pub(crate) fn in_order(roots: &[Root]) -> Vec<Root> {
    let is_input = |root: &&Root| **root == Root::StandardInput;
    let paths = roots.iter().filter(|root| !is_input(root));
    let mut named: Vec<_> =
        roots.iter().find(is_input).into_iter().chain(paths).map(|root| (root, OnceCell::new())).collect();
    named.sort_by(|a, b| order::compare(key(a, b), key(b, a)));
    named.into_iter().map(|(root, _)| root.clone()).collect()
}

/// What one root is sorted by beside another.
fn key<'a>((root, is_directory): &'a (&Root, OnceCell<bool>), other: &(&Root, OnceCell<bool>)) -> order::Key<'a> {
    let name = root.as_bytes();
    let is_beginning = other.0.as_bytes().len() > name.len() && other.0.as_bytes().starts_with(name);
    let ask = || local::kind_of(&Base::WorkingDirectory, name, Links::Follow) == Ok(Kind::Directory);
    order::Key { name, directory: is_beginning && *is_directory.get_or_init(ask) }
}

fn list_roots(roots: &[Root], devices: &Devices) -> Listing {
    let mut listing = Listing::default();
    for root in roots {
        listing.push(root.as_bytes(), root_kind(root, devices), 0);
    }
    listing
}

/// What a root is: whoever asks for a special file by name wants it read.
fn root_kind(root: &Root, devices: &Devices) -> Kind {
    if *root == Root::StandardInput {
        return Kind::StandardInput;
    }
    match local::kind_of_root(root.as_bytes(), devices) {
        Ok(Kind::Special) => Kind::File,
        Ok(kind) => kind,
        // Asked again, and reported, when it is this root's turn.
        Err(_) => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests;
