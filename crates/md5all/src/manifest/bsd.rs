//! BSD's lines, which name the algorithm: `MD5 (name) = digest`.

use crate::digest::Digest;

pub(super) fn write(line: &mut Vec<u8>, name: &[u8], digest: &Digest) {
    line.extend_from_slice(b"MD5 (");
    line.extend_from_slice(name);
    line.extend_from_slice(b") = ");
    line.extend_from_slice(&digest.hex());
}
