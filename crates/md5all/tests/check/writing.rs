//! The program as `md5sum`: lines for files that are named, and nothing else.

use std::ffi::OsString;

use crate::field::{Call, FILES, Program, TOOLS, bytes, fields, fields_of};

#[test]
fn names_of_all_kinds_with_every_flag_that_changes_lines() {
    for field in fields_of(TOOLS) {
        let names: Vec<OsString> = FILES.into_iter().map(bytes).collect();
        for flags in
            ["", "-b", "-t", "--tag", "-z", "-b -z", "--tag -z", "-t --tag", "--tag -b", "-b -t", "-t -b", "--"]
        {
            let mut call = Call::line(flags);
            call.arguments.extend(names.clone());
            field.compare(&call, &[Program::Tool]);
        }
    }
}

#[test]
fn files_are_taken_in_their_order_and_as_often_as_they_are_named() {
    for field in fields() {
        for line in [
            "b a b a",
            "dir/other dir/in a dir/in",
            "a gone b",
            "dir",
            "a dir b dir/",
            "link broken loop",
            "socket ./socket ./socket",
            "a/below a/below a/",
            "/dev/null ./a ././a",
            "gone gone gone",
            "",
            "-",
            "- -",
            "a - b -",
            "-- -",
            "./-",
            "-b",
            "-b -",
            "--tag",
            "-z - a",
        ] {
            field.compare(&Call::line(line).with_stdin(b"typed"), &[Program::Tool]);
        }
        field.compare(&Call::new([""]), &[Program::Tool]);
        field.compare(&Call::new(["", "a", "no\nsuch", "it's"]), &[Program::Tool]);
    }
}
