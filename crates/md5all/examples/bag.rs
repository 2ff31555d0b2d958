//! A bag of a directory, and whether it is one: `create_bag`, `verify_bag`.
//!
//! `cargo run -p md5all --example bag` makes a bag (RFC 8493), verifies it, and then once more, with a file of it spoilt.

use std::error::Error;
use std::fs;

use errgroup::Context;
use md5all::{Algorithm, Grade, NewBag, Options, create_bag, verify_bag};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let bag = dir.path();
    fs::write(bag.join("letter"), "Dear reader")?;
    fs::write(bag.join("photo"), [0xFF, 0xD8])?;

    let (ctx, options) = (Context::background(), Options::new([bag]));
    let new = NewBag::default()
        .algorithms([Algorithm::Sha256, Algorithm::Md5])
        .info([("Source-Organization", "An archive"), ("Contact-Name", "A. Reader")]);
    create_bag(&ctx, bag, &new, &options)?; // what was in it is below data/ now
    let bagged = verify_bag(&ctx, bag, &options, |finding| println!("{finding:?}"))?;
    println!("{} files of {} bytes, worst: {:?}", bagged.files, bagged.bytes, bagged.worst);
    assert_eq!(bagged.worst, None);

    fs::write(bag.join("data/letter"), "Dear writer")?;
    let bagged = verify_bag(&ctx, bag, &options, |finding| println!("{finding:?}"))?;
    assert_eq!(bagged.worst, Some(Grade::Invalid));
    Ok(())
}
