//! SHA-1, by the `sha1` crate: with the processor's own instructions where it has them.

use ::sha1::{Digest, Sha1};

use crate::algorithm::{Algorithm, Checksum};
use crate::digest::state::Hasher;

pub(super) fn hasher() -> Box<dyn Hasher> {
    Box::new(Sha1::new())
}

impl Hasher for Sha1 {
    fn update(&mut self, bytes: &[u8]) {
        Digest::update(self, bytes);
    }

    fn finish(self: Box<Self>) -> Checksum {
        Checksum::of(Algorithm::Sha1, &self.finalize())
    }
}

#[cfg(test)]
mod tests {
    use crate::algorithm::Algorithm::Sha1;
    use crate::digest::state::tests::check;

    /// The examples of FIPS 180-4, as NIST's Cryptographic Standards and Guidelines page has them.
    #[test]
    fn messages_of_fips_180_4() {
        check(Sha1, b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
        let long = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        check(Sha1, long, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        check(Sha1, &[b'a'; 1_000_000], "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    }
}
