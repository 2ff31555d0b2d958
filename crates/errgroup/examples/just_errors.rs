//! A group in place of threads, channels and counting, to run tasks and hear of the first error.
//!
//! `cargo run --example just_errors -- FILE…` measures the files, all at once, and stops at the first it cannot.

use std::error::Error;
use std::fs;

use errgroup::Group;

fn main() -> Result<(), Box<dyn Error>> {
    let group = Group::new();
    for path in std::env::args().skip(1) {
        group.go(move || {
            let size = fs::metadata(&path).map_err(|error| format!("{path}: {error}"))?.len();
            println!("{size}\t{path}");
            Ok::<_, String>(())
        });
    }
    group.join()?;
    Ok(())
}
