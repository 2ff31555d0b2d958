//! The MD5 compression function (RFC 1321 §3.4), written once for every width.
//!
//! A [`Word`] is one 32-bit word of one message, or that word of many messages side by side; the 64 steps are the same
//! text for both. This module knows neither where blocks come from nor which instructions a `Word` turns into.

use std::hint::black_box;

/// The chaining value a message starts with (RFC 1321 §3.3).
pub(crate) const INITIAL: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// `floor(2^32 * |sin(i + 1)|)` (RFC 1321 §3.4, table T).
pub(crate) const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

/// Rotations of each round's four steps (RFC 1321 §3.4).
const ROTATIONS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// One word of a message's state or block, for one message or for several at once.
///
/// Each method is as much of a step as an implementation may want to order in its own way: an MD5 is one long chain of
/// dependent operations, and which of them wait for `b`, the newest word, decides the speed.
pub(crate) trait Word: Copy {
    /// A block of each message.
    type Block<'a>: Copy
    where
        Self: 'a;

    /// Word `i` of the block.
    fn word(block: Self::Block<'_>, i: usize) -> Self;

    /// `self + other`, modulo 2^32.
    fn add(self, other: Self) -> Self;

    /// `self + constant`, modulo 2^32.
    fn add_constant(self, constant: u32) -> Self;

    /// `self` rotated left by `bits`, plus `b`.
    fn rotate_add(self, bits: u32, b: Self) -> Self;

    /// `self + F(b, c, d)`, where F picks c where b is set and d elsewhere.
    fn add_f(self, b: Self, c: Self, d: Self) -> Self;

    /// `self + G(b, c, d)`, where G picks b where d is set and c elsewhere.
    fn add_g(self, b: Self, c: Self, d: Self) -> Self;

    /// `self + H(b, c, d)`, the parity of the three.
    fn add_h(self, b: Self, c: Self, d: Self) -> Self;

    /// `self + I(b, c, d)`, which is `c ^ (b | !d)`, less what the implementation's table has on top in round 4.
    fn add_i(self, b: Self, c: Self, d: Self) -> Self;
}

/// The chaining value after one block.
///
/// `table` is [`SINES`], or what the implementation of `W` made of it. `between(round, quarter)` is called after every
/// four steps, for work that does not depend on this block and may fill the gaps which its chain leaves.
#[inline(always)]
pub(crate) fn compress<'a, W: Word + 'a>(
    state: [W; 4],
    table: &[u32; 64],
    block: W::Block<'a>,
    mut between: impl FnMut(usize, usize),
) -> [W; 4] {
    let mut s = state;
    s = round(0, s, table, block, &mut between);
    s = round(1, s, table, block, &mut between);
    s = round(2, s, table, block, &mut between);
    s = round(3, s, table, block, &mut between);
    [state[0].add(s[0]), state[1].add(s[1]), state[2].add(s[2]), state[3].add(s[3])]
}

// Spelled out, not looped: LLVM gives up unrolling before sixteen steps of three interleaved vectors are flat, and a
// step whose rotation is not an immediate costs half the speed.
#[inline(always)]
fn round<'a, W: Word + 'a>(
    number: usize,
    mut s: [W; 4],
    table: &[u32; 64],
    block: W::Block<'a>,
    between: &mut impl FnMut(usize, usize),
) -> [W; 4] {
    // Each word is loaded afresh in each round. Left to itself LLVM keeps all sixteen (of every vector) from one round
    // to the next, for which there are no registers, and copies them to the stack.
    let block = black_box(block);
    s = four_steps(number, 0, s, table, block);
    between(number, 0);
    s = four_steps(number, 4, s, table, block);
    between(number, 1);
    s = four_steps(number, 8, s, table, block);
    between(number, 2);
    s = four_steps(number, 12, s, table, block);
    between(number, 3);
    s
}

#[inline(always)]
fn four_steps<'a, W: Word + 'a>(
    round: usize,
    i: usize,
    [a, b, c, d]: [W; 4],
    table: &[u32; 64],
    block: W::Block<'a>,
) -> [W; 4] {
    let a = step(round, i, [a, b, c, d], table, block);
    let d = step(round, i + 1, [d, a, b, c], table, block);
    let c = step(round, i + 2, [c, d, a, b], table, block);
    let b = step(round, i + 3, [b, c, d, a], table, block);
    [a, b, c, d]
}

/// Step `i` of a round; gives the word that replaces `a`.
#[inline(always)]
fn step<'a, W: Word + 'a>(round: usize, i: usize, [a, b, c, d]: [W; 4], table: &[u32; 64], block: W::Block<'a>) -> W {
    // Constant and message word go in first: they do not wait for the previous step, and `b` does.
    let sum = a.add_constant(table[16 * round + i]).add(W::word(block, word_of(round, i)));
    let mixed = match round {
        0 => sum.add_f(b, c, d),
        1 => sum.add_g(b, c, d),
        2 => sum.add_h(b, c, d),
        _ => sum.add_i(b, c, d),
    };
    mixed.rotate_add(ROTATIONS[round][i % 4], b)
}

/// Which word of the block step `i` of a round takes (RFC 1321 §3.4).
#[inline(always)]
const fn word_of(round: usize, i: usize) -> usize {
    match round {
        0 => i,
        1 => (5 * i + 1) % 16,
        2 => (3 * i + 5) % 16,
        _ => 7 * i % 16,
    }
}
