//! Groups of futures: each row of the contract, on a runtime of one thread and on one of several, from `block_on` and
//! from a task.

mod panic_text;

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{self, Poll, Waker};
use std::thread;
use std::time::Duration;

use errgroup::tokio::{Group, from_token, race, to_token, try_map, try_map_with_context, with_deadline, with_timeout};
use errgroup::{Context, ContextError, Failed, Policy, TaskStage};
use panic_text::panic_text;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

type Error = String;

fn single() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn multi() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn paused() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// Runs a row wherever it may be run.
fn everywhere<F: Future<Output = ()> + Send + 'static>(row: impl Fn() -> F) {
    single().block_on(row());
    multi().block_on(row());
    let runtime = multi();
    runtime.block_on(runtime.spawn(row())).unwrap();
}

/// Lets others run until it is so.
async fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        yield_now().await;
        thread::yield_now();
    }
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut task::Context::from_waker(Waker::noop()))
}

/// What a future panics with.
async fn caught<T>(future: impl Future<Output = T>) -> String {
    let mut future = pin!(future);
    let ended = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(_)) => Poll::Ready(None),
        Err(payload) => Poll::Ready(Some(payload)),
    });
    panic_text(&*ended.await.expect("a panic"))
}

/// Counts its own drop.
struct Token(Arc<AtomicUsize>);

