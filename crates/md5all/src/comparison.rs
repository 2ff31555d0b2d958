//! What became of files: those that were known before, held against those that come, one after the other.
//!
//! Nothing here reads anything: a [`Comparison`] is given names with what they have, whether from a walk or from a
//! manifest. What is certain is said at once. What needs the whole is kept, and said by [`Comparison::end`]: which of the
//! names that nobody knew are those of files that are gone, and which are copies of files that are still there. The
//! rules:
//!
//! 1. What is not known is never good: an entry that contradicts itself, or has no algorithm in common with what came, is
//!    incomparable.
//! 2. Only a file that is known to be missing has moved, and each has moved once: the first in order of the names that
//!    have gone to the first of those that came. A copy is of a file that is still what it was.
//! 3. Files without contents are all alike, and so neither moved nor copied.
//!
//! The memory is that of what was known before, a byte more an entry, and that of the names that nobody knew.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::algorithm::{Algorithm, Algorithms, Checksums};
use crate::catalog::{Catalog, Entered};
use crate::error::Reason;
use crate::facts::Facts;
use crate::record::Hashed;
use crate::selection::Rule;
use crate::skip::Skip;

/// What became of one file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Compared {
    /// Its name: the one that it has now, unless it is gone.
    pub name: Vec<u8>,
    /// What became of it.
    pub fate: Fate,
    /// Of what is unreadable, where it was to be read, if that is known: the tree as it was given, and what is below it.
    pub path: Option<Vec<u8>>,
}

/// What can become of a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fate {
    /// It has the checksums that it had: all that both sides know.
    Ok,
    /// It has others, or is no regular file any more.
    Changed,
    /// It has others, though its size and the time of its last modification are known, and are what they were.
    Corrupt,
    /// It is what was listed under another name, which is gone.
    Moved {
        /// The name that is gone.
        from: Vec<u8>,
    },
    /// It is what is listed under another name as well, and is there.
    Copied {
        /// The first of such names.
        from: Vec<u8>,
    },
    /// Nothing is known of it.
    New,
    /// It is gone.
    Missing,
    /// Nobody can say: it could not be read.
    Unreadable(Unread),
    /// Nobody can say: what is known does not suffice.
    Incomparable(Lack),
    /// Nobody has looked: its name does not lie below the root.
    Outside,
    /// Nobody has looked: it is in the tree and not [selected](crate::Selection). A directory stands for all that is in it.
    LeftOut {
        /// Why not.
        skip: Skip,
        /// By what, where that is not all there is to say.
        rule: Option<Rule>,
    },
}

/// Why a file was not read.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unread {
    /// This happened.
    Failed(Reason),
    /// A directory above it could not be listed, or was passed over.
    Unlisted,
    /// It is there, but the walk did not come across it: it was made since, say.
    Unmet,
}

/// What keeps checksums from being compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lack {
    /// A list says two things of one name.
    Contradicted,
    /// The two sides have no algorithm in common.
    NoCommonAlgorithm,
    /// It is excluded: the manifest itself, say.
    Excluded,
}

/// What looking for a name that did not come has shown.
#[derive(Debug)]
pub(crate) enum Absence {
    Missing,
    /// Something is there that is no file.
    Replaced,
    Unreadable(Unread),
    Outside,
}

/// A comparison under way.
#[derive(Debug)]
pub(crate) struct Comparison {
    before: Catalog,
    /// What has been seen of each file.
    marks: Vec<Mark>,
    /// What came and nobody knew.
    strays: Catalog,
}

/// What has been seen of a file that was known before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Unseen,
    /// Likewise, and the list contradicts itself.
    Contradicted,
    Same,
    /// It came, is not the same, and has been told.
    Told,
    /// It did not come, and is not there.
    Missing,
    /// Likewise, and is found under another name.
    Gone,
}

/// What is said at the end, in the order of names.
#[derive(Debug)]
pub(crate) struct Rest {
    before: Catalog,
    marks: Vec<Mark>,
    strays: Catalog,
    /// Those of whom something is left to say, in order, and how far that has come.
    unseen: Vec<u32>,
    next_unseen: usize,
    origins: Vec<Origin>,
    next_stray: usize,
    /// What is said of those that did not come, if not that they are missing.
    others: HashMap<u32, Fate>,
}

/// Where a stray comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Unknown,
    Moved(u32),
    Copied(u32),
}

