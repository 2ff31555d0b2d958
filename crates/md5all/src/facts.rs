//! What a file system says of a file, by which a later change shows: plain data.
//!
//! A manifest may know less of a file than the system does, so each fact may be missing. What a difference means is for
//! others to say.

/// What is known of a file beside its contents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Facts {
    /// Bytes.
    pub size: Option<u64>,
    /// When the contents were modified: nanoseconds since 1970. `None` as well if that is no number of 64 bits, before
    /// 1678 or after 2261.
    pub mtime_ns: Option<i64>,
    /// When the inode was changed, likewise. `None` as well if that was so shortly before the file was read that another
    /// change might not show.
    pub ctime_ns: Option<i64>,
    /// The number of the inode.
    pub inode: Option<u64>,
}

impl Facts {
    /// Nothing.
    pub const NONE: Facts = Facts { size: None, mtime_ns: None, ctime_ns: None, inode: None };

    /// Whether all of them are there.
    #[must_use]
    pub fn are_whole(&self) -> bool {
        self.size.is_some() && self.mtime_ns.is_some() && self.ctime_ns.is_some() && self.inode.is_some()
    }

    /// These facts without the change time, so that nothing is taken over by them: what a file had that was found corrupt.
    #[must_use]
    pub fn in_doubt(self) -> Facts {
        Facts { ctime_ns: None, ..self }
    }

    /// Whether they are those of a file in doubt: all but the change time.
    #[must_use]
    pub fn are_in_doubt(&self) -> bool {
        self.ctime_ns.is_none() && self.size.is_some() && self.mtime_ns.is_some() && self.inode.is_some()
    }

    /// Whether both know a size, and not the same.
    #[must_use]
    pub fn differ_in_size(&self, other: &Facts) -> bool {
        self.size.zip(other.size).is_some_and(|(one, another)| one != another)
    }

    /// These facts, and of those that are missing what `other` has.
    #[must_use]
    pub fn or(&self, other: &Facts) -> Facts {
        Facts {
            size: self.size.or(other.size),
            mtime_ns: self.mtime_ns.or(other.mtime_ns),
            ctime_ns: self.ctime_ns.or(other.ctime_ns),
            inode: self.inode.or(other.inode),
        }
    }
}

/// A time as seconds and nanoseconds, in nanoseconds.
pub(crate) fn nanoseconds((seconds, nanoseconds): (i64, i64)) -> Option<i64> {
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_do_not_fit_are_not_told() {
        assert_eq!(nanoseconds((0, 1)), Some(1));
        assert_eq!(nanoseconds((-1, 999_999_999)), Some(-1));
        assert_eq!(nanoseconds((9_223_372_036, 854_775_807)), Some(i64::MAX));
        assert_eq!(nanoseconds((9_223_372_036, 854_775_808)), None);
        assert_eq!(nanoseconds((i64::MAX, 0)), None);
    }
}
