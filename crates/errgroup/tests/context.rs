//! Contexts: the rows of the contract that speak of them, by name.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{self, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use errgroup::{Cause, Context, ContextError};

/// Long enough that waiting it out means something is broken.
const FAR: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(5);

#[test]
fn background_is_never_over() {
    let ctx = Context::background();
    assert!(!ctx.is_cancelled());
    assert_eq!(ctx.err(), None);
    assert!(ctx.cause().is_none());
    assert_eq!(ctx.deadline(), None);
    assert!(!ctx.wait_timeout(SOON));
    assert!(ctx.done().try_recv().unwrap_err().is_empty());
}

#[test]
fn err_is_canceled_or_deadline_exceeded() {
    let (ctx, cancel) = Context::background().with_cancel();
    cancel.cancel();
    assert_eq!(ctx.err(), Some(ContextError::Canceled));
    assert_eq!(ctx.cause().unwrap().to_string(), "context canceled");

    let (ctx, _cancel) = Context::background().with_timeout(SOON);
    ctx.wait();
    assert_eq!(ctx.err(), Some(ContextError::DeadlineExceeded));
    assert_eq!(ctx.cause().unwrap().to_string(), "context deadline exceeded");
}

#[test]
fn the_first_cause_wins_and_flows_down_to_children() {
    let (parent, cancel) = Context::background().with_cancel();
    let (early, cancel_early) = parent.with_cancel();
    let (late, _late) = parent.with_cancel();
    let (grandchild, _grandchild) = late.with_timeout(FAR);
    cancel_early.cancel_with("early");
    cancel.cancel_with("first");
    cancel.cancel_with("second");
    assert_eq!(parent.cause().unwrap().to_string(), "first");
    assert_eq!(early.cause().unwrap().to_string(), "early");
    assert_eq!(late.cause().unwrap().to_string(), "first");
    assert_eq!(grandchild.cause().unwrap().to_string(), "first");
    assert_eq!(grandchild.err(), Some(ContextError::Canceled));
    let (born_late, _cancel) = parent.with_timeout(FAR);
    assert_eq!(born_late.cause().unwrap().to_string(), "first");
}

#[test]
fn cancelling_a_child_leaves_its_parent_alone() {
    let (parent, _cancel) = Context::background().with_cancel();
    let (child, cancel) = parent.with_cancel();
    cancel.cancel();
    assert!(child.is_cancelled());
    assert!(!parent.is_cancelled());
}

#[test]
fn a_childs_deadline_only_shrinks() {
    let now = Instant::now();
    let (parent, _parent) = Context::background().with_deadline(now + FAR);
    let (later, _later) = parent.with_deadline(now + 2 * FAR);
    let (sooner, _sooner) = parent.with_deadline(now + FAR / 2);
    let (plain, _plain) = parent.with_cancel();
    assert_eq!(later.deadline(), Some(now + FAR));
    assert_eq!(sooner.deadline(), Some(now + FAR / 2));
    assert_eq!(plain.deadline(), Some(now + FAR));
}

#[test]
fn a_deadline_that_has_passed_cancels_at_once() {
    let (ctx, _cancel) = Context::background().with_deadline(Instant::now());
    assert_eq!(ctx.err(), Some(ContextError::DeadlineExceeded));
}

#[test]
fn a_timeout_beyond_all_clocks_is_no_deadline() {
    let (ctx, _cancel) = Context::background().with_timeout(Duration::MAX);
    assert_eq!(ctx.deadline(), None);
    assert!(!ctx.is_cancelled());
}

#[test]
fn deadlines_come_in_their_order() {
    let now = Instant::now();
    let contexts: Vec<_> = (1..=20u32).rev().map(|n| Context::background().with_deadline(now + n * SOON / 5)).collect();
    for (ctx, _) in contexts.iter().rev() {
        ctx.wait();
        assert_eq!(ctx.err(), Some(ContextError::DeadlineExceeded));
    }
}

#[test]
fn without_cancel_keeps_values_only() {
    let (parent, cancel) = Context::background().with_value("kept").with_timeout(FAR);
    let ctx = parent.without_cancel();
    cancel.cancel();
    assert!(!ctx.is_cancelled());
    assert_eq!(ctx.deadline(), None);
    assert_eq!(ctx.value::<&str>(), Some(&"kept"));
}

#[test]
fn values_are_found_by_type_innermost_first() {
    let ctx = Context::background().with_value(1u32).with_value("text").with_value(2u32);
    assert_eq!(ctx.value::<u32>(), Some(&2));
    assert_eq!(ctx.value::<&str>(), Some(&"text"));
    assert_eq!(ctx.value::<u64>(), None);
}

#[test]
fn a_value_shares_the_cancellation() {
    let (ctx, cancel) = Context::background().with_cancel();
    let valued = ctx.with_value(1u8);
    cancel.cancel();
    assert!(valued.is_cancelled());
}

#[test]
fn after_func_runs_on_its_own_after_cancel() {
    let (ctx, cancel) = Context::background().with_cancel();
    let (sender, receiver) = mpsc::channel();
    let after = ctx.after_func(move || sender.send(thread::current().id()).unwrap());
    cancel.cancel();
    assert_ne!(receiver.recv().unwrap(), thread::current().id());
    assert!(!after.stop());
}

#[test]
fn after_func_runs_at_once_where_the_context_is_over() {
    let (ctx, cancel) = Context::background().with_cancel();
    cancel.cancel();
    let (sender, receiver) = mpsc::channel();
    let after = ctx.after_func(move || sender.send(()).unwrap());
    receiver.recv().unwrap();
    assert!(!after.stop());
}