impl Token {
    fn of(dropped: &Arc<AtomicUsize>) -> Self {
        Self(Arc::clone(dropped))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A group at its limit of 1, until the sender is used or dropped.
async fn full_group() -> (Arc<Group<Error>>, oneshot::Sender<()>) {
    let group = Arc::new(Group::new());
    group.set_limit(1);
    let (release, gate) = oneshot::channel();
    group
        .go(async move {
            let _ = gate.await;
            Ok(())
        })
        .await;
    (group, release)
}

async fn forever<T>() -> T {
    std::future::pending().await
}

// What any group does.

#[test]
fn nothing_to_do_is_fine() {
    everywhere(|| async {
        assert!(Group::<Error>::new().wait().await.is_ok());
        assert!(Group::<Error>::default().join().await.is_ok());
        assert!(Group::<Error>::default().join_errors().await.is_ok());
        Group::<Error>::new().shutdown().await;
    });
}

#[test]
fn the_first_error_wins_cancels_and_is_the_cause() {
    everywhere(|| async {
        let (group, ctx) = Group::<Error>::with_context(&Context::background());
        for _ in 0..10 {
            let ctx = ctx.clone();
            group
                .go(async move {
                    ctx.cancelled().await;
                    Err("a sibling that was cancelled".into())
                })
                .await;
        }
        group
            .go(async {
                yield_now().await;
                Err("the cause".into())
            })
            .await;
        ctx.cancelled().await; // before any wait of the group
        assert_eq!(ctx.err(), Some(ContextError::Canceled));
        let cause = ctx.cause().unwrap();
        assert!(cause.downcast_ref::<Failed<Error>>().is_some());
        assert_eq!(cause.to_string(), "the cause");
        assert_eq!(group.join().await, Err("the cause".to_owned()));
    });
}

#[test]
fn the_context_is_over_when_wait_returns_on_success_too() {
    everywhere(|| async {
        let (group, ctx) = Group::<Error>::with_context(&Context::background());
        let inside = ctx.clone();
        let task = async move { if inside.is_cancelled() { Err("too early".into()) } else { Ok(()) } };
        group.go(task).await;
        assert!(group.wait().await.is_ok());
        assert_eq!(ctx.cause().unwrap().to_string(), "context canceled");
    });
}

#[test]
fn wait_may_be_called_again_and_from_several_tasks() {
    everywhere(|| async {
        let (group, release) = full_group().await;
        group.set_limit(2);
        group.go(async { Err("broken".into()) }).await;
        let waits: Vec<_> = (0..5)
            .map(|_| {
                let group = Arc::clone(&group);
                tokio::spawn(async move { group.wait().await.unwrap_err().to_string() })
            })
            .collect();
        yield_now().await;
        assert!(!waits.iter().any(tokio::task::JoinHandle::is_finished));
        drop(release);
        for wait in waits {
            assert_eq!(wait.await.unwrap(), "broken");
        }
        assert_eq!(group.wait().await.unwrap_err().to_string(), "broken");
    });
}

#[test]
fn go_after_wait_works_and_the_first_error_stays() {
    everywhere(|| async {
        let group = Group::<Error>::new();
        group.go(async { Ok(()) }).await;
        assert!(group.wait().await.is_ok());
        group.go(async { Err("late".into()) }).await;
        assert_eq!(group.wait().await.unwrap_err().to_string(), "late");
        group.go(async { Err("later".into()) }).await;
        assert_eq!(group.join().await, Err("late".to_owned()));
    });
}

#[test]
fn policies_hold_for_futures() {
    everywhere(|| async {
        let policy = Policy::<Error>::new().keep_all_errors().skip_when_cancelled().watch_tasks();
        let (parent, cancel) = Context::background().with_cancel();
        let (group, _ctx) = Group::with_policy(policy, &parent);
        let (dropped, (release, gate)) = (Arc::default(), oneshot::channel::<()>());
        group.set_limit(1);
        group
            .go(async move {
                let _ = gate.await;
                Ok(())
            })
            .await;
        let tokens = [(); 3].map(|()| Token::of(&dropped));
        let [queued, waiting, blocking] = tokens;
        until(|| group.snapshot().count(TaskStage::Running) == 1).await;
        let mut go = Box::pin(group.go(async move {
            let _token = waiting;
            unreachable!("it waits for a permit")
        }));
        assert!(poll_once(go.as_mut()).is_pending());
        assert_eq!(group.snapshot().count(TaskStage::Waiting), 1);
        cancel.cancel_with("the user has left");
        go.await;
        group.set_limit(3);
        group
            .go(async move {
                let _token = queued;
                unreachable!("it is too late")
            })
            .await;
        group
            .go_blocking(move || {
                let _token = blocking;
                unreachable!("it is too late")
            })
            .await;
        let refused = group.try_go(async { Err("given back".into()) }).unwrap_err();
        assert_eq!(refused.into_inner().await, Err("given back".to_owned()));
        assert!(group.go_until(&Context::background(), async { Ok(()) }).await.is_err());
        drop(release);
        assert_eq!(group.wait().await.unwrap_err().to_string(), "the user has left");
        assert_eq!((group.skipped(), dropped.load(SeqCst)), (3, 3));
        assert!(group.snapshot().tasks.is_empty());
        assert_eq!(group.join_errors().await.unwrap_err(), ["the user has left"]);
    });
}

#[test]
fn a_snapshot_tells_how_far_a_future_is() {
    single().block_on(async {
        let (group, _ctx) = Group::<Error>::with_policy(Policy::new().watch_tasks(), &Context::background());
        group.set_limit(5);
        let (release, gate) = oneshot::channel::<()>();
        let line = line!() + 1;
        let task = group.build_task().name("a slow peer").weight(5).go(async move {
            let _ = gate.await;
            Ok(())
        });
        task.await;
        let snapshot = group.snapshot();
        assert_eq!((snapshot.held, snapshot.tasks[0].stage), (5, TaskStage::Queued), "nobody has run yet");
        assert_eq!((snapshot.tasks[0].location.file(), snapshot.tasks[0].location.line()), (file!(), line));
        assert_eq!((snapshot.tasks[0].name.as_deref(), snapshot.tasks[0].weight), (Some("a slow peer"), 5));
        let background = Context::background();
        let mut waits = Box::pin(group.go_until(&background, async { Ok(()) }));
        assert!(poll_once(waits.as_mut()).is_pending());
        until(|| group.snapshot().count(TaskStage::Running) == 1).await;
        assert_eq!(group.snapshot().count(TaskStage::Waiting), 1);
        drop(waits);
        assert_eq!(group.snapshot().tasks.len(), 1);
        drop(release);
        group.wait().await.unwrap();
        assert!(group.snapshot().tasks.is_empty());
    });
}

// Limits.

#[test]
fn never_more_than_the_limit_are_active() {
    for limit in 1..=5 {
        everywhere(|| async move {
            let group = Group::<Error>::new();
            group.set_limit(limit);
            let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            for n in 0..300 {
                let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                group
                    .go(async move {
                        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                        for _ in 0..n % 4 {
                            yield_now().await;
                        }
                        now.fetch_sub(1, SeqCst);
                        Ok(())
                    })
                    .await;
                assert!(group.snapshot().held <= limit);
            }
            group.wait().await.unwrap();
            assert!((1..=limit).contains(&most.load(SeqCst)), "{most:?} at limit {limit}");
        });
    }
}

#[test]
fn at_limit_0_go_waits_until_that_is_raised() {
    everywhere(|| async {
        let group = Group::<Error>::new();
        group.set_limit(0);
        assert!(group.try_go(async { Ok(()) }).is_err());
        let ran = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ran);
        let mut go = Box::pin(group.go(async move {
            seen.store(true, SeqCst);
            Ok(())
        }));
        assert!(poll_once(go.as_mut()).is_pending());
        group.set_limit(1);
        go.await;
        group.wait().await.unwrap();
        assert!(ran.load(SeqCst));
    });
}

#[test]
fn a_limit_can_be_changed_while_futures_run() {
    everywhere(|| async {
        let group = Arc::new(Group::<Error>::new());
        let ran = Arc::new(AtomicUsize::new(0));
        let hands: Vec<_> = (0..4)
            .map(|_| {
                let (group, ran) = (Arc::clone(&group), Arc::clone(&ran));
                tokio::spawn(async move {
                    for n in 0..250 {
                        let ran = Arc::clone(&ran);
                        let task = async move {
                            yield_now().await;
                            ran.fetch_add(1, SeqCst);
                            Ok(())
                        };
                        group.build_task().weight(1 + n % 3).go(task).await;
                    }
                })
            })
            .collect();
        let mut limits = [1, 3, 0, 2, 7].into_iter().cycle();
        until(|| {
            group.set_limit(limits.next().unwrap());
            ran.load(SeqCst) >= 900
        })
        .await;
        group.set_limit(1);
        for hand in hands {
            hand.await.unwrap();
        }
        group.wait().await.unwrap();
        assert_eq!(ran.load(SeqCst), 1000);
    });
}

#[test]
fn forty_two_fit_and_the_next_is_given_back() {
    everywhere(|| async {
        let group = Group::<Error>::new();
        group.set_limit(42);
        let gate = Arc::new(Semaphore::new(0));
        let task = || {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                Ok(())
            }
        };
        for _ in 0..42 {
            group.try_go(task()).unwrap();
        }
        let refused = group.try_go(async { Err("was not polled before".into()) }).unwrap_err();
        assert_eq!(refused.into_inner().await, Err("was not polled before".to_owned()));
        gate.add_permits(1);
        until(|| group.try_go(task()).is_ok()).await;
        gate.add_permits(42);
        group.wait().await.unwrap();
    });
}

#[test]
fn go_until_gives_back_when_its_context_ends() {
    everywhere(|| async {
        let (group, release) = full_group().await;
        let (ctx, cancel) = Context::background().with_cancel();
        let mut go = Box::pin(group.go_until(&ctx, async { Err("was not polled before".into()) }));
        assert!(poll_once(go.as_mut()).is_pending());
        cancel.cancel();
        assert_eq!(go.await.unwrap_err().into_inner().await, Err("was not polled before".to_owned()));
        drop(release);
        until(|| group.snapshot().held == 0).await;
        assert!(group.go_until(&ctx, async { Ok(()) }).await.is_err(), "also where there is a place");
        assert!(group.go_until(&Context::background(), async { Ok(()) }).await.is_ok());
        group.wait().await.unwrap();
    });
}

#[test]
fn a_go_that_is_dropped_leaves_its_place_to_the_next() {
    everywhere(|| async {
        for weight in [1, 2] {
            let (group, release) = full_group().await;
            group.set_limit(weight);
            let ran = Arc::new(AtomicBool::new(false));
            let mut first = Box::pin(group.build_task().weight(weight).go(async { unreachable!("it was dropped") }));
            let seen = Arc::clone(&ran);
            let mut second = Box::pin(group.build_task().weight(weight).go(async move {
                seen.store(true, SeqCst);
                Ok(())
            }));
            if weight == 1 {
                group.set_limit(1);
            }
            assert!(poll_once(first.as_mut()).is_pending());
            assert!(poll_once(second.as_mut()).is_pending());
            drop(release);
            until(|| group.snapshot().held != 1).await; // the first was woken, or given its permits, and does not know
            drop(first);
            second.await;
            group.wait().await.unwrap();
            assert!(ran.load(SeqCst));
        }
    });
}

