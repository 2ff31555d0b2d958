//! What a group does beyond what every group does, on threads and in scopes: policies, weights, snapshots, and what is
//! made of them, `try_map` and `race`.

mod panic_text;

use std::cell::Cell;
use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Instant;

use errgroup::{
    Context, ContextError, Failed, Group, Policy, Snapshot, Stopped, TaskSnapshot, TaskStage, race, race_with_context,
    scope_with_policy, try_map, try_map_with_context,
};
use panic_text::panic_text;

type Watched = Arc<Group<String>>;

/// Lets others run until it is so.
fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        thread::yield_now();
    }
}

fn caught<T>(run: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => panic_text(&*payload),
    }
}

/// Counts its own drop, and panics in it if it is told to.
struct Token {
    dropped: Arc<AtomicUsize>,
    panics: bool,
}

impl Token {
    fn of(dropped: &Arc<AtomicUsize>) -> Self {
        Self { dropped: Arc::clone(dropped), panics: false }
    }

    fn bomb(dropped: &Arc<AtomicUsize>) -> Self {
        Self { dropped: Arc::clone(dropped), panics: true }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, SeqCst);
        assert!(!self.panics, "a drop panics");
    }
}

/// Starts a task of that weight that has begun when this returns, and ends when the sender is dropped.
fn hold(group: &Group<String>, weight: usize) -> mpsc::Sender<()> {
    let (release, gate) = mpsc::channel();
    let (arrived, arrival) = mpsc::channel();
    group.build_task().name("holds").weight(weight).go(move || {
        arrived.send(()).unwrap();
        let _ = gate.recv();
        Ok(())
    });
    arrival.recv().unwrap();
    release
}

/// Waits until somebody heavy is the first in line, when `held` permits are held and others are free: by being refused.
fn until_nobody_may_pass(group: &Group<String>, held: usize) {
    until(|| group.snapshot().held == held && group.try_go(|| Ok(())).is_err());
}

fn all_errors() -> Policy<String> {
    Policy::new().keep_all_errors()
}

fn skipping() -> Policy<String> {
    Policy::new().skip_when_cancelled()
}

fn watched() -> (Watched, Context) {
    let (group, ctx) = Group::with_policy(Policy::new().watch_tasks(), &Context::background());
    (Arc::new(group), ctx)
}

// All errors.

