"""Bars of ratios as SVG, in the hand of the trees' pictures: it is given numbers and titles, and knows no contender."""
import dataclasses
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../trees"))

from chart import INK, MUTED, document, legend, line, rect, text

MET, MISSED, KNOWN = "#5a8f3c", "#c2410c", "#5b7fa6"
LABELS, SCALE, RIGHT = 380, 360, 60
BAR, HEAD, GAP, TOP = 19, 24, 10, 84
END, STEP = 2.0, 0.25  # of the axis; what is more is cut off there, and the figure beside it says how much it is


@dataclasses.dataclass
class Bar:
    title: str
    ratio: float
    goal: float | None
    note: str

    @property
    def colour(self) -> str:
        if self.goal is None:
            return KNOWN
        return MET if self.ratio <= self.goal else MISSED


@dataclasses.dataclass
class Panel:
    title: str
    bars: list[Bar]


def draw(title: str, panels: list[Panel]) -> str:
    """One panel below the other, all on one linear scale from zero, the peer at 1."""
    bottom = TOP + sum(HEAD + BAR * len(panel.bars) + GAP for panel in panels)
    parts = [text(20, 28, title, 17)]
    parts += legend(20, 54, [(MET, "goal met"), (MISSED, "goal missed"), (KNOWN, "no goal"), (INK, "the goal (mark)")])
    parts += axis(bottom)
    top = TOP
    for panel in panels:
        parts.append(text(20, top + 16, panel.title, 13, more="font-weight='bold'"))
        top += HEAD
        for bar in panel.bars:
            parts += one_bar(top, bar)
            top += BAR
        top += GAP
    return document(LABELS + SCALE + RIGHT, bottom + 48, parts)


def axis(bottom: float) -> list[str]:
    parts = []
    for tick in range(round(END / STEP) + 1):
        value = tick * STEP
        stroke = (MUTED, 1.5) if value == 1 else ("#ddd", 1)
        parts += [line(across(value), TOP, across(value), bottom + 4, *stroke),
                  text(across(value), bottom + 17, f"{value:g}", 11, "middle", MUTED)]
    return [*parts, text(across(END / 2), bottom + 34, "× the peer's time: less is better", 11, "middle", MUTED)]


def one_bar(top: float, bar: Bar) -> list[str]:
    width = across(min(bar.ratio, END)) - LABELS
    parts = [
        text(LABELS - 8, top + 13.5, bar.title, 11, "end"),
        rect(LABELS, top + 3, max(width, 1), BAR - 6, bar.colour),
        text(across(END) + 10, top + 13.5, bar.note, 11),
    ]
    if bar.goal is not None:
        parts.append(rect(across(bar.goal) - 1, top + 1, 2, BAR - 2, INK))
    return parts


def across(ratio: float) -> float:
    return LABELS + SCALE * ratio / END
