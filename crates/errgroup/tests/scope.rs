//! Scopes: groups whose tasks borrow.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};

use errgroup::{Context, scope, scope_with_context};

#[test]
fn tasks_borrow_from_the_stack() {
    let numbers = vec![1, 2, 3, 4];
    let mut doubled = vec![0; 4];
    scope(|s| {
        for (to, from) in doubled.iter_mut().zip(&numbers) {
            s.go(move || {
                *to = from * 2;
                Ok::<_, String>(())
            });
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(doubled, [2, 4, 6, 8]);
}

#[test]
fn it_gives_what_the_body_gave() {
    assert_eq!(scope(|_| Ok::<_, String>("given")), Ok("given"));
}

#[test]
fn the_first_error_of_a_task_is_the_result() {
    let result = scope(|s| {
        s.go(|| Err("from a task"));
        let ctx = s.context();
        s.go(|| {
            ctx.wait();
            Err("late")
        });
        Ok(7)
    });
    assert_eq!(result, Err("from a task"));
}

#[test]
fn an_error_of_the_body_cancels_the_tasks() {
    let seen = AtomicBool::new(false);
    let result: Result<(), _> = scope(|s| {
        let ctx = s.context();
        s.go(|| {
            ctx.wait();
            seen.store(true, Ordering::Relaxed);
            Err("late".to_owned())
        });
        Err("from the body".to_owned())
    });
    assert_eq!(result, Err("from the body".to_owned()));
    assert!(seen.into_inner());
}

#[test]
fn tasks_may_start_tasks() {
    let count = AtomicUsize::new(0);
    scope(|s| {
        for _ in 0..10 {
            let count = &count;
            s.go(move || {
                for _ in 0..10 {
                    s.go(move || {
                        count.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    });
                }
                Ok::<_, String>(())
            });
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(count.into_inner(), 100);
}

#[test]
fn the_limit_and_its_refusals_are_the_groups() {
    let barrier = Barrier::new(3);
    scope(|s| {
        s.set_limit(2);
        for _ in 0..2 {
            s.try_go(|| {
                barrier.wait();
                Ok::<_, String>(())
            })
            .unwrap();
        }
        assert!(s.try_go(|| Ok(())).is_err());
        let (over, cancel) = Context::background().with_cancel();
        cancel.cancel();
        assert!(s.go_until(&over, || Ok(())).is_err());
        barrier.wait();
        s.go_until(s.context(), || Ok(())).unwrap();
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_panic_of_a_task_is_resumed_after_all_have_returned() {
    let finished = AtomicBool::new(false);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        scope(|s| {
            let ctx = s.context();
            s.go(|| {
                ctx.wait();
                finished.store(true, Ordering::Relaxed);
                Ok::<_, String>(())
            });
            s.go(|| panic!("expected by the test"));
            Ok(())
        })
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"expected by the test"));
    assert!(finished.into_inner());
}

#[test]
fn a_panic_of_the_body_is_resumed_after_all_have_returned() {
    let finished = AtomicBool::new(false);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _: Result<(), String> = scope(|s| {
            let ctx = s.context();
            s.go(|| {
                ctx.wait();
                finished.store(true, Ordering::Relaxed);
                Ok(())
            });
            panic!("expected by the test")
        });
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"expected by the test"));
    assert!(finished.into_inner());
}

#[test]
fn the_parent_context_is_heard() {
    let (parent, cancel) = Context::background().with_cancel();
    let result = scope_with_context(&parent, |s| {
        s.go(move || {
            s.context().wait();
            Err(s.context().cause().unwrap().to_string())
        });
        cancel.cancel_with("from above");
        Ok(())
    });
    assert_eq!(result, Err("from above".to_owned()));
}

#[test]
fn what_a_task_owns_is_dropped_before_the_scope_ends() {
    struct Mark<'a>(&'a Mutex<Vec<&'static str>>);
    impl Drop for Mark<'_> {
        fn drop(&mut self) {
            self.0.lock().unwrap().push("dropped");
        }
    }
    for fate in [Ok(()), Err(7)] {
        let log = Mutex::new(Vec::new());
        let result = scope(|s| {
            let mark = Mark(&log);
            s.go(move || {
                let _mark = &mark;
                fate
            });
            Ok(())
        });
        log.lock().unwrap().push("ended");
        assert_eq!(result, fate);
        assert_eq!(*log.lock().unwrap(), ["dropped", "ended"]);
    }
}

#[test]
fn scopes_nest() {
    let total = AtomicUsize::new(0);
    scope(|outer| {
        for n in 0..20 {
            let total = &total;
            outer.go(move || {
                scope(|inner| {
                    for m in 0..20 {
                        inner.go(move || {
                            total.fetch_add(n * m, Ordering::Relaxed);
                            Ok(())
                        });
                    }
                    Ok::<_, String>(())
                })
            });
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(total.into_inner(), 190 * 190);
}
