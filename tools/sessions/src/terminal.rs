//! A terminal that remembers what it shows: commands run in it, one after the other, each with a shell.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use vt100::{Parser, Screen};

use crate::script::Size;

pub(crate) struct Terminal {
    size: Size,
    directory: PathBuf,
    parser: Parser,
    /// All that was on the screen, also what has scrolled away, but for what a command took back.
    text: String,
}

/// What a shell shows before a command.
const PROMPT: &str = "\x1b[1m$\x1b[m ";
const CTRL_C: &[u8] = b"\x03";

impl Terminal {
    pub(crate) fn new(size: Size, directory: &Path) -> Terminal {
        let parser = Parser::new(size.rows, size.columns, 0);
        Terminal { size, directory: directory.to_owned(), parser, text: String::new() }
    }

    /// Runs a command that is no part of the session.
    pub(crate) fn prepare(&self, command: &str) -> Result<()> {
        let status = Command::new("sh").args(["-c", command]).current_dir(&self.directory).status()?;
        ensure!(status.success(), "{command}: {status}");
        Ok(())
    }

    /// Runs a command to its end; or until `until` is on the screen, which then stays as it is.
    pub(crate) fn run(&mut self, command: &str, until: Option<&str>) -> Result<()> {
        let before = self.screen().contents();
        self.parser.process(format!("{PROMPT}{command}\r\n").as_bytes());
        let pair = native_pty_system().openpty(self.pty_size())?;
        let mut shell = CommandBuilder::new("sh");
        shell.args(["-c", command]);
        shell.cwd(&self.directory);
        shell.env("TERM", "xterm-256color");
        let mut child = pair.slave.spawn_command(shell)?;
        drop(pair.slave);
        let (mut output, mut input) = (pair.master.try_clone_reader()?, pair.master.take_writer()?);
        let mut seen = None;
        let mut piece = [0; 4096];
        // A terminal that nobody has open any more gives an error, not an end.
        while let Ok(length @ 1..) = output.read(&mut piece) {
            if seen.is_some() {
                continue;
            }
            self.parser.process(&piece[..length]);
            if until.is_some_and(|until| self.screen().contents().contains(until)) {
                seen = until;
                input.write_all(CTRL_C)?;
            }
        }
        child.wait()?;
        ensure!(seen == until, "{:?} never was on the screen:\n{}", until, self.screen().contents());
        let now = self.screen().contents();
        self.text.push_str(now.strip_prefix(before.as_str()).context("the session does not fit on the screen")?);
        Ok(())
    }

    pub(crate) fn screen(&self) -> &Screen {
        self.parser.screen()
    }

    /// The session as text.
    pub(crate) fn text(&self) -> String {
        format!("{}\n", self.text.trim_matches('\n'))
    }

    fn pty_size(&self) -> PtySize {
        PtySize { rows: self.size.rows, cols: self.size.columns, pixel_width: 0, pixel_height: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal() -> (tempfile::TempDir, Terminal) {
        let dir = tempfile::tempdir().unwrap();
        let terminal = Terminal::new(Size { columns: 40, rows: 8 }, dir.path());
        (dir, terminal)
    }

    #[test]
    fn what_was_typed_and_what_came_of_it_are_on_the_screen() {
        let (_dir, mut terminal) = terminal();
        terminal.prepare("echo hidden >a").unwrap();
        terminal.run("cat a; echo gone; printf '\\033[A\\033[2K'", None).unwrap();
        terminal.run("test -t 2 && stty size", None).unwrap();
        let text = terminal.text();
        assert!(text.contains("hidden\n") && !text.contains("gone\n") && text.ends_with("8 40\n"), "{text}");
    }

    #[test]
    fn a_command_that_does_not_end_is_shown_as_it_was() {
        let (_dir, mut terminal) = terminal();
        terminal.run("echo half; cat", Some("half")).unwrap();
        assert!(terminal.text().ends_with("half\n"), "{}", terminal.text());
        assert!(terminal.run("echo all", Some("half of it")).is_err());
    }
}
