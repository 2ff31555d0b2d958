//! Algorithms, sets of them, and checksums that were computed by them: plain data.
//!
//! How each is computed is `digest`'s affair. A further algorithm is one arm of [`Algorithm::facts`].

use std::fmt;

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};

/// What a checksum was computed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// MD5, RFC 1321.
    Md5,
    /// SHA-1, FIPS 180-4.
    Sha1,
    /// SHA-256, FIPS 180-4.
    Sha256,
    /// SHA-512, FIPS 180-4.
    Sha512,
    /// BLAKE3, with its usual 32 bytes.
    Blake3,
    /// CRC-32C, as iSCSI has it (RFC 3720).
    Crc32c,
    /// CRC-64/NVME, as S3 has it.
    Crc64Nvme,
    /// XXH3 of 64 bits.
    Xxh3,
}

/// A set of algorithms. By default, MD5 alone.
///
/// # Examples
///
/// ```
/// use md5all::{Algorithm, Algorithms};
///
/// let both = Algorithms::from([Algorithm::Sha256, Algorithm::Md5]);
/// assert!(both.contains(Algorithm::Md5));
/// assert_eq!(both.iter().collect::<Vec<_>>(), [Algorithm::Md5, Algorithm::Sha256]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Algorithms(u16);

/// What is fixed about an algorithm.
struct Facts {
    name: &'static str,
    tag: &'static str,
    /// Bytes of a digest.
    length: usize,
    /// Whether an untagged digest of this length is taken for one of these.
    untagged: bool,
}

/// An MD5 digest (RFC 1321): 16 bytes, shown as 32 lower-case hex digits.
///
/// # Examples
///
/// ```
/// let digest = md5all::Digest::from([0xab; 16]);
/// assert_eq!(digest.to_string(), "ab".repeat(16));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 16]);

/// A digest, and the algorithm it is of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum {
    algorithm: Algorithm,
    /// As many as the algorithm has; zeros behind them.
    bytes: [u8; Algorithm::LONGEST],
}

/// The checksums of one file: one of each algorithm at most, in the order of [`Algorithm::ALL`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Checksums(Few);

/// What is there mostly takes no allocation. MD5 alone is never among the others.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Few {
    Md5([u8; 16]),
    Others(Box<[Checksum]>),
}

/// The two hex digits of each byte: a line has 32 of them, and there are many lines.
const PAIRS: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Algorithm; 8] = [
        Algorithm::Md5,
        Algorithm::Sha1,
        Algorithm::Sha256,
        Algorithm::Sha512,
        Algorithm::Blake3,
        Algorithm::Crc32c,
        Algorithm::Crc64Nvme,
        Algorithm::Xxh3,
    ];

    /// Bytes of the longest digest.
    const LONGEST: usize = 64;

    fn facts(self) -> Facts {
        let facts = |name, tag, length, untagged| Facts { name, tag, length, untagged };
        match self {
            Algorithm::Md5 => facts("md5", "MD5", 16, true),
            Algorithm::Sha1 => facts("sha1", "SHA1", 20, true),
            Algorithm::Sha256 => facts("sha256", "SHA256", 32, true),
            Algorithm::Sha512 => facts("sha512", "SHA512", 64, true),
            Algorithm::Blake3 => facts("blake3", "BLAKE3", 32, false),
            Algorithm::Crc32c => facts("crc32c", "CRC32C", 4, false),
            Algorithm::Crc64Nvme => facts("crc64nvme", "CRC64NVME", 8, false),
            Algorithm::Xxh3 => facts("xxh3", "XXH3", 8, false),
        }
    }

    /// What it is called on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// What it is called in tagged lines: `MD5 (name) = …`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        self.facts().tag
    }

    /// The algorithm that is called `name` on a command line.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// How many bytes a digest has.
    #[must_use]
    pub fn length(self) -> usize {
        self.facts().length
    }

    /// Whether an untagged digest of this length is taken for one of these.
    pub(crate) fn is_told_by_length(self) -> bool {
        self.facts().untagged
    }

    /// The algorithm of a line that begins with a tag, and what follows the tag.
    pub(crate) fn by_tag(line: &[u8]) -> Option<(Algorithm, &[u8])> {
        Algorithm::ALL.into_iter().find_map(|algorithm| {
            let rest = line.strip_prefix(algorithm.tag().as_bytes())?;
            matches!(rest, [b' ' | b'(', ..]).then_some((algorithm, rest))
        })
    }
}

