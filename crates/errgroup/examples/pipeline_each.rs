//! Items through workers, results as they are ready: `Pipeline::source`, `each`.
//!
//! `cargo run --example pipeline_each -- DIR` walks DIR, reads its files by four workers, and prints the longest lines
//! there are. The first file that cannot be read ends it all, by the `?` in the loop.

use std::fs;
use std::io;
use std::path::PathBuf;

use errgroup::{Context, Order, Pipeline};
use walkdir::WalkDir;

/// The longest line of one file.
struct Longest {
    length: usize,
    number: usize,
    path: PathBuf,
}

fn main() -> io::Result<()> {
    let root = std::env::args_os().nth(1).unwrap_or_else(|| "crates".into());
    let files = Pipeline::source(&Context::background(), 64, move |out| {
        for entry in WalkDir::new(root) {
            let entry = entry?;
            if entry.file_type().is_file() {
                out.send(entry.into_path())?; // waits while 64 are waiting
            }
        }
        Ok::<_, io::Error>(())
    });
    let mut all = Vec::new();
    for longest in files.each(4, Order::Completion, longest) {
        all.push(longest?);
    }
    all.sort_by(|a, b| b.length.cmp(&a.length).then_with(|| a.path.cmp(&b.path)));
    for Longest { length, number, path } in all.iter().take(5) {
        println!("{length}\t{}:{number}", path.display());
    }
    Ok(())
}

fn longest(path: PathBuf) -> io::Result<Longest> {
    let bytes = fs::read(&path)?;
    let lengths = bytes.split(|byte| *byte == b'\n').map(<[u8]>::len);
    let (number, length) = lengths.enumerate().max_by_key(|(_, length)| *length).unwrap_or_default();
    Ok(Longest { length, number: number + 1, path })
}
