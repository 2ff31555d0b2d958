//! Which format a line is of, by its looks.
//!
//! What `md5sum -c` would take is taken for what `md5sum` writes, whatever else it may be. The lines of bags look like
//! GNU's and are taken for them: that they are of a bag only the name of their file tells.

use super::gnu::Untagged;
use super::{Format, bsd, csv, go, hashdeep, ndjson, skip_blanks};

/// The format of a list that begins with such a line; `None` if it says nothing of that: it is blank, a comment, or
/// nothing that is known.
pub(super) fn format(line: &[u8]) -> Option<Format> {
    if line.first() != Some(&b'#')
        && let Some(format) = plain(line)
    {
        return Some(format);
    }
    match line {
        // A name may begin with `#`: passed over as a comment, its file would never be looked at.
        _ if is_go(line) => Some(Format::Go),
        [b'%', ..] if hashdeep::is_first(line) || hashdeep::parse_head(line).is_some() => Some(Format::Hashdeep),
        [b'{', ..] if ndjson::parse(line, &mut Vec::new()).is_some() => Some(Format::Ndjson),
        _ if csv::parse_head(line).is_some() => Some(Format::Csv),
        _ => None,
    }
}

/// Whether it is a line of Go's.
pub(super) fn is_go(line: &[u8]) -> bool {
    go::parse(line.strip_prefix(b"\\").unwrap_or(line)).is_some()
}

/// Whether it is a line of Go's, and to all that have comments a comment: by itself it tells nothing for certain.
pub(super) fn is_go_or_comment(line: &[u8]) -> bool {
    line.first() == Some(&b'#') && is_go(line)
}

/// Whether `md5sum -c` takes what is of this format.
pub(super) fn is_plain(format: Format) -> bool {
    matches!(format, Format::Gnu | Format::GnuBinary | Format::Bsd)
}

/// Whether a line that is malformed in this format is well formed in another, of those that have no head.
pub(super) fn is_of_another(line: &[u8], format: Format) -> bool {
    !is_plain(format) && plain(line).is_some()
        || format != Format::Go && is_go(line)
        || format != Format::Ndjson && ndjson::parse(line, &mut Vec::new()).is_some()
}

/// What `md5sum -c` takes.
fn plain(line: &[u8]) -> Option<Format> {
    let line = skip_blanks(line);
    let line = line.strip_prefix(b"\\").unwrap_or(line);
    if bsd::is_tagged(line) {
        return bsd::parse(line).map(|_| Format::Bsd);
    }
    super::gnu::parse(line, &mut Untagged::default())?;
    let is_binary = line.split(super::is_blank).nth(1).is_some_and(|rest| rest.first() == Some(&b'*'));
    Some(if is_binary { Format::GnuBinary } else { Format::Gnu })
}
