"""A chart as SVG text: a row for each scenario, a mark for each client, further right is cheaper.

The axis is logarithmic: twice as cheap is as far from the baseline as twice as dear.
"""

from __future__ import annotations

import math
from html import escape

from scenarios import GROUPS, SCENARIOS

WIDTH, LEFT, RIGHT, TOP, ROW, HEADING = 960, 290, 76, 116, 23, 40
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
TITLE = "How many times less than urllib3 2.8.0"
SUBTITLE = "CPU time of the client, or memory where it says so. To the right of 1 is cheaper."
STYLE = """
svg { --back: #ffffff; --text: #1f2937; --soft: #6b7280; --grid: #e5e7eb; --band: #f3f4f6;
  --ours: #1d4ed8; --a: #b45309; --b: #be185d; --c: #0f766e; --d: #7e22ce; --e: #4b5563 }
@media (prefers-color-scheme: dark) {
  svg { --back: #0d1117; --text: #e6edf3; --soft: #9198a1; --grid: #2a313c; --band: #161b22;
    --ours: #6ea8fe; --a: #f0a35e; --b: #f178b6; --c: #4fd1c5; --d: #c89bff; --e: #adb5bd }
}
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif;
  fill: var(--text) }
.title { font-size: 18px; font-weight: 650 } .group { font-weight: 650 }
.soft { fill: var(--soft); font-size: 12px } .figure { fill: var(--ours); font-weight: 650 }
.back { fill: var(--back) } .band { fill: var(--band) }
.grid { stroke: var(--grid) } .base { stroke: var(--soft); stroke-width: 1.5 }
.reach { stroke: var(--ours); stroke-width: 3; stroke-opacity: 0.35; stroke-linecap: round }
.ours { fill: var(--ours); stroke: var(--back); stroke-width: 1.5 }
.peer { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round }
"""
# Client -> the outline of its mark around (0, 0), and its colour.
MARKS = {
    "requests": ("M-4.5 -4.5h9v9h-9z", "a"),
    "httpx": ("M0 -5.5l5.2 9h-10.4z", "b"),
    "http.client": ("M0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z", "c"),
    "pycurl": ("M-4.2 -4.2l8.4 8.4M-4.2 4.2l8.4 -8.4", "d"),
    "socket": ("M-4 -5.5l5.5 5.5l-5.5 5.5", "e"),
}
OURS = '<circle class="ours" r="6.5"/>'
NAMES = {"ours": "this project", "socket": "bare socket loop"}

Results = dict[str, dict[str, dict[str, float]]]


def draw(results: Results) -> str:
    """``{scenario: {client: {"ratio": times less than the baseline, ...}}}`` as a chart."""
    axis = Axis(results)
    bands: list[str] = []
    rows: list[str] = []
    top = TOP
    for group, scenarios in GROUPS.items():
        names = [name for name in scenarios if name in results]
        if names:
            rows.append(f'<text class="group" x="16" y="{top + 26}">{escape(group)}</text>')
            top += HEADING
        for number, name in enumerate(names):
            if number % 2 == 0:
                bands.append(band(top))
            rows.append(row(name, results[name], axis, top))
            top += ROW
    return "\n".join(
        [
            opening(top + 16),
            f"<style>{STYLE}</style>",
            f'<rect class="back" width="{WIDTH}" height="{top + 16}" rx="8"/>',
            f'<text class="title" x="16" y="32">{TITLE}</text>',
            f'<text class="soft" x="16" y="52">{SUBTITLE}</text>',
            legend(78),
            *bands,
            *axis.lines(top),
            *rows,
            "</svg>\n",
        ]
    )


def opening(height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label="{TITLE}">'
    )


class Axis:
    """Ratios to places: what is measured fits in, and so does 1."""

    def __init__(self, results: Results) -> None:
        ratios = [figures["ratio"] for row in results.values() for figures in row.values()]
        self.low = math.log(min([*ratios, 0.8]) / 1.1)
        self.high = math.log(max([*ratios, 1.25]) * 1.1)

    def place(self, ratio: float) -> float:
        share = (math.log(ratio) - self.low) / (self.high - self.low)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def lines(self, bottom: int) -> list[str]:
        ticks = [tick for tick in TICKS if self.low < math.log(tick) < self.high]
        return [
            f'<line class="{"base" if tick == 1 else "grid"}" x1="{self.place(tick)}" '
            f'x2="{self.place(tick)}" y1="{TOP}" y2="{bottom}"/>'
            f'<text class="soft" x="{self.place(tick)}" y="{TOP - 8}" text-anchor="middle">'
            f"{tick:g}</text>"
            for tick in ticks
        ]


def band(top: int) -> str:
    return f'<rect class="band" x="8" y="{top}" width="{WIDTH - 16}" height="{ROW}" rx="4"/>'


def row(name: str, clients: dict[str, dict[str, float]], axis: Axis, top: int) -> str:
    middle = top + ROW / 2
    parts = []
    parts.append(f'<text x="24" y="{middle + 4.5}">{escape(SCENARIOS[name].what)}</text>')
    for client, figures in clients.items():
        if client in MARKS:
            parts.append(mark(client, axis.place(figures["ratio"]), middle, figures))
    if "ours" in clients:
        figures = clients["ours"]
        place = axis.place(figures["ratio"])
        reach = f'x1="{axis.place(1)}" x2="{place}" y1="{middle}" y2="{middle}"'
        figure = f'x="{WIDTH - 20}" y="{middle + 4.5}" text-anchor="end"'
        parts.append(f'<line class="reach" {reach}/>')
        parts.append(mark("ours", place, middle, figures))
        parts.append(f'<text class="figure" {figure}>{times(figures["ratio"])}</text>')
    return "".join(parts)


def times(ratio: float) -> str:
    return (
        f"{ratio:.0f} \N{MULTIPLICATION SIGN}"
        if ratio >= 20
        else f"{ratio:.1f} \N{MULTIPLICATION SIGN}"
        if ratio >= 10
        else f"{ratio:.2f} \N{MULTIPLICATION SIGN}"
    )


def mark(client: str, x: float, y: float, figures: dict[str, float] | None = None) -> str:
    said = (
        f"<title>{NAMES.get(client, client)}: {times(figures['ratio'])}</title>" if figures else ""
    )
    if client == "ours":
        shape = OURS
    else:
        outline, colour = MARKS[client]
        shape = f'<path class="peer" style="stroke: var(--{colour})" d="{outline}"/>'
    return f'<g data-client="{client}" transform="translate({x} {y})">{said}{shape}</g>'


def legend(y: float) -> str:
    parts, x = [], 24.0
    for client in ("ours", *MARKS):
        name = NAMES.get(client, client)
        weight = ' class="figure"' if client == "ours" else ""
        parts.append(mark(client, x, y).replace("data-client", "data-legend"))
        parts.append(f'<text{weight} x="{x + 12}" y="{y + 4.5}">{escape(name)}</text>')
        x += 44 + 7.2 * len(name)
    return "".join(parts)
