//! What a SIMD register of 32-bit words must do beyond arithmetic: take rows from memory and turn them into columns.
//!
//! A register is seen as *blocks* of four lanes (128 bits), because that is what every level can shuffle cheaply; on
//! AVX2, crossing the middle of a register costs thrice as much as staying within a half.

use fearless_simd::{Bytes, Simd, SimdBase, SimdCombine, SimdInt, SimdSplit, u8x16, u32x4, u32x8, u32x16};

/// A register of 32-bit words, one lane per message.
pub(crate) trait Vector<S: Simd>: SimdInt<S, Element = u32> {
    /// Whether one instruction picks the bits of one register or another by those of a third.
    const SELECTS: bool;

    /// Whether one instruction rotates.
    const ROTATES: bool;

    /// Puts blocks side by side, as many as fit.
    fn join(blocks: [u32x4<S>; 4]) -> Self;

    /// Interleaves two registers block by block: the lower halves of all blocks, then the upper halves.
    fn zip(self, other: Self) -> (Self, Self);
}

impl<S: Simd> Vector<S> for u32x4<S> {
    const SELECTS: bool = cfg!(any(target_arch = "aarch64", target_arch = "wasm32"));
    const ROTATES: bool = false;

    #[inline(always)]
    fn join(blocks: [u32x4<S>; 4]) -> Self {
        blocks[0]
    }

    #[inline(always)]
    fn zip(self, other: Self) -> (Self, Self) {
        self.interleave(other)
    }
}

// Interleaving whole registers and putting the blocks in order afterwards looks like a detour; LLVM sees through it and
// emits the two `vpunpck` of AVX2 that work within blocks, for which the portable interface has no name.
impl<S: Simd> Vector<S> for u32x8<S> {
    const SELECTS: bool = false;
    const ROTATES: bool = false;

    #[inline(always)]
    fn join(blocks: [u32x4<S>; 4]) -> Self {
        blocks[0].combine(blocks[1])
    }

    #[inline(always)]
    fn zip(self, other: Self) -> (Self, Self) {
        let (left, right) = self.interleave(other);
        let ((low0, high0), (low1, high1)) = (left.split(), right.split());
        (low0.combine(low1), high0.combine(high1))
    }
}

impl<S: Simd> Vector<S> for u32x16<S> {
    const SELECTS: bool = true;
    const ROTATES: bool = true;

    #[inline(always)]
    fn join(blocks: [u32x4<S>; 4]) -> Self {
        let left = blocks[0].combine(blocks[1]);
        left.combine(blocks[2].combine(blocks[3]))
    }

    #[inline(always)]
    fn zip(self, other: Self) -> (Self, Self) {
        let (left, right) = self.interleave(other);
        let ((a, b), (c, d)) = (left.split(), right.split());
        let (a, b, c, d) = (a.split(), b.split(), c.split(), d.split());
        (Self::join([a.0, b.0, c.0, d.0]), Self::join([a.1, b.1, c.1, d.1]))
    }
}

/// The 16-byte part `part` of the blocks of as many messages as there are lanes, as four registers of one word each.
#[inline(always)]
pub(crate) fn load_columns<S: Simd, V: Vector<S>>(simd: S, rows: &[&[u8; 64]], part: usize) -> [V; 4] {
    transpose([
        load_rows(simd, rows, 0, part),
        load_rows(simd, rows, 1, part),
        load_rows(simd, rows, 2, part),
        load_rows(simd, rows, 3, part),
    ])
}

/// That part of every fourth message, from message `first` on, one in each block.
#[inline(always)]
fn load_rows<S: Simd, V: Vector<S>>(simd: S, rows: &[&[u8; 64]], first: usize, part: usize) -> V {
    let mut blocks = [u32x4::splat(simd, 0); 4];
    for (i, block) in blocks.iter_mut().enumerate().take(V::LEN / 4) {
        let bytes = &rows[first + 4 * i][16 * part..16 * part + 16];
        *block = u32x4::from_bytes(u8x16::from_slice(simd, bytes));
    }
    V::join(blocks)
}

/// Turns rows into columns within each block.
#[inline(always)]
fn transpose<S: Simd, V: Vector<S>>([a, b, c, d]: [V; 4]) -> [V; 4] {
    let (low_ac, high_ac) = a.zip(c);
    let (low_bd, high_bd) = b.zip(d);
    let (first, second) = low_ac.zip(low_bd);
    let (third, fourth) = high_ac.zip(high_bd);
    [first, second, third, fourth]
}
