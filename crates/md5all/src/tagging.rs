//! What `md5all etag` prints: a line for each file, with its ETag or with the size of parts that gives one; in JSON, an
//! object with both.

use std::fmt::Display;
use std::io::{BufWriter, Write};
use std::os::unix::ffi::OsStrExt;

use errgroup::Context;
use md5all::manifest::on_one_line;
use md5all::{ETag, Root, Tagged, Upload, Uploads, etags};
use serde::Serialize;

use crate::cli::Tags;
use crate::exit::Exit;
use crate::failure::{Failure, complain};
use crate::interrupt;
use crate::json::{self, Last, Name, Problem};
use crate::output::Output;
use crate::pouring::{Taker, pour};
use crate::run::raise_descriptor_limit;

/// Does what the command line asks for, and says what to exit with.
pub(crate) fn run(tags: Tags) -> Exit {
    tag(tags).unwrap_or_else(Failure::report)
}

fn tag(tags: Tags) -> Result<Exit, Failure> {
    raise_descriptor_limit();
    let (ctx, cancel) = Context::background().with_cancel();
    let leftover = interrupt::listen(cancel).map_err(Failure::Signals)?;
    let output = Output::open(None, leftover)?;
    let wanted = match &tags.uploads {
        Uploads::Like { etag, .. } => Some(*etag),
        Uploads::Planned { .. } => None,
    };
    let Tags { mut options, uploads, json, showing } = tags;
    let (names, out) = (options.roots.clone(), output.buffered(64 * 1024));
    let mut report = Report { names, out, wanted, json, quiet: showing.quiet, tally: Tally::default() };
    let shown = showing.begin(&mut options);
    pour(&mut etags(&ctx, uploads, options), &mut report, || ())?;
    let exit = report.finish()?;
    shown.sum_up();
    Ok(exit)
}

fn name_of(file: &Root) -> &[u8] {
    match file {
        Root::Path(path) => path.as_os_str().as_bytes(),
        Root::StandardInput => b"-",
    }
}

struct Report {
    /// The files, as they were named.
    names: Vec<Root>,
    out: BufWriter<Output>,
    /// The ETag that is looked for, if one is.
    wanted: Option<ETag>,
    json: bool,
    quiet: bool,
    tally: Tally,
}

/// How many files came to what.
#[derive(Debug, Default, Serialize)]
struct Tally {
    /// Those that have an ETag, and the one that is looked for, if one is.
    matched: u64,
    unmatched: u64,
    failed: u64,
}

/// A file and its ETag, as JSON has it; without a size, it was not in parts.
#[derive(Serialize)]
struct Object<'a> {
    etag: String,
    #[serde(flatten)]
    path: Name<'a>,
    part_size: Option<u64>,
}

/// A file that the ETag is not of, and how that is known.
#[derive(Serialize)]
struct Unmatched<'a> {
    unmatched: String,
    #[serde(flatten)]
    path: Name<'a>,
}

impl Taker<Tagged> for Report {
    fn take(&mut self, tagged: &Tagged) -> Result<(), Failure> {
        let names = std::mem::take(&mut self.names);
        let told = self.say(name_of(&names[tagged.root()]), tagged);
        self.names = names;
        told
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::stdout)
    }
}

impl Report {
    fn say(&mut self, name: &[u8], tagged: &Tagged) -> Result<(), Failure> {
        match (tagged.outcome(), self.wanted) {
            (Ok(tags), None) => tags.iter().try_for_each(|(upload, etag)| {
                self.tally.matched += 1;
                self.tell(*upload, *etag, &etag.to_string(), name)
            }),
            (Ok(tags), Some(wanted)) => self.look(name, tags, wanted),
            (Err(reason), _) => {
                self.tally.failed += 1;
                self.complain(name, reason, &Problem::new(name, reason))
            }
        }
    }

    fn look(&mut self, name: &[u8], tags: &[(Upload, ETag)], wanted: ETag) -> Result<(), Failure> {
        if let Some((upload, _)) = tags.iter().find(|(_, etag)| *etag == wanted) {
            self.tally.matched += 1;
            let size = part_size(*upload).map_or_else(|| "single".to_owned(), |size| size.to_string());
            return self.tell(*upload, wanted, &size, name);
        }
        self.tally.unmatched += 1;
        let unmatched = match (tags.len(), wanted.parts()) {
            (0, Some(parts)) => format!("no usual part size gives {parts} parts"),
            (_, Some(_)) => format!("no usual part size gives {wanted}"),
            (_, None) => format!("not {wanted}"),
        };
        let object = Unmatched { unmatched: unmatched.clone(), path: Name::path(name) };
        if self.quiet { self.write(&object) } else { self.complain(name, &unmatched, &object) }
    }

    /// One line on standard error, and an object if those are wanted.
    fn complain(&mut self, name: &[u8], what: &dyn Display, object: &impl Serialize) -> Result<(), Failure> {
        self.flush()?;
        complain(name, what);
        self.write(object)
    }

    /// An object, if those are wanted.
    fn write(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        if self.json { json::write(&mut self.out, object).map_err(Failure::stdout) } else { Ok(()) }
    }

    fn tell(&mut self, upload: Upload, etag: ETag, what: &str, name: &[u8]) -> Result<(), Failure> {
        if !self.json {
            return self.print(what, name);
        }
        let object = Object { etag: etag.to_string(), path: Name::path(name), part_size: part_size(upload) };
        json::write(&mut self.out, &object).map_err(Failure::stdout)
    }

    /// One line, with names escaped as in GNU's.
    fn print(&mut self, what: &str, name: &[u8]) -> Result<(), Failure> {
        let shown = on_one_line(name);
        let (mark, name) = if shown.len() == name.len() { (&b""[..], name) } else { shown.split_at(1) };
        self.out.write_all(&[mark, what.as_bytes(), b"  ", name, b"\n"].concat()).map_err(Failure::stdout)
    }

    fn finish(mut self) -> Result<Exit, Failure> {
        if self.json {
            json::write(&mut self.out, &Last { summary: &self.tally }).map_err(Failure::stdout)?;
        }
        self.flush()?;
        Ok(match (self.tally.failed, self.wanted, self.tally.matched) {
            (1.., _, _) => Exit::Incomplete,
            (0, Some(_), 0) => Exit::Differs,
            _ => Exit::Success,
        })
    }
}

/// The size of its parts, if it has any.
fn part_size(upload: Upload) -> Option<u64> {
    match upload {
        Upload::Whole => None,
        Upload::Parts(size) => Some(size.get()),
    }
}
