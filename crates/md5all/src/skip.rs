//! Why what is there is not read: plain data.

/// Why a file was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skip {
    /// It is a FIFO, a socket or a device.
    Special,
    /// It has become a symbolic link since it was listed.
    Symlink,
    /// It is one of the files the caller excluded.
    Excluded,
    /// It is a directory on another file system than the one above it.
    OtherFileSystem,
    /// It is a directory that would be mounted if it were opened.
    Automount,
    /// Its name begins with a dot ([`Selection::no_hidden`](crate::Selection::no_hidden)).
    Hidden,
    /// It matches a glob ([`Selection::exclude`](crate::Selection::exclude)).
    Glob,
    /// A `.gitignore` says so ([`Selection::gitignore`](crate::Selection::gitignore)).
    Ignored,
    /// It is a directory too far below its root ([`Selection::max_depth`](crate::Selection::max_depth)).
    Depth,
    /// It matches none of the globs that a file has to match ([`Selection::include`](crate::Selection::include)).
    NotIncluded,
    /// It is too small or too large ([`Selection::min_size`](crate::Selection::min_size)).
    Size,
    /// There is none: a line of a list that names no file to be read, one that is malformed, or the end of the list.
    ///
    /// Nobody outside sees what else it stands for: the end of a root of a walk, and what makes a long name count as
    /// several.
    Nameless,
}

impl Skip {
    /// Whether it is the caller's [`Selection`](crate::Selection) that leaves it out.
    #[must_use]
    pub fn is_by_selection(self) -> bool {
        matches!(self, Skip::Hidden | Skip::Glob | Skip::Ignored | Skip::Depth | Skip::NotIncluded | Skip::Size)
    }
}
