//! Several ways to the same end, and the first that gets there: `race`.
//!
//! `cargo run --example race -- WORD` looks for a line with WORD in it in several files at once. Who finds one has won;
//! the others see it in their context, and stop.

use std::fs::File;
use std::io::{BufRead, BufReader};

use errgroup::Context;

const FILES: [&str; 3] = ["README.md", "DESIGN.md", "ARCHITECTURE.md"];

fn main() {
    let word = std::env::args().nth(1).unwrap_or_else(|| "errgroup".to_owned());
    let word = word.as_str();
    match errgroup::race(FILES.map(|file| move |ctx: &Context| find(ctx, file, word))) {
        Ok(found) => println!("{found}"),
        Err(errors) => errors.iter().for_each(|error| eprintln!("{error}")),
    }
}

fn find(ctx: &Context, file: &str, word: &str) -> Result<String, String> {
    let told = |error: &dyn std::fmt::Display| format!("{file}: {error}");
    for line in BufReader::new(File::open(file).map_err(|error| told(&error))?).lines() {
        ctx.check().map_err(|stopped| told(&stopped))?; // another was quicker
        let line = line.map_err(|error| told(&error))?;
        if line.contains(word) {
            return Ok(format!("{file}: {line}"));
        }
    }
    Err(told(&format_args!("nothing about {word}")))
}
