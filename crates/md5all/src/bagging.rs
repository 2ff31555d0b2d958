//! What `md5all bag` prints: of a bag that is verified a line for each finding, and what it came to.
//!
//! What could not be read, or is not supported, goes to standard error; in JSON, all is an object on standard output, too.

use std::io::{BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use errgroup::Context;
use md5all::{BagError, BagFinding, Bagged, Error, Grade, Options, create_bag, verify_bag};
use serde::Serialize;

use crate::cli::Bags;
use crate::exit::Exit;
use crate::failure::{Failure, complain, say};
use crate::interrupt::{self, Leftover};
use crate::json::{self, Last, Name, Problem};
use crate::output::Output;
use crate::quote::quote;
use crate::run::raise_descriptor_limit;
use crate::terminal::{Paint, on_stdout};

/// Does what the command line asks for, and says what to exit with.
pub(crate) fn run(bags: Bags) -> Exit {
    bag(bags).unwrap_or_else(Failure::report)
}

fn bag(bags: Bags) -> Result<Exit, Failure> {
    raise_descriptor_limit();
    let (ctx, cancel) = Context::background().with_cancel();
    let leftover = interrupt::listen(cancel).map_err(Failure::Signals)?;
    let options = |jobs: Option<_>| {
        let plain = Options::new([""; 0]);
        jobs.into_iter().fold(plain, Options::jobs)
    };
    match bags {
        Bags::Create { dirs, bag, json, jobs, showing } => {
            let mut options = options(jobs);
            let shown = showing.begin(&mut options);
            let mut made = Made::new(leftover, json)?;
            for dir in dirs {
                let came = create_bag(&ctx, &dir, &bag, &options);
                made.take(&dir, came)?;
            }
            let exit = made.finish()?;
            shown.sum_up();
            Ok(exit)
        }
        Bags::Verify { bags, json, jobs, showing } => {
            let mut options = options(jobs);
            let shown = showing.begin(&mut options);
            let mut report = Report::new(leftover, json, showing.quiet)?;
            for bag in bags {
                report.verify(&ctx, &bag, &options)?;
            }
            let exit = report.finish()?;
            shown.sum_up();
            Ok(exit)
        }
    }
}

/// What became of directories that were to be bags.
struct Made {
    out: BufWriter<Output>,
    json: bool,
    exit: Exit,
    summary: Creations,
}

/// How many directories came to what.
#[derive(Debug, Default, Serialize)]
struct Creations {
    created: u64,
    refused: u64,
    failed: u64,
}

/// A directory, as JSON has it.
#[derive(Serialize)]
struct Creation<'a> {
    #[serde(flatten)]
    bag: Name<'a>,
    verdict: &'static str,
}

impl Made {
    fn new(leftover: Arc<Leftover>, json: bool) -> Result<Made, Failure> {
        let out = BufWriter::with_capacity(0, Output::open(None, leftover)?);
        Ok(Made { out, json, exit: Exit::Success, summary: Creations::default() })
    }

    fn take(&mut self, dir: &Path, came: Result<(), BagError>) -> Result<(), Failure> {
        let exit = came.map_or_else(|error| self.refuse(error), |()| Ok(Exit::Success))?;
        self.exit = worse(self.exit, exit);
        let (count, verdict) = match exit {
            Exit::Success => (&mut self.summary.created, "created"),
            Exit::Differs | Exit::Usage => (&mut self.summary.refused, "refused"),
            _ => (&mut self.summary.failed, "failed"),
        };
        *count += 1;
        self.write(&Creation { bag: Name::bag(dir.as_os_str().as_bytes()), verdict })
    }

    /// Says why there is no bag.
    fn refuse(&mut self, error: BagError) -> Result<Exit, Failure> {
        let (path, what, exit) = match error {
            BagError::Other(Error::Entry { path, reason }) => (path, reason.to_string(), Exit::Incomplete),
            BagError::Other(error) => return Err(error.into()),
            BagError::IsBag(path) => (path, "is a bag already".to_owned(), Exit::Differs),
            BagError::Odd(path, odd) => (path, odd.to_string(), Exit::Differs),
            BagError::Untellable(path) => {
                (path, "a name that bags before version 1.0 cannot tell from another one".to_owned(), Exit::Differs)
            }
            BagError::InTheWay(path) => {
                (path, "in the way of the bag that is to be made here".to_owned(), Exit::Differs)
            }
            error => {
                say(error.to_string());
                return Ok(Exit::Usage);
            }
        };
        let path = path.as_os_str().as_bytes();
        complain(path, &what);
        self.write(&Problem::new(path, &what))?;
        Ok(exit)
    }

    fn write(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        if self.json { json::write(&mut self.out, object).map_err(Failure::stdout) } else { Ok(()) }
    }

