//! Where an entry lies, without its whole path in memory.
//!
//! Ten thousand nested directories whose every level kept its whole path would
//! need memory that grows with the square of the depth. So a [`Directory`]
//! knows its own names and the [`Place`] it has in the directory above, and a
//! path is put together only where one is printed. Nothing here is open: a
//! descriptor belongs to the walk and to entries still to be read, never to a
//! place, so finished records may wait their turn without holding any.

use std::ffi::OsStr;
use std::iter::successors;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::algorithm::Checksums;
use crate::ignore::Ignore;
use crate::listing::{Kind, Listing};

/// One directory that was listed.
#[derive(Debug)]
pub(crate) struct Directory {
    /// What it is in the directory above; `None` for the list of roots.
    within: Option<Place>,
    listing: Listing,
    /// What a list says of each name; empty if it is no list, or says nothing.
    said: Vec<Said>,
    /// What its `.gitignore` says, if that counts.
    ignore: Option<Box<Ignore>>,
}

/// What a list says at one place: beside a name, or in place of one.
#[derive(Debug)]
pub(crate) enum Said {
    /// The file has these checksums.
    Checksums { line: u64, checksums: Checksums },
    /// Nothing that could be understood.
    Malformed { line: u64 },
    /// That there is no more of it.
    End,
}

/// One entry of one directory.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    directory: Arc<Directory>,
    index: usize,
}

/// Makes whole paths out of places, one after the other, in the same memory.
///
/// Consecutive paths in one directory cost their last name only.
#[derive(Debug, Default)]
pub struct PathBuffer {
    /// The last path that was made.
    bytes: Vec<u8>,
    /// The directory its first `prefix` bytes belong to.
    directory: Option<Arc<Directory>>,
    prefix: usize,
}

impl Directory {
    /// The list of roots: a directory that lies nowhere.
    pub(crate) fn roots(listing: Listing) -> Arc<Directory> {
        Arc::new(Directory { within: None, listing, said: Vec::new(), ignore: None })
    }

    /// Some names of a list, which lie nowhere, as roots do.
    pub(crate) fn of_list(listing: Listing, said: Vec<Said>) -> Arc<Directory> {
        Arc::new(Directory { within: None, listing, said, ignore: None })
    }

    /// The directory at `within`, which holds what `listing` says.
    pub(crate) fn new(within: Place, listing: Listing) -> Arc<Directory> {
        Arc::new(Directory { within: Some(within), listing, said: Vec::new(), ignore: None })
    }

    /// The same, with what its `.gitignore` says.
    pub(crate) fn with_rules(within: Place, listing: Listing, ignore: Option<Ignore>) -> Arc<Directory> {
        Arc::new(Directory { within: Some(within), listing, said: Vec::new(), ignore: ignore.map(Box::new) })
    }

    /// What its `.gitignore` says, if that counts.
    pub(crate) fn ignore(&self) -> Option<&Ignore> {
        self.ignore.as_deref()
    }

    /// Its place in the directory above; `None` for the list of roots.
    pub(crate) fn within(&self) -> Option<&Place> {
        self.within.as_ref()
    }

    /// How many entries it has.
    pub(crate) fn len(&self) -> usize {
        self.listing.len()
    }

    /// The first entry from number `from` on that is a directory; the number of entries if there is none.
    pub(crate) fn directory_from(&self, from: usize) -> usize {
        let mut rest = from..self.len();
        rest.find(|index| self.listing.kind(*index) == Kind::Directory).unwrap_or(self.len())
    }

    /// The place of its entry number `index`, while there is one.
    pub(crate) fn place(self: &Arc<Directory>, index: usize) -> Option<Place> {
        (index < self.listing.len()).then(|| Place { directory: Arc::clone(self), index })
    }
}

/// The chain is undone in a loop: a recursive drop of ten thousand levels
/// would run out of stack.
impl Drop for Directory {
    fn drop(&mut self) {
        let mut above = self.within.take();
        while let Some(place) = above {
            above = Arc::into_inner(place.directory).and_then(|mut directory| directory.within.take());
        }
    }
}

impl Place {
    /// The name; a root's is the path as it was given.
    pub(crate) fn name(&self) -> &[u8] {
        self.directory.listing.name(self.index)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.directory.listing.kind(self.index)
    }

    /// The inode number that was listed for it; 0 if none was.
    pub(crate) fn inode(&self) -> u64 {
        self.directory.listing.inode(self.index)
    }

    /// The number, in the list of roots, of the one it lies below, or is.
    pub(crate) fn root(&self) -> usize {
        self.upwards().last().map_or(self.index, |root| root.index)
    }

    /// The directory that it is an entry of.
    pub(crate) fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Its number among the entries of its directory.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// What the list that it is in says here, if it is in one.
    pub(crate) fn said(&self) -> Option<&Said> {
        self.directory.said.get(self.index)
    }

