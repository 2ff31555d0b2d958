//! Names that come one after the other, of files and directories, in their own order: see [`hash_named`](crate::hash_named).
//!
//! What each is, is asked by several tasks at once, some names at a time, since a disk or a network may take long to answer.
//! Files go the way of all names (`names`), and a directory is walked where it stands, so that records come in the order of
//! the list, and in a directory in that of paths. What is in memory is a few names, however many there are. What is special
//! is passed over, as in a directory: a list is mostly made by looking for files, and is not to hang where a walk does not.

use std::ffi::OsString;
use std::io::{self, BufRead, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use errgroup::{Order, Output, Pipeline, Tickets};

use crate::directory::Directory;
use crate::entry::Entry;
use crate::error::{Error, Operation, Reason};
use crate::listing::{Kind, Listing};
use crate::manifest::LineEnd;
use crate::names::Names;
use crate::skip::Skip;
use crate::source::Links;
use crate::source::local::{self, Base};
use crate::walk::{Terms, Walk};

/// A list of names, as lines: an iterator for [`hash_named`](crate::hash_named).
///
/// Nothing is escaped, and lines without a name are passed over. It blocks as its input does.
///
/// # Errors
///
/// The input could not be read, or has a line that is longer than 1 MiB; or, if lines end with newlines, one with a NUL
/// in it: such a list was made to be read otherwise, and no name of it can be believed.
#[derive(Debug)]
pub struct NameList<R> {
    input: R,
    /// What the input is called in errors.
    path: PathBuf,
    end: LineEnd,
    line: u64,
}

/// So many names, and bytes of them, are looked at by one task at most.
const NAMES: usize = 256;
const BYTES: usize = 64 * 1024;

/// So many tasks look.
const TASKS: usize = 16;

impl<R: BufRead> NameList<R> {
    /// No name is longer, in bytes.
    const MOST: usize = 1 << 20;

    /// The names in `input`, which is called `path` in errors.
    pub fn new(input: R, path: impl Into<PathBuf>, end: LineEnd) -> NameList<R> {
        NameList { input, path: path.into(), end, line: 0 }
    }

    /// The next line, without its end; `None` if there is no more.
    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let end = match self.end {
            LineEnd::Newline => b'\n',
            LineEnd::Nul => 0,
        };
        let mut line = Vec::new();
        (&mut self.input).take(Self::MOST as u64 + 1).read_until(end, &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        if line.last() == Some(&end) {
            line.pop();
        }
        let odd = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {what}", self.line));
        match line {
            line if line.len() > Self::MOST => Err(odd("it is too long for a name")),
            line if line.contains(&0) => {
                Err(odd("there is a NUL in it: a list whose names end with NUL is read with -0 (--null)"))
            }
            line => Ok(Some(line)),
        }
    }
}

impl<R: BufRead> Iterator for NameList<R> {
    type Item = Result<PathBuf, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read() {
                Ok(None) => return None,
                Ok(Some(name)) if name.is_empty() => {}
                Ok(Some(name)) => return Some(Ok(OsString::from_vec(name).into())),
                Err(error) => {
                    let reason = Reason::system(Operation::Read, error);
                    return Some(Err(Error::Entry { path: self.path.clone(), reason }));
                }
            }
        }
    }
}

/// Sends what lies at all of the names.
pub(crate) fn send_all<I>(names: I, terms: Terms, entries: &Output<Entry>) -> Result<(), Error>
where
    I: Iterator<Item = Result<PathBuf, Error>> + Send + 'static,
{
    let looked_at = Pipeline::source(entries.context(), TASKS, |batches| send_batches(names, batches));
    let looked_at = looked_at.ticketed(TASKS, Order::Source { window: TASKS }, look);
    let mut files = Names::new(entries, terms.directories.clone());
    let mut walk = Walk::new(&[], terms);
    for listing in looked_at {
        let names = Directory::roots(listing?);
        for place in (0..).map_while(|index| names.place(index)) {
            match place.kind() {
                Kind::Directory => {
                    walk.turn_to(place.name());
                    walk.send_all(entries)?;
                }
                Kind::Special => entries.send(Entry::passed(place, Skip::Special))?,
                _ => files.send_one(place)?,
            }
        }
    }
    Ok(())
}

fn send_batches(
    mut names: impl Iterator<Item = Result<PathBuf, Error>>,
    batches: &Output<Listing>,
) -> Result<(), Error> {
    loop {
        let mut batch = Listing::default();
        while batch.len() < NAMES && batch.bytes() < BYTES {
            match names.next().transpose()? {
                Some(name) => batch.push(name.as_os_str().as_bytes(), Kind::Unknown, 0),
                None if batch.len() == 0 => return Ok(()),
                None => break,
            }
        }
        batches.send(batch)?;
    }
}

/// A task: asks what lies at names. What cannot be told is told by whoever opens it.
fn look(batches: &mut Tickets<Listing, Listing>) -> Result<(), Error> {
    for (ticket, batch) in batches {
        let mut kinds = Listing::default();
        for index in 0..batch.len() {
            let name = batch.name(index);
            let kind = local::kind_of(&Base::WorkingDirectory, name, Links::Follow);
            kinds.push(name, kind.unwrap_or(Kind::File), 0);
        }
        ticket.send(kinds)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &[u8], end: LineEnd) -> Vec<Result<Vec<u8>, String>> {
        let list = NameList::new(text, "list", end);
        list.map(|name| name.map(|name| name.into_os_string().into_vec()).map_err(|error| error.to_string())).collect()
    }

    #[test]
    fn names_end_with_newlines_or_nul_and_empty_ones_are_passed_over() {
        type Row<'a> = (&'a [u8], LineEnd, &'a [&'a [u8]]);
        let rows: [Row<'_>; 6] = [
            (b"a\nb\n", LineEnd::Newline, &[b"a", b"b"]),
            (b"a\n\n\nb", LineEnd::Newline, &[b"a", b"b"]),
            (b" a \r\n\\n\n\xff\n", LineEnd::Newline, &[b" a \r", b"\\n", b"\xff"]),
            (b"a\nb\0\0c", LineEnd::Nul, &[b"a\nb", b"c"]),
            (b"", LineEnd::Newline, &[]),
            (b"\n", LineEnd::Newline, &[]),
        ];
        for (text, end, expected) in rows {
            let expected: Vec<_> = expected.iter().map(|name| Ok(name.to_vec())).collect();
            assert_eq!(names(text, end), expected, "{text:?}");
        }
    }

    #[test]
    fn a_nul_among_lines_and_a_line_without_end_are_errors_that_name_the_line() {
        let found = names(b"a\nb\0c\0\nd\n", LineEnd::Newline);
        let error = found[1].as_ref().unwrap_err();
        assert!(error.contains("list: cannot read: line 2: there is a NUL in it"), "{error}");

        let endless = io::repeat(b'x');
        let mut list = NameList::new(io::BufReader::new(endless), "list", LineEnd::Nul);
        let error = list.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("line 1: it is too long"), "{error}");
    }
}
