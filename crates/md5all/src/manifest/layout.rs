//! What a manifest looks like, and what manifests of that look cannot say.

use std::fmt;

use super::Format;
use crate::algorithm::{Algorithm, Algorithms};

/// What ends a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnd {
    /// A line feed; names that would break the line are escaped.
    #[default]
    Newline,
    /// A NUL, which no name can hold; so nothing is escaped.
    Nul,
}

/// What a manifest looks like.
///
/// # Examples
///
/// ```
/// use md5all::manifest::{Format, Layout, LineEnd};
///
/// assert!(Layout::from(Format::Gnu).end(LineEnd::Nul).check().is_ok());
/// let refused = Layout::from(Format::Csv).end(LineEnd::Nul).check().unwrap_err();
/// assert_eq!(refused.to_string(), "csv manifests cannot end their lines with NUL");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// How a file makes a line, or several.
    pub format: Format,
    /// What ends them.
    pub end: LineEnd,
    /// What each file has a checksum of.
    pub algorithms: Algorithms,
    /// Whether it is to show that it is whole: see [`Seal`](super::Seal).
    pub seal: bool,
}

/// Why there can be no such manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// Lines of this format do not end with NUL.
    Nul(Format),
    /// The format cannot say that a checksum is of these algorithms.
    Algorithms(Format, Algorithms),
    /// A manifest of this format is of one algorithm.
    Several(Format),
    /// A manifest of this format cannot be sealed.
    Seal(Format),
    /// A manifest whose lines end with NUL cannot be sealed.
    SealedNul,
}

/// Why a file has no place in a manifest of this format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsayable {
    /// Its name has a line feed, or ends with a carriage return, and the format has no escapes.
    LineBreak,
    /// Its name begins with a blank or a `*`, which belong to what is before names.
    Margin,
    /// Its size is not known, and the format has to say it.
    NoSize,
    /// It has no checksum of an algorithm of which each file has to have one.
    NoDigest(Algorithm),
}

impl Layout {
    /// Whether there can be such a manifest.
    ///
    /// # Errors
    ///
    /// What it is that the format cannot say.
    pub fn check(&self) -> Result<(), Refused> {
        let Layout { format, end, algorithms, seal } = *self;
        let nature = format.nature();
        let unsaid: Algorithms = algorithms.iter().filter(|&one| !format.tells(one)).collect();
        if end == LineEnd::Nul && !nature.ends_in_nul {
            Err(Refused::Nul(format))
        } else if !unsaid.is_empty() {
            Err(Refused::Algorithms(format, unsaid))
        } else if algorithms.len() > 1 && !nature.several {
            Err(Refused::Several(format))
        } else if seal && !nature.can_be_sealed {
            Err(Refused::Seal(format))
        } else if seal && end == LineEnd::Nul {
            Err(Refused::SealedNul)
        } else {
            Ok(())
        }
    }

    /// Sets [`Layout::end`].
    #[must_use]
    pub fn end(mut self, end: LineEnd) -> Layout {
        self.end = end;
        self
    }

    /// Sets [`Layout::algorithms`].
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl Into<Algorithms>) -> Layout {
        self.algorithms = algorithms.into();
        self
    }

    /// Sets [`Layout::seal`].
    #[must_use]
    pub fn seal(mut self, seal: bool) -> Layout {
        self.seal = seal;
        self
    }

    /// Whether it says of a file what its file system says of it, were it only in its seal.
    #[must_use]
    pub fn has_facts(&self) -> bool {
        self.seal || self.format.nature().has_facts
    }

    /// Whether its lines have all [`Facts`](crate::Facts), so that nobody need keep them beside it.
    #[must_use]
    pub fn keeps_facts(&self) -> bool {
        self.format.nature().keeps_facts
    }
}

impl From<Format> for Layout {
    fn from(format: Format) -> Layout {
        Layout { format, ..Layout::default() }
    }
}

impl LineEnd {
    pub(super) fn byte(self) -> u8 {
        match self {
            LineEnd::Newline => b'\n',
            LineEnd::Nul => 0,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Nul(format) => write!(f, "{} manifests cannot end their lines with NUL", format.name()),
            Refused::Algorithms(format, algorithms) => {
                let names: Vec<_> = algorithms.iter().map(Algorithm::name).collect();
                write!(f, "lines in the format {} do not tell that a digest is of {}", format.name(), names.join(", "))
            }
            Refused::Several(format) => write!(f, "{} manifests are of one algorithm each", format.name()),
            Refused::Seal(format) => write!(f, "{} manifests cannot be sealed", format.name()),
            Refused::SealedNul => f.write_str("a manifest whose lines end with NUL cannot be sealed"),
        }
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for Unsayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsayable::LineBreak => f.write_str("the format has no escape for the line break in this name"),
            Unsayable::Margin => f.write_str("the format has no escape for what this name begins with"),
            Unsayable::NoSize => f.write_str("the format wants a size, and this has none"),
            Unsayable::NoDigest(algorithm) => write!(f, "the format wants a checksum of {}", algorithm.name()),
        }
    }
}

impl std::error::Error for Unsayable {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: Format, algorithms: &[Algorithm], refused: Option<Refused>) {
        let layout = Layout::from(format).algorithms(Algorithms::from_iter(algorithms.iter().copied()));
        assert_eq!(layout.check().err(), refused, "{format:?} {algorithms:?}");
    }

    #[test]
    fn what_a_format_cannot_say_is_refused() {
        use Algorithm::{Blake3, Crc32c, Md5, Sha1, Sha256, Sha512};
        let unsaid = |format, algorithm| Some(Refused::Algorithms(format, Algorithms::from(algorithm)));
        for format in [Format::Gnu, Format::GnuBinary] {
            check(format, &[Md5, Sha1, Sha256, Sha512], None);
            check(format, &[Md5, Blake3], unsaid(format, Blake3));
            check(format, &[Crc32c], unsaid(format, Crc32c));
        }
        for format in [Format::Bsd, Format::Csv, Format::Ndjson] {
            check(format, &Algorithm::ALL, None);
        }
        check(Format::Go, &[Md5], None);
        check(Format::Go, &[Sha1], unsaid(Format::Go, Sha1));
        check(Format::Hashdeep, &[Md5, Sha1, Sha256], None);
        check(Format::Hashdeep, &[Sha512], unsaid(Format::Hashdeep, Sha512));
        check(Format::Bagit, &[Sha512], None);
        check(Format::Bagit, &[Md5, Sha512], Some(Refused::Several(Format::Bagit)));
        check(Format::Bagit, &[Blake3], unsaid(Format::Bagit, Blake3));
    }

    #[test]
    fn only_formats_with_comments_that_others_know_can_be_sealed() {
        for format in Format::ALL {
            let refused = Layout::from(format).seal(true).check().err();
            let has_them = matches!(format, Format::Gnu | Format::GnuBinary | Format::Bsd | Format::Hashdeep);
            assert_eq!(refused, (!has_them).then_some(Refused::Seal(format)));
        }
        let nul = Layout::default().seal(true).end(LineEnd::Nul);
        assert_eq!(nul.check(), Err(Refused::SealedNul));
    }

    #[test]
    fn only_formats_of_lines_alone_end_them_with_nul() {
        for format in Format::ALL {
            let refused = Layout::from(format).end(LineEnd::Nul).check().err();
            let is_plain = matches!(format, Format::Gnu | Format::GnuBinary | Format::Bsd | Format::Go);
            assert_eq!(refused, (!is_plain).then_some(Refused::Nul(format)));
        }
    }
}
