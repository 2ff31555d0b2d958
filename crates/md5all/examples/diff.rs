//! How two trees differ: `diff`.
//!
//! `cargo run -p md5all --example diff -- BEFORE AFTER` tells all files that are not the same in both; without arguments, of
//! two small trees. Either side could be a manifest as well.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use errgroup::Context;
use md5all::{Algorithm, Fate, Options, Side, diff};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let mut trees = std::env::args_os().skip(1).map(PathBuf::from);
    let (before, after) = match (trees.next(), trees.next()) {
        (Some(before), Some(after)) => (before, after),
        _ => {
            let (before, after) = (dir.path().join("before"), dir.path().join("after"));
            for (tree, contents) in [(&before, "a draft"), (&after, "the last word")] {
                fs::create_dir(tree)?;
                fs::write(tree.join("letter"), contents)?;
                fs::write(tree.join("notes"), "the same")?;
            }
            (before, after)
        }
    };

    let options = Options::new([""; 0]).algorithms(Algorithm::Blake3);
    let differences = diff(&Context::background(), Side::Tree(before), Side::Tree(after), options)?;
    for compared in differences {
        let compared = compared?;
        if !matches!(compared.fate, Fate::Ok) {
            println!("{}: {:?}", String::from_utf8_lossy(&compared.name), compared.fate);
        }
    }
    Ok(())
}