#[test]
fn a_wait_that_is_dropped_has_done_nothing() {
    everywhere(|| async {
        let (group, release) = full_group().await;
        let mut dropped = Box::pin(group.wait());
        let mut kept = Box::pin(group.wait());
        assert!(poll_once(dropped.as_mut()).is_pending());
        assert!(poll_once(kept.as_mut()).is_pending());
        drop(dropped);
        drop(release);
        kept.await.unwrap();
    });
}

#[test]
fn a_future_of_a_full_group_may_start_another() {
    everywhere(|| async {
        let group = Arc::new(Group::<Error>::new());
        group.set_limit(1);
        let ran = Arc::new(AtomicUsize::new(0));
        let (inner, seen) = (Arc::clone(&group), Arc::clone(&ran));
        group
            .go(async move {
                for _ in 0..3 {
                    let (innermost, seen) = (Arc::clone(&inner), Arc::clone(&seen));
                    inner
                        .go(async move {
                            yield_now().await;
                            let deepest = Arc::clone(&seen);
                            innermost
                                .go_blocking(move || {
                                    deepest.fetch_add(1, SeqCst);
                                    Ok(())
                                })
                                .await;
                            seen.fetch_add(1, SeqCst);
                            Ok(())
                        })
                        .await;
                    assert!(inner.try_go(async { Ok(()) }).is_err());
                }
                assert_eq!(seen.load(SeqCst), 6, "go waits for what runs on its caller's permit");
                Ok(())
            })
            .await;
        group.wait().await.unwrap();
        assert_eq!((ran.load(SeqCst), group.snapshot().held), (6, 0));
    });
}

// Panics.

#[test]
fn a_panic_cancels_and_is_resumed_once_after_all_are_done() {
    everywhere(|| async {
        let (group, ctx) = Group::<Error>::with_context(&Context::background());
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..5 {
            let (ctx, done) = (ctx.clone(), Arc::clone(&done));
            group
                .go(async move {
                    ctx.cancelled().await;
                    yield_now().await;
                    done.fetch_add(1, SeqCst);
                    Err("a sibling".into())
                })
                .await;
        }
        group
            .go(async {
                yield_now().await;
                std::panic::panic_any("its own payload")
            })
            .await;
        assert_eq!(caught(group.wait()).await, "its own payload");
        assert_eq!(done.load(SeqCst), 5);
        assert_eq!(ctx.cause().unwrap().to_string(), "a task panicked: its own payload");
        assert_eq!(caught(group.wait()).await, "its own payload", "its message, later");
        assert_eq!(caught(group.join()).await, "its own payload");
    });
}

#[test]
fn a_panic_in_the_first_poll_and_in_a_closure_is_caught_too() {
    everywhere(|| async {
        let group = Group::<Error>::new();
        group.go(async { panic!("at once") }).await;
        assert_eq!(caught(group.join()).await, "at once");
        let group = Group::<Error>::new();
        group.go_blocking(|| panic!("in a closure")).await;
        assert_eq!(caught(group.join()).await, "in a closure");
    });
}

/// Panics when it is dropped, once it has been polled to its end.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a drop panics");
    }
}

#[test]
fn a_panic_in_the_drop_of_a_local_is_the_futures_own() {
    everywhere(|| async {
        let group = Group::<Error>::new();
        let task = async {
            let _bomb = Bomb;
            yield_now().await;
            Ok(())
        };
        group.go(task).await;
        assert_eq!(caught(group.join()).await, "a drop panics");
    });
}

/// Done at once, and panics in its drop.
struct DoneBomb(Bomb);

impl Future for DoneBomb {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_panic_in_the_drop_of_a_future_keeps_nobody_from_waiting() {
    everywhere(|| async {
        let group = Group::<Error>::new();
        group.set_limit(1);
        for _ in 0..3 {
            group.go(DoneBomb(Bomb)).await;
        }
        let mut wait = pin!(group.wait());
        poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| wait.as_mut().poll(cx))) {
            Ok(poll) => poll.map(drop),
            Err(_) => Poll::Ready(()),
        })
        .await;
        assert_eq!(group.snapshot().held, 0);
    });
}

#[test]
fn a_panic_in_the_drop_of_a_future_is_a_panic_of_the_group() {
    everywhere(|| async {
        let group = Group::<Error>::new();
        group.go(DoneBomb(Bomb)).await;
        assert_eq!(caught(group.join()).await, "a drop panics");
    });
}

// The end of a group.

#[test]
fn dropping_the_group_drops_its_futures() {
    everywhere(|| async {
        let (group, ctx) = Group::<Error>::with_context(&Context::background());
        let (dropped, began) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..100 {
            let (token, began) = (Token::of(&dropped), Arc::clone(&began));
            group
                .go(async move {
                    let _token = token;
                    began.fetch_add(1, SeqCst);
                    forever().await
                })
                .await;
        }
        until(|| began.load(SeqCst) == 100).await; // they sleep
        for _ in 0..100 {
            let token = Token::of(&dropped);
            group
                .go(async move {
                    let _token = token;
                    forever().await
                })
                .await; // those may be queued
        }
        drop(group);
        assert!(ctx.is_cancelled());
        until(|| dropped.load(SeqCst) == 200).await;
    });
}

#[test]
fn a_group_may_be_dropped_inside_its_own_future() {
    everywhere(|| async {
        let group = Arc::new(Group::<Error>::new());
        let (dropped, (give, taken)) = (Arc::default(), oneshot::channel::<Arc<Group<Error>>>());
        for _ in 0..10 {
            let token = Token::of(&dropped);
            group
                .go(async move {
                    let _token = token;
                    forever().await
                })
                .await;
        }
        let token = Token::of(&dropped);
        group
            .go(async move {
                let _token = token;
                let last = Arc::into_inner(taken.await.unwrap()).expect("the last handle");
                drop(last);
                forever().await
            })
            .await;
        assert!(give.send(group).is_ok());
        until(|| dropped.load(SeqCst) == 11).await;
    });
}

