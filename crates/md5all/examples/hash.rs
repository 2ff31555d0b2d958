//! The checksums of a tree, sorted, as lines that `md5sum -c` checks: `hash_trees`, `manifest::Writer`.
//!
//! `cargo run --release -p md5all --example hash -- DIR…` prints a line for each file, and says what could not be read.

use std::error::Error;
use std::io::{self, BufWriter};
use std::path::PathBuf;

use errgroup::Context;
use md5all::manifest::{Format, Layout, Writer};
use md5all::{Options, Outcome, PathBuffer, hash_trees};

fn main() -> Result<(), Box<dyn Error>> {
    let mut roots: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if roots.is_empty() {
        roots.push(concat!(env!("CARGO_MANIFEST_DIR"), "/examples").into());
    }
    let mut manifest = Writer::new(BufWriter::new(io::stdout().lock()), Layout::from(Format::Gnu));
    let mut path = PathBuffer::default(); // names are bytes; this puts them together without an allocation each
    for record in hash_trees(&Context::background(), Options::new(roots)) {
        let record = record?;
        match record.outcome() {
            Outcome::Hashed(hashed) => manifest.write(record.path_bytes(&mut path), hashed)?,
            Outcome::Failed(reason) => eprintln!("{}: {reason}", record.path().display()),
            _ => {} // passed over: a FIFO, say
        }
    }
    manifest.finish()?;
    Ok(())
}
