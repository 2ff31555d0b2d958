//! Flags that go together, and flags that do not.

use crate::field::{Call, Field, Program, is_gnu_here, ours};

const FLAGS: [&str; 10] =
    ["-c", "-b", "-t", "--tag", "-z", "--quiet", "--status", "--warn", "--strict", "--ignore-missing"];

/// What the last of several flags decides, or their number.
fn check(field: &Field, flags: &[&str]) {
    let call = Call::new(flags.iter().chain(&["list"]));
    field.compare(&call, ours(&call));
}

fn field() -> Field {
    let field = Field::new();
    field.list("list", b"{a}  a\nnonsense\n{b}  b\n");
    field
}

#[test]
fn all_pairs_and_with_check_all_triples_in_every_order() {
    if !is_gnu_here() {
        return;
    }
    let field = field();
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

#[test]
fn long_names_short_names_and_names_in_one_word() {
    if !is_gnu_here() {
        return;
    }
    let field = field();
    for line in
        ["--check list", "-cw list", "-wc list", "list -c", "--text a", "--binary a", "--zero a", "-bz a", "-cz list"]
    {
        let call = Call::line(line);
        let ours = if line.contains('c') { ours(&Call::line("-c")) } else { &[Program::Md5sum] };
        field.compare(&call, ours);
    }
}

#[test]
fn what_is_no_option_is_refused() {
    if !is_gnu_here() {
        return;
    }
    let field = field();
    for line in ["--nonsense", "-x", "-cx list", "-c --nonsense list", "-h"] {
        field.compare(&Call::line(line), &[Program::Md5sum]);
    }
}
