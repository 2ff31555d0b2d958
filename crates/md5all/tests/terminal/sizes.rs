//! Terminals of other widths, and of changing ones.

use crate::harness::*;
use crate::screen::{Away, Terminal, lines};

const NAME: &str = "a/rather/long/way/to/a/file/of/some/name";

fn start(columns: u16) -> Option<(Terminal, std::fs::File, tempfile::TempDir)> {
    let dir = tree(&["a/rather/long/way/to/a/file/of/some/other"]);
    let path = dir.path().join(NAME);
    fifo(&path);
    let terminal = Terminal::start(dir.path(), columns, Away::Output, &[NAME])?;
    let writer = open_writer(&path);
    Some((terminal, writer, dir))
}

#[test]
fn twenty_columns_are_one_line_that_names_the_file() {
    let Some((terminal, writer, _dir)) = start(20) else { return };
    let screen = terminal.wait_for(|screen| screen.contains("some/name"));
    assert_eq!(lines(&screen).len(), 1, "{screen}");
    assert!(lines(&screen)[0].chars().count() < 20, "{screen}");
    drop(writer);
    terminal.end();
}

#[test]
fn a_few_columns_are_one_line() {
    for columns in [1, 2, 5] {
        let Some((terminal, writer, _dir)) = start(columns) else { return };
        if columns > 1 {
            let screen = terminal.wait_for(|screen| screen.starts_with('0'));
            assert_eq!(lines(&screen).len(), 1, "{screen}");
        }
        drop(writer);
        assert_eq!(terminal.end().1.code(), Some(0));
    }
}

#[test]
fn the_line_follows_the_width_of_the_terminal() {
    let Some((terminal, writer, _dir)) = start(100) else { return };
    terminal.wait_for(|screen| screen.contains(NAME));
    terminal.resize(30);
    let screen = terminal.wait_for(|screen| screen.contains("…") && screen.contains("some/name"));
    assert_eq!(lines(&screen).len(), 1, "{screen}");
    terminal.resize(100);
    terminal.wait_for(|screen| screen.contains(NAME));
    drop(writer);
    let (screen, _) = terminal.end();
    assert_eq!(lines(&screen).len(), 1, "{screen}");
}