#[test]
fn a_pending_join_that_is_dropped_drops_the_group() {
    everywhere(|| async {
        let group = Group::<Error>::new();
        let dropped = Arc::default();
        let token = Token::of(&dropped);
        group
            .go(async move {
                let _token = token;
                forever().await
            })
            .await;
        let mut join = Box::pin(group.join());
        assert!(poll_once(join.as_mut()).is_pending());
        drop(join);
        until(|| dropped.load(SeqCst) == 1).await;
    });
}

#[test]
fn shutdown_waits_until_all_are_gone() {
    everywhere(|| async {
        let (group, ctx) = Group::<Error>::with_context(&Context::background());
        let dropped = Arc::default();
        for n in 0..100 {
            let token = Token::of(&dropped);
            group
                .go(async move {
                    let _token = token;
                    assert!(n != 7, "a panic is dropped too");
                    forever().await
                })
                .await;
        }
        let (begun, token) = (Arc::new(Barrier::new(2)), Token::of(&dropped));
        let (began, closures) = (Arc::clone(&begun), ctx.clone());
        group
            .go_blocking(move || {
                let _token = token;
                began.wait();
                closures.wait(); // it cannot be aborted
                Ok(())
            })
            .await;
        begun.wait();
        group.shutdown().await;
        assert_eq!(dropped.load(SeqCst), 101);
    });
}

#[test]
fn the_end_of_its_runtime_ends_a_wait_elsewhere_and_not_with_success() {
    for flavour in [single, multi] {
        let (group, _ctx) = Group::<Error>::with_context(&Context::background());
        let group = Arc::new(group);
        let dropped = Arc::default();
        let theirs = flavour();
        theirs.block_on(async {
            for _ in 0..20 {
                let token = Token::of(&dropped);
                group
                    .go(async move {
                        let _token = token;
                        forever().await
                    })
                    .await;
            }
            until(|| group.snapshot().held == 20).await;
            group.go(async { forever().await }).await; // not polled yet, on the one thread
        });
        let ours = single();
        ours.block_on(async {
            let mut wait = Box::pin(group.wait());
            assert!(poll_once(wait.as_mut()).is_pending());
            let end = thread::spawn(move || drop(theirs));
            assert_eq!(caught(wait).await, "a task was aborted before it was done");
            end.join().unwrap();
        });
        assert_eq!(dropped.load(SeqCst), 20);
    }
}

#[test]
fn a_runtime_that_ended_before_it_polled_anything_is_no_success() {
    let group = Group::<Error>::new();
    let theirs = single();
    theirs.block_on(async { (0..5).for_each(|_| group.try_go(async { Ok(()) }).unwrap()) });
    drop(theirs);
    assert_eq!(single().block_on(caught(group.wait())), "a task was aborted before it was done");
}

// Where tasks run.

#[test]
fn a_closure_runs_on_a_thread_of_the_pool_inside_the_runtime() {
    everywhere(|| async {
        let group = Group::<Error>::new();
        let (here, home) = (thread::current().id(), Handle::current().id());
        let (send, receive) = oneshot::channel();
        let seen = Arc::new(Mutex::new(None));
        let report = Arc::clone(&seen);
        group
            .go_blocking(move || {
                *report.lock().unwrap() = Some((thread::current().id(), Handle::current().id()));
                tokio::spawn(async move { send.send(7) });
                Ok(())
            })
            .await;
        assert_eq!(receive.await, Ok(7));
        group.wait().await.unwrap();
        let (thread, runtime) = seen.lock().unwrap().unwrap();
        assert_ne!(thread, here);
        assert_eq!(runtime, home);
    });
}

#[test]
fn closures_that_wait_for_each_other_make_progress() {
    everywhere(|| async {
        let group = Group::<Error>::new();
        let barrier = Arc::new(Barrier::new(100));
        for _ in 0..100 {
            let barrier = Arc::clone(&barrier);
            group
                .go_blocking(move || {
                    barrier.wait();
                    Ok(())
                })
                .await;
        }
        group.join().await.unwrap();
    });
}

/// Ten futures, each of which blocks its worker with tokio's leave; the last one frees them all.
async fn block_in_turn() {
    let group = Group::<Error>::new();
    let mut feed = Vec::new();
    for n in 0..10 {
        if n == 9 {
            let feed: Vec<mpsc::Sender<()>> = std::mem::take(&mut feed);
            group
                .go(async move {
                    feed.iter().for_each(|sender| sender.send(()).unwrap());
                    Ok(())
                })
                .await;
        } else {
            let (sender, receiver) = mpsc::channel();
            feed.push(sender);
            group
                .go(async move {
                    tokio::task::block_in_place(|| receiver.recv()).unwrap();
                    Ok(())
                })
                .await;
        }
    }
    group.join().await.unwrap();
}

#[test]
fn futures_that_block_in_place_make_progress() {
    multi().block_on(block_in_turn());
    let runtime = multi();
    runtime.block_on(runtime.spawn(block_in_turn())).unwrap();
}

/// Two futures, each of which blocks its worker until the other has begun.
async fn meet() {
    let group = Group::<Error>::new();
    let barrier = Arc::new(Barrier::new(2));
    for _ in 0..2 {
        let barrier = Arc::clone(&barrier);
        group
            .go(async move {
                barrier.wait();
                Ok(())
            })
            .await;
    }
    group.join().await.unwrap();
}

#[test]
fn two_busy_futures_run_on_both_workers() {
    let runtime = multi();
    for _ in 0..20 {
        runtime.block_on(meet());
        runtime.block_on(runtime.spawn(meet())).unwrap();
    }
}

// What a future may wait for: it is polled first by one task and then by another.