    /// Whether this is a path that was asked for, not one that was found.
    pub(crate) fn is_root(&self) -> bool {
        self.directory.within.is_none()
    }

    /// The root before this one; `None` for the first, and for what is no root.
    pub(crate) fn root_before(&self) -> Option<Place> {
        self.index.checked_sub(1).filter(|_| self.is_root()).and_then(|before| self.directory.place(before))
    }

    /// The place of the directory that it is in; `None` for a root.
    pub(crate) fn within(&self) -> Option<&Place> {
        self.directory.within()
    }

    /// The whole path.
    pub(crate) fn path(&self) -> PathBuf {
        let mut buffer = PathBuffer::default();
        Path::new(OsStr::from_bytes(buffer.path(self))).to_owned()
    }

    /// This place and all those above it, from here to the root.
    pub(crate) fn upwards(&self) -> impl Iterator<Item = &Place> {
        successors(Some(self), |place| place.directory.within())
    }

    /// This name as the beginning of a longer path: the name and a separator.
    fn as_prefix(&self) -> (&[u8], &[u8]) {
        let name = self.name();
        let separator: &[u8] = if name.ends_with(b"/") { b"" } else { b"/" };
        (name, separator)
    }
}

impl PathBuffer {
    /// The bytes of the whole path of `place`, as `find` would print it.
    pub(crate) fn path(&mut self, place: &Place) -> &[u8] {
        self.turn_to(&place.directory);
        self.bytes.truncate(self.prefix);
        self.bytes.extend_from_slice(place.name());
        &self.bytes
    }

    /// Makes the prefix that of `directory`, unless it is already.
    fn turn_to(&mut self, directory: &Arc<Directory>) {
        let current = self.directory.as_ref();
        if current.is_some_and(|current| Arc::ptr_eq(current, directory)) {
            return;
        }
        self.prefix = write_prefix(&mut self.bytes, directory.within());
        self.directory = Some(Arc::clone(directory));
    }
}

/// Writes the path of `place` with a separator behind it into `bytes`, from its
/// end to its beginning, as the chain runs; gives its length.
fn write_prefix(bytes: &mut Vec<u8>, place: Option<&Place>) -> usize {
    let parts = || place.into_iter().flat_map(Place::upwards).map(Place::as_prefix);
    let length = parts().map(|(name, slash)| name.len() + slash.len()).sum();

    bytes.clear();
    bytes.resize(length, 0);
    let mut end = length;
    for part in parts().flat_map(|(name, slash)| [slash, name]) {
        let start = end - part.len();
        bytes[start..end].copy_from_slice(part);
        end = start;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(names: &[&[u8]]) -> Listing {
        let mut listing = Listing::default();
        for name in names {
            listing.push(name, Kind::Directory, 0);
        }
        listing
    }

    fn below(place: &Place, names: &[&[u8]]) -> Arc<Directory> {
        Directory::new(place.clone(), listing(names))
    }

    #[test]
    fn paths_are_joined_as_find_joins_them() {
        let roots = Directory::roots(listing(&[b".", b"/", b"dir/"]));
        let mut buffer = PathBuffer::default();
        for (index, whole) in [&b"./a/b"[..], b"/a/b", b"dir/a/b"].iter().enumerate() {
            let root = roots.place(index).unwrap();
            let directory = below(&root, &[b"a"]);
            let a = directory.place(0).unwrap();
            let deepest = below(&a, &[b"b"]);
            assert_eq!(buffer.path(&deepest.place(0).unwrap()), *whole);
            assert_eq!(buffer.path(&root), root.name());
        }
    }

    #[test]
    fn a_buffer_follows_changes_of_directory() {
        let roots = Directory::roots(listing(&[b"r"]));
        let root = roots.place(0).unwrap();
        let one = below(&root, &[b"long", b"x"]);
        let two = below(&one.place(0).unwrap(), &[b"y"]);
        let mut buffer = PathBuffer::default();
        assert_eq!(buffer.path(&one.place(1).unwrap()), b"r/x");
        assert_eq!(buffer.path(&two.place(0).unwrap()), b"r/long/y");
        assert_eq!(buffer.path(&one.place(0).unwrap()), b"r/long");
        assert_eq!(one.place(1).unwrap().path(), Path::new("r/x"));
        assert!(one.place(2).is_none());
    }

    /// Two levels' worth of stack each would end the process here.
    #[test]
    fn a_chain_of_a_million_levels_is_dropped_in_a_loop() {
        let mut directory = Directory::roots(listing(&[b"d"]));
        for _ in 0..1_000_000 {
            let place = directory.place(0).unwrap();
            directory = below(&place, &[b"d"]);
        }
        let length = directory.place(0).unwrap().path().as_os_str().len();
        assert_eq!(length, 2_000_001);
        drop(directory);
    }
}
