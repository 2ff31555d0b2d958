//! At most so many at a time: `Group::set_limit`.
//!
//! `cargo run --example limit -- DIR` reads every file below DIR, never more than four at once. `go` waits while four
//! are being read, so the walk does not run ahead either.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use errgroup::Group;
use walkdir::WalkDir;

const AT_A_TIME: usize = 4;

#[derive(Default)]
struct Tally {
    bytes: AtomicU64,
    now: AtomicUsize,
    most: AtomicUsize,
}

fn main() -> io::Result<()> {
    let root = std::env::args_os().nth(1).unwrap_or_else(|| "crates".into());
    let tally = Arc::new(Tally::default());
    let group = Group::<io::Error>::new();
    group.set_limit(AT_A_TIME);
    for entry in WalkDir::new(root) {
        let entry = entry?; // the group that is dropped here joins its tasks
        if entry.file_type().is_file() {
            let tally = Arc::clone(&tally);
            group.go(move || {
                tally.most.fetch_max(tally.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                let read = fs::read(entry.path());
                tally.now.fetch_sub(1, Ordering::Relaxed);
                tally.bytes.fetch_add(read?.len() as u64, Ordering::Relaxed);
                Ok(())
            });
        }
    }
    group.join()?;
    let most = tally.most.load(Ordering::Relaxed);
    assert!(most <= AT_A_TIME);
    println!("{} bytes, {most} files at once at the most", tally.bytes.load(Ordering::Relaxed));
    Ok(())
}
