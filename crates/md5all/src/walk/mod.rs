//! The walk: depth first, in the order of whole paths, never recursive.
//!
//! It lists, sorts, descends and reports what it found, one [`Entry`] at a
//! time, with a problem in the place where the files would have been. It opens
//! directories and nothing else: what is in a file, and even whether it can be
//! opened, is for those who read it to find out.

pub(crate) mod order;
mod stack;

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;

use crate::directory::{Directory, Place};
use crate::entry::{Entry, Handle, Skip};
use crate::error::{Operation, Reason};
use crate::listing::{Kind, Listing};
use crate::source::local::{self, Base, Folder, Lister};
use crate::source::{Devices, Links};
pub(crate) use stack::MAX_OPEN;
use stack::Stack;

/// Where a walk begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// A file, or a directory with all that is in it. A symbolic link is
    /// followed, and a special file is read.
    Path(PathBuf),
    /// What the process has as its standard input; listed as `-`, once.
    StandardInput,
}

/// A walk under way: an iterator of what it comes across.
#[derive(Debug)]
pub(crate) struct Walk {
    links: Links,
    devices: Devices,
    lister: Lister,
    stack: Stack,
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
    /// A walk over `roots`, which it takes in the order of their paths.
    pub(crate) fn new(roots: &[Root], links: Links, devices: &Devices) -> Walk {
        let roots = Directory::roots(list_roots(roots, devices));
        let (stack, devices) = (Stack::new(roots, links, devices.clone()), devices.clone());
        Walk { links, devices, lister: Lister::new(links), stack }
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
        }
    }

    /// Asks again what could not be found out when it was listed.
    fn ask(&mut self, base: &Base, place: Place) -> Option<Entry> {
        match local::kind_of(base, place.name(), self.links.at(&place)) {
            Ok(Kind::Unknown) => Some(Entry::passed(place, Skip::Special)),
            Ok(kind) => self.visit_as(kind, base, place),
            Err(error) => Some(Entry::failed(place, Operation::Stat, error)),
        }
    }

    fn descend(&mut self, base: &Base, place: Place) -> Option<Entry> {
        match local::open_directory(base, place.name(), self.links.at(&place), &self.devices) {
            Ok(folder) => self.enter(place, Arc::new(folder)),
            Err(error @ (Errno::NOTDIR | Errno::LOOP)) => self.second_look(base, place, error),
            Err(error) => Some(Entry::failed(place, Operation::OpenDirectory, error)),
        }
    }

    /// What was listed as a directory has become something else.
    fn second_look(&mut self, base: &Base, place: Place, error: Errno) -> Option<Entry> {
        match local::kind_of(base, place.name(), self.links.at(&place)) {
            // Something is changing it back and forth: once is enough.
            Ok(Kind::Directory | Kind::Unknown) => Some(Entry::failed(place, Operation::OpenDirectory, error)),
            Ok(kind) => self.visit_as(kind, base, place),
            Err(error) => Some(Entry::failed(place, Operation::Stat, error)),
        }
    }

    /// Lists a directory and stands before its first entry.
    ///
    /// If the listing breaks off, that is reported, and what it did name is
    /// walked all the same.
    fn enter(&mut self, place: Place, folder: Arc<Folder>) -> Option<Entry> {
        if let Some(ancestor) = self.stack.find(folder.id) {
            let ancestor = ancestor.path();
            return Some(Entry::because(place, Reason::Loop { ancestor }));
        }
        let (listing, failure) = self.lister.list(&folder);
        let failed = failure.map(|reason| Entry::because(place.clone(), reason));
        self.stack.enter(Directory::new(place, listing), folder);
        failed
    }

    /// Gives up the directory that `place` is in.
    fn abandon(&mut self, place: &Place, reason: Reason) -> Option<Entry> {
        self.stack.leave();
        let directory = place.within()?;
        Some(Entry::because(directory.clone(), reason))
    }
}

impl Iterator for Walk {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let place = self.stack.advance()?;
        Some(self.visit(place).map_or(Step::Nothing, Step::Found))
    }
}

impl Links {
    /// What this means for one place: a link is followed if it is a root.
    pub(crate) fn at(self, place: &Place) -> Links {
        if place.is_root() { Links::Follow } else { self }
    }
}

impl<P: Into<PathBuf>> From<P> for Root {
    fn from(path: P) -> Root {
        Root::Path(path.into())
    }
}

/// Standard input is one stream however often it is named: it can be read once.
fn list_roots(roots: &[Root], devices: &Devices) -> Listing {
    let mut listing = Listing::default();
    if roots.contains(&Root::StandardInput) {
        listing.push(b"-", Kind::StandardInput, 0);
    }
    for root in roots {
        if let Root::Path(path) = root {
            let name = path.as_os_str().as_bytes();
            listing.push(name, root_kind(name, devices), 0);
        }
    }
    listing.sort();
    listing
}

/// What a root is: whoever asks for a special file by name wants it read.
fn root_kind(name: &[u8], devices: &Devices) -> Kind {
    match local::kind_of_root(name, devices) {
        Ok(Kind::Special) => Kind::File,
        Ok(kind) => kind,
        // Asked again, and reported, when it is this root's turn.
        Err(_) => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests;
