//! What `md5all etag` prints: a line for each file, with its ETag or with the size of parts that gives one.

use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;

use errgroup::Context;
use md5all::manifest::on_one_line;
use md5all::{ETag, Operation, Root, Tagged, Upload, Uploads, etags};

use crate::cli::Tags;
use crate::exit::Exit;
use crate::failure::{Failure, complain};
use crate::interrupt;
use crate::output::Output;
use crate::run::{PAUSE, raise_descriptor_limit};

/// Does what the command line asks for, and says what to exit with.
pub(crate) fn run(tags: Tags) -> Exit {
    tag(tags).unwrap_or_else(Failure::report)
}

fn tag(tags: Tags) -> Result<Exit, Failure> {
    raise_descriptor_limit();
    let (ctx, cancel) = Context::background().with_cancel();
    let leftover = interrupt::listen(cancel).map_err(Failure::Signals)?;
    let output = Output::open(None, leftover)?;
    let capacity = if output.is_watched() { 0 } else { 64 * 1024 };
    let wanted = match &tags.uploads {
        Uploads::Like { etag, .. } => Some(*etag),
        Uploads::Planned { .. } => None,
    };
    let mut report = Report { out: BufWriter::with_capacity(capacity, output), wanted, found: false, failed: false };
    let names = tags.files.clone();
    let mut etags = etags(&ctx, tags.files, tags.uploads, tags.jobs);
    loop {
        if !etags.ready_within(PAUSE) {
            report.flush()?;
        }
        let Some(tagged) = etags.next() else { break };
        let tagged = tagged?;
        report.take(name_of(&names[tagged.root()]), &tagged)?;
    }
    report.finish()
}

fn name_of(file: &Root) -> &[u8] {
    match file {
        Root::Path(path) => path.as_os_str().as_bytes(),
        Root::StandardInput => b"-",
    }
}

struct Report {
    out: BufWriter<Output>,
    /// The ETag that is looked for, if one is.
    wanted: Option<ETag>,
    found: bool,
    /// Whether something was not read.
    failed: bool,
}

impl Report {
    fn take(&mut self, name: &[u8], tagged: &Tagged) -> Result<(), Failure> {
        match (tagged.outcome(), self.wanted) {
            (Ok(tags), None) => tags.iter().try_for_each(|(_, etag)| self.print(&etag.to_string(), name)),
            (Ok(tags), Some(wanted)) => self.look(name, tags, wanted),
            (Err(reason), _) => {
                self.failed = true;
                self.flush()?;
                complain(name, reason);
                Ok(())
            }
        }
    }

    fn look(&mut self, name: &[u8], tags: &[(Upload, ETag)], wanted: ETag) -> Result<(), Failure> {
        if let Some((upload, _)) = tags.iter().find(|(_, etag)| *etag == wanted) {
            self.found = true;
            return match upload {
                Upload::Whole => self.print("single", name),
                Upload::Parts(size) => self.print(&size.to_string(), name),
            };
        }
        self.flush()?;
        match (tags.len(), wanted.parts()) {
            (0, Some(parts)) => complain(name, &format!("no usual part size gives {parts} parts")),
            (_, Some(_)) => complain(name, &format!("no usual part size gives {wanted}")),
            (_, None) => complain(name, &format!("not {wanted}")),
        }
        Ok(())
    }

    /// One line, with names escaped as in GNU's.
    fn print(&mut self, what: &str, name: &[u8]) -> Result<(), Failure> {
        let shown = on_one_line(name);
        let (mark, name) = if shown.len() == name.len() { (&b""[..], name) } else { shown.split_at(1) };
        self.out.write_all(&[mark, what.as_bytes(), b"  ", name, b"\n"].concat()).map_err(cannot_write)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(cannot_write)
    }

    fn finish(mut self) -> Result<Exit, Failure> {
        self.flush()?;
        Ok(match (self.failed, self.wanted, self.found) {
            (true, _, _) => Exit::Incomplete,
            (false, Some(_), false) => Exit::Differs,
            _ => Exit::Success,
        })
    }
}

fn cannot_write(error: io::Error) -> Failure {
    Failure::output("standard output".into(), Operation::Write, error)
}
