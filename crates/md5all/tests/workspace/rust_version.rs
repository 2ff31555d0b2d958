//! The oldest Rust that serves: one version, said in several places.

use std::process::Command;

use crate::sources::{read, workspace};

/// What the workspace says, as in `1.95`.
fn said() -> String {
    let manifest = read("Cargo.toml");
    let line = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")).expect("Cargo.toml has one");
    line.trim_end_matches('"').to_owned()
}

#[test]
fn every_place_says_the_same_version() {
    let said = said();
    for (path, before) in [("README.md", "Rust "), ("CONTRIBUTING.md", "Rust ")] {
        let text = read(path);
        let versions: Vec<_> = text.split(before).skip(1).filter_map(|rest| rest.split_once(" or later")).collect();
        let versions: Vec<_> =
            versions.into_iter().map(|(version, _)| version).filter(|version| version.len() < 8).collect();
        assert!(!versions.is_empty(), "{path} does not say `Rust {said} or later`");
        assert!(versions.iter().all(|version| **version == *said), "{path} says {versions:?}, Cargo.toml {said}");
    }
    for name in ["errgroup", "md5-lanes", "md5all"] {
        let manifest = read(&format!("crates/{name}/Cargo.toml"));
        assert!(manifest.contains("\nrust-version.workspace = true\n"), "{name} has a version of its own, or none");
    }
}

#[test]
fn the_rust_that_runs_is_no_older() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).arg("--version").current_dir(workspace()).output().expect("rustc can be run");
    let text = String::from_utf8(output.stdout).expect("rustc says ASCII");
    let number = |version: &str| version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    let running = text.split(' ').nth(1).and_then(number).unwrap_or_else(|| panic!("rustc said {text:?}"));
    assert!(number(&said()).is_some_and(|oldest| oldest <= running), "{text} is older than {}", said());
}
