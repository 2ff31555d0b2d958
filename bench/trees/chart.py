"""SVG without a library: bars of throughput, lines of growth. It is given numbers and titles, and knows no contender
but by its kind and place."""
import dataclasses
import math
from html import escape

FONT = "font-family='Helvetica, Arial, sans-serif'"
INK, MUTED, GRID = "#222", "#666", "#ddd"
COLOURS = {"ours": "#c2410c", "peer": "#5b7fa6", "other": "#8aa88a", "floor": "#b8b8b8"}
MEANING = {
    "ours": "md5all",
    "peer": "peers (MD5)",
    "other": "another digest",
    "floor": "floor: reading without hashing",
}
LINES = ["#c2410c", "#2f6690", "#5a8f3c", "#7a5195"]


@dataclasses.dataclass
class Bar:
    title: str
    kind: str
    value: float
    note: str


@dataclasses.dataclass
class BarPanel:
    title: str
    unit: str
    bars: list[Bar]


@dataclasses.dataclass
class LinePanel:
    title: str
    x: str  # what the axis shows, with its unit
    y: str
    ticks: list[tuple[float, str]]  # of x
    series: dict[str, list[tuple[float, float]]]


def text(x: float, y: float, words: str, size: int = 12, anchor: str = "start", fill: str = INK, more: str = "") -> str:
    return (f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' fill='{fill}' {more}>"
            f"{escape(words)}</text>")


def line(x1: float, y1: float, x2: float, y2: float, stroke: str = GRID, width: float = 1) -> str:
    return (f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{stroke}' "
            f"stroke-width='{width}'/>")


def rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}' fill='{fill}'/>"


def document(width: float, height: float, parts: list[str]) -> str:
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height:.0f}' width='{width:.0f}' {FONT}>"
    return "\n".join([head, rect(0, 0, width, height, "#fff"), *parts, "</svg>"]) + "\n"


def legend(x: float, y: float, entries: list[tuple[str, str]]) -> list[str]:
    parts = []
    for colour, title in entries:
        parts += [rect(x, y - 10, 12, 12, colour), text(x + 18, y, title)]
        x += 40 + 6.6 * len(title)
    return parts


# Bars: a panel a tree, each with its own linear scale from zero.

PANEL, LABELS, SCALE, BAR, HEAD, FOOT = 690, 250, 270, 19, 34, 44


def bars(title: str, panels: list[BarPanel]) -> str:
    """Panels in two columns, the fastest bar of each on top."""
    columns = min(2, len(panels))
    parts = [text(20, 28, title, 17)]
    kinds = [kind for kind in MEANING if any(bar.kind == kind for panel in panels for bar in panel.bars)]
    parts += legend(20, 54, [(COLOURS[kind], MEANING[kind]) for kind in kinds])
    top = 74.0
    for at in range(0, len(panels), columns):
        side = panels[at : at + columns]
        for column, panel in enumerate(side):
            parts += bar_panel(20 + column * PANEL, top, panel)
        top += HEAD + FOOT + BAR * max(len(panel.bars) for panel in side) + 12
    return document(columns * PANEL + 20, top, parts)


def bar_panel(left: float, top: float, panel: BarPanel) -> list[str]:
    zero, first = left + LABELS, top + HEAD
    bottom = first + BAR * len(panel.bars)
    step, end = linear_axis(max(bar.value for bar in panel.bars))
    parts = [text(left, top + 18, panel.title, 14, more="font-weight='bold'")]
    for tick in range(round(end / step) + 1):
        x = zero + SCALE * tick * step / end
        parts += [line(x, first, x, bottom + 4), text(x, bottom + 17, f"{tick * step:g}", 11, "middle", MUTED)]
    parts.append(text(zero + SCALE / 2, bottom + 33, panel.unit, 11, "middle", MUTED))
    for row, bar in enumerate(sorted(panel.bars, key=lambda bar: -bar.value)):
        parts += one_bar(zero, first + row * BAR, bar, SCALE * bar.value / end)
    return parts


