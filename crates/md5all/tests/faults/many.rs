//! Very many files in one place.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::harness::*;

const FILES: usize = 100_000;

/// What the buffers of all lanes may take, and the names, at 16 bytes each and themselves.
const KIBIBYTES: usize = 64 * 1024 + FILES * (16 + 64) / 1024;

/// The most memory that it ever had is asked for while it waits for the last of what it was given, a FIFO.
#[test]
fn a_hundred_thousand_names_in_one_directory_are_little_memory() {
    let dir = roomy();
    fs::create_dir(dir.path().join("t")).unwrap();
    for index in 0..FILES {
        // Names of 64 bytes, in an order that is not that of their numbers.
        File::create(dir.path().join(format!("t/{:064}", index * 7_919 % FILES))).unwrap();
    }
    let last = dir.path().join("z");
    fifo(&last);
    let mut child = md5all(dir.path()).args(["t", "z"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let names: Vec<String> = lines.by_ref().take(FILES).map(|line| line.unwrap()[34..].to_owned()).collect();
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(open_writer(&last));

    assert!(names.is_sorted() && names.len() == FILES);
    assert_eq!(names[FILES - 1], format!("t/{:064}", FILES - 1));
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let most: usize = most.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    eprintln!("{most} KiB at most for {FILES} files");
    assert!(most < KIBIBYTES, "{most} KiB");
    let ended = join(child);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}
