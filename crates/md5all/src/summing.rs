//! What `md5sum FILE…` and its like do: a line for each file, in the order of the names, and a message for each that has none.

use std::io::{BufWriter, Write};

use errgroup::Context;
use md5all::manifest::Writer;
use md5all::{Outcome, PathBuffer, Record, hash_files};

use crate::checking::about;
use crate::cli::Sums;
use crate::exit::Exit;
use crate::failure::{Failure, say};
use crate::interrupt;
use crate::output::Output;
use crate::pouring::{Taker, pour};
use crate::run::raise_descriptor_limit;

/// Does what the command line asks for, and says what to exit with.
pub(crate) fn run(sums: Sums) -> Exit {
    sum(sums).unwrap_or_else(Failure::report).as_gnu()
}

fn sum(sums: Sums) -> Result<Exit, Failure> {
    raise_descriptor_limit();
    let (ctx, cancel) = Context::background().with_cancel();
    let leftover = interrupt::listen(cancel).map_err(Failure::Signals)?;
    let output = Output::open(None, leftover)?;
    let lines = Writer::new(output.buffered(128 * 1024), sums.layout);
    let mut report = Report { lines, paths: PathBuffer::default(), exit: Exit::Success };
    pour(&mut hash_files(&ctx, sums.options), &mut report, || ())?;
    report.lines.finish().and_then(|mut out| out.flush()).map_err(Failure::stdout)?;
    Ok(report.exit)
}

struct Report {
    lines: Writer<BufWriter<Output>>,
    paths: PathBuffer,
    exit: Exit,
}

impl Taker<Record> for Report {
    fn take(&mut self, record: &Record) -> Result<(), Failure> {
        let path = record.path_bytes(&mut self.paths);
        match record.outcome() {
            Outcome::Hashed(hashed) => self.lines.write(path, hashed).map_err(Failure::stdout),
            Outcome::Failed(reason) => {
                self.exit = Exit::Differs;
                self.lines.flush().map_err(Failure::stdout)?;
                say(about(path, reason.cause().as_bytes()));
                Ok(())
            }
            other => unreachable!("nothing is passed over: {other:?}"),
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.lines.flush().map_err(Failure::stdout)
    }
}