#[test]
fn everything_of_tokio_wakes_a_future_of_a_group() {
    everywhere(|| async {
        let group = Group::<Error>::new();
        let (mpsc_in, mut mpsc_out) = tokio::sync::mpsc::channel(1);
        group
            .go(async move {
                for n in 0..10 {
                    mpsc_in.send(n).await.unwrap(); // the queue is full now and then
                }
                Ok(())
            })
            .await;
        group
            .go(async move {
                for n in 0..10 {
                    assert_eq!(mpsc_out.recv().await, Some(n));
                }
                assert_eq!(mpsc_out.recv().await, None);
                Ok(())
            })
            .await;
        let (once_in, once_out) = oneshot::channel();
        let (notify, mutex) = (Arc::new(Notify::new()), Arc::new(tokio::sync::Mutex::new(0)));
        let semaphore = Arc::new(Semaphore::new(0));
        let guard = Arc::clone(&mutex).lock_owned().await;
        let (notified, locked, admitted) = (Arc::clone(&notify), Arc::clone(&mutex), Arc::clone(&semaphore));
        group
            .go(async move {
                assert_eq!(once_out.await, Ok(3));
                notified.notified().await;
                *locked.lock().await += 1;
                drop(admitted.acquire().await.unwrap());
                for _ in 0..10 {
                    yield_now().await;
                }
                assert_eq!(tokio::spawn(async { 9 }).await.unwrap(), 9);
                assert_eq!(tokio::task::spawn_blocking(|| 8).await.unwrap(), 8);
                sleep(Duration::from_millis(1)).await;
                Ok(())
            })
            .await;
        group
            .go(async move {
                once_in.send(3).unwrap();
                yield_now().await;
                notify.notify_one();
                drop(guard);
                yield_now().await;
                semaphore.add_permits(1);
                Ok(())
            })
            .await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        group
            .go(async move {
                let (mut peer, _) = listener.accept().await.map_err(|error| error.to_string())?;
                let mut text = String::new();
                peer.read_to_string(&mut text).await.map_err(|error| error.to_string())?;
                if text == "hello" { Ok(()) } else { Err(text) }
            })
            .await;
        group
            .go(async move {
                let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
                stream.write_all(b"hello").await.map_err(|error| error.to_string())
            })
            .await;
        assert_eq!(group.join().await, Ok(()));
        assert_eq!(*mutex.lock().await, 1);
    });
}

#[test]
fn one_primitive_at_a_time_wakes_a_future_that_was_polled_elsewhere_first() {
    /// Starts a future that waits, lets it fall asleep, and then does what wakes it.
    async fn check(waits: impl Future<Output = ()> + Send + 'static, wake: impl AsyncFnOnce()) {
        let (group, began) = (Group::<Error>::new(), Arc::new(AtomicUsize::new(0)));
        let (mut waits, polls) = (Box::pin(waits), Arc::clone(&began));
        group
            .go(poll_fn(move |cx| {
                polls.fetch_add(1, SeqCst);
                waits.as_mut().poll(cx).map(Ok)
            }))
            .await;
        until(|| began.load(SeqCst) >= 2).await; // by a runner, and as a task of its own
        wake().await;
        group.join().await.unwrap();
    }
    for runtime in [single(), multi()] {
        runtime.block_on(async {
            let (sender, receiver) = oneshot::channel::<()>();
            check(async { drop(receiver.await) }, async || drop(sender)).await;
            let (sender, mut receiver) = tokio::sync::mpsc::channel::<u8>(1);
            check(async move { assert_eq!(receiver.recv().await, Some(1)) }, async || sender.send(1).await.unwrap())
                .await;
            let (sender, mut receiver) = tokio::sync::watch::channel(0);
            check(async move { receiver.changed().await.unwrap() }, async || sender.send(1).unwrap()).await;
            let (sender, mut receiver) = tokio::sync::broadcast::channel::<u8>(1);
            let send = async || assert_eq!(sender.send(1).unwrap(), 1);
            check(async move { assert_eq!(receiver.recv().await, Ok(1)) }, send).await;
            let notify = Arc::new(Notify::new());
            let theirs = Arc::clone(&notify);
            check(async move { theirs.notified().await }, async || notify.notify_one()).await;
            let theirs = Arc::clone(&notify);
            check(async move { theirs.notified().await }, async || notify.notify_waiters()).await;
            let mutex = Arc::new(tokio::sync::Mutex::new(()));
            let (theirs, guard) = (Arc::clone(&mutex), mutex.lock_owned().await);
            check(async move { drop(theirs.lock().await) }, async || drop(guard)).await;
            let semaphore = Arc::new(Semaphore::new(0));
            let theirs = Arc::clone(&semaphore);
            check(async move { drop(theirs.acquire().await.unwrap()) }, async || semaphore.add_permits(1)).await;
            let (sender, receiver) = oneshot::channel::<()>();
            let task = tokio::spawn(receiver);
            check(async { drop(task.await.unwrap()) }, async || drop(sender)).await;
            let (ctx, cancel) = Context::background().with_cancel();
            check(async move { ctx.cancelled().await }, async || cancel.cancel()).await;
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let connect = async || drop(TcpStream::connect(address).await.unwrap());
            check(async move { drop(listener.accept().await.unwrap()) }, connect).await;
            let mut set = tokio::task::JoinSet::new();
            let (sender, receiver) = oneshot::channel::<()>();
            set.spawn(receiver);
            check(async move { drop(set.join_next().await.unwrap().unwrap()) }, async || drop(sender)).await;
        });
    }
}

#[test]
fn a_future_may_sleep_by_a_clock_that_is_paused() {
    paused().block_on(async {
        let (group, begin) = (Group::<Error>::new(), Instant::now());
        for hours in 1..=24 {
            group
                .go(async move {
                    sleep(Duration::from_secs(hours * 3600)).await;
                    Ok(())
                })
                .await;
        }
        group.join().await.unwrap();
        let slept = begin.elapsed().as_secs();
        assert!((24 * 3600..24 * 3600 + 60).contains(&slept), "{slept}");
    });
}

#[test]
fn a_hundred_thousand_futures_go_through_a_limit() {
    everywhere(|| async {
        let (group, sum) = (Group::<Error>::new(), Arc::new(AtomicUsize::new(0)));
        group.set_limit(8);
        for n in 0..100_000 {
            let sum = Arc::clone(&sum);
            group
                .go(async move {
                    if n % 64 == 0 {
                        yield_now().await;
                    }
                    sum.fetch_add(n, SeqCst);
                    Ok(())
                })
                .await;
        }
        group.join().await.unwrap();
        assert_eq!(sum.load(SeqCst), 100_000 * 99_999 / 2);
    });
}

