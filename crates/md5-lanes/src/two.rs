//! Two messages at a time, on the general-purpose registers.
//!
//! One message's chain leaves more than half of a core's units idle, and a second one beside it nearly fits in. Its eight
//! words, two blocks and the table leave four registers free, which is enough; a third message would not fit.

use std::hint::black_box;

use crate::compress::{SINES, Word, compress};

/// Runs blocks of two messages through their chaining values.
pub(crate) fn compress_pairs<'a>(
    [one, other]: [[u32; 4]; 2],
    pairs: impl Iterator<Item = [&'a [u8; 64]; 2]>,
) -> [[u32; 4]; 2] {
    // As in `one`, a table the compiler cannot see into.
    static TABLE: [u32; 64] = SINES;
    let table = black_box(&TABLE);
    let mut chain = std::array::from_fn(|word| [one[word], other[word]]);
    for blocks in pairs {
        chain = compress(chain, table, &blocks, |_, _| {});
    }
    [chain.map(|[word, _]| word), chain.map(|[_, word]| word)]
}

/// The same for both messages.
#[inline(always)]
fn both(value: impl Fn(usize) -> u32) -> [u32; 2] {
    [value(0), value(1)]
}

impl Word for [u32; 2] {
    // By reference, though small: passed by value it cost 5 cycles a block.
    type Block<'a> = &'a [&'a [u8; 64]; 2];

    #[inline(always)]
    fn word(blocks: Self::Block<'_>, i: usize) -> Self {
        both(|n| u32::word(blocks[n], i))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        both(|n| self[n].add(other[n]))
    }

    #[inline(always)]
    fn add_constant(self, constant: u32) -> Self {
        both(|n| self[n].add_constant(constant))
    }

    #[inline(always)]
    fn rotate_add(self, bits: u32, b: Self) -> Self {
        both(|n| self[n].rotate_add(bits, b[n]))
    }

    #[inline(always)]
    fn add_f(self, b: Self, c: Self, d: Self) -> Self {
        both(|n| self[n].add_f(b[n], c[n], d[n]))
    }

    #[inline(always)]
    fn add_g(self, b: Self, c: Self, d: Self) -> Self {
        both(|n| self[n].add_g(b[n], c[n], d[n]))
    }

    #[inline(always)]
    fn add_h(self, b: Self, c: Self, d: Self) -> Self {
        both(|n| self[n].add_h(b[n], c[n], d[n]))
    }

    #[inline(always)]
    fn add_i(self, b: Self, c: Self, d: Self) -> Self {
        both(|n| self[n].add_i(b[n], c[n], d[n]))
    }
}
