//! Pages to read: which error type to choose, and how what you know from elsewhere is written here.
//!
//! There is no code here but examples. The tests compile and run those in Rust, the ones on tokio with that feature.

pub mod errors {
    //! Which error type, which call, and where the compiler must be told.
    //!
    //! A group asks of its error type that it can be shown and shared: `E: Display + Send + Sync + 'static`. It need
    //! not be an `Error`, nor `Clone`.
    //!
    //! [`Group::join`] and [`scope`] give the `E` itself, so `?` after them converts what `?` converts anywhere.
    //! [`Group::wait`] gives a [`Failed<E>`], which is an `Error` whatever `E` is.
    //!
    //! | `E` | `?` after `join` and `scope` works in a function of | `?` after `wait` works in a function of |
    //! |---|---|---|
    //! | `io::Error` | `io::Error`, `Box<dyn Error>`¹, `anyhow::Error` | `Box<dyn Error>`¹, `anyhow::Error` |
    //! | an enum of your own | itself, what is `From` it; if it is an `Error`, also `Box<dyn Error>`¹, `anyhow::Error` | `Box<dyn Error>`¹, `anyhow::Error` |
    //! | `Box<dyn Error + Send + Sync>` | itself alone² | `Box<dyn Error>`¹, `anyhow::Error` |
    //! | `anyhow::Error` | itself, `Box<dyn Error>`¹ | `Box<dyn Error>`¹, `anyhow::Error` |
    //! | `String` | itself, `Box<dyn Error>`¹ | `Box<dyn Error>`¹, `anyhow::Error` |
    //!
    //! ¹ With `+ Send + Sync` or without. ² A box of this kind is no `Error`, so `?` has nothing to convert it by.
    //! Into `anyhow::Error` it goes by `map_err(anyhow::Error::from_boxed)`. For a `main` that gives this type, write
    //! `Result<(), Box<dyn Error + Send + Sync>>`, or use `wait()?`, whose error goes into either.
    //!
    //! ```
    //! # use std::error::Error;
    //! # use std::io;
    //! # use errgroup::Failed;
    //! # type Boxed = Box<dyn Error>;
    //! # type Failure = Box<dyn Error + Send + Sync>;
    //! # #[derive(Debug)]
    //! # enum Trouble {}
    //! # impl std::fmt::Display for Trouble {
    //! #     fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { match *self {} }
    //! # }
    //! # impl Error for Trouble {}
    //! /// Whether `?` takes an `A` to a `B`.
    //! fn converts<A, B: From<A>>() {}
    //!
    //! converts::<io::Error, Boxed>();
    //! converts::<io::Error, Failure>();
    //! converts::<io::Error, anyhow::Error>();
    //! converts::<Trouble, Boxed>();
    //! converts::<Trouble, Failure>();
    //! converts::<Trouble, anyhow::Error>();
    //! converts::<anyhow::Error, Boxed>();
    //! converts::<anyhow::Error, Failure>();
    //! converts::<String, Boxed>();
    //! converts::<String, Failure>();
    //! converts::<Failed<Failure>, Boxed>();
    //! converts::<Failed<Failure>, Failure>();
    //! converts::<Failed<Failure>, anyhow::Error>();
    //! converts::<Failed<String>, anyhow::Error>(); // and so for every `E`
    //! ```
    //!
    //! # When to name the type
    //!
    //! Each `?` may convert, and so hides from the compiler what it converts from. The error type of a group is known
    //! if *one* of these is true:
    //!
    //! * a task ends in a `Result` of a known type, without `?`: `fs::metadata(path).map(drop)`;
    //! * `join` or `scope` is the last expression of a function, without `?`;
    //! * you name it: `Group::<io::Error>::new()`, `Group::<io::Error>::with_context(&ctx)`, and in a scope
    //!   `Ok::<_, io::Error>(())` at the end of the body.
    //!
    //! So this does not compile, for the `?` in the task and the one after `join` leave the type between them open:
    //!
    //! ```compile_fail,E0283
    //! # use std::{fs, io};
    //! # use errgroup::Group;
    //! fn check() -> io::Result<()> {
    //!     let group = Group::new();
    //!     group.go(|| {
    //!         fs::metadata("Cargo.toml")?;
    //!         Ok(())
    //!     });
    //!     group.join()?;
    //!     Ok(())
    //! }
    //! ```
    //!
    //! And these do:
    //!
    //! ```
    //! # use std::{fs, io};
    //! # use errgroup::{Group, scope};
    //! fn known_by_the_task() -> io::Result<()> {
    //!     let group = Group::new();
    //!     group.go(|| fs::metadata("Cargo.toml").map(drop));
    //!     group.join()?;
    //!     Ok(())
    //! }
    //!
    //! fn known_by_the_function() -> io::Result<()> {
    //!     let group = Group::new();
    //!     group.go(|| {
    //!         fs::metadata("Cargo.toml")?;
    //!         Ok(())
    //!     });
    //!     group.join()
    //! }
    //!
    //! fn named() -> io::Result<()> {
    //!     let group = Group::<io::Error>::new();
    //!     group.go(|| {
    //!         fs::metadata("Cargo.toml")?;
    //!         Ok(())
    //!     });
    //!     group.join()?;
    //!     scope(|s| {
    //!         s.go(|| {
    //!             fs::metadata("Cargo.toml")?;
    //!             Ok(())
    //!         });
    //!         Ok::<_, io::Error>(())
    //!     })?;
    //!     Ok(())
    //! }
    //! # known_by_the_task().and_then(|()| known_by_the_function()).and_then(|()| named()).unwrap();
    //! ```
    //!
    //! # `io::Error`
    //!
    //! ```
    //! use std::error::Error;
    //! use std::{fs, io};
    //!
    //! use errgroup::{Failed, Group, scope};
    //!
    //! fn by_join(path: &'static str) -> io::Result<()> {
    //!     let group = Group::new();
    //!     group.go(move || fs::metadata(path).map(drop));
    //!     group.join()?;
    //!     Ok(())
    //! }
    //!
    //! fn by_scope(path: &str) -> io::Result<u64> {
    //!     let mut size = 0;
    //!     scope(|s| {
    //!         s.go(|| {
    //!             size = fs::metadata(path)?.len();
    //!             Ok(())
    //!         });
    //!         Ok::<_, io::Error>(()) // known by this, for the task uses `?`
    //!     })?;
    //!     Ok(size)
    //! }
    //!
    //! fn by_wait(path: &'static str) -> Result<(), Box<dyn Error>> {
    //!     let group = Group::new();
    //!     group.go(move || fs::metadata(path).map(drop));
    //!     group.wait()?;
    //!     group.wait()?; // as often as you like
    //!     Ok(())
    //! }
    //!
    //! assert!(by_join("Cargo.toml").is_ok() && by_scope("Cargo.toml").unwrap() > 0 && by_wait("Cargo.toml").is_ok());
    //! assert_eq!(by_join("nowhere").unwrap_err().kind(), io::ErrorKind::NotFound);
    //! assert_eq!(by_scope("nowhere").unwrap_err().kind(), io::ErrorKind::NotFound);
    //! let error = by_wait("nowhere").unwrap_err();
    //! let failed = error.downcast_ref::<Failed<io::Error>>().unwrap();
    //! assert_eq!(failed.with(|error| error.kind()), Some(io::ErrorKind::NotFound));
    //! ```
    //!
    //! A [`Failed`] has no `?` into `io::Error`; where the function wants that, `join`, or
    //! `wait().map_err(io::Error::other)`:
    //!
    //! ```compile_fail,E0277
    //! # use std::io;
    //! # use errgroup::Group;
    //! fn check(group: &Group<io::Error>) -> io::Result<()> {
    //!     group.wait()?;
    //!     Ok(())
    //! }
    //! ```
    //!
    //! # An enum of your own
    //!
    //! `Display` is all it needs for a group; `From` for the `?` in its tasks; `Error` to be boxed by the caller.
    //!
    //! ```
    //! use std::fmt::{self, Display};
    //! use std::{fs, num};
    //!
    //! use errgroup::{Failed, Group, scope};
    //!
    //! #[derive(Debug)]
    //! enum Trouble {
    //!     Number(num::ParseIntError),
    //!     Negative(i64),
    //! }
    //!
    //! impl Display for Trouble {
    //!     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    //!         match self {
    //!             Self::Number(error) => write!(f, "no number: {error}"),
    //!             Self::Negative(n) => write!(f, "{n} is negative"),
    //!         }
    //!     }
    //! }
    //!
    //! impl From<num::ParseIntError> for Trouble {
    //!     fn from(error: num::ParseIntError) -> Self {
    //!         Self::Number(error)
    //!     }
    //! }
    //!
    //! fn count(text: &str) -> Result<i64, Trouble> {
    //!     let n = text.parse()?;
    //!     if n < 0 { Err(Trouble::Negative(n)) } else { Ok(n) }
    //! }
    //!
    //! fn by_join(text: &'static str) -> Result<(), Trouble> {
    //!     let group = Group::<Trouble>::new(); // named: `?` in the task, `?` after `join`
    //!     group.go(move || {
    //!         println!("{}", count(text)?);
    //!         Ok(())
    //!     });
    //!     group.join()?;
    //!     Ok(())
    //! }
    //!
    //! fn by_scope(text: &str) -> Result<i64, Trouble> {
    //!     let mut n = 0;
    //!     scope(|s| {
    //!         s.go(|| {
    //!             n = count(text)?;
    //!             Ok(())
    //!         });
    //!         Ok::<_, Trouble>(())
    //!     })?;
    //!     Ok(n)
    //! }
    //!
    //! fn by_wait(text: &'static str) -> anyhow::Result<()> {
    //!     let group = Group::new();
    //!     group.go(move || count(text).map(drop));
    //!     group.wait()?; // though `Trouble` is no `Error`: what `wait` gives is one
    //!     Ok(())
    //! }
    //!
    //! assert!(by_join("7").is_ok() && by_scope("7").is_ok_and(|n| n == 7) && by_wait("7").is_ok());
    //! assert!(matches!(by_join("x"), Err(Trouble::Number(_))));
    //! assert!(matches!(by_scope("-7"), Err(Trouble::Negative(-7))));
    //! let error = by_wait("-7").unwrap_err();
    //! assert_eq!(error.to_string(), "-7 is negative");
    //! let failed = error.downcast_ref::<Failed<Trouble>>().unwrap();
    //! assert_eq!(failed.with(|trouble| matches!(trouble, Trouble::Negative(-7))), Some(true));
    //! ```
    //!
    //! # `Box<dyn Error + Send + Sync>`
    //!
    //! Name it, since its tasks live by `?` and `into`. The `+ Send + Sync` is not optional.
    //!
    //! ```
    //! use std::error::Error;
    //! use std::fs;
    //!
    //! use errgroup::{Group, scope};
    //!
    //! type Failure = Box<dyn Error + Send + Sync>;
    //!
    //! fn parse(path: &str) -> Result<(), Failure> {
    //!     if !fs::read_to_string(path)?.contains("[package]") {
    //!         return Err("not a manifest".into());
    //!     }
    //!     Ok(())
    //! }
    //!
    //! fn by_join(path: &'static str) -> Result<(), Failure> {
    //!     let group = Group::<Failure>::new();
    //!     group.go(move || parse(path));
    //!     group.join()?;
    //!     Ok(())
    //! }
    //!
    //! fn by_scope(path: &str) -> Result<(), Failure> {
    //!     let path = path.to_owned();
    //!     scope(|s| {
    //!         s.go(|| parse(&path)); // borrows
    //!         Ok(())
    //!     })
    //! }
    //!
    //! fn by_wait(path: &'static str) -> Result<(), Box<dyn Error>> {
    //!     let group = Group::<Failure>::new();
    //!     group.go(move || parse(path));
    //!     group.wait()?;
    //!     Ok(())
    //! }
    //!
    //! fn into_anyhow(path: &'static str) -> anyhow::Result<()> {
    //!     let group = Group::<Failure>::new();
    //!     group.go(move || parse(path));
    //!     group.join().map_err(anyhow::Error::from_boxed)
    //! }
    //!
    //! assert!(by_join("Cargo.toml").is_ok() && by_scope("Cargo.toml").is_ok() && by_wait("Cargo.toml").is_ok());
    //! assert_eq!(by_join("src/lib.rs").unwrap_err().to_string(), "not a manifest");
    //! assert_eq!(by_scope("src/lib.rs").unwrap_err().to_string(), "not a manifest");
    //! assert_eq!(by_wait("src/lib.rs").unwrap_err().to_string(), "not a manifest");
    //! assert_eq!(into_anyhow("src/lib.rs").unwrap_err().to_string(), "not a manifest");
    //! ```
    //!
    //! # `anyhow::Error`
    //!
    //! ```
    //! use std::fs;
    //!
    //! use anyhow::{Context as _, ensure};
    //! use errgroup::{Failed, Group, scope};
    //!
    //! fn parse(path: &str) -> anyhow::Result<()> {
    //!     let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    //!     ensure!(text.contains("[package]"), "not a manifest");
    //!     Ok(())
    //! }
    //!
    //! fn by_join(path: &'static str) -> anyhow::Result<()> {
    //!     let group = Group::new();
    //!     group.go(move || parse(path)); // or `Group::<anyhow::Error>::new()`, if this used `?`
    //!     group.join()?;
    //!     Ok(())
    //! }
    //!
    //! fn by_scope(path: &str) -> anyhow::Result<u64> {
    //!     let mut size = 0;
    //!     scope(|s| {
    //!         s.go(|| {
    //!             parse(path)?;
    //!             size = fs::metadata(path)?.len();
    //!             Ok(())
    //!         });
    //!         Ok::<_, anyhow::Error>(())
    //!     })?;
    //!     Ok(size)
    //! }
    //!
    //! fn by_wait(path: &'static str) -> anyhow::Result<()> {
    //!     let group = Group::new();
    //!     group.go(move || parse(path));
    //!     group.wait()?;
    //!     Ok(())
    //! }
    //!
    //! assert!(by_join("Cargo.toml").is_ok() && by_scope("Cargo.toml").unwrap() > 0 && by_wait("Cargo.toml").is_ok());
    //! assert_eq!(by_join("src/lib.rs").unwrap_err().to_string(), "not a manifest");
    //! let error = by_scope("nowhere").unwrap_err();
    //! assert_eq!(error.to_string(), "cannot read nowhere");
    //! assert!(error.root_cause().is::<std::io::Error>(), "the error itself, with its chain");
    //! let error = by_wait("nowhere").unwrap_err();
    //! let failed = error.downcast_ref::<Failed<anyhow::Error>>().unwrap();
    //! assert_eq!(failed.with(|error| error.root_cause().is::<std::io::Error>()), Some(true));
    //! ```
    //!
    //! # Errors that a task is told
    //!
    //! [`Stopped`], which [`Context::check`] gives and a pipeline's workers get, goes by `?` into all of these types but
    //! an enum of your own, which needs a `From<Stopped>` of three lines.
    #![allow(unused_imports)] // for the links
    use crate::{Context, Failed, Group, Stopped, scope};
}

