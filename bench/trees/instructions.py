"""How many instructions a program spends on a small file: those for 2,000 files, less those for one.

Counted by the processor (perf) where it lets us, else by callgrind; in user space, as neither sees the kernel here.
"""
import os
import re
import shutil
import subprocess

import corpus
from contenders import Contender


def a_small_file(contenders: list[Contender], small: str, root: str) -> tuple[str, dict[str, int | None]]:
    """The way it was counted ("" if there is none), and the instructions of each contender."""
    counter = next((way for way in (perf, callgrind) if way(["true"], root) is not None), None)
    if not counter:
        return "", {}
    many, one = os.path.join(root, "many"), os.path.join(root, "single")
    try:
        corpus.sample(small, many)
        corpus.write(root, "single", 1, lambda rng: 4096, 1)
        return counter.__name__, {c.title: between(counter, c.command, many, one) for c in contenders}
    finally:
        corpus.remove(many)
        corpus.remove(one)


def between(counter, command: list[str], many: str, one: str) -> int | None:
    more, less = counter(command, many), counter(command, one)
    if more is None or less is None:
        return None
    return round((more - less) / (corpus.count(many)[0] - 1))


def perf(command: list[str], tree: str) -> int | None:
    return counted(["perf", "stat", "-x,", "-e", "instructions:u", *command], tree, r"^(\d+),[^,]*,instructions")


def callgrind(command: list[str], tree: str) -> int | None:
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    return counted([*tool, *command], tree, r"Collected : (\d+)")


def counted(command: list[str], tree: str, pattern: str) -> int | None:
    if not shutil.which(command[0]):
        return None
    said = subprocess.run(command, cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    found = re.search(pattern, said.stderr.decode(errors="replace"), re.MULTILINE)
    return int(found[1]) if found and said.returncode == 0 else None
