//! What once went wrong, a row each with its story.

use std::cell::RefCell;
use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Wake, Waker};
use std::time::Duration;

use errgroup::{Context, Group, Order, Pipeline, Stopped, scope};

/// An error whose drop panics, when it is told to.
struct Touchy {
    text: &'static str,
    panics: bool,
}

impl Display for Touchy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl Drop for Touchy {
    fn drop(&mut self) {
        assert!(!self.panics || std::thread::panicking(), "expected by the test");
    }
}

/// The second error of a group is dropped where it is recorded. A panic there left the scope while a task that borrowed
/// from it was still running.
#[test]
fn a_scope_joins_its_tasks_though_the_drop_of_an_error_panics() {
    let done = AtomicBool::new(false);
    let (release, gate) = mpsc::channel::<()>();
    let left = catch_unwind(AssertUnwindSafe(|| {
        scope(|s| {
            s.go(|| Err(Touchy { text: "first", panics: false }));
            s.context().wait();
            let done = &done;
            s.go(move || {
                let _ = gate.recv(); // until the body has returned
                done.store(true, Ordering::SeqCst);
                Ok(())
            });
            drop(release);
            Err::<(), _>(Touchy { text: "second", panics: true })
        })
    }));
    assert!(done.load(Ordering::SeqCst));
    assert_eq!(left.unwrap().unwrap_err().text, "first");
}

/// A lost ticket keeps its place for ever. A worker that waited for a place was not told, only those that waited for an
/// item.
#[test]
fn a_ticket_lost_while_the_window_is_full_is_no_stall() {
    let source: Pipeline<u32, String> = Pipeline::source(&Context::background(), 1, |out| {
        for n in 0..10 {
            out.send(n)?;
        }
        Ok(())
    });
    let mut results = source.ticketed(1, Order::Source { window: 1 }, |tickets| {
        drop(tickets.next());
        for (ticket, n) in tickets {
            ticket.send(n)?;
        }
        Ok(())
    });
    assert!(results.next().unwrap().unwrap_err().contains("ticket"));
}

/// Only the last worker of a stage told of a lost ticket; the others waited for the pipeline's end, and it for them.
#[test]
fn a_lost_ticket_is_told_though_another_worker_stays() {
    let source: Pipeline<u32, String> = Pipeline::source(&Context::background(), 2, |out| {
        out.send(0)?;
        Ok(out.send(1)?)
    });
    let ctx = source.context().clone();
    let meeting = Barrier::new(2);
    let results = source.ticketed(2, Order::Source { window: 2 }, move |tickets| {
        let (ticket, n) = tickets.next().unwrap();
        meeting.wait(); // each has one
        if n == 0 {
            return Ok(());
        }
        ctx.wait();
        Ok(ticket.send(n)?)
    });
    assert!(results.last().unwrap().unwrap_err().contains("ticket"));
}

/// Tickets dropped because the next stage had enough were taken for lost.
#[test]
fn tickets_in_hand_when_nobody_reads_any_more_are_no_loss() {
    let endless: Pipeline<u32, String> = Pipeline::source(&Context::background(), 8, |out| {
        for n in 0.. {
            out.send(n)?;
        }
        Ok(())
    });
    let three = endless
        .ticketed(1, Order::Source { window: 8 }, |tickets| {
            loop {
                let hand: Vec<_> = tickets.take(4).collect();
                if hand.is_empty() {
                    return Ok(());
                }
                for (ticket, n) in hand {
                    ticket.send(n)?;
                }
            }
        })
        .stage(1, |numbers, out| {
            for n in numbers.take(3) {
                out.send(n)?;
            }
            Ok(())
        });
    assert_eq!(three.collect::<Result<Vec<_>, _>>(), Ok(vec![0, 1, 2]));
}

