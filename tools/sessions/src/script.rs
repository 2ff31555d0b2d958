//! What a session is written down as, a line a step:
//!
//! ```text
//! # a comment
//! title what the window says
//! size 80x24
//! prepare mkdir photos        a command that nobody sees
//! $ md5all photos             a command that is typed
//! until ETA                   shows the terminal as it is once this is on it, and ends the command above by ^C
//! ```

use anyhow::{Context, Result, bail};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) title: String,
    pub(crate) size: Size,
    pub(crate) steps: Vec<Step>,
}

/// Of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: u16,
    pub(crate) rows: u16,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Prepare(String),
    Type { command: String, until: Option<String> },
}

impl Script {
    pub(crate) fn parse(text: &str) -> Result<Script> {
        let mut script = Script { title: String::new(), size: Size { columns: 80, rows: 24 }, steps: Vec::new() };
        for (number, line) in text.lines().enumerate() {
            script.add(line).with_context(|| format!("line {}: {line}", number + 1))?;
        }
        Ok(script)
    }

    fn add(&mut self, line: &str) -> Result<()> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, self.steps.last_mut()) {
            ("" | "#", _) => {}
            ("title", _) => self.title = rest.to_owned(),
            ("size", _) => self.size = Size::parse(rest).context("a size is COLUMNSxROWS")?,
            ("prepare", _) => self.steps.push(Step::Prepare(rest.to_owned())),
            ("$", _) => self.steps.push(Step::Type { command: rest.to_owned(), until: None }),
            ("until", Some(Step::Type { until: until @ None, .. })) => *until = Some(rest.to_owned()),
            _ => bail!("no such step here"),
        }
        Ok(())
    }
}

impl Size {
    fn parse(text: &str) -> Option<Size> {
        let (columns, rows) = text.split_once('x')?;
        Some(Size { columns: columns.parse().ok()?, rows: rows.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read() {
        let script =
            Script::parse("# one\ntitle a tree\nsize 40x9\n\nprepare true\n$ md5all .\nuntil ETA\n$ ls").unwrap();
        assert_eq!(script.title, "a tree");
        assert_eq!(script.size, Size { columns: 40, rows: 9 });
        let typed = |command: &str, until: Option<&str>| Step::Type {
            command: command.to_owned(),
            until: until.map(str::to_owned),
        };
        let steps = [Step::Prepare("true".to_owned()), typed("md5all .", Some("ETA")), typed("ls", None)];
        assert_eq!(script.steps, steps);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_line() {
        for text in ["sleep 1", "size 80", "until x", "$ a\nuntil x\nuntil y"] {
            let error = format!("{:#}", Script::parse(text).unwrap_err());
            assert!(error.starts_with("line "), "{error}");
        }
    }
}