impl Comparison {
    /// Of these files, some of which a list contradicts itself about.
    pub(crate) fn new(before: Catalog, contradicted: &BTreeSet<usize>) -> Comparison {
        let mut marks = vec![Mark::Unseen; before.len()];
        contradicted.iter().for_each(|&number| marks[number] = Mark::Contradicted);
        Comparison { before, marks, strays: Catalog::default() }
    }

    /// Takes a file that came; what became of it, if that is certain.
    pub(crate) fn meet(&mut self, name: &[u8], after: &Hashed) -> Option<Fate> {
        let Some(number) = self.before.find(name) else {
            // One too many to be counted is told at once: it is not known where it comes from.
            let entered = self.strays.enter(name, after.checksums(), &after.facts());
            return (entered == Entered::Full).then_some(Fate::New);
        };
        let fate = self.judge(number, after);
        self.marks[number] = if matches!(fate, Fate::Ok) { Mark::Same } else { Mark::Told };
        Some(fate)
    }

    fn judge(&self, number: usize, after: &Hashed) -> Fate {
        if self.marks[number] == Mark::Contradicted {
            return Fate::Incomparable(Lack::Contradicted);
        }
        let before = self.before.facts(number);
        match self.before.checksums(number).agree(after.checksums()) {
            // Whatever a short checksum says.
            Some(true) if before.differ_in_size(&after.facts()) => Fate::Changed,
            None => Fate::Incomparable(Lack::NoCommonAlgorithm),
            Some(true) => Fate::Ok,
            Some(false) if looks_untouched(&before, &after.facts()) => Fate::Corrupt,
            Some(false) => Fate::Changed,
        }
    }

    /// Whether anything was known of this name before.
    pub(crate) fn knows(&self, name: &[u8]) -> bool {
        self.before.find(name).is_some()
    }

    /// Notes that something was said of a name, if it was known before; whether it was.
    pub(crate) fn tell(&mut self, name: &[u8]) -> bool {
        let number = self.before.find(name);
        number.map(|number| self.marks[number] = Mark::Told).is_some()
    }

    /// Those of the names that `is_left_out` says this of are not compared, nor said to be missing, nor what others are copies
    /// of. How many there are.
    pub(crate) fn leave_out(&mut self, is_left_out: impl Fn(&[u8]) -> bool) -> u64 {
        let (before, marks) = (&self.before, self.marks.iter_mut().enumerate());
        marks.filter(|(number, _)| is_left_out(before.name(*number))).map(|(_, mark)| *mark = Mark::Told).count() as u64
    }

    /// Nothing more comes. What became of a file that did not come is asked for by its name, in order.
    pub(crate) fn end(self, mut absence: impl FnMut(&[u8]) -> Absence) -> Rest {
        let Comparison { before, mut marks, strays } = self;
        let mut others = HashMap::new();
        let is_unseen = |number: &u32| matches!(marks[*number as usize], Mark::Unseen | Mark::Contradicted);
        let mut unseen: Vec<u32> = (0..before.len() as u32).filter(is_unseen).collect();
        if !unseen.is_sorted_by_key(|&number| before.name(number as usize)) {
            unseen.sort_unstable_by_key(|&number| before.name(number as usize));
        }
        for &number in &unseen {
            let mark = &mut marks[number as usize];
            let fate = match absence(before.name(number as usize)) {
                Absence::Outside => Fate::Outside,
                _ if *mark == Mark::Contradicted => Fate::Incomparable(Lack::Contradicted),
                Absence::Unreadable(unread) => Fate::Unreadable(unread),
                Absence::Replaced => Fate::Changed,
                Absence::Missing => {
                    *mark = Mark::Missing;
                    continue;
                }
            };
            others.insert(number, fate);
        }
        let origins = Origins::new(&before, &strays).find(&unseen, &mut marks);
        Rest { before, marks, strays, unseen, next_unseen: 0, origins, next_stray: 0, others }
    }
}

/// Whether a file that has other contents looks as if nobody had written to it.
pub(crate) fn looks_untouched(before: &Facts, after: &Facts) -> bool {
    let is_known = before.size.is_some() && before.mtime_ns.is_some();
    is_known && before.size == after.size && before.mtime_ns == after.mtime_ns
}

impl Iterator for Rest {
    type Item = Compared;