impl Algorithms {
    /// None.
    pub const NONE: Algorithms = Algorithms(0);

    /// All there are.
    pub const ALL: Algorithms = Algorithms((1 << Algorithm::ALL.len()) - 1);

    /// Whether it is among them.
    #[must_use]
    pub fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & Algorithms::from(algorithm).0 != 0
    }

    /// Those that are in both sets.
    #[must_use]
    pub fn common(self, other: Algorithms) -> Algorithms {
        Algorithms(self.0 & other.0)
    }

    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in the order of [`Algorithm::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |&algorithm| self.contains(algorithm))
    }
}

impl Default for Algorithms {
    fn default() -> Algorithms {
        Algorithms::from(Algorithm::Md5)
    }
}

impl From<Algorithm> for Algorithms {
    fn from(algorithm: Algorithm) -> Algorithms {
        Algorithms(1 << algorithm as u16)
    }
}

impl<const N: usize> From<[Algorithm; N]> for Algorithms {
    fn from(algorithms: [Algorithm; N]) -> Algorithms {
        algorithms.into_iter().collect()
    }
}

impl FromIterator<Algorithm> for Algorithms {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Algorithms {
        Algorithms(algorithms.into_iter().fold(0, |bits, algorithm| bits | Algorithms::from(algorithm).0))
    }
}

impl fmt::Debug for Algorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Checksum {
    /// A checksum of `algorithm`; `None` if a digest of it has another length.
    #[must_use]
    pub fn new(algorithm: Algorithm, digest: &[u8]) -> Option<Checksum> {
        (digest.len() == algorithm.length()).then(|| Checksum::of(algorithm, digest))
    }

    /// A checksum of `algorithm`, of which the digest is known to have the length.
    pub(crate) fn of(algorithm: Algorithm, digest: &[u8]) -> Checksum {
        let mut bytes = [0; Algorithm::LONGEST];
        bytes[..algorithm.length()].copy_from_slice(digest);
        Checksum { algorithm, bytes }
    }

    /// A checksum of `algorithm` from hex digits in any case, or else from base64; `None` if it is neither, or of another
    /// length.
    #[must_use]
    pub fn parse(algorithm: Algorithm, text: &[u8]) -> Option<Checksum> {
        let mut checksum = Checksum { algorithm, bytes: [0; Algorithm::LONGEST] };
        let length = algorithm.length();
        if text.len() == 2 * length {
            HEXLOWER_PERMISSIVE.decode_mut(text, &mut checksum.bytes[..length]).ok()?;
        } else {
            let mut bytes = [0; Algorithm::LONGEST + 2]; // what padding stands for is room that decoding asks for
            let room = BASE64.decode_len(text.len()).ok().filter(|&room| room <= bytes.len())?;
            let decoded = BASE64.decode_mut(text, &mut bytes[..room]).ok()?;
            checksum.bytes[..length].copy_from_slice(bytes.get(..decoded).filter(|_| decoded == length)?);
        }
        Some(checksum)
    }

    /// A checksum of which only the length tells the algorithm: hex digits as coreutils' tools have them (BLAKE3's look
    /// like SHA-256's), or an MD5 in base64.
    #[must_use]
    pub fn parse_untagged(text: &[u8]) -> Option<Checksum> {
        let has_length = |algorithm: &Algorithm| algorithm.is_told_by_length() && text.len() == 2 * algorithm.length();
        Checksum::parse(Algorithm::ALL.into_iter().find(has_length).unwrap_or(Algorithm::Md5), text)
    }

    /// What it was computed by.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.length()]
    }

    /// The digest in lower-case hex digits.
    #[must_use]
    pub fn hex(&self) -> String {
        HEXLOWER.encode(self.as_bytes())
    }

    /// Adds these digits to a line.
    pub(crate) fn write_hex(&self, line: &mut Vec<u8>) {
        let mut hex = [0; 2 * Algorithm::LONGEST];
        for (pair, &byte) in hex.chunks_exact_mut(2).zip(self.as_bytes()) {
            pair.copy_from_slice(&PAIRS[usize::from(byte)]);
        }
        line.extend_from_slice(&hex[..2 * self.algorithm.length()]);
    }
}

impl Checksums {
    /// Each of them, in the order of [`Algorithm::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Checksum> {
        let (md5, others) = match &self.0 {
            Few::Md5(digest) => (Some(Checksum::from(Digest::from(*digest))), &[][..]),
            Few::Others(others) => (None, &others[..]),
        };
        md5.into_iter().chain(others.iter().copied())
    }

    /// The one of this algorithm, if it is there.
    #[must_use]
    pub fn get(&self, algorithm: Algorithm) -> Option<Checksum> {
        self.iter().find(|checksum| checksum.algorithm == algorithm)
    }

    /// The MD5, if it is there.
    #[must_use]
    pub fn md5(&self) -> Option<Digest> {
        match &self.0 {
            Few::Md5(digest) => Some(Digest::from(*digest)),
            Few::Others(others) => {
                let first = others.first().filter(|checksum| checksum.algorithm == Algorithm::Md5)?;
                first.as_bytes().try_into().ok().map(<[u8; 16] as Into<Digest>>::into)
            }
        }
    }

    /// What they were computed by.
    #[must_use]
    pub fn algorithms(&self) -> Algorithms {
        match &self.0 {
            Few::Md5(_) => Algorithm::Md5.into(),
            Few::Others(others) => others.iter().map(|checksum| checksum.algorithm).collect(),
        }
    }

    /// Whether there is one of each of these.
    #[must_use]
    pub fn have_all(&self, algorithms: Algorithms) -> bool {
        self.algorithms().common(algorithms) == algorithms
    }

    /// Whether those that both have are equal; `None` if there are no two of one algorithm.
    #[must_use]
    pub fn agree(&self, other: &Checksums) -> Option<bool> {
        let both = self.iter().filter_map(|one| other.get(one.algorithm).map(|another| one == another));
        both.reduce(|all, equal| all && equal)
    }
}

