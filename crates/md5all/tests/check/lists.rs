//! What a list may hold, with each set of flags.

use crate::field::{Call, MD5SUM, SHA256SUM, TOOLS, Tool, fields, fields_of, ours};

/// Flags that change what is said of a list, or what it comes to.
const FLAGS: [&str; 8] = [
    "-c",
    "-c --warn",
    "-c --strict",
    "-c --status",
    "-c --quiet",
    "-c --ignore-missing",
    "-c --ignore-missing --status",
    "-c --ignore-missing --strict -w",
];

const LISTS: &[&[u8]] = &[
    // Untagged.
    b"",
    b"{a}  a\n",
    b"{a}  a",
    b"{a} *a\n",
    b"{^a}  a\n",
    b"{a}  a\n{b}  b\n",
    b"{a}  b\n",
    b"{a}  b\n{b}  a\n{a}  a\n",
    b"{a}  a\n{a}  a\n",
    b"{a}\ta\n",
    b"{a}\t a\n",
    b"{a} \ta\n",
    b" {a}  a\n\t{b}  b\n \t {a}  a\n",
    b"{sp ace }  sp ace \n{sp ace }  sp ace\n",
    b"{ lead}   lead\n",
    b"{*star} **star\n",
    b"{*star}  *star\n",
    b"{\xff\xfe}  \xff\xfe\n{a}  \xff\xfe\n{a}  \xff\n",
    b"{it's (odd)}  it's (odd)\n{a}  it's odd\n{a}  $odd it's\n",
    b"{}  empty\n",
    b"{dir/in}  dir/in\n{dir/other}  dir/other\n{dir/in}  ./dir/../dir//in\n{a}  a\n{dir/other}  dir/other\n",
    b"{a}  dir/in\n{a}  dir/gone\n{a}  dir/gone2\n{a}  gone/in\n{a}  gone/in2\n{a}  a/below\n{a}  a/below2\n",
    b"{a}  a/\n{a}  dir/\n{a}  dir/hollow/\n",
    // BSD's, with one blank.
    b"{a} a\n",
    b"{a} a\n{b} b\n",
    b"{a} a\n{b}  b\n",
    b"{a} a\n{b} *b\n",
    b"{a}  a\n{b} b\n",
    b"{a} *a\n{b} b\n{b}  b\n",
    b"{ lead}  lead\n{ lead}   lead\n{a}  a\n",
    b"{a} \n{ lead}  lead\n",
    b"MD5 (a) = {a}\n{ lead}  lead\n",
    b"nonsense\n{a} a\n{a}  a\n",
    b"zz00e461268c8034f5c8564e155c67a6 a\n{a}  a\n",
    b"\\{a} a\\x\n{a}  a\n",
    // Too little, too much.
    b"{a}\n",
    b"{a} \n",
    b"{a}  \n",
    b"{a}a\n",
    b"{a}0  a\n",
    b"{a}  a\n{a}{b}{a}  a\n",
    b"0  a\n",
    b"a  {a}\n",
    b"{a}-  a\n",
    b"9dd4e461268c8034f5c8564e155c67a  a\n",
    b"9dd4e461268c8034f5c8564e155c67ag  a\n",
    b"nonsense\n",
    b"nonsense\nmore nonsense\n",
    b"nonsense\n{a}  a\n",
    b"nonsense\n{a}  a\nnonsense\n{b}  a\nnonsense\n{a}  gone\n",
    // Begun with a mark, cut short, or at odds with itself.
    b"\xef\xbb\xbf{a}  a\n",
    b"\xef\xbb\xbf{a}  a\n{b}  b\n",
    b"{a}  a\n{b}  b",
    b"{a}  a\n{b}  ",
    b"{a}  a\n9dd4e461268c8034",
    b"{a}  a\n{b}  a\n{^a}  a\n",
    b"MD5 (a) = {a}\nMD5 (a) = {b}\n",
    b"{a}  a \n",
    b"{a}  .//a\n{a}  ./a\n{a}  dir/../a\n",
    // Lines that say nothing.
    b"# one\n# two\n",
    b"\n",
    b"\n\n{a}  a\n\n",
    b"\r\n{a}  a\r\n\r\n",
    b"\r\r\n",
    b" \n{a}  a\n",
    b"# {a}  a\n",
    b"#\n{a}  a\n#\n",
    b" # no comment\n{a}  a\n",
    b"#\r\n\r\n#",
    b"{a}  a\r\n{b}  b\r\n",
    b"{a}  a\r\r\n",
    b"{a}  a\r",
    b"MD5 (a) = {a}\r\n",
    b"{a}  a\n\r",
    // A NUL ends what a C program sees.
    b"\0",
    b"\0\n",
    b"{a}  a\0b\n",
    b"{a}  \0b\n",
    b"{a}\0  a\n",
    b"\0{a}  a\n",
    b"\\{a}  a\0b\n",
    b"MD5 (a\0b) = {a}\n",
    b"MD5 (a) = {a}\0 \n",
    b"MD5 (a) = {a}\0)\n",
    b"MD5 (a)\0 = {a}\n",
    // Escapes.
    b"\\{a}  a\n",
    b"\\{back\\slash}  back\\\\slash\n",
    b"{back\\slash}  back\\slash\n",
    b"\\{new\nline}  new\\nline\n",
    b"\\{cr\rname}  cr\\rname\n",
    b"{new\nline}  new\\nline\n",
    b"\\{a}  new\\nline\n\\{a}  no\\\\where\n\\{a}  no\\rwhere\n",
    b"\\{a}  a\\\n",
    b"\\{a}  a\\t\n",
    b"\\{a}  \\a\n",
    b"\\\\{a}  a\n",
    b" \\{a}  a\n",
    b"\\ {a}  a\n",
    b"\\{a} *a\n",
    b"\\MD5 (back\\\\slash) = {back\\slash}\n",
    b"\\MD5 (new\\nline) = {new\nline}\n",
    b"MD5 (new\\nline) = {new\nline}\n",
    b"\\MD5 (a\\) = {a}\n",
    b"\\MD5 (a\\b) = {a}\n",
    b"\\\n",
    b"\\",
    // Tagged.
    b"MD5 (a) = {a}\n",
    b"MD5(a)= {a}\n",
    b"MD5 (a)={a}\n",
    b"MD5 (a)\t=\t{a}\n",
    b"MD5 (a)  =  {a}\n",
    b"MD5 (a) = {^a}\n",
    b" MD5 (a) = {a}\n",
    b"\tMD5 (a) = {a}\n",
    b"MD5 (a) = {a} \n",
    b"MD5 (a) {a}\n",
    b"MD5 (a) =\n",
    b"MD5 (a) = \n",
    b"MD5 (a)\n",
    b"MD5 (a\n",
    b"MD5 (\n",
    b"MD5 ()\n",
    b"MD5 () = {a}\n",
    b"MD5 )a( = {a}\n",
    b"MD5\t(a) = {a}\n",
    b"MD5 a = {a}\n",
    b"MD5 [a] = {a}\n",
    b"MD5\n",
    b"md5 (a) = {a}\n",
    b"MD4 (a) = {a}\n",
    b"MD5 (a) = {a}0\n",
    b"MD5 (a) = 0\n",
    b"MD5 (a)) = {a}\n",
    b"MD5 (it's (odd)) = {it's (odd)}\n",
    b"MD5 (a) = {a}) = {a}\n",
    b"MD5 (sp ace ) = {sp ace }\nMD5 ( lead) = { lead}\n",
    b"MD5 (\xff\xfe) = {\xff\xfe}\n",
    b"MD5 (a) = {a}\n{b}  b\nMD5 (b) = {a}\n",
    b"MD5 (gone) = {a}\n",
    // Files that are none.
    b"{a}  gone\n",
    b"{a}  gone\n{a}  a\n",
    b"{a}  gone\n{a}  b\n",
    b"{a}  gone\n{a}  gone too\n",
    b"{a}  dir\n",
    b"{a}  .\n{a}  ..\n{a}  /\n",
    b"{a}  link\n{a}  broken\n{a}  loop\n",
    b"{b}  b\n{b}  b too\n{b}  b\n{a}  b\n{b}  b too\n{b}  ./b\n{b}  ./b too\n{b}  ./b\n{a}  ./b\n{b}  ./b too\n",
    b"{a}  socket\n{a}  ./socket\n{a}  ./socket\n",
    b"{}  /dev/null\n{}  /dev/null\n{a}  /dev/null\n",
    // Standard input, which is empty here.
    b"{}  -\n",
    b"{a}  -\n{}  -\n",
    b"MD5 (-) = {}\n",
    b"{}  ./-\n",
];