    fn next(&mut self) -> Option<Compared> {
        // Those that moved are told of under the names that they have now.
        while self.unseen.get(self.next_unseen).is_some_and(|&number| self.marks[number as usize] == Mark::Gone) {
            self.next_unseen += 1;
        }
        let unseen = self.unseen.get(self.next_unseen).map(|&number| self.before.name(number as usize));
        let stray = (self.next_stray < self.strays.len()).then(|| self.strays.name(self.next_stray));
        match (unseen, stray) {
            (None, None) => None,
            (Some(unseen), stray) if stray.is_none_or(|stray| unseen < stray) => Some(self.next_of_unseen()),
            _ => Some(self.next_of_strays()),
        }
    }
}

impl Rest {
    fn next_of_unseen(&mut self) -> Compared {
        let number = self.unseen[self.next_unseen];
        self.next_unseen += 1;
        let fate = self.others.remove(&number).unwrap_or(Fate::Missing);
        Compared { name: self.before.name(number as usize).to_vec(), fate, path: None }
    }

    fn next_of_strays(&mut self) -> Compared {
        let number = self.next_stray;
        self.next_stray += 1;
        let name_of = |number: u32| self.before.name(number as usize).to_vec();
        let fate = match self.origins[number] {
            Origin::Unknown => Fate::New,
            Origin::Moved(from) => Fate::Moved { from: name_of(from) },
            Origin::Copied(from) => Fate::Copied { from: name_of(from) },
        };
        Compared { name: self.strays.name(number).to_vec(), fate, path: None }
    }
}

/// The search for where strays come from.
///
/// Strays are found by their checksums: those of one set of algorithms, by those that they have in common with one set of
/// entries. Mostly there is one of each.
struct Origins<'a> {
    before: &'a Catalog,
    strays: &'a Catalog,
    found: Vec<Origin>,
    /// By the algorithms of strays, and those of them that count.
    indices: HashMap<(Algorithms, Algorithms), Index>,
    /// What strays have.
    sets: Vec<Algorithms>,
}

/// Strays by their checksums.
struct Index {
    /// What counts.
    set: Algorithms,
    alike: HashTable<Alike>,
    /// Of each stray, the next that is alike, if it is not the last.
    next: Vec<u32>,
    hasher: DefaultHashBuilder,
}

/// Strays with the same checksums.
struct Alike {
    /// The first that may not have an origin, which stands for all of them.
    first: u32,
    last: u32,
    /// What they are copies of.
    source: Option<u32>,
}

impl<'a> Origins<'a> {
    fn new(before: &'a Catalog, strays: &'a Catalog) -> Origins<'a> {
        let sets = strays.sets();
        let mut indices = HashMap::new();
        for entry in if sets.is_empty() { Vec::new() } else { before.sets() } {
            for &stray in &sets {
                let common = stray.common(entry);
                if !common.is_empty() {
                    indices.entry((stray, common)).or_insert_with(|| Index::new(strays, stray, common));
                }
            }
        }
        Origins { before, strays, found: vec![Origin::Unknown; strays.len()], indices, sets }
    }

    /// Finds them: first of what moved, and then of what was copied.
    fn find(mut self, unseen: &[u32], marks: &mut [Mark]) -> Vec<Origin> {
        if self.indices.is_empty() {
            return self.found;
        }
        for &number in unseen {
            let mark = &mut marks[number as usize];
            if *mark == Mark::Missing
                && let Some(stray) = self.first_like(number)
            {
                self.found[stray as usize] = Origin::Moved(number);
                *mark = Mark::Gone;
            }
        }
        let same = (0..marks.len() as u32).zip(marks.iter()).filter(|(_, mark)| **mark == Mark::Same);
        same.for_each(|(number, _)| self.offer(number));
        self.copy();
        self.found
    }

    /// The first stray without an origin that has what the entry has.
    fn first_like(&mut self, number: u32) -> Option<u32> {
        let checksums = self.before.checksums(number as usize);
        if is_empty(&checksums, &self.before.facts(number as usize)) {
            return None;
        }
        let (mut first, strays, found) = (None, self.strays, &self.found);
        for &set in &self.sets {
            let common = set.common(checksums.algorithms());
            let Some(index) = self.indices.get_mut(&(set, common)) else { continue };
            let free = index.first(strays, &only(&checksums, common), |stray| found[stray as usize] == Origin::Unknown);
            first = first.into_iter().chain(free).min();
        }
        first
    }

    /// Notes the entry as what those strays are copies of that have what it has, unless one before it is.
    fn offer(&mut self, number: u32) {
        let checksums = self.before.checksums(number as usize);
        if is_empty(&checksums, &self.before.facts(number as usize)) {
            return;
        }
        let before = self.before;
        for &set in &self.sets {
            let common = set.common(checksums.algorithms());
            let Some(index) = self.indices.get_mut(&(set, common)) else { continue };
            let Some(alike) = index.find(self.strays, &only(&checksums, common)) else { continue };
            alike.source = alike.source.into_iter().chain([number]).min_by_key(|&at| before.name(at as usize));
        }
    }

    /// Gives those that are left what they are copies of.
    fn copy(&mut self) {
        let before = self.before;
        for (number, origin) in self.found.iter_mut().enumerate().filter(|(_, origin)| **origin == Origin::Unknown) {
            let checksums = self.strays.checksums(number);
            if is_empty(&checksums, &self.strays.facts(number)) {
                continue;
            }
            let set = checksums.algorithms();
            let ours = self.indices.iter_mut().filter(|((stray, _), _)| *stray == set);
            let sources = ours.filter_map(|((_, common), index)| {
                index.find(self.strays, &only(&checksums, *common)).and_then(|alike| alike.source)
            });
            if let Some(source) = sources.min_by_key(|&source| before.name(source as usize)) {
                *origin = Origin::Copied(source);
            }
        }
    }
}

