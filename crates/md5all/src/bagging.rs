//! What `md5all bag` prints: of a bag that is verified a line for each finding, and what it came to.
//!
//! What could not be read, or is not supported, goes to standard error; in JSON, all is an object on standard output.

use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use errgroup::Context;
use md5all::{BagError, BagFinding, Bagged, Error, Grade, Operation, Options, create_bag, verify_bag};
use serde::Serialize;

use crate::cli::Bags;
use crate::exit::Exit;
use crate::failure::{Failure, complain, say};
use crate::findings::either;
use crate::interrupt::{self, Leftover};
use crate::output::Output;
use crate::quote::quote;
use crate::run::raise_descriptor_limit;

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
        Bags::Create { dirs, bag, jobs } => {
            let mut worst = Exit::Success;
            for dir in dirs {
                let exit = create_bag(&ctx, &dir, &bag, &options(jobs)).map_or_else(refusal, |()| Ok(Exit::Success))?;
                worst = worse(worst, exit);
            }
            Ok(worst)
        }
        Bags::Verify { bags, json, jobs } => {
            let mut report = Report::new(leftover, json)?;
            for bag in bags {
                report.verify(&ctx, &bag, &options(jobs))?;
            }
            report.flush()?;
            Ok(report.exit)
        }
    }
}

/// Says why there is no bag.
fn refusal(error: BagError) -> Result<Exit, Failure> {
    match error {
        BagError::Other(Error::Entry { path, reason }) => {
            complain(path.as_os_str().as_bytes(), &reason);
            Ok(Exit::Incomplete)
        }
        BagError::Other(error) => Err(error.into()),
        BagError::IsBag(path) => differs(&path, "is a bag already"),
        BagError::Odd(path, odd) => differs(&path, &odd.to_string()),
        BagError::Untellable(path) => {
            differs(&path, "a name that bags before version 1.0 cannot tell from another one")
        }
        BagError::InTheWay(path) => differs(&path, "in the way of the bag that is to be made here"),
        error => {
            say(error.to_string());
            Ok(Exit::Usage)
        }
    }
}

fn differs(path: &Path, what: &str) -> Result<Exit, Failure> {
    complain(path.as_os_str().as_bytes(), &what);
    Ok(Exit::Differs)
}

/// The one that says more.
fn worse(one: Exit, other: Exit) -> Exit {
    if (one as u8) < (other as u8) { other } else { one }
}

struct Report {
    out: BufWriter<Output>,
    json: bool,
    exit: Exit,
}

/// A finding, as JSON has it.
#[derive(Serialize)]
struct Object<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
    grade: &'static str,
    finding: &'static str,
    text: String,
}

/// A bag, as JSON has it.
#[derive(Serialize)]
struct Sum<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    bag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bag_base64: Option<String>,
    verdict: &'static str,
    files: u64,
    bytes: u64,
}

impl Report {
    fn new(leftover: Arc<Leftover>, json: bool) -> Result<Report, Failure> {
        let output = Output::open(None, leftover)?;
        let capacity = if output.is_watched() { 0 } else { 64 * 1024 };
        Ok(Report { out: BufWriter::with_capacity(capacity, output), json, exit: Exit::Success })
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
        if self.json {
            let (path, path_base64) = either(Some(&whole));
            let (finding, text) = (problem.name(), problem.to_string());
            return self.write_object(&Object { path, path_base64, grade: grade_name(grade), finding, text });
        }
        if grade == Grade::Unknown {
            self.flush()?;
            complain(&whole, problem);
            return Ok(());
        }
        let mark = if grade == Grade::Warning { "warning: " } else { "" };
        writeln!(self.out, "{}: {mark}{problem}", quote(&whole)).map_err(cannot_write)
    }

    fn sum_up(&mut self, bag: &Path, came: &Bagged) -> Result<(), Failure> {
        let bag = bag.as_os_str().as_bytes();
        let verdict = match came.worst {
            None | Some(Grade::Warning) => "valid",
            Some(Grade::Invalid) => "invalid",
            Some(Grade::Unknown) => "unknown",
        };
        if self.json {
            let (bag, bag_base64) = either(Some(bag));
            let Bagged { files, bytes, .. } = *came;
            return self.write_object(&Sum { bag, bag_base64, verdict, files, bytes });
        }
        let reason = if verdict == "unknown" { ", for not all could be read, or is supported" } else { "" };
        writeln!(self.out, "{}: {verdict}{reason}", quote(bag)).map_err(cannot_write)
    }

    fn write_object(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(object).map_err(|error| cannot_write(error.into()))?;
        line.push(b'\n');
        self.out.write_all(&line).map_err(cannot_write)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(cannot_write)
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

fn cannot_write(error: io::Error) -> Failure {
    Failure::output("standard output".into(), Operation::Write, error)
}