    fn finish(mut self) -> Result<Exit, Failure> {
        let summary = std::mem::take(&mut self.summary);
        self.write(&Last { summary })?;
        Ok(self.exit)
    }
}

/// The one that says more.
fn worse(one: Exit, other: Exit) -> Exit {
    if (one as u8) < (other as u8) { other } else { one }
}

struct Report {
    out: BufWriter<Output>,
    json: bool,
    /// Whether nobody wants to be told of bags that are valid.
    quiet: bool,
    exit: Exit,
    summary: Verdicts,
}

/// How many bags came to what.
#[derive(Debug, Default, Serialize)]
struct Verdicts {
    valid: u64,
    invalid: u64,
    unknown: u64,
}

/// A finding, as JSON has it.
#[derive(Serialize)]
struct Object<'a> {
    #[serde(flatten)]
    path: Name<'a>,
    grade: &'static str,
    finding: &'static str,
    text: String,
}

/// A bag, as JSON has it.
#[derive(Serialize)]
struct Sum<'a> {
    #[serde(flatten)]
    bag: Name<'a>,
    verdict: &'static str,
    files: u64,
    bytes: u64,
}

impl Report {
    fn new(leftover: Arc<Leftover>, json: bool, quiet: bool) -> Result<Report, Failure> {
        let out = Output::open(None, leftover)?.buffered(64 * 1024);
        Ok(Report { out, json, quiet, exit: Exit::Success, summary: Verdicts::default() })
    }

    fn verify(&mut self, ctx: &Context, bag: &Path, options: &Options) -> Result<(), Failure> {
        let mut told = Ok(());
        let came = verify_bag(ctx, bag, options, |finding| {
            if told.is_ok() {
                told = self.tell(bag, &finding);
            }
        });
        told?;
        let came = came?;
        self.exit = worse(self.exit, exit_of(came.worst));
        self.sum_up(bag, &came)
    }

    fn tell(&mut self, bag: &Path, BagFinding { path, problem, .. }: &BagFinding) -> Result<(), Failure> {
        let whole = [bag.as_os_str().as_bytes(), if path.is_empty() { b"" } else { b"/" }, path].concat();
        let grade = problem.grade();
        if grade == Grade::Unknown {
            self.flush()?;
            complain(&whole, problem);
        }
        if self.json {
            let (finding, text) = (problem.name(), problem.to_string());
            return self.write_object(&Object { path: Name::path(&whole), grade: grade_name(grade), finding, text });
        }
        let mark = match grade {
            Grade::Unknown => return Ok(()),
            Grade::Warning => "warning: ",
            Grade::Invalid => "",
        };
        writeln!(self.out, "{}: {mark}{problem}", quote(&whole)).map_err(Failure::stdout)
    }

    fn sum_up(&mut self, bag: &Path, came: &Bagged) -> Result<(), Failure> {
        let bag = bag.as_os_str().as_bytes();
        let (count, verdict, paint) = match came.worst {
            None | Some(Grade::Warning) => (&mut self.summary.valid, "valid", Paint::Green),
            Some(Grade::Invalid) => (&mut self.summary.invalid, "invalid", Paint::Red),
            Some(Grade::Unknown) => (&mut self.summary.unknown, "unknown", Paint::Magenta),
        };
        *count += 1;
        if self.json {
            let Bagged { files, bytes, .. } = *came;
            return self.write_object(&Sum { bag: Name::bag(bag), verdict, files, bytes });
        }
        if self.quiet && verdict == "valid" {
            return Ok(());
        }
        let reason = if verdict == "unknown" { ", for not all could be read, or is supported" } else { "" };
        let line = [quote(bag).as_bytes(), b": ", &on_stdout(paint, verdict), reason.as_bytes(), b"\n"].concat();
        self.out.write_all(&line).map_err(Failure::stdout)
    }

    fn write_object(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        json::write(&mut self.out, object).map_err(Failure::stdout)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::stdout)
    }

    fn finish(mut self) -> Result<Exit, Failure> {
        if self.json {
            let summary = std::mem::take(&mut self.summary);
            self.write_object(&Last { summary })?;
        }
        self.flush()?;
        Ok(self.exit)
    }
}

fn exit_of(worst: Option<Grade>) -> Exit {
    match worst {
        None | Some(Grade::Warning) => Exit::Success,
        Some(Grade::Invalid) => Exit::Differs,
        Some(Grade::Unknown) => Exit::Incomplete,
    }
}

fn grade_name(grade: Grade) -> &'static str {
    match grade {
        Grade::Warning => "warning",
        Grade::Invalid => "invalid",
        Grade::Unknown => "unknown",
    }
}
