//! Groups on threads: each row of the contract, by name.

mod panic_text;

use std::fmt::{self, Display};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;

use errgroup::{Context, ContextError, Failed, Group, Panicked};
use panic_text::panic_text;

/// A group whose one task holds its place until the sender is used or dropped.
fn full_group() -> (Arc<Group<&'static str>>, mpsc::Sender<()>) {
    let group = Arc::new(Group::new());
    group.set_limit(1);
    let (sender, gate) = mpsc::channel();
    group.go(move || {
        let _ = gate.recv();
        Ok(())
    });
    (group, sender)
}

#[test]
fn nothing_to_do_is_fine() {
    assert!(Group::<String>::new().wait().is_ok());
    assert!(Group::<String>::default().join().is_ok());
}

#[test]
fn the_context_is_cancelled_at_the_first_error_with_it_as_the_cause() {
    let (group, ctx) = Group::with_context(&Context::background());
    group.go(|| Err("broken"));
    ctx.wait(); // before any wait of the group
    assert_eq!(ctx.err(), Some(ContextError::Canceled));
    let cause = ctx.cause().unwrap();
    assert_eq!(cause.to_string(), "broken");
    assert_eq!(cause.downcast_ref::<Failed<&str>>().unwrap().with(|error| *error), Some("broken"));
    assert_eq!(group.join(), Err("broken"));
    assert_eq!(cause.to_string(), "broken", "the text stays");
    assert_eq!(cause.downcast_ref::<Failed<&str>>().unwrap().with(|error| *error), None, "the join took it");
}

#[test]
fn the_context_is_cancelled_when_wait_returns_on_success_too() {
    let (group, ctx) = Group::<String>::with_context(&Context::background());
    let inside = ctx.clone();
    let (sender, seen) = mpsc::channel();
    group.go(move || {
        sender.send(inside.is_cancelled()).unwrap();
        Ok(())
    });
    group.wait().unwrap();
    assert_eq!(seen.recv(), Ok(false));
    assert_eq!(ctx.err(), Some(ContextError::Canceled));
    assert_eq!(ctx.cause().unwrap().to_string(), "context canceled");
}

#[test]
fn the_context_is_a_child_of_its_parent() {
    let (parent, cancel) = Context::background().with_value(7u8).with_cancel();
    let (group, ctx) = Group::<String>::with_context(&parent);
    assert_eq!(ctx.value::<u8>(), Some(&7));
    cancel.cancel_with("from above");
    assert_eq!(ctx.cause().unwrap().to_string(), "from above");
    group.join().unwrap();
}

#[test]
fn cancelling_the_parent_stops_no_running_task() {
    let (parent, cancel) = Context::background().with_cancel();
    let (group, ctx) = Group::<String>::with_context(&parent);
    let (step, steps) = mpsc::channel();
    let (started, has_started) = mpsc::channel();
    let (report, reported) = mpsc::channel();
    group.go(move || {
        started.send(()).unwrap();
        steps.recv().unwrap();
        report.send(ctx.is_cancelled()).unwrap();
        Ok(())
    });
    has_started.recv().unwrap();
    cancel.cancel();
    step.send(()).unwrap();
    assert_eq!(reported.recv(), Ok(true), "it ran on, and could see for itself");
    group.join().unwrap();
}

#[test]
fn a_task_started_after_cancellation_still_runs() {
    let (parent, cancel) = Context::background().with_cancel();
    cancel.cancel();
    let (group, _ctx) = Group::<&str>::with_context(&parent);
    group.go(|| Err("it ran"));
    assert_eq!(group.join(), Err("it ran"));
}

