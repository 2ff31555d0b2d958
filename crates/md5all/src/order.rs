//! The order of names within one directory that puts whole paths in order.
//!
//! Sorting by plain names is not enough: `a.b` sorts after `a`, but the path
//! `a/x` sorts after `a.b`. A directory therefore counts as its name with a
//! `/` behind it, and a depth-first walk over listings in this order yields
//! paths sorted by all of their bytes. Nothing here looks at a file system.

use std::cmp::Ordering;

/// What a name is sorted by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    /// The name, without a `/` added.
    pub(crate) name: &'a [u8],
    /// Whether paths go on behind it.
    pub(crate) directory: bool,
}

/// Compares two names as the paths that begin with them compare.
///
/// Two keys that stand for the same bytes (`a`, a directory, and `a/`, which
/// only a command line can hold) differ by length, so that the order is total.
pub(crate) fn compare(a: Key<'_>, b: Key<'_>) -> Ordering {
    // Mostly the first eight bytes decide, in one comparison of numbers.
    if let (Some(a), Some(b)) = (a.name.first_chunk(), b.name.first_chunk())
        && a != b
    {
        return u64::from_be_bytes(*a).cmp(&u64::from_be_bytes(*b));
    }
    let common = a.name.len().min(b.name.len());
    a.name[..common]
        .cmp(&b.name[..common])
        .then_with(|| a.byte(common).cmp(&b.byte(common)))
        .then_with(|| a.name.cmp(b.name))
}

impl Key<'_> {
    /// The byte at `at` of the path that begins with this name, for `at` up to
    /// the length of the name; `None` past its end.
    fn byte(&self, at: usize) -> Option<u8> {
        let behind = (self.directory && !self.name.ends_with(b"/")).then_some(b'/');
        self.name.get(at).copied().or(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(key: Key<'_>) -> Vec<u8> {
        let mut bytes = key.name.to_vec();
        if key.directory && !bytes.ends_with(b"/") {
            bytes.push(b'/');
        }
        bytes
    }

    /// A name, and whether it is a directory's.
    type Row<'a> = (&'a [u8], bool);

    fn check(a: Row<'_>, b: Row<'_>) {
        let key = |(name, directory)| Key { name, directory };
        let (a, b) = (key(a), key(b));
        let naive = whole(a).cmp(&whole(b)).then_with(|| a.name.cmp(b.name));
        assert_eq!(compare(a, b), naive, "{a:?} {b:?}");
        assert_eq!(compare(b, a), naive.reverse(), "{b:?} {a:?}");
    }

    #[test]
    fn is_the_order_of_names_with_a_slash_behind_directories() {
        let rows: [(Row<'_>, Row<'_>); 8] = [
            ((b"a", true), (b"a.b", false)),
            ((b"a", true), (b"a0", false)),
            ((b"a", false), (b"a.b", false)),
            ((b"a", true), (b"a.b", true)),
            ((b"a", true), (b"a/b", false)),
            ((b"a", true), (b"a/", true)),
            ((b"", false), (b"", true)),
            ((b"a", true), (b"a\x01", true)),
        ];
        for (a, b) in rows {
            check(a, b);
        }
    }

    proptest! {
        #[test]
        fn agrees_with_sorting_whole_keys(
            common in "\\PC{0,9}", a in "[./0a]{0,4}", b in "[./0a]{0,4}", a_dir: bool, b_dir: bool,
        ) {
            let (a, b) = ([&common[..], &a].concat(), [&common[..], &b].concat());
            check((a.as_bytes(), a_dir), (b.as_bytes(), b_dir));
        }
    }
}