/// Of several in one algorithm the first is kept.
impl FromIterator<Checksum> for Checksums {
    fn from_iter<I: IntoIterator<Item = Checksum>>(checksums: I) -> Checksums {
        let mut all: Vec<Checksum> = checksums.into_iter().collect();
        all.sort_by_key(|checksum| checksum.algorithm as u8);
        all.dedup_by_key(|checksum| checksum.algorithm);
        match &all[..] {
            [one] => Checksums::from(*one),
            _ => Checksums(Few::Others(all.into())),
        }
    }
}

impl Digest {
    /// The bytes themselves.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The hex digits, as ASCII.
    #[must_use]
    pub fn hex(&self) -> [u8; 32] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 32];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        hex
    }
}

impl From<[u8; 16]> for Digest {
    fn from(bytes: [u8; 16]) -> Digest {
        Digest(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.hex().iter().map(|&digit| char::from(digit)).collect::<String>())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl From<Digest> for Checksums {
    fn from(digest: Digest) -> Checksums {
        Checksums(Few::Md5(*digest.as_bytes()))
    }
}

impl From<Checksum> for Checksums {
    fn from(checksum: Checksum) -> Checksums {
        match (checksum.algorithm, checksum.as_bytes().try_into()) {
            (Algorithm::Md5, Ok(digest)) => Checksums(Few::Md5(digest)),
            _ => Checksums(Few::Others([checksum].into())),
        }
    }
}

impl fmt::Debug for Checksums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl From<Digest> for Checksum {
    fn from(digest: Digest) -> Checksum {
        let mut bytes = [0; Algorithm::LONGEST];
        bytes[..16].copy_from_slice(digest.as_bytes());
        Checksum { algorithm: Algorithm::Md5, bytes }
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.algorithm.tag(), HEXLOWER.encode(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_every_byte_as_two_digits() {
        let digest = Digest::from(std::array::from_fn(|index| (index * 17) as u8));
        assert_eq!(digest.to_string(), "00112233445566778899aabbccddeeff");
        assert_eq!(format!("{digest:?}"), "Digest(00112233445566778899aabbccddeeff)");
        assert_eq!(digest.as_bytes()[15], 255);
    }

    #[test]
    fn every_algorithm_has_its_own_name_and_tag_and_fits() {
        for (index, one) in Algorithm::ALL.into_iter().enumerate() {
            assert!(one.length() <= Algorithm::LONGEST);
            let line = format!("{} (name) = ", one.tag());
            assert_eq!(Algorithm::by_tag(line.as_bytes()).unwrap().0, one);
            for other in &Algorithm::ALL[..index] {
                assert!(one.name() != other.name() && one.tag() != other.tag());
                let (one, other) = (one.facts(), other.facts());
                assert!(!one.untagged || !other.untagged || one.length != other.length);
            }
        }
    }

    #[test]
    fn hex_of_any_case_and_base64_are_read_and_nothing_else() {
        let abc = Checksum::from(Digest::from(md5_lanes::md5(b"abc")));
        let read = |text: &str| Checksum::parse_untagged(text.as_bytes());
        assert_eq!(read("900150983cd24fb0d6963f7d28e17f72"), Some(abc));
        assert_eq!(read("900150983CD24fb0d6963f7d28e17F72"), Some(abc));
        assert_eq!(read("kAFQmDzST7DWlj99KOF/cg=="), Some(abc));
        for text in [
            "",
            "900150983cd24fb0d6963f7d28e17f7",
            "900150983cd24fb0d6963f7d28e17f722",
            "900150983cd24fb0d6963f7d28e17f7g",
            "kAFQmDzST7DWlj99KOF/cg=",
            "kAFQmDzST7DWlj99KOF/cg",
            "kAFQmDzST7DWlj99KOF/ch==",
            "kAFQmDzST7DWlj99KOF_cg==",
            "kAFQmDzST7DWlj99KOF/cgA=",
            "kAFQmDzST7DWlj99KOF/cgAA",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        for (digits, algorithm) in [(40, Algorithm::Sha1), (64, Algorithm::Sha256), (128, Algorithm::Sha512)] {
            assert_eq!(read(&"0".repeat(digits)).unwrap().algorithm(), algorithm);
        }
    }

    /// One of each algorithm, of so many bytes of this value.
    fn all_of(byte: u8) -> impl Iterator<Item = Checksum> {
        Algorithm::ALL.into_iter().map(move |one| Checksum::new(one, &vec![byte; one.length()]).unwrap())
    }

    #[test]
    fn checksums_of_different_algorithms_say_nothing_of_each_other() {
        for (one, another) in all_of(0).flat_map(|one| all_of(0).map(move |another| (one, another))) {
            let agree = Checksums::from(one).agree(&Checksums::from(another));
            assert_eq!(agree, (one.algorithm() == another.algorithm()).then_some(true), "{one:?} {another:?}");
        }
        let (zeros, ones): (Checksums, Checksums) = (all_of(0).collect(), all_of(1).collect());
        let mixed: Checksums = all_of(0).take(7).chain(all_of(1).skip(7)).collect();
        assert_eq!(
            (zeros.agree(&zeros), zeros.agree(&ones), zeros.agree(&mixed)),
            (Some(true), Some(false), Some(false))
        );
        assert_eq!(zeros.agree(&Checksums::from_iter([])), None);
    }

    #[test]
    fn checksums_are_in_one_order_and_each_algorithm_is_there_once() {
        let backwards: Vec<_> = all_of(1).chain(all_of(2)).collect::<Vec<_>>().into_iter().rev().collect();
        let checksums: Checksums = backwards.into_iter().collect();
        assert_eq!(checksums.iter().collect::<Vec<_>>(), all_of(2).collect::<Vec<_>>());
        assert_eq!(checksums.algorithms(), Algorithm::ALL.into_iter().collect());
        assert_eq!(checksums.md5(), Some(Digest::from([2; 16])));
        for one in all_of(3) {
            let alone = Checksums::from(one);
            assert_eq!(alone, [one].into_iter().collect());
            assert_eq!(alone.get(one.algorithm()), Some(one));
            assert_eq!(alone.algorithms(), Algorithms::from(one.algorithm()));
            assert_eq!(alone.md5().is_some(), one.algorithm() == Algorithm::Md5);
        }
        assert_eq!(Checksums::from(Digest::from([3; 16])), Checksums::from_iter(all_of(3).take(1)));
    }

    #[test]
    fn a_set_has_what_was_put_in() {
        assert!(Algorithms::NONE.is_empty());
        let all: Algorithms = Algorithm::ALL.into_iter().collect();
        assert_eq!(all.len(), Algorithm::ALL.len());
        for one in Algorithm::ALL {
            let set = Algorithms::from(one);
            assert_eq!(set.iter().collect::<Vec<_>>(), [one]);
            assert_eq!(set.common(all), set);
            assert_eq!(Algorithm::by_name(one.name()), Some(one));
        }
        assert_eq!(Algorithms::default(), Algorithms::from(Algorithm::Md5));
    }
}
