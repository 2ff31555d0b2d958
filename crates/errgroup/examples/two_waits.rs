//! One group, waited for in two places: `Group::wait`.
//!
//! `cargo run --example two_waits -- FILE…` sums files in tasks that send what they find. One thread waits for the group
//! to say that nothing more will come; the main thread, which prints, waits to hear of the error.

use std::error::Error;
use std::fs;
use std::io;
use std::sync::mpsc;
use std::thread;

use errgroup::Group;
use md5::{Digest, Md5};

fn main() -> Result<(), Box<dyn Error>> {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        files = ["README.md", "DESIGN.md", "Cargo.toml"].map(str::to_owned).into();
    }
    let group = Group::<io::Error>::new();
    let (sender, sums) = mpsc::channel();
    for file in files {
        let sender = sender.clone();
        group.go(move || {
            let sum = Md5::digest(fs::read(&file)?);
            sender.send((sum, file)).map_err(io::Error::other)
        });
    }
    thread::scope(|s| {
        s.spawn(|| {
            let _ = group.wait(); // what went wrong is for the other to say
            drop(sender); // the last one: it ends the loop below
        });
        for (sum, file) in sums {
            let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
            println!("{sum}  {file}");
        }
        group.wait()?; // the same error, wherever it is asked for
        Ok(())
    })
}
