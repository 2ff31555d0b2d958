//! What has become of the files in a list: [`check_lists`].
//!
//! Lists are read while what they name is hashed, by the same workers that hash trees, and verdicts come in the order of
//! the lists' lines. What a list says of a file travels with its name, so that memory does not grow with the list. A
//! [`Verdict`] is a fact; which facts are a failure, and what is said of them, is the caller's affair.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use errgroup::{Context, Output, Pipeline};

use crate::algorithm::Algorithm;
use crate::census::Count;
use crate::directory::Said;
use crate::entry::Entry;
use crate::error::{Error, Operation, Reason};
use crate::manifest::{self, Format, LineEnd, Reader, Seal, Untagged};
use crate::names::{Batch, Names};
use crate::options::Options;
use crate::record::{Hashed, Outcome, Record};
use crate::skip::Skip;
use crate::source::Root;
use crate::trees::hash_sent;

/// Checks the files that lists name: one [`Verdict`] for every line that is neither blank nor a comment, and one for the
/// end of each list.
///
/// Without a format, each list is in the one that its first lines tell ([`Reader::detect`]).
///
/// [`Options::roots`] are the lists, which are read one after the other; [`Options::links`], [`Options::unordered`],
/// [`Options::fail_fast`] and [`Options::exclude`] mean nothing here. In a list, `-` is standard input, unless that is the list. Symbolic links are followed, and special files
/// are read.
///
/// Work begins at once, in the background, and goes on only as fast as verdicts are taken. The iterator blocks until the
/// next is there. Cancelling `ctx`, or dropping the iterator, stops the workers before their next read; one that is
/// blocked in a read is waited for.
///
/// # Errors
///
/// The last item is [`Error::Stopped`] when `ctx` is cancelled.
///
/// # Examples
///
/// ```
/// use errgroup::Context;
/// use md5all::manifest::Format;
/// use md5all::{Finding, Options, check_lists};
///
/// # let dir = tempfile::tempdir()?;
/// # let (file, list) = (dir.path().join("abc"), dir.path().join("list"));
/// # std::fs::write(&file, "abc")?;
/// std::fs::write(&list, format!("900150983cd24fb0d6963f7d28e17f72  {}\n", file.display()))?;
///
/// for verdict in check_lists(&Context::background(), Format::Gnu, Options::new([list])) {
///     let verdict = verdict?;
///     assert!(matches!(verdict.finding(), Finding::Same | Finding::End));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_lists(ctx: &Context, format: impl Into<Option<Format>>, options: Options) -> Verdicts {
    let format = format.into();
    let options = options.unordered(false).fail_fast(false).exclude([]);
    let (lists, only) = (options.roots.clone(), options.only);
    let watched = options.progress.clone().map(|progress| (progress.before(), progress, lists.clone()));
    let records = hash_sent(ctx, options, move |entries, directories| {
        let mut names = Names::new(entries, directories);
        let mut untagged = Untagged::of(only);
        lists.iter().try_for_each(|list| send_list(list, format, &mut untagged, &mut names, entries))
    });
    if let Some((before, progress, lists)) = watched {
        progress.expect(before, records.context(), move |count, ctx| {
            let mut untagged = Untagged::of(only);
            lists.iter().try_for_each(|list| count_list(list, format, &mut untagged, count, ctx))
        });
    }
    Verdicts { records, list: 0 }
}

/// What [`check_lists`] gives.
#[derive(Debug)]
#[must_use = "dropping it cancels the check"]
pub struct Verdicts {
    records: Pipeline<Record, Error>,
    /// How many lists have ended.
    list: usize,
}

/// What became of one line of a list, or of the list.
#[derive(Debug)]
pub struct Verdict {
    list: usize,
    record: Record,
}

/// What a [`Verdict`] says.
#[derive(Debug)]
#[non_exhaustive]
pub enum Finding<'a> {
    /// The file was read to its end, and has every checksum that the list says.
    Same,
    /// The file was read to its end, and has something else.
    Different(&'a Hashed),
    /// No digest: the file is not there, could not be read, or changed while it was.
    Unreadable(&'a Reason),
    /// The line is malformed.
    Malformed,
    /// The list ended.
    End,
    /// The list could not be opened, or read to its end: this is all there is of it. Or its seal is broken.
    Broken(&'a Reason),
}

impl Verdicts {
    /// Waits, for `timeout` at most, until the next verdict is there; says whether it is. For a caller that has something
    /// to do before it waits for long, such as to flush.
    pub fn ready_within(&self, timeout: Duration) -> bool {
        self.records.ready_within(timeout)
    }
}

impl Iterator for Verdicts {
    type Item = Result<Verdict, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let record = match self.records.next()? {
                Ok(record) => record,
                Err(error) => return Some(Err(error)),
            };
            if is_weight(&record) {
                continue;
            }
            let list = self.list;
            self.list += usize::from(matches!(record.said(), Some(Said::End)));
            return Some(Ok(Verdict { list, record }));
        }
    }
}

/// Whether a record is there for the length of a name only.
fn is_weight(record: &Record) -> bool {
    let is_passed = matches!(record.outcome(), Outcome::Skipped(Skip::Nameless));
    is_passed && matches!(record.said(), Some(Said::Checksums { .. }))
}

impl Verdict {
    /// Which list it is about: an index into those that were given.
    #[must_use]
    pub fn list(&self) -> usize {
        self.list
    }

    /// The number of the line, counted from 1; 0 for the end of a list.
    #[must_use]
    pub fn line(&self) -> u64 {
        match self.record.said() {
            Some(Said::Checksums { line, .. } | Said::Malformed { line }) => *line,
            _ => 0,
        }
    }

