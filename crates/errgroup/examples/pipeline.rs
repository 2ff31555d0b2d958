//! A pipeline in three stages: lines of files, words counted by four workers, a consumer that adds up.
//!
//! `cargo run --example pipeline -- FILE…` prints the twenty commonest words. An unreadable file stops everything.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

use errgroup::{Context, Pipeline};

fn main() -> io::Result<()> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let lines = Pipeline::source(&Context::background(), 256, move |out| {
        for file in files {
            for line in BufReader::new(File::open(file)?).lines() {
                out.send(line?)?; // waits while the workers are behind, fails once one of them has
            }
        }
        Ok::<_, io::Error>(())
    });
    let counts = lines.stage(4, |lines, out| {
        let mut counts: HashMap<String, u64> = HashMap::new();
        for line in lines {
            for word in line.split_whitespace() {
                *counts.entry(word.to_lowercase()).or_default() += 1;
            }
        }
        Ok(out.send(counts)?)
    });
    let mut total: HashMap<String, u64> = HashMap::new();
    for part in counts {
        for (word, count) in part? {
            *total.entry(word).or_default() += count;
        }
    }
    let mut ranking: Vec<_> = total.into_iter().collect();
    ranking.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    for (word, count) in ranking.into_iter().take(20) {
        writeln!(io::stdout(), "{count}\t{word}")?;
    }
    Ok(())
}
