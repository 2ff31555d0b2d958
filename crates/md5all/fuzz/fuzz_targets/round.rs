//! Any text is a list in some format, good or bad. What is understood of it is written, and must be understood again.

use md5all::manifest::{Format, LineEnd, Reader, Writer};
use md5all::{Algorithm, Checksum, Digest};

/// Reads a list; gives the names and digests of MD5 on it.
fn read(text: &[u8], format: Format, end: LineEnd) -> Vec<(Vec<u8>, Digest)> {
    let lines = text.split(|&byte| byte == if end == LineEnd::Nul { 0 } else { b'\n' }).count() as u64;
    let mut reader = Reader::new(text, format, end);
    let mut entries = Vec::new();
    let mut last = 0;
    while let Some(line) = reader.read().expect("memory can be read") {
        assert!(last < line.number && line.number <= lines);
        last = line.number;
        let Some(entry) = line.entry else { continue };
        assert!(!entry.name.contains(&0), "no file is called that");
        assert_eq!(entry.checksum.as_bytes().len(), entry.checksum.algorithm().length());
        if entry.checksum.algorithm() == Algorithm::Md5 {
            let digest = Digest::from(<[u8; 16]>::try_from(entry.checksum.as_bytes()).expect("an MD5 has 16 bytes"));
            assert_eq!(entry.checksum, Checksum::from(digest));
            entries.push((entry.name.to_vec(), digest));
        }
    }
    entries
}

/// The property.
pub fn check(text: &[u8], format: Format) {
    for end in [LineEnd::Newline, LineEnd::Nul] {
        let mut entries = read(text, format, end);
        // No file has an empty name, and it would be written as a line that is too short.
        entries.retain(|(name, _)| !name.is_empty());
        let mut written = Writer::new(Vec::new(), format, end);
        for (name, digest) in &entries {
            written.write(name, digest).expect("memory can be written");
        }
        let written = written.finish().expect("memory can be flushed");
        assert_eq!(read(&written, format, end), entries);
    }
}
