//! BLAKE3, by its authors' crate, on one core: the others have files of their own.

use crate::algorithm::{Algorithm, Checksum};
use crate::digest::state::Hasher;

pub(super) fn hasher() -> Box<dyn Hasher> {
    Box::new(::blake3::Hasher::new())
}

impl Hasher for ::blake3::Hasher {
    fn update(&mut self, bytes: &[u8]) {
        ::blake3::Hasher::update(self, bytes);
    }

    fn finish(self: Box<Self>) -> Checksum {
        Checksum::of(Algorithm::Blake3, self.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use crate::algorithm::Algorithm::Blake3;
    use crate::digest::state::tests::{check, counted};

    /// From test_vectors/test_vectors.json in BLAKE3's repository.
    #[test]
    fn its_authors_test_vectors() {
        for (length, digest) in [
            (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
            (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
            (1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"),
            (1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"),
            (1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"),
            (4097, "9b4052b38f1c5fc8b1f9ff7ac7b27cd242487b3d890d15c96a1c25b8aa0fb995"),
            (7169, "a003fc7a51754a9b3c7fae0367ab3d782dccf28855a03d435f8cfe74605e7817"),
        ] {
            check(Blake3, &counted(length), digest);
        }
    }
}
