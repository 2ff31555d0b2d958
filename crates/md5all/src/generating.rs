//! `md5all completions` and `md5all man`: texts, written where they are wanted.

use std::fs;
use std::io::{self, Write};

use md5all::Operation;

use crate::cli::Texts;
use crate::exit::Exit;
use crate::failure::Failure;

/// Does what the command line asks for, and says what to exit with.
pub(crate) fn run(texts: Texts) -> Exit {
    write(texts).map_or_else(Failure::report, |()| Exit::Success)
}

fn write(Texts { dir, files }: Texts) -> Result<(), Failure> {
    let Some(dir) = dir else {
        let mut out = io::stdout().lock();
        let written = files.iter().try_for_each(|(_, text)| out.write_all(text)).and_then(|()| out.flush());
        return written.map_err(Failure::stdout);
    };
    files.into_iter().try_for_each(|(name, text)| {
        let path = dir.join(name);
        fs::write(&path, text).map_err(|error| Failure::output(path, Operation::Create, error))
    })
}
