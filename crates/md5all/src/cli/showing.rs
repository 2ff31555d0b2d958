//! `--progress`: for everything that reads files.

use clap::{Args, ValueEnum};

use crate::showing::{Showing, When};

/// What is shown meanwhile.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Meanwhile {
    /// Show on standard error how far it is: on a terminal only, always, never, or in JSON
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        value_enum,
        hide_short_help = true,
        help_heading = "Output"
    )]
    progress: Choice,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Choice {
    Auto,
    Always,
    Never,
    Json,
}

impl Meanwhile {
    /// What it comes to, with what `-v` says.
    pub(super) fn into_showing(self, verbose: bool) -> Showing {
        let when = match self.progress {
            Choice::Auto => When::Auto,
            Choice::Always => When::Always,
            Choice::Never => When::Never,
            Choice::Json => When::Json,
        };
        Showing { when, verbose, ..Showing::default() }
    }
}
