//! Where this program differs from GNU's on purpose, each by its name.

use std::process::{Command, Stdio};

use crate::field::{Call, Ended, Field, Program, fill};
use crate::harness::md5;

const BOTH: [Program; 2] = [Program::Tool, Program::Md5all];

fn run(field: &Field, program: Program, line: &str, list: &[u8]) -> Ended {
    field.list("list", list);
    field.run(program, &Call::line(line))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// GNU's 9.1 takes it for malformed; `cksum` of later versions writes and reads it.
#[test]
fn digests_in_base64_are_read() {
    let field = Field::new();
    for program in BOTH {
        for list in [&b"MD5 (a) = DMF1ucDxtqgxw5niaXcmYQ==\n"[..], b"DMF1ucDxtqgxw5niaXcmYQ==  a\n"] {
            let ended = run(&field, program, "-c list", list);
            assert_eq!((text(&ended.stdout), ended.code), ("a: OK\n", Some(0)), "{ended:?}");
        }
    }
}

/// As `rhash --bsd` writes it; GNU's takes it for malformed.
#[test]
fn padding_between_tag_and_name_is_read() {
    let field = Field::new();
    for program in BOTH {
        let ended = run(&field, program, "-c list", b"MD5   (a) = {a}\n");
        assert_eq!((text(&ended.stdout), ended.code), ("a: OK\n", Some(0)), "{ended:?}");
    }
}

/// To GNU's tools a line of another algorithm is malformed: under their names it is, and under its own it is verified.
#[test]
fn lines_of_other_algorithms_are_verified() {
    let field = Field::new();
    let sha256 = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"; // of "a"
    let list = fill(format!("{{a}}  a\nSHA256 (a) = {sha256}\n{sha256}  b\nCRC32C (a) = c1d04330\n").as_bytes());
    let ended = run(&field, Program::Md5all, "-c -w list", &list);
    assert_eq!((text(&ended.stdout), ended.code), ("a: OK\na: OK\nb: FAILED\na: OK\n", Some(1)));
    assert_eq!(text(&ended.stderr), "md5all: WARNING: 1 computed checksum did NOT match\n");
    let ended = run(&field, Program::Tool, "-c list", &list);
    assert_eq!((text(&ended.stdout), ended.code), ("a: OK\n", Some(0)));
    assert_eq!(text(&ended.stderr), "md5sum: WARNING: 3 lines are improperly formatted\n");
}

/// The digests of BLAKE3 are as long as those of SHA-256: where nothing tells which it is, it is taken for the latter, and
/// nothing that has another is `OK`.
#[test]
fn an_untagged_digest_is_taken_for_what_has_its_length() {
    let field = Field::new();
    let blake3 = "17762fddd969a453925d65717ac3eea21320b66b54342fde15128d6caf21215f"; // of "a"
    for (list, stdout) in [(format!("BLAKE3 (a) = {blake3}\n"), "a: OK\n"), (format!("{blake3}  a\n"), "a: FAILED\n")] {
        let ended = run(&field, Program::Md5all, "-c --status list", list.as_bytes());
        assert_eq!(ended.code, Some(i32::from(stdout.ends_with("FAILED\n"))));
        assert_eq!(text(&run(&field, Program::Md5all, "-c list", list.as_bytes()).stdout), stdout);
    }
}

/// GNU's has no other format; and it refuses what it does not know in getopt's words, where md5all has clap's.
#[test]
fn lists_in_gos_format_are_read_when_asked_for() {
    let field = Field::new();
    let ended = run(&field, Program::Md5all, "-c --format go list", b"a:\t{a}\n# b:\t{b}\n{a}  a\n");
    assert_eq!(text(&ended.stdout), "a: OK\n# b: FAILED open or read\n");
    assert_eq!(ended.code, Some(1));
}

/// Where it writes to does not matter to a check; nor does it follow or skip links, or sort.
#[test]
fn flags_of_hashing_trees_are_refused_with_exit_1() {
    let field = Field::new();
    for flag in ["-o out", "--unordered", "-L", "--fail-fast"] {
        let ended = run(&field, Program::Md5all, &format!("-c {flag} list"), b"{a}  a\n");
        assert_eq!((text(&ended.stdout), ended.code), ("", Some(1)), "{flag}");
        assert!(
            text(&ended.stderr).starts_with("error: the argument '--check' cannot be used with")
                || text(&ended.stderr).contains("cannot be used with"),
            "{ended:?}"
        );
    }
    let ended = run(&field, Program::Md5all, "--status a", b"");
    assert_eq!(ended.code, Some(3), "without --check a command line that makes no sense is exit 3");
}

/// GNU's says only `write error`.
#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_said_with_its_reason() {
    let field = Field::new();
    field.list("list", b"{a}  a\n");
    for (program, name) in [(Program::Tool, "md5sum"), (Program::Md5all, "md5all")] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = field.command(program, &Call::line("-c list"));
        let output = command.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        let output = output.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let expected = format!("{name}: standard output: cannot write: No space left on device\n");
        assert_eq!(text(&output.stderr), expected);
    }
}

