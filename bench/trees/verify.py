"""Trees against their manifests: what is run and how it is seen to be right, and the page of what came of it.

The manifests are md5all's own, made anew from the tree; for an update, facts are in it as csv has them.
"""
import contextlib
import dataclasses
import os
import shlex
import subprocess

from contenders import Contender, shell
from measure import Agreement
from report import COLUMNS, Page, faster_than, times

FILES = 1_000_000  # that have not changed since their manifest was made
SIZE = 100
BATCH = 512  # lines of a list for one md5sum of two at once


@dataclasses.dataclass
class Manifests:
    """Of one tree; they lie beside it."""

    gnu: str
    csv: str


@contextlib.contextmanager
def manifests(ours: Contender, tree: str, into: str):
    """Both, made by md5all, and removed on leaving."""
    made = Manifests(os.path.join(into, "manifest.md5"), os.path.join(into, "manifest.csv"))
    try:
        for path, form in [(made.gnu, "gnu"), (made.csv, "csv")]:
            subprocess.run([*ours.command, "-o", path, "--format", form], cwd=tree, check=True)
        yield made
    finally:
        for path in (made.gnu, made.csv):
            if os.path.exists(path):
                os.unlink(path)


MD5SUM = Contender("md5sum-c", "md5sum -c", ["md5sum", "-c"], None, needs=["md5sum"], version=["md5sum", "--version"])
MD5SUM_TWICE = Contender("md5sum-c-P2", f"md5sum -c, xargs -P2 -n{BATCH}", [], None,
                         needs=["xargs", "md5sum"], version=["xargs", "--version"])
FIND = Contender("find", "find -printf of the same facts", ["find", ".", "-type", "f", "-printf", r"%s %T@ %C@ %i %p\n"],
                 None, needs=["find"], version=["find", "--version"])
PEERS = [MD5SUM, MD5SUM_TWICE, FIND]
TREES = ["small", "medium", "real", "unchanged"]


def checking(ours: Contender, made: Manifests) -> list[Contender]:
    """Who is timed on a tree and its manifest."""
    program = ours.command[0]
    one_of_two = 'printf "%s\\n" "$@" | md5sum -c'
    twice = f"xargs -P2 -n{BATCH} -d'\\n' sh -c {shlex.quote(one_of_two)} sh < {shlex.quote(made.gnu)}"
    return [
        ours,
        Contender("check", "md5all -c", [program, "-c", made.gnu], None, kind="ours"),
        Contender("audit", "md5all audit", [program, "audit", made.gnu, "."], None, kind="ours"),
        dataclasses.replace(MD5SUM, command=[*MD5SUM.command, made.gnu]),
        dataclasses.replace(MD5SUM_TWICE, command=shell(twice)),
    ]


def updating(ours: Contender, made: Manifests) -> list[Contender]:
    """Who is timed on a tree that is as its manifest says."""
    command = [ours.command[0], "update", made.csv, "."]
    return [Contender("md5all", "md5all update", command, None, kind="ours"), FIND]


def agreement(contender: Contender, output: list[bytes], files: int) -> Agreement:
    """Whether every file was found to be well."""
    match contender.name:
        case "check" | "md5sum-c" | "md5sum-c-P2":
            well = sum(line.endswith(b": OK\n") for line in output)
        case "find":
            well = len(output)
        case _:
            return Agreement(known=False)  # the exit status says it
    return Agreement(files=well, missing=max(0, files - well), extra=max(0, well - files))


PAGE = Page("VERIFY.md", f"""\
# Results of verifying

Written by `bench/trees/run --verify`. The manifest of each tree was made by md5all before; nothing has changed since.
Every contender ran once a round, each round began with another one, and figures are medians over the rounds, hot cache.
Seconds are those of the whole process from fork to exit, output to /dev/null. `unchanged` is {FILES:,} files of
{SIZE} bytes with a manifest in csv, which has the facts that an update goes by.
""", COLUMNS, [
    ("small: md5all -c / hashing", "≤ 1.1", times("small", "check", "md5all", 1.1)),
    ("medium: md5all -c / hashing", "≤ 1.1", times("medium", "check", "md5all", 1.1)),
    ("small: md5sum -c / md5all -c", "≥ 2.5", faster_than("small", "md5sum-c", 2.5, "check")),
    ("medium: md5sum -c / md5all -c", "≥ 5", faster_than("medium", "md5sum-c", 5, "check")),
    ("real: audit / hashing", "≤ 1.1", times("real", "audit", "md5all", 1.1)),
    ("unchanged: update / find -printf", "≤ 1.2", times("unchanged", "md5all", "find", 1.2)),
])