// Tokens.

#[test]
fn a_token_cancels_a_context_and_not_the_other_way() {
    let token = CancellationToken::new();
    let (ctx, cancel) = from_token(&Context::background(), &token);
    let (child, _cancel) = ctx.with_cancel();
    assert!(!ctx.is_cancelled());
    token.cancel();
    assert!(ctx.is_cancelled() && child.is_cancelled());
    assert_eq!(ctx.cause().unwrap().to_string(), "context canceled");
    drop((ctx, cancel));

    let token = CancellationToken::new();
    let (ctx, cancel) = from_token(&Context::background(), &token);
    cancel.cancel_with("by hand");
    assert!(!token.is_cancelled());
    token.cancel();
    assert_eq!(ctx.cause().unwrap().to_string(), "by hand");

    let (late, _cancel) = from_token(&Context::background(), &token);
    assert!(late.is_cancelled(), "the token was cancelled before");
    let (parent, cancel) = Context::background().with_cancel();
    cancel.cancel_with("from above");
    let (ctx, _cancel) = from_token(&parent, &CancellationToken::new());
    assert_eq!(ctx.cause().unwrap().to_string(), "from above");
}

#[test]
fn a_context_cancels_a_token_and_not_the_other_way() {
    let (ctx, cancel) = Context::background().with_cancel();
    let (one, two) = (to_token(&ctx), to_token(&ctx));
    one.cancel();
    assert!(!ctx.is_cancelled());
    cancel.cancel();
    assert!(two.is_cancelled());
    assert!(to_token(&ctx).is_cancelled(), "of a context that is over");
    assert!(!to_token(&Context::background()).is_cancelled());
}

#[test]
fn tokens_and_contexts_may_be_dropped_in_every_order() {
    // Of a token, its child, the context made of that, its cancel and a token made of that: all orders.
    fn orders(left: &mut Vec<usize>, order: &mut Vec<usize>, check: &mut impl FnMut(&[usize])) {
        if left.is_empty() {
            return check(order);
        }
        for place in 0..left.len() {
            let next = left.remove(place);
            order.push(next);
            orders(left, order, check);
            order.pop();
            left.insert(place, next);
        }
    }
    for cancels_at in 0..=5 {
        orders(&mut (0..5).collect(), &mut Vec::new(), &mut |order| {
            let root = CancellationToken::new();
            let stem = root.clone();
            let child = root.child_token();
            let (ctx, cancel) = from_token(&Context::background(), &child);
            let last = to_token(&ctx);
            let seen = last.clone();
            let (mut root, mut child, mut ctx, mut cancel, mut last) =
                (Some(root), Some(child), Some(ctx), Some(cancel), Some(last));
            let mut alive = true; // whether anybody holds the context
            for (step, &which) in order.iter().enumerate() {
                if step == cancels_at {
                    stem.cancel();
                    assert_eq!(seen.is_cancelled(), alive, "{order:?} at {cancels_at}");
                }
                match which {
                    0 => drop(root.take()),
                    1 => drop(child.take()),
                    2 => drop(ctx.take()),
                    3 => drop(cancel.take()),
                    _ => drop(last.take()),
                }
                alive = ctx.is_some() || cancel.is_some();
            }
        });
    }
}

#[test]
fn a_token_that_is_cancelled_elsewhere_wakes_who_waits_for_the_context() {
    everywhere(|| async {
        let token = CancellationToken::new();
        let (parent, _cancel) = from_token(&Context::background(), &token.child_token());
        let (group, ctx) = Group::<Error>::with_context(&parent);
        for n in 0..100 {
            let (ctx, token) = (ctx.clone(), to_token(&ctx));
            group
                .go(async move {
                    if n % 2 == 0 {
                        ctx.cancelled().await
                    } else {
                        token.cancelled().await
                    }
                    Ok(())
                })
                .await;
        }
        thread::spawn(move || token.cancel());
        group.join().await.unwrap();
    });
}

// Deadlines.

#[test]
fn a_deadline_follows_the_clock_of_tokio() {
    paused().block_on(async {
        let (ctx, _cancel) = with_timeout(&Context::background(), Duration::from_secs(3600));
        tokio::time::advance(Duration::from_secs(3599)).await;
        until_idle().await;
        assert!(!ctx.is_cancelled());
        tokio::time::advance(Duration::from_secs(2)).await;
        ctx.cancelled().await;
        assert_eq!(ctx.err(), Some(ContextError::DeadlineExceeded));
        let (past, _cancel) = with_deadline(&Context::background(), Instant::now());
        assert_eq!(past.err(), Some(ContextError::DeadlineExceeded), "at once");
        let (never, _cancel) = with_timeout(&Context::background(), Duration::MAX);
        assert!(never.deadline().is_none() && !never.is_cancelled());
    });
}

async fn until_idle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

#[test]
fn a_childs_deadline_only_shrinks() {
    paused().block_on(async {
        let (parent, _cancel) = with_timeout(&Context::background(), Duration::from_secs(10));
        let (longer, _one) = with_timeout(&parent, Duration::from_secs(20));
        let (shorter, _two) = with_timeout(&parent, Duration::from_secs(5));
        assert_eq!(longer.deadline(), parent.deadline());
        assert!(shorter.deadline() < parent.deadline());
        let begin = Instant::now();
        shorter.cancelled().await;
        assert_eq!(begin.elapsed().as_secs(), 5);
        assert!(!parent.is_cancelled() && !longer.is_cancelled());
        longer.cancelled().await;
        assert_eq!(begin.elapsed().as_secs(), 10);
        assert!(parent.is_cancelled());
    });
}

