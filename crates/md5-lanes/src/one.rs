//! One message at a time, on the general-purpose registers.
//!
//! A single MD5 is one long chain of dependent operations, so speed here is the number of operations between one step's
//! result and the next one's, not their total.

use crate::compress::{Word, compress};

impl Word for u32 {
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn add_constant(self, constant: u32) -> Self {
        self.wrapping_add(constant)
    }

    #[inline(always)]
    fn rotate(self, bits: u32) -> Self {
        self.rotate_left(bits)
    }

    #[inline(always)]
    fn add_f(self, b: Self, c: Self, d: Self) -> Self {
        self.wrapping_add(((c ^ d) & b) ^ d)
    }

    // The two halves of G have no bit in common, so they may be added one after the other; only one waits for `b`.
    #[inline(always)]
    fn add_g(self, b: Self, c: Self, d: Self) -> Self {
        self.wrapping_add(c & !d).wrapping_add(b & d)
    }

    #[inline(always)]
    fn add_h(self, b: Self, c: Self, d: Self) -> Self {
        self.wrapping_add((c ^ d) ^ b)
    }

    #[inline(always)]
    fn add_i(self, b: Self, c: Self, d: Self) -> Self {
        self.wrapping_add((!d | b) ^ c)
    }
}

/// Runs whole blocks of one message through its chaining value.
pub(crate) fn compress_blocks(state: &mut [u32; 4], blocks: &[[u8; 64]]) {
    let mut chain = *state;
    for block in blocks {
        chain = compress(chain, &words(block));
    }
    *state = chain;
}

#[inline(always)]
fn words(block: &[u8; 64]) -> [u32; 16] {
    let (words, _) = block.as_chunks::<4>();
    std::array::from_fn(|i| u32::from_le_bytes(words[i]))
}
