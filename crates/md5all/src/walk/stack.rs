//! The directories between a root and where the walk stands.
//!
//! However deep a tree is, only the one the walk stands in is sure to be open,
//! and the deepest of those above it, as many as the run's shares allow and
//! nobody wants the descriptors of: they are kept in `source::descriptors`. When the
//! walk comes back up to it, it is opened again: as the `..` of the one below,
//! if that is it, and else from the root, name by name, since no path that long
//! could be opened at once. (Always from the root was tried: ten thousand
//! levels with a file in each took 8 seconds.)
//!
//! Invariants:
//!
//! 1. What is kept, and `here` behind it, belongs to the last of `levels`, one
//!    by one: what is open is always the deep end of the stack, in one piece.
//! 2. A directory that was opened again is the one that was listed: same
//!    device, same inode.
//! 3. Level 0 is the list of roots, which is no directory on disk.

use std::sync::Arc;

use crate::directory::{Directory, Place};
use crate::error::{Operation, Reason};
use crate::source::local::{Base, Directories, Folder};
use crate::source::{FileId, Links};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Stack {
    links: Links,
    directories: Directories,
    levels: Vec<Level>,
    /// What the names in the last level are relative to; `None` if it has to be opened again.
    here: Option<Base>,
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
    pub(crate) fn new(roots: Arc<Directory>, links: Links, directories: Directories) -> Stack {
        Stack { links, directories, levels: vec![Level::new(roots, None)], here: Some(Base::WorkingDirectory) }
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
        self.stand_in(Base::Directory(folder));
    }

    /// Leaves the directory the walk stands in, whatever is left in it.
    pub(crate) fn leave(&mut self) {
        self.levels.pop();
        let left = self.here.take();
        self.here = self.directories.descriptors.take_back().or_else(|| self.above(&left?));
    }

    /// What the names in the directory the walk stands in are relative to.
    ///
    /// # Errors
    ///
    /// The way there had to be opened again and could not be, or leads to
    /// another directory now.
    pub(crate) fn base(&mut self) -> Result<Base, Reason> {
        match &self.here {
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
        let folder = self.directories.open(left, b"..", Links::Skip).ok()?;
        (folder.id == id).then(|| Base::Directory(Arc::new(folder)))
    }

    /// Opens the way from the root to where the walk stands.
    fn reopen(&mut self) -> Result<Base, Reason> {
        let mut base = Base::WorkingDirectory;
        for level in 1..self.levels.len() {
            let opened = self.levels[level].reopen(&base, self.links, &self.directories);
            self.directories.descriptors.keep(base);
            base = opened.inspect_err(|_| self.directories.descriptors.forget())?;
        }
        self.here = Some(base.clone());
        Ok(base)
    }

    /// Goes to a directory below the one where the walk stands.
    fn stand_in(&mut self, base: Base) {
        if let Some(above) = self.here.replace(base) {
            self.directories.descriptors.keep(above);
        }
    }
}

/// What is kept holds what it is kept in, and nobody comes back up to it.
impl Drop for Stack {
    fn drop(&mut self) {
        self.directories.descriptors.forget();
    }
}

impl Level {
    fn new(directory: Arc<Directory>, id: Option<FileId>) -> Level {
        Level { directory, id, next: 0 }
    }

    /// Opens this level's directory again, relative to the one above.
    fn reopen(&self, base: &Base, links: Links, directories: &Directories) -> Result<Base, Reason> {
        let place = self.directory.within().ok_or(Reason::Moved)?;
        let links = links.at(place);
        let folder = directories
            .open(base, place.name(), links)
            .map_err(|error| Reason::system(Operation::OpenDirectory, error))?;
        if self.id == Some(folder.id) { Ok(Base::Directory(Arc::new(folder))) } else { Err(Reason::Moved) }
    }
}

#[cfg(test)]
impl Stack {
    /// How many directories are open, for tests of the bound.
    pub(crate) fn open_count(&self) -> usize {
        self.directories.descriptors.kept() + usize::from(self.here.is_some())
    }
}
