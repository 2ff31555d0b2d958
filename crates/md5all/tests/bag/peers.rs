//! Beside the Library of Congress's `bagit`: it verifies ours, and we verify its.
//!
//! It is taken from `bagit` in the build directory, a virtual environment of Python, or else from the system's Python.
//! Known differences, none of which is in these bags: it makes bags of 0.97, decodes no `%25`, and strips blanks at the
//! ends of names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{finish, run, tree};

/// Python with bagit, if there is any; a message, if not.
fn bagit() -> Option<Command> {
    let own = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../bagit/bin/python");
    let has_bagit = |python: &PathBuf| {
        let mut command = Command::new(python);
        let probe = command.args(["-c", "import bagit"]).stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    };
    let found = [own, "python3".into()].into_iter().find(has_bagit);
    if found.is_none() {
        eprintln!("SKIPPED: there is no Python with bagit here to test with (pip install bagit)");
    }
    found.map(Command::new)
}

const NAMES: [&str; 8] =
    ["a", "sub/b", "sub/deep/c", "two words", "größe", "line\nfeed", "carriage\rreturn", "star*and\\back"];

fn planted() -> tempfile::TempDir {
    let names: Vec<_> = NAMES.iter().map(|name| format!("bag/{name}")).collect();
    tree(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn bagit_finds_our_bags_valid() {
    for version in ["1.0", "0.97"] {
        for algorithms in ["sha512", "md5,sha256,sha512", "sha1"] {
            let Some(mut bagit) = bagit() else { return };
            let dir = planted();
            run(dir.path(), &["bag", "create", "--version-of", version, "-a", algorithms, "bag"]).clean();
            let came = finish(bagit.args(["-m", "bagit", "--validate", "bag"]).current_dir(dir.path()));
            assert_eq!(came.code, Some(0), "{version} {algorithms}: {came:?}");
        }
    }
}

#[test]
fn we_find_bags_of_bagit_valid_and_invalid_when_they_are() {
    for algorithm in ["--md5", "--sha1", "--sha256", "--sha512"] {
        let Some(mut bagit) = bagit() else { return };
        let dir = planted();
        let arguments = ["-m", "bagit", algorithm, "--contact-name", "somebody", "bag"];
        let came = finish(bagit.args(arguments).current_dir(dir.path()));
        assert_eq!(came.code, Some(0), "{came:?}");
        assert_eq!(run(dir.path(), &["bag", "verify", "bag"]).clean(), "bag: valid\n");
        fs::write(dir.path().join("bag/data/a"), "else").unwrap();
        assert_eq!(run(dir.path(), &["bag", "verify", "bag"]).code, Some(1));
    }
}

type Meddle = fn(&Path);

/// What both know to be wrong.
#[test]
fn bagit_and_we_agree_on_what_is_broken() {
    let rows: [(&str, Meddle); 6] = [
        ("missing", |bag| fs::remove_file(bag.join("data/a")).unwrap()),
        ("too much", |bag| fs::write(bag.join("data/more"), "").unwrap()),
        ("changed", |bag| fs::write(bag.join("data/a"), "bag/A").unwrap()),
        ("tag changed", |bag| fs::write(bag.join("bag-info.txt"), "Contact-Name: nobody\n").unwrap()),
        ("no declaration", |bag| fs::remove_file(bag.join("bagit.txt")).unwrap()),
        ("no payload", |bag| fs::remove_dir_all(bag.join("data")).unwrap()),
    ];
    for (row, meddle) in rows {
        let Some(mut bagit) = bagit() else { return };
        let dir = planted();
        run(dir.path(), &["bag", "create", "-a", "md5", "bag"]).clean();
        meddle(&dir.path().join("bag"));
        let theirs = finish(bagit.args(["-m", "bagit", "--validate", "bag"]).current_dir(dir.path()));
        assert_eq!((theirs.code, run(dir.path(), &["bag", "verify", "bag"]).code), (Some(1), Some(1)), "{row}");
    }
}