#[test]
fn wait_blocks_until_every_task_has_returned() {
    let group = Group::<String>::new();
    let returned = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let returned = Arc::clone(&returned);
        group.go(move || {
            thread::yield_now();
            returned.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
    }
    group.wait().unwrap();
    assert_eq!(returned.load(Ordering::Relaxed), 100);
}

#[test]
fn wait_gives_the_first_error_by_time_and_only_that() {
    for _ in 0..50 {
        let (group, ctx) = Group::with_context(&Context::background());
        for n in 0..8 {
            let ctx = ctx.clone();
            group.go(move || {
                ctx.wait();
                Err(format!("late {n}"))
            });
        }
        group.go(|| Ok(()));
        group.go(|| Err("first".to_owned()));
        assert_eq!(group.wait().unwrap_err().to_string(), "first");
        assert_eq!(ctx.cause().unwrap().to_string(), "first");
        assert_eq!(group.join().unwrap_err(), "first");
    }
}

#[test]
fn wait_may_be_called_again() {
    let group = Group::new();
    group.go(|| Err("once"));
    for _ in 0..3 {
        assert_eq!(group.wait().unwrap_err().with(|error| *error), Some("once"));
    }
    assert_eq!(group.join(), Err("once"));
}

#[test]
fn wait_from_eight_threads_at_once_gives_all_the_same_error() {
    for _ in 0..50 {
        let group = Arc::new(Group::new());
        let (sender, gate) = mpsc::channel::<()>();
        group.go(move || {
            let _ = gate.recv();
            Err("seen by all")
        });
        let ready = Arc::new(Barrier::new(9));
        let waiters: Vec<_> = (0..8)
            .map(|_| {
                let (group, ready) = (Arc::clone(&group), Arc::clone(&ready));
                thread::spawn(move || {
                    ready.wait();
                    group.wait().unwrap_err().to_string()
                })
            })
            .collect();
        ready.wait();
        drop(sender);
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), "seen by all");
        }
    }
}

#[test]
fn go_after_wait_works_and_the_first_error_is_sticky() {
    let (group, ctx) = Group::with_context(&Context::background());
    group.go(|| Ok(()));
    group.wait().unwrap();
    let ran = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&ran);
    group.go(move || {
        mark.store(true, Ordering::Relaxed);
        Err("first")
    });
    assert_eq!(group.wait().unwrap_err().to_string(), "first");
    assert!(ran.load(Ordering::Relaxed));
    group.go(|| Err("second"));
    group.go(|| Ok(()));
    assert_eq!(group.wait().unwrap_err().to_string(), "first");
    assert_eq!(ctx.cause().unwrap().to_string(), "context canceled", "the first wait cancelled it");
}

#[test]
fn a_group_without_a_context_cancels_nothing() {
    let group = Group::new();
    let (sender, gate) = mpsc::channel();
    group.go(|| Err("first"));
    group.go(move || gate.recv().map_err(|_| "never told"));
    sender.send(()).unwrap();
    assert_eq!(group.join(), Err("first"));
}

#[test]
fn of_43_try_go_at_limit_42_the_last_is_refused() {
    let group = Group::<String>::new();
    group.set_limit(42);
    let gate = Arc::new(Barrier::new(43));
    for _ in 0..42 {
        let gate = Arc::clone(&gate);
        group
            .try_go(move || {
                gate.wait();
                Ok(())
            })
            .unwrap();
    }
    let refused = group.try_go(|| Ok(())).unwrap_err();
    assert_eq!(refused.into_inner()(), Ok(()), "the closure comes back whole");
    gate.wait();
    group.wait().unwrap();
    group.try_go(|| Ok(())).expect("works at once after wait");
    group.join().unwrap();
}

#[test]
fn limit_0_refuses_all() {
    let group = Group::<String>::new();
    group.set_limit(0);
    assert!(group.try_go(|| Ok(())).is_err());
    group.wait().unwrap();
}

#[test]
fn go_at_limit_0_waits_for_a_resize() {
    let group = Arc::new(Group::<String>::new());
    group.set_limit(0);
    let resized = Arc::new(AtomicBool::new(false));
    let (seen, calls) = (Arc::clone(&resized), Arc::clone(&group));
    let caller = thread::spawn(move || {
        calls.go(move || {
            assert!(seen.load(Ordering::Relaxed), "ran at limit 0");
            Ok(())
        });
    });
    resized.store(true, Ordering::Relaxed);
    group.set_limit(1);
    caller.join().unwrap();
    group.wait().unwrap();
}

#[test]
fn never_more_than_the_limit_are_active() {
    for limit in [1, 2, 7] {
        let group = Group::<String>::new();
        group.set_limit(limit);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..2_000 {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            group.go(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            });
        }
        group.join().unwrap();
        assert!((1..=limit).contains(&most.load(Ordering::SeqCst)));
    }
}

