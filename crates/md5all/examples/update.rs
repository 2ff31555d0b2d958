//! A manifest kept up to date, in place: `Inventory`, `update`, `Change::to_list`, `Replacement`.
//!
//! `cargo run -p md5all --example update` lists a small tree in csv, whose columns have all facts, so that nothing need be kept
//! beside the manifest; then changes the tree, and the manifest follows.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, IntoInnerError};
use std::path::Path;

use errgroup::Context;
use md5all::manifest::{Format, Layout, LineEnd, Reader, Writer};
use md5all::{Inventory, Options, Replacement, Status, update};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let (tree, manifest) = (dir.path().join("tree"), dir.path().join("tree.csv"));
    fs::create_dir(&tree)?;
    fs::write(&manifest, "path,size,mtime_ns,ctime_ns,inode,md5\n")?; // nothing is listed yet
    fs::write(tree.join("a"), "one")?;
    fs::write(tree.join("b"), "two")?;
    bring_up_to_date(&manifest, &tree)?;

    fs::write(tree.join("a"), "another")?;
    fs::remove_file(tree.join("b"))?;
    fs::write(tree.join("c"), "three")?;
    bring_up_to_date(&manifest, &tree)?;
    print!("{}", fs::read_to_string(&manifest)?);
    Ok(())
}

fn bring_up_to_date(manifest: &Path, tree: &Path) -> Result<(), Box<dyn Error>> {
    let mut old = Reader::new(BufReader::new(File::open(manifest)?), Format::Csv, LineEnd::Newline);
    let listed = Inventory::read(&mut old, Some(tree))?;
    let layout = Layout::from(Format::Csv).algorithms(listed.algorithms());
    let mut new = Writer::new(BufWriter::new(Replacement::of(manifest)?), layout);
    update(&Context::background(), &listed, Options::new([""; 0]), false, |change| {
        if !matches!(change.finding, Status::Same(_)) {
            println!("{}: {:?}", String::from_utf8_lossy(change.name), change.finding);
        }
        if let Some(hashed) = change.to_list(true) {
            new.write(change.name, &hashed)?;
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    // Until here, the old manifest is what it was, whatever happens.
    new.finish()?.into_inner().map_err(IntoInnerError::into_error)?.commit()?;
    Ok(())
}
