//! Flags that go together, and flags that do not.

use crate::field::{Call, Field, Program, fields, ours};

const FLAGS: [&str; 10] =
    ["-c", "-b", "-t", "--tag", "-z", "--quiet", "--status", "--warn", "--strict", "--ignore-missing"];

/// What the last of several flags decides, or their number.
fn check(field: &Field, flags: &[&str]) {
    let call = Call::new(flags.iter().chain(&["list"]));
    field.compare(&call, ours(&call));
}

fn with_list(field: Field) -> Field {
    field.list("list", b"{a}  a\nnonsense\n{b}  b\n");
    field
}

#[test]
fn all_pairs_and_with_check_all_triples_in_every_order() {
    for field in fields().map(with_list) {
        for one in FLAGS {
            check(&field, &[one]);
            for two in FLAGS {
                check(&field, &[one, two]);
                check(&field, &["-c", one, two]);
                if ["-b", "-t", "--tag"].contains(&one) {
                    check(&field, &["--tag", one, two]);
                }
            }
        }
    }
}

#[test]
fn long_names_short_names_and_names_in_one_word() {
    for field in fields().map(with_list) {
        for line in [
            "--check list",
            "-cw list",
            "-wc list",
            "list -c",
            "--text a",
            "--binary a",
            "--zero a",
            "-bz a",
            "-cz list",
        ] {
            let call = Call::line(line);
            let ours = if line.contains('c') { ours(&Call::line("-c")) } else { &[Program::Tool] };
            field.compare(&call, ours);
        }
    }
}

#[test]
fn what_is_no_option_is_refused() {
    for field in fields().map(with_list) {
        for line in ["--nonsense", "-x", "-cx list", "-c --nonsense list", "-h"] {
            field.compare(&Call::line(line), &[Program::Tool]);
        }
    }
}