    /// The name on the line, without escapes; empty where there is none.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.record.name()
    }

    /// What was found.
    #[must_use]
    pub fn finding(&self) -> Finding<'_> {
        match (self.record.said(), self.record.outcome()) {
            (Some(Said::Checksums { checksums, .. }), Outcome::Hashed(hashed)) => {
                // All that it says, and not nothing: a checksum that was not computed is none that is right.
                let is_whole = hashed.checksums().have_all(checksums.algorithms());
                match checksums.agree(hashed.checksums()) {
                    Some(true) if is_whole => Finding::Same,
                    _ => Finding::Different(hashed),
                }
            }
            (Some(Said::Checksums { .. }), Outcome::Failed(reason)) => Finding::Unreadable(reason),
            (Some(Said::End), Outcome::Failed(reason)) => Finding::Broken(reason),
            (Some(Said::End), _) => Finding::End,
            // Nothing that a line names is passed over.
            (Some(Said::Checksums { .. } | Said::Malformed { .. }) | None, _) => Finding::Malformed,
        }
    }
}

/// Sends what a list says, line by line; what there is of it is sent before more of it is waited for.
///
/// How untagged lines look is fixed by the first of all lists, as `md5sum` has it.
fn send_list(
    list: &Root,
    format: Option<Format>,
    untagged: &mut Untagged,
    names: &mut Names<'_>,
    entries: &Output<Entry>,
) -> Result<(), Error> {
    let ctx = entries.context();
    let opened = open(list, names).and_then(|file| reader(file, format, ctx));
    let mut reader = match opened {
        Ok(reader) => reader,
        Err(reason) => return finish(names, Batch::default(), Some(reason)),
    };
    reader.untagged = *untagged;
    let mut batch = Batch::default();
    loop {
        match reader.read() {
            Ok(Some(line)) => match line.entry {
                Some(entry) if is_allowed(list, untagged.only, &entry) => {
                    batch.push(entry.name, Said::Checksums { line: line.number, checksums: entry.checksums });
                }
                _ => batch.push(b"", Said::Malformed { line: line.number }),
            },
            Ok(None) => break finish(names, batch, broken(&reader, untagged.only))?,
            Err(error) => break finish(names, batch, Some(Reason::system(Operation::Read, error)))?,
        }
        if batch.is_full() || !reader.is_at_hand() {
            names.send(std::mem::take(&mut batch))?;
        }
    }
    *untagged = reader.untagged;
    Ok(())
}

/// Counts the files that a list names; `None` if it cannot be read twice.
fn count_list(
    list: &Root,
    format: Option<Format>,
    untagged: &mut Untagged,
    count: &mut Count,
    ctx: &Context,
) -> Option<()> {
    let Root::Path(path) = list else { return None };
    if !fs::metadata(path).is_ok_and(|found| found.is_file()) {
        return None;
    }
    let mut reader = reader(Some(File::open(path).ok()?), format, ctx).ok()?;
    reader.untagged = *untagged;
    while let Some(line) = reader.read().ok()? {
        ctx.check().ok()?;
        if let Some(entry) = line.entry.filter(|entry| is_allowed(list, untagged.only, entry)) {
            count.name(entry.name);
        }
    }
    *untagged = reader.untagged;
    Some(())
}

/// Standard input cannot be checked by what it says itself; nor anything by what is of another algorithm, if only one is
/// asked for.
fn is_allowed(list: &Root, only: Option<Algorithm>, entry: &manifest::Entry<'_>) -> bool {
    let is_itself = *list == Root::StandardInput && entry.name == b"-";
    !is_itself && only.is_none_or(|only| entry.checksums.algorithms() == only.into())
}

fn reader(file: Option<File>, format: Option<Format>, ctx: &Context) -> Result<Reader<BufReader<Watched>>, Reason> {
    #[cfg(feature = "parquet")]
    let same = file.as_ref().map(File::try_clone).transpose().map_err(cannot_read)?;
    let input = BufReader::with_capacity(BUFFER, Watched { file, ctx: ctx.clone() });
    let reader = Reader::of(input, format, LineEnd::Newline);
    #[cfg(feature = "parquet")]
    if let Some(same) = same {
        return reader.or_rows_of(&same).map_err(cannot_read);
    }
    Ok(reader)
}

#[cfg(feature = "parquet")]
fn cannot_read(error: io::Error) -> Reason {
    Reason::system(Operation::Read, error)
}

/// What is wrong with the seal of a list that has been read. GNU's programs know of none, and nor do we under their names.
fn broken<R: BufRead>(reader: &Reader<R>, only: Option<Algorithm>) -> Option<Reason> {
    match reader.seal() {
        Seal::Broken(flaw) if only.is_none() => Some(Reason::Seal(flaw)),
        _ => None,
    }
}

fn finish(names: &mut Names<'_>, rest: Batch, reason: Option<Reason>) -> Result<(), Error> {
    names.send(rest)?;
    names.send_end(reason)
}

/// A thousand lines or so with each call to the system.
const BUFFER: usize = 64 * 1024;

/// A list, open; `None` is standard input that was read already, and so is at its end.
fn open(list: &Root, names: &mut Names<'_>) -> Result<Option<File>, Reason> {
    let opened = match list {
        Root::Path(path) => File::open(path),
        Root::StandardInput if std::mem::replace(&mut names.standard_input_is_spent, true) => return Ok(None),
        Root::StandardInput => rustix::stdio::stdin().try_clone_to_owned().map(File::from),
    };
    opened.map(Some).map_err(|error| Reason::system(Operation::Open, error))
}

/// A list that is not read on when nobody wants to know: one that is all comments sends nothing, and would go on for ever.
struct Watched {
    file: Option<File>,
    ctx: Context,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.ctx.check().map_err(io::Error::other)?;
        self.file.as_mut().map_or(Ok(0), |file| file.read(buffer))
    }
}