#[test]
fn all_errors_are_kept_and_the_first_is_first() {
    let (group, ctx) = Group::with_policy(all_errors(), &Context::background());
    let mut kept = Vec::new();
    for n in 0..5 {
        // One after the other: the order of time is known.
        group.go(move || if n == 2 { Ok(()) } else { Err(format!("{n}")) });
        until(|| group.snapshot().held == 0);
        kept.push(group.errors().len());
    }
    assert_eq!(kept, [1, 2, 2, 3, 4]);
    assert_eq!(ctx.cause().unwrap().to_string(), "0");
    assert_eq!(group.wait().unwrap_err().to_string(), "0", "wait gives the first, as ever");
    assert_eq!(group.wait().unwrap_err().to_string(), "0");
    let handles: Vec<Failed<String>> = group.errors();
    assert_eq!(group.join_errors().unwrap_err(), ["0", "1", "3", "4"]);
    assert_eq!(handles.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0", "1", "3", "4"], "the text stays");
    assert!(handles.iter().all(|failed| failed.with(|_| ()).is_none()), "the join took them");
}

#[test]
fn all_errors_of_many_at_once_are_kept() {
    let (group, _ctx) = Group::with_policy(all_errors(), &Context::background());
    for n in 0..1000 {
        group.go(move || Err(format!("{n}")));
    }
    let first = group.wait().unwrap_err().to_string();
    let mut errors = group.join_errors().unwrap_err();
    assert_eq!(errors[0], first);
    errors.sort_by_key(|error| error.parse::<usize>().unwrap());
    assert!(errors.iter().map(|error| error.parse::<usize>().unwrap()).eq(0..1000));
}

#[test]
fn without_the_policy_only_the_first_error_is_kept() {
    let group = Group::new();
    (0..3).for_each(|n| group.go(move || Err(format!("{n}"))));
    group.wait().unwrap_err();
    assert_eq!(group.errors().len(), 1);
    assert_eq!(group.join_errors().unwrap_err().len(), 1);
    assert_eq!(Group::<String>::new().join_errors(), Ok(()));
}

#[test]
fn a_scope_gives_all_errors_also_its_bodys() {
    let names = ["a".to_owned(), "b".to_owned()];
    let mut failed = scope_with_policy(all_errors(), &Context::background(), |s| {
        names.iter().for_each(|name| s.go(|| Err(name.clone())));
        Err::<(), _>("body".to_owned())
    })
    .unwrap_err();
    failed.sort();
    assert_eq!(failed, ["a", "b", "body"]);
    let failed = scope_with_policy(Policy::new(), &Context::background(), |s| {
        (0..3).for_each(|n| s.go(move || Err(format!("{n}"))));
        Ok(())
    });
    assert_eq!(failed.unwrap_err().len(), 1);
    assert_eq!(scope_with_policy(all_errors(), &Context::background(), |_| Ok(7)), Ok(7));
}

#[test]
fn a_panic_outranks_all_errors() {
    let (group, _ctx) = Group::with_policy(all_errors(), &Context::background());
    group.go(|| Err("an error".into()));
    group.go(|| panic!("worse"));
    assert_eq!(caught(|| group.join_errors()), "worse");
}

// Skipping.

#[test]
fn what_is_queued_when_the_parent_is_cancelled_is_dropped_and_counted() {
    let (parent, cancel) = Context::background().with_cancel();
    cancel.cancel_with("the user has left");
    let (group, _ctx) = Group::with_policy(skipping(), &parent);
    let dropped = Arc::default();
    for _ in 0..100 {
        let token = Token::of(&dropped);
        group.go(move || {
            let _token = token;
            unreachable!("it is too late to begin")
        });
    }
    assert_eq!(group.wait().unwrap_err().to_string(), "the user has left");
    assert_eq!((group.skipped(), dropped.load(SeqCst)), (100, 100), "dropped before wait returned");
    assert_eq!(group.join(), Err("the user has left".to_owned()));
}

#[test]
fn a_go_that_waits_is_ended_by_the_parent() {
    let (parent, cancel) = Context::background().with_cancel();
    let (group, _ctx) = Group::with_policy(skipping().watch_tasks(), &parent);
    group.set_limit(1);
    let (group, dropped) = (Arc::new(group), Arc::default());
    let release = hold(&group, 1);
    let blocked: Vec<_> = (0..5)
        .map(|_| {
            let (group, token) = (Arc::clone(&group), Token::of(&dropped));
            thread::spawn(move || {
                group.go(move || {
                    let _token = token;
                    unreachable!("there is no place")
                });
            })
        })
        .collect();
    until(|| group.snapshot().count(TaskStage::Waiting) == 5);
    assert_eq!(group.skipped(), 0);
    cancel.cancel();
    blocked.into_iter().for_each(|blocked| blocked.join().unwrap()); // while the place is still taken
    assert_eq!((group.skipped(), dropped.load(SeqCst)), (5, 5));
    drop(release);
    assert_eq!(group.wait().unwrap_err().to_string(), "context canceled");
    assert!(group.snapshot().tasks.is_empty());
}

#[test]
fn a_go_that_waits_is_ended_by_the_first_error() {
    let (group, ctx) = Group::with_policy(skipping().keep_all_errors().watch_tasks(), &Context::background());
    group.set_limit(2);
    let group = Arc::new(group);
    let release = hold(&group, 1);
    let (fail, when) = mpsc::channel::<()>();
    group.go(move || {
        let _ = when.recv();
        Err("broken".to_owned())
    });
    let blocked = {
        let group = Arc::clone(&group);
        thread::spawn(move || group.build_task().weight(2).go(|| unreachable!("the group has failed")))
    };
    until(|| group.snapshot().count(TaskStage::Waiting) == 1);
    drop(fail);
    blocked.join().unwrap();
    assert_eq!(ctx.cause().unwrap().to_string(), "broken");
    drop(release);
    assert_eq!(group.wait().unwrap_err().to_string(), "broken");
    assert_eq!(group.skipped(), 1);
    let group = Arc::into_inner(group).unwrap();
    assert_eq!(group.join_errors(), Err(vec!["broken".to_owned()]), "what was skipped adds no error of its own");
}

#[test]
fn try_go_and_go_until_give_theirs_back() {
    let (parent, cancel) = Context::background().with_cancel();
    let (group, _ctx) = Group::with_policy(skipping(), &parent);
    cancel.cancel();
    let dropped = Arc::default();
    let (one, two) = (Token::of(&dropped), Token::of(&dropped));
    let refused = group.try_go(move || Err(format!("run elsewhere {}", one.dropped.load(SeqCst)))).unwrap_err();
    assert_eq!(refused.into_inner()(), Err("run elsewhere 0".to_owned()));
    let refused = group.go_until(&Context::background(), move || {
        let _two = two;
        Ok(())
    });
    assert_eq!(dropped.load(SeqCst), 1);
    assert_eq!(refused.unwrap_err().into_inner()(), Ok(()));
    assert_eq!(group.skipped(), 0, "what was given back is not skipped");
    assert_eq!(group.join(), Ok(()));
}

#[test]
fn a_go_until_that_waits_is_ended_by_the_groups_own_context() {
    let (parent, cancel) = Context::background().with_cancel();
    let (group, _ctx) = Group::with_policy(skipping().watch_tasks(), &parent);
    group.set_limit(1);
    let group = Arc::new(group);
    let release = hold(&group, 1);
    let blocked = {
        let group = Arc::clone(&group);
        thread::spawn(move || {
            let (other, _cancel) = Context::background().with_cancel();
            group.go_until(&other, || Err("given back".to_owned())).unwrap_err().into_inner()()
        })
    };
    until(|| group.snapshot().count(TaskStage::Waiting) == 1);
    cancel.cancel();
    assert_eq!(blocked.join().unwrap(), Err("given back".to_owned()));
    drop(release);
    assert_eq!((group.wait().is_ok(), group.skipped()), (true, 0));
}

/// An error that knows whether it was made from [`Stopped`].
#[derive(Debug)]
enum Own {
    Stopped(Stopped),
}

impl From<Stopped> for Own {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

impl Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Stopped(stopped) = self;
        write!(f, "stopped: {stopped}")
    }
}

#[test]
fn the_error_of_what_was_skipped_has_the_cause() {
    let (parent, _cancel) = Context::background().with_deadline(Instant::now());
    let (group, _ctx) = Group::with_policy(Policy::<Own>::new().skip_when_cancelled().keep_all_errors(), &parent);
    (0..3).for_each(|_| group.go(|| Ok(())));
    let errors = group.join_errors().unwrap_err();
    let [Own::Stopped(stopped)] = &errors[..] else { panic!("one for all") };
    assert_eq!(stopped.cause().downcast_ref(), Some(&ContextError::DeadlineExceeded));
    assert_eq!(errors[0].to_string(), "stopped: context deadline exceeded");
}

