//! One message at a time, on the general-purpose registers.
//!
//! Speed here is the number of operations between one step's result and the next one's, not their total: F and I take
//! five, G and H four.

use std::hint::black_box;

use crate::compress::{SINES, Word, compress};

/// Runs whole blocks of one message through its chaining value.
pub(crate) fn compress_blocks(state: &mut [u32; 4], blocks: &[[u8; 64]]) {
    // A table the compiler cannot see into: a constant it knows it adds last, after everything that waits for the
    // previous step, which made each step a cycle longer (0.58 GB/s where this runs at 0.69).
    static TABLE: [u32; 64] = SINES;
    let table = black_box(&TABLE);
    let mut chain = *state;
    for block in blocks {
        chain = compress(chain, table, block, |_, _| {});
    }
    *state = chain;
}

impl Word for u32 {
    type Block<'a> = &'a [u8; 64];

    #[inline(always)]
    fn word(block: Self::Block<'_>, i: usize) -> Self {
        let (words, _) = block.as_chunks::<4>();
        u32::from_le_bytes(words[i])
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn add_constant(self, constant: u32) -> Self {
        self.wrapping_add(constant)
    }

    #[inline(always)]
    fn rotate_add(self, bits: u32, b: Self) -> Self {
        self.rotate_left(bits).wrapping_add(b)
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
