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