#[test]
fn what_keeps_a_deadline_ends_with_its_context() {
    paused().block_on(async {
        let alive = || Handle::current().metrics().num_alive_tasks();
        let hour = Duration::from_secs(3600);
        assert_eq!(alive(), 0);
        let (ctx, cancel) = with_timeout(&Context::background(), hour);
        let (child, child_cancel) = with_timeout(&ctx, hour * 2);
        until_idle().await;
        assert_eq!(alive(), 1, "the child's is its parent's");
        cancel.cancel();
        until_idle().await;
        assert_eq!(alive(), 0, "cancelled");
        drop((ctx, cancel, child, child_cancel));
        drop(with_timeout(&Context::background(), hour));
        until_idle().await;
        assert_eq!(alive(), 0, "dropped");
        let (ctx, _cancel) = with_timeout(&Context::background(), hour);
        ctx.cancelled().await;
        until_idle().await;
        assert_eq!(alive(), 0, "it has passed");
        let (parent, cancel) = Context::background().with_cancel();
        let (_ctx, _cancel) = with_timeout(&parent, hour);
        cancel.cancel();
        let (_ctx, _cancel) = with_timeout(&parent, hour);
        until_idle().await;
        assert_eq!(alive(), 0, "its parent is over");
    });
}

#[test]
fn a_deadline_needs_a_runtime() {
    let result = catch_unwind(|| drop(with_timeout(&Context::background(), Duration::from_secs(1))));
    assert!(result.is_err());
}

#[test]
fn a_deadline_needs_a_runtime_with_time() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let hour = Duration::from_secs(3600);
        let made = catch_unwind(|| with_timeout(&Context::background(), hour));
        assert!(made.is_err(), "nobody keeps that deadline");
    });
}

// try_map.

#[test]
fn try_map_keeps_the_order_and_the_limit() {
    everywhere(|| async {
        for limit in [1, 2, 7, usize::MAX] {
            let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let doubled = try_map(0..200u64, limit, |n| {
                let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                async move {
                    most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                    for _ in 0..n % 5 {
                        yield_now().await;
                    }
                    now.fetch_sub(1, SeqCst);
                    Ok::<_, Error>(n * 2)
                }
            });
            assert!(doubled.await.unwrap().into_iter().eq((0..200).map(|n| n * 2)));
            assert!(most.load(SeqCst) <= limit);
        }
        assert_eq!(try_map(0..0, 1, |n: u8| async move { Ok::<_, Error>(n) }).await, Ok(Vec::new()));
    });
}

#[test]
fn the_first_error_aborts_the_rest_of_try_map() {
    everywhere(|| async {
        let dropped = Arc::default();
        let failed = try_map(0.., 10, |n: u64| {
            let token = Token::of(&dropped);
            async move {
                let _token = token;
                if n < 9 { forever().await } else { Err::<(), _>(format!("{n} is no good")) }
            }
        });
        assert_eq!(failed.await, Err("9 is no good".to_owned()));
        assert!((10..=12).contains(&dropped.load(SeqCst)), "all that were made are gone: {dropped:?}");
    });
}

#[test]
fn a_panic_in_try_map_is_resumed_and_aborts_the_rest() {
    everywhere(|| async {
        let dropped = Arc::default();
        let map = try_map(0..3, 3, |n: u64| {
            let token = Token::of(&dropped);
            async move {
                let _token = token;
                assert!(n != 2, "two is too many");
                forever::<Result<(), Error>>().await
            }
        });
        assert!(caught(map).await.contains("two is too many"));
        assert_eq!(dropped.load(SeqCst), 3);
        assert!(caught(try_map(0..1, 0, |_| async { Ok::<_, Error>(()) })).await.contains("limit of 0"));
    });
}

#[test]
fn try_map_that_is_dropped_aborts_its_futures() {
    everywhere(|| async {
        let (dropped, mut made) = (Arc::default(), 0);
        let mut map = Box::pin(try_map(0..10, 3, |_| {
            made += 1;
            let token = Token::of(&dropped);
            async move {
                let _token = token;
                forever::<Result<(), Error>>().await
            }
        }));
        assert!(poll_once(map.as_mut()).is_pending());
        yield_now().await;
        drop(map);
        assert!((3..=4).contains(&made), "{made}: three, and perhaps one that waits for its place");
        until(|| dropped.load(SeqCst) == made).await;
    });
}

#[test]
fn the_parent_ends_try_map_with_its_cause() {
    everywhere(|| async {
        let (parent, cancel) = Context::background().with_cancel();
        let failed = try_map_with_context(&parent, 0.., 2, |ctx, n: u64| {
            let (ctx, cancel) = (ctx.clone(), cancel.clone());
            async move {
                if n == 20 {
                    cancel.cancel_with("the user has left");
                }
                if n >= 20 {
                    ctx.cancelled().await;
                }
                Ok::<_, Error>(n)
            }
        });
        assert_eq!(failed.await, Err("the user has left".to_owned()));
    });
}

/// Who is begun sees the end of the parent; the next to fail still aborts those who do not look.
#[test]
fn an_error_after_the_parents_end_still_aborts_the_rest_of_try_map() {
    single().block_on(async {
        let (parent, cancel) = Context::background().with_cancel();
        let mut map = Box::pin(try_map_with_context(&parent, 0..2, 2, |ctx, n: u64| {
            let ctx = ctx.clone();
            async move {
                if n == 0 {
                    return forever::<Result<(), Error>>().await;
                }
                ctx.cancelled().await;
                Err("after the end".into())
            }
        }));
        assert!(poll_once(map.as_mut()).is_pending());
        until_idle().await;
        cancel.cancel();
        let mut result = poll_once(map.as_mut());
        for _ in 0..100 {
            if result.is_ready() {
                break;
            }
            yield_now().await;
            result = poll_once(map.as_mut());
        }
        assert_eq!(result, Poll::Ready(Err("after the end".to_owned())));
    });
}

// race.

#[test]
fn the_first_success_wins_and_the_losers_are_gone() {
    everywhere(|| async {
        let dropped = Arc::default();
        let futures = (0..100).map(|n| {
            let token = Token::of(&dropped);
            async move {
                let _token = token;
                yield_now().await;
                match n {
                    42 => Ok(n),
                    0 => Err("broken".to_owned()),
                    1 => panic!("a panic of a loser"),
                    _ => forever().await,
                }
            }
        });
        assert_eq!(race(futures).await, Ok(42));
        assert_eq!(dropped.load(SeqCst), 100);
    });
}

