"""Nothing in the cache: how the machine is put into that state before each run, and the page of what came of it."""
import os

from report import COLUMNS, Page, faster_than_best, near_floor

CACHES = "/proc/sys/vm/drop_caches"  # see proc_sys_vm(5)
ALL = "3"  # pages, and the entries and inodes of directories


def insist() -> None:
    """Ends the program unless it may empty the caches; changes nothing."""
    try:
        os.close(os.open(CACHES, os.O_WRONLY))
    except OSError as error:
        raise SystemExit(f"trees: --cold has to empty the kernel's caches, and may not: {CACHES}: {error.strerror}; "
                         "it takes root, on the machine itself") from error


def empty_caches() -> None:
    os.sync()  # what is dirty stays
    with open(CACHES, "w", encoding="ascii") as caches:
        caches.write(ALL)


PAGE = Page("COLD.md", """\
# Cold results

Written by `bench/trees/run --cold`. Before each run `sync`, and all caches of the kernel emptied: pages, directory
entries, inodes; the programs themselves were read from the disk too. Every contender ran once a round, each round began
with another one, and figures are medians over the rounds. Seconds are those of the whole process from fork to exit,
output to /dev/null. A disk that is not here but in another machine has caches that nobody can empty from here: what
counts is the ratios.
""", COLUMNS + """
The floor walks first, in one thread, and then reads with so many.
""", [
    ("small: best peer / ours", "≥ 2.6", faster_than_best("small", 2.6)),
    ("small: ours / floor of 64 readers", "≤ 1.08", near_floor("small", "floor-64", 1.08)),
    ("real: ours / floor of 64 readers", "≤ 1.08", near_floor("real", "floor-64", 1.08)),
    ("medium: best peer / ours", "≥ 1.0", faster_than_best("medium", 1.0)),
    ("medium: ours / floor of 16 readers", "≤ 1.05", near_floor("medium", "floor-16", 1.05)),
])
