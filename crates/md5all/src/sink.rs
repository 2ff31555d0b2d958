//! The end of the pipeline: digests to the manifest, problems to standard error,
//! and a count of what has no line.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, IntoInnerError, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use md5all::manifest::{Layout, LineEnd, Reader, Unsayable, Writer};
use md5all::{Hashed, Operation, Outcome, PathBuffer, Reason, Record, Selection, Sidecar, Skip};
use serde::Serialize;

use crate::companions::{journal_of, sidecar_of};
use crate::exit::Exit;
use crate::failure::{Failure, complain, note};
use crate::json::{self, Last, Problem, Sums};
use crate::left_out::{LeftOut, explain};
use crate::output::Output;
use crate::pouring::Taker;
use crate::units::{one_or_many, things};

/// Takes records, one after the other.
#[derive(Debug)]
pub(crate) struct Sink {
    lines: Lines,
    sidecar: Option<Sidecar<BufWriter<Output>>>,
    /// What the output is called in messages; `None` is standard output.
    name: Option<PathBuf>,
    paths: PathBuffer,
    tally: Tally,
    /// By what files are selected, if it is to be said of each why it is not.
    explained: Option<Selection>,
    /// Whether the output takes the place of a file.
    replaces: bool,
}

/// What becomes of what was computed.
#[derive(Debug)]
enum Lines {
    Manifest(Box<Writer<BufWriter<Output>>>),
    Objects(BufWriter<Output>),
}

/// How many files have a line in the manifest, and how many have none.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Tally {
    hashed: u64,
    failed: u64,
    #[serde(flatten)]
    passed: Passed,
    /// The output itself, by any of its names.
    excluded: u64,
    /// Whether it was said of each file that was left out.
    #[serde(skip)]
    explained: bool,
}

/// What a walk has passed over on purpose.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Passed {
    /// FIFOs, sockets and devices.
    pub(crate) special: u64,
    /// Directories on other file systems.
    #[serde(rename = "other_file_systems")]
    pub(crate) elsewhere: u64,
    pub(crate) automounts: u64,
    pub(crate) left_out: LeftOut,
}

impl Sink {
    /// A thousand lines or so with each call to the system.
    const BUFFER: usize = 128 * 1024;

    /// A sink that writes to `output`, in JSON if there is no layout, and what the file system says of files to `sidecar`.
    ///
    /// # Errors
    ///
    /// The sidecar could not be written.
    pub(crate) fn new(output: Output, layout: Option<Layout>, sidecar: Option<Output>) -> Result<Sink, Failure> {
        let (name, replaces) = (output.name().map(Path::to_owned), output.replaces());
        let buffered = output.buffered(Self::BUFFER);
        let sidecar = sidecar.map(|sidecar| Sidecar::new(sidecar.buffered(Self::BUFFER))).transpose();
        Ok(Sink {
            lines: match layout {
                Some(layout) => Lines::Manifest(Box::new(Writer::new(buffered, layout))),
                None => Lines::Objects(buffered),
            },
            sidecar: sidecar.map_err(|error| cannot_write(name.as_deref().map(sidecar_of), error))?,
            name,
            paths: PathBuffer::default(),
            tally: Tally::default(),
            explained: None,
            replaces,
        })
    }

    /// The same, and says of everything that the selection leaves out why it does.
    pub(crate) fn explaining(self, selection: Option<Selection>) -> Sink {
        Sink { explained: selection, ..self }
    }

    /// Whether a record is of the journal or the sidecar, by its name.
    fn is_companion(&mut self, record: &Record) -> bool {
        let Some(name) = &self.name else { return false };
        let path = record.path_bytes(&mut self.paths);
        let base = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        [journal_of(name), sidecar_of(name)]
            .iter()
            .any(|own| own.file_name().is_some_and(|name| name.as_bytes() == base))
    }

    /// Writes what is still in memory and makes it the manifest; but not if all there was to hash failed, or if there was
    /// nothing and the old one lists files: a name mistyped, or a disk that is not mounted, must not empty it. Says whether
    /// there is a manifest.
    ///
    /// # Errors
    ///
    /// The manifest could not be written; the old one is as it was, or the message says that it is not.
    pub(crate) fn finish(self) -> Result<(Tally, bool), Failure> {
        let Sink { lines, sidecar, name, mut tally, explained, replaces, .. } = self;
        tally.explained = explained.is_some();
        if tally.hashed == 0 && matches!(lines, Lines::Manifest(_)) {
            if let Some(old) = name.as_deref().filter(|old| replaces && tally.failed == 0 && lists_files(old)) {
                tally.failed += 1;
                complain(old.as_os_str().as_bytes(), &"there was no file to hash, and it lists some: it is as it was");
            }
            if tally.failed > 0 {
                return Ok((tally, false));
            }
        }
        if let Some(sidecar) = sidecar {
            sidecar.finish().and_then(put).map_err(|error| cannot_write(name.as_deref().map(sidecar_of), error))?;
        }
        lines.finish(&tally).and_then(put).map_err(|error| cannot_write(name, error))?;
        Ok((tally, true))
    }
}

