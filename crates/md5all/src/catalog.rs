//! What a manifest says of all its files, in memory: found by name, in as little room as will do.
//!
//! Ten million files are ten million names, and a few bytes each decide whether they fit. So all that is known of a file
//! lies in one arena, end to end: its name, its digests, its facts. A slot of 16 bytes says where and what, and a table of
//! 32-bit numbers finds the slot by the name. What a name means, and how it is spelt, is for others to say.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::algorithm::{Algorithm, Algorithms, Checksum, Checksums, Digest};
use crate::facts::Facts;

/// Files by name.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// Of each file: its name, its digests in the order of algorithms, and those facts that are known.
    bytes: Vec<u8>,
    /// One a file, in the order they came.
    slots: Vec<Slot>,
    /// The numbers of slots, by the hashes of their names.
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// Where a file's bytes are, and which of them there are.
#[derive(Clone, Copy, Debug)]
struct Slot {
    start: u64,
    name: u32,
    algorithms: Algorithms,
    /// Bit by bit, in the order of [`Facts`]; and [`ROOM`].
    facts: u8,
}

/// That there is room for all facts, whichever are known.
const ROOM: u8 = 1 << 7;

/// What came of entering a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// It is there, under this number.
    New(usize),
    /// It was there, without some of these checksums; now it has them.
    Completed(usize),
    /// It was there, and nothing was added.
    Known(usize),
    /// It was there, with another checksum of the same algorithm, and is as it was.
    Contradicted(usize),
    /// There are as many files, or bytes in a name, as can be counted in 32 bits.
    Full,
}

/// So many bytes has a fact.
const FACT: usize = 8;

impl Catalog {
    /// Enters a file, or what else is known of one.
    pub(crate) fn enter(&mut self, name: &[u8], checksums: &Checksums, facts: &Facts) -> Entered {
        if let Some(number) = self.find(name) {
            return self.enter_more(number, checksums, facts);
        }
        let (Ok(number), Some(slot)) = (u32::try_from(self.slots.len()), self.append(name, checksums, facts)) else {
            return Entered::Full;
        };
        self.slots.push(slot);
        let Catalog { bytes, slots, index, hasher } = self;
        let hash = |number: &u32| hasher.hash_one(name_of(bytes, slots[*number as usize]));
        index.insert_unique(hasher.hash_one(name), number, hash);
        Entered::New(number as usize)
    }

    /// What there was is left behind in the arena: few files are entered in parts.
    fn enter_more(&mut self, number: usize, checksums: &Checksums, facts: &Facts) -> Entered {
        let (known, known_facts) = (self.checksums(number), self.facts(number));
        if known.agree(checksums) == Some(false) {
            return Entered::Contradicted(number);
        }
        let facts = known_facts.or(facts);
        let both: Checksums = known.iter().chain(checksums.iter()).collect();
        if both == known && facts == known_facts {
            return Entered::Known(number);
        }
        let name = self.name(number).to_vec();
        let Some(slot) = self.append(&name, &both, &facts) else { return Entered::Full };
        self.slots[number] = slot;
        if both == known { Entered::Known(number) } else { Entered::Completed(number) }
    }

    /// Enters a file that is not there, with room for facts that may come later.
    pub(crate) fn enter_with_room(&mut self, name: &[u8], checksums: &Checksums, facts: &Facts) -> Entered {
        let entered = self.enter(name, checksums, facts);
        if let Entered::New(number) = entered {
            let missing = to_numbers(facts).iter().filter(|fact| fact.is_none()).count();
            self.bytes.resize(self.bytes.len() + missing * FACT, 0);
            self.slots[number].facts |= ROOM;
        }
        entered
    }

    /// Replaces all facts of a file.
    pub(crate) fn set_facts(&mut self, number: usize, facts: &Facts) {
        let slot = self.slots[number];
        if slot.facts & ROOM == 0 {
            return self.replace(number, &self.checksums(number), facts);
        }
        let mut at = slot.facts_start();
        let mut present = ROOM;
        for (bit, fact) in to_numbers(facts).into_iter().enumerate() {
            if let Some(number) = fact {
                present |= 1 << bit;
                self.bytes[at..at + FACT].copy_from_slice(&number.to_le_bytes());
                at += FACT;
            }
        }
        self.slots[number].facts = present;
    }

