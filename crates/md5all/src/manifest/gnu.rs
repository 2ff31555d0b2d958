//! GNU's lines: digest, two blanks, name.
//!
//! The second blank is `md5sum`'s flag for a text file; on Unix it means the
//! same as the `*` of a binary one.

use crate::digest::Digest;

pub(super) fn write(line: &mut Vec<u8>, name: &[u8], digest: &Digest) {
    line.extend_from_slice(&digest.hex());
    line.extend_from_slice(b"  ");
    line.extend_from_slice(name);
}
