//! CRC-32C and CRC-64/NVME, by the `crc-fast` crate. As bytes, the first is the most significant: so S3 has them in base64.

use crc_fast::CrcAlgorithm::{Crc32Iscsi, Crc64Nvme};

use crate::algorithm::{Algorithm, Checksum};
use crate::digest::state::Hasher;

/// A CRC with what it is called here.
struct Crc {
    algorithm: Algorithm,
    digest: crc_fast::Digest,
}

pub(super) fn hasher_32c() -> Box<dyn Hasher> {
    Box::new(Crc { algorithm: Algorithm::Crc32c, digest: crc_fast::Digest::new(Crc32Iscsi) })
}

pub(super) fn hasher_64_nvme() -> Box<dyn Hasher> {
    Box::new(Crc { algorithm: Algorithm::Crc64Nvme, digest: crc_fast::Digest::new(Crc64Nvme) })
}

impl Hasher for Crc {
    fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    fn finish(self: Box<Self>) -> Checksum {
        let bytes = self.digest.finalize().to_be_bytes();
        Checksum::of(self.algorithm, &bytes[bytes.len() - self.algorithm.length()..])
    }
}
