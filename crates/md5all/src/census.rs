//! How much there is in all, counted while a run goes on: what makes a percentage of what is done.
//!
//! The walk of a run is bounded and does not run ahead, so it cannot tell. A census walks a second time, with the same
//! terms, and asks for sizes; it is begun only when somebody wants to know. It opens no file, and nothing that it meets is
//! an error: where it fails, so does the run.
//!
//! 1. It is a task that nobody joins: one that hangs, on a mount that does not answer, holds up no end.
//! 2. It ends with the run's context, at its next step.
//! 3. What it found is told once it is through, and not before.

use std::collections::HashSet;
use std::convert::Infallible;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, OnceLock};

use errgroup::{Context, Group};

use crate::entry::{Entry, Found};
use crate::record::Outcome;
use crate::source::local::{self, Measure};
use crate::source::{FileId, Handle, Links, Root};
use crate::walk::{Step, Walk};

/// How much there is in all, as far as names and sizes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Whole {
    /// What will have a checksum or a failure.
    pub files: u64,
    /// Bytes in regular files; of trees once for each file, however many names it has, of [`etags`](crate::etags) as often as
    /// it is named.
    pub bytes: u64,
}

/// What one run is to come to.
pub(crate) struct Census {
    /// What was done before that run.
    before: Whole,
    stage: Stage,
}

type Counting = Box<dyn FnOnce(&mut Count, &Context) -> Option<()> + Send>;

enum Stage {
    /// Nobody has asked.
    Waiting(Context, Counting),
    Begun(Arc<Survey>),
}

/// A count under way. Its task holds it as well, so that it never ends in being joined: a group that ends inside its own
/// task joins nobody.
struct Survey {
    group: Group<Infallible>,
    whole: OnceLock<Whole>,
}

/// What was counted so far.
#[derive(Debug, Default)]
pub(crate) struct Count {
    files: u64,
    bytes: u64,
    /// Files of several names that were met, which are read once.
    met: HashSet<FileId>,
}

impl Census {
    /// Of a run that ends with this context, after so much was done.
    pub(crate) fn new<F>(ctx: &Context, before: Whole, count: F) -> Census
    where
        F: FnOnce(&mut Count, &Context) -> Option<()> + Send + 'static,
    {
        Census { before, stage: Stage::Waiting(ctx.clone(), Box::new(count)) }
    }

    /// Begins, if that has not been done. Does not block.
    pub(crate) fn begin(&mut self) {
        let Stage::Waiting(ctx, count) = &mut self.stage else { return };
        let nothing: Counting = Box::new(|_, _| None);
        let (ctx, count) = (ctx.clone(), std::mem::replace(count, nothing));
        let survey = Arc::new(Survey { group: Group::new(), whole: OnceLock::new() });
        self.stage = Stage::Begun(Arc::clone(&survey));
        let before = self.before;
        let task = Arc::clone(&survey);
        survey.group.go(move || {
            let mut found = Count::default();
            if count(&mut found, &ctx).is_some() {
                let (files, bytes) = (before.files + found.files, before.bytes.saturating_add(found.bytes));
                let whole = Whole { files, bytes };
                let _ = task.whole.set(whole); // nobody else does
            }
            Ok(())
        });
    }

    /// What it came to, once it is through.
    pub(crate) fn whole(&self) -> Option<Whole> {
        match &self.stage {
            Stage::Waiting(..) => None,
            Stage::Begun(survey) => survey.whole.get().copied(),
        }
    }
}

impl Count {
    /// How many files of several names it knows at most. As with those who hash: what is beyond is read once a name.
    const MOST: usize = 1 << 16;

    /// Counts all that a walk comes across and that is `wanted`, as far as it can be measured; `None` if the context ends
    /// before.
    pub(crate) fn walk(
        &mut self,
        walk: Walk,
        links: Links,
        wanted: impl Fn(&Handle, &Measure) -> bool,
        ctx: &Context,
    ) -> Option<()> {
        for step in walk {
            ctx.check().ok()?;
            let Step::Found(Entry { place, found }) = step else { continue };
            match found {
                Found::File(handle) => {
                    let measure = local::measure(&handle, place.name(), links.at(&place));
                    if measure.is_none_or(|measure| wanted(&handle, &measure)) {
                        self.add(measure);
                    }
                }
                Found::Settled(Outcome::Failed(_)) => self.files += 1,
                _ => {}
            }
        }
        Some(())
    }

