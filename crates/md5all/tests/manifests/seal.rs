//! Sealed lists: made by the program, read by it and by those whose formats they are.

use std::fs;
use std::os::unix::process::CommandExt;

use tempfile::TempDir;

use crate::harness::{finish, found, md5all, plant, roomy, run};

const FORMATS: [&str; 4] = ["gnu", "gnu-binary", "bsd", "hashdeep"];

/// A tree of three files, and a sealed list of it.
fn sealed(format: &str) -> TempDir {
    let dir = roomy();
    for name in ["t/a", "t/b", "t/c c"] {
        plant(dir.path(), name.as_ref(), name.as_bytes());
    }
    run(dir.path(), &["--seal", "--format", format, "-o", "list", "t"]).clean();
    dir
}

fn list_of(dir: &TempDir) -> String {
    fs::read_to_string(dir.path().join("list")).unwrap()
}

#[test]
fn a_sealed_list_is_well_and_says_how_much_it_lists() {
    for format in FORMATS {
        let dir = sealed(format);
        assert!(list_of(&dir).contains("\n# md5all: seal of 3 files, 11 bytes: sha256 "), "{format}");
        run(dir.path(), &["-c", "--strict", "list"]).clean();
        run(dir.path(), &["audit", "list", "t"]).clean();
    }
}

#[test]
fn gnus_md5sum_and_hashdeep_read_sealed_lists() {
    for (format, tool, arguments) in [
        ("gnu", "md5sum", &["-c", "--strict", "list"][..]),
        ("gnu-binary", "md5sum", &["-c", "--strict", "list"]),
        ("bsd", "md5sum", &["-c", "--strict", "list"]),
        ("hashdeep", "hashdeep", &["-l", "-r", "-a", "-k", "list", "t"]),
    ] {
        let dir = sealed(format);
        let Some(mut command) = found(tool) else { continue };
        let ended = finish(command.args(arguments).current_dir(dir.path()));
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{format}: {ended:?}");
    }
}

/// All files are what their lines say, and yet the list is not.
#[test]
fn check_and_audit_tell_a_broken_seal_and_fail() {
    for format in FORMATS {
        let dir = sealed(format);
        let whole = list_of(&dir);
        let lines: Vec<_> = whole.split_inclusive('\n').collect();
        let last_file = lines.len() - 2;
        let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().concat();
        let first = lines.iter().position(|line| line.contains("is sealed")).unwrap();
        for (text, why) in [
            (without(last_file), "the list was changed"),
            (without(lines.len() - 1), "the list was cut short"),
            (without(first), "the beginning of the list is missing"),
            ([&*whole, "# more\n"].concat(), "something follows it"),
            (whole[..whole.len() - 1].to_owned(), "the list was cut short"),
            (whole.replace('\n', "\r\n"), "the list was changed"),
        ] {
            fs::write(dir.path().join("list"), text).unwrap();
            let said = format!("md5all: list: the seal is broken: {why}\n");
            for voice in ["--warn", "--quiet", "--status"] {
                let check = run(dir.path(), &["-c", voice, "list"]);
                assert_eq!((check.code, &check.stderr), (Some(1), &said), "{format}, {voice}");
            }
            let audit = run(dir.path(), &["audit", "list", "t"]);
            assert_eq!((audit.code, &audit.stderr), (Some(2), &said), "{format}");
        }
    }
}

#[test]
fn under_gnus_names_a_seal_is_a_comment_like_any_other() {
    let dir = sealed("gnu");
    let cut: Vec<_> = list_of(&dir).lines().take(2).map(str::to_owned).collect();
    fs::write(dir.path().join("list"), cut.join("\n") + "\n").unwrap();
    assert_eq!(finish(md5all(dir.path()).arg0("md5sum").args(["-c", "list"])).clean(), "t/a: OK\n");
    assert_eq!(run(dir.path(), &["-c", "list"]).code, Some(1));
}

#[test]
fn what_cannot_be_sealed_is_refused() {
    let dir = sealed("gnu");
    for format in ["go", "csv", "ndjson", "bagit"] {
        let refused = run(dir.path(), &["--seal", "--format", format, "t"]);
        assert_eq!((refused.code, refused.stdout.len()), (Some(3), 0));
        assert!(refused.stderr.starts_with(&format!("md5all: {format} manifests cannot be sealed\n")));
    }
    let nul = run(dir.path(), &["--seal", "-z", "t"]);
    assert_eq!(nul.code, Some(3));
    assert!(nul.stderr.starts_with("md5all: a manifest whose lines end with NUL cannot be sealed\n"));
}
