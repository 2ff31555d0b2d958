//! Any text is a list in some format, good or bad. What is understood of it is written, and must be understood again.

use md5all::manifest::{Format, Layout, LineEnd, Reader, Writer};
use md5all::{Checksums, Hashed};

/// Reads a list; gives the names and checksums on it.
fn read(text: &[u8], format: Format, end: LineEnd) -> Vec<(Vec<u8>, Checksums)> {
    let lines = text.split(|&byte| byte == if end == LineEnd::Nul { 0 } else { b'\n' }).count() as u64;
    let mut reader = Reader::new(text, format, end);
    let mut entries = Vec::new();
    let mut last = 0;
    while let Some(line) = reader.read().expect("memory can be read") {
        assert!(last < line.number && line.number <= lines);
        last = line.number;
        let Some(entry) = line.entry else { continue };
        assert!(!entry.name.contains(&0), "no file is called that");
        assert!(!entry.checksums.algorithms().is_empty());
        entries.push((entry.name.to_vec(), entry.checksums));
    }
    entries
}

/// The property.
pub fn check(text: &[u8], format: Format) {
    for end in [LineEnd::Newline, LineEnd::Nul] {
        let mut entries = read(text, format, end);
        // No file has an empty name, and it would be written as a line that is too short.
        entries.retain(|(name, _)| !name.is_empty());
        let mut written = Writer::new(Vec::new(), Layout { end, ..Layout::from(format) });
        for (name, checksums) in &entries {
            written.write(name, &Hashed::new(checksums.clone())).expect("memory can be written");
        }
        let written = written.finish().expect("memory can be flushed");
        assert_eq!(read(&written, format, end), entries);
    }
}
