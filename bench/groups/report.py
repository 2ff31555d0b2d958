"""RESULTS.md and its picture, from what was measured. Nothing is measured here."""
import dataclasses
import os
import statistics

import picture
from workloads import Case, Pair, Section

MB = 1_000_000


@dataclasses.dataclass
class Run:
    time: float  # nanoseconds of one operation
    peak: int  # bytes


@dataclasses.dataclass
class Verdict:
    """What a pair came to. Without a peer, the two ratios are nanoseconds."""

    section: Section
    pair: Pair
    median: float
    best: float

    @property
    def met(self) -> bool | None:
        return None if self.pair.goal is None else self.median <= self.pair.goal

    @property
    def title(self) -> str:
        """Ours, and the peer if there is one."""
        titles = [self.section.case(name).title for name in (self.pair.ours, self.pair.peer) if name]
        return " / ".join(titles)


@dataclasses.dataclass
class Results:
    facts: list[tuple[str, str]]  # of the machine and the run
    sections: list[Section]
    runs: dict[tuple[str, str], list[Run]] = dataclasses.field(default_factory=dict)  # by section and case

    def add(self, section: Section, case: Case, run: Run) -> None:
        self.runs.setdefault((section.name, case.name), []).append(run)

    def of(self, section: Section, name: str) -> list[Run]:
        return self.runs.get((section.name, name), [])

    def median(self, section: Section, name: str) -> float:
        return statistics.median(run.time for run in self.of(section, name))

    def best(self, section: Section, name: str) -> float:
        return min(run.time for run in self.of(section, name))

    def verdict(self, section: Section, pair: Pair) -> Verdict | None:
        """None if either did not run."""
        if not all(self.of(section, name) for name in (pair.ours, pair.peer) if name):
            return None

        def ratio(figure) -> float:
            return figure(section, pair.ours) / (figure(section, pair.peer) if pair.peer else 1)

        return Verdict(section, pair, ratio(self.median), ratio(self.best))

    def verdicts(self, section: Section) -> list[Verdict]:
        found = (self.verdict(section, pair) for pair in section.pairs)
        return [verdict for verdict in found if verdict]


def write(results: Results, into: str) -> None:
    os.makedirs(into, exist_ok=True)
    save(into, "RESULTS.md", markdown(results))
    save(into, "ratios.svg", ratios(results))


def save(into: str, name: str, content: str) -> None:
    with open(os.path.join(into, name), "w", encoding="utf-8") as out:
        out.write(content)


INTRODUCTION = """\
# Results

Written by `bench/groups/run`. How to read it:

* Every figure is a process of its own: it warms up with a tenth of the work, times all of it, and checks afterwards that
  every task ran. A round calls each contender once, those that are compared one after the other, and begins with
  another one each time. `best` and `median` are over the rounds.
* A ratio is our time divided by the peer's: below 1 we are faster. One is of the medians, one of the bests. A goal is
  met or missed by the medians; where the two ratios lie far apart, something else ran on the machine.
* A no-op task sets one byte of its own, by which it is told that it ran. What Go, tokio and rayon do for a task is not
  the same: rayon's must not block and cannot fail, a TaskTracker gives no outcome.
* Nanoseconds drift from machine to machine and from day to day: quote ratios.
"""


def markdown(results: Results) -> str:
    return "\n".join([INTRODUCTION, table(["", ""], results.facts), "## Ratios\n",
                      "![ratios of ours to its peers](ratios.svg)\n", tables(results)])


def tables(results: Results) -> str:
    return "\n".join(["## Goals\n", goals(results), *(section_tables(results, section) for section in results.sections)])


def goals(results: Results) -> str:
    rows = []
    for section in results.sections:
        for pair in section.pairs:
            if pair.goal is not None:
                rows.append([section.title, *goal_row(results, section, pair)])
    return table(["", "ours / peer", "medians", "bests", "goal", ""], rows, right=2)


def goal_row(results: Results, section: Section, pair: Pair) -> list[str]:
    if verdict := results.verdict(section, pair):
        return verdict_row(verdict)
    return [Verdict(section, pair, 0, 0).title, "–", "–", goal(pair), "not measured"]


def section_tables(results: Results, section: Section) -> str:
    heads = ["", f"median {section.unit}", "best"] + (["peak MB"] if section.memory else [])
    figures = [figure_row(results, section, case) for case in section.cases if results.of(section, case.name)]
    parts = [f"## {section.title}\n", section.note and f"{section.note}\n", table(heads, figures, right=1)]
    if found := [verdict_row(verdict) for verdict in results.verdicts(section)]:
        parts.append(table(["ours / peer", "medians", "bests", "goal", ""], found, right=1))
    return "\n".join(filter(None, parts))


def figure_row(results: Results, section: Section, case: Case) -> list[str]:
    row = [case.title, number(results.median(section, case.name)), number(results.best(section, case.name))]
    if section.memory:
        row.append(f"{max(run.peak for run in results.of(section, case.name)) / MB:.1f}")
    return row


def verdict_row(verdict: Verdict) -> list[str]:
    said = {None: "", True: "met", False: "**missed**"}[verdict.met]
    unit = "" if verdict.pair.peer else " ns"
    return [verdict.title, ratio(verdict.median) + unit, ratio(verdict.best) + unit, goal(verdict.pair), said]


def goal(pair: Pair) -> str:
    if pair.goal is None:
        return ""
    return f"≤ {pair.goal:g}" + ("" if pair.peer else " ns")


def number(time: float) -> str:
    return f"{time:,.0f}" if time >= 100 else f"{time:.1f}" if time >= 10 else f"{time:.2f}"


def ratio(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def table(heads: list[str], rows: list, right: int | None = None) -> str:
    """Columns from `right` on are aligned to the right."""
    rules = ["---:" if right is not None and column >= right else "---" for column in range(len(heads))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, rules, *rows]) + "\n"


def ratios(results: Results) -> str:
    panels = []
    for section in results.sections:
        bars = [picture.Bar(verdict.title, verdict.median, verdict.pair.goal, ratio(verdict.median))
                for verdict in results.verdicts(section) if verdict.pair.peer]
        if bars:
            panels.append(picture.Panel(section.title, bars))
    return picture.draw("errgroup beside its peers: our time divided by theirs", panels)
