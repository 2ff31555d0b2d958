//! A run that is interrupted, and another that goes on from there: `Journal`, `Options::known`.
//!
//! `cargo run -p md5all --example resume -- DIR` cancels a run after ten files. The second one opens no file that the first has
//! finished, unless it has changed since, or had changed so shortly before that nobody could tell.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use errgroup::{Cancel, Context};
use md5all::{Algorithms, Journal, Options, hash_trees};

fn main() -> Result<(), Box<dyn Error>> {
    let tree =
        std::env::args_os().nth(1).map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/src").into(), PathBuf::from);
    let dir = tempfile::tempdir()?;
    let journal = dir.path().join("journal");

    let (ctx, cancel) = Context::background().with_cancel();
    match run(&ctx, &tree, &journal, Some(cancel)) {
        Ok(_) => println!("there were too few files to be interrupted"),
        Err(error) => println!("interrupted: {error}"),
    }
    let taken_over = run(&Context::background(), &tree, &journal, None)?;
    println!("{taken_over} files were not read again");
    Ok(())
}

/// Hashes a tree, and notes what is done; with something to cancel, for ten files. Tells how many files were known.
fn run(ctx: &Context, tree: &Path, journal: &Path, cancel: Option<Cancel>) -> Result<u64, Box<dyn Error>> {
    let (journal, known) = Journal::open(journal, Algorithms::default())?;
    let known = Arc::new(known);
    let options = Options::new([tree]).facts(true).journal(Arc::new(journal)).known([Arc::clone(&known)]);
    for (done, record) in hash_trees(ctx, options).enumerate() {
        record?;
        if let Some(cancel) = cancel.as_ref().filter(|_| done == 9) {
            cancel.cancel();
        }
    }
    Ok(known.taken_over())
}
