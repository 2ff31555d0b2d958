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

#[cfg(test)]
mod tests {
    use crate::algorithm::Algorithm::Xxh3;
    use crate::digest::state::tests::check;

    /// The sanity checks of `xxhsum`: a buffer made by 32- and 64-bit primes, and its lengths without a seed.
    #[test]
    fn the_sanity_checks_of_xxhsum() {
        const PRIME32: u64 = 2_654_435_761;
        const PRIME64: u64 = 11_400_714_785_074_694_797;
        let mut state = PRIME32;
        let next = || {
            let byte = (state >> 56) as u8;
            state = state.wrapping_mul(PRIME64);
            byte
        };
        let buffer: Vec<u8> = std::iter::repeat_with(next).take(2367).collect();
        for (length, digest) in [
            (0, "2d06800538d394c2"),
            (1, "c44bdff4074eecdb"),
            (6, "27b56a84cd2d7325"),
            (12, "a713daf0dfbb77e7"),
            (24, "a3fe70bf9d3510eb"),
            (48, "397da259ecba1f11"),
            (80, "bcdefbbb2c47c90a"),
            (195, "cd94217ee362ec3a"),
            (403, "cdeb804d65c6dea4"),
            (512, "617e49599013cb6b"),
            (2048, "dd59e2c3a5f038e0"),
            (2240, "6e73a90539cf2948"),
            (2367, "cb37aeb9e5d361ed"),
        ] {
            check(Xxh3, &buffer[..length], digest);
        }
    }
}
