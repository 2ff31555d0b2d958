//! One message that arrives in pieces.
//!
//! [`Md5`] is plain data: a chaining value, a length and the bytes of an unfinished block. It can be cloned, sent to
//! another thread, or moved to whoever goes on with it.

use std::fmt;

use crate::compress::INITIAL;
use crate::one::compress_blocks;
use crate::padding::pad;

/// The digest of one message: sixteen bytes, in the order in which they are printed.
pub type Digest = [u8; 16];

/// The MD5 of a message of which a part has been seen.
///
/// # Examples
///
/// ```
/// let mut md5 = md5_lanes::Md5::new();
/// md5.update(b"message ");
/// md5.update(b"digest");
/// assert_eq!(md5.finalize(), md5_lanes::md5(b"message digest"));
/// ```
#[derive(Clone)]
pub struct Md5 {
    /// Chaining value after all whole blocks seen.
    pub(crate) state: [u32; 4],
    /// Bytes seen, modulo 2^64 as RFC 1321 §3.2 has it; the lowest six bits say how full `partial` is.
    pub(crate) length: u64,
    /// The bytes after the last whole block; what lies behind them is left over and means nothing.
    pub(crate) partial: [u8; 64],
}

impl Md5 {
    /// A message of which nothing has been seen.
    pub const fn new() -> Self {
        Self { state: INITIAL, length: 0, partial: [0; 64] }
    }

    /// Appends `data` to the message.
    pub fn update(&mut self, data: &[u8]) {
        let taken = self.top_up(data);
        if taken > 0 && self.partial_len() == 0 {
            compress_blocks(&mut self.state, &[self.partial]);
        }
        let (blocks, tail) = data[taken..].as_chunks();
        compress_blocks(&mut self.state, blocks);
        self.skip(64 * blocks.len());
        self.keep(tail);
    }

    /// The digest of everything appended.
    pub fn finalize(mut self) -> Digest {
        let mut edge = [[0; 64]; 2];
        let used = self.partial_len();
        let count = pad(&mut edge, &self.partial[..used], self.length);
        compress_blocks(&mut self.state, &edge[..count]);
        digest_of(self.state)
    }

    /// How many bytes wait for their block to fill up.
    pub(crate) fn partial_len(&self) -> usize {
        (self.length % 64) as usize
    }

    /// Adds to a block begun earlier what of `data` fits into it; gives how many bytes that were. The block is full, and
    /// must be run, where they were some and `partial_len` is 0 then.
    pub(crate) fn top_up(&mut self, data: &[u8]) -> usize {
        let used = self.partial_len();
        if used == 0 {
            return 0;
        }
        let taken = data.len().min(64 - used);
        self.keep(&data[..taken]);
        taken
    }

    /// Appends bytes that fit into the unfinished block.
    pub(crate) fn keep(&mut self, bytes: &[u8]) {
        let used = self.partial_len();
        self.partial[used..used + bytes.len()].copy_from_slice(bytes);
        self.skip(bytes.len());
    }

    /// Counts bytes which were hashed elsewhere.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.length = self.length.wrapping_add(bytes as u64);
    }
}

impl Default for Md5 {
    fn default() -> Self {
        Self::new()
    }
}

// The bytes of a message have no business in a log.
impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Md5").field("length", &self.length).finish_non_exhaustive()
    }
}

/// A final chaining value as bytes (RFC 1321 §3.5).
pub(crate) fn digest_of(state: [u32; 4]) -> Digest {
    let mut digest = [0; 16];
    let (words, _) = digest.as_chunks_mut::<4>();
    for (bytes, word) in words.iter_mut().zip(state) {
        *bytes = word.to_le_bytes();
    }
    digest
}

/// The MD5 of one message that is all there.
///
/// # Examples
///
/// ```
/// assert_eq!(md5_lanes::md5(b"")[..4], [0xd4, 0x1d, 0x8c, 0xd9]);
/// ```
pub fn md5(data: &[u8]) -> Digest {
    let mut md5 = Md5::new();
    md5.update(data);
    md5.finalize()
}
