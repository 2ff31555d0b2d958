//! What must hold of parsers that nobody outside can call, whatever they are given: for fuzz targets, and for a test that
//! gives them the same seeds. Not there in any other build.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use crate::catalog::Catalog;
use crate::ledger::{self, Sidecar};
use crate::manifest::{escape, needs_escape, on_one_line, unescape};
use crate::naming::plain;
use crate::record::Hashed;
use crate::source::mounts::parse;

pub use crate::bag::fuzzing::tags;

/// A ledger: what is understood of it is written, and must be understood again.
pub fn ledger(text: &[u8]) {
    let (mut lines, mut files) = (ledger::Reader::new(text), Catalog::default());
    while let Some((path, checksums, facts)) = lines.read().expect("memory can be read") {
        assert!(!path.is_empty() && !path.contains(&0) && !checksums.algorithms().is_empty());
        let hashed = Hashed::new(checksums.clone()).with_facts(facts);
        let mut written = Sidecar::new(Vec::new()).expect("memory can be written");
        let done = if facts.are_whole() { written.write(path, &hashed) } else { written.write_doubt(path, &hashed) };
        done.expect("memory can be written");
        let written = written.finish().expect("memory can be flushed");
        let mut again = ledger::Reader::new(&written[..]);
        let found = again.read().expect("memory can be read");
        assert_eq!(found, Some((path, checksums.clone(), facts)));
        files.enter_with_room(&plain(path), &checksums, &facts);
    }
    let whole = lines.whole() as usize;
    assert!(whole == 0 || text[whole - 1] == b'\n');
    ledger::add_facts(text, &mut files).expect("memory can be read");
}

/// A name: it is one line, escaped, and the same afterwards; and it has one spelling.
pub fn name(name: &[u8]) {
    let (mut escaped, mut unescaped) = (Vec::new(), Vec::new());
    escape(&mut escaped, name);
    assert!(!escaped.iter().any(|byte| matches!(byte, b'\n' | b'\r')));
    assert_eq!(unescape(&mut unescaped, &escaped).is_some(), !name.contains(&0));
    assert!(name.contains(&0) || unescaped == name);
    assert_eq!(on_one_line(name).starts_with(b"\\"), needs_escape(name));
    if unescape(&mut unescaped, name).is_some() && !name.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        escape(&mut escaped, &unescaped);
        assert_eq!(escaped, name);
    }
    let once = plain(name);
    assert_eq!(plain(&once), once);
    assert!(parts(name).eq(parts(&once)));
}

/// A table of mounts: a line is one or it is none, and one can be told.
pub fn mounts(text: &[u8]) {
    for (_, mount) in text.split(|&byte| byte == b'\n').filter_map(parse) {
        assert!(mount.point.as_os_str().len() <= text.len() && !mount.to_string().is_empty());
    }
}

/// The parts of a path, as the standard library has them.
fn parts(name: &[u8]) -> impl Iterator<Item = Component<'_>> {
    Path::new(OsStr::from_bytes(name)).components().filter(|part| *part != Component::CurDir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::fs;

    /// What a target's corpus has, and each of them cut short at every byte.
    fn for_all_seeds(target: &str, check: fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let seeds: Vec<_> =
            fs::read_dir(&corpus).unwrap().map(|seed| fs::read(seed.unwrap().path()).unwrap()).collect();
        assert!(!seeds.is_empty());
        for seed in seeds {
            (0..=seed.len()).for_each(|end| check(&seed[..end]));
        }
    }

    #[test]
    fn every_seed_of_the_fuzz_targets_holds_cut_short_anywhere() {
        for_all_seeds("ledger", ledger);
        for_all_seeds("name", name);
        for_all_seeds("tags", tags);
        for_all_seeds("mounts", mounts);
    }

    proptest! {
        #[test]
        fn any_bytes_hold(text in vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\\/.\n\r%:-# 0a"[..])], 0..60)) {
            [ledger, name, tags, mounts].into_iter().for_each(|check| check(&text));
        }
    }
}
