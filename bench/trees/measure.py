"""Running contenders: one run, alternating rounds, and whether their digests are md5sum's.

`measure.c` takes the times. What has to happen to the machine before a run, such as dropping its caches, is the one
function that `rounds` is given.
"""
import dataclasses
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable

from contenders import MD5SUM, Contender


@dataclasses.dataclass
class Run:
    status: int
    wall: float  # seconds
    user: float
    system: float
    peak: int  # bytes, of the largest process


@dataclasses.dataclass
class Agreement:
    """How a contender's digests compare with md5sum's."""

    known: bool = True  # False: it has no MD5 digests
    files: int = 0
    wrong: int = 0
    missing: int = 0
    extra: int = 0
    example: bytes = b""

    @property
    def sound(self) -> bool:
        """It did the work: a peer that stops at the first odd name is no rival."""
        return not self.wrong and self.missing * 100 <= self.files

    def __str__(self) -> str:
        if not self.known:
            return "–"
        faults = [(self.wrong, "wrong"), (self.missing, "missing"), (self.extra, "more")]
        return ", ".join(f"{number:,} {fault}" for number, fault in faults if number) or "equal"


@dataclasses.dataclass
class Row:
    """A contender on a tree."""

    contender: Contender
    agreement: Agreement
    runs: list[Run] = dataclasses.field(default_factory=list)

    def median(self, field: str) -> float:
        return statistics.median(getattr(run, field) for run in self.runs)

    @property
    def wall(self) -> float:
        return self.median("wall")

    @property
    def best(self) -> float:
        return min(run.wall for run in self.runs)

    @property
    def peak(self) -> int:
        return max(run.peak for run in self.runs)


@dataclasses.dataclass
class Bench:
    """What every run needs."""

    measure: str  # the program of measure.c
    log: str  # where standard error goes
    before: Callable[[], None]  # puts the machine into its state before each timed run

    def run(self, contender: Contender, tree: str, output=subprocess.DEVNULL) -> Run:
        report, writer = os.pipe()
        with open(self.log, "ab") as log, os.fdopen(report) as said:
            command = [self.measure, str(writer), *contender.command]
            child = subprocess.Popen(command, cwd=tree, stdin=subprocess.DEVNULL, stdout=output, stderr=log,
                                     pass_fds=[writer])
            os.close(writer)
            line = said.read().split()
            child.wait()
        status, wall, user, system, peak = line
        return Run(int(status), float(wall), float(user), float(system), int(peak) * 1024)

    def output(self, contender: Contender, tree: str) -> list[bytes]:
        with tempfile.TemporaryFile() as out:
            self.run(contender, tree, out)
            out.seek(0)
            return out.readlines()

    def digests(self, contender: Contender, tree: str) -> list[tuple[bytes, bytes]]:
        return sorted(contender.read(self.output(contender, tree)))

    def rounds(self, rows: list[Row], tree: str, rounds: int) -> None:
        """Each once a round, and in each round another one first."""
        for turn in range(rounds):
            first = turn % len(rows)
            for row in rows[first:] + rows[:first]:
                self.before()
                row.runs.append(self.run(row.contender, tree))
                insist_on_success(row)

    def check(self, contenders: list[Contender], tree: str, near: str, files: int, size: int) -> list[Row]:
        """A row for each, with how it agrees with md5sum about the same tree where it is `near`. It reads the whole tree
        often, and so warms the cache too."""
        truth = self.digests(MD5SUM, near)
        if len(truth) != files:
            raise SystemExit(f"trees: {files} files, md5sum printed {len(truth)} lines")
        rows = []
        for contender in contenders:
            if contender.kind == "floor":
                self.check_floor(contender, tree, files, size)
            agrees = Agreement(known=False)
            if contender.read:
                agrees = compare(truth, self.digests(contender, tree))
            insist(contender, agrees)
            rows.append(Row(contender, agrees))
        return rows

    def check_floor(self, floor: Contender, tree: str, files: int, size: int) -> None:
        words = self.output(floor, tree)[0].split()
        if (int(words[1]), int(words[3])) != (files, size):
            raise SystemExit(f"trees: {files} files of {size} bytes, the floor read {words[1:4:2]}")


def compare(truth: list[tuple[bytes, bytes]], lines: list[tuple[bytes, bytes]]) -> Agreement:
    if lines == truth:
        return Agreement(files=len(truth))
    right, said = dict(truth), dict(lines)
    wrong = [path for path in right.keys() & said.keys() if right[path] != said[path]]
    missing, extra = right.keys() - said.keys(), said.keys() - right.keys()
    repeated = len(lines) - len(said)
    example = next(iter([*sorted(wrong), *sorted(missing), *sorted(extra)]), b"")
    return Agreement(True, len(lines), len(wrong), len(missing), len(extra) + repeated, example)


def insist_on_success(row: Row) -> None:
    """A peer may fail, and its row says so. Ours may not: what it prints while it is timed nobody looks at."""
    status = row.runs[-1].status
    if status and row.contender.kind == "ours":
        raise SystemExit(f"trees: md5all ended with status {status} in round {len(row.runs)}")


def insist(contender: Contender, agrees: Agreement) -> None:
    """A peer may stumble over a name, and its row says so. Ours may not."""
    if str(agrees) in ("equal", "–"):
        return
    print(f"trees: {contender.name}: {agrees}; such as {os.fsdecode(agrees.example)!r}")
    if contender.kind == "ours":
        raise SystemExit("trees: md5all's digests are not md5sum's")