#[test]
fn the_limit_may_change_while_tasks_run_and_callers_wait() {
    let group = Arc::new(Group::<String>::new());
    group.set_limit(1);
    let ran = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (group, ran) = (Arc::clone(&group), Arc::clone(&ran));
            thread::spawn(move || {
                for _ in 0..500 {
                    let ran = Arc::clone(&ran);
                    group.go(move || {
                        ran.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    });
                }
            })
        })
        .collect();
    for n in 0..500 {
        group.set_limit([0, 1, 3, usize::MAX][n % 4]);
        thread::yield_now();
    }
    group.set_limit(2);
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    group.wait().unwrap();
    assert_eq!(ran.load(Ordering::Relaxed), 2_000);
}

#[test]
fn raising_the_limit_lets_all_who_fit_in() {
    let (group, gate) = full_group();
    let meeting = Arc::new(Barrier::new(4));
    let callers: Vec<_> = (0..3)
        .map(|_| {
            let (group, meeting) = (Arc::clone(&group), Arc::clone(&meeting));
            thread::spawn(move || {
                group.go(move || {
                    meeting.wait();
                    Ok(())
                });
            })
        })
        .collect();
    group.set_limit(4);
    meeting.wait(); // all three must be active at once for this to return
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    drop(gate);
    group.wait().unwrap();
}

#[test]
fn go_until_runs_where_there_is_a_place_and_gives_back_where_the_context_ends() {
    let (group, gate) = full_group();
    let (ctx, cancel) = Context::background().with_cancel();
    let caller = {
        let (group, ctx) = (Arc::clone(&group), ctx.clone());
        thread::spawn(move || group.go_until(&ctx, || Err("must not run")).map_err(|refused| refused.into_inner()()))
    };
    cancel.cancel();
    assert_eq!(caller.join().unwrap(), Err(Err("must not run")));
    drop(gate);
    group.wait().unwrap();
    assert!(group.go_until(&ctx, || Ok(())).is_err(), "there is a place, but the context is over");
    assert!(group.go_until(&Context::background(), || Ok(())).is_ok());
    group.wait().unwrap();
}

#[test]
fn a_caller_that_gives_up_leaves_its_turn_to_the_next() {
    for _ in 0..200 {
        let (group, gate) = full_group();
        let (ctx, cancel) = Context::background().with_cancel();
        let impatient = {
            let group = Arc::clone(&group);
            thread::spawn(move || group.go_until(&ctx, || Ok(())).is_ok())
        };
        let patient = {
            let group = Arc::clone(&group);
            thread::spawn(move || group.go(|| Ok(())))
        };
        let canceller = thread::spawn(move || cancel.cancel());
        drop(gate);
        patient.join().unwrap();
        impatient.join().unwrap();
        canceller.join().unwrap();
        group.wait().unwrap();
    }
}

#[test]
fn go_inside_a_task_of_a_full_group_runs_inline() {
    let group = Arc::new(Group::<String>::new());
    group.set_limit(1);
    let inner = Arc::clone(&group);
    let order = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&order);
    group.go(move || {
        let outer_thread = thread::current().id();
        let child_log = Arc::clone(&log);
        inner.go(move || {
            assert_eq!(thread::current().id(), outer_thread);
            child_log.lock().unwrap().push("child");
            Err("from the child".to_owned())
        });
        log.lock().unwrap().push("parent");
        Ok(())
    });
    assert_eq!(group.wait().unwrap_err().to_string(), "from the child");
    assert_eq!(*order.lock().unwrap(), ["child", "parent"]);
}

#[test]
fn go_until_inside_a_task_of_a_full_group_runs_inline() {
    let group = Arc::new(Group::<&str>::new());
    group.set_limit(1);
    let inner = Arc::clone(&group);
    group.go(move || {
        inner.go_until(&Context::background(), || Err("inline")).unwrap();
        Ok(())
    });
    assert_eq!(group.wait().unwrap_err().to_string(), "inline");
}

