//! The names in one directory: two allocations however many there are.
//!
//! A million names as a million strings would be a million allocations and
//! twice the memory. Here all bytes lie end to end in one arena, and a slot of
//! 24 bytes a name says where. A listing does not know which directory it is
//! of, nor how to read one.

use crate::order;
use crate::skip::Skip;

/// The names found in one directory, and what each of them is.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// All names, end to end, in the order they came.
    names: Vec<u8>,
    /// One slot a name; this is what gets sorted.
    slots: Vec<Slot>,
}

/// What an entry is, as far as the walk cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To be read.
    File,
    /// To be entered.
    Directory,
    /// A symbolic link that is not followed.
    Symlink,
    /// A FIFO, a socket or a device.
    Special,
    /// Not a name at all: the process's standard input.
    StandardInput,
    /// The listing did not say and asking failed: ask again at its turn, when
    /// there is a place in the output for what then goes wrong.
    Unknown,
    /// Not selected: it is neither read nor entered.
    Passed(Passed),
}

/// An entry that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) skip: Skip,
    pub(crate) is_directory: bool,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    start: usize,
    /// A name has 255 bytes at most, but a path on a command line has more.
    length: u32,
    kind: Kind,
    /// The inode number that was listed; 0 if there is none.
    inode: u64,
}

impl Listing {
    /// Adds a name. A name too long to be counted in 32 bits is cut, which no
    /// system call would have taken either.
    pub(crate) fn push(&mut self, name: &[u8], kind: Kind, inode: u64) {
        let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
        self.slots.push(Slot { start: self.names.len(), length, kind, inode });
        self.names.extend_from_slice(&name[..length as usize]);
    }

    /// Puts the names in the order of the paths below them and gives back the
    /// memory that growing took in advance.
    pub(crate) fn sort(&mut self) {
        let names = &self.names;
        self.slots.sort_unstable_by(|a, b| order::compare(a.key(names), b.key(names)));
        self.names.shrink_to_fit();
        self.slots.shrink_to_fit();
    }

    /// Leaves out what `passes` has a reason to leave out. What is left out keeps its place.
    pub(crate) fn pass_over(&mut self, mut passes: impl FnMut(&[u8], Kind) -> Option<Skip>) {
        for slot in &mut self.slots {
            if let Some(skip) = passes(slot.name(&self.names), slot.kind) {
                slot.kind = Kind::Passed(Passed { skip, is_directory: slot.kind == Kind::Directory });
            }
        }
    }

    /// How many bytes of memory the names take.
    pub(crate) fn bytes(&self) -> usize {
        self.names.len() + size_of::<Slot>() * self.slots.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The name at `index`.
    pub(crate) fn name(&self, index: usize) -> &[u8] {
        self.slots[index].name(&self.names)
    }

    /// The inode number of the entry at `index`, as it was listed: what is mounted there has another.
    pub(crate) fn inode(&self, index: usize) -> u64 {
        self.slots[index].inode
    }

    /// What the entry at `index` is.
    pub(crate) fn kind(&self, index: usize) -> Kind {
        self.slots[index].kind
    }
}

impl Slot {
    fn name<'a>(&self, names: &'a [u8]) -> &'a [u8] {
        &names[self.start..self.start + self.length as usize]
    }

    fn key<'a>(&self, names: &'a [u8]) -> order::Key<'a> {
        order::Key { name: self.name(names), directory: self.kind == Kind::Directory }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_names_and_kinds_in_the_order_of_paths() {
        let mut listing = Listing::default();
        listing.push(b"a", Kind::Directory, 3);
        listing.push(b"a.b", Kind::File, 1);
        listing.push(b"", Kind::Unknown, 2);
        listing.sort();

        let found: Vec<_> = (0..listing.len()).map(|index| (listing.name(index), listing.kind(index))).collect();
        let inodes: Vec<_> = (0..listing.len()).map(|index| listing.inode(index)).collect();
        assert_eq!(inodes, [2, 1, 3]);
        assert_eq!(found, [(&b""[..], Kind::Unknown), (b"a.b", Kind::File), (b"a", Kind::Directory)]);
    }

    #[test]
    fn a_slot_stays_small() {
        assert_eq!(size_of::<Slot>(), 24);
    }
}
