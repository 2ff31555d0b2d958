//! Devices that fail: the path and the reason are said, the rest goes on, and the exit status shows it.

use std::fs;
use std::process::Stdio;

use crate::harness::*;
use crate::mounts::apart;
use crate::served::{Ask, Errno, Fault, Served};

/// As many as are tried: one worker or several, and any way to read the device.
const WAYS: [&[&str]; 4] = [&["-j", "1"], &["-j", "4"], &["--io", "ssd"], &["--io", "hdd", "--unordered"]];

/// One question about one path fails; so there is one message, and all other files have lines.
fn check(path: &str, ask: Ask, message: &str, lost: &[&str]) {
    apart(|| {
        let Some(served) = Served::new(&["a", "d/e", "d/f", "large", "z"]) else { return };
        fs::write(served.behind("large"), vec![b'x'; 300_000]).unwrap();
        let whole = oracle(served.dir(), "t");
        served.fault(path, ask, Fault::Error(Errno::EIO));
        let rest: Vec<&str> = whole.lines().filter(|line| !lost.contains(&&line[34..])).collect();
        for way in WAYS {
            let ended = run(served.dir(), &[way, &["t"]].concat());
            assert_eq!(ended.code, Some(2), "{way:?} {ended:?}");
            assert_eq!(ended.stderr, format!("md5all: {message}: Input/output error\n"), "{way:?}");
            let text = ended.text();
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable_by_key(|line| &line[34..]);
            assert_eq!(lines, rest, "{way:?}");
        }
    });
}

#[test]
fn a_file_cannot_be_read_from_the_start() {
    check("a", Ask::Read(0), "t/a: cannot read", &["t/a"]);
}

#[test]
fn a_file_cannot_be_read_from_the_middle_on() {
    check("large", Ask::Read(150_000), "t/large: cannot read", &["t/large"]);
}

#[test]
fn a_file_cannot_be_opened() {
    check("a", Ask::Open, "t/a: cannot open", &["t/a"]);
}

#[test]
fn a_file_cannot_be_found() {
    check("a", Ask::Look, "t/a: cannot open", &["t/a"]);
}

#[test]
fn a_file_cannot_be_looked_at() {
    check("a", Ask::Attributes, "t/a: cannot stat", &["t/a"]);
}

#[test]
fn a_directory_cannot_be_opened() {
    check("d", Ask::Open, "t/d: cannot open directory", &["t/d/e", "t/d/f"]);
}

#[test]
fn a_directory_cannot_be_looked_at() {
    check("d", Ask::Attributes, "t/d: cannot open directory", &["t/d/e", "t/d/f"]);
}

#[test]
fn a_directory_cannot_be_listed() {
    check("d", Ask::List(0), "t/d: cannot list directory", &["t/d/e", "t/d/f"]);
}

/// What was listed until then is hashed.
#[test]
fn a_directory_cannot_be_listed_to_its_end() {
    check("d", Ask::List(1), "t/d: cannot list directory", &["t/d/f"]);
}

#[test]
fn a_root_cannot_be_looked_at() {
    apart(|| {
        let Some(served) = Served::new(&["a"]) else { return };
        fs::write(served.dir().join("b"), "b").unwrap();
        served.fault("", Ask::Attributes, Fault::Error(Errno::EIO));
        let ended = run(served.dir(), &["t", "b"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), "md5all: t: cannot stat: Input/output error\n"));
        assert_eq!(ended.names(), ["b"]);
    });
}

/// As a network's file system may give them; not as the end, which is where the size says.
#[test]
fn reads_that_give_less_than_asked_for_are_not_the_end() {
    apart(|| {
        let Some(served) = Served::new(&["a"]) else { return };
        let large: Vec<u8> = (0..10_000u32).flat_map(u32::to_le_bytes).collect();
        fs::write(served.behind("large"), &large).unwrap();
        for most in [1, 63, 64, 65, 1_000, 4_096] {
            fs::write(served.behind("large"), &large[..most * 50.min(large.len() / most)]).unwrap();
            let whole = oracle(&served.behind(""), "large").replace("  large", "  t/large");
            served.read_at_most(most);
            for way in WAYS {
                let lines = run(served.dir(), &[way, &["t/large", "t/a"]].concat()).clean();
                assert!(lines.contains(&whole), "{most} {way:?} {lines}");
            }
        }
    });
}

fn lie(size: u64, contents: &[u8]) -> Option<Run> {
    let served = Served::new(&["a", "z"])?;
    fs::write(served.behind("liar"), contents).unwrap();
    served.lie("liar", size);
    Some(run(served.dir(), &["t"]))
}

#[test]
fn a_size_that_promises_other_than_what_is_read_is_an_error() {
    apart(|| {
        let large = vec![b'x'; 200_000];
        for (size, contents) in [(200, &large[..100]), (50, &large[..100]), (1 << 40, &large), (100_000, &large)] {
            let Some(ended) = lie(size, contents) else { return };
            let read = contents.len();
            let message = format!("md5all: t/liar: {read} bytes were read, but its size is {size}\n");
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), message.as_str()));
            assert_eq!(ended.names(), ["t/a", "t/z"]);
        }
    });
}

/// As in /proc, and on file systems that make files up.
#[test]
fn a_size_of_0_promises_nothing() {
    apart(|| {
        let contents = vec![b'x'; 200_000];
        let Some(ended) = lie(0, &contents) else { return };
        assert!(ended.clean().contains(&format!("{}  t/liar\n", md5(&contents))));
    });
}

/// The program keeps to the size once that many bytes are there, and a read may happen to end just there: to look behind
/// every file for what its size denies would be one more question each.
#[test]
fn what_lies_behind_the_end_that_the_size_says_may_not_be_seen() {
    apart(|| {
        let contents = vec![b'x'; 200_000];
        let Some(ended) = lie(65_536, &contents) else { return };
        assert!(ended.clean().contains(&format!("{}  t/liar\n", md5(&contents[..65_536]))));
    });
}

/// As `kill -9` of its server leaves it, or a network's that is given up. What waits is woken, and all that comes later
/// fails at once.
#[test]
fn a_file_system_that_is_gone_in_the_middle_is_an_error_and_not_a_hang() {
    apart(|| {
        let Some(served) = Served::new(&["a", "b", "x", "z"]) else { return };
        fs::write(served.dir().join("here"), "here").unwrap();
        served.fault("x", Ask::Read(0), Fault::Hold);
        let mut command = md5all(served.dir());
        let child = command.args(["t", "here"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        served.wait_held(1);
        served.cut_off();
        let ended = join(child);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("md5all: t/x: cannot read: Software caused connection abort\n"), "{ended:?}");
        assert!(ended.stderr.lines().all(|line| line.starts_with("md5all: t")), "{ended:?}");
        assert!(ended.names().contains(&"here".to_owned()));
    });
}
