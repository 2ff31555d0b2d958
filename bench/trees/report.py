"""The pages and the pictures, from what was measured. Nothing is measured here.

RESULTS.md, with its pictures, is for hot caches; COLD.md and DISTANT.md are made of the same parts.
"""
import dataclasses
import os
from collections.abc import Callable

import chart
from measure import Row

MB = 1_000_000

WHAT = {
    "small": "0.2–8 KB a file",
    "medium": "1 MiB a file",
    "large": "768 MiB a file",
    "real": "a copy of /usr/lib and /usr/share",
    "one": "one file of 4 GiB",
    "wide": "16 KiB a file, 20 directories",
    "nested": "16 KiB a file, 200 directories on the third level",
    "unchanged": "100 B a file",
}

GB_S, MB_S = ("GB/s", 1e9, ".2f"), ("MB/s", 1e6, ".1f")  # title, bytes a second, digits


@dataclasses.dataclass
class Measured:
    """A tree and all that was timed on it."""

    name: str
    files: int
    size: int
    rows: list[Row]

    def row(self, name: str) -> Row | None:
        return next((row for row in self.rows if row.contender.name == name), None)

    @property
    def ours(self) -> Row:
        return self.row("md5all")

    @property
    def best_peer(self) -> Row | None:
        peers = [row for row in self.rows if row.contender.kind == "peer" and row.agreement.sound]
        return min(peers, key=lambda row: row.wall, default=None)


@dataclasses.dataclass
class Results:
    facts: list[tuple[str, str]]  # of the machine and the run
    versions: list[tuple[str, str]]
    trees: list[Measured] = dataclasses.field(default_factory=list)
    by_count: list[Measured] = dataclasses.field(default_factory=list)
    by_size: list[Measured] = dataclasses.field(default_factory=list)
    counter: str | None = None  # None: not asked for, "": no way to
    instructions: dict[str, int | None] = dataclasses.field(default_factory=dict)

    def tree(self, name: str) -> Measured | None:
        return next((tree for tree in self.trees if tree.name == name), None)


def write(results: Results, into: str) -> None:
    os.makedirs(into, exist_ok=True)
    save(into, "RESULTS.md", markdown(results))
    if results.trees:
        save(into, "throughput.svg", throughput(results))
    if results.by_count or results.by_size:
        save(into, "growth.svg", growth(results))


def save(into: str, name: str, content: str) -> None:
    with open(os.path.join(into, name), "w", encoding="utf-8") as out:
        out.write(content)


# The page.


def markdown(results: Results) -> str:
    parts = [INTRODUCTION, table(["", ""], results.facts), "## Goals\n", goals(results)]
    if results.trees:
        parts += ["## Trees\n", TREES_NOTE, *map(tree_section, results.trees)]
    if results.by_count or results.by_size:
        parts += ["## Growth\n", "![time by number and size of files](growth.svg)\n"]
    if results.by_count:
        parts += ["Files of 1 KiB:\n", growth_table(
            results.by_count, "files", lambda tree: f"{tree.files:,}",
            "µs a file", lambda tree, row: f"{row.wall / tree.files * 1e6:.1f}")]
    if results.by_size:
        parts += ["About 1 GiB in all, but at most 20,000 files:\n", growth_table(
            results.by_size, "files", lambda tree: f"{tree.files:,} × {size_label(tree)}",
            "GB/s", lambda tree, row: f"{tree.size / row.wall / 1e9:.2f}")]
    parts += ["## Instructions a small file\n", instructions(results)]
    parts += ["## Versions\n", table(["", ""], results.versions)]
    return "\n".join(parts)


@dataclasses.dataclass
class Page:
    """What there is to say about trees that are not in the cache."""

    file: str
    introduction: str
    note: str  # on the tables
    goals: list[tuple[str, str, Callable]]


def write_page(page: Page, results: Results, into: str) -> None:
    os.makedirs(into, exist_ok=True)
    parts = [page.introduction, table(["", ""], results.facts), "## Goals\n", goals(results, page.goals)]
    parts += ["## Trees\n", page.note, *(tree_section(tree, MB_S) for tree in results.trees)]
    parts += ["## Versions\n", table(["", ""], results.versions)]
    save(into, page.file, "\n".join(parts))


