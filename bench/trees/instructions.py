#!/usr/bin/env python3
"""What a program spends on a small file in a hot cache: instructions in user space, and system calls. Those for 2,000
files, less those for one.

Instructions are counted by the processor (perf) where it lets us, else by callgrind; neither sees the kernel here. A
callgrind that does not know a system call (3.19: openat2) answers that there is none, and what is counted is how the
program does without. System calls are counted by strace.

As a program, counts for md5all as it is here and for another build of it in alternation, and says how much more one
spends than the other. Ends with status 1 if that is too much.
"""
import argparse
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import contenders
import corpus
from contenders import Contender

INSTRUCTIONS, CALLS = "instructions", "system calls"
MOST = {INSTRUCTIONS: 1.02, CALLS: 1.01}  # times the baseline
WAITING = {"futex", "sched_yield"}  # listed, but no part of the sum: who waits for whom differs from run to run

AGE = 12  # seconds: md5all looks twice at a file that changed in the last ten, and most files were not

Counts = dict[str, float]  # how many of what


def main() -> None:
    asked = arguments()
    counters = [counter for counter in (instruction_counter(asked.dir), strace) if counter]
    commands = [contenders.build_md5all().command, [os.path.abspath(asked.baseline), "."]]
    with samples(asked.dir) as (many, one):
        rounds = [[all_between(counters, command, many, one) for command in commands] for _ in range(asked.rounds)]
    ours, baseline = (medians([each[side] for each in rounds]) for side in (0, 1))
    print("\n".join(lines(ours, baseline)))
    sys.exit(any(ours[what] > most * baseline[what] for what, most in MOST.items() if what in ours))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", required=True, metavar="PROGRAM", help="another build of md5all")
    parser.add_argument("--dir", default=tempfile.gettempdir(), help="where samples are made (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="alternated rounds (default: %(default)s)")
    asked = parser.parse_args()
    if not os.access(asked.baseline, os.X_OK):
        parser.error(f"--baseline: {asked.baseline}: no program")
    if not shutil.which("strace"):
        parser.error("needs strace")
    if asked.rounds < 1:
        parser.error("--rounds: at least 1")
    os.makedirs(asked.dir, exist_ok=True)
    return asked


def lines(ours: Counts, baseline: Counts) -> list[str]:
    """A table: the sums, then each system call that one of them makes for one file in a hundred."""
    told = [what for what in ours | baseline if what in MOST or max(ours.get(what, 0), baseline.get(what, 0)) >= 0.01]
    found = [f"{'a small file':16} {'md5all':>10} {'baseline':>10} {'ratio':>7}"]
    if INSTRUCTIONS not in ours:
        found.append("instructions: perf counts none here, and there is no callgrind")
    for what in sorted(told, key=lambda what: (what not in MOST, what)):
        left, right = ours.get(what, 0), baseline.get(what, 0)
        ratio = f"{left / right:7.3f}" if right else f"{'–':>7}"
        goal = f"  (goal: ≤ {MOST[what]})" if what in MOST else ""
        found.append(f"{what:16} {left:10,.2f} {right:10,.2f} {ratio}{goal}")
    return found


def medians(rounds: list[Counts]) -> Counts:
    known = dict.fromkeys(what for counts in rounds for what in counts)
    return {what: statistics.median(counts.get(what, 0) for counts in rounds) for what in known}


def a_small_file(programs: list[Contender], root: str) -> tuple[str, dict[str, int | None]]:
    """The way it was counted ("" if there is none), and the instructions of each program."""
    counter = instruction_counter(root)
    if not counter:
        return "", {}
    with samples(root) as (many, one):
        counts = {program.title: between(counter, program.command, many, one) for program in programs}
    return counter.__name__, {title: found and round(found[INSTRUCTIONS]) for title, found in counts.items()}


def instruction_counter(root: str):
    return next((way for way in (perf, callgrind) if way(["true"], root) is not None), None)


@contextlib.contextmanager
def samples(root: str):
    """A tree of many files, and one of one; none of them was changed lately."""
    many, one = corpus.sample(root, corpus.SAMPLE), corpus.sample(root, 1)
    try:
        time.sleep(AGE)
        yield many, one
    finally:
        corpus.remove(many)
        corpus.remove(one)


def all_between(counters: list, command: list[str], many: str, one: str) -> Counts:
    counts: Counts = {}
    for counter in counters:
        found = between(counter, command, many, one)
        if found is None:
            raise SystemExit(f"instructions: {command[0]} failed under {counter.__name__}")
        counts |= found
    return counts


def between(counter, command: list[str], many: str, one: str) -> Counts | None:
    """For each file that `many` has more than `one`."""
    told(command, many)  # whatever has become of the cache meanwhile
    more, less = counter(command, many), counter(command, one)
    if more is None or less is None:
        return None
    return {what: (more.get(what, 0) - less.get(what, 0)) / (corpus.SAMPLE - 1) for what in more | less}


def perf(command: list[str], tree: str) -> Counts | None:
    said = told(["perf", "stat", "-x,", "-e", "instructions:u", *command], tree)
    return instructions_in(said, r"^(\d+),[^,]*,instructions")


def callgrind(command: list[str], tree: str) -> Counts | None:
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    return instructions_in(told([*tool, *command], tree), r"Collected : (\d+)")


def instructions_in(said: str | None, pattern: str) -> Counts | None:
    found = said and re.search(pattern, said, re.MULTILINE)
    return {INSTRUCTIONS: int(found[1])} if found else None


def strace(command: list[str], tree: str) -> Counts | None:
    """Each kind of call, and all that do not just wait."""
    said = told(["strace", "-f", "-c", "-U", "calls,name", *command], tree)
    if said is None:
        return None
    counts = {name: int(calls) for calls, name in re.findall(r"^ *(\d+) (\w+)$", said, re.MULTILINE)}
    del counts["total"]
    return counts | {CALLS: sum(calls for name, calls in counts.items() if name not in WAITING)}


def told(command: list[str], tree: str) -> str | None:
    """What a tool says on standard error of a program that ended well."""
    if not shutil.which(command[0]):
        return None
    said = subprocess.run(command, cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    return None if said.returncode else said.stderr.decode(errors="replace")


if __name__ == "__main__":
    main()
