//! The algorithms that a manifest may name, and checksums in them: plain data.
//!
//! MD5 is the one that is computed here. Lists in the others are read and told for what they are, so that none is taken
//! for verified. A further algorithm is one arm of [`Algorithm::facts`].

use std::fmt;

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};

use crate::digest::Digest;

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

/// What is fixed about an algorithm.
struct Facts {
    name: &'static str,
    tag: &'static str,
    /// Bytes of a digest.
    length: usize,
    /// Whether an untagged digest of this length is taken for one of these.
    untagged: bool,
}

/// A digest, and the algorithm it is of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum {
    algorithm: Algorithm,
    /// As many as the algorithm has; zeros behind them.
    bytes: [u8; Algorithm::LONGEST],
}

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

    /// How many bytes a digest has.
    #[must_use]
    pub fn length(self) -> usize {
        self.facts().length
    }

    /// The algorithm of a line that begins with a tag, and what follows the tag.
    pub(crate) fn by_tag(line: &[u8]) -> Option<(Algorithm, &[u8])> {
        Algorithm::ALL.into_iter().find_map(|algorithm| {
            let rest = line.strip_prefix(algorithm.tag().as_bytes())?;
            matches!(rest, [b' ' | b'(', ..]).then_some((algorithm, rest))
        })
    }
}

impl Checksum {
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
        let has_length = |algorithm: &Algorithm| algorithm.facts().untagged && text.len() == 2 * algorithm.length();
        Checksum::parse(Algorithm::ALL.into_iter().find(has_length).unwrap_or(Algorithm::Md5), text)
    }

    /// What it was computed by.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether it is of an algorithm that is computed here.
    pub(crate) fn is_computed(&self) -> bool {
        self.algorithm == Algorithm::Md5
    }

    /// The digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.length()]
    }
}

impl From<Digest> for Checksum {
    fn from(digest: Digest) -> Checksum {
        let mut bytes = [0; Algorithm::LONGEST];
        bytes[..16].copy_from_slice(digest.as_bytes());
        Checksum { algorithm: Algorithm::Md5, bytes }
    }
}

impl PartialEq<Digest> for Checksum {
    fn eq(&self, digest: &Digest) -> bool {
        self.algorithm == Algorithm::Md5 && self.as_bytes() == digest.as_bytes()
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

    #[test]
    fn a_checksum_of_another_algorithm_is_never_that_of_a_file() {
        let digest = Digest::from([0; 16]);
        assert_eq!(Checksum::from(digest), digest);
        for algorithm in Algorithm::ALL.into_iter().filter(|&algorithm| algorithm != Algorithm::Md5) {
            let zeros = Checksum::parse(algorithm, "00".repeat(algorithm.length()).as_bytes()).unwrap();
            assert_ne!(zeros, digest, "{algorithm:?}");
        }
    }
}
