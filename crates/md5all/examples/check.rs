//! What has become of the files in a list: `check_lists`.
//!
//! `cargo run -p md5all --example check` makes three files and a list of them, and spoils two. Each line of the list has its
//! own algorithm, as its digest shows.

use std::error::Error;
use std::fs;

use errgroup::Context;
use md5all::{Finding, Options, check_lists};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let list = dir.path().join("CHECKSUMS");
    let mut lines = String::new();
    for (name, digest) in [
        ("kept", "900150983cd24fb0d6963f7d28e17f72"),
        ("changed", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("gone", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ] {
        let file = dir.path().join(name);
        fs::write(&file, "abc")?;
        lines += &format!("{digest}  {}\n", file.display());
    }
    fs::write(&list, lines)?;
    fs::write(dir.path().join("changed"), "abd")?;
    fs::remove_file(dir.path().join("gone"))?;

    let mut wrong = 0;
    for verdict in check_lists(&Context::background(), None, Options::new([&list])) {
        let verdict = verdict?;
        let (line, name) = (verdict.line(), String::from_utf8_lossy(verdict.name()));
        match verdict.finding() {
            Finding::Same => println!("line {line}: {name}: fine"),
            Finding::Different(now) => println!("line {line}: {name}: has {:?} now", now.checksums()),
            Finding::Unreadable(reason) => println!("line {line}: {name}: {reason}"),
            Finding::Malformed => println!("line {line}: says nothing"),
            Finding::Broken(reason) => return Err(reason.to_string().into()),
            _ => continue, // the end of the list
        }
        wrong += usize::from(!matches!(verdict.finding(), Finding::Same));
    }
    assert_eq!(wrong, 2);
    Ok(())
}
