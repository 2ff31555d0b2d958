//! MD5 of many messages at once, one SIMD lane per message; also of one message, fast.
//!
//! One MD5 is one long chain of operations that wait for each other, and takes an eighth of what a core can do. This
//! crate puts up to 24 messages (AVX2; 48 with AVX-512, 12 with SSE or NEON) side by side. It hashes bytes: it does no
//! I/O, starts no thread, and has no `unsafe`.
//!
//! MD5 is broken where an attacker may choose the messages. This is for those who must check one because an archive, a
//! repository or a bucket says so.
//!
//! | to hash | use |
//! |---|---|
//! | one message that is all there | [`md5`] |
//! | one message in pieces | [`Md5`] |
//! | many messages that are all there | [`md5_many`] |
//! | many that come and go, of any lengths, in pieces or whole | [`Lanes`] |
//!
//! # Examples
//!
//! ```
//! let messages: Vec<Vec<u8>> = (0..100).map(|i| vec![i; 1000 * usize::from(i)]).collect();
//! let mut digests = vec![[0; 16]; messages.len()];
//! md5_lanes::md5_many(&messages, &mut digests);
//! assert_eq!(digests[7], md5_lanes::md5(&messages[7]));
//! ```
//!
//! # Kernels
//!
//! [`Kernel::best`] picks the widest that the processor has, and tests it against the portable code before its first
//! use. `portable`, `sse2`, `sse4.2`, `avx2` and `avx512` are run by the tests wherever the processor has them. `neon` and
//! `simd128` come from the same source; the authors ran `neon` under emulation, and `simd128` never.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Where there is no SIMD at all, nothing calls what is written for it.
#![cfg_attr(
    not(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "aarch64",
        all(target_arch = "wasm32", target_feature = "simd128")
    )),
    allow(dead_code)
)]

mod compress;
mod kernel;
mod lanes;
mod many;
mod one;
mod padding;
#[cfg(feature = "digest")]
mod rustcrypto;
mod stream;
mod two;
mod vector;
mod wide;

pub use kernel::Kernel;
pub use lanes::{Job, Lanes, Turn};
pub use many::md5_many;
pub use stream::{Digest, Md5, md5};

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
