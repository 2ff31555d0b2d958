//! What has been hashed of a file, by however many algorithms: each byte of it once, by each of them.
//!
//! MD5 has its lanes, and so is plain data here. Every other algorithm is a [`Hasher`], a file each beside this one, and
//! an arm of [`hasher`]. Where MD5 alone is wanted, none of this costs more than a pointer that is not there.

use std::fmt;

use md5_lanes::Md5;

use crate::algorithm::{Algorithm, Algorithms, Checksum, Checksums, Digest};
use crate::digest::{blake3, crc, sha1, sha2, xxh3};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) md5: Md5,
    /// What is computed beside the MD5, or in its place; `None` if that is nothing.
    pub(crate) others: Option<Box<Others>>,
}

/// The digests of one file that are not MD5.
pub(crate) struct Others {
    /// Whether an MD5 is wanted as well.
    pub(crate) with_md5: bool,
    hashers: Vec<Box<dyn Hasher>>,
}

/// A digest of a message that comes in pieces.
pub(crate) trait Hasher: Send {
    /// Appends a piece to the message.
    fn update(&mut self, bytes: &[u8]);

    /// The digest of all that was appended, as long as the algorithm has it.
    fn finish(self: Box<Self>) -> Checksum;
}

/// What computes a digest; `None` for MD5, which has lanes.
fn hasher(algorithm: Algorithm) -> Option<Box<dyn Hasher>> {
    Some(match algorithm {
        Algorithm::Md5 => return None,
        Algorithm::Sha1 => sha1::hasher(),
        Algorithm::Sha256 => sha2::hasher_256(),
        Algorithm::Sha512 => sha2::hasher_512(),
        Algorithm::Blake3 => blake3::hasher(),
        Algorithm::Crc32c => crc::hasher_32c(),
        Algorithm::Crc64Nvme => crc::hasher_64_nvme(),
        Algorithm::Xxh3 => xxh3::hasher(),
    })
}

impl State {
    /// Nothing yet, by all of these.
    pub(crate) fn new(algorithms: Algorithms) -> State {
        let others = (algorithms != Algorithms::default()).then(|| Box::new(Others::new(algorithms)));
        State { md5: Md5::new(), others }
    }

    /// Whether an MD5 is wanted.
    pub(crate) fn has_md5(&self) -> bool {
        self.others.as_ref().is_none_or(|others| others.with_md5)
    }

    /// Appends a piece to the file, for all algorithms.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if self.has_md5() {
            self.md5.update(bytes);
        }
        self.others.iter_mut().for_each(|others| others.update(bytes));
    }
}

impl Others {
    fn new(algorithms: Algorithms) -> Others {
        let hashers = algorithms.iter().filter_map(hasher).collect();
        Others { with_md5: algorithms.contains(Algorithm::Md5), hashers }
    }

    /// Appends a piece to the file.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hashers.iter_mut().for_each(|hasher| hasher.update(bytes));
    }

    /// These, and the MD5 if that is wanted.
    #[inline(never)]
    pub(crate) fn finish_beside(self, md5: md5_lanes::Digest) -> Checksums {
        let md5 = self.with_md5.then(|| Checksum::from(Digest::from(md5)));
        md5.into_iter().chain(self.hashers.into_iter().map(Hasher::finish)).collect()
    }
}

impl fmt::Debug for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Others").field("with_md5", &self.with_md5).field("hashers", &self.hashers.len()).finish()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    impl State {
        /// The checksums of all that was appended.
        pub(crate) fn finish(self) -> Checksums {
            match self.others {
                None => Checksums::from(Digest::from(self.md5.finalize())),
                Some(others) => others.finish_beside(self.md5.finalize()),
            }
        }
    }

    /// What a message has, however it is cut.
    pub(in crate::digest) fn check(algorithm: Algorithm, message: &[u8], hex: &str) {
        for piece in [usize::MAX, 1 << 16, 4096, 65, 64, 63, 1] {
            if message.len() / piece > 1 << 17 {
                continue; // a byte at a time, or nearly, of what is large already
            }
            let mut state = State::new(algorithm.into());
            message.chunks(piece.min(message.len().max(1))).for_each(|piece| state.update(piece));
            let checksums: Vec<String> = state.finish().iter().map(|checksum| checksum.hex()).collect();
            assert_eq!(checksums, [hex], "{algorithm:?} of {} bytes in pieces of {piece}", message.len());
        }
    }

    /// So many bytes that begin as BLAKE3's test vectors do: 0, 1, 2, … 250, 0, 1, …
    pub(in crate::digest) fn counted(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index % 251) as u8).collect()
    }

    #[test]
    fn md5_alone_needs_nothing_else_and_others_alone_no_md5() {
        let state = State::new(Algorithms::default());
        assert!(state.has_md5() && state.others.is_none());
        assert!(!State::new(Algorithm::Sha256.into()).has_md5());
        assert!(State::new(Algorithms::ALL).has_md5());
        assert!(State::new(Algorithms::NONE).finish().iter().next().is_none());
    }

    #[test]
    fn each_algorithm_gives_a_checksum_of_its_own() {
        let mut state = State::new(Algorithms::ALL);
        state.update(b"abc");
        assert_eq!(state.finish().algorithms(), Algorithms::ALL);
    }
}
