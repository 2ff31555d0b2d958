//! GNU's escapes, for names that would break their line.
//!
//! Iff a name holds a backslash, a line feed or a carriage return, its line begins with one backslash more, and the three
//! are written `\\`, `\n` and `\r`. Bytes that are not UTF-8 stay as they are.

use std::borrow::Cow;

/// A name as it stands on a line of its own: escaped, with a backslash before it, if it would break the line.
///
/// # Examples
///
/// ```
/// assert_eq!(*md5all::manifest::on_one_line(b"plain"), *b"plain");
/// assert_eq!(*md5all::manifest::on_one_line(b"two\nlines"), *b"\\two\\nlines");
/// ```
#[must_use]
pub fn on_one_line(name: &[u8]) -> Cow<'_, [u8]> {
    if !needs_escape(name) {
        return Cow::Borrowed(name);
    }
    let mut escaped = Vec::new();
    escape(&mut escaped, name);
    escaped.insert(0, b'\\');
    Cow::Owned(escaped)
}

pub(crate) fn needs_escape(name: &[u8]) -> bool {
    memchr::memchr3(b'\\', b'\n', b'\r', name).is_some()
}

pub(crate) fn escape(escaped: &mut Vec<u8>, name: &[u8]) {
    escaped.clear();
    for &byte in name {
        match byte {
            b'\\' => escaped.extend_from_slice(b"\\\\"),
            b'\n' => escaped.extend_from_slice(b"\\n"),
            b'\r' => escaped.extend_from_slice(b"\\r"),
            other => escaped.push(other),
        }
    }
}

/// Undoes the escapes; `None` if there is one that is none, or a NUL.
pub(crate) fn unescape(unescaped: &mut Vec<u8>, name: &[u8]) -> Option<()> {
    unescaped.clear();
    let mut bytes = name.iter();
    while let Some(&byte) = bytes.next() {
        unescaped.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            0 => return None,
            plain => plain,
        });
    }
    Some(())
}
