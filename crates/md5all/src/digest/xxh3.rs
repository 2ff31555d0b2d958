//! XXH3 of 64 bits without a seed, by the `twox-hash` crate. As bytes, the first is the most significant: the canonical
//! form, which `xxhsum` prints.

use twox_hash::XxHash3_64;

use crate::algorithm::{Algorithm, Checksum};
use crate::digest::state::Hasher;

pub(super) fn hasher() -> Box<dyn Hasher> {
    Box::new(XxHash3_64::new())
}

impl Hasher for XxHash3_64 {
    fn update(&mut self, bytes: &[u8]) {
        std::hash::Hasher::write(self, bytes);
    }

    fn finish(self: Box<Self>) -> Checksum {
        Checksum::of(Algorithm::Xxh3, &std::hash::Hasher::finish(&*self).to_be_bytes())
    }
}