#[test]
fn what_was_done_before_the_end_is_a_success() {
    let (parent, cancel) = Context::background().with_cancel();
    let (group, _ctx) = Group::with_policy(skipping(), &parent);
    (0..10).for_each(|_| group.go(|| Ok(())));
    until(|| group.snapshot().held == 0);
    cancel.cancel();
    assert_eq!((group.wait().is_ok(), group.skipped()), (true, 0));
}

#[test]
fn a_task_that_runs_is_not_skipped() {
    let (parent, cancel) = Context::background().with_cancel();
    let (group, _ctx) = Group::with_policy(skipping(), &parent);
    let release = hold(&group, 1);
    cancel.cancel();
    drop(release);
    assert_eq!((group.wait().is_ok(), group.skipped()), (true, 0));
}

#[test]
fn after_wait_such_a_group_takes_no_more() {
    let (group, _ctx) = Group::with_policy(skipping(), &Context::background());
    group.go(|| Ok(()));
    group.wait().unwrap();
    group.go(|| unreachable!("the context is over"));
    assert_eq!(group.wait().unwrap_err().to_string(), "context canceled");
    assert!(group.try_go(|| Ok(())).is_err());
    assert_eq!(group.skipped(), 1);
}

#[test]
fn a_drop_that_panics_does_no_harm_to_what_is_skipped() {
    let (parent, cancel) = Context::background().with_cancel();
    let (group, _ctx) = Group::with_policy(skipping().watch_tasks(), &parent);
    group.set_limit(1);
    let (group, dropped) = (Arc::new(group), Arc::default());
    let release = hold(&group, 1);
    let blocked = {
        let (group, bomb) = (Arc::clone(&group), Token::bomb(&dropped));
        thread::spawn(move || {
            group.go(move || {
                let _bomb = bomb;
                Ok(())
            });
        })
    };
    until(|| group.snapshot().count(TaskStage::Waiting) == 1);
    cancel.cancel();
    blocked.join().expect("go does not unwind");
    drop(release);
    until(|| group.snapshot().held == 0);
    for _ in 0..10 {
        let bomb = Token::bomb(&dropped);
        group.go(move || {
            let _bomb = bomb;
            Ok(())
        });
    }
    assert_eq!(group.wait().unwrap_err().to_string(), "context canceled");
    assert_eq!((group.skipped(), dropped.load(SeqCst)), (11, 11));
    assert!(group.snapshot().tasks.is_empty());
}

#[test]
fn a_scope_skips_what_borrows_and_drops_it_in_time() {
    let (ran, dropped) = (AtomicUsize::new(0), Arc::default());
    let failed = scope_with_policy(skipping(), &Context::background(), |s| {
        s.go(|| Err("broken".to_owned()));
        s.context().wait();
        for _ in 0..100 {
            let (ran, token) = (&ran, Token::of(&dropped));
            s.go(move || {
                let _token = token;
                ran.fetch_add(1, SeqCst);
                Ok(())
            });
        }
        assert!(s.try_go(|| Ok(())).is_err());
        Ok(())
    });
    assert_eq!(failed, Err(vec!["broken".to_owned()]));
    assert_eq!((ran.into_inner(), dropped.load(SeqCst)), (0, 100));
}

#[test]
fn a_task_of_a_full_group_that_is_cancelled_begins_no_other() {
    let (parent, cancel) = Context::background().with_cancel();
    let (group, _ctx) = Group::with_policy(skipping(), &parent);
    group.set_limit(1);
    let group = Arc::new(group);
    let inner = Arc::clone(&group);
    group.go(move || {
        cancel.cancel();
        inner.go(|| unreachable!("it would run inline"));
        Ok(())
    });
    group.wait().unwrap_err();
    assert_eq!(group.skipped(), 1);
}

// Weights.

#[test]
fn the_weights_of_what_runs_never_exceed_the_limit() {
    const LIMIT: usize = 7;
    let group = Group::<String>::new();
    group.set_limit(LIMIT);
    let (sum, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut seed = 0x9e37_79b9_u32;
    for _ in 0..3000 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let weight = 1 + (seed >> 24) as usize % 10;
        let (sum, ran) = (Arc::clone(&sum), Arc::clone(&ran));
        group.build_task().weight(weight).go(move || {
            let now = sum.fetch_add(weight, SeqCst) + weight;
            thread::yield_now();
            let alone = now == weight;
            sum.fetch_sub(weight, SeqCst);
            ran.fetch_add(1, SeqCst);
            if now <= LIMIT || alone { Ok(()) } else { Err(format!("{now} at once, one of them {weight}")) }
        });
    }
    assert_eq!(group.join(), Ok(()));
    assert_eq!(ran.load(SeqCst), 3000);
}

