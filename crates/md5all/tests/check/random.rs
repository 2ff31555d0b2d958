//! Lists that nobody thought of, made of the pieces that lists are made of.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::field::{Call, Field, Program, TOOLS, ours};

const PIECES: [&[u8]; 26] = [
    b"{a}",
    b"{b}",
    b"{a}  a\n",
    b"{b} *b\n",
    b"{a} a\n",
    b"MD5 (a) = {a}\n",
    b"\\",
    b"\\\\",
    b"\\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"  ",
    b"\t",
    b"*",
    b"#",
    b"(",
    b")",
    b" = ",
    b"=",
    b"MD5 (",
    b"a",
    b"b",
    b"-",
    b"gone",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Weighted so that about half of the lines are nearly right. Padding before a `(` is an extension: left out.
    #[test]
    fn lists_of_pieces(
        lines in vec(vec(select(&PIECES[..]), 0..7), 1..12),
        tool in select(&TOOLS[..]),
        flags in select(&["-c", "-c -w", "-c --strict", "-c --ignore-missing -w"][..]),
    ) {
        if !tool.is_here() {
            return Ok(());
        }
        let text: Vec<u8> = lines.iter().map(|line| line.concat()).collect::<Vec<_>>().join(&b"\n"[..]);
        let field = Field::of(tool);
        field.list("list", &text);
        let call = Call::line(&format!("{flags} list"));
        // Two digests in a row look like one of another algorithm: see `deviations`.
        let is_plain = !text.windows(2).any(|pair| pair == b"}{");
        field.compare(&call, if is_plain { ours(&call) } else { &[Program::Tool] });
    }
}
