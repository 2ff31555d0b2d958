//! MD5All, the program Go's documentation of errgroup is known for: the MD5 sum of every regular file below a
//! directory, by one task that walks, twenty that digest, and one group that stops them all at the first error.
//!
//! `cargo run --release --example md5all -- DIR`
//!
//! It is the plain program, in a page, straight on `Group` and bounded channels. The crate `md5all` is what becomes
//! of it when every file, byte and error counts.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crossbeam_channel::{bounded, select};
use errgroup::{Context, Group};
use md5::{Digest, Md5};
use walkdir::WalkDir;

const DIGESTERS: usize = 20;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let root = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    match md5_all(&Context::background(), root).and_then(|sums| print(&sums)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn print(sums: &BTreeMap<PathBuf, String>) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    for (path, sum) in sums {
        out.write_all(path.as_os_str().as_encoded_bytes())?;
        writeln!(out, ":\t{sum}")?;
    }
    Ok(out.flush()?)
}

/// Reads all the files in the tree rooted at `root` and returns a map from path to MD5 sum. If the walk or any read
/// fails, everything stops, and that error is what the caller gets.
fn md5_all(ctx: &Context, root: PathBuf) -> Result<BTreeMap<PathBuf, String>, Failure> {
    let (group, ctx) = Group::<Failure>::with_context(ctx);
    let (to_digest, paths) = bounded::<PathBuf>(DIGESTERS);
    let (to_collect, sums) = bounded::<(PathBuf, String)>(DIGESTERS);

    let walking = ctx.clone();
    group.go(move || {
        for entry in WalkDir::new(root) {
            let entry = entry?;
            if entry.file_type().is_file() {
                select! {
                    send(to_digest, entry.into_path()) -> sent => sent?,
                    recv(walking.done()) -> _ => return Err(stopped(&walking)),
                }
            }
        }
        Ok(())
    });

    for _ in 0..DIGESTERS {
        let (paths, to_collect, ctx) = (paths.clone(), to_collect.clone(), ctx.clone());
        group.go(move || {
            for path in paths {
                let sum = md5_file(&path)?;
                select! {
                    send(to_collect, (path, sum)) -> sent => sent?,
                    recv(ctx.done()) -> _ => return Err(stopped(&ctx)),
                }
            }
            Ok(())
        });
    }
    drop((paths, to_collect)); // the digesters' own ends are the last: the channel closes behind them

    let all = sums.into_iter().collect();
    group.wait()?;
    Ok(all)
}

fn md5_file(path: &Path) -> Result<String, Failure> {
    let sum = || {
        let (mut file, mut md5, mut buffer) = (File::open(path)?, Md5::new(), [0; 16 * 1024]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
                count => md5.update(&buffer[..count]),
            }
        }
    };
    sum().map_err(|error: io::Error| format!("{}: {error}", path.display()).into())
}

fn stopped(ctx: &Context) -> Failure {
    ctx.cause().map_or_else(|| "stopped".into(), Failure::from)
}