impl Taker<Record> for Sink {
    /// Writes what the record says to where it belongs.
    fn take(&mut self, record: &Record) -> Result<(), Failure> {
        match record.outcome() {
            Outcome::Hashed(hashed) => {
                let path = record.path_bytes(&mut self.paths);
                match self.lines.write(path, hashed) {
                    Ok(()) => self.tally.hashed += 1,
                    Err(error) => match Unsayable::of(&error) {
                        None => return Err(cannot_write(self.name.clone(), error)),
                        Some(unsayable) => {
                            self.tally.failed += 1;
                            complain(path, &format!("no line: {unsayable}"));
                            return Ok(());
                        }
                    },
                }
                if let Some(sidecar) = &mut self.sidecar {
                    let written = sidecar.write(path, hashed);
                    written.map_err(|error| cannot_write(self.name.as_deref().map(sidecar_of), error))?;
                }
            }
            Outcome::Failed(reason) => {
                self.tally.failed += 1;
                let path = record.path_bytes(&mut self.paths);
                complain(path, reason);
                self.lines.tell(path, reason).map_err(|error| cannot_write(self.name.clone(), error))?;
            }
            Outcome::Skipped(Skip::Excluded) if self.is_companion(record) => {}
            Outcome::Skipped(Skip::Excluded) => self.tally.excluded += 1,
            Outcome::Skipped(skip) => {
                self.tally.passed.count(*skip);
                if let Some(selection) = self.explained.as_ref().filter(|_| skip.is_by_selection()) {
                    explain(record.path_bytes(&mut self.paths), *skip, selection.rule(record).as_ref());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes what is still in memory, so that whoever reads along, or looks at what a run that was killed has left,
    /// finds all that was done.
    fn flush(&mut self) -> Result<(), Failure> {
        self.lines.flush().map_err(|error| cannot_write(self.name.clone(), error))
    }
}

impl Lines {
    fn write(&mut self, path: &[u8], hashed: &Hashed) -> io::Result<()> {
        match self {
            Lines::Manifest(manifest) => manifest.write(path, hashed),
            Lines::Objects(out) => json::write(out, &Sums::new(path, hashed)),
        }
    }

    /// Tells what has no line in a manifest.
    fn tell(&mut self, path: &[u8], reason: &Reason) -> io::Result<()> {
        match self {
            Lines::Manifest(_) => Ok(()),
            Lines::Objects(out) => json::write(out, &Problem::new(path, reason)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Lines::Manifest(manifest) => manifest.flush(),
            Lines::Objects(out) => out.flush(),
        }
    }

    fn finish(self, tally: &Tally) -> io::Result<BufWriter<Output>> {
        match self {
            Lines::Manifest(manifest) => manifest.finish(),
            Lines::Objects(mut out) => json::write(&mut out, &Last { summary: tally }).map(|()| out),
        }
    }
}

impl Tally {
    /// Says once what was said of no single file, and what to exit with.
    pub(crate) fn report(self) -> Exit {
        if self.explained {
            self.passed.left_out.say();
        }
        self.passed.say();
        if self.hashed + self.failed == 0 {
            note("there was no file to hash");
        }
        // One is the manifest itself.
        if self.excluded > 1 {
            let count = self.excluded - 1;
            note(format!("left out the output and {count} more names of the same file, or of the one it replaces"));
        }
        if self.failed > 0 { Exit::Incomplete } else { Exit::Success }
    }
}

impl Passed {
    pub(crate) fn of(skipped: &[Skip]) -> Passed {
        let mut passed = Passed::default();
        skipped.iter().for_each(|&skip| passed.count(skip));
        passed
    }

    fn count(&mut self, skip: Skip) {
        match skip {
            Skip::Special => self.special += 1,
            Skip::OtherFileSystem => self.elsewhere += 1,
            Skip::Automount => self.automounts += 1,
            skip => self.left_out.count(skip),
        }
    }

    /// Says it once.
    pub(crate) fn say(self) {
        if self.special > 0 {
            note(format!("skipped {} (FIFO, socket or device)", things(self.special, "special file")));
        }
        if self.elsewhere > 0 {
            let directories = one_or_many(self.elsewhere, "directory", "directories");
            note(format!("skipped {directories} on other file systems"));
        }
        if self.automounts > 0 {
            note(format!("skipped {}", things(self.automounts, "automount point")));
        }
    }
}

/// Whether there is a file there, and a line of it is that of a file. What cannot be read is no list.
fn lists_files(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut lines = Reader::detect(BufReader::new(file), LineEnd::Newline);
    while let Ok(Some(line)) = lines.read() {
        if line.entry.is_some() {
            return true;
        }
    }
    false
}

fn put(buffered: BufWriter<Output>) -> io::Result<()> {
    let output = buffered.into_inner().map_err(IntoInnerError::into_error)?;
    output.commit()
}

fn cannot_write(name: Option<PathBuf>, error: io::Error) -> Failure {
    Failure::output(name, Operation::Write, error)
}
