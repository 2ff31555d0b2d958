//! Many messages at a time: one lane of a SIMD register each, one to three registers interleaved.
//!
//! Each register is a chain of dependent operations, as long as that of a single message; two or three side by side fill
//! the gaps. This module runs blocks that are there; which message sits in which lane is decided in `lanes`.

use std::hint::black_box;
use std::marker::PhantomData;

use fearless_simd::Simd;

use crate::compress::{SINES, Word, compress};
use crate::one::compress_blocks;
use crate::two::compress_pairs;
use crate::vector::{Vector, load_columns};

/// Most registers that run side by side. A fourth was slower wherever registers are sixteen.
pub(crate) const MAX_CHAINS: usize = 3;

/// Lanes of the widest kernel.
pub(crate) const MAX_LANES: usize = 16 * MAX_CHAINS;

/// Chaining values of all lanes, word by word.
pub(crate) type States = [[u32; MAX_LANES]; 4];

/// The chaining value of one lane.
pub(crate) fn column(states: &States, lane: usize) -> [u32; 4] {
    [states[0][lane], states[1][lane], states[2][lane], states[3][lane]]
}

/// Sets the chaining value of one lane.
pub(crate) fn set_column(states: &mut States, lane: usize, state: [u32; 4]) {
    for (words, word) in states.iter_mut().zip(state) {
        words[lane] = word;
    }
}

/// Blocks of one message: those that lie in its own bytes, and then those which its end was padded into. What is behind
/// these is there to be run for nothing.
///
/// Both in one, because each stop of a kernel costs about half a block's time in all lanes, and short messages have their
/// end in every second stop.
#[derive(Clone, Copy)]
pub(crate) struct Blocks<'a> {
    pub(crate) body: &'a [[u8; 64]],
    pub(crate) edge: &'a [[u8; 64]],
}

impl<'a> Blocks<'a> {
    #[inline(always)]
    fn at(self, i: usize) -> &'a [u8; 64] {
        match self.body.get(i) {
            Some(block) => block,
            None => &self.edge[i - self.body.len()],
        }
    }
}

