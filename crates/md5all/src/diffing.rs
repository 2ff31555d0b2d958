//! `md5all diff`: two manifests or trees, compared and told.

use errgroup::Context;
use md5all::{Listed, Root, Side, diff};

use crate::auditing::{add_facts, beside, say_malformed, tell};
use crate::cli::Diff;
use crate::exit::Exit;
use crate::failure::{Failure, say};
use crate::findings::Findings;
use crate::interrupt;
use crate::run::raise_descriptor_limit;
use crate::terminal::hush;

/// Does what the command line asks for, and says what to exit with.
pub(crate) fn run(task: Diff) -> Exit {
    let json = task.json;
    compare(task).unwrap_or_else(|failure| failure.report_in(json))
}

fn compare(task: Diff) -> Result<Exit, Failure> {
    hush(task.showing.quiet);
    raise_descriptor_limit();
    let (ctx, cancel) = Context::background().with_cancel();
    let leftover = interrupt::listen(cancel).map_err(Failure::Signals)?;
    let mut findings = Findings::new(leftover, task.json, task.showing.verbose)?;
    let exclude = [beside(&task.before)?, beside(&task.after)?].concat();
    let mut options = task.options.clone().exclude(exclude);
    let Some(before) = side(&ctx, &task, &task.before, &mut findings)? else { return Ok(Exit::Incomplete) };
    let Some(after) = side(&ctx, &task, &task.after, &mut findings)? else { return Ok(Exit::Incomplete) };
    if matches!((&before, &after), (Side::List(_), Side::List(_))) && !options.selection.is_everything() {
        say("there is no tree to select files from: both are manifests");
        return Ok(Exit::Usage);
    }
    let shown = task.showing.begin(&mut options);
    tell(diff(&ctx, before, after, options)?, findings, shown)
}

/// A directory is a tree, and all else a manifest; `None` if there is nothing to go by in it.
fn side(ctx: &Context, task: &Diff, root: &Root, findings: &mut Findings) -> Result<Option<Side>, Failure> {
    match root {
        Root::Path(path) if path.is_dir() => Ok(Some(Side::Tree(path.clone()))),
        manifest => {
            let mut listed = Listed::read(ctx, manifest, task.format, task.end)?;
            add_facts(&mut listed, manifest)?;
            Ok(say_malformed(manifest, &listed, findings)?.then_some(Side::List(listed)))
        }
    }
}
