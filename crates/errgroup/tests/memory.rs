//! What a group of futures keeps of those that went through it: nothing. In a process of its own, so that what grows is
//! the group's.
#![cfg(target_os = "linux")]

use errgroup::tokio::Group;
use errgroup::{Context, Policy};
use tokio::runtime::Builder;
use tokio::task::yield_now;

/// The memory of this process that is resident, in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Of eight futures one waits, and one is started with a context to end that; all are listed meanwhile.
async fn pass(group: &Group<String>, ctx: &Context, count: usize) {
    for n in 0..count {
        let task = async move {
            if n % 8 == 0 {
                yield_now().await;
            }
            Ok(())
        };
        if n % 8 == 1 {
            assert!(group.go_until(ctx, task).await.is_ok());
        } else {
            group.build_task().weight(1 + n % 2).go(task).await;
        }
    }
}

#[test]
fn a_million_futures_leave_nothing_behind() {
    let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let (group, ctx) = Group::with_policy(Policy::new().watch_tasks(), &Context::background());
        group.set_limit(16);
        pass(&group, &ctx, 100_000).await;
        let before = resident();
        pass(&group, &ctx, 900_000).await;
        let grown = resident().saturating_sub(before);
        assert!(grown < 3 << 10, "grown by {grown} KiB; a pointer for each would be 7 MiB");
        assert!(group.snapshot().tasks.len() <= 16);
        group.join().await.unwrap();
    });
}
