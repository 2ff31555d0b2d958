//! What the tests and examples of Go's errgroup assert, asserted here. Each names the one it answers to.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Display};
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, select};
use errgroup::{Context, ContextError, Failed, Group};
use md5::{Digest, Md5};
use walkdir::WalkDir;

/// Errors that can be told apart.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Doom {
    One,
    Two,
}

impl Display for Doom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "doomed: {self:?}")
    }
}

/// What a `wait` gave, as a value to compare.
fn told(result: Result<(), Failed<Doom>>) -> Result<(), Doom> {
    result.map_err(|failed| failed.with(|doom| *doom).expect("nobody has joined"))
}

/// What the tasks of a case return, and what the group is to make of it.
type Case = (&'static [Result<(), Doom>], Result<(), Doom>);

const CASES: [Case; 4] = [
    (&[], Ok(())),
    (&[Ok(())], Ok(())),
    (&[Err(Doom::One)], Err(Doom::One)),
    (&[Err(Doom::One), Ok(())], Err(Doom::One)),
];

/// `TestZeroGroup`: a group needs no setting up; a wait after each task gives the first error there has been so far.
#[test]
fn a_new_group_gives_the_first_error_so_far_at_each_wait() {
    let cases: [&[Result<(), Doom>]; 5] =
        [&[], &[Ok(())], &[Err(Doom::One)], &[Err(Doom::One), Ok(())], &[Err(Doom::One), Ok(()), Err(Doom::Two)]];
    for results in cases {
        let group = Group::new();
        let mut first = Ok(());
        for &result in results {
            group.go(move || result);
            first = first.and(result);
            assert_eq!(told(group.wait()), first, "{results:?}");
        }
        assert_eq!(group.join(), first, "{results:?}");
    }
}

/// `TestWithContext`: wait gives the error, and the context is over by then, whether there was one or not.
#[test]
fn the_context_is_over_once_wait_has_returned() {
    for (results, want) in CASES {
        let (group, ctx) = Group::with_context(&Context::background());
        for &result in results {
            group.go(move || result);
        }
        assert_eq!(told(group.wait()), want, "{results:?}");
        let done = ctx.done().try_recv();
        assert_eq!(done, Err(crossbeam_channel::TryRecvError::Disconnected), "{results:?}");
    }
}

/// `TestCancelCause`: the context's cause is the task's error, or that it was cancelled where there is none.
#[test]
fn the_cause_of_the_context_is_the_error() {
    for (results, want) in CASES {
        let (group, ctx) = Group::with_context(&Context::background());
        for &result in results {
            group.try_go(move || result).expect("there is no limit");
        }
        assert_eq!(told(group.wait()), want, "{results:?}");
        let cause = ctx.cause().expect("wait has returned");
        match want {
            Ok(()) => assert_eq!(cause.downcast_ref(), Some(&ContextError::Canceled), "{results:?}"),
            Err(doom) => {
                let failed = cause.downcast_ref::<Failed<Doom>>().expect("the error itself");
                assert_eq!(failed.with(|error| *error), Some(doom), "{results:?}");
            }
        }
    }
}

/// `TestTryGo`: 42 tasks fit where 42 may be active, the 43rd is refused; after a wait there is room again; the limit
/// may be changed then, to 1 and to 0.
#[test]
fn try_go_is_refused_exactly_at_the_limit() {
    let group = Group::<Doom>::new();
    group.set_limit(42);
    let (sender, receiver) = bounded(0);
    for n in 0..42 {
        assert!(try_send(&group, &sender), "task {n}");
    }
    assert!(!try_send(&group, &sender), "one too many");
    wait_for(&group, &receiver, 42);

    assert!(try_send(&group, &sender), "all have ended");
    wait_for(&group, &receiver, 1);

    group.set_limit(1);
    assert!(try_send(&group, &sender));
    assert!(!try_send(&group, &sender));
    wait_for(&group, &receiver, 1);

    group.set_limit(0);
    for _ in 0..1 << 10 {
        assert!(!try_send(&group, &sender));
    }
    assert_eq!(group.join(), Ok(()));
}

/// Tries to add a task that stays until somebody receives what it sends.
fn try_send(group: &Group<Doom>, sender: &Sender<()>) -> bool {
    let sender = sender.clone();
    let task = move || {
        sender.send(()).expect("the test receives");
        Ok(())
    };
    group.try_go(task).is_ok()
}

/// Waits for the group while another thread lets `count` of its tasks go.
fn wait_for(group: &Group<Doom>, receiver: &Receiver<()>, count: usize) {
    thread::scope(|s| {
        s.spawn(|| receiver.iter().take(count).for_each(drop));
        assert_eq!(told(group.wait()), Ok(()));
    });
}

/// `TestGoLimit`: `go` starts no more tasks than the limit allows, and starts them all.
#[test]
fn go_keeps_to_the_limit() {
    const LIMIT: usize = 10;
    const TASKS: usize = 1 << 10;

    let group = Group::<String>::new();
    group.set_limit(LIMIT);
    let (active, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for _ in 0..TASKS {
        let (active, ran) = (Arc::clone(&active), Arc::clone(&ran));
        group.go(move || {
            let now = active.fetch_add(1, Ordering::SeqCst) + 1;
            if now > LIMIT {
                return Err(format!("{now} are active"));
            }
            thread::yield_now(); // lets others in, if there are any
            active.fetch_sub(1, Ordering::SeqCst);
            ran.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
    }
    assert_eq!(group.join(), Ok(()));
    assert_eq!(ran.load(Ordering::Relaxed), TASKS);
}

/// `TestPanic`, of the releases that had it, with an error as the payload and with any value: it comes out of wait,
/// after the others have returned. (Other releases of Go's let the process crash.)
#[test]
fn a_panic_comes_out_of_wait_with_its_payload() {
    let error = rest_of(|| panic_any(Doom::Two));
    assert_eq!(error.downcast_ref(), Some(&Doom::Two));
    let any = rest_of(|| panic_any(vec![1, 2]));
    assert_eq!(any.downcast_ref(), Some(&vec![1, 2]));
}

/// `TestGoexit`, of the same releases: a task that is left without a result, for which Rust has only unwinding, is not
/// taken for one that succeeded.
#[test]
fn a_task_that_is_left_without_a_result_has_not_succeeded() {
    let payload = rest_of(|| resume_unwind(Box::new(()))); // calls no hook: nothing has "panicked"
    assert!(payload.is::<()>());
}

/// What `wait` unwinds with where one of three tasks ends in `unwind`. The others return, before that.
fn rest_of(unwind: fn()) -> Box<dyn std::any::Any + Send> {
    let (group, ctx) = Group::<Doom>::with_context(&Context::background());
    let returned = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let (ctx, returned) = (ctx.clone(), Arc::clone(&returned));
        group.go(move || {
            ctx.wait();
            returned.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
    }
    group.go(move || {
        unwind();
        Ok(())
    });
    let payload = catch_unwind(AssertUnwindSafe(|| group.wait())).expect_err("wait has returned");
    assert_eq!(returned.load(Ordering::Relaxed), 2);
    payload
}

/// `ExampleGroup_justErrors`: a group in place of counting and channels, where only the errors matter. Files here, for
/// the example's URLs.
#[test]
fn just_errors() {
    let fetch_all = |names: &'static [&'static str]| {
        let group = Group::<io::Error>::new();
        for name in names {
            group.go(move || fs::read(crate_dir().join(name)).map(drop));
        }
        group.join()
    };
    fetch_all(&["Cargo.toml", "src/lib.rs", "src/group.rs"]).unwrap();
    let error = fetch_all(&["Cargo.toml", "src/lib.rs", "no such file"]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

/// `ExampleGroup_parallel`: three searches at the same time, each writing its own place of the results.
#[test]
fn parallel() {
    let results = search_all(&["web", "image", "video"], "golang").unwrap();
    assert_eq!(
        results,
        [r#"web result for "golang""#, r#"image result for "golang""#, r#"video result for "golang""#],
        "in the order of the searches"
    );
    assert_eq!(search_all(&["web", ""], "golang"), Err("nowhere to search for golang".to_owned()));
}

fn search_all(kinds: &'static [&'static str], query: &'static str) -> Result<Vec<String>, String> {
    let (group, _ctx) = Group::with_context(&Context::background());
    let results: Arc<[OnceLock<String>]> = kinds.iter().map(|_| OnceLock::new()).collect();
    for (n, kind) in kinds.iter().enumerate() {
        let results = Arc::clone(&results);
        group.go(move || results[n].set(search(kind, query)?));
    }
    group.join()?;
    Ok(results.iter().map(|result| result.get().expect("every task has succeeded").clone()).collect())
}

fn search(kind: &str, query: &str) -> Result<String, String> {
    if kind.is_empty() {
        return Err(format!("nowhere to search for {query}"));
    }
    Ok(format!("{kind} result for {query:?}"))
}

/// `ExampleGroup_parallel` once more, with a scope, where each task borrows its place.
#[test]
fn parallel_with_borrowed_places() {
    let mut results = [const { String::new() }; 3];
    errgroup::scope(|s| {
        for (kind, result) in ["web", "image", "video"].into_iter().zip(&mut results) {
            s.go(move || {
                *result = search(kind, "golang")?;
                Ok(())
            });
        }
        Ok::<_, String>(())
    })
    .unwrap();
    assert_eq!(results.map(|result| result.split(' ').next().unwrap().to_owned()), ["web", "image", "video"]);
}

/// `ExampleGroup_pipeline`: the sums of all files below a directory, by one that walks, twenty that digest, and two
/// that wait: one to close the channel, one for the error.
#[test]
fn pipeline() {
    let root = crate_dir();
    let sums = md5_all(&Context::background(), &root, |path| fs::read(path)).unwrap();
    assert_eq!(sums, md5_one_by_one(&root));
    assert!(sums.contains_key(&root.join("tests/go_errgroup.rs")));
}

/// The same where the walk fails: everything stops, with that error.
#[test]
fn pipeline_that_cannot_walk() {
    let root = crate_dir().join("no such directory");
    let error = md5_all(&Context::background(), &root, |path| fs::read(path)).unwrap_err();
    let error = error.downcast::<Failed<Failure>>().expect("what wait gave");
    let kind = |failure: &Failure| failure.downcast_ref::<walkdir::Error>()?.io_error().map(io::Error::kind);
    assert_eq!(error.with(kind), Some(Some(io::ErrorKind::NotFound)));
}

/// The same where one file cannot be read: that error, not what the others were told.
#[test]
fn pipeline_that_cannot_read() {
    let read = |path: &Path| fs::read(if path.ends_with("Cargo.toml") { Path::new("/no such file") } else { path });
    for _ in 0..20 {
        let error = md5_all(&Context::background(), &crate_dir(), read).unwrap_err();
        let error = error.downcast::<Failed<Failure>>().expect("what wait gave");
        let kind = |failure: &Failure| failure.downcast_ref::<io::Error>().map(io::Error::kind);
        assert_eq!(error.with(kind), Some(Some(io::ErrorKind::NotFound)));
    }
}

/// The same where the caller's context is over before it begins.
#[test]
fn pipeline_that_is_cancelled() {
    let (ctx, cancel) = Context::background().with_cancel();
    cancel.cancel_with("the caller has left");
    // A channel that is ready may be preferred to the context, but not for every file.
    let error = md5_all(&ctx, &crate_dir(), |path| fs::read(path)).unwrap_err();
    assert_eq!(error.to_string(), "the caller has left");
}

type Failure = Box<dyn Error + Send + Sync>;

type Sum = [u8; 16];

type Read = fn(&Path) -> io::Result<Vec<u8>>;

/// The MD5 sum of every file below `root`. If the walk or any `read` fails, everything stops, and that is the error.
fn md5_all(ctx: &Context, root: &Path, read: Read) -> Result<BTreeMap<PathBuf, Sum>, Failure> {
    const DIGESTERS: usize = 20;

    let (group, ctx) = Group::<Failure>::with_context(ctx);
    let (to_digest, paths) = bounded::<PathBuf>(0);
    let (to_collect, sums) = bounded::<(PathBuf, Sum)>(0);

    let (walking, root) = (ctx.clone(), root.to_owned());
    group.go(move || {
        for entry in WalkDir::new(root) {
            let entry = entry?;
            if entry.file_type().is_file() {
                send(&walking, &to_digest, entry.into_path())?;
            }
        }
        Ok(())
    });
    for _ in 0..DIGESTERS {
        let (ctx, paths, to_collect) = (ctx.clone(), paths.clone(), to_collect.clone());
        group.go(move || {
            for path in paths {
                let sum = Md5::digest(read(&path)?).into();
                send(&ctx, &to_collect, (path, sum))?;
            }
            Ok(())
        });
    }
    drop(paths); // or the walk could send to nobody
    thread::scope(|s| {
        s.spawn(|| {
            let _ = group.wait(); // the error is the other's to tell
            drop(to_collect);
        });
        let all = sums.into_iter().collect();
        group.wait()?;
        Ok(all)
    })
}

fn send<T: Send + Sync + 'static>(ctx: &Context, to: &Sender<T>, item: T) -> Result<(), Failure> {
    select! {
        send(to, item) -> sent => Ok(sent?),
        recv(ctx.done()) -> _ => Ok(ctx.check()?),
    }
}

fn md5_one_by_one(root: &Path) -> BTreeMap<PathBuf, Sum> {
    let files = WalkDir::new(root).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    files.map(|file| (file.path().to_owned(), Md5::digest(fs::read(file.path()).unwrap()).into())).collect()
}

fn crate_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