#[test]
fn many_who_hand_over_at_once_keep_to_the_limit_while_it_changes() {
    const MOST: usize = 6;
    let group = Arc::new(Group::<String>::new());
    group.set_limit(MOST);
    let (sum, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let hands: Vec<_> = (1..=4)
        .map(|weight| {
            let (group, sum, ran) = (Arc::clone(&group), Arc::clone(&sum), Arc::clone(&ran));
            thread::spawn(move || {
                for _ in 0..500 {
                    let (sum, ran) = (Arc::clone(&sum), Arc::clone(&ran));
                    group.build_task().weight(weight).go(move || {
                        let now = sum.fetch_add(weight, SeqCst) + weight;
                        thread::yield_now();
                        sum.fetch_sub(weight, SeqCst);
                        ran.fetch_add(1, SeqCst);
                        if now <= MOST { Ok(()) } else { Err(format!("{now} at once")) }
                    });
                }
            })
        })
        .collect();
    while ran.load(SeqCst) < 1000 {
        [0, 1, 5, 3, MOST].into_iter().for_each(|limit| {
            group.set_limit(limit);
            thread::yield_now();
        });
    }
    group.set_limit(MOST);
    hands.into_iter().for_each(|hand| hand.join().unwrap());
    assert!(group.wait().is_ok());
    assert_eq!(ran.load(SeqCst), 2000);
}

#[test]
fn one_that_is_heavier_than_the_limit_runs_alone() {
    let (group, _ctx) = watched();
    group.set_limit(2);
    let release = hold(&group, 1);
    let (begun, has_begun) = mpsc::channel();
    let (end, gate) = mpsc::channel::<()>();
    let hand = {
        let group = Arc::clone(&group);
        thread::spawn(move || {
            group.build_task().weight(100).go(move || {
                begun.send(()).unwrap();
                let _ = gate.recv();
                Ok(())
            });
        })
    };
    until_nobody_may_pass(&group, 1);
    assert!(has_begun.try_recv().is_err());
    drop(release);
    has_begun.recv().unwrap();
    assert_eq!(group.snapshot().held, 100);
    assert!(group.try_go(|| Ok(())).is_err());
    drop(end);
    hand.join().unwrap();
    group.wait().unwrap();
}

/// Starts another like itself before it ends, so that the group is never empty while it is let.
fn chain(group: &Watched, links: &Arc<AtomicUsize>) {
    if links.fetch_add(1, SeqCst) < 1_000_000 {
        let (next, links) = (Arc::clone(group), Arc::clone(links));
        let task = move || {
            chain(&next, &links);
            Ok(())
        };
        drop(group.try_go(task)); // refused: the chain ends
    }
}

#[test]
fn a_stream_of_light_ones_does_not_starve_a_heavy_one() {
    let (group, _ctx) = watched();
    group.set_limit(2);
    let links = Arc::new(AtomicUsize::new(0));
    chain(&group, &links);
    let seen = Arc::clone(&links);
    group.build_task().weight(2).go(move || {
        let links = seen.load(SeqCst);
        if links < 1_000_000 { Ok(()) } else { Err("the light ones all came first".to_owned()) }
    });
    assert!(group.wait().is_ok());
}

#[test]
fn light_ones_behind_a_heavy_one_keep_their_place() {
    let (group, _ctx) = watched();
    group.set_limit(3);
    let release = hold(&group, 1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let hand = |name: &'static str, weight| {
        let (group, order) = (Arc::clone(&group), Arc::clone(&order));
        thread::spawn(move || {
            group.build_task().name(name).weight(weight).go(move || {
                order.lock().unwrap().push(name);
                Ok(())
            });
        })
    };
    let heavy = hand("heavy", 3);
    until_nobody_may_pass(&group, 1);
    let lights = ["light", "light"].map(|name| hand(name, 1));
    until(|| group.snapshot().count(TaskStage::Waiting) == 3);
    assert!(order.lock().unwrap().is_empty(), "two permits are free, and nobody has passed");
    drop(release);
    heavy.join().unwrap();
    lights.into_iter().for_each(|light| light.join().unwrap());
    group.wait().unwrap();
    assert_eq!(*order.lock().unwrap(), ["heavy", "light", "light"]);
}

#[test]
fn a_heavy_one_that_gives_up_lets_those_behind_it_pass() {
    let (group, _ctx) = watched();
    group.set_limit(2);
    let release = hold(&group, 1);
    let (patience, lose) = Context::background().with_cancel();
    let heavy = {
        let group = Arc::clone(&group);
        thread::spawn(move || group.build_task().weight(2).go_until(&patience, || Ok(())).is_err())
    };
    until_nobody_may_pass(&group, 1);
    let (begun, has_begun) = mpsc::channel();
    let light = {
        let group = Arc::clone(&group);
        thread::spawn(move || {
            group.go(move || {
                begun.send(()).unwrap();
                Ok(())
            });
        })
    };
    until(|| group.snapshot().count(TaskStage::Waiting) == 2);
    lose.cancel();
    assert!(heavy.join().unwrap());
    has_begun.recv().unwrap(); // while the first still holds its permit
    light.join().unwrap();
    drop(release);
    group.wait().unwrap();
}

#[test]
fn a_task_without_weight_is_refused_by_a_panic() {
    let group = Group::<String>::new();
    assert!(caught(|| drop(group.build_task().weight(0))).contains("without weight"));
    group.join().unwrap();
}

#[test]
fn a_resize_lets_a_heavy_one_in() {
    let (group, _ctx) = watched();
    group.set_limit(2);
    let release = hold(&group, 1);
    let (begun, has_begun) = mpsc::channel();
    let hand = {
        let group = Arc::clone(&group);
        thread::spawn(move || {
            group.build_task().weight(3).go(move || {
                begun.send(()).unwrap();
                Ok(())
            });
        })
    };
    until_nobody_may_pass(&group, 1);
    group.set_limit(3);
    until_nobody_may_pass(&group, 1); // still: 1 + 3 is more than 3
    group.set_limit(4);
    has_begun.recv().unwrap();
    hand.join().unwrap();
    drop(release);
    group.wait().unwrap();
}

#[test]
fn at_limit_0_a_heavy_one_waits_too() {
    let (group, _ctx) = watched();
    group.set_limit(0);
    assert!(group.build_task().weight(5).try_go(|| Ok(())).is_err());
    let ran = Arc::new(AtomicBool::new(false));
    let hand = {
        let (group, ran) = (Arc::clone(&group), Arc::clone(&ran));
        thread::spawn(move || {
            group.build_task().weight(5).go(move || {
                ran.store(true, SeqCst);
                Ok(())
            });
        })
    };
    until(|| group.snapshot().count(TaskStage::Waiting) == 1);
    assert!(!ran.load(SeqCst));
    group.set_limit(1);
    hand.join().unwrap();
    group.wait().unwrap();
    assert!(ran.load(SeqCst));
}

#[test]
fn a_limit_below_what_is_held_lets_nothing_in_until_enough_has_ended() {
    let (group, _ctx) = watched();
    group.set_limit(6);
    let (three, two) = (hold(&group, 3), hold(&group, 2));
    group.set_limit(3);
    assert_eq!(group.snapshot().held, 5);
    assert!(group.try_go(|| Ok(())).is_err());
    drop(two);
    until(|| group.snapshot().held == 3);
    assert!(group.try_go(|| Ok(())).is_err());
    drop(three);
    until(|| group.snapshot().held == 0);
    drop(hold(&group, 3));
    group.wait().unwrap();
}

#[test]
fn the_heaviest_do_not_overflow_what_counts_them() {
    let group = Group::<String>::new();
    let release: Vec<_> = (0..100).map(|_| hold(&group, usize::MAX)).collect();
    assert!(group.snapshot().held >= 100 << 20);
    drop(release);
    group.wait().unwrap();
    assert_eq!(group.snapshot().held, 0);
}

#[test]
fn a_full_group_runs_its_own_tasks_heavy_child_inline() {
    let (group, _ctx) = watched();
    group.set_limit(2);
    let (inner, ran) = (Arc::clone(&group), Arc::new(AtomicBool::new(false)));
    let seen = Arc::clone(&ran);
    group.go(move || {
        let here = thread::current().id();
        inner.build_task().weight(2).go(move || {
            seen.store(thread::current().id() == here, SeqCst);
            Ok(())
        });
        Ok(())
    });
    group.wait().unwrap();
    assert!(ran.load(SeqCst));
}

// Snapshots.

#[test]
fn a_snapshot_tells_name_place_stage_and_thread() {
    let (group, _ctx) = watched();
    group.set_limit(3);
    let before = Instant::now();
    let (release, gate) = mpsc::channel::<()>();
    let (arrived, arrival) = mpsc::channel();
    let line = line!() + 1;
    group.build_task().name(String::from("a slow disk")).weight(3).go(move || {
        arrived.send(()).unwrap();
        let _ = gate.recv();
        Ok(())
    });
    arrival.recv().unwrap();
    let (hand, waits_at) = {
        let group = Arc::clone(&group);
        (thread::spawn(move || group.go(|| Ok(()))), line!())
    };
    until(|| group.snapshot().count(TaskStage::Waiting) == 1);
    let snapshot = group.snapshot();
    assert_eq!((snapshot.held, snapshot.limit, snapshot.skipped), (3, Some(3), 0));
    assert!(snapshot.watched && snapshot.failure.is_none());
    let [runs, waits] = &snapshot.tasks[..] else { panic!("two tasks: {snapshot}") };
    assert_eq!((runs.name.as_deref(), runs.weight, runs.stage), (Some("a slow disk"), 3, TaskStage::Running));
    assert_eq!((runs.location.file(), runs.location.line()), (file!(), line));
    assert!(runs.thread.as_deref().is_some_and(|thread| thread.starts_with("errgroup-")));
    assert!(runs.since >= before && runs.elapsed() <= before.elapsed());
    assert_eq!((waits.name.as_deref(), waits.weight, waits.stage), (None, 1, TaskStage::Waiting));
    assert_eq!((waits.location.file(), waits.location.line(), waits.thread.as_deref()), (file!(), waits_at, None));
    drop(release);
    hand.join().unwrap();
    group.wait().unwrap();
    assert!(group.snapshot().tasks.is_empty());
}

#[test]
fn all_ways_to_start_a_task_tell_their_place() {
    fn lines(snapshot: &Snapshot) -> Vec<u32> {
        assert!(snapshot.tasks.iter().all(|task| task.location.file() == file!()));
        let mut lines: Vec<_> = snapshot.tasks.iter().map(|task| task.location.line()).collect();
        lines.sort_unstable();
        lines
    }
    let (group, ctx) = watched();
    let (release, over) = Context::background().with_cancel();
    let task = || {
        let release = release.clone();
        move || {
            release.wait();
            Ok(())
        }
    };
    let line = line!();
    group.go(task());
    group.try_go(task()).unwrap();
    group.go_until(&ctx, task()).unwrap();
    group.build_task().go(task());
    group.build_task().try_go(task()).unwrap();
    group.build_task().go_until(&ctx, task()).unwrap();
    assert_eq!(lines(&group.snapshot()), (line + 1..=line + 6).collect::<Vec<_>>());
    let policy = Policy::<String>::new().watch_tasks();
    let in_scope = scope_with_policy(policy, &Context::background(), |s| {
        let line = line!();
        s.go(task());
        s.try_go(task()).unwrap();
        s.go_until(s.context(), task()).unwrap();
        s.build_task().go(task());
        s.build_task().try_go(task()).unwrap();
        s.build_task().go_until(s.context(), task()).unwrap();
        let snapshot = s.snapshot();
        over.cancel();
        Ok((line, snapshot))
    });
    let (line, snapshot) = in_scope.unwrap();
    assert_eq!(lines(&snapshot), (line + 1..=line + 6).collect::<Vec<_>>());
    group.wait().unwrap();
}

#[test]
fn what_nobody_has_come_for_is_queued() {
    // More tasks at once than there can be threads for at first; if there should be, once more.
    until(|| {
        let (group, _ctx) = watched();
        let (release, over) = Context::background().with_cancel();
        for _ in 0..500 {
            let release = release.clone();
            group.go(move || {
                release.wait();
                Ok(())
            });
        }
        let snapshot = group.snapshot();
        over.cancel();
        group.wait().unwrap();
        assert_eq!((snapshot.tasks.len(), snapshot.held, snapshot.limit), (500, 500, None));
        assert_eq!(snapshot.count(TaskStage::Waiting), 0);
        let stages: Vec<_> = snapshot.tasks.iter().map(|task| task.stage).collect();
        assert!(stages.is_sorted(), "those that run first");
        snapshot.count(TaskStage::Queued) > 0
    });
}

#[test]
fn the_text_of_a_snapshot_can_be_read() {
    let (parent, cancel) = Context::background().with_cancel();
    let (group, _ctx) = Group::with_policy(skipping().watch_tasks(), &parent);
    group.set_limit(6);
    let line = line!() + 1;
    let release = { hold(&group, 3) };
    cancel.cancel_with("enough");
    group.go(|| unreachable!("skipped"));
    until(|| group.snapshot().held == 3);
    let mut snapshot = group.snapshot();
    let location = snapshot.tasks[0].location;
    assert_ne!(location.line(), line, "that is where `hold` is called");
    snapshot.tasks[0].since += std::time::Duration::from_secs(3600); // its time stands still
    let mut other: TaskSnapshot = snapshot.tasks[0].clone();
    snapshot.tasks[0].thread = Some("errgroup-1".into());
    (other.name, other.weight, other.stage, other.thread) = (None, 1, TaskStage::Waiting, None);
    snapshot.tasks.push(other);
    let text = format!(
        "3 permits held, limit 6; tasks: 1 running, 0 queued, 1 waiting for a permit, 1 skipped; failed: enough\n  \
         running       0.000 s  holds ({location}), weight 3, on errgroup-1\n  \
         waiting       0.000 s  {location}"
    );
    assert_eq!(snapshot.to_string(), text);
    drop(release);
    group.wait().unwrap_err();

    let plain = Group::<String>::new();
    let release = hold(&plain, 1);
    assert_eq!(plain.snapshot().to_string(), "1 permit held, no limit; tasks are not watched");
    assert!(plain.snapshot().tasks.is_empty() && !plain.snapshot().watched);
    drop(release);
    plain.wait().unwrap();
}

#[test]
fn a_task_leaves_the_list_however_it_ends() {
    let (parent, cancel) = Context::background().with_cancel();
    let (group, ctx) = Group::with_policy(skipping().watch_tasks(), &parent);
    group.go(|| Ok(()));
    until(|| group.snapshot().tasks.is_empty());
    group.set_limit(0);
    drop(group.try_go(|| Ok(())));
    let (short, lose) = Context::background().with_cancel();
    lose.cancel();
    drop(group.go_until(&short, || Ok(())));
    assert!(group.snapshot().tasks.is_empty(), "refused");
    cancel.cancel();
    group.go(|| Ok(()));
    group.set_limit(1);
    group.go(|| Ok(()));
    until(|| group.snapshot().tasks.is_empty() && group.skipped() == 2);
    assert!(ctx.is_cancelled());
    group.wait().unwrap_err();

    let (group, _ctx) = watched();
    group.go(|| panic!("on purpose"));
    until(|| group.snapshot().tasks.is_empty());
    until(|| group.snapshot().held == 0);
    assert_eq!(group.snapshot().failure.as_deref(), Some("on purpose"));
    assert_eq!(caught(|| group.wait()), "on purpose");
}

#[test]
fn a_snapshot_may_be_taken_at_any_time() {
    let (group, _ctx) = watched();
    group.set_limit(4);
    let over = AtomicBool::new(false);
    thread::scope(|s| {
        let (watch, over_then) = (&group, &over);
        s.spawn(move || {
            while !over_then.load(SeqCst) {
                let snapshot = watch.snapshot();
                assert!(snapshot.held <= 4 && snapshot.tasks.len() <= 6, "{snapshot}");
            }
        });
        for n in 0..2000 {
            group.build_task().name("brief").weight(1 + n % 3).go(|| Ok(()));
        }
        group.wait().unwrap();
        over.store(true, SeqCst);
    });
}

// try_map.

#[test]
fn try_map_keeps_the_order_and_the_limit() {
    for limit in [1, 2, 7, usize::MAX] {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let doubled = try_map(0..500u64, limit, |n| {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            (0..n % 5).for_each(|_| thread::yield_now());
            now.fetch_sub(1, SeqCst);
            Ok::<_, String>(n * 2)
        });
        assert!(doubled.unwrap().into_iter().eq((0..500).map(|n| n * 2)));
        assert!(most.into_inner() <= limit);
    }
    assert_eq!(try_map(0..0, 1, |n: u8| Ok::<_, String>(n)), Ok(Vec::new()));
}

#[test]
fn try_map_takes_an_iterator_that_stays_on_its_thread_and_borrows() {
    let (words, taken) = (["a".to_owned(), "b".to_owned()], Rc::new(Cell::new(0)));
    let iterator = words.iter().inspect(|_| taken.set(taken.get() + 1));
    let lengths = try_map(iterator, 2, |word| Ok::<_, String>((word.as_str(), words.len())));
    assert_eq!(lengths.unwrap(), [("a", 2), ("b", 2)]);
    assert_eq!(taken.get(), 2);
}

/// How many items were taken at most, beyond those whose function had returned.
fn most_in_hand(limit: usize) -> usize {
    let (done, most) = (AtomicUsize::new(0), Cell::new(0));
    let iterator = (1..=200).inspect(|taken| most.set(most.get().max(taken - done.load(SeqCst))));
    try_map(iterator, limit, |_| {
        thread::yield_now();
        done.fetch_add(1, SeqCst);
        Ok::<_, String>(())
    })
    .unwrap();
    most.get()
}

#[test]
fn try_map_takes_at_most_one_item_before_there_is_a_place_for_it() {
    assert!(most_in_hand(1) <= 2);
    assert!(most_in_hand(4) <= 5);
}

#[test]
fn an_error_ends_try_map_though_there_is_no_end_of_items() {
    let begun = AtomicUsize::new(0);
    let failed = try_map(0.., 3, |n: u64| {
        begun.fetch_add(1, SeqCst);
        if n == 50 { Err(format!("{n} is no good")) } else { Ok(n) }
    });
    assert_eq!(failed, Err("50 is no good".to_owned()));
    assert!(begun.into_inner() >= 51);
}

#[test]
fn try_map_drops_results_it_does_not_give_and_waits_for_what_is_begun() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let made = AtomicUsize::new(0);
    let failed = try_map(0..100, 4, |n| {
        if n == 20 {
            return Err("broken".to_owned());
        }
        made.fetch_add(1, SeqCst);
        Ok(Token::of(&dropped))
    });
    assert_eq!(failed.err().as_deref(), Some("broken"));
    assert_eq!(dropped.load(SeqCst), made.into_inner());
}

