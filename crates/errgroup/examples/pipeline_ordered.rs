//! Parallel, and still in order: `Order::Source`.
//!
//! `cargo run --example pipeline_ordered -- FILE` prints FILE with a checksum before each line, as `md5sum` would sum
//! the line. Three workers compute; the lines come out as they went in, while no more than a window of them is held.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};

use errgroup::{Context, Order, Pipeline};
use md5::{Digest, Md5};

fn main() -> io::Result<()> {
    let path = std::env::args_os().nth(1).unwrap_or_else(|| "Cargo.toml".into());
    let lines = Pipeline::source(&Context::background(), 64, move |out| {
        for line in BufReader::new(File::open(path)?).split(b'\n') {
            out.send(line?)?;
        }
        Ok::<_, io::Error>(())
    });
    let summed = lines.each(3, Order::Source { window: 64 }, |line| Ok((sum(&line), line)));

    let mut out = BufWriter::new(io::stdout().lock());
    for pair in summed {
        let (sum, line) = pair?;
        write!(out, "{sum}  ")?;
        out.write_all(&line)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn sum(line: &[u8]) -> String {
    Md5::digest(line).iter().map(|byte| format!("{byte:02x}")).collect()
}
