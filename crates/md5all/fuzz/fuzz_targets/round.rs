//! Any text is a list in some format, good or bad. What is understood of it is written, and must be understood again.

use md5all::manifest::{Format, Layout, LineEnd, Reader, Unsayable, Writer};
use md5all::{Algorithms, Checksums, Facts, Hashed};

/// What a list says of a file.
type Said = (Vec<u8>, Checksums, Facts);

/// Reads a list to its end.
fn read(mut reader: Reader<&[u8]>, lines: u64) -> Vec<Said> {
    let mut entries = Vec::new();
    let mut last = 0;
    while let Some(line) = reader.read().expect("memory can be read") {
        assert!(last < line.number && line.number <= lines);
        last = line.number;
        let Some(entry) = line.entry else { continue };
        assert!(!entry.name.contains(&0), "no file is called that");
        assert!(!entry.checksums.algorithms().is_empty());
        entries.push((entry.name.to_vec(), entry.checksums, entry.facts));
    }
    entries
}

fn lines(text: &[u8], end: LineEnd) -> u64 {
    text.split(|&byte| byte == if end == LineEnd::Nul { 0 } else { b'\n' }).count() as u64
}

/// The property.
#[allow(dead_code, reason = "each target uses a part")]
pub fn check(text: &[u8], format: Format) {
    for end in [LineEnd::Newline, LineEnd::Nul] {
        let layout = Layout::from(format).end(end);
        if layout.check().is_err() {
            continue;
        }
        let mut entries = read(Reader::new(text, format, end), lines(text, end));
        // No file has an empty name, and it would be written as a line that is too short.
        entries.retain(|(name, ..)| !name.is_empty());
        // Every file on a list of hashdeep's has the same columns: each is a list of its own.
        let some = if format == Format::Hashdeep { 1 } else { entries.len().max(1) };
        entries.chunks(some).for_each(|entries| again(entries, format, end));
    }
}

fn again(entries: &[Said], format: Format, end: LineEnd) {
    let algorithms: Algorithms =
        entries.iter().flat_map(|(_, checksums, _)| checksums.iter()).map(|one| one.algorithm()).collect();
    let layout = Layout::from(format).end(end).algorithms(algorithms);
    let mut written = Writer::new(Vec::new(), layout);
    let mut expected = Vec::new();
    for (name, checksums, facts) in entries {
        match written.write(name, &Hashed::new(checksums.clone()).with_facts(*facts)) {
            Ok(()) => expected.push((name.clone(), checksums.clone(), *facts)),
            Err(error) => drop(Unsayable::of(&error).expect("memory can be written")),
        }
    }
    let written = written.finish().expect("memory can be flushed");
    assert_eq!(read(Reader::new(&written, format, end), lines(&written, end)), expected);
}

/// What is read in the format that was found is what is read in it when it is asked for.
#[allow(dead_code, reason = "each target uses a part")]
pub fn detect(text: &[u8]) {
    for end in [LineEnd::Newline, LineEnd::Nul] {
        let mut reader = Reader::detect(text, end);
        while reader.read().expect("memory can be read").is_some() {}
        let format = match reader.format() {
            None | Some(Format::Gnu | Format::GnuBinary | Format::Bsd) => Format::Gnu,
            Some(other) => other,
        };
        let found = read(Reader::detect(text, end), lines(text, end));
        assert_eq!(found, read(Reader::new(text, format, end), lines(text, end)));
    }
}
