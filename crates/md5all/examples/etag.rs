//! The ETag that S3 would give a file: `etags`.
//!
//! `cargo run --release -p md5all --example etag -- FILE…` tells the ETags of files that are uploaded in parts of 8 MiB;
//! without arguments, of 8 MiB and one byte, all zeros.

use std::error::Error;
use std::fs::File;
use std::num::NonZeroU64;

use errgroup::Context;
use md5all::{Options, Root, Uploads, etags};

const MIB: u64 = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let zeros = tempfile::NamedTempFile::new()?;
    let mut files: Vec<_> = std::env::args_os().skip(1).map(Root::from).collect();
    if files.is_empty() {
        File::options().write(true).open(&zeros)?.set_len(8 * MIB + 1)?;
        files.push(Root::from(zeros.path()));
    }
    let part_size = NonZeroU64::new(8 * MIB).ok_or("no size")?;
    let uploads = Uploads::Planned { part_size, threshold: part_size.get() };
    for tagged in etags(&Context::background(), uploads, Options::new(files.clone())) {
        let tagged = tagged?;
        match tagged.outcome() {
            Ok(etags) => etags.iter().for_each(|(_, etag)| println!("{etag}  {:?}", files[tagged.root()])),
            Err(reason) => eprintln!("{:?}: {reason}", files[tagged.root()]),
        }
    }
    Ok(())
}