#[test]
fn if_none_succeeds_a_race_gives_the_errors_in_the_order_of_time() {
    paused().block_on(async {
        let futures = [3u64, 1, 2].map(|seconds| async move {
            sleep(Duration::from_secs(seconds)).await;
            Err::<(), _>(seconds)
        });
        assert_eq!(race(futures).await, Err(vec![1, 2, 3]));
    });
    everywhere(|| async {
        assert_eq!(race(Vec::<std::future::Ready<Result<(), Error>>>::new()).await, Err(Vec::new()));
        let panics = [0, 1].map(|n| async move { if n == 0 { panic!("in a race") } else { Err::<(), _>(n) } });
        assert_eq!(caught(race(panics)).await, "in a race");
    });
}

#[test]
fn a_race_that_is_dropped_aborts_its_futures() {
    everywhere(|| async {
        let dropped = Arc::default();
        let mut race = Box::pin(race((0..5).map(|_| {
            let token = Token::of(&dropped);
            async move {
                let _token = token;
                forever::<Result<(), Error>>().await
            }
        })));
        assert!(poll_once(race.as_mut()).is_pending());
        yield_now().await;
        drop(race);
        until(|| dropped.load(SeqCst) == 5).await;
    });
}

// Where a group meets the wrong runtime, or none.

#[test]
fn outside_a_runtime_a_start_panics_and_leaves_no_task_behind() {
    let group = Group::<Error>::new();
    assert!(catch_unwind(AssertUnwindSafe(|| group.try_go(async { Ok(()) }).is_ok())).is_err());
    let (mut go, forever) = (Box::pin(group.go(async { Ok(()) })), Context::background());
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(go.as_mut()).is_ready())).is_err());
    let mut go_until = Box::pin(group.go_until(&forever, async { Ok(()) }));
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(go_until.as_mut()).is_ready())).is_err());
    drop((go, go_until));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(group.go_blocking(|| Ok(()))))).is_err());
    assert_eq!(group.snapshot().held, 0, "else the next wait waits for ever");
}

/// The one in which its first task was started; from then on it can be told to start more from anywhere.
#[test]
fn a_group_belongs_to_one_runtime() {
    let (home, other) = (multi(), single());
    let group = Arc::new(Group::<Error>::new());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let start = || {
        let seen = Arc::clone(&seen);
        let task = async move {
            seen.lock().unwrap().push(Handle::current().id());
            Ok(())
        };
        group.try_go(task).unwrap();
    };
    home.block_on(async { start() });
    other.block_on(async { start() });
    start();
    other.block_on(group.wait()).unwrap();
    assert_eq!(*seen.lock().unwrap(), [home.handle().id(); 3]);
}

/// What is started in a group whose runtime is gone counts as aborted: nobody waits for it for ever.
#[test]
fn nothing_runs_after_the_end_of_the_groups_runtime() {
    let (home, other) = (single(), single());
    let group = Group::<Error>::new();
    home.block_on(async {
        group.go(async { Ok(()) }).await;
        group.wait().await.unwrap();
    });
    drop(home);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        other.block_on(async {
            group.go(async { Ok(()) }).await;
            group.wait().await
        })
    }));
    assert!(ended.is_err());
    assert_eq!(group.snapshot().held, 0);
}

/// Children that are started at the same time are lent the one permit of their parent each: all run, beyond the limit.
#[test]
fn children_of_a_full_groups_future_that_start_together_all_run() {
    single().block_on(async {
        let group = Arc::new(Group::<Error>::new());
        group.set_limit(1);
        let ran = Arc::new(AtomicUsize::new(0));
        let (inner, count) = (Arc::clone(&group), Arc::clone(&ran));
        group
            .go(async move {
                let child = || {
                    let count = Arc::clone(&count);
                    inner.go(async move {
                        yield_now().await;
                        count.fetch_add(1, SeqCst);
                        Ok(())
                    })
                };
                tokio::join!(child(), child(), child());
                assert_eq!(count.load(SeqCst), 3, "`go` returns when its child is done");
                Ok(())
            })
            .await;
        group.wait().await.unwrap();
        assert_eq!(ran.load(SeqCst), 3);
        assert_eq!(group.snapshot().held, 0);
    });
}

#[test]
fn a_task_that_waits_for_its_own_group_panics() {
    single().block_on(async {
        let group = Arc::new(Group::<Error>::new());
        let inner = Arc::clone(&group);
        group.go(async move { inner.wait().await.map_err(|failed| failed.to_string()) }).await;
        let waited = tokio::spawn(async move { group.wait().await }).await;
        let text = waited.unwrap_err().into_panic();
        assert!(panic_text(&*text).contains("waits for its own group"));
    });
}

/// An item that was refused when the parent ended counted as a failure, and those who were cleaning up were aborted.
#[test]
fn the_parents_end_aborts_nothing_of_try_map() {
    single().block_on(async {
        let (parent, cancel) = Context::background().with_cancel();
        let mut map = Box::pin(try_map_with_context(&parent, 0..3, 1, |ctx, _: u32| {
            let ctx = ctx.clone();
            async move {
                ctx.cancelled().await;
                for _ in 0..5 {
                    yield_now().await;
                }
                Err::<(), Error>("the one that ran says why".into())
            }
        }));
        assert!(poll_once(map.as_mut()).is_pending());
        until_idle().await;
        cancel.cancel();
        assert_eq!(map.await, Err("the one that ran says why".to_owned()));
    });
}

/// The parent went on before the end of its child was recorded.
#[test]
fn a_child_on_its_parents_permit_is_recorded_before_the_parent_goes_on() {
    let runtime = multi();
    for _ in 0..1_000 {
        runtime.block_on(async {
            let (group, ctx) = Group::<Error>::with_context(&Context::background());
            let group = Arc::new(group);
            group.set_limit(1);
            let inner = Arc::clone(&group);
            group
                .go(async move {
                    inner.go(async { Err("from the child".into()) }).await;
                    assert_eq!(ctx.cause().unwrap().to_string(), "from the child");
                    assert_eq!(inner.snapshot().held, 1, "only the parent's own");
                    Ok(())
                })
                .await;
            let failed = group.wait().await.unwrap_err();
            assert_eq!(failed.to_string(), "from the child");
        });
    }
}
