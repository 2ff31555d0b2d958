//! Which instructions hash many messages at once.
//!
//! A [`Kernel`] is a capability: holding one shows that this machine can run it. The best is found at run time and must
//! agree with the portable code before it is trusted.

use std::sync::OnceLock;

use fearless_simd::{Level, Simd};

use crate::lanes::Lanes;
use crate::many::many_with;
use crate::stream::{Digest, md5};
use crate::vector::Vector;
use crate::wide::{Blocks, MAX_CHAINS, States, run, run_by_twos};

/// A way to hash many messages at once that this machine has.
///
/// # Examples
///
/// ```
/// for kernel in md5_lanes::Kernel::available() {
///     println!("{}: {} messages at a time", kernel.name(), kernel.lanes());
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    name: &'static str,
    /// Lanes of one register.
    width: usize,
    /// Registers that run side by side.
    chains: usize,
    /// Proof that the processor has the instructions; none for the portable kernel.
    level: Option<Level>,
}

impl Kernel {
    /// The fastest kernel that this machine has and that gives right digests here.
    ///
    /// The first call in a process detects and tests, which takes some microseconds; later ones look it up.
    pub fn best() -> Self {
        static BEST: OnceLock<Kernel> = OnceLock::new();
        *BEST.get_or_init(|| Self::first(&Self::available(), Self::is_right))
    }

    fn first(kernels: &[Self], is_right: impl Fn(Self) -> bool) -> Self {
        let found = kernels.iter().find(|kernel| is_right(**kernel));
        found.copied().unwrap_or(Self::PORTABLE)
    }

    /// Every kernel that this machine has, the fastest first; the portable one is always there and last.
    pub fn available() -> Vec<Self> {
        let mut found = simd_kernels(Level::new());
        found.push(Self::PORTABLE);
        found
    }

    /// What the kernel is called: `avx512`, `avx2`, `sse4.2`, `sse2`, `neon`, `simd128` or `portable`.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// How many messages it hashes at a time. With fewer it does less work at a time, with more than one it is still
    /// faster than one after the other.
    pub fn lanes(self) -> usize {
        self.width * self.chains
    }

    /// Two messages side by side on general-purpose registers, or one; where these are eight, as on 32-bit x86, only one.
    pub(crate) const PORTABLE: Self =
        Self { name: "portable", width: 1, chains: if cfg!(target_arch = "x86") { 1 } else { 2 }, level: None };

    fn simd(name: &'static str, width: usize, level: Level) -> Self {
        Self { name, width, chains: MAX_CHAINS, level: Some(level) }
    }

    /// How many lanes a call for `busy` messages takes, idle ones included: whole registers.
    pub(crate) fn lanes_for(self, busy: usize) -> usize {
        busy.next_multiple_of(self.width)
    }

    /// Runs the first `count` blocks of every lane; there must be `lanes_for` some number of lanes. The chaining values
    /// after each block go to `trail`, as far as it has room; the portable kernel leaves it alone.
    pub(crate) fn run(self, states: &mut States, lanes: &[Blocks<'_>], count: usize, trail: &mut [States]) {
        match self.level {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Some(Level::Avx512(simd)) => run_chains(simd, states, lanes, count, trail),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Some(Level::Avx2(simd)) => run_chains(simd, states, lanes, count, trail),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Some(Level::Sse4_2(simd)) => run_chains(simd, states, lanes, count, trail),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Some(Level::Sse2(simd)) => run_chains(simd, states, lanes, count, trail),
            #[cfg(target_arch = "aarch64")]
            Some(Level::Neon(simd)) => run_chains(simd, states, lanes, count, trail),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Some(Level::WasmSimd128(simd)) => run_chains(simd, states, lanes, count, trail),
            _ => run_by_twos(states, lanes, count),
        }
    }

    /// Whether one, two and three registers give the digests which the portable code gives, for messages of one to
    /// three blocks.
    fn is_right(self) -> bool {
        let bytes: [u8; 160] = std::array::from_fn(|i| (i * i) as u8);
        let messages: Vec<&[u8]> = (0..self.lanes()).map(|i| &bytes[..(i * 37) % 160]).collect();
        let expected: Vec<Digest> = messages.iter().map(|message| md5(message)).collect();
        (1..=self.chains).all(|chains| {
            let count = self.width * chains;
            let mut digests = vec![[0; 16]; count];
            many_with(Lanes::with_kernel(self), &messages[..count], &mut digests);
            digests == expected[..count]
        })
    }
}

fn run_chains<S: Simd>(simd: S, states: &mut States, lanes: &[Blocks<'_>], count: usize, trail: &mut [States])
where
    S::u32s: Vector<S>,
{
    if trail.is_empty() {
        run_filled::<S, false>(simd, states, lanes, count, trail);
    } else {
        run_filled::<S, true>(simd, states, lanes, count, trail);
    }
}

/// As many registers as the lanes fill.
fn run_filled<S: Simd, const TRAIL: bool>(
    simd: S,
    states: &mut States,
    lanes: &[Blocks<'_>],
    count: usize,
    trail: &mut [States],
) where
    S::u32s: Vector<S>,
{
    use fearless_simd::SimdBase;

    match lanes.len() / S::u32s::LEN {
        1 => simd.vectorize(
            #[inline(always)]
            || run::<S, S::u32s, 1, TRAIL>(simd, states, lanes, count, trail),
        ),
        2 => simd.vectorize(
            #[inline(always)]
            || run::<S, S::u32s, 2, TRAIL>(simd, states, lanes, count, trail),
        ),
        _ => simd.vectorize(
            #[inline(always)]
            || run::<S, S::u32s, MAX_CHAINS, TRAIL>(simd, states, lanes, count, trail),
        ),
    }
}

/// The kernels of x86, of which each level has those below it too.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn simd_kernels(level: Level) -> Vec<Kernel> {
    let avx512 = level.as_avx512().map(Level::Avx512);
    let avx2 = level.as_avx2().map(Level::Avx2);
    let sse4_2 = level.as_sse4_2().map(Level::Sse4_2);
    let sse2 = level.as_sse2().map(Level::Sse2);
    [
        avx512.map(|level| Kernel::simd("avx512", 16, level)),
        avx2.map(|level| Kernel::simd("avx2", 8, level)),
        sse4_2.map(|level| Kernel::simd("sse4.2", 4, level)),
        sse2.map(|level| Kernel::simd("sse2", 4, level)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(target_arch = "aarch64")]
fn simd_kernels(level: Level) -> Vec<Kernel> {
    let neon = level.as_neon().map(Level::Neon);
    neon.map(|level| Kernel::simd("neon", 4, level)).into_iter().collect()
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
fn simd_kernels(level: Level) -> Vec<Kernel> {
    let simd128 = level.as_wasm_simd128().map(Level::WasmSimd128);
    simd128.map(|level| Kernel::simd("simd128", 4, level)).into_iter().collect()
}

#[cfg(not(any(
    target_arch = "x86",
    target_arch = "x86_64",
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
fn simd_kernels(_: Level) -> Vec<Kernel> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_here_passes_the_self_test() {
        for kernel in Kernel::available() {
            assert!(kernel.is_right(), "{}", kernel.name());
        }
    }

    #[test]
    fn a_kernel_that_fails_the_self_test_is_passed_over() {
        let kernels = Kernel::available();
        let second = kernels.get(1).unwrap_or(&kernels[0]).name();
        let without_first = |kernel: Kernel| kernel.name() != kernels[0].name();
        assert_eq!(Kernel::first(&kernels, without_first).name(), second);
        assert_eq!(Kernel::first(&kernels, |_| false).name(), "portable");
    }
}
