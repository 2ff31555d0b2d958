//! Tasks that may fail, as one operation: `Group::with_context`, `go`, `join`.
//!
//! `cargo run --example group -- FILE…` counts the lines of the files, one task each. The first file that cannot be
//! read stops the others and is what the program says.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use errgroup::{Context, Group};

fn main() -> Result<(), String> {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        files = ["README.md", "DESIGN.md", "Cargo.toml"].map(str::to_owned).into();
    }
    println!("{} lines", count_all(files)?);
    Ok(())
}

fn count_all(files: Vec<String>) -> Result<u64, String> {
    let (group, ctx) = Group::<String>::with_context(&Context::background());
    let total = Arc::new(AtomicU64::new(0));
    for file in files {
        let (ctx, total) = (ctx.clone(), Arc::clone(&total));
        group.go(move || {
            let lines = count(&ctx, &file).map_err(|error| format!("{file}: {error}"))?;
            total.fetch_add(lines, Ordering::Relaxed);
            Ok(())
        });
    }
    group.join()?; // all have returned
    Ok(total.load(Ordering::Relaxed))
}

fn count(ctx: &Context, file: &str) -> io::Result<u64> {
    let mut lines = 0;
    for line in BufReader::new(File::open(file)?).split(b'\n') {
        ctx.check()?; // another file has failed: nobody wants this number any more
        line?;
        lines += 1;
    }
    Ok(lines)
}
