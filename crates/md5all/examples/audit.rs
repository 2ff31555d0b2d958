//! What has become of a tree since it was listed: `Listed`, `audit`.
//!
//! `cargo run -p md5all --example audit` lists a small tree, then moves, copies, changes and makes files in it.

use std::error::Error;
use std::fs;

use errgroup::Context;
use md5all::manifest::LineEnd;
use md5all::{Fate, Listed, Options, Root, audit};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let (tree, list) = (dir.path().join("photos"), dir.path().join("MD5SUMS"));
    fs::create_dir(&tree)?;
    let mut lines = String::new();
    for name in ["a", "b", "c", "d"] {
        fs::write(tree.join(name), name)?;
        lines += &format!("{}  {name}\n", md5all::Digest::from(md5_lanes::md5(name.as_bytes())));
    }
    fs::write(&list, lines)?;

    fs::rename(tree.join("a"), tree.join("a2"))?;
    fs::write(tree.join("b"), "other contents")?;
    fs::remove_file(tree.join("c"))?;
    fs::copy(tree.join("d"), tree.join("d2"))?;
    fs::write(tree.join("e"), "e")?;

    let ctx = Context::background();
    let listed = Listed::read(&ctx, &Root::from(list), None, LineEnd::Newline)?; // the format is found by the first lines
    let mut fates = Vec::new();
    for compared in audit(&ctx, listed, Some(&tree), Options::new([""; 0])) {
        let compared = compared?;
        let name = String::from_utf8_lossy(&compared.name);
        fates.push(match compared.fate {
            Fate::Ok => format!("{name} is what it was"),
            Fate::Moved { from } => format!("{name} was called {}", String::from_utf8_lossy(&from)),
            Fate::Copied { from } => format!("{name} is a copy of {}", String::from_utf8_lossy(&from)),
            fate => format!("{name}: {fate:?}"),
        });
    }
    fates.sort();
    fates.iter().for_each(|fate| println!("{fate}"));
    assert_eq!(fates.len(), 6);
    Ok(())
}
