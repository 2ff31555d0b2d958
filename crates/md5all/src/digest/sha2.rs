//! SHA-256 and SHA-512, by the `sha2` crate: with the processor's own instructions where it has them.

use ::sha2::{Digest, Sha256, Sha512};

use crate::algorithm::{Algorithm, Checksum};
use crate::digest::state::Hasher;

pub(super) fn hasher_256() -> Box<dyn Hasher> {
    Box::new(Sha256::new())
}

pub(super) fn hasher_512() -> Box<dyn Hasher> {
    Box::new(Sha512::new())
}

impl Hasher for Sha256 {
    fn update(&mut self, bytes: &[u8]) {
        Digest::update(self, bytes);
    }

    fn finish(self: Box<Self>) -> Checksum {
        Checksum::of(Algorithm::Sha256, &self.finalize())
    }
}

impl Hasher for Sha512 {
    fn update(&mut self, bytes: &[u8]) {
        Digest::update(self, bytes);
    }

    fn finish(self: Box<Self>) -> Checksum {
        Checksum::of(Algorithm::Sha512, &self.finalize())
    }
}

#[cfg(test)]
mod tests {
    use crate::algorithm::Algorithm::{Sha256, Sha512};
    use crate::digest::state::tests::check;

    /// The examples of FIPS 180-4, as NIST's Cryptographic Standards and Guidelines page has them.
    #[test]
    fn messages_of_fips_180_4() {
        check(Sha256, b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let long = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        check(Sha256, long, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        let million = [b'a'; 1_000_000];
        check(Sha256, &million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");

        let digest = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                      2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        check(Sha512, b"abc", digest);
        let long = b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn\
                     hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
        let digest = "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018\
                      501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909";
        check(Sha512, long, digest);
        let digest = "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb\
                      de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b";
        check(Sha512, &million, digest);
    }
}