    /// Replaces all that is known of a file. What there was is left behind in the arena.
    pub(crate) fn replace(&mut self, number: usize, checksums: &Checksums, facts: &Facts) {
        let name = self.name(number).to_vec();
        if let Some(slot) = self.append(&name, checksums, facts) {
            self.slots[number] = slot;
        }
    }

    /// Which sets of algorithms there are: each once, and mostly there is one.
    pub(crate) fn sets(&self) -> Vec<Algorithms> {
        let mut sets = Vec::new();
        for slot in &self.slots {
            if !sets.contains(&slot.algorithms) {
                sets.push(slot.algorithms);
            }
        }
        sets
    }

    /// What a file has checksums of.
    pub(crate) fn algorithms(&self, number: usize) -> Algorithms {
        self.slots[number].algorithms
    }

    fn append(&mut self, name: &[u8], checksums: &Checksums, facts: &Facts) -> Option<Slot> {
        let length = u32::try_from(name.len()).ok()?;
        let start = self.bytes.len() as u64;
        self.bytes.extend_from_slice(name);
        checksums.iter().for_each(|checksum| self.bytes.extend_from_slice(checksum.as_bytes()));
        let mut present = 0;
        for (bit, fact) in to_numbers(facts).into_iter().enumerate() {
            if let Some(number) = fact {
                present |= 1 << bit;
                self.bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        Some(Slot { start, name: length, algorithms: checksums.algorithms(), facts: present })
    }

    /// The number of the file of this name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<usize> {
        let is_it = |number: &u32| name_of(&self.bytes, self.slots[*number as usize]) == name;
        self.index.find(self.hasher.hash_one(name), is_it).map(|&number| number as usize)
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn name(&self, number: usize) -> &[u8] {
        name_of(&self.bytes, self.slots[number])
    }

    pub(crate) fn checksums(&self, number: usize) -> Checksums {
        let slot = self.slots[number];
        let mut bytes = &self.bytes[slot.start as usize + slot.name as usize..];
        if slot.algorithms == Algorithms::default()
            && let Some(&md5) = bytes.first_chunk()
        {
            return Checksums::from(Digest::from(md5)); // the most usual, without an allocation
        }
        let take = |algorithm: Algorithm| {
            let (digest, rest) = bytes.split_at(algorithm.length());
            bytes = rest;
            Checksum::new(algorithm, digest)
        };
        slot.algorithms.iter().filter_map(take).collect()
    }

    pub(crate) fn facts(&self, number: usize) -> Facts {
        let slot = self.slots[number];
        let mut bytes = self.bytes[slot.facts_start()..].chunks_exact(FACT);
        from_numbers(std::array::from_fn(|bit| {
            let number = if slot.facts & 1 << bit != 0 { bytes.next()?.try_into().ok() } else { None };
            number.map(u64::from_le_bytes)
        }))
    }
}

impl Slot {
    fn facts_start(&self) -> usize {
        let digests: usize = self.algorithms.iter().map(Algorithm::length).sum();
        self.start as usize + self.name as usize + digests
    }
}

fn name_of(bytes: &[u8], slot: Slot) -> &[u8] {
    &bytes[slot.start as usize..][..slot.name as usize]
}

fn to_numbers(facts: &Facts) -> [Option<u64>; 4] {
    let Facts { size, mtime_ns, ctime_ns, inode } = *facts;
    [size, mtime_ns.map(i64::cast_unsigned), ctime_ns.map(i64::cast_unsigned), inode]
}

fn from_numbers([size, mtime_ns, ctime_ns, inode]: [Option<u64>; 4]) -> Facts {
    Facts { size, mtime_ns: mtime_ns.map(u64::cast_signed), ctime_ns: ctime_ns.map(u64::cast_signed), inode }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn checksum(algorithm: Algorithm, byte: u8) -> Checksum {
        Checksum::new(algorithm, &vec![byte; algorithm.length()]).unwrap()
    }

    #[test]
    fn a_slot_stays_small() {
        assert_eq!(size_of::<Slot>(), 16);
    }

    #[test]
    fn a_file_is_completed_but_never_contradicted() {
        let mut catalog = Catalog::default();
        let md5 = Checksums::from(checksum(Algorithm::Md5, 1));
        let sha256 = Checksums::from(checksum(Algorithm::Sha256, 2));
        let facts = Facts { size: Some(7), ..Facts::NONE };
        assert_eq!(catalog.enter(b"a", &md5, &Facts::NONE), Entered::New(0));
        assert_eq!(catalog.enter(b"b", &md5, &facts), Entered::New(1));
        assert_eq!(catalog.enter(b"a", &md5, &Facts::NONE), Entered::Known(0));
        assert_eq!(catalog.enter(b"a", &sha256, &facts), Entered::Completed(0));
        let other = Checksums::from(checksum(Algorithm::Md5, 3));
        assert_eq!(catalog.enter(b"a", &other, &Facts::NONE), Entered::Contradicted(0));
        assert_eq!(catalog.checksums(0), md5.iter().chain(sha256.iter()).collect());
        assert_eq!((catalog.name(0), catalog.facts(0), catalog.len()), (&b"a"[..], facts, 2));
        assert_eq!(catalog.find(b"c"), None);
    }

    #[test]
    fn facts_are_replaced_with_or_without_room() {
        let facts = [
            Facts::NONE,
            Facts { size: Some(1), ..Facts::NONE },
            Facts { size: Some(1), mtime_ns: Some(-2), ctime_ns: Some(3), inode: Some(4) },
            Facts { inode: Some(5), ..Facts::NONE },
        ];
        for (first, second) in facts.iter().flat_map(|first| facts.iter().map(move |second| (first, second))) {
            let mut catalog = Catalog::default();
            let md5 = Checksums::from(checksum(Algorithm::Md5, 1));
            catalog.enter(b"without", &md5, first);
            catalog.enter_with_room(b"with", &md5, first);
            catalog.enter(b"behind", &md5, first);
            let length = catalog.bytes.len();
            catalog.set_facts(1, second);
            assert_eq!(catalog.bytes.len(), length);
            catalog.set_facts(0, second);
            for (number, expected) in [second, second, first].into_iter().enumerate() {
                assert_eq!((catalog.facts(number), catalog.checksums(number)), (*expected, md5.clone()));
            }
        }
    }

    fn some_facts() -> impl Strategy<Value = Facts> {
        any::<(Option<u64>, Option<i64>, Option<i64>, Option<u64>)>()
            .prop_map(|(size, mtime_ns, ctime_ns, inode)| Facts { size, mtime_ns, ctime_ns, inode })
    }

    proptest! {
        #[test]
        fn what_was_entered_is_found_again(
            files in proptest::collection::btree_map(vec(any::<u8>(), 0..9), (any::<u8>(), any::<u8>(), some_facts()), 0..300),
        ) {
            let checksums = |set: u8, byte| -> Checksums {
                let chosen = Algorithm::ALL.into_iter().filter(|&algorithm| set & 1 << algorithm as u8 != 0);
                chosen.map(|algorithm| checksum(algorithm, byte)).collect()
            };
            let files: BTreeMap<_, _> =
                files.into_iter().map(|(name, (set, byte, facts))| (name, (checksums(set, byte), facts))).collect();
            let mut catalog = Catalog::default();
            for (number, (name, (checksums, facts))) in files.iter().enumerate() {
                prop_assert_eq!(catalog.enter(name, checksums, facts), Entered::New(number));
            }
            for (name, (checksums, facts)) in &files {
                let number = catalog.find(name).unwrap();
                prop_assert_eq!(catalog.name(number), &name[..]);
                prop_assert_eq!(&catalog.checksums(number), checksums);
                prop_assert_eq!(catalog.facts(number), *facts);
            }
        }
    }
}
