//! A function, many items, the results in the items' order: `try_map`.
//!
//! `cargo run --example try_map -- FILE…` tells the number of lines of each file, eight files at a time, in the order
//! in which they were named.

use std::{fs, io};

fn main() -> io::Result<()> {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        files = ["README.md", "DESIGN.md", "ARCHITECTURE.md"].map(str::to_owned).into();
    }
    let lines = errgroup::try_map(&files, 8, |file| Ok::<_, io::Error>(fs::read_to_string(file)?.lines().count()))?;
    for (file, lines) in files.iter().zip(lines) {
        println!("{lines:>8} {file}");
    }
    Ok(())
}
