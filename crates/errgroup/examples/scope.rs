//! Tasks that borrow: `scope`.
//!
//! `cargo run --example scope -- FILE…` counts how often each letter occurs in the files. Each task borrows the name of
//! its file and a row of its own to count in; no `Arc`, no lock, no clone.

use std::{fs, io};

type Counts = [u64; 26];

fn main() -> io::Result<()> {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        files = ["README.md", "DESIGN.md", "ARCHITECTURE.md"].map(str::to_owned).into();
    }
    let mut counts = vec![Counts::default(); files.len()];
    let bytes = errgroup::scope(|s| {
        for (file, counts) in files.iter().zip(&mut counts) {
            s.go(move || count(file, counts));
        }
        // The body is a task like the others, and what it returns is what the scope gives.
        files.iter().map(|file| Ok(fs::metadata(file)?.len())).sum::<io::Result<u64>>()
    })?;
    println!("{bytes} bytes in {} files", files.len());
    for (n, letter) in ('a'..='z').enumerate() {
        println!("{letter} {}", counts.iter().map(|counts| counts[n]).sum::<u64>());
    }
    Ok(())
}

fn count(file: &str, counts: &mut Counts) -> io::Result<()> {
    for letter in fs::read(file)?.iter().map(u8::to_ascii_lowercase).filter(u8::is_ascii_lowercase) {
        counts[usize::from(letter - b'a')] += 1;
    }
    Ok(())
}