INTRODUCTION = """\
# Results

Written by `bench/trees/run`. Every contender ran once a round, each round began with another one, and figures are
medians over the rounds, hot cache. Seconds are those of the whole process from fork to exit, output to /dev/null. Times
drift from run to run: what counts is the ratios.
"""

COLUMNS = """\
`× ours` is how many times as long as md5all it took. CPU is user and system time with all children. The peak is the
largest over the rounds, of the largest process where there are several (xargs). `digests` compares with md5sum's,
sorted: `missing` files were not printed (or under a name that is not theirs), `more` are links that were followed.
The best peer is the fastest with no digest wrong and at most one file in a hundred missing.
"""

TREES_NOTE = "![throughput](throughput.svg)\n\n" + COLUMNS


def table(heads: list[str], rows: list, right: int | None = None) -> str:
    """Columns from `right` on are aligned to the right."""
    rules = ["---:" if right is not None and column >= right else "---" for column in range(len(heads))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, rules, *rows]) + "\n"


def tree_section(tree: Measured, unit: tuple[str, float, str] = GB_S) -> str:
    heads = ["", "wall s", "best s", "user + sys s", unit[0], "peak MB", "× ours", "digests"]
    rows = sorted(tree.rows, key=lambda row: row.wall)
    return f"### {heading(tree)}\n\n" + table(heads, [tree_row(row, tree, unit) for row in rows], right=1)


def heading(tree: Measured) -> str:
    files = f"{tree.files:,} files, " if tree.files > 1 else ""
    return f"{tree.name}: {files}{WHAT[tree.name]}, {tree.size / 1e9:.2f} GB"


def tree_row(row: Row, tree: Measured, unit: tuple[str, float, str]) -> list[str]:
    bold = "**" if row.contender.kind == "ours" else ""
    cpu = f"{row.median('user'):.2f} + {row.median('system'):.2f}"
    failed = sum(run.status != 0 for run in row.runs)
    digests = str(row.agreement) + (" (exit status not 0)" if failed else "")
    return [f"{bold}{cell(row.contender.title)}{bold}", f"{bold}{row.wall:.3f}{bold}", f"{row.best:.3f}", cpu,
            format(tree.size / row.wall / unit[1], unit[2]), f"{row.peak / MB:.1f}", f"{row.wall / tree.ours.wall:.2f}",
            digests]


def cell(words: str) -> str:
    return words.replace("|", "\\|")


def growth_table(trees: list[Measured], first: str, label, unit: str, figure) -> str:
    """Three columns for each contender: seconds, `figure` of a tree and a row in `unit`, peak."""
    heads = [first]
    for row in trees[0].rows:
        heads += [f"{row.contender.name}: s", unit, "peak MB"]
    rows = []
    for tree in trees:
        each = [[f"{row.wall:.3f}", figure(tree, row), f"{row.peak / MB:.1f}"] for row in tree.rows]
        rows.append([label(tree), *(one for three in each for one in three)])
    return table(heads, rows, right=0)


def instructions(results: Results) -> str:
    if results.counter is None:
        return "Not measured in this run.\n"
    if not results.counter:
        return "Not measured: perf counts no instructions here, and there is no callgrind.\n"
    note = f"In user space, counted by {results.counter}: 2,000 files of `small` less one file, a file.\n"
    counts = [[title, "not measured" if count is None else f"{count:,}"]
              for title, count in results.instructions.items()]
    return note + "\n" + table(["", "instructions"], counts, right=1)


# The goals: each is a name, what is wanted, and a function from the results to (figure, met), or None.


def goals(results: Results, wished: list[tuple[str, str, Callable]] | None = None) -> str:
    rows = [[name, wanted, *verdict(reached(results))] for name, wanted, reached in wished or GOALS]
    return table(["", "goal", "reached", ""], rows)


def verdict(reached: tuple[str, bool] | None) -> tuple[str, str]:
    if not reached:
        return "not measured", ""
    return reached[0], "met" if reached[1] else "**missed**"


def faster_than_best(name: str, goal: float):
    def reached(results: Results):
        tree = results.tree(name)
        if not tree or not tree.best_peer:
            return None
        ratio = tree.best_peer.wall / tree.ours.wall
        return f"{ratio:.2f} × ({cell(tree.best_peer.contender.title)})", ratio >= goal
    return reached