pub mod from_go {
    //! Coming from Go's `errgroup` and `context`.
    //!
    //! The names are Go's, in Rust's spelling. What differs is said on the right.
    //!
    //! # Groups
    //!
    //! | Go | here | what is different |
    //! |---|---|---|
    //! | `g := new(errgroup.Group)` | `let group = Group::new();` | has an error type, mostly inferred: see [`errors`](super::errors) |
    //! | `g, ctx := errgroup.WithContext(ctx)` | `let (group, ctx) = Group::with_context(&ctx);` | |
    //! | `g.Go(func() error { … })` | <code>group.go(move \|\| { … });</code> | what the task uses is moved or cloned into it; [`scope`] lends. On a full group, from inside one of its own tasks, it runs the task at once instead of deadlocking |
    //! | `g.TryGo(f)` | `group.try_go(f)` | a refusal is a [`Refused`], with the closure inside, which must be looked at |
    //! | `g.SetLimit(n)` | `group.set_limit(n);` | at any time, also while tasks are active |
    //! | `g.SetLimit(-1)` | `group.set_limit(usize::MAX);` | |
    //! | `if err := g.Wait(); err != nil { return err }` | `group.join()?;` | gives the error itself, once |
    //! | `g.Wait()` from several goroutines, or twice | `group.wait()` | gives a handle, [`Failed`], as often as you like |
    //! | `if ctx.Err() != nil { break }` around `g.Go` | `group.go_until(&ctx, f)` | also stops waiting for a place when the context is over |
    //! | a group that nobody waits for | a group that is dropped | cancelled and joined: no task outlives it |
    //! | a panic in a task | the same | caught; cancels the rest; comes out of `wait` once they have returned |
    //!
    //! # Contexts
    //!
    //! | Go | here | what is different |
    //! |---|---|---|
    //! | `context.Background()`, `context.TODO()` | `Context::background()` | |
    //! | `ctx, cancel := context.WithCancel(ctx)` | `let (ctx, cancel) = ctx.with_cancel();` | no `defer cancel()`: a context that is dropped leaves its parent. Dropping `cancel` cancels nothing |
    //! | `context.WithCancelCause(ctx)`, `cancel(err)` | `ctx.with_cancel()`, `cancel.cancel_with(err)` | a text will do |
    //! | `context.WithTimeout(ctx, d)` | `ctx.with_timeout(d)` | |
    //! | `context.WithDeadline(ctx, t)` | `ctx.with_deadline(t)` | an `Instant` |
    //! | `context.WithValue(ctx, key, v)`, `ctx.Value(key)` | `ctx.with_value(v)`, `ctx.value::<V>()` | the type is the key |
    //! | `context.WithoutCancel(ctx)` | `ctx.without_cancel()` | |
    //! | `stop := context.AfterFunc(ctx, f)`, `stop()` | `let after = ctx.after_func(f);`, `after.stop()` | |
    //! | `<-ctx.Done()` | `ctx.wait()` | |
    //! | `case <-ctx.Done():` in a `select` | `recv(ctx.done()) -> _ =>` in crossbeam's `select!` | in async code: `ctx.cancelled().await` |
    //! | `if err := ctx.Err(); err != nil { return err }` | `ctx.check()?;` | gives the cause, not only "context canceled" |
    //! | `ctx.Err()` | `ctx.err()` | |
    //! | `context.Cause(ctx)` | `ctx.cause()` | |
    //!
    //! # Every right-hand side, run
    //!
    //! ```
    //! use std::fs;
    //! use std::io;
    //! use std::time::{Duration, Instant};
    //!
    //! use errgroup::{Context, ContextError, Group};
    //!
    //! fn groups() -> io::Result<()> {
    //!     let (group, ctx) = Group::<io::Error>::with_context(&Context::background());
    //!     group.set_limit(2);
    //!     group.go(move || fs::metadata("Cargo.toml").map(drop));
    //!     if let Err(refused) = group.try_go(|| Ok(())) {
    //!         refused.into_inner()()?; // run it here
    //!     }
    //!     group.set_limit(usize::MAX);
    //!     for name in ["Cargo.toml", "src/lib.rs"] {
    //!         if group.go_until(&ctx, move || fs::metadata(name).map(drop)).is_err() {
    //!             break; // cancelled: another has failed (here nobody else can cancel)
    //!         }
    //!     }
    //!     assert!(group.wait().is_ok() && group.wait().is_ok());
    //!     group.join()?;
    //!
    //!     let group = Group::new();
    //!     group.go(|| fs::metadata("nowhere").map(drop));
    //!     assert_eq!(group.join().unwrap_err().kind(), io::ErrorKind::NotFound);
    //!     Ok(())
    //! }
    //!
    //! fn contexts() {
    //!     struct RequestId(u32);
    //!     let ctx = Context::background().with_value(RequestId(7));
    //!
    //!     let (child, cancel) = ctx.with_cancel();
    //!     let after = child.after_func(|| println!("cleaning up"));
    //!     assert!(after.stop(), "it has not begun");
    //!     assert!(child.err().is_none() && child.cause().is_none());
    //!     cancel.cancel_with("the client has hung up");
    //!     child.wait();
    //!     assert_eq!(child.err(), Some(ContextError::Canceled));
    //!     assert_eq!(child.cause().unwrap().to_string(), "the client has hung up");
    //!     assert_eq!(child.check().unwrap_err().to_string(), "the client has hung up");
    //!
    //!     let detached = child.without_cancel();
    //!     assert!(detached.check().is_ok());
    //!     assert_eq!(detached.value::<RequestId>().unwrap().0, 7);
    //!
    //!     let (late, _cancel) = ctx.with_deadline(Instant::now());
    //!     assert_eq!(late.err(), Some(ContextError::DeadlineExceeded));
    //!     let (soon, _cancel) = ctx.with_timeout(Duration::from_millis(1));
    //!     soon.wait();
    //!     assert_eq!(soon.err(), Some(ContextError::DeadlineExceeded));
    //! }
    //! # groups().unwrap();
    //! # contexts();
    //! ```
    //!
    //! # A stage that sends, or stops
    //!
    //! ```go
    //! select {
    //! case out <- result:
    //! case <-ctx.Done():
    //!     return ctx.Err()
    //! }
    //! ```
    //!
    //! becomes
    //!
    //! ```
    //! use crossbeam_channel::{Sender, bounded, select};
    //! use errgroup::{Context, Stopped};
    //!
    //! fn hand_on(ctx: &Context, out: &Sender<u32>, result: u32) -> Result<(), Stopped> {
    //!     select! {
    //!         send(out, result) -> sent => {
    //!             sent.expect("the receiver stays");
    //!             Ok(())
    //!         }
    //!         recv(ctx.done()) -> _ => ctx.check(),
    //!     }
    //! }
    //!
    //! let (ctx, cancel) = Context::background().with_cancel();
    //! let (sender, receiver) = bounded(1);
    //! hand_on(&ctx, &sender, 1).unwrap();
    //! cancel.cancel();
    //! assert!(hand_on(&ctx, &sender, 2).is_err(), "full, and nobody will come");
    //! assert_eq!(receiver.recv(), Ok(1));
    //! ```
    //!
    //! or, where it is one of several stages, `out.send(result)?` in a [`Pipeline`], which also closes what Go closes by
    //! hand (`defer close(paths)`; a goroutine that waits, to close the results).
    //!
    //! # Results in places of their own
    //!
    //! `results[i] = result`, from inside the tasks, is a [`scope`] whose tasks borrow the places:
    //!
    //! ```
    //! use std::{fs, io};
    //!
    //! fn sizes(paths: &[&str]) -> io::Result<Vec<u64>> {
    //!     let mut sizes = vec![0; paths.len()];
    //!     errgroup::scope(|s| {
    //!         for (path, size) in paths.iter().zip(&mut sizes) {
    //!             s.go(move || {
    //!                 *size = fs::metadata(path)?.len();
    //!                 Ok(())
    //!             });
    //!         }
    //!         Ok::<_, io::Error>(())
    //!     })?;
    //!     Ok(sizes)
    //! }
    //! assert!(sizes(&["Cargo.toml", "src/lib.rs"]).unwrap().iter().all(|size| *size > 0));
    //! assert!(sizes(&["Cargo.toml", "nowhere"]).is_err());
    //! ```
    #![allow(unused_imports)] // for the links
    use crate::{Failed, Pipeline, Refused, scope};
}

