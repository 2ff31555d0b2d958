//! Seals: of any list that was sealed, and of what became of it.
//!
//! Run with `cargo +nightly fuzz run seal`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use md5all::manifest::{Format, Layout, LineEnd, Reader, Seal, Writer};
use md5all::{Algorithm, Checksum, Hashed};

/// What is made of a list when it is read to its end.
fn seal_of(text: &[u8], format: Format) -> Seal {
    let mut reader = Reader::new(text, format, LineEnd::Newline);
    while reader.read().expect("memory can be read").is_some() {}
    reader.seal()
}

fn sealed(names: &[u8]) -> Vec<u8> {
    let mut list = Writer::new(Vec::new(), Layout::from(Format::Gnu).seal(true));
    let checksum = Checksum::new(Algorithm::Md5, &[7; 16]).expect("it has the length");
    for name in names.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        list.write(name, &Hashed::new(checksum)).expect("memory can be written");
    }
    list.finish().expect("memory can be flushed")
}

// The first bytes say where to change the list of what follows, and how; and all of it is read as a list as it stands.
fuzz_target!(|input: &[u8]| {
    for format in [Format::Gnu, Format::Bsd, Format::Hashdeep] {
        seal_of(input, format);
    }
    let Some((&[low, high, with, how], names)) = input.split_first_chunk() else { return };
    let list = sealed(names);
    assert_eq!(seal_of(&list, Format::Gnu), Seal::Whole);
    let at = usize::from(u16::from_le_bytes([low, high])) % list.len();
    let mut other = list.clone();
    match how % 3 {
        0 => other[at] = with,
        1 => other.insert(at, with),
        _ => drop(other.remove(at)),
    }
    assert_eq!(seal_of(&other, Format::Gnu) == Seal::Whole, other == list);
});