#[test]
fn a_panic_in_try_map_is_resumed_after_all_have_returned() {
    let now = AtomicUsize::new(0);
    let run = || {
        try_map(0.., 3, |n: u64| {
            now.fetch_add(1, SeqCst);
            (0..10).for_each(|_| thread::yield_now());
            now.fetch_sub(1, SeqCst);
            assert!(n != 10, "ten is too many");
            Ok::<_, String>(())
        })
    };
    assert!(caught(run).contains("ten is too many"));
    assert_eq!(now.into_inner(), 0);
    assert!(caught(|| try_map(0..1, 0, |_| Ok::<_, String>(()))).contains("limit of 0"));
}

#[test]
fn a_panic_in_the_iterator_joins_what_was_begun() {
    let ended = AtomicBool::new(false);
    let items = (0..).inspect(|n| assert!(*n < 1, "the iterator is broken"));
    let run = || {
        try_map_with_context(&Context::background(), items, 2, |ctx, _: u32| {
            ctx.wait();
            ended.store(true, SeqCst);
            Ok::<_, String>(())
        })
    };
    assert!(caught(run).contains("the iterator is broken"));
    assert!(ended.into_inner());
}

#[test]
fn the_parent_ends_try_map_with_its_cause() {
    let (parent, cancel) = Context::background().with_cancel();
    let failed = try_map_with_context(&parent, 0.., 2, |ctx, n: u64| {
        if n == 20 {
            cancel.cancel_with("the user has left");
        }
        if n > 20 {
            ctx.wait();
        }
        Ok::<_, String>(n)
    });
    assert_eq!(failed, Err("the user has left".to_owned()));
    let done = try_map_with_context(&parent, 0..0, 1, |_, n: u8| Ok::<_, String>(n));
    assert_eq!(done, Ok(Vec::new()), "nothing was left undone");
}

