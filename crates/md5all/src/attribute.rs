//! What a file was, kept with the file itself, for those who ask for it: in the extended attribute `user.md5all`.
//!
//! It is `size mtime_ns checksums`, as a ledger writes them. It goes where the file goes, if whoever moves or copies it takes
//! attributes along, and needs no manifest at hand: contents that are not what it says, though size and time are, are
//! corrupt. It saves no reading. To set an attribute changes the file's change time, so that no attribute can hold the one
//! that the file has from then on; and without a change time nothing is taken over (see `known`).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{OFlags, XattrFlags, fgetxattr, fsetxattr};
use rustix::io::Errno;

use crate::algorithm::Checksums;
use crate::facts::{Facts, nanoseconds};
use crate::ledger;
use crate::record::Hashed;

/// What a file's attribute says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    size: u64,
    mtime_ns: i64,
    checksums: Checksums,
}

/// Bytes of the longest attribute that may be ours.
const LONGEST: usize = 4096;

impl Attribute {
    /// What it is called.
    pub const NAME: &str = "user.md5all";

    /// What the attribute of a file is to say that was found so; `None` if its size or time is not known.
    #[must_use]
    pub fn of(hashed: &Hashed) -> Option<Attribute> {
        let Facts { size: Some(size), mtime_ns: Some(mtime_ns), .. } = hashed.facts() else { return None };
        Some(Attribute { size, mtime_ns, checksums: hashed.checksums().clone() })
    }

    /// What the file at `path` has; `None` if that is nothing that can be understood, or if attributes are not to be had.
    ///
    /// # Errors
    ///
    /// What the system says to opening the file.
    pub fn read(path: &Path) -> io::Result<Option<Attribute>> {
        Ok(read(&open(path)?))
    }

    /// Whether it says of a file that is `listed` so, and was found so `now`, that nobody has written to it since it was
    /// what the list says.
    #[must_use]
    pub fn contradicts(&self, listed: &Checksums, now: &Hashed) -> bool {
        let facts = now.facts();
        facts.size == Some(self.size)
            && facts.mtime_ns == Some(self.mtime_ns)
            && self.checksums.agree(listed) == Some(true)
            && self.checksums.agree(now.checksums()) == Some(false)
    }

    /// Gives it to the file at `path`, unless that has it, or is by now another than was `hashed`. Says whether it was
    /// written.
    ///
    /// # Errors
    ///
    /// What the system says: that the file may not be written to, say, or that its file system has no such attributes.
    pub fn write(&self, path: &Path, hashed: &Hashed) -> io::Result<bool> {
        let file = open(path)?;
        let (now, then) = (file.metadata()?, hashed.facts());
        let is_it = then.size == Some(now.len())
            && then.inode == Some(now.ino())
            && then.mtime_ns == nanoseconds((now.mtime(), now.mtime_nsec()));
        if !is_it || read(&file).as_ref() == Some(self) {
            return Ok(false);
        }
        fsetxattr(&file, Self::NAME, &self.line(), XattrFlags::empty())?;
        Ok(true)
    }

    fn line(&self) -> Vec<u8> {
        let mut line = Vec::new();
        ledger::write_number(&mut line, self.size);
        ledger::write_signed(&mut line, self.mtime_ns);
        ledger::write_checksums(&mut line, &self.checksums);
        line
    }

    fn parse(line: &[u8]) -> Option<Attribute> {
        let (size, rest) = ledger::number(line)?;
        let (mtime_ns, rest) = ledger::signed(rest)?;
        Some(Attribute { size, mtime_ns, checksums: ledger::parse_checksums(rest)? })
    }
}

/// Whatever it has become, it is not waited for.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed()).open(path)
}

fn read(file: &File) -> Option<Attribute> {
    let mut line = [0; LONGEST];
    let length: Result<usize, Errno> = fgetxattr(file, Attribute::NAME, &mut line[..]);
    Attribute::parse(&line[..length.ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::{Algorithm, Checksum};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn hashed(size: u64, mtime_ns: i64, byte: u8) -> Hashed {
        let facts = Facts { size: Some(size), mtime_ns: Some(mtime_ns), ..Facts::NONE };
        Hashed::new(Checksum::new(Algorithm::Md5, &[byte; 16]).unwrap()).with_facts(facts)
    }

    #[test]
    fn only_other_contents_of_the_same_size_and_time_contradict_it() {
        let attribute = Attribute::of(&hashed(1, 2, 3)).unwrap();
        let listed = hashed(1, 2, 3).checksums().clone();
        assert!(attribute.contradicts(&listed, &hashed(1, 2, 4)));
        for now in [hashed(1, 2, 3), hashed(2, 2, 4), hashed(1, 3, 4)] {
            assert!(!attribute.contradicts(&listed, &now), "{now:?}");
        }
        assert!(!attribute.contradicts(hashed(1, 2, 5).checksums(), &hashed(1, 2, 4)), "of another list");
        assert_eq!(Attribute::of(&Hashed::new(listed)), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_and_nothing_shorter(size in any::<u64>(), mtime in any::<i64>(), byte in any::<u8>()) {
            let attribute = Attribute::of(&hashed(size, mtime, byte)).unwrap();
            let line = attribute.line();
            for end in 0..line.len() {
                prop_assert_eq!(Attribute::parse(&line[..end]), None);
            }
            prop_assert_eq!(Attribute::parse(&line), Some(attribute));
        }

        #[test]
        fn any_bytes_are_an_attribute_or_none(line in vec(any::<u8>(), 0..80)) {
            let _ = Attribute::parse(&line);
        }
    }
}