#[test]
fn nested_go_at_a_limit_reaches_every_leaf() {
    fn plant(group: &Arc<Group<String>>, depth: u32, leaves: &Arc<AtomicUsize>) {
        for _ in 0..3 {
            let (own, leaves) = (Arc::clone(group), Arc::clone(leaves));
            group.go(move || {
                match depth {
                    0 => drop(leaves.fetch_add(1, Ordering::Relaxed)),
                    _ => plant(&own, depth - 1, &leaves),
                }
                Ok(())
            });
        }
    }
    let group = Arc::new(Group::new());
    group.set_limit(2);
    let leaves = Arc::new(AtomicUsize::new(0));
    plant(&group, 6, &leaves);
    group.wait().unwrap();
    assert_eq!(leaves.load(Ordering::Relaxed), 3usize.pow(7));
}

#[test]
fn a_panic_is_caught_cancels_the_group_and_lets_the_rest_join() {
    let (group, ctx) = Group::<&str>::with_context(&Context::background());
    let joined = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&joined);
    let inside = ctx.clone();
    group.go(move || {
        inside.wait();
        mark.store(true, Ordering::Relaxed);
        Err("an error too")
    });
    group.go(|| panic!("expected by the test"));
    let payload = catch_unwind(AssertUnwindSafe(|| group.wait())).unwrap_err();
    assert_eq!(panic_text(&*payload), "expected by the test");
    assert!(joined.load(Ordering::Relaxed));
    assert_eq!(ctx.cause().unwrap().downcast_ref::<Panicked>().unwrap().message(), "expected by the test");
}

#[test]
fn a_panic_outranks_an_error() {
    let group = Group::new();
    group.go(|| Err("first by time"));
    let _ = group.wait();
    group.go(|| panic!("expected by the test"));
    assert!(catch_unwind(AssertUnwindSafe(|| group.wait())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| group.join())).is_err());
}

#[test]
fn the_first_wait_resumes_the_payload_and_later_ones_panic_with_its_message() {
    #[derive(Debug, PartialEq)]
    struct Payload(u32);
    let group = Group::<String>::new();
    group.go(|| std::panic::panic_any(Payload(7)));
    let first = catch_unwind(AssertUnwindSafe(|| group.wait())).unwrap_err();
    assert_eq!(first.downcast_ref::<Payload>(), Some(&Payload(7)));
    for _ in 0..2 {
        let later = catch_unwind(AssertUnwindSafe(|| group.wait())).unwrap_err();
        assert_eq!(panic_text(&*later), "a payload that is not text");
    }

    let group = Group::<String>::new();
    group.go(|| panic!("number {}", 3));
    for _ in 0..3 {
        let payload = catch_unwind(AssertUnwindSafe(|| group.wait())).unwrap_err();
        assert_eq!(panic_text(&*payload), "number 3");
    }
}

#[test]
fn drop_never_resumes_a_panic() {
    let group = Group::<String>::new();
    group.go(|| panic!("expected by the test"));
    drop(group);
}

#[test]
fn dropping_an_unwaited_group_cancels_and_joins() {
    let (group, ctx) = Group::<&str>::with_context(&Context::background());
    let finished = Arc::new(AtomicUsize::new(0));
    for _ in 0..10 {
        let (ctx, finished) = (ctx.clone(), Arc::clone(&finished));
        group.go(move || {
            ctx.wait();
            finished.fetch_add(1, Ordering::Relaxed);
            Err("nobody hears this")
        });
    }
    drop(group);
    assert_eq!(finished.load(Ordering::Relaxed), 10);
}

#[test]
fn dropping_the_last_handle_inside_a_task_cancels_without_joining() {
    let (group, ctx) = Group::<String>::with_context(&Context::background());
    let group = Arc::new(group);
    let own = Arc::clone(&group);
    let (sender, gate) = mpsc::channel();
    group.go(move || {
        gate.recv().unwrap(); // until the test has let go of its handle
        drop(own);
        Ok(())
    });
    drop(group);
    sender.send(()).unwrap();
    ctx.wait();
}

#[test]
fn waiting_for_oneself_panics_instead_of_hanging() {
    let group = Arc::new(Group::<String>::new());
    let own = Arc::clone(&group);
    group.go(move || {
        let _ = own.wait();
        Ok(())
    });
    let payload = catch_unwind(AssertUnwindSafe(|| group.wait())).unwrap_err();
    assert!(panic_text(&*payload).contains("its own group"));
}

