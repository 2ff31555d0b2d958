//! What must hold of a bag's tag files, whatever is in them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use crate::algorithm::Algorithm;
use crate::bag::tags::{self, Encoding};
use crate::bag::{BagVersion, names, verify};

/// Any text is a tag file, good or bad, in every encoding; a name on it that is safe leads nowhere else.
pub fn tags(text: &[u8]) {
    let _ = tags::declaration(text).expect("memory can be read");
    for encoding in [Encoding::Utf8, Encoding::Latin1, Encoding::Utf16, Encoding::Utf16Le] {
        // What is not UTF-16 is an error.
        let _ = tags::oxum(text, encoding, |_| {});
        let mut last = 0;
        let _ = tags::lines(text, encoding, |number, line| {
            assert!(number == last + 1 && !line.iter().any(|byte| matches!(byte, b'\n' | b'\r')));
            last = number;
            self::line(line);
        });
    }
}

fn line(line: &[u8]) {
    for algorithm in Algorithm::ALL {
        if let Some((checksum, name)) = verify::parse(line, algorithm) {
            assert_eq!(checksum.algorithm(), algorithm);
            self::name(name);
        }
    }
    verify::parse_fetch(line).into_iter().for_each(name);
    name(line);
}

fn name(name: &[u8]) {
    let encoded = names::encode(name, BagVersion::V1_0);
    assert_eq!(*names::decode(&encoded), *name);
    let decoded = names::decode(name);
    if names::is_safe(&decoded) {
        let path = Path::new(OsStr::from_bytes(&decoded));
        assert!(path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)));
    }
}