#[test]
fn stop_is_true_iff_it_prevented_the_run() {
    let (ctx, cancel) = Context::background().with_cancel();
    let (sender, receiver) = mpsc::channel::<()>();
    let after = ctx.after_func(move || sender.send(()).unwrap());
    assert!(after.stop());
    assert!(!after.stop(), "only once");
    cancel.cancel();
    assert!(receiver.recv().is_err(), "dropped, not run");

    let never = Context::background().after_func(|| unreachable!());
    assert!(never.stop());
    assert!(!never.stop());
}

#[test]
fn functions_that_block_do_not_hold_each_other_up() {
    let (ctx, cancel) = Context::background().with_cancel();
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..20).map(|_| mpsc::channel::<()>()).unzip();
    let (finished, all) = mpsc::channel();
    for receiver in receivers {
        let finished = finished.clone();
        let _ = ctx.after_func(move || finished.send(receiver.recv()).unwrap());
    }
    cancel.cancel();
    for sender in senders.into_iter().rev() {
        sender.send(()).unwrap();
        all.recv().unwrap().unwrap();
    }
}

#[test]
fn a_panic_in_after_func_ends_it_alone() {
    let (ctx, cancel) = Context::background().with_cancel();
    let (sender, receiver) = mpsc::channel();
    let _ = ctx.after_func(|| panic!("expected by the test"));
    let _ = ctx.after_func(move || sender.send(()).unwrap());
    cancel.cancel();
    receiver.recv().unwrap();
}

#[test]
fn done_can_be_selected_on_beside_channels() {
    let (ctx, cancel) = Context::background().with_cancel();
    let (sender, receiver) = crossbeam_channel::unbounded();
    sender.send(1).unwrap();
    crossbeam_channel::select! {
        recv(ctx.done()) -> _ => panic!("the context is alive"),
        recv(receiver) -> item => assert_eq!(item, Ok(1)),
    }
    let early = ctx.done();
    cancel.cancel();
    for done in [early, ctx.done()] {
        crossbeam_channel::select! {
            recv(done) -> nothing => assert!(nothing.is_err()),
            recv(receiver) -> _ => panic!("the channel is empty"),
        }
    }
}

#[test]
fn threads_wait_with_and_without_a_limit() {
    let (ctx, cancel) = Context::background().with_cancel();
    assert!(!ctx.wait_timeout(SOON));
    let waiters: Vec<_> = (0..8)
        .map(|n| {
            let ctx = ctx.clone();
            thread::spawn(move || if n % 2 == 0 { ctx.wait() } else { assert!(ctx.wait_timeout(FAR)) })
        })
        .collect();
    cancel.cancel();
    waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
}

/// An executor of one thread, enough to await a context.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut task::Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

#[test]
fn futures_wait_on_any_executor() {
    let (ctx, cancel) = Context::background().with_cancel();
    let waiters: Vec<_> = (0..8)
        .map(|_| {
            let cancelled = ctx.cancelled();
            thread::spawn(move || block_on(cancelled))
        })
        .collect();
    cancel.cancel();
    waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    block_on(ctx.cancelled());
}

#[test]
fn a_dropped_future_is_forgotten() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (ctx, cancel) = Context::background().with_cancel();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let mut dropped = Box::pin(ctx.cancelled());
    let mut kept = Box::pin(ctx.cancelled());
    for future in [&mut dropped, &mut kept] {
        for _ in 0..3 {
            assert!(future.as_mut().poll(&mut task::Context::from_waker(&waker)).is_pending());
        }
    }
    drop(dropped);
    cancel.cancel();
    assert_eq!(count.0.load(Ordering::Relaxed), 1, "one future is left, and wakes once");
    assert_eq!(kept.as_mut().poll(&mut task::Context::from_waker(&waker)), Poll::Ready(()));
}

#[test]
fn causes_keep_their_type_and_pass_on_unchanged() {
    let (first, cancel) = Context::background().with_cancel();
    cancel.cancel_with(std::io::Error::from(std::io::ErrorKind::NotFound));
    let (second, cancel) = Context::background().with_cancel();
    cancel.cancel_with(first.cause().unwrap());
    let cause = second.cause().unwrap();
    assert_eq!(cause.downcast_ref::<std::io::Error>().unwrap().kind(), std::io::ErrorKind::NotFound);
    assert!(cause.downcast_ref::<Cause>().is_none(), "not wrapped twice");
}

#[test]
fn a_million_children_come_and_go() {
    let (root, cancel) = Context::background().with_cancel();
    for _ in 0..1_000_000 {
        drop(root.with_cancel());
    }
    let (last, _last) = root.with_cancel();
    cancel.cancel();
    assert!(last.is_cancelled());
}

#[test]
fn a_very_deep_chain_is_cancelled_and_dropped() {
    let (root, cancel) = Context::background().with_cancel();
    let mut deepest = root.clone();
    for _ in 0..200_000 {
        deepest = deepest.with_cancel().0;
    }
    cancel.cancel_with("from the top");
    assert_eq!(deepest.cause().unwrap().to_string(), "from the top");
    drop(root);
    drop(cancel);
    drop(deepest);
}

#[test]
fn racing_cancels_agree_on_one_cause() {
    for _ in 0..200 {
        let (ctx, cancel) = Context::background().with_cancel();
        let (child, _child) = ctx.with_cancel();
        let racers: Vec<_> = (0..4)
            .map(|n| {
                let (ctx, cancel) = (ctx.clone(), cancel.clone());
                thread::spawn(move || {
                    cancel.cancel_with(n.to_string());
                    ctx.cause().unwrap().to_string()
                })
            })
            .collect();
        let causes: Vec<_> = racers.into_iter().map(|racer| racer.join().unwrap()).collect();
        assert!(causes.iter().all(|cause| *cause == causes[0]));
        child.wait();
        assert_eq!(child.cause().unwrap().to_string(), causes[0]);
    }
}
