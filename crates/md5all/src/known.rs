//! What is known of files from before, so that what has not changed since need not be read again.
//!
//! [`Known`] is asked by those who open files: for the whole path of one that was listed, it says what it had, and the one
//! `stat` that follows decides. The rules:
//!
//! 1. Nothing is taken over but where size, time of modification, change time and inode number are known, all four, and
//!    are all the same. A file that was changed so shortly before it was hashed that a further change might be stamped
//!    the same has no change time among its facts ([`Options::facts`](crate::Options::facts)), and so is read.
//! 2. Nor where a checksum is missing that is wanted.
//! 3. A path is what the walk calls it. Who enters names spells them so.
//!
//! Where facts come from, and who keeps them, is for others to say. What changes a file and leaves all four facts as they
//! were cannot be seen: a clock that was set back, a disk that errs, somebody who writes to the device itself.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::algorithm::{Algorithms, Checksums};
use crate::catalog::Catalog;
use crate::facts::Facts;
use crate::record::Hashed;
use crate::source::patience::Patience;

/// Files that were hashed before, by their paths: see [`Options::known`](crate::Options::known).
#[derive(Debug)]
pub struct Known {
    /// What each file must have a checksum of.
    wanted: Algorithms,
    /// So many bytes at the beginning of the walk's paths are left out here.
    strip: usize,
    pub(crate) files: Catalog,
    /// How many files were taken over.
    taken_over: AtomicU64,
    patience: Patience,
}

impl Known {
    /// Nothing yet; of each file, checksums by all of these will be wanted.
    #[must_use]
    pub fn new(wanted: Algorithms) -> Known {
        Known::of(Catalog::default(), wanted, 0)
    }

    /// These files, whose names are the walk's paths without so many bytes at the beginning.
    pub(crate) fn of(files: Catalog, wanted: Algorithms, strip: usize) -> Known {
        Known { wanted, strip, files, taken_over: AtomicU64::new(0), patience: Patience::default() }
    }

    /// Enters a file, by the path that the walk will have for it. What was entered for the same path before is forgotten.
    pub fn enter(&mut self, path: &[u8], hashed: &Hashed) {
        match self.files.find(path) {
            Some(number) => self.files.replace(number, hashed.checksums(), &hashed.facts()),
            // One too many to be counted is one that will be read.
            None => drop(self.files.enter(path, hashed.checksums(), &hashed.facts())),
        }
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many files were taken over, without being opened, by all runs that this was given to.
    #[must_use]
    pub fn taken_over(&self) -> u64 {
        self.taken_over.load(Relaxed)
    }

    /// What the file of this path had, if that is enough to go by.
    pub(crate) fn find(&self, path: &[u8]) -> Option<(usize, Facts)> {
        let number = self.files.find(path.get(self.strip..)?)?;
        let facts = self.files.facts(number);
        let has_all = self.files.algorithms(number).common(self.wanted) == self.wanted;
        (has_all && facts.are_whole()).then_some((number, facts))
    }

    /// The file of this number is what it was.
    pub(crate) fn take_over(&self, number: usize, facts: Facts) -> Hashed {
        self.taken_over.fetch_add(1, Relaxed);
        let checksums = self.files.checksums(number);
        let is_all = checksums.algorithms() == self.wanted;
        let wanted = |checksums: Checksums| -> Checksums {
            checksums.iter().filter(|checksum| self.wanted.contains(checksum.algorithm())).collect()
        };
        Hashed::new(if is_all { checksums } else { wanted(checksums) }).with_facts(facts)
    }

    /// How long it takes to ask.
    pub(crate) fn patience(&self) -> &Patience {
        &self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::{Algorithm, Checksum};

    fn checksum(algorithm: Algorithm, byte: u8) -> Checksum {
        Checksum::new(algorithm, &vec![byte; algorithm.length()]).unwrap()
    }

    const WHOLE: Facts = Facts { size: Some(1), mtime_ns: Some(2), ctime_ns: Some(3), inode: Some(4) };

    #[test]
    fn only_what_is_known_whole_and_has_all_that_is_wanted_is_found() {
        let both: Algorithms = [Algorithm::Md5, Algorithm::Sha256].into_iter().collect();
        let (md5, sha256) = (checksum(Algorithm::Md5, 1), checksum(Algorithm::Sha256, 2));
        let rows: [(Algorithms, Vec<Checksum>, Facts, bool); 7] = [
            (Algorithms::default(), vec![md5], WHOLE, true),
            (Algorithms::default(), vec![md5, sha256], WHOLE, true),
            (both, vec![md5, sha256], WHOLE, true),
            (both, vec![md5], WHOLE, false),
            (Algorithms::default(), vec![sha256], WHOLE, false),
            (Algorithms::default(), vec![md5], Facts { ctime_ns: None, ..WHOLE }, false),
            (Algorithms::default(), vec![md5], Facts { inode: None, ..WHOLE }, false),
        ];
        for (row, (wanted, checksums, facts, is_found)) in rows.into_iter().enumerate() {
            let mut known = Known::new(wanted);
            let checksums: Checksums = checksums.into_iter().collect();
            known.enter(b"a", &Hashed::new(checksums).with_facts(facts));
            let found = known.find(b"a");
            assert_eq!(found.is_some(), is_found, "row {row}");
            if let Some((number, facts)) = found {
                let hashed = known.take_over(number, facts);
                assert_eq!((hashed.checksums().algorithms(), hashed.facts()), (wanted, WHOLE), "row {row}");
            }
            assert!(known.find(b"b").is_none());
        }
    }

    #[test]
    fn what_was_entered_last_counts() {
        let mut known = Known::new(Algorithms::default());
        let entry = |byte, facts| Hashed::new(checksum(Algorithm::Md5, byte)).with_facts(facts);
        known.enter(b"a", &entry(1, WHOLE));
        known.enter(b"a", &entry(2, Facts { inode: Some(5), ..WHOLE }));
        let (number, facts) = known.find(b"a").unwrap();
        assert_eq!(facts.inode, Some(5));
        assert_eq!(known.take_over(number, facts), entry(2, facts));
        known.enter(b"a", &entry(2, Facts::NONE));
        assert!(known.find(b"a").is_none());
        assert_eq!(known.len(), 1);
    }
}