/// GNU's is ended by the signal; to a shell it is the same.
#[test]
fn a_reader_that_has_gone_is_exit_1_without_a_word() {
    let field = Field::new();
    field.list("list", &b"{a}  a\n".repeat(10_000));
    for program in BOTH {
        let mut command = field.command(program, &Call::line("-c list"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
    }
}

/// A digest of a file that was being written is a digest of nothing; GNU's gives one.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_changes_while_it_is_read_is_not_ok() {
    let field = Field::new();
    let huge = field.path("huge");
    let file = crate::harness::endless(&huge);
    field.list("list", format!("{}  huge\n", md5(b"")).as_bytes());
    let mut command = field.command(Program::Md5all, &Call::line("-c list"));
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until_begun(child.id());
    file.set_len(10).unwrap();
    let ended = crate::harness::join(child);
    assert_eq!(ended.stderr.lines().next(), Some("md5all: huge: file changed while it was read"));
    assert_eq!((text(&ended.stdout), ended.code), ("huge: FAILED open or read\n", Some(1)));
}

/// Returns once the process has read more than anything but the file holds.
#[cfg(target_os = "linux")]
fn wait_until_begun(process: u32) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let has_read = |text: String| {
        let count = text.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse::<u64>().ok());
        count.is_some_and(|count| count > 10 << 20)
    };
    while !std::fs::read_to_string(format!("/proc/{process}/io")).is_ok_and(has_read) {
        assert!(std::time::Instant::now() < deadline, "it is never read");
        std::thread::yield_now();
    }
}

/// A line of any length is one to GNU's.
#[test]
fn a_line_of_more_than_16_mib_is_malformed() {
    let field = Field::new();
    let list = [&fill(b"{a}  ")[..], &vec![b'x'; md5all::manifest::LONGEST_LINE], b"\n{a}  a\n"].concat();
    let ended = run(&field, Program::Md5all, "-c list", &list);
    assert_eq!((text(&ended.stdout), ended.code), ("a: OK\n", Some(0)));
    assert_eq!(text(&ended.stderr), "md5all: WARNING: 1 line is improperly formatted\n");
}

/// Rust's runtime opens `/dev/null` in its place before `main`; GNU's says `Bad file descriptor`.
#[test]
fn standard_input_that_was_closed_is_empty() {
    let field = Field::new();
    let mut shell = Command::new("sh");
    shell.current_dir(&field.dir).args(["-c", "exec \"$0\" -c <&-"]).arg(env!("CARGO_BIN_EXE_md5all"));
    let ended = crate::harness::finish(&mut shell);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr, "md5all: 'standard input': no properly formatted checksum lines found\n");
}

/// So it is here, and then it is no other than one that was redirected there; GNU's says `write error`, with exit 1.
#[test]
fn standard_output_that_was_closed_is_the_null_device() {
    let field = Field::new();
    field.list("list", b"{a}  a\n");
    let mut shell = Command::new("sh");
    shell.current_dir(&field.dir).args(["-c", "exec \"$0\" -c list >&-"]).arg(env!("CARGO_BIN_EXE_md5all"));
    let ended = crate::harness::finish(&mut shell);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}
