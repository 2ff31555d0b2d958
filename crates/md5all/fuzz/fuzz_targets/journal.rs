//! Journals that an interrupted run has left.
//!
//! Run with `cargo +nightly fuzz run journal`.

#![no_main]

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use md5all::{Algorithms, Journal};

// What is no journal is left alone; what is one says the same when it is opened again, cut off behind its last line.
fuzz_target!(|text: &[u8]| {
    let path = Path::new("/dev/shm").join(format!("md5all-journal-{}", std::process::id()));
    fs::write(&path, text).expect("there is room in memory");
    match Journal::open(&path, Algorithms::default()) {
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&path).expect("it is there"), text);
        }
        Ok((journal, known)) => {
            drop(journal);
            let left = fs::read(&path).expect("it is there");
            assert!(left.starts_with(Journal::HEADER) && left.ends_with(b"\n"));
            assert!(text.starts_with(&left) || text.len() < Journal::HEADER.len());
            let (_, again) = Journal::open(&path, Algorithms::default()).expect("it is one");
            assert_eq!(known.len(), again.len());
        }
    }
});
