//! What whoever looks on is shown beside results: colours, where they are wanted and can be seen, and notes, unless nobody
//! wants them.
//!
//! Whether there are colours is asked of `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR`, `TERM` (but where `CI` is set) and the
//! terminal, in this order, unless `--color` has said it. What is coloured is for those who tell to decide.

use std::io::{stderr, stdout};
use std::sync::{LazyLock, OnceLock};

use anstream::{AutoStream, ColorChoice};

/// How a word is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Something is wrong.
    Red,
    /// Something differs.
    Yellow,
    /// All is well.
    Green,
    /// Something is only said.
    Cyan,
    /// Nobody knows.
    Magenta,
}

static QUIET: OnceLock<bool> = OnceLock::new();
static STDOUT: LazyLock<bool> = LazyLock::new(|| AutoStream::choice(&stdout()) != ColorChoice::Never);
static STDERR: LazyLock<bool> = LazyLock::new(|| AutoStream::choice(&stderr()) != ColorChoice::Never);

/// Says whether nobody wants notes; until then somebody does. The first word counts.
pub(crate) fn hush(quiet: bool) {
    QUIET.get_or_init(|| quiet);
}

/// Whether nobody wants notes.
pub(crate) fn is_quiet() -> bool {
    QUIET.get().is_some_and(|quiet| *quiet)
}

/// Has colours always, never, or where they are wanted: nothing else is asked. To be called before anything is shown.
pub(crate) fn colour(when: When) {
    let choice = match when {
        When::Auto => ColorChoice::Auto,
        When::Always => ColorChoice::AlwaysAnsi,
        When::Never => ColorChoice::Never,
    };
    choice.write_global();
}

/// When there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

impl When {
    pub(crate) const ALL: [When; 3] = [When::Auto, When::Always, When::Never];

    pub(crate) fn name(self) -> &'static str {
        match self {
            When::Auto => "auto",
            When::Always => "always",
            When::Never => "never",
        }
    }
}

/// A word of a result, as standard output is to show it.
pub(crate) fn on_stdout(paint: Paint, word: &str) -> Vec<u8> {
    if *STDOUT { paint.on(word.as_bytes()) } else { word.into() }
}

/// What a message begins with, as standard error is to show it.
pub(crate) fn on_stderr(paint: Paint, word: &[u8]) -> Vec<u8> {
    if *STDERR { paint.on(word) } else { word.into() }
}

impl Paint {
    /// Bold, in its colour (ECMA-48, SGR).
    fn on(self, word: &[u8]) -> Vec<u8> {
        let begin: &[u8] = match self {
            Paint::Red => b"\x1b[1;31m",
            Paint::Green => b"\x1b[1;32m",
            Paint::Yellow => b"\x1b[1;33m",
            Paint::Magenta => b"\x1b[1;35m",
            Paint::Cyan => b"\x1b[1;36m",
        };
        [begin, word, b"\x1b[0m"].concat()
    }
}