def near_floor(name: str, floor: str, goal: float):
    return times(name, "md5all", floor, goal)


def faster_than(name: str, peer: str, goal: float, ours: str = "md5all"):
    def reached(results: Results):
        tree = results.tree(name)
        if not tree or not tree.row(peer):
            return None
        ratio = tree.row(peer).wall / tree.row(ours).wall
        return f"{ratio:.2f} ×", ratio >= goal
    return reached


def times(name: str, one: str, other: str, goal: float):
    """So many times as long as the other may it take."""
    def reached(results: Results):
        tree = results.tree(name)
        if not tree:
            return None
        ratio = tree.row(one).wall / tree.row(other).wall
        return f"{ratio:.2f} ×", ratio <= goal
    return reached


LINEAR = 1.2  # a file among a million may cost this many times a file among 10,000


def linear(results: Results):
    costs = {tree.files: tree.ours.wall / tree.files for tree in results.by_count}
    if not {10_000, 1_000_000} <= costs.keys():
        return None
    ratio = costs[1_000_000] / costs[10_000]
    return f"{costs[1_000_000] * 1e6:.2f} s; a file costs {ratio:.2f} × one of 10⁴", ratio <= LINEAR


def million_memory(results: Results):
    tree = next((tree for tree in results.by_count if tree.files == 1_000_000), None)
    return tree and (f"{tree.ours.peak / MB:.1f} MB", tree.ours.peak <= 100 * MB)


GOALS = [
    ("small: best peer / ours", "≥ 2.3", faster_than_best("small", 2.3)),
    ("small: ours / floor", "≤ 1.05", near_floor("small", "floor-2", 1.05)),
    ("medium: best peer / ours", "≥ 5.5", faster_than_best("medium", 5.5)),
    ("large: best peer / ours", "≥ 2", faster_than_best("large", 2)),
    ("real: best peer / ours", "≥ 4.5", faster_than_best("real", 4.5)),
    ("one file of 4 GiB: openssl md5 / ours", "≥ 1.0", faster_than("one", "openssl", 1.0)),
    ("a million files: time", f"linear from 10⁴ (here: ≤ {LINEAR} × a file)", linear),
    ("a million files: peak memory", "≤ 100 MB", million_memory),
]


# The pictures.


def throughput(results: Results) -> str:
    panels = [chart.BarPanel(heading(tree), "GB/s, from zero; each panel has its own scale",
                             [bar(row, tree) for row in tree.rows]) for tree in results.trees]
    return chart.bars("MD5 of a tree, hot cache: throughput", panels)


def bar(row: Row, tree: Measured) -> chart.Bar:
    speed = tree.size / row.wall / 1e9
    title = row.contender.title.removesuffix(" (another digest)")
    return chart.Bar(title, row.contender.kind, speed, f"{speed:.2f} GB/s, {row.wall:.2f} s")


def growth(results: Results) -> str:
    panels = []
    if results.by_count:
        ticks = [(tree.files, f"{tree.files:,}") for tree in results.by_count]
        series = curves(results.by_count, lambda tree: tree.files, lambda tree, wall: wall)
        panels.append(chart.LinePanel("Files of 1 KiB", "files", "seconds", ticks, series))
    if results.by_size:
        ticks = [(a_file(tree), size_label(tree)) for tree in results.by_size[::2]]
        each = curves(results.by_size, a_file, lambda tree, wall: wall / tree.files * 1e3)
        speed = curves(results.by_size, a_file, lambda tree, wall: tree.size / wall / 1e9)
        panels.append(chart.LinePanel("Time of a file", "size of a file", "milliseconds a file", ticks, each))
        panels.append(chart.LinePanel("Throughput", "size of a file", "GB/s", ticks, speed))
    return chart.lines("How time grows, hot cache (both scales logarithmic)", panels)


def curves(trees: list[Measured], across, up) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for tree in trees:
        for row in tree.rows:
            found.setdefault(row.contender.title, []).append((across(tree), up(tree, row.wall)))
    return found


def a_file(tree: Measured) -> int:
    return tree.size // tree.files


def size_label(tree: Measured) -> str:
    size, unit = a_file(tree), iter(["B", "KiB", "MiB", "GiB"])
    name = next(unit)
    while size >= 1024:
        size, name = size // 1024, next(unit)
    return f"{size} {name}"
