//! As many checksums as there is time for: a `Context` with a deadline, or one that is cancelled.
//!
//! `cargo run --release -p md5all --example deadline -- MS` gives a file that takes an hour so many milliseconds. No thread is
//! left behind, and what was done by then is told.

use std::error::Error;
use std::fs::{self, File};
use std::time::Duration;

use errgroup::{Context, ContextError};
use md5all::{Options, Outcome, hash_trees};

fn main() -> Result<(), Box<dyn Error>> {
    let ms = std::env::args().nth(1).map_or(Ok(300), |ms| ms.parse())?;
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("small"), "abc")?;
    let large = dir.path().join("large");
    let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(ms));
    File::create(large)?.set_len(1 << 42)?; // a hole, and hashed all the same

    let mut hashed = 0;
    for record in hash_trees(&ctx, Options::new([dir.path()]).unordered(true)) {
        match record {
            Ok(record) => hashed += usize::from(matches!(record.outcome(), Outcome::Hashed(_))),
            Err(md5all::Error::Stopped(stopped)) => {
                println!("{hashed} hashed, then: {stopped}");
                assert_eq!(stopped.cause().downcast_ref(), Some(&ContextError::DeadlineExceeded));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err("nobody hashes 4 TiB in that time".into())
}
