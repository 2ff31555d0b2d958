//! A group in place of threads, channels and counting, to run tasks and hear of the first error.
//!
//! `cargo run --example just_errors -- FILE…` measures the files, all at once, and tells the first it could not.

use std::error::Error;
use std::fs;
use std::io::{self, Write};

use errgroup::Group;

fn main() -> Result<(), Box<dyn Error>> {
    let group = Group::<String>::new();
    for path in std::env::args().skip(1) {
        group.go(move || {
            let size = fs::metadata(&path).map_err(|error| format!("{path}: {error}"))?.len();
            writeln!(io::stdout(), "{size}\t{path}").map_err(|error| format!("standard output: {error}"))
        });
    }
    Ok(group.join()?)
}
