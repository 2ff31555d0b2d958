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