// race.

type Runner<'a> = Box<dyn FnOnce(&Context) -> Result<u32, String> + Send + 'a>;

#[test]
fn the_first_success_wins_and_the_losers_are_told_and_waited_for() {
    let (lost, dropped) = (AtomicUsize::new(0), Arc::default());
    let lose = || -> Runner<'_> {
        let (lost, token) = (&lost, Token::of(&dropped));
        Box::new(move |ctx| {
            let _token = token;
            ctx.wait();
            lost.fetch_add(usize::from(ctx.cause().unwrap().to_string() == "another task of the race has won"), SeqCst);
            Ok(0)
        })
    };
    let win: Runner<'_> = Box::new(|_| Ok(7));
    let tasks: Vec<_> = (0..3).map(|_| lose()).chain([win]).chain((0..3).map(|_| lose())).collect();
    assert_eq!(race(tasks), Ok(7));
    assert_eq!(dropped.load(SeqCst), 6);
    assert!(lost.into_inner() >= 3, "those before the winner were begun or queued");
}

#[test]
fn if_none_succeeds_a_race_gives_all_errors() {
    let (sender, turn) = mpsc::channel::<()>();
    let second: Runner<'_> = Box::new(move |_| {
        let _ = turn.recv();
        Err("second".into())
    });
    let first: Runner<'_> = Box::new(move |_| {
        let _keep = sender;
        Err("first".into())
    });
    let mut errors = race([second, first]).unwrap_err();
    errors.sort();
    assert_eq!(errors, ["first", "second"]);
    assert_eq!(race(Vec::<Runner<'_>>::new()), Err(Vec::new()));
}

#[test]
fn an_error_does_not_end_a_race() {
    let (sender, failed) = mpsc::channel::<()>();
    let late: Runner<'_> = Box::new(move |ctx| {
        let _ = failed.recv();
        if ctx.is_cancelled() { Err("cancelled".into()) } else { Ok(1) }
    });
    let broken: Runner<'_> = Box::new(move |_| {
        drop(sender);
        Err("broken".into())
    });
    assert_eq!(race([late, broken]), Ok(1));
}