impl Index {
    /// Of strays that have `set`, by what they have of `common`.
    fn new(strays: &Catalog, set: Algorithms, common: Algorithms) -> Index {
        let (alike, hasher) = (HashTable::new(), DefaultHashBuilder::default());
        let mut index = Index { set: common, alike, next: vec![0; strays.len()], hasher };
        for number in 0..strays.len() as u32 {
            let checksums = strays.checksums(number as usize);
            if checksums.algorithms() == set && !is_empty(&checksums, &strays.facts(number as usize)) {
                index.add(strays, number, &only(&checksums, common));
            }
        }
        index
    }

    fn add(&mut self, strays: &Catalog, number: u32, checksums: &Checksums) {
        if let Some(alike) = self.find(strays, checksums) {
            let last = std::mem::replace(&mut alike.last, number);
            self.next[last as usize] = number;
            return;
        }
        let Index { alike, hasher, set, .. } = self;
        let hash = |alike: &Alike| hasher.hash_one(only(&strays.checksums(alike.first as usize), *set));
        alike.insert_unique(hasher.hash_one(checksums), Alike { first: number, last: number, source: None }, hash);
    }

    /// Those that have these checksums.
    fn find(&mut self, strays: &Catalog, checksums: &Checksums) -> Option<&mut Alike> {
        let Index { alike, hasher, set, .. } = self;
        let is_it = |alike: &Alike| only(&strays.checksums(alike.first as usize), *set) == *checksums;
        alike.find_mut(hasher.hash_one(checksums), is_it)
    }

    /// The first of them that is free. Those before it are passed over for good.
    fn first(&mut self, strays: &Catalog, checksums: &Checksums, is_free: impl Fn(u32) -> bool) -> Option<u32> {
        let Index { alike, hasher, set, next } = self;
        let is_it = |alike: &Alike| only(&strays.checksums(alike.first as usize), *set) == *checksums;
        let alike = alike.find_mut(hasher.hash_one(checksums), is_it)?;
        while !is_free(alike.first) && alike.first != alike.last {
            alike.first = next[alike.first as usize];
        }
        is_free(alike.first).then_some(alike.first)
    }
}

/// Those of these algorithms.
fn only(checksums: &Checksums, algorithms: Algorithms) -> Checksums {
    if checksums.algorithms() == algorithms {
        return checksums.clone();
    }
    checksums.iter().filter(|checksum| algorithms.contains(checksum.algorithm())).collect()
}

/// Whether a file has no contents: by its size, or else by its checksums, which are then those of nothing.
fn is_empty(checksums: &Checksums, facts: &Facts) -> bool {
    match facts.size {
        Some(size) => size == 0,
        None => checksums.iter().all(|checksum| checksum.hex() == of_nothing(checksum.algorithm())),
    }
}

