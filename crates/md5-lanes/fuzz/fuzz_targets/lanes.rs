//! Messages of any lengths, in any parts, arriving at any time, in the lanes of every kernel, against RustCrypto.
//!
//! The input is a script. Each message takes three bytes: its length in units of 7 bytes, the length of its parts (0: it
//! is whole), and flags: bit 0, it ends in an empty part; bit 1, the lane that asks next gets nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use md5::Digest as _;
use md5_lanes::{Job, Kernel, Lanes, Md5, Turn};

/// Bytes of all messages, none of them special.
static BYTES: [u8; 2048] = {
    let mut bytes = [0; 2048];
    let mut i = 0;
    while i < bytes.len() {
        bytes[i] = (i * i / 3) as u8;
        i += 1;
    }
    bytes
};

struct Stream {
    index: usize,
    length: usize,
    part: usize,
    late_end: bool,
    from: usize,
    to: usize,
}

impl AsRef<[u8]> for Stream {
    fn as_ref(&self) -> &[u8] {
        &BYTES[self.from..self.to]
    }
}

impl Stream {
    fn read(index: usize, script: &[u8; 3]) -> Self {
        let [length, part, flags] = *script;
        let length = 7 * usize::from(length) + usize::from(flags >> 2) % 7;
        let part = if part == 0 { length } else { usize::from(part) };
        Self { index, length, part, late_end: flags & 1 == 1, from: 0, to: 0 }
    }

    fn next(mut self, md5: Md5) -> Job<Self> {
        let rest = self.length - self.to;
        let part = self.part.min(rest);
        let at_end = rest == 0 || (part == rest && !self.late_end);
        (self.from, self.to) = (self.to, self.to + part);
        if at_end { Job::last(md5, self) } else { Job::part(md5, self) }
    }
}

fn check(kernel: Kernel, scripts: &[[u8; 3]]) {
    let mut lanes: Lanes<Stream> = Lanes::with_kernel(kernel);
    let mut waiting = scripts.iter().enumerate();
    let mut done = 0;
    while waiting.len() > 0 {
        let mut pause = false;
        lanes.run(|turn| {
            match turn {
                Turn::Part(md5, stream) => return Some(stream.next(md5)),
                Turn::Digest(digest, stream) => {
                    let expected: [u8; 16] = md5::Md5::digest(&BYTES[..stream.length]).into();
                    assert_eq!(digest, expected, "{} of {}", stream.index, kernel.name());
                    done += 1;
                }
                Turn::Idle => {}
            }
            if std::mem::take(&mut pause) {
                return None;
            }
            let (index, script) = waiting.next()?;
            pause = script[2] & 2 == 2;
            Some(Stream::read(index, script).next(Md5::new()))
        });
    }
    assert_eq!(done, scripts.len());
}

fuzz_target!(|data: &[u8]| {
    let (scripts, _) = data.as_chunks::<3>();
    for kernel in Kernel::available() {
        check(kernel, scripts);
    }
});
