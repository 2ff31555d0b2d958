"""What is measured: which contenders do the same work, how much of it, and what is wanted of ours beside them.

A case is a call of one of the two programs, `main.rs` or `groups.go`. Adding a peer is adding a case there and here.
"""
import dataclasses

WARM_UP = 10  # the warm-up is a tenth of the work


@dataclasses.dataclass
class Case:
    title: str
    name: str  # in the program
    count: int
    size: int | None = None  # tasks in a group
    limit: int | None = None
    operations: int = 1  # how many of what the program times make one of what is reported

    def arguments(self, quick: bool) -> list[str]:
        count = self.counted(quick)
        size = min(self.size or count, count)
        limit = [] if self.limit is None else [str(self.limit)]
        return [self.name, str(count), str(size), *limit]

    def counted(self, quick: bool) -> int:
        return max(self.count // 10, 3) if quick else self.count

    def marks(self, quick: bool) -> int:
        """Bytes that say which tasks ran, those of the warm-up too: part of its memory, but not of a group's."""
        count = self.counted(quick)
        return count + -(-count // WARM_UP)


@dataclasses.dataclass
class Pair:
    """One of ours beside a case of the same section, both by their names; or alone, for a goal in nanoseconds."""

    ours: str
    peer: str | None
    goal: float | None = None  # at most so many times as long as the peer, or so many nanoseconds; None: to be known


@dataclasses.dataclass
class Section:
    name: str  # in --only
    title: str
    unit: str
    note: str
    cases: list[Case]
    pairs: list[Pair]
    memory: bool = False  # show the peak as well

    def case(self, name: str) -> Case | None:
        return next((case for case in self.cases if case.name == name), None)


TASKS, GROUP = 1_000_000, 10_000
ITEMS, LOOKS, CANCELS, IDLE = 1_000_000, 100_000_000, 15, 200


def tasks(name: str, title: str, limit: int | None, cases: list[Case], pairs: list[Pair]) -> Section:
    ours = [Case("errgroup", "ours", TASKS, GROUP, limit), Case("Go errgroup", "go", TASKS, GROUP, limit)]
    note = f"{TASKS // GROUP} groups, one after the other, of {GROUP:,} tasks."
    return Section(name, title, "ns a task", note, ours + cases, [Pair("ours", "go", 0.45), *pairs])


def ten(title: str, name: str, groups: int) -> Case:
    return Case(title, name, groups * 10, 10, operations=10)


def futures(name: str, title: str, where: str, size: int, judged: bool) -> Section:
    cases = [
        Case("errgroup::tokio", f"front-{where}", TASKS, size),
        Case("tokio-util TaskTracker", f"tracker-{where}", TASKS, size),
        Case("tokio JoinSet", f"join-set-{where}", TASKS, size),
        Case("tokio spawn and await, bare", f"bare-{where}", TASKS, size),
    ]
    ours = cases[0].name
    pairs = [Pair(ours, cases[1].name, 0.8 if judged else None), Pair(ours, cases[2].name, 0.6 if judged else None),
             Pair(ours, cases[3].name)]
    note = f"{TASKS // size:,} groups of {size:,} tasks on a runtime of two workers. TaskTracker gives no outcomes."
    return Section(name, title, "ns a task", note, cases, pairs)


def flat(name: str, title: str, count: int, size: int, limit: int | None = None) -> Section:
    note = "The peak is that of a fresh process, less the byte a task by which it is told that all ran."
    cases = [Case("errgroup", "ours", count, size, limit), Case("Go errgroup", "go", count, size, limit)]
    return Section(name, title, "ns a task", note, cases, [Pair("ours", "go")], memory=True)


SECTIONS = [
    tasks("task", "A no-op task, no limit", None, [
        Case("rayon scope", "rayon", TASKS, GROUP),
        Case("tokio JoinSet, spawn_blocking", "join-set-blocking", TASKS // 10, GROUP),
    ], [Pair("ours", "rayon"), Pair("ours", "join-set-blocking")]),
    tasks("task-8", "A no-op task, limit 8", 8, [], []),
    tasks("task-2", "A no-op task, limit 2", 2, [], []),
    Section("ten", "A group of ten no-op tasks, back to back", "ns a group",
            "Made, run and waited for. A scope has a context, as a group made with one.", [
                ten("errgroup", "ours", 100_000),
                ten("errgroup, with a context", "ours-context", 100_000),
                ten("errgroup::scope", "ours-scope", 100_000),
                ten("Go errgroup", "go", 100_000),
                ten("Go errgroup, with a context", "go-context", 100_000),
                ten("rayon scope", "rayon", 20_000),
                ten("std::thread::scope", "std-scope", 1_000),
            ], [
                Pair("ours", "go", 1.0),
                Pair("ours-context", "go-context"),
                Pair("ours-scope", "ours-context", 1.2),
                Pair("ours-scope", "ours"),
                Pair("ours-scope", "std-scope"),
                Pair("ours", "rayon"),
            ]),
    Section("idle", "A group of ten no-op tasks, from idle", "ns a group",
            f"The median of {IDLE} groups, each after 2 ms of sleep.", [
                Case("errgroup", "ours-idle", IDLE, 10),
                Case("Go errgroup", "go-idle", IDLE, 10),
                Case("rayon scope", "rayon-idle", IDLE, 10),
            ], [Pair("ours-idle", "go-idle", 1.0), Pair("ours-idle", "rayon-idle")]),
    futures("async", "A no-op future, from a task of the runtime", "in-task", GROUP, judged=True),
    futures("async-block-on", "A no-op future, from block_on", "in-block-on", GROUP, judged=True),
    futures("async-1000", "A no-op future in groups of 1,000, from a task", "in-task", 1_000, judged=False),
    Section("pipeline", "A pipeline: source, 4 workers, consumer", "ns an item",
            "Queues of 64; workers hand on what they take. Bare channels cannot be stopped by an error; with select, "
            "as Go's documentation has it, they can, as ours.", [
                Case("errgroup Pipeline::stage", "ours-stage", ITEMS),
                Case("errgroup Pipeline::each", "ours-each", ITEMS),
                Case("Go channels, bare", "go-stage", ITEMS),
                Case("Go channels, with select", "go-select", ITEMS),
                Case("crossbeam-channel, bare", "channels", ITEMS),
            ], [
                Pair("ours-stage", "go-stage", 0.5),
                Pair("ours-stage", "go-select"),
                Pair("ours-stage", "channels"),
                Pair("ours-each", "go-stage"),
            ]),
    Section("look", "A look at a context that is alive", "ns a look", "", [
        Case("errgroup is_cancelled", "ours-look", LOOKS),
        Case("errgroup check", "ours-check", LOOKS),
        Case("Go ctx.Err", "go-look", LOOKS),
        Case("tokio-util CancellationToken", "token-look", LOOKS),
    ], [
        Pair("ours-look", None, 2.0),
        Pair("ours-check", None, 2.0),
        Pair("ours-check", "go-look"),
        Pair("ours-look", "token-look"),
    ]),
    Section("cancel", "From cancel until wait returns, 1,000 tasks asleep", "ns",
            f"The median of {CANCELS} times in a process. The broadcast is 1,000 threads at one Condvar, until the "
            "last has done its part.", [
                Case("errgroup, threads", "ours-cancel", CANCELS),
                Case("broadcast to std threads, bare", "broadcast", CANCELS),
                Case("errgroup::tokio", "front-cancel", CANCELS),
                Case("Go errgroup", "go-cancel", CANCELS),
                Case("tokio JoinSet, CancellationToken", "token-cancel", CANCELS),
            ], [
                Pair("ours-cancel", "broadcast", 1.5),
                Pair("front-cancel", "go-cancel", 1.0),
                Pair("front-cancel", "token-cancel"),
                Pair("ours-cancel", "go-cancel"),
            ]),
    flat("flat-3", "Flat cost: groups of 10³ tasks, no limit", TASKS, 1_000),
    flat("flat-5", "Flat cost: groups of 10⁵ tasks, no limit", TASKS, 100_000),
    flat("flat-7", "Flat cost: one group of 10⁷ tasks, limit 8", 10_000_000, 10_000_000, 8),
]