pub mod from_tokio {
    //! Coming from tokio's `JoinSet`, `TaskTracker`, `CancellationToken` and `Semaphore`.
    //!
    //! The groups of the feature `tokio` hold futures. Those at the root of the crate hold closures, on threads, without
    //! any runtime: where tasks compute or read files, they are the shorter way.
    //!
    //! | tokio | here | what is different |
    //! |---|---|---|
    //! | `let mut set = JoinSet::new();` | `let group = errgroup::tokio::Group::new();` | has an error type; needs no `mut`, so many may add to it |
    //! | `set.spawn(future);` | `group.go(future).await;` | waits for a place, if there is a limit |
    //! | `set.spawn_blocking(f);` | `group.go_blocking(f).await;` | |
    //! | `semaphore.clone().acquire_owned().await?` before each `spawn` | `group.set_limit(n);` | may change at any time; `try_go` where there must be no waiting |
    //! | `while let Some(result) = set.join_next().await { result??; }` | `group.join().await?;` | your error, without a `JoinError` around it; the first by time; by then all have returned, and a context has told the others to stop |
    //! | the values that `join_next` gives | `errgroup::tokio::try_map(items, n, f).await?`; or sent through a channel | in the order of the items; a task of a group returns `Result<(), E>` |
    //! | the first of several that succeeds, then `abort_all` | `errgroup::tokio::race(futures).await` | |
    //! | `error.into_panic()` of a `JoinError` | nothing | a panic comes out of `join` by itself |
    //! | `tracker.close(); tracker.wait().await;` | `group.wait().await` | nothing to close: more may be added later |
    //! | `set.shutdown().await;` | `group.shutdown().await;` | |
    //! | a `JoinSet` that is dropped | a group that is dropped | the same: its tasks are aborted |
    //! | `let token = CancellationToken::new();` | `let (ctx, cancel) = Context::background().with_cancel();` | who may cancel is a handle apart |
    //! | `token.child_token()` | `ctx.with_cancel()` | |
    //! | `token.cancelled().await` | `ctx.cancelled().await` | on any executor; threads have `ctx.wait()` |
    //! | `token.is_cancelled()` | `ctx.is_cancelled()`, `ctx.check()?` | and why: `ctx.cause()` |
    //! | `tokio::time::timeout(d, future)` around everything | `tokio::time::timeout(d, group.join()).await` | the same: what still runs is aborted (closures of `go_blocking` go on) |
    //! | the same, but to let the tasks end in order | `Group::with_context(&errgroup::tokio::with_timeout(&ctx, d).0)` | tells the tasks; one that does not look is waited for, and what it gives counts |
    //! | `set.abort_all()` at the first error | `select!` between `group.wait()` and `ctx.cancelled()`; then `group.errors()`, `group.shutdown().await` | `try_map` and `race` do it themselves |
    //! | `AbortHandle`, `spawn_local` | none | stop one task by a context of its own; a group's futures are `Send` and `'static` |
    //!
    //! # A set of futures
    //!
    #![cfg_attr(feature = "tokio", doc = "```")]
    #![cfg_attr(not(feature = "tokio"), doc = "```ignore")]
    //! use std::{fs, io};
    //!
    //! use errgroup::Context;
    //! use errgroup::tokio::Group;
    //!
    //! async fn sizes(paths: Vec<String>) -> io::Result<u64> {
    //!     let (group, ctx) = Group::<io::Error>::with_context(&Context::background());
    //!     group.set_limit(8);
    //!     let (sender, mut sizes) = tokio::sync::mpsc::unbounded_channel();
    //!     for path in paths {
    //!         let sender = sender.clone();
    //!         let task = async move {
    //!             let size = tokio::task::spawn_blocking(move || fs::metadata(path)).await??.len();
    //!             let _ = sender.send(size); // fails only if nobody adds up any more
    //!             Ok(())
    //!         };
    //!         if group.go_until(&ctx, task).await.is_err() {
    //!             break; // cancelled: another has failed (here nobody else can cancel), and no more are begun
    //!         }
    //!     }
    //!     drop(sender);
    //!     group.join().await?;
    //!     let mut total = 0;
    //!     while let Some(size) = sizes.recv().await {
    //!         total += size;
    //!     }
    //!     Ok(total)
    //! }
    //!
    //! # #[tokio::main(flavor = "current_thread")]
    //! # async fn main() {
    //! assert!(sizes(vec!["Cargo.toml".into(), "src/lib.rs".into()]).await.unwrap() > 0);
    //! assert_eq!(sizes(vec!["nowhere".into()]).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    //! # }
    //! ```
    //!
    //! # Every other call of the table
    //!
    #![cfg_attr(feature = "tokio", doc = "```")]
    #![cfg_attr(not(feature = "tokio"), doc = "```ignore")]
    //! use std::time::Duration;
    //!
    //! use errgroup::Context;
    //! use errgroup::tokio::Group;
    //!
    //! # #[tokio::main(flavor = "current_thread")]
    //! # async fn main() {
    //! let (limited, _cancel) = Context::background().with_timeout(Duration::from_secs(60));
    //! let (group, ctx) = Group::<String>::with_context(&limited);
    //! group.go(async { Ok(()) }).await;
    //! group.go_blocking(|| std::fs::metadata("Cargo.toml").map(drop).map_err(|error| error.to_string())).await;
    //! assert!(group.wait().await.is_ok());
    //! assert!(ctx.is_cancelled(), "wait has returned");
    //!
    //! group.set_limit(0);
    //! let refused = group.try_go(async { Err("not now".to_owned()) }).unwrap_err();
    //! assert_eq!(refused.into_inner().await, Err("not now".to_owned()));
    //!
    //! let group = Group::<String>::new();
    //! group.go(std::future::pending()).await;
    //! group.shutdown().await; // aborts, and waits until that is done
    //! # }
    //! ```
    //!
    //! # Ctrl-C
    //!
    //! ```no_run
    //! # use errgroup::{Context, Group};
    //! # #[tokio::main(flavor = "current_thread")]
    //! # async fn main() {
    //! let (root, cancel) = Context::background().with_cancel();
    //! tokio::spawn(async move {
    //!     if tokio::signal::ctrl_c().await.is_ok() {
    //!         cancel.cancel_with("interrupted");
    //!     }
    //! });
    //! let (group, ctx) = Group::<std::io::Error>::with_context(&root); // and everything else from `root`
    //! # }
    //! ```
    //!
    //! On threads it is the same, with what the crates `ctrlc` or `signal-hook` call.
    //!
    //! # A token
    //!
    //! ```
    //! use errgroup::{Context, Stopped};
    //!
    //! async fn until_told(ctx: &Context) -> Stopped {
    //!     ctx.cancelled().await;
    //!     ctx.check().expect_err("it is over")
    //! }
    //!
    //! let (parent, cancel) = Context::background().with_cancel();
    //! let (child, _) = parent.with_cancel();
    //! cancel.cancel_with("shutting down");
    //! # let mut future = std::pin::pin!(until_told(&child));
    //! # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    //! # let std::task::Poll::Ready(told) = future.as_mut().poll(&mut cx) else { panic!("it is over") };
    //! # let told = || told.clone();
    //! assert_eq!(told().to_string(), "shutting down"); // `until_told(&child).await`, on your runtime
    //! ```
    //!
    //! # Blocking work, without a runtime
    //!
    //! A `JoinSet` over `spawn_blocking` is what a plain [`Group`] is:
    //!
    //! ```
    //! use std::{fs, io};
    //!
    //! use errgroup::Group;
    //!
    //! fn read_all(paths: Vec<String>) -> io::Result<()> {
    //!     let group = Group::new();
    //!     group.set_limit(8);
    //!     for path in paths {
    //!         group.go(move || fs::read(path).map(drop));
    //!     }
    //!     group.join()
    //! }
    //! assert!(read_all(vec!["Cargo.toml".into(), "src/lib.rs".into()]).is_ok());
    //! assert!(read_all(vec!["Cargo.toml".into(), "nowhere".into()]).is_err());
    //! ```
    #![allow(unused_imports)] // for the links
    use crate::Group;
}