    /// Counts all that are named, whatever they are; `None` if the context ends before.
    pub(crate) fn names<'a>(&mut self, roots: impl IntoIterator<Item = &'a Root>, ctx: &Context) -> Option<()> {
        for root in roots {
            ctx.check().ok()?;
            match root {
                Root::Path(path) => self.name(path.as_os_str().as_bytes()),
                Root::StandardInput => self.add(None),
            }
        }
        Some(())
    }

    /// Counts all that are named, and the bytes of each as often as it is, if it is read at its size; `None` if the context
    /// ends before.
    pub(crate) fn each_name(&mut self, roots: &[Root], is_read: impl Fn(u64) -> bool, ctx: &Context) -> Option<()> {
        for root in roots {
            ctx.check().ok()?;
            let handle = if *root == Root::StandardInput { Handle::StandardInput } else { Handle::Named };
            let found = local::measure(&handle, root.as_bytes(), Links::Follow);
            let size = found.map(|found| found.size).filter(|&size| is_read(size));
            self.files += 1;
            self.bytes = self.bytes.saturating_add(size.unwrap_or_default());
        }
        Some(())
    }

    /// Counts a file that is named.
    pub(crate) fn name(&mut self, path: &[u8]) {
        self.add(local::measure(&Handle::Named, path, Links::Follow));
    }

    /// Counts what is to be read, with its size if it is a regular file.
    fn add(&mut self, found: Option<Measure>) {
        let Some(Measure { id, names, size }) = found else { return self.files += 1 };
        self.files += 1;
        let is_known = match names {
            1 => false,
            _ if self.met.len() < Self::MOST => !self.met.insert(id),
            _ => self.met.contains(&id),
        };
        self.bytes = self.bytes.saturating_add(if is_known { 0 } else { size });
    }
}

impl fmt::Debug for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Census").field("whole", &self.whole()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
    use std::thread;
    use std::time::{Duration, Instant};

    /// After this long, what has not come never will.
    const NEVER: Duration = Duration::from_secs(60);

    const NOTHING: Whole = Whole { files: 0, bytes: 0 };

    /// Says when it is at it, and then hangs until somebody lets it go.
    fn hang(ctx: &Context) -> (Census, Receiver<()>, Sender<()>) {
        let ((begins, begun), (release, held)) = (channel(), channel());
        let census = Census::new(ctx, NOTHING, move |_, _| {
            begins.send(()).ok()?;
            held.recv().ok()
        });
        (census, begun, release)
    }

    #[test]
    fn one_that_hangs_holds_up_no_drop_and_tells_nothing() {
        let (ctx, cancel) = Context::background().with_cancel();
        let (mut census, begun, release) = hang(&ctx);
        census.begin();
        begun.recv_timeout(NEVER).expect("it begins");
        assert_eq!(census.whole(), None);
        cancel.cancel();
        let (done, dropped) = channel();
        thread::spawn(move || {
            drop(census);
            done.send(())
        });
        dropped.recv_timeout(NEVER).expect("nobody waits for it");
        drop(release);
        assert_eq!(begun.recv_timeout(NEVER), Err(RecvTimeoutError::Disconnected), "it ends by itself");
    }

    #[test]
    fn it_begins_once_and_only_if_it_is_asked_to() {
        let (mut census, begun, release) = hang(&Context::background());
        assert_eq!(begun.try_recv(), Err(TryRecvError::Empty), "nobody has asked");
        census.begin();
        census.begin();
        drop(release);
        assert_eq!(begun.iter().count(), 1);
    }

    #[test]
    fn what_it_found_comes_on_top_of_what_was_done_before() {
        let mut census = Census::new(&Context::background(), Whole { files: 3, bytes: 100 }, |count, _| {
            (count.files, count.bytes) = (2, 50);
            Some(())
        });
        census.begin();
        let begun = Instant::now();
        while census.whole().is_none() {
            assert!(begun.elapsed() < NEVER, "it is never through");
            thread::yield_now();
        }
        assert_eq!(census.whole(), Some(Whole { files: 5, bytes: 150 }));
    }

    /// There is no end to these names but that.
    #[test]
    fn it_ends_with_the_context() {
        let (ctx, cancel) = Context::background().with_cancel();
        let name = Root::from("/");
        let names = std::iter::repeat_with(|| &name).inspect(|_| cancel.cancel());
        assert_eq!(Count::default().names(names, &ctx), None);
    }
}
