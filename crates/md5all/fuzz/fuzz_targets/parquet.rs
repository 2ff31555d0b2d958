//! Parquet: what is damaged is an error, and what is understood is written and understood again.
//!
//! Run with `cargo +nightly fuzz run parquet`.

#![no_main]

use std::fs::File;
use std::io::{BufReader, Write};

use libfuzzer_sys::fuzz_target;
use md5all::manifest::{Format, Layout, LineEnd, Reader, Writer};
use md5all::{Checksums, Facts, Hashed};

/// What a row says of a file.
type Said = (Vec<u8>, Checksums, Facts);

/// The rows of a file up to the first error.
fn rows(file: &File) -> Vec<Said> {
    let input = BufReader::new(file.try_clone().expect("there are descriptors"));
    let reader = Reader::new(input, Format::Parquet, LineEnd::Newline).or_rows_of(file);
    let Ok(mut reader) = reader else { return Vec::new() };
    let mut rows = Vec::new();
    while let Ok(Some(line)) = reader.read() {
        let Some(entry) = line.entry else { continue };
        assert!(!entry.name.is_empty() && !entry.name.contains(&0));
        rows.push((entry.name.to_vec(), entry.checksums, entry.facts));
    }
    rows
}

fn in_memory() -> File {
    tempfile::tempfile_in("/dev/shm").expect("there is room in memory")
}

// The crate that reads these files panics at some; md5all picks that up, so the hook that would abort is taken away. What is
// not picked up still ends the run.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| ())), |text: &[u8]| {
    let mut file = in_memory();
    file.write_all(text).expect("there is room in memory");
    let found = rows(&file);
    for said in found.iter().take(8) {
        let (name, checksums, facts) = said;
        let layout = Layout::from(Format::Parquet).algorithms(checksums.algorithms());
        let mut list = Writer::new(in_memory(), layout);
        list.write(name, &Hashed::new(checksums.clone()).with_facts(*facts)).expect("it can be said");
        let list = list.finish().expect("there is room in memory");
        assert_eq!(rows(&list), std::slice::from_ref(said));
    }
});