pub mod from_threads {
    //! Coming from `std::thread::scope`, or rayon.
    //!
    //! | there | here | what is different |
    //! |---|---|---|
    //! | <code>std::thread::scope(\|s\| { … })</code> | <code>errgroup::scope(\|s\| { … Ok(()) })?</code> | the first error of a task, or of the body, is the result, and cancels [`Scope::context`] |
    //! | <code>s.spawn(\|\| { … });</code> | <code>s.go(\|\| { … Ok(()) });</code> | threads are taken from a pool; `s.set_limit(n)` bounds them |
    //! | `let value = handle.join().unwrap();` | a place that the task borrows | there are no handles |
    //! | a panic in a thread | the same | the first one's own payload, after all have returned |
    //! | <code>rayon::scope(\|s\| s.spawn(\|_\| …))</code> | <code>s.go(\|\| …)</code> | a task may block: there are as many threads as it takes. For pure computation set the limit to the number of cores |
    //! | `rayon::join(a, b)` | `s.go(a); b()` | the second runs where you are |
    //! | `items.par_iter().try_for_each(f)` | `s.go` for each, or for each chunk | a task costs a little: give it more than a few instructions |
    //! | `items.into_par_iter().map(f).collect::<Result<_, _>>()` | [`try_map(items, n, f)`](crate::try_map) | takes any iterator, one item after the other as places come free |
    //! | the same, of more items than fit into memory | [`Pipeline::each`] with [`Order::Source`], then iterate | holds only a window of them |
    //!
    //! For splitting arithmetic over an array in memory, with stealing, rayon is the better tool.
    //!
    //! ```
    //! use errgroup::scope;
    //!
    //! fn sum(numbers: &[u64]) -> Result<u64, String> {
    //!     let (left, right) = numbers.split_at(numbers.len() / 2);
    //!     let add = |part: &[u64]| {
    //!         part.iter().try_fold(0u64, |sum, n| sum.checked_add(*n)).ok_or_else(|| "too much".to_owned())
    //!     };
    //!     let mut of_left = 0;
    //!     let of_right = scope(|s| {
    //!         s.go(|| {
    //!             of_left = add(left)?;
    //!             Ok(())
    //!         });
    //!         add(right)
    //!     })?;
    //!     Ok(of_left + of_right)
    //! }
    //! assert_eq!(sum(&[1, 2, 3, 4]), Ok(10));
    //! assert_eq!(sum(&[u64::MAX, 1, 0, 0]), Err("too much".to_owned()));
    //! ```
    //!
    //! A task for each chunk, as many at a time as there are cores:
    //!
    //! ```
    //! use std::thread;
    //!
    //! let mut squares: Vec<u64> = (0..10_000).collect();
    //! errgroup::scope(|s| {
    //!     s.set_limit(thread::available_parallelism().map_err(|error| error.to_string())?.get());
    //!     for chunk in squares.chunks_mut(1_000) {
    //!         s.go(|| {
    //!             chunk.iter_mut().for_each(|n| *n *= *n);
    //!             Ok(())
    //!         });
    //!     }
    //!     Ok::<_, String>(())
    //! })
    //! .unwrap();
    //! assert_eq!(squares[99], 9_801);
    //! ```
    //!
    //! A map over a stream, in order:
    //!
    //! ```
    //! use errgroup::{Context, Order, Pipeline};
    //!
    //! let texts = ["1", "2", "3", "four", "5"];
    //! let numbers = |count: usize| {
    //!     Pipeline::source(&Context::background(), 16, move |out| {
    //!         texts[..count].iter().try_for_each(|text| Ok(out.send(*text)?))
    //!     })
    //!     .each(2, Order::Source { window: 16 }, |text| text.parse::<u32>().map_err(|error| format!("{text}: {error}")))
    //!     .collect::<Result<Vec<_>, _>>()
    //! };
    //! assert_eq!(numbers(3), Ok(vec![1, 2, 3]));
    //! assert_eq!(numbers(5), Err("four: invalid digit found in string".to_owned()));
    //! ```
    #![allow(unused_imports)] // for the links
    use crate::{Order, Pipeline, Scope};
}
