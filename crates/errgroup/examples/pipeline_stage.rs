//! Stages with loops of their own, which need not give a result for each item: `Pipeline::stage`.
//!
//! `cargo run --example pipeline_stage -- DIR` looks for equal files below DIR, in two stages: one worker lets through
//! only files of whose size there is another, several read those. Nothing is read that cannot have an equal.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use errgroup::{Context, Pipeline};
use md5::{Digest, Md5};
use walkdir::WalkDir;

fn main() -> io::Result<()> {
    let root = std::env::args_os().nth(1).unwrap_or_else(|| "crates".into());
    let files = Pipeline::source(&Context::background(), 64, move |out| {
        for entry in WalkDir::new(root) {
            let entry = entry?;
            if entry.file_type().is_file() {
                out.send((entry.metadata()?.len(), entry.into_path()))?;
            }
        }
        Ok::<_, io::Error>(())
    });
    let candidates = files.stage(1, |files, out| {
        let mut alone: HashMap<u64, Option<PathBuf>> = HashMap::new();
        for (size, path) in files {
            if let Some(first) = alone.get_mut(&size) {
                first.take().map_or(Ok(()), |first| out.send(first))?; // it was waiting for company
                out.send(path)?;
            } else {
                alone.insert(size, Some(path));
            }
        }
        Ok(())
    });
    let summed = candidates.stage(4, |paths, out| {
        for path in paths {
            let sum: [u8; 16] = Md5::digest(fs::read(&path)?).into();
            out.send((sum, path))?;
        }
        Ok(())
    });
    let mut equal: HashMap<[u8; 16], Vec<PathBuf>> = HashMap::new();
    for pair in summed {
        let (sum, path) = pair?;
        equal.entry(sum).or_default().push(path);
    }
    equal.retain(|_, paths| paths.len() > 1);
    println!("{} sets of equal files", equal.len());
    for paths in equal.values() {
        println!("{paths:?}");
    }
    Ok(())
}
