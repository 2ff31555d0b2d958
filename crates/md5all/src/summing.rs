//! What `md5sum FILE…` and its like do: a line for each file, in the order of the names, and a message for each that has none.

use std::io::{BufWriter, Write};

use errgroup::Context;
use md5all::manifest::Writer;
use md5all::{Operation, Outcome, PathBuffer, hash_files};

use crate::checking::about;
use crate::cli::Sums;
use crate::exit::Exit;
use crate::failure::{Failure, say};
use crate::interrupt;
use crate::output::Output;
use crate::run::{PAUSE, raise_descriptor_limit};

/// Does what the command line asks for, and says what to exit with.
pub(crate) fn run(sums: Sums) -> Exit {
    sum(sums).unwrap_or_else(Failure::report).as_gnu()
}

fn sum(sums: Sums) -> Result<Exit, Failure> {
    raise_descriptor_limit();
    let (ctx, cancel) = Context::background().with_cancel();
    let leftover = interrupt::listen(cancel).map_err(Failure::Signals)?;
    let output = Output::open(None, leftover)?;
    let capacity = if output.is_watched() { 0 } else { 128 * 1024 };
    let mut lines = Writer::new(BufWriter::with_capacity(capacity, output), sums.layout);
    let mut paths = PathBuffer::default();
    let mut exit = Exit::Success;
    let mut records = hash_files(&ctx, sums.options);
    loop {
        if !records.ready_within(PAUSE) {
            lines.flush().map_err(cannot_write)?;
        }
        let Some(record) = records.next() else { break };
        let record = record?;
        let path = record.path_bytes(&mut paths);
        match record.outcome() {
            Outcome::Hashed(hashed) => lines.write(path, hashed).map_err(cannot_write)?,
            Outcome::Failed(reason) => {
                exit = Exit::Differs;
                lines.flush().map_err(cannot_write)?;
                say(about(path, reason.cause().as_bytes()));
            }
            other => unreachable!("nothing is passed over: {other:?}"),
        }
    }
    lines.finish().and_then(|mut out| out.flush()).map_err(cannot_write)?;
    Ok(exit)
}

fn cannot_write(error: std::io::Error) -> Failure {
    Failure::output("standard output".into(), Operation::Write, error)
}
