//! How a message ends (RFC 1321 §3.1 and §3.2): a one bit, zeros, and its length in bits.

/// Lays the last bytes of a message of `length` bytes, fewer than 64, and their padding into `edge`, which has two blocks
/// or more; gives how many this took: one, or two where the length no longer fits behind the bytes.
pub(crate) fn pad(edge: &mut [[u8; 64]], tail: &[u8], length: u64) -> usize {
    let count = if tail.len() < 56 { 1 } else { 2 };
    let bytes = &mut edge.as_flattened_mut()[..64 * count];
    let (head, rest) = bytes.split_at_mut(tail.len());
    head.copy_from_slice(tail);
    rest.fill(0);
    rest[0] = 0x80;
    bytes[64 * count - 8..].copy_from_slice(&length.wrapping_mul(8).to_le_bytes());
    count
}