#[test]
fn a_group_may_be_waited_for_inside_a_task_of_another() {
    let outer = Group::<String>::new();
    for _ in 0..20 {
        outer.go(|| {
            let inner = Group::new();
            for _ in 0..20 {
                inner.go(|| Ok(()));
            }
            inner.join()
        });
    }
    outer.join().unwrap();
}

#[test]
fn groups_nested_a_thousand_deep_end() {
    fn dig(depth: u32) -> Result<(), String> {
        if depth == 0 {
            return Err("the bottom".to_owned());
        }
        let group = Group::new();
        group.go(move || dig(depth - 1));
        group.join()
    }
    assert_eq!(dig(1_000), Err("the bottom".to_owned()));
}

#[test]
fn ten_thousand_tasks_that_wait_on_one_barrier_finish() {
    let group = Group::<String>::new();
    let barrier = Arc::new(Barrier::new(10_000));
    for _ in 0..10_000 {
        let barrier = Arc::clone(&barrier);
        group.go(move || {
            barrier.wait();
            Ok(())
        });
    }
    group.join().unwrap();
}

#[test]
fn a_chain_of_tasks_each_waiting_for_the_next_finishes() {
    let group = Group::<mpsc::RecvError>::new();
    let (first, mut previous) = mpsc::channel::<u32>();
    first.send(0).unwrap();
    // Each task is queued before the one it waits for.
    let mut tasks: Vec<Box<dyn FnOnce() -> Result<(), mpsc::RecvError> + Send>> = Vec::new();
    for _ in 0..2_000 {
        let (sender, next) = mpsc::channel();
        let receiver = std::mem::replace(&mut previous, next);
        tasks.push(Box::new(move || {
            sender.send(receiver.recv()? + 1).expect("the next holds the receiver");
            Ok(())
        }));
    }
    for task in tasks.into_iter().rev() {
        group.go(task);
    }
    assert_eq!(previous.recv(), Ok(2_000));
    group.join().unwrap();
}

#[test]
fn a_blocked_task_does_not_hold_up_another_group() {
    let (blocked, gate) = full_group();
    for _ in 0..100 {
        let group = Group::<String>::new();
        group.go(|| Ok(()));
        group.join().unwrap();
    }
    drop(gate);
    blocked.wait().unwrap();
}

#[test]
fn failed_is_a_cheap_handle_and_an_error_whatever_e_is() {
    struct Plain; // Display, and nothing else
    impl Display for Plain {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("plain words")
        }
    }
    fn boxed() -> Result<(), Box<dyn std::error::Error>> {
        let group = Group::new();
        group.go(|| Err(Plain));
        Ok(group.wait()?)
    }
    fn any() -> anyhow::Result<()> {
        let group = Group::new();
        group.go(|| Err(Plain));
        Ok(group.wait()?)
    }
    assert_eq!(boxed().unwrap_err().to_string(), "plain words");
    assert_eq!(any().unwrap_err().to_string(), "plain words");
}

#[test]
fn join_hands_over_the_error_itself() {
    fn io() -> io::Result<()> {
        let group = Group::new();
        group.go(|| Err(io::Error::from(io::ErrorKind::TimedOut)));
        group.join()?;
        Ok(())
    }
    fn any() -> anyhow::Result<()> {
        let group = Group::new();
        group.go(|| Err(anyhow::anyhow!("inner").context("outer")));
        group.join()
    }
    fn boxed() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let group = Group::new();
        group.go(|| Err("boxed".into()));
        group.join()
    }
    assert_eq!(io().unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(format!("{:#}", any().unwrap_err()), "outer: inner");
    assert_eq!(boxed().unwrap_err().to_string(), "boxed");
}

#[test]
fn a_hundred_thousand_tasks_from_many_threads_all_run_once() {
    let group = Arc::new(Group::<String>::new());
    let sum = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..4)
        .map(|caller| {
            let (group, sum) = (Arc::clone(&group), Arc::clone(&sum));
            thread::spawn(move || {
                for n in 0..25_000 {
                    let sum = Arc::clone(&sum);
                    group.go(move || {
                        sum.fetch_add(caller * 25_000 + n, Ordering::Relaxed);
                        Ok(())
                    });
                }
            })
        })
        .collect();
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    group.wait().unwrap();
    assert_eq!(sum.load(Ordering::Relaxed), 100_000 * 99_999 / 2);
}