fn check(tool: Tool, sets_of_flags: &[&str]) {
    for field in fields_of([tool]) {
        for list in LISTS {
            field.list("list", list);
            for flags in sets_of_flags {
                let call = Call::line(&format!("{flags} list"));
                field.compare(&call, ours(&call));
            }
        }
    }
}

/// Of which each is run with each set of flags, by GNU's and by ours.
const _: () = assert!(LISTS.len() >= 150, "the table of cases");

#[test]
fn every_list_with_every_set_of_flags() {
    check(MD5SUM, &FLAGS);
}

#[test]
fn every_list_with_every_set_of_flags_as_sha256sum() {
    check(SHA256SUM, &FLAGS);
}

#[test]
fn every_list_as_the_other_tools() {
    for tool in TOOLS.into_iter().filter(|tool| ![MD5SUM.name, SHA256SUM.name].contains(&tool.name)) {
        check(tool, &["-c -w --strict"]);
    }
}

#[test]
fn every_list_on_standard_input() {
    for field in fields() {
        for list in LISTS {
            for line in ["-c", "-c -w -"] {
                let call = Call::line(line).with_stdin(list);
                field.compare(&call, ours(&call));
            }
        }
    }
}

#[test]
fn several_lists_and_standard_input_among_them() {
    for field in fields() {
        field.list("good", b"{a}  a\n{b}  b\n");
        field.list("bad", b"{a}  b\nnonsense\n{a}  gone\n");
        field.list("none", b"nonsense\n");
        field.list("odd name", b"nonsense\n{a}  a\n");
        field.list("stdin", b"{a}  -\n");
        field.list("stdin twice", b"{a}  -\n{}  -\n{a}  -\n");
        field.list("one blank", b"{a} a\n");
        let rows = [
            "-c good good",
            "-c good bad good",
            "-c -w bad bad",
            "-c none good none",
            "-c good gone good",
            "-c gone",
            "-c --status gone good",
            "-c --quiet dir good",
            "-c --ignore-missing gone good",
            "-c one_blank good",
            "-c good one_blank",
            "-c dir",
            "-c . good",
            "-c loop broken",
            "-c good/below",
            "-c /dev/null",
            "-c -w odd_name odd_name",
            "-c - good -",
            "-c good - -",
            "-c - stdin",
            "-c stdin -",
            "-c stdin stdin",
            "-c stdin_twice",
            "-c stdin_twice stdin -",
            "-c -- good",
            "good -c bad",
            "--check good",
        ];
        for row in rows {
            let arguments = row.split(' ').map(|word| word.replace('_', " "));
            for stdin in [&b"a"[..], b"{a}  a\n", b"{a}  -\n"] {
                let call = Call::new(arguments.clone()).with_stdin(stdin);
                field.compare(&call, ours(&call));
            }
        }
    }
}

#[test]
fn names_in_messages_are_quoted_by_the_locale() {
    for field in fields() {
        let odd = "{a}  grö\u{df}e\n{a}  \u{85}\n{a}  日本 語\n{a}  \u{301}\n".as_bytes();
        field.list("list", &[odd, b"{a}  \xff\xc3\n{a}  :\n{a}  ~\n{a}  x~\n{a}  it's\n"].concat());
        for locale in ["C", "C.UTF-8"] {
            let call = Call { locale, ..Call::line("-c list größe") };
            field.compare(&call, ours(&call));
        }
    }
}