#[test]
fn a_panic_in_a_race_is_resumed_whoever_won() {
    let panics: Runner<'_> = Box::new(|_| panic!("at the start"));
    let wins: Runner<'_> = Box::new(|ctx| {
        ctx.wait();
        Ok(1)
    });
    assert_eq!(caught(|| race([panics, wins])), "at the start");
}

#[test]
fn a_race_under_a_cancelled_parent_begins_nobody() {
    let (parent, cancel) = Context::background().with_cancel();
    cancel.cancel();
    let dropped = Arc::default();
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let token = Token::of(&dropped);
            move |_: &Context| -> Result<(), String> {
                let _token = token;
                unreachable!("nobody may begin")
            }
        })
        .collect();
    assert_eq!(race_with_context(&parent, tasks), Err(Vec::new()));
    assert_eq!(dropped.load(SeqCst), 3);
}

#[test]
fn a_race_takes_no_more_tasks_once_somebody_has_won() {
    let (won, has_won) = mpsc::channel::<()>();
    let (mut won, mut taken) = (Some(won), 0);
    // The second task is taken when the first has returned; there is no end of them.
    let tasks = std::iter::from_fn(|| {
        taken += 1;
        let won = won.take();
        if won.is_none() {
            let _ = has_won.recv();
        }
        Some(move |_: &Context| {
            drop(won);
            Ok::<_, String>(())
        })
    });
    assert_eq!(race(tasks), Ok(()));
    assert!(taken >= 2);
}

