//! The pool's monitor has nothing to look for while no task waits, however many are blocked.
//!
//! A test program of its own, for the pool is the whole process's.

#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use errgroup::{Context, Group, Order, Pipeline};

/// Many times as long as the monitor needs to see that nothing is to be done, and as a tick.
const WHILE: Duration = Duration::from_millis(200);

/// What has not come by then does not.
const NEVER: Duration = Duration::from_secs(20);

fn monitor() -> Option<PathBuf> {
    let threads = fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
    // The kernel keeps 15 bytes of a name.
    threads.into_iter().find(|path| fs::read_to_string(path.join("comm")).is_ok_and(|name| name == "errgroup-monito\n"))
}

/// How often the monitor has gone to sleep so far.
fn sleeps() -> u64 {
    let Some(monitor) = monitor() else { return 0 };
    let status = fs::read_to_string(monitor.join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

/// How often the monitor looks in a while, once that does not get less any more.
fn looks() -> u64 {
    let (_nobody, never) = mpsc::channel::<()>();
    let begun = Instant::now();
    loop {
        let before = sleeps();
        assert!(never.recv_timeout(WHILE).is_err());
        let looks = sleeps() - before;
        if looks == 0 || begun.elapsed() > NEVER {
            return looks;
        }
    }
}

#[test]
fn the_monitor_sleeps_while_all_tasks_are_blocked() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let (begun, all_begun) = mpsc::channel();
    let results = Pipeline::<_, String>::source(&Context::background(), 8, |out| {
        (0..100).try_for_each(|number: u64| Ok(out.send(number)?))
    })
    .ticketed(8, Order::Completion, move |tickets| {
        begun.send(()).unwrap();
        wait.lock().unwrap().recv().unwrap_err();
        for (ticket, number) in tickets {
            ticket.send(number)?;
        }
        Ok(())
    });
    (0..8).for_each(|_| all_begun.recv().unwrap());
    let at_a_stage = looks();

    let group = Group::<String>::new();
    let gates: Vec<_> = (0..100)
        .map(|_| {
            let (open, gate) = mpsc::channel::<()>();
            group.go(move || gate.recv().map_err(|error| error.to_string()));
            open
        })
        .collect();
    let at_a_group = looks();
    // What is queued after that is begun all the same.
    let (begun, was_begun) = mpsc::channel();
    group.go(move || begun.send(()).map_err(|error| error.to_string()));
    let is_begun = was_begun.recv_timeout(NEVER).is_ok();
    gates.iter().for_each(|gate| gate.send(()).unwrap());
    group.join().unwrap();
    drop(go);
    assert_eq!(results.map(Result::unwrap).sum::<u64>(), 4950);
    assert_eq!((at_a_stage, at_a_group, is_begun), (0, 0, true));
}