/// A reader that emptied a full window woke one writer of twenty; nothing woke the others.
#[test]
fn all_who_wait_for_a_place_get_one() {
    const WORKERS: usize = 20;
    let source: Pipeline<usize, String> = Pipeline::source(&Context::background(), WORKERS, |out| {
        for n in 0..10 * WORKERS {
            out.send(n)?;
        }
        Ok(())
    });
    let round = Barrier::new(WORKERS);
    let full = Arc::new(AtomicUsize::new(0));
    let sent = Arc::clone(&full);
    let mut results = source.ticketed(WORKERS, Order::Source { window: WORKERS }, move |tickets| {
        for (ticket, n) in tickets {
            round.wait(); // only all of them get any further
            ticket.send(n)?;
            sent.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    });
    while full.load(Ordering::SeqCst) < WORKERS {
        std::thread::yield_now();
    }
    assert_eq!(results.by_ref().map(Result::unwrap).count(), 10 * WORKERS);
}

/// A source that looked at the context itself, and ended well, was faster than the news to the queues: the consumer took
/// what it had got for the whole.
#[test]
fn a_worker_that_sees_the_cancellation_itself_does_not_end_the_stream() {
    for _ in 0..500 {
        let (ctx, cancel) = Context::background().with_cancel();
        let mut endless: Pipeline<u32, Stopped> = Pipeline::source(&ctx, 1, |out| {
            while !out.context().is_cancelled() {
                std::hint::spin_loop();
            }
            Ok(())
        });
        let canceller = std::thread::spawn(move || cancel.cancel());
        assert!(endless.next().expect("not the end of a whole").is_err());
        canceller.join().unwrap();
    }
}

/// One worker's refusal hid another's error.
#[test]
fn an_error_is_told_though_a_sibling_was_refused() {
    let endless: Pipeline<u32, String> = Pipeline::source(&Context::background(), 8, |out| {
        for n in 0.. {
            out.send(n)?;
        }
        Ok(())
    });
    let (refused, was_refused) = mpsc::channel();
    let ends = Mutex::new(Some((refused, was_refused)));
    let (to_sender, to_failing) = (Mutex::new(None), AtomicUsize::new(0));
    let three = endless
        .ticketed(2, Order::Completion, move |tickets| {
            if to_failing.fetch_add(1, Ordering::SeqCst) == 0 {
                let (refused, was_refused) = ends.lock().unwrap().take().unwrap();
                *to_sender.lock().unwrap() = Some(refused);
                let _ = was_refused.recv(); // or the sender is dropped: the sibling has ended
                return Err("a real error".to_owned());
            }
            let told = loop {
                if let Some(told) = to_sender.lock().unwrap().take() {
                    break told;
                }
                std::thread::yield_now();
            };
            for (ticket, n) in tickets {
                if ticket.send(n).is_err() {
                    told.send(()).unwrap();
                    return Err("what it makes of a refusal".to_owned());
                }
            }
            Ok(())
        })
        .stage(1, |numbers, out| {
            for n in numbers.take(3) {
                out.send(n)?;
            }
            Ok(())
        });
    assert_eq!(three.last(), Some(Err("a real error".to_owned())));
}

/// The pool kept a handle of each group that had run its own tasks in `wait`, for as long as all workers were blocked.
#[test]
fn a_group_that_is_gone_leaves_nothing_with_the_pool() {
    struct Counted(Arc<AtomicUsize>);
    impl Display for Counted {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("counted")
        }
    }
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let (release, gate) = mpsc::channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let blocked = Group::<String>::new();
    for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
        let gate = Arc::clone(&gate);
        blocked.go(move || {
            let _ = gate.lock().unwrap().recv();
            Ok(())
        });
    }
    let alive = Arc::new(AtomicUsize::new(0));
    for _ in 0..10_000 {
        let group = Group::new();
        let error = Arc::clone(&alive);
        group.go(move || {
            error.fetch_add(1, Ordering::SeqCst);
            Err(Counted(error))
        });
        let _ = group.wait();
    }
    // A worker that has just run the last task may hold its group for a moment more.
    assert!(alive.load(Ordering::SeqCst) < 100, "{alive:?} errors of groups that are gone");
    drop(release);
    blocked.join().unwrap();
}

/// A waker that panicked took the thread with it that keeps all deadlines.
#[test]
fn deadlines_are_kept_after_a_waker_has_panicked() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("expected by the test");
        }
    }
    let soon = || Context::background().with_timeout(Duration::from_millis(5));
    let waker = Waker::from(Arc::new(Panics));
    // On a busy machine the time may be over before anything waits for it: then once more.
    let waits = || {
        let (first, _cancel) = soon();
        let mut future = std::pin::pin!(first.cancelled());
        let is_pending = future.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending();
        first.wait();
        is_pending
    };
    while !waits() {}
    let (second, _cancel) = soon();
    second.wait();
}

/// Values nested deeply were dropped by recursion.
#[test]
fn a_very_deep_chain_of_values_is_dropped() {
    let mut ctx = Context::background();
    for n in 0..200_000u32 {
        ctx = ctx.with_value(n);
    }
    assert_eq!(ctx.value::<u32>(), Some(&199_999));
}

/// A thread that ends has lost the list of the groups it is inside of; to look there aborted the process.
#[test]
fn a_group_in_a_thread_local_joins_when_its_thread_ends() {
    thread_local! {
        static GROUP: RefCell<Option<Group<String>>> = const { RefCell::new(None) };
    }
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    std::thread::spawn(move || {
        GROUP.set(Some(Group::new()));
        GROUP.with_borrow(|group| {
            for _ in 0..10 {
                let count = Arc::clone(&count);
                group.as_ref().unwrap().go(move || {
                    count.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                });
            }
        });
    })
    .join()
    .unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 10);
}

/// A failing task cancels the context before it gives its place back. `go_until` looked at the context only before it
/// waited, and so took that very place and started a task after the error.
#[test]
fn the_place_of_a_task_that_failed_is_not_taken() {
    for round in 0..20_000 {
        let (group, ctx) = Group::with_context(&Context::background());
        group.set_limit(1);
        let (sender, gate) = mpsc::channel::<()>();
        group.go(move || {
            let _ = gate.recv();
            Err("broken")
        });
        drop(sender);
        assert!(group.go_until(&ctx, || Ok(())).is_err(), "round {round}: a task was started after the error");
        assert_eq!(group.join(), Err("broken"));
    }
}

/// A bound that means "none" wrapped after the first item, and there was never room again.
#[test]
fn a_pipeline_may_have_all_the_room_there_is() {
    for (bound, order) in [(usize::MAX, Order::Completion), (8, Order::Source { window: usize::MAX })] {
        let source = Pipeline::source(&Context::background(), bound, |out| {
            (0..10_000).try_for_each(|n: u32| out.send(n)).map_err(String::from)
        });
        assert_eq!(source.each(2, order, Ok).map(Result::unwrap).count(), 10_000);
    }
}