/// Runs the first `count` blocks of every lane through its chaining value, on general-purpose registers: two lanes at a
/// time, and the last one alone where there is no other.
pub(crate) fn run_by_twos(states: &mut States, lanes: &[Blocks<'_>], count: usize) {
    let (pairs, alone) = lanes.as_chunks::<2>();
    for (n, [left, right]) in pairs.iter().enumerate() {
        let (one, other) = (column(states, 2 * n), column(states, 2 * n + 1));
        let blocks = (0..count).map(|i| [left.at(i), right.at(i)]);
        let [one, other] = compress_pairs([one, other], blocks);
        set_column(states, 2 * n, one);
        set_column(states, 2 * n + 1, other);
    }
    if let [blocks] = alone {
        let mut state = column(states, lanes.len() - 1);
        let body = count.min(blocks.body.len());
        compress_blocks(&mut state, &blocks.body[..body]);
        compress_blocks(&mut state, &blocks.edge[..count - body]);
        set_column(states, lanes.len() - 1, state);
    }
}

/// `N` registers that go through the same steps.
struct Chains<S, V, const N: usize>([V; N], PhantomData<S>);

impl<S, V: Copy, const N: usize> Clone for Chains<S, V, N> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, V: Copy, const N: usize> Copy for Chains<S, V, N> {}

/// Runs the first `count` blocks of every lane through its chaining value. If it is to leave a `TRAIL`, what that is after
/// the first block, the second and so on goes to `trail`, as far as it has room: code of its own, for merely to ask
/// whether there is room made each block a seventh slower.
///
/// # Panics
///
/// Where there are fewer lanes than `N` registers have, or a lane has fewer blocks than `count`.
#[inline(always)]
pub(crate) fn run<S: Simd, V: Vector<S>, const N: usize, const TRAIL: bool>(
    simd: S,
    states: &mut States,
    lanes: &[Blocks<'_>],
    count: usize,
    trail: &mut [States],
) {
    if count == 0 {
        return;
    }
    let lanes = &lanes[..N * V::LEN];
    let mut rows = [lanes[0].at(0); MAX_LANES];
    let mut chain: [Chains<S, V, N>; 4] = load_states(simd, states);
    let (mut one, mut other) = ([chain[0]; 16], [chain[0]; 16]);
    let (mut now, mut next) = (&mut one, &mut other);
    take_rows(&mut rows, lanes, 0);
    load_all(simd, &rows, now);
    let table = black_box(&TABLE);
    for i in 0..count {
        // The last block is loaded once more for nothing: that is cheaper than sixteen branches.
        take_rows(&mut rows, lanes, (i + 1).min(count - 1));
        chain = compress(
            chain,
            table,
            now,
            #[inline(always)]
            |part, n| load_part(simd, &rows, part, n, next),
        );
        if TRAIL && let Some(states) = trail.get_mut(i) {
            store_states(&chain, states);
        }
        (now, next) = (next, now);
    }
    store_states(&chain, states);
}

/// The constants, with what `add_i` leaves out; one the compiler cannot see into, for the reason given in `one`.
static TABLE: [u32; 64] = {
    let mut table = SINES;
    let mut i = 48;
    while i < 64 {
        table[i] = table[i].wrapping_sub(1);
        i += 1;
    }
    table
};

/// Notes where block `i` of every lane lies.
#[inline(always)]
fn take_rows<'a>(rows: &mut [&'a [u8; 64]; MAX_LANES], lanes: &[Blocks<'a>], i: usize) {
    for (row, lane) in rows.iter_mut().zip(lanes) {
        *row = lane.at(i);
    }
}

#[inline(always)]
fn load_all<S: Simd, V: Vector<S>, const N: usize>(
    simd: S,
    rows: &[&[u8; 64]; MAX_LANES],
    words: &mut [Chains<S, V, N>; 16],
) {
    for part in 0..4 {
        for n in 0..N {
            load_part(simd, rows, part, n, words);
        }
    }
}

/// Loads four words of register `n`, if there is such a one.
#[inline(always)]
fn load_part<S: Simd, V: Vector<S>, const N: usize>(
    simd: S,
    rows: &[&[u8; 64]; MAX_LANES],
    part: usize,
    n: usize,
    words: &mut [Chains<S, V, N>; 16],
) {
    if n < N {
        let columns = load_columns(simd, &rows[n * V::LEN..(n + 1) * V::LEN], part);
        words[4 * part].0[n] = columns[0];
        words[4 * part + 1].0[n] = columns[1];
        words[4 * part + 2].0[n] = columns[2];
        words[4 * part + 3].0[n] = columns[3];
    }
}

#[inline(always)]
fn load_states<S: Simd, V: Vector<S>, const N: usize>(simd: S, states: &States) -> [Chains<S, V, N>; 4] {
    let mut chain = [Chains([V::splat(simd, 0); N], PhantomData); 4];
    for (registers, words) in chain.iter_mut().zip(states) {
        for (n, register) in registers.0.iter_mut().enumerate() {
            *register = V::from_slice(simd, &words[n * V::LEN..(n + 1) * V::LEN]);
        }
    }
    chain
}

#[inline(always)]
fn store_states<S: Simd, V: Vector<S>, const N: usize>(chain: &[Chains<S, V, N>; 4], states: &mut States) {
    for (registers, words) in chain.iter().zip(states) {
        for (n, register) in registers.0.iter().enumerate() {
            register.store_slice(&mut words[n * V::LEN..(n + 1) * V::LEN]);
        }
    }
}

impl<S: Simd, V: Vector<S>, const N: usize> Chains<S, V, N> {
    /// The same for every register. A loop, because a closure passed on to `array::map` is not always inlined, and what
    /// is not inlined is compiled without the features of the level.
    #[inline(always)]
    fn each(mut self, value: impl Fn(usize, V) -> V) -> Self {
        for n in 0..N {
            self.0[n] = value(n, self.0[n]);
        }
        self
    }

    /// Adds `one` where `mask` is set, and `other` elsewhere.
    ///
    /// The two have no bit in common, so they may be added one after the other, which takes no more operations than to
    /// join them first; and what does not wait for the newest word is done early.
    #[inline(always)]
    fn add_picked(self, mask: Self, one: Self, other: Self) -> Self {
        self.each(
            #[inline(always)]
            |n, a| {
                let (mask, one, other) = (mask.0[n], one.0[n], other.0[n]);
                if V::SELECTS {
                    return a + (((one ^ other) & mask) ^ other);
                }
                (a + (other & !mask)) + (one & mask)
            },
        )
    }
}

impl<S: Simd, V: Vector<S>, const N: usize> Word for Chains<S, V, N> {
    type Block<'a>
        = &'a [Self; 16]
    where
        Self: 'a;

    #[inline(always)]
    fn word(block: Self::Block<'_>, i: usize) -> Self {
        block[i]
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.each(
            #[inline(always)]
            |n, a| a + other.0[n],
        )
    }

    #[inline(always)]
    fn add_constant(self, constant: u32) -> Self {
        self.each(
            #[inline(always)]
            |_, a| a + constant,
        )
    }

    // Two additions in place of an or: the two shifts compete for the same pipes, and so the one that comes second has
    // the first addition's time to arrive (a chain of these was 12 % shorter on Zen 3). Rotation by 16 stays an or,
    // which LLVM knows for a single byte shuffle.
    #[inline(always)]
    fn rotate_add(self, bits: u32, b: Self) -> Self {
        self.each(
            #[inline(always)]
            |n, a| match bits {
                _ if V::ROTATES => ((a << bits) | (a >> (32 - bits))) + b.0[n],
                16 => ((a << bits) | (a >> (32 - bits))) + b.0[n],
                _ => ((a << bits) + b.0[n]) + (a >> (32 - bits)),
            },
        )
    }

    #[inline(always)]
    fn add_f(self, b: Self, c: Self, d: Self) -> Self {
        self.add_picked(b, c, d)
    }

    #[inline(always)]
    fn add_g(self, b: Self, c: Self, d: Self) -> Self {
        self.add_picked(d, b, c)
    }

    #[inline(always)]
    fn add_h(self, b: Self, c: Self, d: Self) -> Self {
        self.each(
            #[inline(always)]
            |n, a| a + ((c.0[n] ^ d.0[n]) ^ b.0[n]),
        )
    }

    // c ^ (b | !d) is !(c ^ (d & !b)), and adding !x is subtracting x + 1. The table has that one, which leaves three
    // operations of four.
    #[inline(always)]
    fn add_i(self, b: Self, c: Self, d: Self) -> Self {
        self.each(
            #[inline(always)]
            |n, a| a - (c.0[n] ^ (d.0[n] & !b.0[n])),
        )
    }
}
