//! What would be published of each crate.

use std::process::Command;

use crate::sources::{read, workspace};

const CRATES: [&str; 3] = ["errgroup", "md5-lanes", "md5all"];

/// The files that would be in a crate's package.
fn packed(name: &str) -> Vec<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["package", "--list", "--allow-dirty", "--locked", "-p", name]).current_dir(workspace());
    let output = command.output().expect("cargo can be run");
    assert!(output.status.success(), "cargo package: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("names are ASCII").lines().map(str::to_owned).collect()
}

#[test]
fn each_crate_is_packed_with_its_readme_its_licences_and_its_sources() {
    for name in CRATES {
        let packed = packed(name);
        for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "src/lib.rs"] {
            assert!(packed.iter().any(|packed| packed == file), "{name} would be published without {file}");
        }
        let strange: Vec<_> =
            packed.iter().filter(|file| file.starts_with("fuzz/") || file.starts_with("target/")).collect();
        assert!(strange.is_empty(), "{name} would be published with {strange:?}");
    }
}

#[test]
fn each_crate_says_what_a_registry_and_docs_rs_ask() {
    for name in CRATES {
        let manifest = read(&format!("crates/{name}/Cargo.toml"));
        let asked = [
            "description = ",
            "keywords = ",
            "categories = ",
            "readme = ",
            "license.workspace",
            "rust-version.workspace",
        ];
        let missing: Vec<_> = asked.into_iter().filter(|key| !manifest.contains(&format!("\n{key}"))).collect();
        assert!(missing.is_empty(), "crates/{name}/Cargo.toml has no {missing:?}");
        let docs = "[package.metadata.docs.rs]\nall-features = true\n";
        assert!(manifest.contains(docs), "docs.rs would not show what features add to {name}");
    }
}