def one_bar(zero: float, top: float, bar: Bar, width: float) -> list[str]:
    weight = "font-weight='bold'" if bar.kind == "ours" else ""
    return [
        text(zero - 8, top + 13.5, bar.title, 12, "end", more=weight),
        rect(zero, top + 3, max(width, 1), BAR - 6, COLOURS[bar.kind]),
        text(zero + width + 6, top + 13.5, bar.note, 11, fill=INK, more=weight),
    ]


def linear_axis(most: float) -> tuple[float, float]:
    """The step of the ticks, and the last of three to six that reaches `most`."""
    power = 10 ** math.floor(math.log10(most / 3))
    step = next(power * n for n in (1, 2, 5, 10) if most / (power * n) <= 5)
    return step, step * math.ceil(most / step)


# Lines: both scales logarithmic.

WIDTH, HEIGHT, LEFT, GAP = 330, 300, 70, 40


def lines(title: str, panels: list[LinePanel]) -> str:
    names = list(dict.fromkeys(name for panel in panels for name in panel.series))
    colours = dict(zip(names, LINES))
    parts = [text(20, 28, title, 17), *legend(20, 54, [(colours[name], name) for name in names])]
    for column, panel in enumerate(panels):
        parts += line_panel(LEFT + column * (WIDTH + LEFT + GAP), 100, panel, colours)
    return document(len(panels) * (WIDTH + LEFT + GAP), 100 + HEIGHT + 60, parts)


def line_panel(left: float, top: float, panel: LinePanel, colours: dict[str, str]) -> list[str]:
    points = [point for series in panel.series.values() for point in series]
    across = log_scale([x for x, _ in points], left, left + WIDTH, 0.04)
    low, high = decades([y for _, y in points])
    up = log_scale([low, high], top + HEIGHT, top, 0)
    parts = [text(left, top - 14, panel.title, 14, more="font-weight='bold'")]
    parts += y_axis(left, up, low, high) + x_axis(top + HEIGHT, across, panel.ticks)
    parts.append(text(left + WIDTH / 2, top + HEIGHT + 40, panel.x, 12, "middle", MUTED))
    middle = top + HEIGHT / 2
    parts.append(text(left - 48, middle, panel.y, 12, "middle", MUTED, f"transform='rotate(-90 {left - 48} {middle})'"))
    for name, series in reversed(panel.series.items()):  # the first, ours, on top
        parts += curve([(across(x), up(y)) for x, y in series], colours[name])
    return parts


def curve(points: list[tuple[float, float]], colour: str) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' fill='{colour}'/>" for x, y in points]
    return [f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>", *dots]


def y_axis(left: float, up, low: float, high: float) -> list[str]:
    parts = []
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        y = up(10.0**power)
        parts += [line(left, y, left + WIDTH, y), text(left - 8, y + 4, f"{10.0**power:,g}", 11, "end", MUTED)]
        parts += [line(left, up(n * 10.0**power), left + 4, up(n * 10.0**power), MUTED)
                  for n in range(2, 10) if n * 10.0**power < high]
    return parts


def x_axis(bottom: float, across, ticks: list[tuple[float, str]]) -> list[str]:
    parts = []
    for value, label in ticks:
        x = across(value)
        parts += [line(x, bottom - HEIGHT, x, bottom + 4), text(x, bottom + 18, label, 11, "middle", MUTED)]
    return parts


def log_scale(values: list[float], start: float, end: float, margin: float):
    low, high = math.log(min(values)), math.log(max(values))
    span = (high - low) or 1
    inner, origin = (end - start) * (1 - 2 * margin), start + (end - start) * margin
    return lambda value: origin + inner * (math.log(value) - low) / span


def decades(values: list[float]) -> tuple[float, float]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return 10.0**low, 10.0 ** max(high, low + 1)
