//! The directories between a root and where the walk stands.
//!
//! However deep a tree is, only the deepest [`MAX_OPEN`] of them are open: the
//! descriptor of the shallowest is let go when one more is entered. When the
//! walk comes back up to it, it is opened again: as the `..` of the one below,
//! if that is it, and else from the root, name by name, since no path that long
//! could be opened at once. (Always from the root was tried: ten thousand
//! levels with a file in each took 8 seconds.)
//!
//! Invariants:
//!
//! 1. `open[i]` belongs to `levels[levels.len() - open.len() + i]`: what is
//!    open is always the deep end of the stack, in one piece.
//! 2. A directory that was opened again is the one that was listed: same
//!    device, same inode.
//! 3. Level 0 is the list of roots, which is no directory on disk.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::directory::{Directory, Place};
use crate::error::{Operation, Reason};
use crate::source::local::{self, Base, Folder};
use crate::source::{Devices, FileId, Links, Wait};

/// How many directories of the stack are open at most.
pub(crate) const MAX_OPEN: usize = 32;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Stack {
    links: Links,
    devices: Devices,
    levels: Vec<Level>,
    /// What is open of `levels`.
    open: VecDeque<Base>,
}

/// One directory that is being walked.
#[derive(Debug)]
struct Level {
    directory: Arc<Directory>,
    /// Which directory it is; `None` for the list of roots.
    id: Option<FileId>,
    /// The entry to go to next.
    next: usize,
}

impl Stack {
    /// A walk that stands before the first root.
    pub(crate) fn new(roots: Arc<Directory>, links: Links, devices: Devices) -> Stack {
        let open = VecDeque::from([Base::WorkingDirectory]);
        Stack { links, devices, levels: vec![Level::new(roots, None)], open }
    }

    /// Goes to the next entry, leaving directories that have no more; `None`
    /// when all are through.
    pub(crate) fn advance(&mut self) -> Option<Place> {
        loop {
            let level = self.levels.last_mut()?;
            match level.directory.place(level.next) {
                Some(place) => {
                    level.next += 1;
                    return Some(place);
                }
                None => self.leave(),
            }
        }
    }

    /// Enters a directory.
    pub(crate) fn enter(&mut self, directory: Arc<Directory>, folder: Arc<Folder>) {
        self.levels.push(Level::new(directory, Some(folder.id)));
        self.keep(Base::Directory(folder));
    }

    /// Leaves the directory the walk stands in, whatever is left in it.
    pub(crate) fn leave(&mut self) {
        self.levels.pop();
        let left = self.open.pop_back();
        if self.open.is_empty() {
            self.open.extend(left.and_then(|left| self.above(&left)));
        }
    }

    /// What the names in the directory the walk stands in are relative to.
    ///
    /// # Errors
    ///
    /// The way there had to be opened again and could not be, or leads to
    /// another directory now.
    pub(crate) fn base(&mut self) -> Result<Base, Reason> {
        match self.open.back() {
            Some(base) => Ok(base.clone()),
            None => self.reopen(),
        }
    }

    /// The directory on the stack that is `id`, if one is.
    pub(crate) fn find(&self, id: FileId) -> Option<&Place> {
        let level = self.levels.iter().find(|level| level.id == Some(id))?;
        level.directory.within()
    }

    /// The directory the walk stands in, as the `..` of one that it has left.
    ///
    /// `None` if it is not: above a link that was followed, or a directory that
    /// was moved, `..` is somewhere else; and if it cannot be opened, that will
    /// be said once it is known to be needed.
    fn above(&self, left: &Base) -> Option<Base> {
        let id = self.levels.last()?.id?;
        let folder = local::open_directory(left, b"..", Links::Skip, &self.devices, Wait::Yes).ok()?;
        (folder.id == id).then(|| Base::Directory(Arc::new(folder)))
    }

    /// Opens the way from the root to where the walk stands.
    fn reopen(&mut self) -> Result<Base, Reason> {
        let mut base = Base::WorkingDirectory;
        let mut reopened = VecDeque::from([base.clone()]);
        for level in &self.levels[1..] {
            base = level.reopen(&base, self.links, &self.devices)?;
            push_bounded(&mut reopened, base.clone());
        }
        self.open = reopened;
        Ok(base)
    }

    fn keep(&mut self, base: Base) {
        push_bounded(&mut self.open, base);
    }
}

fn push_bounded(open: &mut VecDeque<Base>, base: Base) {
    if open.len() == MAX_OPEN {
        open.pop_front();
    }
    open.push_back(base);
}

impl Level {
    fn new(directory: Arc<Directory>, id: Option<FileId>) -> Level {
        Level { directory, id, next: 0 }
    }

    /// Opens this level's directory again, relative to the one above.
    fn reopen(&self, base: &Base, links: Links, devices: &Devices) -> Result<Base, Reason> {
        let place = self.directory.within().ok_or(Reason::Moved)?;
        let links = links.at(place);
        let folder = local::open_directory(base, place.name(), links, devices, Wait::Yes)
            .map_err(|error| Reason::system(Operation::OpenDirectory, error))?;
        if self.id == Some(folder.id) { Ok(Base::Directory(Arc::new(folder))) } else { Err(Reason::Moved) }
    }
}

#[cfg(test)]
impl Stack {
    /// How many directories are open, for tests of the bound.
    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }
}
