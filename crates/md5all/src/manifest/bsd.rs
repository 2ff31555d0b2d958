//! BSD's lines, which name the algorithm: `MD5 (name) = digest`.
//!
//! The last `)` of a line ends the name, so that a name may hold some. `rhash` puts more than one blank before the `(`.

use super::{Nature, gnu, skip_blanks, until_nul};
use crate::algorithm::{Algorithm, Checksum};

pub(super) const NATURE: Nature = Nature { name: "bsd", tells: |_| true, ..gnu::NATURE };

pub(super) fn write(line: &mut Vec<u8>, name: &[u8], checksum: &Checksum) {
    line.extend_from_slice(checksum.algorithm().tag().as_bytes());
    line.extend_from_slice(b" (");
    line.extend_from_slice(name);
    line.extend_from_slice(b") = ");
    checksum.write_hex(line);
}

/// Whether a line can be of no other format.
pub(super) fn is_tagged(line: &[u8]) -> bool {
    Algorithm::by_tag(line).is_some()
}

pub(super) fn parse(line: &[u8]) -> Option<(&[u8], Checksum)> {
    let (algorithm, rest) = Algorithm::by_tag(line)?;
    let padding = rest.iter().take_while(|&&byte| byte == b' ').count();
    let rest = rest[padding..].strip_prefix(b"(")?;
    let end = rest.iter().rposition(|&byte| byte == b')')?;
    let (name, rest) = (&rest[..end], &rest[end + 1..]);
    let digest = skip_blanks(skip_blanks(rest).strip_prefix(b"=")?);
    Some((name, Checksum::parse(algorithm, until_nul(digest))?))
}