/// What no bytes at all have: RFC 1321 A.5, FIPS 180-4's examples, BLAKE3's and XXH3's test vectors; a CRC has zeros.
fn of_nothing(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Md5 => "d41d8cd98f00b204e9800998ecf8427e",
        Algorithm::Sha1 => "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        Algorithm::Sha256 => "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        Algorithm::Sha512 => {
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
             47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
        }
        Algorithm::Blake3 => "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        Algorithm::Crc32c => "00000000",
        Algorithm::Crc64Nvme => "0000000000000000",
        Algorithm::Xxh3 => "2d06800538d394c2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Checksum;

    fn sums(checksums: &[(Algorithm, u8)]) -> Hashed {
        let sum =
            |&(algorithm, byte): &(Algorithm, u8)| Checksum::new(algorithm, &vec![byte; algorithm.length()]).unwrap();
        Hashed::new(checksums.iter().map(sum).collect::<Checksums>())
    }

    /// What is told at the end, of these that were and these that came.
    fn rest(before: &[(&str, Hashed)], after: &[(&str, Hashed)]) -> Vec<String> {
        let mut catalog = Catalog::default();
        for (name, hashed) in before {
            assert!(matches!(catalog.enter(name.as_bytes(), hashed.checksums(), &hashed.facts()), Entered::New(_)));
        }
        let mut comparison = Comparison::new(catalog, &BTreeSet::new());
        for (name, hashed) in after {
            comparison.meet(name.as_bytes(), hashed);
        }
        let text = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap();
        let told = |Compared { name, fate, .. }| match fate {
            Fate::Moved { from } => format!("{} from {}", text(&name), text(&from)),
            Fate::Copied { from } => format!("{} of {}", text(&name), text(&from)),
            fate => format!("{} {fate:?}", text(&name)),
        };
        comparison.end(|_| Absence::Missing).map(told).collect()
    }

    use Algorithm::{Md5, Sha1, Sha256};

    #[test]
    fn what_moved_is_found_by_whatever_both_sides_have() {
        let both = || sums(&[(Md5, 1), (Sha256, 1)]);
        let rows = [
            (sums(&[(Md5, 1)]), both()),
            (both(), sums(&[(Md5, 1)])),
            (both(), both()),
            (sums(&[(Md5, 1), (Sha1, 1)]), both()),
        ];
        for (before, after) in rows {
            assert_eq!(rest(&[("a", before)], &[("b", after)]), ["b from a"]);
        }
        let rows = [
            (sums(&[(Md5, 1)]), sums(&[(Sha256, 1)])),
            (both(), sums(&[(Md5, 1), (Sha256, 2)])),
            (both(), sums(&[(Md5, 2), (Sha256, 1)])),
        ];
        for (before, after) in rows {
            assert_eq!(rest(&[("a", before)], &[("b", after)]), ["a Missing", "b New"]);
        }
    }

    #[test]
    fn among_several_sets_the_first_in_order_is_taken() {
        let (md5, both) = (|| sums(&[(Md5, 1)]), || sums(&[(Md5, 1), (Sha1, 1)]));
        let told = rest(&[("a", md5()), ("b", both())], &[("x", both()), ("y", md5()), ("z", md5())]);
        assert_eq!(told, ["x from a", "y from b", "z New"]);
        let told = rest(&[("b", md5()), ("a", both())], &[("a", both()), ("b", md5()), ("y", md5()), ("z", both())]);
        assert_eq!(told, ["y of a", "z of a"]);
    }

    /// Whoever adds an algorithm has to say what nothing has.
    #[test]
    fn nothing_has_the_checksums_that_it_is_known_by() {
        use crate::options::Options;
        use crate::trees::hash_trees;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("empty"), "").unwrap();
        std::fs::write(dir.path().join("full"), "x").unwrap();
        let options = Options::new([dir.path()]).algorithms(Algorithm::ALL);
        let mut seen = 0;
        for record in hash_trees(&errgroup::Context::background(), options) {
            let record = record.unwrap();
            let crate::Outcome::Hashed(hashed) = record.outcome() else { panic!("{record:?}") };
            assert_eq!(hashed.checksums().iter().count(), Algorithm::ALL.len());
            for checksum in hashed.checksums().iter() {
                assert_eq!(is_empty(&checksum.into(), &Facts::NONE), record.name() == b"empty", "{checksum:?}");
                seen += 1;
            }
        }
        assert_eq!(seen, 2 * Algorithm::ALL.len());
    }
}
