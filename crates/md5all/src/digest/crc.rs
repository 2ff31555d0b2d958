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

#[cfg(test)]
mod tests {
    use crate::algorithm::Algorithm::{Crc32c, Crc64Nvme};
    use crate::digest::state::tests::check;

    /// RFC 3720, B.4: in the order of its bytes there, the first is the least significant.
    #[test]
    fn messages_of_rfc_3720() {
        let up: Vec<u8> = (0..32).collect();
        let down: Vec<u8> = (0..32).rev().collect();
        let command = [
            [0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            [0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18],
            [0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0],
        ];
        check(Crc32c, &[0; 32], "8a9136aa");
        check(Crc32c, &[0xff; 32], "62a8ab43");
        check(Crc32c, &up, "46dd794e");
        check(Crc32c, &down, "113fdb5c");
        check(Crc32c, command.as_flattened(), "d9963a56");
    }

    /// NVM Command Set Specification 1.0, 5.2.1.3.5; and the check value of CRC catalogues.
    #[test]
    fn messages_of_the_nvme_specification() {
        let up: Vec<u8> = (0..4096).map(|index| index as u8).collect();
        let down: Vec<u8> = up.iter().map(|byte| 255 - byte).collect();
        check(Crc64Nvme, &[0; 4096], "6482d367eb22b64e");
        check(Crc64Nvme, &[0xff; 4096], "c0ddba7302eca3ac");
        check(Crc64Nvme, &up, "3e729f5f6750449c");
        check(Crc64Nvme, &down, "9a2df64b8e9e517e");
        check(Crc64Nvme, b"123456789", "ae8b14860a799888");
    }
}