/// Of many tasks the first wins when all are handed over: those that nobody has begun must not begin.
#[test]
fn a_race_begins_nobody_after_it_is_won() {
    let (handed, late) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let tasks = (0..500).map(|n| {
        handed.fetch_add(1, SeqCst);
        let (handed, late) = (&handed, &late);
        move |ctx: &Context| {
            if n == 0 {
                until(|| handed.load(SeqCst) == 500);
                return Ok(());
            }
            late.fetch_add(usize::from(ctx.is_cancelled()), SeqCst);
            ctx.wait();
            Err("lost")
        }
    });
    assert_eq!(race(tasks), Ok(()));
    // Some may have been told between being begun and looking, not hundreds.
    assert!(late.load(SeqCst) <= 50, "{} were begun after the end", late.load(SeqCst));
}

// The error of what was skipped.

/// An error whose making can be held up.
struct Slow(&'static str);

static MAKING: Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>> = Mutex::new(None);

impl From<Stopped> for Slow {
    fn from(_: Stopped) -> Self {
        let making = MAKING.lock().unwrap().take();
        if let Some((arrived, gate)) = making {
            drop(arrived);
            let _ = gate.recv();
        }
        Self("stopped")
    }
}

impl Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A `go` that waited holds no permit while it makes the group's error, and who skips after it makes none: a wait in
/// between sees no error.
#[test]
fn a_group_that_has_skipped_has_failed_also_while_the_error_is_made() {
    let (arrived, arrival) = mpsc::channel();
    let (release, gate) = mpsc::channel();
    *MAKING.lock().unwrap() = Some((arrived, gate));
    let (parent, cancel) = Context::background().with_cancel();
    let (group, _ctx) = Group::with_policy(Policy::<Slow>::new().skip_when_cancelled().watch_tasks(), &parent);
    group.set_limit(0);
    let group = Arc::new(group);
    let hand = {
        let group = Arc::clone(&group);
        thread::spawn(move || group.go(|| Ok(())))
    };
    until(|| group.snapshot().count(TaskStage::Waiting) == 1);
    cancel.cancel();
    let _ = arrival.recv(); // the `go` that waited makes its error, and is held up there
    group.set_limit(1);
    group.go(|| unreachable!("it is too late"));
    let verdict = group.wait();
    assert_eq!(group.skipped(), 2);
    drop(release);
    hand.join().unwrap();
    assert!(verdict.is_err(), "a task was skipped, and wait says that all is well");
}

/// An error that cannot be made.
struct Unmade;

impl From<Stopped> for Unmade {
    fn from(_: Stopped) -> Self {
        panic!("cannot be made")
    }
}

impl Display for Unmade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unmade")
    }
}

/// In a scope the same ends the process.
#[test]
fn a_panic_in_making_the_error_of_what_was_skipped_is_a_panic_of_the_group() {
    let (parent, cancel) = Context::background().with_cancel();
    cancel.cancel();
    let (group, _ctx) = Group::with_policy(Policy::<Unmade>::new().skip_when_cancelled(), &parent);
    group.go(|| Ok(()));
    until(|| group.snapshot().held == 0); // a worker has come for it
    assert_eq!(group.skipped(), 1);
    assert_eq!(caught(|| group.wait().is_ok()), "cannot be made");
}
